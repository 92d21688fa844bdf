"""Trigrams: the pieces of three letters that words are made of, and how alike texts are by them.

A word is a run of letters and digits in lower case; two blanks stand before it and one behind it. Source: the
documentation of pg_trgm (https://www.postgresql.org/docs/15/pgtrgm.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

REMEMBERED_MAX: Final = 4096

_WORD: Final = re.compile(r"[^\W_]+")
_POLYNOMIAL: Final = 0xEDB88320


@lru_cache(REMEMBERED_MAX)
def trigrams(text: str) -> frozenset[str]:
    """The trigrams of all words of a text."""
    return frozenset(piece for word in words(text) for piece in pieces(f"  {word} "))


def words(text: str) -> list[str]:
    """The words of a text."""
    return _WORD.findall(text.lower())


def pieces(text: str) -> Iterator[str]:
    """Every three letters that stand side by side."""
    return (text[place : place + 3] for place in range(len(text) - 2))


def similarity(a: str, b: str) -> float:
    """Which part of the trigrams of both texts they share, from 0 to 1."""
    left, right = trigrams(a), trigrams(b)
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared) if shared else 0.0


class _Piece(NamedTuple):
    """A trigram at its place in a text, and whether it begins or ends a word."""

    text: str
    begins: bool
    ends: bool


def _placed(text: str) -> list[_Piece]:
    found: list[_Piece] = []
    for word in words(text):
        own = list(pieces(f"  {word} "))
        last = len(own) - 1
        found += [_Piece(one, place == 0, place == last) for place, one in enumerate(own)]
    return found


def word_similarity(a: str, b: str, whole_words: bool = False) -> float:
    """The greatest similarity between the trigrams of `a` and those of a stretch of `b`.

    With `whole_words` the stretch begins and ends with a word. The stretch grows to the right; at each place where it
    may end, its beginning moves to where it is most alike.
    """
    wanted = trigrams(a)
    placed = _placed(b)
    last_seen: dict[str, int] = {}
    first = 0 if whole_words else -1
    distinct = shared = 0
    greatest = 0.0
    for place, piece in enumerate(placed):
        if first >= 0 or piece.text in wanted:
            if piece.text not in last_seen:
                distinct += 1
                shared += piece.text in wanted
            last_seen[piece.text] = place
        if not (piece.ends if whole_words else piece.text in wanted):
            continue
        if first < 0:
            first, distinct = place, 1
        before = first
        best, first, shared, distinct = _best_beginning(
            placed, wanted, last_seen, (first, place), (shared, distinct), whole_words
        )
        greatest = max(greatest, best)
        for gone in range(before, first):
            if last_seen.get(placed[gone].text) == gone:
                del last_seen[placed[gone].text]
    return greatest


def _best_beginning(
    placed: Sequence[_Piece],
    wanted: frozenset[str],
    last_seen: dict[str, int],
    stretch: tuple[int, int],
    counts: tuple[int, int],
    whole_words: bool,
) -> tuple[float, int, int, int]:
    """(similarity, beginning, shared, distinct) of the best beginning of a stretch that ends where it ends."""
    shared, distinct = counts
    best = _share(shared, len(wanted), distinct)
    chosen = (stretch[0], shared, distinct)
    for place in range(stretch[0], stretch[1] + 1):
        piece = placed[place]
        if not whole_words or piece.begins:
            alike = _share(shared, len(wanted), distinct)
            if alike > best:
                best, chosen = alike, (place, shared, distinct)
        if last_seen.get(piece.text) == place:
            distinct -= 1
            shared -= piece.text in wanted
    return best, *chosen


def _share(shared: int, left: int, right: int) -> float:
    union = left + right - shared
    return shared / union if union else 0.0


def shown(piece: str) -> str:
    """A trigram as show_trgm prints it: one beyond ASCII as the digest that PostgreSQL keeps."""
    return piece if piece.isascii() else f"0x{digest(piece).hex()}"


def order(piece: str) -> tuple[int, ...]:
    """What trigrams are sorted by: their bytes, signed."""
    data = piece.encode() if piece.isascii() else digest(piece)
    return tuple(byte - 256 if byte > 127 else byte for byte in data)


def digest(piece: str) -> bytes:
    """Three bytes of a checksum over a trigram's UTF-8: reflected table, register shifted to the left."""
    register = 0xFFFFFFFF
    for byte in piece.encode():
        register = _entry((register >> 24 ^ byte) & 0xFF) ^ (register << 8 & 0xFFFFFFFF)
    return (register ^ 0xFFFFFFFF).to_bytes(4, "little")[:3]


@lru_cache(256)
def _entry(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (_POLYNOMIAL if index & 1 else 0)
    return index


def of_pattern(pattern: str) -> frozenset[str]:
    """The trigrams that every text has which is LIKE a pattern, regardless of case."""
    found: set[str] = set()
    run = ""
    known = True  # whether what stands before the run is known: the beginning, or what is no letter
    at = 0
    text = pattern.lower()
    while at < len(text):
        letter = text[at]
        wild = letter in "%_"
        if letter == "\\" and at + 1 < len(text):
            at += 1
            letter = text[at]
        at += 1
        if not wild and _WORD.fullmatch(letter):
            run += letter
            continue
        found.update(_of_run(run, known, not wild))
        run, known = "", not wild
    found.update(_of_run(run, known, True))
    return frozenset(found)


def _of_run(run: str, begins: bool, ends: bool) -> Iterator[str]:
    return pieces(("  " if begins else "") + run + (" " if ends else "")) if run else iter(())
