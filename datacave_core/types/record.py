"""Row values: a tuple, `(1,"a b",)` as text, column types and lengths as binary.

A row type knows the TypeIO of its columns (`record_io`). A value of type record carries what its columns are in its
class (`record_class`). A bare tuple knows nothing, so its text form goes by the Python class of each member, which is
exact for bool, int, float, Decimal, str and bytes and refused for all else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from struct import Struct
from typing import Any, ClassVar, Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types.codec import GREATEST, TypeIO, bad_length
from datacave_core.types.floating import format_float8
from datacave_core.types.numeric import format_numeric
from datacave_core.types.settings import FormatSettings
from datacave_core.values import Array, Value

_COUNT: Final = Struct("!i")
_COLUMN: Final = Struct("!Ii")
_NEEDS_QUOTES: Final = re.compile(r'[()",\\ \t\n\r\v\f]|\A\Z')


def format_record(members: Sequence[str | None]) -> str:
    """The texts of the members between parentheses; NULL is nothing at all."""
    return "(" + ",".join(["" if text is None else _quoted(text) for text in members]) + ")"


def _quoted(text: str) -> str:
    if _NEEDS_QUOTES.search(text) is None:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'


def parse_record(text: str, count: int) -> list[str | None]:
    """The texts of the members; raises 22P02 `malformed record literal` with its detail."""
    at = len(text) - len(text.lstrip(" \t\n\r\v\f"))
    if text[at : at + 1] != "(":
        raise _malformed(text, "Missing left parenthesis.")
    at += 1
    members: list[str | None] = []
    for number in range(count):
        if number:
            if text[at : at + 1] != ",":
                raise _malformed(text, "Too few columns.")
            at += 1
        member, at = _member(text, at)
        members.append(member)
    if text[at : at + 1] == ",":
        raise _malformed(text, "Too many columns.")
    if text[at : at + 1] != ")":
        raise _malformed(text, "Too many columns." if count == 0 else "Unexpected end of input.")
    if text[at + 1 :].strip(" \t\n\r\v\f"):
        raise _malformed(text, "Junk after right parenthesis.")
    return members


def _member(text: str, at: int) -> tuple[str | None, int]:
    if text[at : at + 1] in (",", ")"):
        return None, at
    parts: list[str] = []
    in_quotes = False
    while in_quotes or text[at : at + 1] not in (",", ")"):
        character = text[at : at + 1]
        at += 1
        if not character:
            raise _malformed(text, "Unexpected end of input.")
        if character == "\\":
            if at >= len(text):
                raise _malformed(text, "Unexpected end of input.")
            parts.append(text[at])
            at += 1
        elif character == '"':
            if not in_quotes:
                in_quotes = True
            elif text[at : at + 1] == '"':
                parts.append('"')
                at += 1
            else:
                in_quotes = False
        else:
            parts.append(character)
    return "".join(parts), at


def _malformed(text: str, detail: str) -> DatacaveError:
    return DatacaveError(
        f'malformed record literal: "{text}"', sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION, detail=detail
    )


def record_io(columns: Sequence[TypeIO], oids: Sequence[int], typmods: Sequence[int] | None = None) -> TypeIO:
    """The input and output of a row type with these columns."""
    count = len(columns)
    modifiers = typmods if typmods is not None else [-1] * count

    def read(text: str, typmod: int, settings: FormatSettings) -> tuple[Value, ...]:
        members = zip(parse_record(text, count), columns, modifiers, strict=True)
        return tuple([None if part is None else io.input(part, mod, settings) for part, io, mod in members])

    def write(value: Sequence[Value], settings: FormatSettings) -> str:
        members = zip(value, columns, strict=True)
        return format_record([None if member is None else io.output(member, settings) for member, io in members])

    def receive(data: bytes) -> tuple[Value, ...]:
        if len(data) < 4:
            raise bad_length(data, 4)
        (found,) = _COUNT.unpack_from(data)
        if found != count:
            raise DatacaveError(
                f"wrong number of columns: {found}, expected {count}", sqlstate=sqlstate.DATATYPE_MISMATCH
            )
        at = 4
        values: list[Value] = []
        for io, oid in zip(columns, oids, strict=True):
            if len(data) < at + 8:
                raise bad_length(data, at + 8)
            found_oid, length = _COLUMN.unpack_from(data, at)
            at += 8
            if found_oid != oid:
                raise DatacaveError(
                    f"binary data has type {found_oid} instead of expected {oid} in record column {len(values) + 1}",
                    sqlstate=sqlstate.DATATYPE_MISMATCH,
                )
            if length == -1:
                values.append(None)
                continue
            if length < 0 or at + length > len(data):
                raise DatacaveError(
                    "insufficient data left in message", sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION
                )
            values.append(io.receive(data[at : at + length]))
            at += length
        if at != len(data):
            raise bad_length(data, at)
        return tuple(values)

    def send(value: Sequence[Value]) -> bytes:
        parts = [_COUNT.pack(count)]
        for member, io, oid in zip(value, columns, oids, strict=True):
            data = None if member is None else io.send(member)
            parts.append(_COLUMN.pack(oid, -1 if data is None else len(data)))
            parts.append(data or b"")
        return b"".join(parts)

    def key(value: Sequence[Value]) -> tuple[Any, ...]:
        return tuple(
            [
                GREATEST if member is None else member if io.comparison_key is None else io.comparison_key(member)
                for member, io in zip(value, columns, strict=True)
            ]
        )

    return TypeIO(read, write, receive, send, comparison_key=key, comparable=all(io.comparable for io in columns))


class Record(tuple[Value, ...]):
    """A value of type record. Its class, made by `record_class`, knows names and types of the columns."""

    __slots__ = ()
    names: ClassVar[tuple[str, ...]] = ()
    types: ClassVar[tuple[int, ...]] = ()
    io: ClassVar[TypeIO]


def record_class(names: Sequence[str], oids: Sequence[int], columns: Sequence[TypeIO]) -> type[Record]:
    """The class of records with these columns."""
    members = {"__slots__": (), "names": tuple(names), "types": tuple(oids), "io": record_io(columns, oids)}
    return type("Record", (Record,), members)


def _write_untyped(value: Value) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return format_float8(value)
    if isinstance(value, Decimal):
        return format_numeric(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return format_record([None if member is None else _write_untyped(member) for member in value])
    if isinstance(value, Array):
        raise FeatureNotSupported("an array inside an untyped record cannot be printed")
    raise FeatureNotSupported("this value inside an untyped record cannot be printed", hint="Cast the row to a type.")


def _input(text: str, typmod: int, settings: FormatSettings) -> Value:
    raise FeatureNotSupported("input of anonymous composite types is not implemented")


def _output(value: Value, settings: FormatSettings) -> str:
    return value.io.output(value, settings) if isinstance(value, Record) else _write_untyped(tuple(value))


def _receive(data: bytes) -> Value:
    raise FeatureNotSupported("input of anonymous composite types is not implemented")


def _send(value: Value) -> bytes:
    if isinstance(value, Record):
        return value.io.send(value)
    raise FeatureNotSupported("binary output of an untyped record", hint="Cast the row to a type.")


def _key(value: Sequence[Value]) -> Any:
    if isinstance(value, Record) and value.io.comparison_key is not None:
        return value.io.comparison_key(value)
    return tuple([GREATEST if member is None or member != member else member for member in value])


RECORD_IO: Final = TypeIO(_input, _output, _receive, _send, comparison_key=_key)
