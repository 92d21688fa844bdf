"""VectorReaders: the fields of many rows become column vectors as table files hold them, without a value per field.

Columns of plain numbers, dates and times are converted whole; where there is anything else, every field goes through
the type's own input function, as in columns.py, and the values become a vector.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import PhysicalColumn, PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_core.types import oids
from datacave_core.types.typmod import numeric_modifier
from datacave_core.vectors import column_vector
from datacave_sql.session.copying.columns import INTEGER_RANGES, Fields, Reader

VectorReader = Callable[[Fields], ColumnVector]
Convert = Callable[[Any], Any]

_PLAIN_TEXT: Final = frozenset({oids.TEXT, oids.VARCHAR})
_SATURATED: Final = 10**18
"""Longer numbers may have been cut to what 64 bits hold."""
_INTEGERS: Final = re.compile(r"[0-9\n-]*")
_DECIMALS: Final = re.compile(r"[0-9.\n-]*")
_FLOATS: Final = re.compile(r"[0-9.eE+-]*")
_EPOCH_DAY: Final = 10_957
"""2000-01-01 in days since 1970."""
_DATE_LENGTH, _SECOND_LENGTH = 10, 19
_MICROSECONDS_PER_SECOND: Final = 1_000_000
_SECONDS_PER_DAY: Final = 86_400


def vector_reader(
    type_oid: int, typmod: int, column: PhysicalColumn, convert: Convert | None, read: Reader
) -> VectorReader:
    """What converts the fields of a column; `read` gives their values, and `convert` makes these physical."""

    def careful(fields: Fields) -> ColumnVector:
        values = read(fields)
        if convert is not None:
            values = [None if value is None else convert(value) for value in values]
        return column_vector(column, values)

    if (bounds := INTEGER_RANGES.get(type_oid)) is not None:
        return _checked(_integers(*bounds), careful)
    if column.type is PhysicalType.DECIMAL64 and (modifier := numeric_modifier(typmod)) is not None:
        return _decimals(*modifier, careful)
    if type_oid == oids.DATE:
        return _checked(_dates, careful)
    if type_oid == oids.TIMESTAMP:
        return _checked(_timestamps, careful)
    if type_oid == oids.FLOAT8:
        return _checked(_floats, careful)
    if type_oid in _PLAIN_TEXT:
        return _texts(typmod - 4 if type_oid == oids.VARCHAR and typmod >= 0 else None, careful)
    return careful


def _checked(convert: Callable[[Sequence[str]], NDArray[Any] | None], careful: VectorReader) -> VectorReader:
    """Falls back on `careful` where a conversion fails or gives None; NULLs make it fail."""

    def vector(fields: Fields) -> ColumnVector:
        try:
            values = convert(fields)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            values = None
        return careful(fields) if values is None else ColumnVector(values)

    return vector


def _numbers(text: str, count: int) -> NDArray[np.int64] | None:
    """So many whole numbers, one on a line, of digits and signs; None if there is one of too many digits.

    Raises ValueError for what is no number.
    """
    found = np.fromstring(text, np.int64, sep="\n")
    if len(found) != count or text.count("\n") != count - 1:
        raise ValueError("not every line is a number")
    return found if max(int(found.max()), -int(found.min())) < _SATURATED else None


def _integers(low: int, high: int) -> Callable[[Sequence[str]], NDArray[np.int64] | None]:
    def integers(fields: Sequence[str]) -> NDArray[np.int64] | None:
        text = "\n".join(fields)
        found = _numbers(text, len(fields)) if _INTEGERS.fullmatch(text) else None
        return found if found is not None and found.max() <= high and found.min() >= low else None

    return integers


def _texts(length_max: int | None, careful: VectorReader) -> VectorReader:
    def texts(fields: Fields) -> ColumnVector:
        if None in fields:
            return careful(fields)
        if length_max is not None and max(map(len, fields)) > length_max:  # type: ignore[arg-type]
            return careful(fields)
        return ColumnVector(list(fields))

    return texts


def _decimals(precision: int, scale: int, careful: VectorReader) -> VectorReader:
    """Fields that all have `scale` digits behind their point are integers once the point is gone."""
    limit = 10**precision

    def decimals(fields: Fields) -> ColumnVector:
        try:
            text = "\n".join(fields)  # type: ignore[arg-type]
            if scale:
                data = np.frombuffer((text + "\n").encode(), np.uint8)
                points, ends = np.flatnonzero(data == 0x2E), np.flatnonzero(data == 0x0A)
                if len(points) != len(ends) or not ((ends - points) == scale + 1).all():
                    return careful(fields)
            found = _numbers(text.replace(".", ""), len(fields)) if _DECIMALS.fullmatch(text) else None
        except (TypeError, ValueError):
            return careful(fields)
        if found is None or found.max() >= limit or found.min() <= -limit:
            return careful(fields)
        return ColumnVector(found, None, scale)

    return decimals


def _floats(fields: Sequence[str]) -> NDArray[np.float64] | None:
    if not _FLOATS.fullmatch("".join(fields)):
        return None
    found = np.array(list(map(float, fields)), np.float64)
    # Too big ones are errors, and of too small ones it takes a closer look.
    return found if np.isfinite(found).all() and found.all() else None


def _dates(fields: Sequence[str]) -> NDArray[np.int64] | None:
    matrix = _letters(fields, _DATE_LENGTH)
    return None if matrix is None else _days(matrix)


def _timestamps(fields: Sequence[str]) -> NDArray[np.int64] | None:
    """`YYYY-MM-DD hh:mm:ss` with nothing, or with six digits, behind the seconds."""
    length = len(fields[0])
    if length not in (_SECOND_LENGTH, _SECOND_LENGTH + 7):
        return None
    matrix = _letters(fields, length)
    if matrix is None or (days := _days(matrix[:, :_DATE_LENGTH])) is None:
        return None
    if not ((matrix[:, 10] == 0x20) & (matrix[:, 13] == 0x3A) & (matrix[:, 16] == 0x3A)).all():
        return None
    hours, minutes, seconds = (_number(matrix, at, at + 2) for at in (11, 14, 17))
    if hours is None or minutes is None or seconds is None:
        return None
    if hours.max() > 23 or minutes.max() > 59 or seconds.max() > 59:
        return None
    found = (days * _SECONDS_PER_DAY + hours * 3600 + minutes * 60 + seconds) * _MICROSECONDS_PER_SECOND
    if length > _SECOND_LENGTH:
        fraction = _number(matrix, _SECOND_LENGTH + 1, length)
        if fraction is None or not (matrix[:, _SECOND_LENGTH] == 0x2E).all():
            return None
        found = found + fraction
    return found


def _letters(fields: Sequence[str], length: int) -> NDArray[np.uint8] | None:
    """The letters of fields that are all of one length, one row for each field."""
    if set(map(len, fields)) != {length}:
        return None
    data = "".join(fields).encode()
    return np.frombuffer(data, np.uint8).reshape(len(fields), length) if len(data) == len(fields) * length else None


def _number(matrix: NDArray[np.uint8], start: int, stop: int) -> NDArray[np.int64] | None:
    """The numbers in some columns of letters; None if there is anything but digits."""
    digits = matrix[:, start:stop] - np.uint8(0x30)
    if digits.max() > 9:
        return None
    number = np.zeros(len(matrix), np.int64)
    for at in range(stop - start):
        number = number * 10 + digits[:, at]
    return number


def _days(matrix: NDArray[np.uint8]) -> NDArray[np.int64] | None:
    """The days since 2000-01-01 of dates as `YYYY-MM-DD`; None if one of them is not written so, or is none."""
    if not ((matrix[:, 4] == 0x2D) & (matrix[:, 7] == 0x2D)).all():
        return None
    years, months, days = _number(matrix, 0, 4), _number(matrix, 5, 7), _number(matrix, 8, 10)
    if years is None or months is None or days is None:
        return None
    if years.min() < 1 or months.min() < 1 or months.max() > 12 or days.min() < 1:
        return None
    month_starts = (years - 1970).astype("M8[Y]").astype("M8[M]") + (months - 1)
    dates = month_starts.astype("M8[D]") + (days - 1)
    if (dates >= (month_starts + 1).astype("M8[D]")).any():
        return None
    found: NDArray[np.int64] = dates.astype(np.int64) - _EPOCH_DAY
    return found
