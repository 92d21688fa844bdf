"""Key conversion: the value of a foreign key's column as a value of the column that it refers to, and back.

PostgreSQL compares the two by a cross-type operator or casts the referring value implicitly; keys are bytes of one
type, so the value is converted before it is encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from datacave_core.keycode import KeyKind, key_kind
from datacave_core.types import oids
from datacave_core.values import (
    DATE_INFINITY,
    DATE_NEGATIVE_INFINITY,
    TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY,
)

Conversion = Callable[[Any], Any]
"""None for a value that has no equal."""

_DAY: Final = 86_400_000_000
_NUMBERS: Final = frozenset({KeyKind.INT, KeyKind.FLOAT, KeyKind.NUMERIC})
_INTEGERS: Final = frozenset({oids.INT2, oids.INT4, oids.INT8, oids.OID})
_TEXTS: Final = frozenset({KeyKind.TEXT, KeyKind.BPCHAR})
_CALENDAR: Final = frozenset({oids.DATE, oids.TIMESTAMP})


def _same(value: Any) -> Any:
    return value


def _integer(value: Any) -> int | None:
    whole = int(value) if value == value and abs(value) != float("inf") else None
    return whole if whole is not None and whole == value else None


def _timestamp(value: int) -> int:
    if value in (DATE_INFINITY, DATE_NEGATIVE_INFINITY):
        return TIMESTAMP_INFINITY if value > 0 else TIMESTAMP_NEGATIVE_INFINITY
    return value * _DAY


def _date(value: int) -> int | None:
    if value in (TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY):
        return DATE_INFINITY if value > 0 else DATE_NEGATIVE_INFINITY
    days, rest = divmod(value, _DAY)
    return None if rest else days


def key_conversion(source: int, target: int) -> Conversion | None:
    """From values of one base type to equal ones of another; None where keys of the two cannot be compared."""
    if source == target:
        return _same
    if source in _CALENDAR and target in _CALENDAR:
        return _timestamp if target == oids.TIMESTAMP else _date
    kinds = (key_kind(source), key_kind(target))
    if None in kinds or KeyKind.COMPOSED in kinds or {source, target} & {oids.DATE, oids.TIMESTAMP, oids.TIMESTAMPTZ}:
        return None
    if _TEXTS.issuperset(kinds):
        return str.rstrip if kinds[0] is KeyKind.BPCHAR else _same
    if not _NUMBERS.issuperset(kinds):
        return None
    if kinds[0] == kinds[1]:
        return _same
    if kinds[1] is KeyKind.INT:
        return _integer
    return Decimal if kinds[1] is KeyKind.NUMERIC else float


def assigned_conversion(source: int, target: int) -> Conversion:
    """From values of a referenced column to what ON UPDATE CASCADE puts into a column of another type."""
    if key_kind(target) is KeyKind.INT and target in _INTEGERS and key_kind(source) is not KeyKind.INT:
        return lambda value: int(Decimal(value).to_integral_value(ROUND_HALF_UP))
    return key_conversion(source, target) or _same
