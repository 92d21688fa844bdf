"""Text in JSON: the strings, keys, numbers and truth values that are indexed, and strings put in place of others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError

_KINDS = ("string", "numeric", "boolean", "key")
_HINT = 'Possible values are: "string", "numeric", "boolean", "key", and "all".'


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _Members(list[tuple[str, Any]]):
    """The members of an object in their order."""

    __slots__ = ()


def document(text: str) -> Any:
    """A JSON text that is known to be one, with its members in order and its numbers as written."""
    return json.loads(text, object_pairs_hook=_Members, parse_int=_Number, parse_float=_Number, parse_constant=_Number)


def values(node: Any, kinds: frozenset[str]) -> Iterator[str]:
    """The texts of a document that are of these kinds, in order."""
    if isinstance(node, _Members):
        for key, value in node:
            if "key" in kinds:
                yield key
            yield from values(value, kinds)
    elif isinstance(node, list):
        for value in node:
            yield from values(value, kinds)
    elif isinstance(node, _Number):
        if "numeric" in kinds:
            yield str(node)
    elif isinstance(node, bool):
        if "boolean" in kinds:
            yield "true" if node else "false"
    elif isinstance(node, str) and "string" in kinds:
        yield node


def replaced(node: Any, change: Callable[[str], str]) -> str:
    """The document's text with every string value changed."""
    if isinstance(node, _Members):
        return "{" + ",".join(f"{_quoted(key)}:{replaced(value, change)}" for key, value in node) + "}"
    if isinstance(node, list):
        return "[" + ",".join(replaced(value, change) for value in node) + "]"
    if isinstance(node, _Number):
        return str(node)
    if isinstance(node, str):
        return _quoted(change(node))
    return json.dumps(node)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def wanted_kinds(text: str) -> frozenset[str]:
    """The kinds that the last argument of json_to_tsvector names. Raises 22023."""
    found = document(text)
    if isinstance(found, _Members):
        raise _bad("wrong flag type, only arrays and scalars are allowed", None)
    kinds: set[str] = set()
    for item in found if isinstance(found, list) else [found]:
        if not isinstance(item, str) or isinstance(item, _Number):
            raise _bad("flag array element is not a string", _HINT)
        word = item.lower()
        if word == "all":
            kinds.update(_KINDS)
        elif word in _KINDS:
            kinds.add(word)
        else:
            raise _bad(f'wrong flag in flag array: "{item}"', _HINT)
    return frozenset(kinds)


def _bad(message: str, hint: str | None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_PARAMETER_VALUE, hint=hint)
