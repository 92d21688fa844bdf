"""Format codes: the short forms of Bind spelled out, one code per value; 0 is text, 1 is binary.

A list of codes is empty (all text), has one (for all) or as many as there are values.
"""

from __future__ import annotations

from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError

TEXT: Final = 0
BINARY: Final = 1


def parameter_formats(codes: tuple[int, ...], count: int) -> tuple[int, ...]:
    """One code per parameter. Raises 08P01 for a list of another length, 22023 for an unknown code."""
    if len(codes) > 1 and len(codes) != count:
        raise DatacaveError(
            f"bind message has {len(codes)} parameter formats but {count} parameters",
            sqlstate=sqlstate.PROTOCOL_VIOLATION,
        )
    return _spelled_out(codes, count)


def result_formats(codes: tuple[int, ...], count: int) -> tuple[int, ...]:
    """One code per result column. Raises 08P01 for a list of another length, 22023 for an unknown code."""
    if len(codes) > 1 and len(codes) != count:
        raise DatacaveError(
            f"bind message has {len(codes)} result formats but query has {count} columns",
            sqlstate=sqlstate.PROTOCOL_VIOLATION,
        )
    return _spelled_out(codes, count)


def _spelled_out(codes: tuple[int, ...], count: int) -> tuple[int, ...]:
    for code in codes:
        if code != TEXT and code != BINARY:
            raise DatacaveError(f"unsupported format code: {code}", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    if not codes:
        return (TEXT,) * count
    return codes * count if len(codes) == 1 else codes
