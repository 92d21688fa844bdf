"""Errors that many function families raise, with PostgreSQL's wording."""

from __future__ import annotations

from typing import NoReturn

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError


def out_of_range(message: str) -> DatacaveError:
    """22003, e.g. "integer out of range"."""
    return DatacaveError(message, sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)


def bad_parameter(message: str, hint: str | None = None, detail: str | None = None) -> DatacaveError:
    """22023, invalid parameter value."""
    return DatacaveError(message, sqlstate=sqlstate.INVALID_PARAMETER_VALUE, hint=hint, detail=detail)


def division_by_zero() -> DatacaveError:
    """22012."""
    return DatacaveError("division by zero", sqlstate=sqlstate.DIVISION_BY_ZERO)


def overflow_int2() -> NoReturn:
    raise out_of_range("smallint out of range")


def overflow_int4() -> NoReturn:
    raise out_of_range("integer out of range")


def overflow_int8() -> NoReturn:
    raise out_of_range("bigint out of range")
