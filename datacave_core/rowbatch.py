"""RowBatch and ColumnBatch: rows on their way, as tuples or as column vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datacave_core.values import Row

BATCH_ROWS = 1024
"""The number of rows operators aim at per batch."""

RowBatch: TypeAlias = list[Row]
"""Up to about BATCH_ROWS rows; never empty when an operator yields it."""


def rows_of(pairs: Sequence[tuple[bytes, Row]], columns: Sequence[int] | None) -> list[Row]:
    """The rows of (key, row) pairs; with `columns`, these columns of them."""
    if columns is None:
        return [row for _, row in pairs]
    return [tuple([row[number] for number in columns]) for _, row in pairs]


@dataclass(slots=True)
class ColumnVector:
    """One column of a batch in Arrow's spirit: fixed-width values as a numpy array, or a list of str/bytes.

    `values` holds int64, float64 or bool; for DECIMAL64 int64 scaled by 10**scale, or layout.DECIMAL64_NAN; for BYTES
    and TEXT a Python list.
    `nulls` is a bool array, True where the value is NULL, or None when no value is.
    """

    values: NDArray[Any] | list[Any]
    nulls: NDArray[np.bool_] | None = None
    scale: int = 0


@dataclass(slots=True)
class ColumnBatch:
    """The visible rows of one stretch of a scan, column by column.

    `columns` lines up with the column numbers that the scan asked for. `keys` is filled only when asked for.
    """

    row_count: int
    columns: Sequence[ColumnVector]
    keys: list[bytes] | None = None
