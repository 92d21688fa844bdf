"""JSON text: reading json values without losing their spelling, and writing any SQL value as JSON.

A json value is kept as its text, so members are found by walking the text: a value's extent comes from the standard
decoder, which runs in C. Not here: jsonb trees (core's types.jsonb).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from json import decoder
from json.encoder import encode_basestring
from typing import Any

from datacave_core.types import FormatSettings, oids
from datacave_core.types.calendar import MICROSECONDS_PER_DAY
from datacave_core.types.datetime_format import format_clock, iso_date
from datacave_core.types.floating import format_float4, format_float8
from datacave_core.types.numeric import format_numeric
from datacave_core.types.record import Record
from datacave_core.types.zone_names import session_zone
from datacave_core.values import (
    DATE_INFINITY,
    DATE_NEGATIVE_INFINITY,
    TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY,
    Array,
    Value,
)
from datacave_sql.functions.rendering import output_text
from datacave_sql.functions.typelookup import TypeLookup

quote = encode_basestring
"""A text as a JSON string."""

_scan_string: Callable[[str, int, bool], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]
_SPACE = re.compile(r"[ \t\n\r]*")
_EXTENT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def skip(text: str, at: int) -> int:
    """The next place that is not a blank."""
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at


def value_end(text: str, start: int) -> int:
    """Where the value that starts here ends."""
    return _EXTENT.raw_decode(text, start)[1]


def kind(text: str) -> str:
    """object, array, string, number, boolean or null."""
    first = text[skip(text, 0)]
    return _KINDS.get(first, "number")


_KINDS = {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}


def members(text: str) -> Iterator[tuple[str, str]]:
    """The keys and the values' texts of an object, in order, duplicates included."""
    at = skip(text, skip(text, 0) + 1)
    while text[at] != "}":
        key, at = _scan_string(text, at + 1, False)
        at = skip(text, skip(text, at) + 1)
        end = value_end(text, at)
        yield key, text[at:end]
        at = skip(text, end)
        if text[at] == ",":
            at = skip(text, at + 1)


def elements(text: str) -> Iterator[str]:
    """The texts of an array's elements."""
    at = skip(text, skip(text, 0) + 1)
    while text[at] != "]":
        end = value_end(text, at)
        yield text[at:end]
        at = skip(text, end)
        if text[at] == ",":
            at = skip(text, at + 1)


def as_text(text: str) -> str | None:
    """What ->> gives: strings without quotes, None for null, other values as they are written."""
    if text.startswith('"'):
        return _scan_string(text, 1, False)[0]
    return None if text == "null" else text


JsonWriter = Callable[[Value, FormatSettings], str]


def json_writer(type_oid: int, types: TypeLookup) -> JsonWriter:
    """A function that writes values of a type (never None) as JSON text."""
    base = types.base(type_oid)
    plain = _WRITERS.get(base)
    if plain is not None:
        return plain
    element = types.element(base)
    if element:
        return _array_writer(json_writer(element, types))
    if types.kind(base) == "c":
        return _composite_writer(base, types)
    if base == oids.RECORD:
        return _record_writer(types)
    return lambda value, settings: quote(output_text(value, base, (), types, settings) or "")


def _array_writer(write: JsonWriter) -> JsonWriter:
    def write_array(value: Array, settings: FormatSettings) -> str:
        texts = ["null" if item is None else write(item, settings) for item in value.elements]
        for length in reversed(value.lengths[1:]):
            texts = ["[" + ",".join(texts[at : at + length]) + "]" for at in range(0, len(texts), length)]
        return "[" + ",".join(texts) + "]"

    return write_array


def _record_writer(types: TypeLookup) -> JsonWriter:
    known: dict[type[Record], JsonWriter] = {}

    def write(value: tuple[Any, ...], settings: FormatSettings) -> str:
        if not isinstance(value, Record):
            return record_json(value, settings)
        kind = type(value)
        found = known.get(kind)
        if found is None:
            found = known[kind] = members_writer(zip(kind.names, kind.types, strict=True), types)
        return found(value, settings)

    return write


def _composite_writer(type_oid: int, types: TypeLookup) -> JsonWriter:
    return members_writer([(one.name, one.type) for one in types.attributes(type_oid)], types)


def members_writer(members: Iterable[tuple[str, int]], types: TypeLookup, separator: str = ",") -> JsonWriter:
    """Writes rows with these columns (name, type) as objects."""
    fields = [(quote(name), json_writer(oid, types)) for name, oid in members]

    def write(value: tuple[Any, ...], settings: FormatSettings) -> str:
        parts = [
            f"{name}:{'null' if item is None else write_item(item, settings)}"
            for (name, write_item), item in zip(fields, value, strict=True)
        ]
        return "{" + separator.join(parts) + "}"

    return write


def record_json(value: tuple[Any, ...], settings: FormatSettings) -> str:
    """An anonymous record, whose fields are f1, f2, ... and whose types show in the values only."""
    parts = [f'"f{place}":{guess_json(item, settings)}' for place, item in enumerate(value, 1)]
    return "{" + ",".join(parts) + "}"


def guess_json(value: Value, settings: FormatSettings) -> str:
    """A value whose SQL type is not at hand."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float8(value, settings)
    if isinstance(value, Decimal):
        return _numeric(value, settings)
    if isinstance(value, Array):
        return _array_writer(guess_json)(value, settings)
    if type(value) is tuple:
        return record_json(value, settings)
    return quote(str(value))


def _boolean(value: bool, settings: FormatSettings) -> str:
    return "true" if value else "false"


def _integer(value: int, settings: FormatSettings) -> str:
    return str(value)


def _float8(value: float, settings: FormatSettings) -> str:
    text = format_float8(value)
    return text if value - value == 0 else quote(text)


def _float4(value: float, settings: FormatSettings) -> str:
    text = format_float4(value)
    return text if value - value == 0 else quote(text)


def _numeric(value: Decimal, settings: FormatSettings) -> str:
    text = format_numeric(value)
    return text if value.is_finite() else quote(text)


def _raw(value: str, settings: FormatSettings) -> str:
    return value


def _string(value: str, settings: FormatSettings) -> str:
    return quote(value)


def _date(value: int, settings: FormatSettings) -> str:
    if value == DATE_INFINITY:
        return '"infinity"'
    return '"-infinity"' if value == DATE_NEGATIVE_INFINITY else f'"{iso_date(value)}"'


def _stamp(local: int, zone: str) -> str:
    days, time = divmod(local, MICROSECONDS_PER_DAY)
    date = iso_date(days)
    era = " BC" if date.endswith(" BC") else ""
    return f'"{date.removesuffix(" BC")}T{format_clock(time)}{zone}{era}"'


def _infinite(value: int) -> str | None:
    if value == TIMESTAMP_INFINITY:
        return '"infinity"'
    return '"-infinity"' if value == TIMESTAMP_NEGATIVE_INFINITY else None


def _timestamp(value: int, settings: FormatSettings) -> str:
    return _infinite(value) or _stamp(value, "")


def _timestamptz(value: int, settings: FormatSettings) -> str:
    infinite = _infinite(value)
    if infinite:
        return infinite
    offset = session_zone(settings.time_zone).at(value // 1_000_000).offset
    minutes, seconds = divmod(abs(offset), 60)
    shown = f"{'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
    return _stamp(value + offset * 1_000_000, shown + (f":{seconds:02d}" if seconds else ""))


_WRITERS: dict[int, JsonWriter] = {
    oids.BOOL: _boolean,
    oids.INT2: _integer,
    oids.INT4: _integer,
    oids.INT8: _integer,
    oids.FLOAT4: _float4,
    oids.FLOAT8: _float8,
    oids.NUMERIC: _numeric,
    oids.JSON: _raw,
    oids.JSONB: _raw,
    oids.TEXT: _string,
    oids.VARCHAR: _string,
    oids.BPCHAR: _string,
    oids.NAME: _string,
    oids.UNKNOWN: _string,
    oids.DATE: _date,
    oids.TIMESTAMP: _timestamp,
    oids.TIMESTAMPTZ: _timestamptz,
}
