"""tsvector: a sorted set of lexemes with their places in a document; kept as its text, 'a':1 'b':2A,3."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from struct import error as struct_error
from typing import Any, Final, NamedTuple

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import TypeIO, bad_length
from datacave_core.types.settings import FormatSettings

POSITION_MAX: Final = 16383
POSITIONS_MAX: Final = 255
LEXEME_BYTES_MAX: Final = 2046
WEIGHTS: Final = "DCBA"
"""Letters of weights 0 to 3."""
PARSED_MAX: Final = 4096

_COUNT: Final = Struct("!i")
_SHORT: Final = Struct("!H")


class Position(NamedTuple):
    """A place in the document, from 1, and the weight (0 is D, 3 is A) of what stands there."""

    place: int
    weight: int = 0


Lexemes = tuple[tuple[str, tuple[Position, ...]], ...]
"""Lexemes in the order of their bytes, each with its places in order; stripped ones have none."""


def _syntax(text: str) -> DatacaveError:
    return DatacaveError(f'syntax error in tsvector: "{text}"', sqlstate=sqlstate.SYNTAX_ERROR)


def read_word(text: str, at: int, stops: str, failure: DatacaveError) -> tuple[str, int]:
    """A word of a tsvector or tsquery from `at` on, quoted or up to a blank or one of `stops`, and where it ends."""
    letters: list[str] = []
    size = len(text)
    if text[at] == "'":
        at += 1
        while True:
            if at >= size:
                raise failure
            letter = text[at]
            if letter == "'":
                if text[at + 1 : at + 2] != "'":
                    return "".join(letters), at + 1
                at += 1
            elif letter == "\\":
                at += 1
                if at >= size:
                    raise failure
                letter = text[at]
            letters.append(letter)
            at += 1
    while at < size and not text[at].isspace() and text[at] not in stops:
        letter = text[at]
        if letter == "\\":
            at += 1
            if at >= size:
                raise DatacaveError(f'there is no escaped character: "{text}"', sqlstate=sqlstate.SYNTAX_ERROR)
            letter = text[at]
        letters.append(letter)
        at += 1
    return "".join(letters), at


def check_lexeme(word: str) -> str:
    """The word. Raises 54000 for one that is too long."""
    if len(word.encode()) > LEXEME_BYTES_MAX:
        raise DatacaveError(
            f"word is too long ({len(word.encode())} bytes, max {LEXEME_BYTES_MAX} bytes)",
            sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED,
        )
    return word


def made(words: dict[str, list[Position]]) -> Lexemes:
    """The lexemes in order, their places sorted, each place once with its greatest weight."""
    found = []
    for word in sorted(words, key=str.encode):
        best: dict[int, int] = {}
        for place, weight in words[word]:
            place = min(place, POSITION_MAX)
            best[place] = max(best.get(place, 0), weight)
        places = tuple(Position(place, best[place]) for place in sorted(best)[:POSITIONS_MAX])
        found.append((check_lexeme(word), places))
    return tuple(found)


def format_lexemes(lexemes: Lexemes) -> str:
    """The text of a tsvector."""
    parts = []
    for word, places in lexemes:
        text = "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
        if places:
            text += ":" + ",".join(f"{place}{WEIGHTS[weight] if weight else ''}" for place, weight in places)
        parts.append(text)
    return " ".join(parts)


def _parse(text: str) -> Lexemes:
    words: dict[str, list[Position]] = {}
    at, size = 0, len(text)
    while True:
        while at < size and text[at].isspace():
            at += 1
        if at >= size:
            return made(words)
        word, at = read_word(text, at, ":", _syntax(text))
        if not word:
            raise _syntax(text)
        places = words.setdefault(word, [])
        if at < size and text[at] == ":":
            at = _read_places(text, at + 1, places)


def _read_places(text: str, at: int, places: list[Position]) -> int:
    size = len(text)
    while True:
        start = at
        while at < size and text[at] in "0123456789":
            at += 1
        if at == start:
            raise _syntax(text)
        place = int(text[start:at])
        if not place:
            raise DatacaveError(f'wrong position info in tsvector: "{text}"', sqlstate=sqlstate.SYNTAX_ERROR)
        # As PostgreSQL reads them: after D another weight may come, and digits behind a weight mean nothing.
        weight = 0
        while at < size and text[at].upper() in WEIGHTS + "*0123456789":
            letter = text[at].upper()
            if not letter.isdigit():
                if weight:
                    raise _syntax(text)
                weight = 3 if letter == "*" else WEIGHTS.index(letter)
            at += 1
        places.append(Position(place, weight))
        if at < size and text[at] == ",":
            at += 1
            continue
        if at < size and not text[at].isspace():
            raise _syntax(text)
        return at


@lru_cache(PARSED_MAX)
def lexemes_of(value: str) -> Lexemes:
    """The lexemes of a tsvector value."""
    return _parse(value)


def _input(text: str, typmod: int, settings: FormatSettings) -> str:
    return format_lexemes(_parse(text))


def _output(value: str, settings: FormatSettings) -> str:
    return value


def _send(value: str) -> bytes:
    lexemes = lexemes_of(value)
    parts = [_COUNT.pack(len(lexemes))]
    for word, places in lexemes:
        parts.append(word.encode() + b"\0" + _SHORT.pack(len(places)))
        parts += [_SHORT.pack(weight << 14 | place) for place, weight in places]
    return b"".join(parts)


def _receive(data: bytes) -> str:
    words: dict[str, list[Position]] = {}
    try:
        (count,) = _COUNT.unpack_from(data)
        if count < 0:
            raise ValueError
        at = 4
        for _ in range(count):
            end = data.find(b"\0", at)
            if end < 0:
                raise IndexError
            word = data[at:end].decode()
            (places,) = _SHORT.unpack_from(data, end + 1)
            at = end + 3
            numbers = [_SHORT.unpack_from(data, at + 2 * number)[0] for number in range(places)]
            at += 2 * places
            words[word] = [Position(number & POSITION_MAX, number >> 14) for number in numbers]
    except (IndexError, struct_error):
        raise bad_length(data, len(data) + 1) from None
    except ValueError:
        raise DatacaveError("invalid tsvector", sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION) from None
    if at != len(data):
        raise bad_length(data, at)
    return format_lexemes(made(words))


def _key(value: str) -> Any:
    lexemes = lexemes_of(value)
    size = sum(len(word.encode()) + 2 * len(places) for word, places in lexemes)
    return size, len(lexemes), tuple((word.encode(), places) for word, places in lexemes)


TSVECTOR_IO: Final = TypeIO(_input, _output, _receive, _send, comparison_key=_key)
