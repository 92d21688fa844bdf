"""ColumnReaders: the fields of many rows become values column by column.

Whole columns of numbers are converted by one call of the interpreter; where that might accept what PostgreSQL refuses
(underscores, digits of other scripts), or fails, every field goes through the type's own input function. Columns of
few different values convert each of them once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from datacave_core.errors import DatacaveError
from datacave_core.types import FormatSettings, TypeIO, oids

Fields = Sequence[str | None]
Reader = Callable[[Fields], list[Any]]

_INTEGER_RANGES = {
    oids.INT2: (-(2**15), 2**15 - 1),
    oids.INT4: (-(2**31), 2**31 - 1),
    oids.INT8: (-(2**63), 2**63 - 1),
}
_PLAIN_TEXT = frozenset({oids.TEXT, oids.VARCHAR})
REPEATED_PART = 4
"""A column is converted by its different values if these are at most one in so many."""


def make_readers(
    types: Sequence[tuple[int, int]], ios: Sequence[TypeIO], settings: FormatSettings
) -> list[tuple[Reader, Reader]]:
    """For each (type, typmod) of a column: the quick reader for ASCII without underscores, and the careful one."""
    return [_readers(oid, typmod, io, settings) for (oid, typmod), io in zip(types, ios, strict=True)]


def _readers(oid: int, typmod: int, io: TypeIO, settings: FormatSettings) -> tuple[Reader, Reader]:
    read = io.input

    def careful(fields: Fields) -> list[Any]:
        different = set(fields)
        if len(different) * REPEATED_PART <= len(fields):
            values = {field: None if field is None else read(field, typmod, settings) for field in different}
            return [values[field] for field in fields]
        return [None if field is None else read(field, typmod, settings) for field in fields]

    bounds = _INTEGER_RANGES.get(oid)
    if bounds is not None:
        low, high = bounds

        def integers(fields: Fields) -> list[Any]:
            try:
                values = list(map(int, fields))  # type: ignore[arg-type]
            except (TypeError, ValueError):
                # There are NULLs, or something is wrong.
                return careful(fields)
            if values and (min(values) < low or max(values) > high):
                return careful(fields)
            return values

        return integers, careful
    if oid in _PLAIN_TEXT and typmod < 0:
        return list, list
    return careful, careful


class RowReader:
    """Rows of fields to rows of values."""

    def __init__(
        self, types: Sequence[tuple[int, int]], ios: Sequence[TypeIO], settings: FormatSettings, names: Sequence[str]
    ) -> None:
        self._readers = make_readers(types, ios, settings)
        self._types = types
        self._ios = ios
        self._settings = settings
        self._names = names

    def columns(self, columns: Sequence[Fields], quick: bool) -> list[tuple[Any, ...]]:
        """Rows from columns of fields. `quick` says that all text is ASCII without underscores."""
        which = 0 if quick else 1
        return list(zip(*[self._readers[at][which](fields) for at, fields in enumerate(columns)], strict=True))

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
