"""Input and output of user-defined types: enumerations, row types, and arrays of them.

An enumeration's value is its label; labels order by their place in the definition. A row's value is a tuple.
The binary form of a row is that of PostgreSQL's record_send; of an enumeration, its label.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from struct import Struct
from typing import Any, Protocol

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import FormatSettings
from datacave_core.types.array import array_io
from datacave_core.types.codec import GREATEST, TypeIO, bad_length, decode_utf8
from datacave_core.values import Value

_COUNT = Struct("!i")
_FIELD = Struct("!Ii")
_NEEDS_QUOTES = re.compile(r'[",()\\ \t\n\r\v\f]')


class _Lookup(Protocol):
    def io(self, oid: int) -> TypeIO: ...


def enum_io(name: str, labels: Sequence[str]) -> TypeIO:
    """Labels in and out; the order is that of the definition."""
    places = {label: place for place, label in enumerate(labels)}

    def read(text: str, typmod: int = -1, settings: FormatSettings | None = None) -> str:
        if text in places:
            return text
        raise DatacaveError(
            f'invalid input value for enum {name}: "{text}"', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION
        )

    def write(value: str, settings: FormatSettings) -> str:
        return value

    return TypeIO(
        input=read,
        output=write,
        receive=lambda data: read(decode_utf8(data)),
        send=str.encode,
        comparison_key=lambda value: places[value],
    )


def _malformed(text: str, detail: str) -> DatacaveError:
    return DatacaveError(
        f'malformed record literal: "{text}"', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION, detail=detail
    )


def split_record(text: str, count: int) -> list[str | None]:
    """The texts of the fields of `(a,"b c",)`; None for those that are empty. Raises 22P02."""
    at, end = 0, len(text)
    while at < end and text[at].isspace():
        at += 1
    if at >= end or text[at] != "(":
        raise _malformed(text, "Missing left parenthesis.")
    at += 1
    fields: list[str | None] = []
    if count == 0 and text[at : at + 1] == ")":
        at += 1
        closed = True
    else:
        closed = False
    while not closed:
        part: list[str] = []
        quoted = inside = False
        while True:
            if at >= end:
                raise _malformed(text, "Unexpected end of input.")
            character = text[at]
            if not inside and character in ",)":
                break
            at += 1
            if character == "\\":
                if at >= end:
                    raise _malformed(text, "Unexpected end of input.")
                part.append(text[at])
                quoted = True
                at += 1
            elif character == '"':
                if inside and text[at : at + 1] == '"':
                    part.append('"')
                    at += 1
                else:
                    inside = not inside
                    quoted = True
            else:
                part.append(character)
        fields.append("".join(part) if part or quoted else None)
        closed = text[at] == ")"
        at += 1
        if len(fields) > count or (not closed and len(fields) == count):
            raise _malformed(text, "Too many columns.")
    if len(fields) < count:
        raise _malformed(text, "Too few columns.")
    if text[at:].strip():
        raise _malformed(text, "Junk after right parenthesis.")
    return fields


def join_record(texts: Sequence[str | None]) -> str:
    """`(a,"b c",)` of the texts of the fields."""
    parts = []
    for text in texts:
        if text is None:
            parts.append("")
        elif not text or _NEEDS_QUOTES.search(text):
            parts.append('"' + text.replace("\\", "\\\\").replace('"', '""') + '"')
        else:
            parts.append(text)
    return f"({','.join(parts)})"


def composite_io(fields: Sequence[tuple[int, int]], lookup: _Lookup) -> TypeIO:
    """Rows in and out; `fields` are (type oid, typmod)."""
    ios = [lookup.io(oid) for oid, _ in fields]

    def read(text: str, typmod: int, settings: FormatSettings) -> tuple[Any, ...]:
        texts = split_record(text, len(fields))
        return tuple(
            [
                None if part is None else io.input(part, modifier, settings)
                for part, io, (_, modifier) in zip(texts, ios, fields, strict=True)
            ]
        )

    def write(value: tuple[Any, ...], settings: FormatSettings) -> str:
        return join_record(
            [None if item is None else io.output(item, settings) for item, io in zip(value, ios, strict=True)]
        )

    def receive(data: bytes) -> tuple[Any, ...]:
        return _receive(data, fields, ios)

    def send(value: tuple[Any, ...]) -> bytes:
        parts = [_COUNT.pack(len(fields))]
        for item, io, (oid, _) in zip(value, ios, fields, strict=True):
            if item is None:
                parts.append(_FIELD.pack(oid, -1))
            else:
                data = io.send(item)
                parts += [_FIELD.pack(oid, len(data)), data]
        return b"".join(parts)

    keys = [io.comparison_key for io in ios]

    def key(value: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            [
                GREATEST if item is None else item if of_item is None else of_item(item)
                for item, of_item in zip(value, keys, strict=True)
            ]
        )

    return TypeIO(
        input=read,
        output=write,
        receive=receive,
        send=send,
        comparison_key=key,
        comparable=all(io.comparable for io in ios),
    )


def _receive(data: bytes, fields: Sequence[tuple[int, int]], ios: Sequence[TypeIO]) -> tuple[Any, ...]:
    if len(data) < 4:
        raise bad_length(data, 4)
    (count,) = _COUNT.unpack_from(data)
    if count != len(fields):
        raise DatacaveError(
            f"wrong number of columns: {count}, expected {len(fields)}", sqlstate=sqlstate.DATATYPE_MISMATCH
        )
    at = 4
    values: list[Value] = []
    for io, (oid, _) in zip(ios, fields, strict=True):
        if len(data) < at + 8:
            raise bad_length(data, at + 8)
        found, length = _FIELD.unpack_from(data, at)
        if found != oid:
            raise DatacaveError(
                f"binary data has type {found} instead of expected {oid} in record column {len(values) + 1}",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
            )
        at += 8
        if length == -1:
            values.append(None)
            continue
        if length < 0 or len(data) < at + length:
            raise bad_length(data, at + max(length, 0))
        values.append(io.receive(data[at : at + length]))
        at += length
    return tuple(values)


def array_of(element: TypeIO, element_oid: int) -> TypeIO:
    """Arrays of a user-defined type."""
    return array_io(element, element_oid, ",")
