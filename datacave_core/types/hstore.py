"""hstore, the type of the extension of that name: a set of keys, each with a text or NULL; kept as its text.

The text is the canonical one, "a"=>"1", "bb"=>NULL: keys once each, shorter ones first, then by their bytes. Values
are therefore equal where their texts are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from struct import Struct
from struct import error as struct_error
from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import TypeIO, decode_utf8
from datacave_core.types.settings import FormatSettings

PARSED_MAX: Final = 4096
TEXT_BYTES_MAX: Final = 0x3FFFFFFF
_SPACES: Final = " \t\n\r\v\f"
_LENGTH: Final = Struct("!i")
_NEW_VERSION, _IS_FIRST, _IS_NULL = 0x80000000, 0x80000000, 0x40000000

Pairs = Mapping[str, str | None]


def hstore_text(pairs: Iterable[tuple[str, str | None]] | Pairs) -> str:
    """The value made of some pairs; of pairs with the same key the first one counts."""
    found: dict[str, str | None] = {}
    for key, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
        found.setdefault(key, value)
    items = sorted((len(data := key.encode()), data, key) for key in found)
    return ", ".join(f"{_quoted(key)}=>{_shown(found[key])}" for _, _, key in items)


def _shown(value: str | None) -> str:
    return "NULL" if value is None else _quoted(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(PARSED_MAX)
def hstore_pairs(value: str) -> dict[str, str | None]:
    """The pairs of a value, in their order; shared, not to be changed."""
    return dict(_Reader(value).pairs())


class _Reader:
    """Reads the text form: pairs between commas; words in quotes, or up to a blank, a key's =, a value's comma."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def pairs(self) -> list[tuple[str, str | None]]:
        """All pairs as they are written. Raises XX000, as PostgreSQL 15 does."""
        found: list[tuple[str, str | None]] = []
        self._skip()
        while self._at < len(self._text):
            key, _ = self._word("=")
            self._skip()
            self._expect("=")
            self._expect(">")
            self._skip()
            value, quoted = self._word(",")
            found.append((key, None if not quoted and value.lower() == "null" else value))
            self._skip()
            if self._at >= len(self._text):
                break
            self._expect(",")
            self._skip()
            if self._at >= len(self._text):
                break
        return found

    def _skip(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in _SPACES:
            self._at += 1

    def _expect(self, letter: str) -> None:
        if self._at >= len(self._text):
            raise _ended()
        if self._text[self._at] != letter:
            raise self._unexpected()
        self._at += 1

    def _word(self, stop: str) -> tuple[str, bool]:
        """A word and whether it was quoted; an unquoted one may begin with what ends it, but for the = of a key."""
        text = self._text
        if self._at >= len(text):
            raise _ended()
        if text[self._at] == '"':
            self._at += 1
            return self._quoted_word(), True
        if stop == "=" and text[self._at] == "=":
            raise self._unexpected()
        letters: list[str] = []
        while self._at < len(text):
            letter = text[self._at]
            if letter in _SPACES or (letter == stop and letters):
                break
            if letter == "\\":
                self._at += 1
                if self._at >= len(text):
                    raise _ended()
                letter = text[self._at]
            letters.append(letter)
            self._at += 1
        return "".join(letters), False

    def _quoted_word(self) -> str:
        text = self._text
        letters: list[str] = []
        while self._at < len(text):
            letter = text[self._at]
            self._at += 1
            if letter == '"':
                return "".join(letters)
            if letter == "\\":
                if self._at >= len(text):
                    break
                letter = text[self._at]
                self._at += 1
            letters.append(letter)
        raise _ended()

    def _unexpected(self) -> DatacaveError:
        place = len(self._text[: self._at].encode())
        return DatacaveError(
            f'Syntax error near "{self._text[self._at]}" at position {place}', sqlstate=sqlstate.INTERNAL_ERROR
        )


def _ended() -> DatacaveError:
    return DatacaveError("Unexpected end of string", sqlstate=sqlstate.INTERNAL_ERROR)


def check_part(text: str | None, what: str) -> None:
    """Raises 22001 for a key or value that is too long."""
    if text is not None and len(text) > TEXT_BYTES_MAX // 4 and len(text.encode()) > TEXT_BYTES_MAX:
        raise DatacaveError(f"string too long for hstore {what}", sqlstate=sqlstate.STRING_DATA_RIGHT_TRUNCATION)


def _input(text: str, typmod: int, settings: FormatSettings) -> str:
    return hstore_text(_Reader(text).pairs())


def _output(value: str, settings: FormatSettings) -> str:
    return value


def _receive(data: bytes) -> str:
    """A count, then for each pair the lengths (of a value -1 for NULL) and bytes of key and value."""
    pairs: list[tuple[str, str | None]] = []
    at = 4
    try:
        (count,) = _LENGTH.unpack_from(data, 0)
        if count < 0 or count > len(data) // 8 + 1:
            raise _bad_count(count)
        for _ in range(count):
            key, at = _part(data, at)
            if key is None:
                raise DatacaveError("null value not allowed for hstore key", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
            value, at = _part(data, at)
            pairs.append((key, value))
    except struct_error:
        raise DatacaveError("insufficient data left in message", sqlstate=sqlstate.PROTOCOL_VIOLATION) from None
    if at != len(data):
        raise DatacaveError("incorrect binary data format", sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION)
    return hstore_text(pairs)


def _bad_count(count: int) -> DatacaveError:
    return DatacaveError(
        f"number of pairs ({count}) exceeds the maximum allowed (134217727)", sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED
    )


def _part(data: bytes, at: int) -> tuple[str | None, int]:
    (length,) = _LENGTH.unpack_from(data, at)
    at += 4
    if length < 0:
        return None, at
    if at + length > len(data):
        raise DatacaveError("insufficient data left in message", sqlstate=sqlstate.PROTOCOL_VIOLATION)
    return decode_utf8(data[at : at + length]), at + length


def _send(value: str) -> bytes:
    pairs = hstore_pairs(value)
    parts = [_LENGTH.pack(len(pairs))]
    for key, one in pairs.items():
        data = key.encode()
        parts += (_LENGTH.pack(len(data)), data)
        if one is None:
            parts.append(_LENGTH.pack(-1))
        else:
            data = one.encode()
            parts += (_LENGTH.pack(len(data)), data)
    return b"".join(parts)


def hstore_key(value: str) -> tuple[Any, ...]:
    """The order of btree: an empty value first, then by all bytes of keys and values, then by where these end."""
    data = bytearray()
    ends: list[tuple[int, bool]] = []
    for key, one in hstore_pairs(value).items():
        data += key.encode()
        ends.append((len(data), False))
        if one is not None:
            data += one.encode()
        ends.append((len(data), one is None))
    return bool(ends), bytes(data), len(ends), tuple(ends)


def hstore_bytes(value: str) -> bytes:
    """The value as PostgreSQL keeps it in memory on a little-endian machine, which is what its hashes are of."""
    pairs = hstore_pairs(value)
    _, data, _, ends = hstore_key(value)
    words = [len(pairs) | _NEW_VERSION]
    words += [
        end | (_IS_NULL if null else 0) | (_IS_FIRST if place == 0 else 0) for place, (end, null) in enumerate(ends)
    ]
    return Struct(f"<{len(words)}I").pack(*words) + bytes(data)


HSTORE_IO: Final = TypeIO(_input, _output, _receive, _send, comparison_key=hstore_key)
