"""The functions of information_schema: what a column's type and modifier mean in the words of the standard.

Clients call them when they read pg_attribute and pg_type themselves, as the schema's own views do.
"""

from __future__ import annotations

from typing import Final

from datacave_core.types import format_type, oids
from datacave_core.values import Row
from datacave_sql.functions.body import Bodies

BODIES = Bodies()

_ATTTYPID: Final = 2
_ATTTYPMOD: Final = 8
_TYPTYPE: Final = 6
_TYPBASETYPE: Final = 25
_TYPTYPMOD: Final = 26
"""Places in rows of pg_attribute and pg_type."""

_CHARACTERS: Final = (oids.BPCHAR, oids.VARCHAR)
_BITS: Final = (oids.BIT, oids.VARBIT)
_PRECISIONS: Final = {oids.INT2: 16, oids.INT4: 32, oids.INT8: 64, oids.FLOAT4: 24, oids.FLOAT8: 53}
_TIMES: Final = (oids.TIME, oids.TIMETZ, oids.TIMESTAMP, oids.TIMESTAMPTZ)
_OCTETS_MAX: Final = 2**30
_OCTETS_PER_CHARACTER: Final = 4
_MICROSECONDS: Final = 6
_NO_PRECISION: Final = 0xFFFF


@BODIES("information_schema._pg_truetypid(75 71)")
def true_type(attribute: Row, kind: Row) -> int:
    """The type of a column; of a domain, what it is over."""
    found: int = kind[_TYPBASETYPE] if kind[_TYPTYPE] == "d" else attribute[_ATTTYPID]
    return found


@BODIES("information_schema._pg_truetypmod(75 71)")
def true_modifier(attribute: Row, kind: Row) -> int:
    """The modifier of a column; of a domain, its own."""
    found: int = kind[_TYPTYPMOD] if kind[_TYPTYPE] == "d" else attribute[_ATTTYPMOD]
    return found


@BODIES("information_schema._pg_char_max_length(26 23)")
def characters(type_oid: int, modifier: int) -> int | None:
    """The declared length in characters or bits."""
    if modifier == -1:
        return None
    if type_oid in _CHARACTERS:
        return modifier - 4
    return modifier if type_oid in _BITS else None


@BODIES("information_schema._pg_char_octet_length(26 23)")
def octets(type_oid: int, modifier: int) -> int | None:
    """The greatest length in bytes."""
    if type_oid != oids.TEXT and type_oid not in _CHARACTERS:
        return None
    if modifier == -1:
        return _OCTETS_MAX
    length = characters(type_oid, modifier)
    return None if length is None else _OCTETS_PER_CHARACTER * length


@BODIES("information_schema._pg_numeric_precision(26 23)")
def precision(type_oid: int, modifier: int) -> int | None:
    """Digits, in the radix of the type."""
    if type_oid == oids.NUMERIC:
        return None if modifier == -1 else (modifier - 4) >> 16 & 0xFFFF
    return _PRECISIONS.get(type_oid)


@BODIES("information_schema._pg_numeric_precision_radix(26 23)")
def radix(type_oid: int, modifier: int) -> int | None:
    """2 or 10."""
    return 10 if type_oid == oids.NUMERIC else 2 if type_oid in _PRECISIONS else None


@BODIES("information_schema._pg_numeric_scale(26 23)")
def scale(type_oid: int, modifier: int) -> int | None:
    """Digits behind the point."""
    if type_oid == oids.NUMERIC:
        return None if modifier == -1 else (modifier - 4) & 0xFFFF
    return 0 if type_oid in (oids.INT2, oids.INT4, oids.INT8) else None


@BODIES("information_schema._pg_datetime_precision(26 23)")
def time_precision(type_oid: int, modifier: int) -> int | None:
    """Digits of the seconds."""
    if type_oid == oids.DATE:
        return 0
    if type_oid in _TIMES:
        return _MICROSECONDS if modifier < 0 else modifier
    if type_oid == oids.INTERVAL:
        digits = modifier & 0xFFFF
        return _MICROSECONDS if modifier < 0 or digits == _NO_PRECISION else digits
    return None


@BODIES("information_schema._pg_interval_type(26 23)")
def interval_fields(type_oid: int, modifier: int) -> str | None:
    """The fields that an interval is declared with, in capitals."""
    if type_oid != oids.INTERVAL:
        return None
    _, _, words = format_type(type_oid, modifier).partition(" ")
    return words.upper() or None
