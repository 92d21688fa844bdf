"""jsonb: a str in canonical form, and the tree of Python values behind it.

Canonical: keys without duplicates (the last one wins), ordered by length in bytes and then by bytes; numbers as
numeric prints them; one blank after colon and comma. In a tree an object is a dict in that key order, a number is an
int or a Decimal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Final, TypeAlias

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import Encoder, TypeIO, bad_length, decode_utf8
from datacave_core.types.json import too_deep
from datacave_core.types.json_check import JsonChecker
from datacave_core.types.numeric import format_numeric, parse_numeric
from datacave_core.types.settings import FormatSettings

JsonTree: TypeAlias = Any
"""None, bool, int, Decimal, str, list of trees, or dict of str to tree."""

_VERSION: Final = b"\x01"
_DIGITS_MAX: Final = 4000


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _byte_length(key: str) -> int:
    return len(key.encode())


def jsonb_object(pairs: Iterable[tuple[str, JsonTree]]) -> dict[str, JsonTree]:
    """An object in canonical key order; of equal keys the last one wins."""
    found = dict(pairs)
    if len(found) < 2:
        return found
    keys = sorted(found)  # code points order as their UTF-8 bytes do
    keys.sort(key=len if "".join(keys).isascii() else _byte_length)
    return {key: found[key] for key in keys}


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < _DIGITS_MAX else parse_numeric(digits)


_READER: Final = json.JSONDecoder(
    object_pairs_hook=jsonb_object, parse_constant=_refuse, parse_int=_integer, parse_float=parse_numeric
)
_WRITER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False)
_STORED: Final = json.JSONDecoder(parse_float=Decimal, parse_int=_integer)


def parse_jsonb(text: str) -> JsonTree:
    """The tree of any JSON text; raises 22P02, or 22P05 for what text cannot hold."""
    if "\\u" in text:
        JsonChecker(text, unescape=True).check()
    try:
        return _READER.decode(text)
    except ValueError:
        JsonChecker(text, unescape=True).check()
        raise too_deep() from None
    except RecursionError:
        JsonChecker(text, unescape=True).check()
        raise too_deep() from None


def jsonb_tree(value: str) -> JsonTree:
    """The tree of a canonical text, without checking it again."""
    return _STORED.decode(value)


def format_jsonb(tree: JsonTree) -> str:
    """The canonical text of a tree whose objects are in canonical key order."""
    try:
        return _WRITER.encode(tree)
    except TypeError:  # a Decimal is inside
        parts: list[str] = []
        _write(tree, parts)
        return "".join(parts)


def _write(tree: JsonTree, parts: list[str]) -> None:
    if isinstance(tree, dict):
        parts.append("{")
        separator = ""
        for key, value in tree.items():
            parts.append(f"{separator}{encode_basestring(key)}: ")
            _write(value, parts)
            separator = ", "
        parts.append("}")
    elif isinstance(tree, list):
        parts.append("[")
        separator = ""
        for value in tree:
            parts.append(separator)
            _write(value, parts)
            separator = ", "
        parts.append("]")
    elif isinstance(tree, Decimal):
        parts.append(format_numeric(tree))
    else:
        parts.append(_WRITER.encode(tree))


def canonical_jsonb(text: str) -> str:
    """What jsonb's input function makes of a text."""
    return format_jsonb(parse_jsonb(text))


def jsonb_key(value: str) -> object:
    """jsonb's order: null < string < number < boolean < array < object; more members are greater.

    A scalar at the top counts as an array of one member that is less than every real one of that size.
    """
    tree = jsonb_tree(value)
    if isinstance(tree, dict | list):
        return _tree_key(tree)
    return (4, 1, 0, (_tree_key(tree),))


def _tree_key(tree: JsonTree) -> tuple[object, ...]:
    if tree is None:
        return (0,)
    if isinstance(tree, str):
        return (1, tree)
    if isinstance(tree, bool):
        return (3, tree)
    if isinstance(tree, list):
        return (4, len(tree), 1, tuple([_tree_key(element) for element in tree]))
    if isinstance(tree, dict):
        return (5, len(tree), tuple([(key, _tree_key(member)) for key, member in tree.items()]))
    return (2, tree)


def _input(text: str, typmod: int, settings: FormatSettings) -> str:
    return canonical_jsonb(text)


def _output(value: str, settings: FormatSettings) -> str:
    return value


def _receive(data: bytes) -> str:
    if not data:
        raise bad_length(data, 1)
    if data[:1] != _VERSION:
        raise DatacaveError(f"unsupported jsonb version number {data[0]}", sqlstate=sqlstate.INTERNAL_ERROR)
    return canonical_jsonb(decode_utf8(data[1:]))


def _send(value: str) -> bytes:
    return _VERSION + value.encode()


def _encoder(settings: FormatSettings) -> Encoder:
    return str.encode


JSONB_IO: Final = TypeIO(_input, _output, _receive, _send, comparison_key=jsonb_key, text_encoder=_encoder)
