"""Layout: the physical columns of the rows under one key prefix.

The SQL layer registers a layout per table and index; the storage reads nothing else about tables. A row is a tuple of
physical values, one per column; a row written before columns were added is shorter and is completed with `missing`.
Keys with no registered layout hold rows of one `BYTES` column.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from datacave_core.values import Row


class PhysicalType(enum.IntEnum):
    """How a column lies in a file. Numbers are stored in files and never change meaning."""

    INT64 = 1  # int
    FLOAT64 = 2  # float
    DECIMAL64 = 3  # Decimal, NaN or at most 18 digits at the column's scale; stored as scaled int64
    BOOL = 4  # bool
    BYTES = 5  # bytes
    TEXT = 6  # str, stored as UTF-8


@dataclass(frozen=True, slots=True)
class PhysicalColumn:
    """One column: `scale` is the number of decimal places of a DECIMAL64; `missing` completes shorter rows.

    `added` tells columns apart that were added at the same place, one of them taken back before it was committed: a
    number that grows with every addition; 0 for the columns that were there from the start.
    """

    type: PhysicalType
    nullable: bool = True
    scale: int = 0
    missing: Any = None
    added: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of the rows under a key prefix. `version` grows when columns are added."""

    version: int
    columns: tuple[PhysicalColumn, ...]

    def shared_width(self, other: Layout) -> int:
        """How many of its first columns are also the other layout's."""
        width = 0
        for one, its in zip(self.columns, other.columns, strict=False):
            if one.added != its.added:
                break
            width += 1
        return width

    def kept_of(self, before: Layout) -> int | None:
        """How many of the first columns of rows of another layout are kept; None if rows stay as they are."""
        kept = self.shared_width(before)
        return None if kept == len(self.columns) == len(before.columns) else kept

    def fit(self, row: Row, kept: int) -> Row:
        """A full row of these columns out of one of which the first `kept` values are worth keeping."""
        row = row[:kept]
        return row + tuple([column.missing for column in self.columns[len(row) :]])

    def fit_rows(self, rows: dict[bytes, Row | None], prefix: bytes, kept: int) -> None:
        """The same for all rows under a prefix, where they are."""
        for key, row in rows.items():
            if row is not None and key.startswith(prefix):
                rows[key] = self.fit(row, kept)


DECIMAL64_NAN = -(2**63)
"""What stands for NaN among the scaled integers of a DECIMAL64 column (files, column vectors)."""

RAW_LAYOUT = Layout(0, (PhysicalColumn(PhysicalType.BYTES, nullable=True),))
"""What keys without a registered layout hold: one column of bytes."""

PREFIX_LENGTH = 6
"""Bytes at the start of every key that choose its layout: table id (4, big-endian), index number (2, big-endian)."""

TABLE_PREFIX_LENGTH = 4
"""Bytes at the start of every key that name its table: rows and index entries alike."""


def check_prefix(prefix: bytes) -> bytes:
    """The prefix itself. Raises ValueError for one of another length than PREFIX_LENGTH."""
    if len(prefix) != PREFIX_LENGTH:
        raise ValueError(f"a layout prefix has {PREFIX_LENGTH} bytes, not {len(prefix)}")
    return prefix


def check_table_prefix(prefix: bytes) -> bytes:
    """The prefix itself. Raises ValueError for one of another length than TABLE_PREFIX_LENGTH."""
    if len(prefix) != TABLE_PREFIX_LENGTH:
        raise ValueError(f"a table prefix has {TABLE_PREFIX_LENGTH} bytes, not {len(prefix)}")
    return prefix
