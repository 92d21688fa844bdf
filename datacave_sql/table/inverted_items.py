"""Inverted items: what a gin index keeps of an array, a document, pairs or a text, and what conditions look for.

    array           01 and the bytes of an element, 02 for NULL, 00 for the empty array
    jsonb           K and a key or a string in an array; V and any other string; N and a number; T, F, 0
    jsonb, by path  a digest of the keys that lead to a scalar, and the scalar
    tsvector        a lexeme and 00; of a long one what it begins with
    hstore          K and a key; P, the key and its value, or P, the key, N for NULL
    text, trigrams  three letters
    single value    01 and its bytes

Long items of the others are kept as digests: every row that is found is compared again. A condition looks for
`Wanted`: rows that have all of some items, or any of them; None where the items cannot tell, so that every row has to
be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

from datacave_core.keycode import SCALAR_ENCODERS, KeyKind, ValueEncoder
from datacave_core.types import oids
from datacave_core.types.hstore import hstore_pairs
from datacave_core.types.jsonb import JsonTree, jsonb_tree
from datacave_core.types.tsquery import Not, Operand, Query, query_of
from datacave_core.types.tsvector import lexemes_of
from datacave_core.values import Array
from datacave_sql.functions.trigrams import of_pattern, trigrams
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.table.key_columns import value_encoder

ITEM_BYTES_MAX = 120
PATH_OPERATORS = "jsonb_path_ops"
TRIGRAM_CLASSES = frozenset({"gin_trgm_ops", "gist_trgm_ops"})

_EMPTY_ARRAY, _NULL_ELEMENT, _ELEMENT, _DIGEST = b"\0", b"\2", b"\1", b"\xfe"
_text = SCALAR_ENCODERS[KeyKind.TEXT]
_numeric = SCALAR_ENCODERS[KeyKind.NUMERIC]


class Wanted(NamedTuple):
    """Items that a row must have: all of them, or one."""

    items: frozenset[bytes]
    every: bool


Search = Callable[[Any], Wanted | None]
"""From the other side of a condition (not NULL) to what it looks for."""


class InvertedItems(NamedTuple):
    """The items of the values of one key, and how each operator of its class looks for them."""

    of: Callable[[Any], set[bytes]]
    searches: Mapping[str, Search]


def inverted_items(types: TypeLookup, type_oid: int, operator_class: str = "") -> InvertedItems | None:
    """What a gin index does with a type; None for types that cannot be indexed so."""
    base = types.base(type_oid)
    if operator_class in TRIGRAM_CLASSES:
        return _TRIGRAMS
    if types.reads(base) == "hstore":
        return _HSTORE
    if base == oids.TSVECTOR:
        return _TSVECTOR
    if base == oids.JSONB:
        return _JSONB_PATHS if operator_class == PATH_OPERATORS else _JSONB
    element = types.element(base)
    if element and types.type(base).is_array:
        encoder = value_encoder(types, element)
        return None if encoder is None else _array_items(encoder)
    encoder = value_encoder(types, base)
    return None if encoder is None else _value_items(encoder)


def keeps_items(types: TypeLookup, method: str, type_oids: Iterable[int], operator_classes: Iterable[str] = ()) -> bool:
    """Whether an index keeps the items of its keys: with gin, and with gist on documents, pairs and trigrams."""
    if method != "gist":
        return method == "gin"
    bases = [types.base(one) for one in type_oids]
    kept = any(base == oids.TSVECTOR or types.reads(base) == "hstore" for base in bases)
    return kept or not TRIGRAM_CLASSES.isdisjoint(operator_classes)


def _short(item: bytes) -> bytes:
    return item if len(item) <= ITEM_BYTES_MAX else _DIGEST + blake2b(item, digest_size=16).digest()


def _array_items(encode: ValueEncoder) -> InvertedItems:
    def items(value: Array) -> set[bytes]:
        if not value.elements:
            return {_EMPTY_ARRAY}
        return {_NULL_ELEMENT if one is None else _short(_ELEMENT + encode(one)) for one in value.elements}

    def contains(value: Array) -> Wanted | None:
        return Wanted(frozenset(items(value)), True) if value.elements else None

    def overlaps(value: Array) -> Wanted | None:
        return Wanted(frozenset(items(value) - {_EMPTY_ARRAY, _NULL_ELEMENT}), False)

    def within(value: Array) -> Wanted | None:
        return Wanted(frozenset((items(value) | {_EMPTY_ARRAY}) - {_NULL_ELEMENT}), False)

    def equals(value: Array) -> Wanted | None:
        return Wanted(frozenset(items(value)), True)

    return InvertedItems(items, {"@>": contains, "&&": overlaps, "<@": within, "=": equals})


def _value_items(encode: ValueEncoder) -> InvertedItems:
    """Of a single value (btree_gin) itself is the only item."""

    def items(value: Any) -> set[bytes]:
        return {_short(_ELEMENT + encode(value))}

    return InvertedItems(items, {"=": lambda value: Wanted(frozenset(items(value)), True)})


def _scalar(tree: JsonTree) -> bytes:
    if tree is None:
        return b"0"
    if isinstance(tree, bool):
        return b"T" if tree else b"F"
    return b"V" + _text(tree) if isinstance(tree, str) else b"N" + _numeric(Decimal(tree))


def _key(word: str) -> bytes:
    return _short(b"K" + _text(word))


def _jsonb_items(value: str) -> set[bytes]:
    tree = jsonb_tree(value)
    return set(_walk(tree if isinstance(tree, dict | list) else [tree]))


def _walk(tree: JsonTree) -> Iterator[bytes]:
    if isinstance(tree, dict):
        for word, member in tree.items():
            yield _key(word)
            yield from _walk(member) if isinstance(member, dict | list) else (_short(_scalar(member)),)
    else:
        for member in tree:
            if isinstance(member, str):
                yield _key(member)
            else:
                yield from _walk(member) if isinstance(member, dict | list) else (_short(_scalar(member)),)


def _jsonb_paths(value: str) -> set[bytes]:
    return set(_leaves(jsonb_tree(value), b""))


def _leaves(tree: JsonTree, path: bytes) -> Iterator[bytes]:
    if isinstance(tree, dict):
        for word, member in tree.items():
            yield from _leaves(member, path + _text(word))
    elif isinstance(tree, list):
        for member in tree:
            yield from _leaves(member, path)
    else:
        yield blake2b(path + _scalar(tree), digest_size=8).digest()


def _containing(items: Callable[[str], set[bytes]], value: str) -> Wanted | None:
    found = items(value)
    return Wanted(frozenset(found), True) if found else None


def _with_key(word: str) -> Wanted | None:
    return Wanted(frozenset((_key(word),)), True)


def _with_keys(every: bool, words: Array) -> Wanted | None:
    found = frozenset(_key(word) for word in words.elements if word is not None)
    return None if every and not found else Wanted(found, every)


_JSONB = InvertedItems(
    _jsonb_items,
    {
        "@>": partial(_containing, _jsonb_items),
        "?": _with_key,
        "?|": partial(_with_keys, False),
        "?&": partial(_with_keys, True),
    },
)
_JSONB_PATHS = InvertedItems(_jsonb_paths, {"@>": partial(_containing, _jsonb_paths)})


def _lexeme(word: str) -> bytes:
    encoded = word.encode() + b"\0"
    return encoded if len(encoded) <= ITEM_BYTES_MAX else encoded[:ITEM_BYTES_MAX]


def _lexemes(value: str) -> set[bytes]:
    return {_lexeme(word) for word, _ in lexemes_of(value)}


def _matching(value: str) -> Wanted | None:
    query = query_of(value)
    return Wanted(frozenset(), False) if query is None else _lexemes_wanted(query)


def _lexemes_wanted(query: Query) -> Wanted | None:
    if isinstance(query, Operand):
        # Entries are looked for by what they begin with.
        start = query.word.encode()[:ITEM_BYTES_MAX] if query.prefix else _lexeme(query.word)
        return Wanted(frozenset((start,)), True)
    if isinstance(query, Not):
        return None
    left, right = _lexemes_wanted(query.left), _lexemes_wanted(query.right)
    if query.operator == "|":
        if left is None or right is None:
            return None
        return Wanted(_alternatives(left) | _alternatives(right), False)
    if left is None or right is None:
        return left or right
    if left.every and right.every:
        return Wanted(left.items | right.items, True)
    return left if left.every else right


def _alternatives(wanted: Wanted) -> frozenset[bytes]:
    """Items of which rows have at least one; of those that they must all have, the longest may be the rarest."""
    if not wanted.every:
        return wanted.items
    return frozenset((max(wanted.items, key=lambda item: (len(item), item)),))


_TSVECTOR = InvertedItems(_lexemes, {"@@": _matching})


def _pair(key: str, value: str | None) -> bytes:
    return _short(b"P" + _text(key) + (b"N" if value is None else b"V" + _text(value)))


def _hstore_items(value: str) -> set[bytes]:
    return {item for key, one in hstore_pairs(value).items() for item in (_key(key), _pair(key, one))}


def _with_pairs(value: str) -> Wanted | None:
    found = frozenset(_pair(key, one) for key, one in hstore_pairs(value).items())
    return Wanted(found, True) if found else None


_HSTORE = InvertedItems(
    _hstore_items,
    {
        "@>": _with_pairs,
        "?": _with_key,
        "?|": partial(_with_keys, False),
        "?&": partial(_with_keys, True),
    },
)


def _letters(pieces: frozenset[str]) -> frozenset[bytes]:
    return frozenset(piece.encode() for piece in pieces)


def _like(pattern: str) -> Wanted | None:
    found = of_pattern(pattern)
    return Wanted(_letters(found), True) if found else None


def _alike(text: str) -> Wanted | None:
    """Texts that are alike to some degree share a trigram."""
    return Wanted(_letters(trigrams(text)), False)


def _same(text: str) -> Wanted | None:
    found = trigrams(text)
    return Wanted(_letters(found), True) if found else None


_TRIGRAMS = InvertedItems(
    lambda value: set(_letters(trigrams(value))),
    {"~~": _like, "~~*": _like, "%": _alike, "%>": _alike, "%>>": _alike, "=": _same},
)
