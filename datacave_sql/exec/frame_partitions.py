"""Frame partitions: rows in columns that are put aside by the hash of their key, as partitioning.py does for rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.wait import Steps, Wait
from datacave_sql.exec.partitioning import PARTITIONS_MAX, PARTITIONS_MIN
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.spill import Run, Spill, block_bytes
from datacave_sql.vectors.vector import Frame, Places, Vector, joined_frames

_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def vector_bytes(vector: Vector) -> int:
    """About how many bytes of memory a vector takes."""
    values = vector.values
    size = 8 * len(values) + rows_bytes(values) if isinstance(values, list) else values.nbytes
    return size + (vector.nulls.nbytes if vector.nulls is not None else 0)


def frame_bytes(frame: Frame) -> int:
    """About how many bytes of memory a frame takes."""
    return sum(map(vector_bytes, frame.columns.values()))


def integer_partitions(keys: Sequence[Vector], level: int, count: int) -> Places:
    """The partition of each row by integer keys; rows with a NULL go anywhere."""
    mixed: NDArray[np.uint64] = np.full(len(keys[0]), level + 1, np.uint64)
    for key in keys:
        mixed = (mixed ^ np.asarray(key.values, np.int64).view(np.uint64)) * _MIX
        mixed ^= mixed >> _SHIFT
    return (mixed % np.uint64(count)).astype(np.int64)


def value_partitions(keys: Sequence[Any], level: int, count: int) -> Places:
    """The partition of each row by keys of any type."""
    return np.fromiter((hash((level, key)) % count for key in keys), np.int64, len(keys))


class FramePartitions:
    """Partitions of frames with columns of these types, of operators that may hold `limit` bytes."""

    __slots__ = ("_block_bytes", "_pending", "_sizes", "_spill", "_types", "count", "runs")

    def __init__(self, spill: Spill, limit: int, types: Mapping[int, int]) -> None:
        self._spill = spill
        self._types = types
        self._block_bytes = block_bytes(limit)
        self.count = max(PARTITIONS_MIN, min(PARTITIONS_MAX, limit // (4 * self._block_bytes)))
        self._pending: list[list[Frame]] = [[] for _ in range(self.count)]
        self._sizes = [0] * self.count
        self.runs = [Run() for _ in range(self.count)]

    def spread(self, frame: Frame, numbers: Places) -> Steps[None]:
        """Puts each row aside by its number."""
        if not frame.count:
            return
        columns = {column: vector.spread(frame.count) for column, vector in frame.columns.items()}
        whole = Frame(columns, frame.count)
        row_bytes = max(1, frame_bytes(whole) // frame.count)
        order = np.argsort(numbers, kind="stable")
        bounds = np.searchsorted(numbers[order], np.arange(self.count + 1))
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            places = order[bounds[number] : bounds[number + 1]]
            self._pending[number].append(Frame(whole.take(places, tuple(columns)), len(places)))
            self._sizes[number] += row_bytes * len(places)
            if self._sizes[number] >= self._block_bytes:
                yield from self._flush(number)

    def finish(self) -> Steps[None]:
        """Puts aside what is waiting."""
        for number, waiting in enumerate(self._pending):
            if waiting:
                yield from self._flush(number)

    def _flush(self, number: int) -> Steps[None]:
        frame = joined_frames(self._pending[number], self._types)
        self._pending[number], self._sizes[number] = [], 0
        run = self.runs[number]
        # Cut to the blocks' size: few rows can be wide, and readers hold a block at a time.
        pieces = max(1, min(frame.count, frame_bytes(frame) // (4 * self._block_bytes)))
        size = -(-frame.count // pieces)
        for start in range(0, frame.count, size):
            run.places.append((yield from self._spill.write(frame.part(start, start + size))))
        run.rows += frame.count


def frames_of(run: Run, spill: Spill) -> Iterator[Frame | Wait]:
    """The frames of a partition."""
    read: Iterator[Any] = run.read(spill)
    yield from read
