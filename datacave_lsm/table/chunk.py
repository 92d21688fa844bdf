"""Chunk: a stretch of sorted versions under one key prefix as column vectors, on its way into a row group."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import Layout, PhysicalType
from datacave_core.rowbatch import ColumnVector
from datacave_core.values import Row
from datacave_lsm.format.encodings import vector_of
from datacave_lsm.format.listfacts import lengths_of, types_of
from datacave_lsm.table.shape import PUT, TOMBSTONE

FIXED_BYTES = 8
"""What a value of fixed width counts in size estimates, and a key's share beside its own length."""


@dataclass(slots=True)
class Chunk:
    """Equally long columns; operations are PUT or TOMBSTONE, and a tombstone's values are NULL."""

    keys: list[bytes]
    timestamps: NDArray[np.int64]
    operations: NDArray[np.uint8]
    columns: list[ColumnVector]

    def slice(self, start: int, stop: int) -> Chunk:
        """Rows start .. stop."""
        return Chunk(
            self.keys[start:stop],
            self.timestamps[start:stop],
            self.operations[start:stop],
            [
                ColumnVector(
                    column.values[start:stop],
                    None if column.nulls is None else column.nulls[start:stop],
                    column.scale,
                )
                for column in self.columns
            ],
        )


def chunk_of_rows(keys: list[bytes], timestamps: Sequence[int], rows: Sequence[Row | None], layout: Layout) -> Chunk:
    """Rows turned into columns; shorter rows are completed with `missing`, None becomes a tombstone.

    Raises ValueError for a row with more columns than the layout or a value of another type.
    """
    width = len(layout.columns)
    operations = np.zeros(len(rows), np.uint8)
    rows = rows if isinstance(rows, list) else list(rows)
    full: list[Row] = rows  # type: ignore[assignment]
    if type(None) in types_of(rows):
        operations = np.fromiter((TOMBSTONE if row is None else PUT for row in rows), np.uint8, len(rows))
        blank = (None,) * width
        full = [blank if row is None else row for row in rows]
    if lengths_of(full) != {width}:
        missing = tuple(column.missing for column in layout.columns)
        if max(map(len, full)) > width:
            raise ValueError(f"a row has more columns than the {width} of its layout")
        full = [row + missing[len(row) :] for row in full]
    columns = [
        vector_of(values, column) for values, column in zip(zip(*full, strict=True), layout.columns, strict=True)
    ]
    return Chunk(keys, np.frombuffer(array("q", timestamps), np.int64), operations, columns)


def joined(chunks: list[Chunk]) -> Chunk:
    """Chunks of one layout as one."""
    if len(chunks) == 1:
        return chunks[0]
    columns: list[ColumnVector] = []
    for number, first in enumerate(chunks[0].columns):
        parts = [chunk.columns[number] for chunk in chunks]
        nulls = None
        if any(part.nulls is not None for part in parts):
            nulls = np.concatenate(
                [np.zeros(len(part.values), np.bool_) if part.nulls is None else part.nulls for part in parts]
            )
        if isinstance(first.values, list):
            columns.append(ColumnVector(list(chain.from_iterable(part.values for part in parts)), nulls))
        else:
            values = np.concatenate([part.values for part in parts])
            columns.append(ColumnVector(values, nulls, first.scale))
    return Chunk(
        list(chain.from_iterable(chunk.keys for chunk in chunks)),
        np.concatenate([chunk.timestamps for chunk in chunks]),
        np.concatenate([chunk.operations for chunk in chunks]),
        columns,
    )


def string_columns(layout: Layout) -> list[int]:
    """The numbers of the columns whose values vary in length."""
    return [
        number
        for number, column in enumerate(layout.columns)
        if column.type is PhysicalType.TEXT or column.type is PhysicalType.BYTES
    ]
