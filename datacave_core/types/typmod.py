"""Type modifiers: the numbers in parentheses after a type name, packed into one int as pg_attribute keeps them.

    varchar(n) char(n)      n + 4
    bit(n) varbit(n)        n
    numeric(p,s)            (p << 16 | s & 0x7ff) + 4
    time timestamp ... (p)  p
    interval fields(p)      fields << 16 | p, where p = 0xffff means full precision

-1 is no modifier. Sources: PostgreSQL's typmodin and typmodout functions, by their results.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.registry import find_type

HEADER: Final = 4
CHARACTER_LENGTH_MAX: Final = 10485760
BIT_LENGTH_MAX: Final = 83886080
NUMERIC_PRECISION_MAX: Final = 1000
NUMERIC_SCALE_MIN: Final = -1000
NUMERIC_SCALE_MAX: Final = 1000
TIME_PRECISION_MAX: Final = 6

INTERVAL_MONTH: Final = 1 << 1
INTERVAL_YEAR: Final = 1 << 2
INTERVAL_DAY: Final = 1 << 3
INTERVAL_HOUR: Final = 1 << 10
INTERVAL_MINUTE: Final = 1 << 11
INTERVAL_SECOND: Final = 1 << 12
INTERVAL_FULL_RANGE: Final = 0x7FFF
INTERVAL_FULL_PRECISION: Final = 0xFFFF

INTERVAL_FIELDS: Final[dict[int, str]] = {
    INTERVAL_YEAR: "year",
    INTERVAL_MONTH: "month",
    INTERVAL_DAY: "day",
    INTERVAL_HOUR: "hour",
    INTERVAL_MINUTE: "minute",
    INTERVAL_SECOND: "second",
    INTERVAL_YEAR | INTERVAL_MONTH: "year to month",
    INTERVAL_DAY | INTERVAL_HOUR: "day to hour",
    INTERVAL_DAY | INTERVAL_HOUR | INTERVAL_MINUTE: "day to minute",
    INTERVAL_DAY | INTERVAL_HOUR | INTERVAL_MINUTE | INTERVAL_SECOND: "day to second",
    INTERVAL_HOUR | INTERVAL_MINUTE: "hour to minute",
    INTERVAL_HOUR | INTERVAL_MINUTE | INTERVAL_SECOND: "hour to second",
    INTERVAL_MINUTE | INTERVAL_SECOND: "minute to second",
    INTERVAL_FULL_RANGE: "",
}
"""The field sets an interval may be declared with, and how they are written."""

_DATETIME_WORDS: Final = {
    oids.TIME: ("TIME", "", " without time zone"),
    oids.TIMETZ: ("TIME", " WITH TIME ZONE", " with time zone"),
    oids.TIMESTAMP: ("TIMESTAMP", "", " without time zone"),
    oids.TIMESTAMPTZ: ("TIMESTAMP", " WITH TIME ZONE", " with time zone"),
}


class NumericModifier(NamedTuple):
    """numeric(precision, scale); the scale may be negative or exceed the precision."""

    precision: int
    scale: int


def numeric_modifier(typmod: int) -> NumericModifier | None:
    """The two numbers of a numeric typmod, or None when unconstrained."""
    if typmod < HEADER:
        return None
    packed = typmod - HEADER
    return NumericModifier((packed >> 16) & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024)


def numeric_typmod(precision: int, scale: int = 0) -> int:
    """Packs numeric(precision, scale); raises 22023 outside PostgreSQL's limits."""
    if not 1 <= precision <= NUMERIC_PRECISION_MAX:
        raise _bad(f"NUMERIC precision {precision} must be between 1 and {NUMERIC_PRECISION_MAX}")
    if not NUMERIC_SCALE_MIN <= scale <= NUMERIC_SCALE_MAX:
        raise _bad(f"NUMERIC scale {scale} must be between {NUMERIC_SCALE_MIN} and {NUMERIC_SCALE_MAX}")
    return ((precision << 16) | (scale & 0x7FF)) + HEADER


def character_length(typmod: int) -> int | None:
    """n of varchar(n) or char(n), in characters, or None when unconstrained."""
    return typmod - HEADER if typmod >= HEADER else None


def interval_typmod(fields: int = INTERVAL_FULL_RANGE, precision: int | None = None) -> int:
    """Packs an interval's field mask and precision of seconds; raises 22023 for a set that SQL does not have."""
    if fields not in INTERVAL_FIELDS:
        raise _bad("invalid INTERVAL type modifier")
    if precision is None:
        return -1 if fields == INTERVAL_FULL_RANGE else (fields << 16) | INTERVAL_FULL_PRECISION
    if precision < 0:
        raise _bad(f"INTERVAL({precision}) precision must not be negative")
    return (fields << 16) | min(precision, TIME_PRECISION_MAX)


def interval_modifier(typmod: int) -> tuple[int, int | None]:
    """The field mask and the precision (None: full) of an interval typmod."""
    if typmod < 0:
        return INTERVAL_FULL_RANGE, None
    precision = typmod & 0xFFFF
    return (typmod >> 16) & INTERVAL_FULL_RANGE, None if precision == INTERVAL_FULL_PRECISION else precision


def encode_typmod(oid: int, modifiers: Sequence[int]) -> int:
    """The typmod of a type written with these numbers in parentheses, after PostgreSQL's typmodin functions.

    For interval the numbers are the field mask and, after it, the precision. Precisions of time types above 6 become
    6. Raises 22023 for numbers out of range or too many of them, 42601 for types without modifiers.
    """
    if oid in (oids.VARCHAR, oids.BPCHAR):
        return _length(modifiers, "varchar" if oid == oids.VARCHAR else "char", CHARACTER_LENGTH_MAX) + HEADER
    if oid in (oids.BIT, oids.VARBIT):
        return _length(modifiers, "bit" if oid == oids.BIT else "varbit", BIT_LENGTH_MAX)
    if oid == oids.NUMERIC:
        if len(modifiers) not in (1, 2):
            raise _bad("invalid NUMERIC type modifier")
        return numeric_typmod(*modifiers)
    if oid == oids.INTERVAL:
        if len(modifiers) not in (1, 2):
            raise _bad("invalid INTERVAL type modifier")
        return interval_typmod(*modifiers)
    words = _DATETIME_WORDS.get(oid)
    if words is None:
        found = find_type(oid)
        name = found.name if found is not None else str(oid)
        raise DatacaveError(f'type modifier is not allowed for type "{name}"', sqlstate=sqlstate.SYNTAX_ERROR)
    if len(modifiers) != 1:
        raise _bad("invalid type modifier")
    if modifiers[0] < 0:
        raise _bad(f"{words[0]}({modifiers[0]}){words[1]} precision must not be negative")
    return min(modifiers[0], TIME_PRECISION_MAX)


def typmod_suffix(oid: int, typmod: int) -> str:
    """How a typmod is written after the type's name: `(10,2)`, `(3) without time zone`, ` day to second(2)`."""
    if typmod < 0:
        return ""
    if oid == oids.NUMERIC:
        modifier = numeric_modifier(typmod)
        return f"({modifier.precision},{modifier.scale})" if modifier else ""
    if oid in (oids.VARCHAR, oids.BPCHAR):
        return f"({typmod - HEADER})" if typmod > HEADER else ""
    if oid == oids.INTERVAL:
        fields, precision = interval_modifier(typmod)
        words = INTERVAL_FIELDS[fields]
        return (f" {words}" if words else "") + ("" if precision is None else f"({precision})")
    words_of_time = _DATETIME_WORDS.get(oid)
    return f"({typmod}){words_of_time[2]}" if words_of_time else f"({typmod})"


def _length(modifiers: Sequence[int], name: str, length_max: int) -> int:
    if len(modifiers) != 1:
        raise _bad("invalid type modifier")
    if modifiers[0] < 1:
        raise _bad(f"length for type {name} must be at least 1")
    if modifiers[0] > length_max:
        raise _bad(f"length for type {name} cannot exceed {length_max}")
    return modifiers[0]


def _bad(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
