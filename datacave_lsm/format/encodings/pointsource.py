"""PointSource: where the values of a segment lie, told to what reads single rows (table/pointread.py)."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple


class PointKind(enum.IntEnum):
    """How one value is found. The compiled reader knows the same numbers."""

    CALL = 0
    """By the segment's own `value_at`."""
    CONSTANT = 1
    """`value`, wherever a row is not NULL."""
    INTEGERS = 2
    """`base` plus the item of `width` bytes (8: signed, base 0) behind `start`."""
    FLOATS = 3
    """The eight bytes behind `start`."""
    BITS = 4
    """One bit behind `start`, lowest first."""
    FIXED_STRINGS = 5
    """`base` bytes each behind `start`."""
    STRINGS = 6
    """Cut by offsets of `width` bytes from what lies behind `start`."""
    DICTIONARY = 7
    """A code of `width` bytes behind `codes_at`, below `base`; offsets of 4 bytes cut the entries behind `start`."""


class PointSource(NamedTuple):
    """The place of a segment's values: `data` from `start` on, `data_bytes` of strings; `validity` as in the segment.

    `text` tells str from bytes.
    """

    kind: PointKind
    data: bytes | None = None
    start: int = 0
    width: int = 0
    base: int = 0
    validity: bytes | None = None
    offsets: bytes | memoryview[int] | None = None
    offsets_at: int = 0
    codes_at: int = 0
    data_bytes: int = 0
    text: bool = False
    value: Any = None
