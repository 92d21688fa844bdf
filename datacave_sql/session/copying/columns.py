"""ColumnReaders: the fields of many rows become values column by column.

Whole columns of plain numbers (digits, sign, point) are converted by one call of the interpreter; where there is
anything else, or that fails, every field goes through the type's own input function. Columns of few different values
convert each of them once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from datacave_core.errors import DatacaveError
from datacave_core.types import FormatSettings, TypeIO, oids
from datacave_core.types.numeric import EXACT, quantum
from datacave_core.types.typmod import numeric_modifier

Fields = Sequence[str | None]
Reader = Callable[[Fields], list[Any]]

INTEGER_RANGES = {
    oids.INT2: (-(2**15), 2**15 - 1),
    oids.INT4: (-(2**31), 2**31 - 1),
    oids.INT8: (-(2**63), 2**63 - 1),
}
_PLAIN_TEXT = frozenset({oids.TEXT, oids.VARCHAR})
REPEATED_PART = 4
"""A column is converted by its different values if these are at most one in so many."""


_INTEGERS = re.compile(r"[0-9-]*")
_DECIMALS = re.compile(r"[0-9.-]*")


def make_readers(types: Sequence[tuple[int, int]], ios: Sequence[TypeIO], settings: FormatSettings) -> list[Reader]:
    """For each (type, typmod) of a column, what converts its fields."""
    return [_reader(oid, typmod, io, settings) for (oid, typmod), io in zip(types, ios, strict=True)]


def _reader(oid: int, typmod: int, io: TypeIO, settings: FormatSettings) -> Reader:
    read = io.input

    def careful(fields: Fields) -> list[Any]:
        different = set(fields)
        if len(different) * REPEATED_PART <= len(fields):
            values = {field: None if field is None else read(field, typmod, settings) for field in different}
            return [values[field] for field in fields]
        return [None if field is None else read(field, typmod, settings) for field in fields]

    if (bounds := INTEGER_RANGES.get(oid)) is not None:
        return _integer_reader(*bounds, careful)
    if oid == oids.NUMERIC and (modifier := numeric_modifier(typmod)) is not None and modifier[1] >= 0:
        return _decimal_reader(*modifier, careful)
    return list if oid in _PLAIN_TEXT and typmod < 0 else careful


def _integer_reader(low: int, high: int, careful: Reader) -> Reader:
    def integers(fields: Fields) -> list[Any]:
        try:
            # Fails at a NULL.
            text = "".join(fields)  # type: ignore[arg-type]
            values = list(map(int, fields)) if _INTEGERS.fullmatch(text) else []  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return careful(fields)
        if not values or min(values) < low or max(values) > high:
            return careful(fields)
        return values

    return integers


def _decimal_reader(precision: int, scale: int, careful: Reader) -> Reader:
    """Reads numeric(precision, scale)."""
    unit, limit = quantum(scale), Decimal(10) ** (precision - scale)

    def decimals(fields: Fields) -> list[Any]:
        try:
            text = "".join(fields)  # type: ignore[arg-type]
            if not _DECIMALS.fullmatch(text):
                return careful(fields)
            values = [Decimal(field).quantize(unit, context=EXACT) for field in fields]  # type: ignore[arg-type]
        except (TypeError, InvalidOperation):
            return careful(fields)
        if not values or min(values) <= -limit or max(values) >= limit:
            return careful(fields)
        return [value or value.copy_abs() for value in values] if "-" in text else values

    return decimals


class RowReader:
    """Rows of fields to rows of values."""

    def __init__(
        self, types: Sequence[tuple[int, int]], ios: Sequence[TypeIO], settings: FormatSettings, names: Sequence[str]
    ) -> None:
        self.readers = make_readers(types, ios, settings)
        self._types = types
        self._ios = ios
        self._settings = settings
        self._names = names

    def columns(self, columns: Sequence[Fields]) -> list[tuple[Any, ...]]:
        """Rows from columns of fields."""
        return list(zip(*[read(fields) for read, fields in zip(self.readers, columns, strict=True)], strict=True))

    def row(self, fields: Fields) -> tuple[Any, ...]:
        """One row. Raises what the types' input functions raise, with the column and its text as context."""
        values = []
        for name, (_, typmod), io, field in zip(self._names, self._types, self._ios, fields, strict=True):
            try:
                values.append(None if field is None else io.input(field, typmod, self._settings))
            except DatacaveError as error:
                error.context = f', column {name}: "{shown(field or "")}"'
                raise
        return tuple(values)


SHOWN_CHARACTERS_MAX = 100


def shown(text: str) -> str:
    """A field or a line as the context of an error shows it."""
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[:SHOWN_CHARACTERS_MAX] + "..."
