"""Tokens: a document as PostgreSQL's default parser takes it apart: words, numbers, hosts, mail addresses, tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LETTER = r"[^\W\d_]"
_WORD = rf"{_LETTER}+"
_MIXED = r"[^\W_]+"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9](?::\d+)?"
_PATTERN = re.compile(
    rf"""
    (?P<tag><(?:/?[A-Za-z][^<>]*|!--.*?--|[!?][^<>]*)>)
    |(?P<entity>&(?:\#\d+|\#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);)
    |(?P<protocol>[A-Za-z][A-Za-z0-9]*://)
    |(?P<email>[A-Za-z0-9_][\w.+-]*@{_HOST})
    |(?P<url>{_HOST}/[^\s<>"']*)
    |(?P<host>{_HOST}(?![\w-]))
    |(?P<file>(?:/[\w.~-]+)+/?|{_MIXED}(?:/[\w.~-]+)+)
    |(?P<version>\d+\.\d+(?:\.\d+)+)
    |(?P<sfloat>[-+]?\d+(?:\.\d+)?[eE][-+]?\d+(?![^\W_]))
    |(?P<float>[-+]?\d+\.\d+(?![^\W_]))
    |(?P<int>[-+]\d+(?![^\W_]))
    |(?P<hyphened>{_MIXED}(?:-(?=[^\W_]*{_LETTER}){_MIXED})+)
    |(?P<uint>\d+(?![^\W_]))
    |(?P<word>{_WORD}(?![^\W_]))
    |(?P<numword>{_MIXED})
    |(?P<blank>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_LAST_LETTER = re.compile(_LETTER)

UNINDEXED = frozenset({"blank", "tag", "protocol", "entity"})
"""Kinds that no configuration has a dictionary for."""


class Token(NamedTuple):
    """A piece of the document; compounds come whole and then in parts, `part` tells the latter."""

    kind: str
    text: str
    part: bool = False


def tokens(text: str) -> Iterator[Token]:
    """The document, piece by piece; what is no compound adds up to all of it."""
    for found in _PATTERN.finditer(text):
        kind, piece = found.lastgroup or "blank", found[0]
        if kind == "hyphened":
            yield from _compound(piece)
        elif kind == "url":
            host, _, path = piece.partition("/")
            yield Token("url", piece)
            yield Token("host", host, True)
            yield Token("url_path", "/" + path, True)
        elif kind == "word":
            yield Token("asciiword" if piece.isascii() else "word", piece)
        else:
            yield Token(kind, piece)


def _compound(piece: str) -> Iterator[Token]:
    parts = piece.split("-")
    plain = all(part.isalpha() for part in parts)
    yield Token("numhword" if not plain else "asciihword" if piece.isascii() else "hword", piece)
    for part in parts:
        if not part.isalpha():
            yield Token("uint" if part.isdigit() else "hword_numpart", part, True)
        else:
            yield Token("hword_asciipart" if part.isascii() else "hword_part", part, True)
