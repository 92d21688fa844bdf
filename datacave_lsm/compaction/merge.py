"""Merge: several table files into new ones, as columns, without turning them into rows.

All inputs advance together up to a pivot that none of them has left behind; the versions up to it are joined, put in
order by one stable sort and thinned out. Inputs come newest first and hold older versions the later they
come, so a stable sort by key alone leaves the versions of a key newest first.

Invariants: the versions of a key are always handled together and never fall into two output files; a tombstone is
dropped only on the bottom level, below the horizon, and when no older version of its key stays.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import eq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import PREFIX_LENGTH, Layout
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.background import Slices
from datacave_lsm.compaction.pace import Pace
from datacave_lsm.format.encodings.vectors import constant_vector
from datacave_lsm.retention import Retention, Retentions
from datacave_lsm.table import TOMBSTONE, Group, TableReader
from datacave_lsm.tablebuild import TableBuild, TableFactory
from datacave_lsm.version import TableFile


class _Input:
    """One sorted input: files that do not overlap, in key order, and how far its current stretch is used up.

    A stretch is a group, or several while the versions of one key go on from group to group, so that all versions of a
    key are in one stretch. `keys` are those of the whole stretch; `_parts` its groups, each with its first place.
    """

    __slots__ = ("_groups", "_next", "_parts", "keys", "start")

    def __init__(self, readers: Sequence[TableReader]) -> None:
        self._groups: Iterator[Group] = chain.from_iterable(reader.groups() for reader in readers)
        self._next: Group | None = next(self._groups, None)
        self._parts: list[tuple[Group, int]] = []
        self.start = 0
        self.keys: list[bytes] = []

    def advance(self) -> bool:
        """Goes to the next stretch; False at the end."""
        group = self._next
        if group is None:
            return False
        self.start = 0
        self._parts = [(group, 0)]
        self.keys = group.keys()
        while (following := next(self._groups, None)) is not None and following.first_key == self.keys[-1]:
            self._parts.append((following, len(self.keys)))
            self.keys = self.keys + following.keys()
        self._next = following
        return True

    def take(self, stop: int) -> list[_Span]:
        """The versions up to a place, which are then used up."""
        spans = []
        for group, first in self._parts:
            low, high = max(self.start - first, 0), min(stop - first, group.row_count)
            if low < high:
                spans.append(_Span(group, low, high, self.keys[first + low : first + high]))
        self.start = stop
        return spans


class _Span(NamedTuple):
    """Rows start .. stop of a group, and their keys."""

    group: Group
    start: int
    stop: int
    keys: list[bytes]


def _kept(
    keys: list[bytes],
    timestamps: NDArray[np.int64],
    operations: NDArray[np.uint8],
    retention: Retention,
    bottom: bool,
) -> NDArray[np.bool_]:
    """Which versions stay; the versions of a key are complete, and newest first."""
    count = len(keys)
    same = np.zeros(count, np.bool_)
    same[1:] = np.fromiter(map(eq, keys[1:], keys), np.bool_, count - 1)
    buckets = retention.buckets(timestamps)
    newest = len(retention.snapshots)
    kept: NDArray[np.bool_] = (buckets == newest) | ~same
    kept[1:] |= buckets[1:] != buckets[:-1]
    if bottom and operations.any():
        places = np.flatnonzero(kept)
        last_of_key = np.ones(len(places), np.bool_)
        # Two kept versions are of one key if nothing but versions of that key lies from the first to the second.
        runs = np.cumsum(~same)[places]
        last_of_key[:-1] = runs[1:] != runs[:-1]
        kept[places[last_of_key & (operations[places] == TOMBSTONE) & (buckets[places] < newest)]] = False
    return kept


def merge_tables(
    inputs: Sequence[Sequence[TableReader]],
    bottom: bool,
    retentions: Retentions,
    factory: TableFactory,
    layout_of: Callable[[bytes], Layout | None],
    table_bytes_max: int,
    slice_rows: int,
    bytes_per_second_max: int = 0,
) -> Slices[list[TableFile]]:
    """The output files in key order. `inputs` are ordered newest first; each holds files that do not overlap.

    Raises OSError and DataCorrupted; leaves nothing behind when it fails.
    """
    finished: list[TableFile] = []
    pace = Pace(factory.scheduler, bytes_per_second_max)
    build: TableBuild | None = None
    active = [each for readers in inputs if (each := _Input(readers)).advance()]
    try:
        while active:
            prefix = min(each.keys[each.start][:PREFIX_LENGTH] for each in active)
            chosen = [each for each in active if each.keys[each.start][:PREFIX_LENGTH] == prefix]
            share = max(slice_rows // len(chosen), 1)
            pivot = min(each.keys[min(each.start + share, len(each.keys)) - 1] for each in chosen)
            spans: list[_Span] = []
            for each in chosen:
                spans += each.take(bisect_right(each.keys, pivot, each.start))
            active = [each for each in active if each.start < len(each.keys) or each.advance()]
            layout = _newest_layout(spans, layout_of(prefix))
            for span in spans:
                span.group.fit(layout)
            keys, timestamps, operations, columns = _joined(spans, layout)
            yield None
            kept = _kept(keys, timestamps, operations, retentions.of(prefix), bottom)
            if not kept.all():
                places = np.flatnonzero(kept)
                keys = [keys[at] for at in places.tolist()]
                timestamps, operations = timestamps[places], operations[places]
                columns = [_taken(column, places) for column in columns]
            if not keys:
                continue
            if build is not None and build.writer.bytes_written >= table_bytes_max:
                finished.append((yield from build.finish()))
                build = None
            if build is None:
                build = factory.begin()
            build.writer.add_columns(keys, timestamps, operations, columns, layout)
            yield None
            yield from pace.follow(build.writer.bytes_written)
        if build is not None:
            finished.append((yield from build.finish()))
            build = None
    except BaseException:
        factory.discard(finished)
        if build is not None:
            build.abandon()
        raise
    return finished


def _newest_layout(spans: list[_Span], registered: Layout | None) -> Layout:
    if registered is not None:
        return registered
    # Deletes of a dropped table come under whatever layout there was for them; rows know their own.
    groups = [span.group for span in spans if not _only_deletes(span)] or [span.group for span in spans]
    # Of columns that were added at one place the last one stands: the others were taken back.
    return max((group.layout for group in groups), key=lambda layout: [column.added for column in layout.columns])


def _only_deletes(span: _Span) -> bool:
    return bool((span.group.operations(span.start, span.stop) == TOMBSTONE).all())


def _columns(span: _Span, layout: Layout) -> list[ColumnVector]:
    """The value columns of a span under a layout."""
    group, start, stop, _ = span
    own = group.layout.columns
    same = all(one.type is other.type for one, other in zip(own, layout.columns, strict=False))
    if not same and _only_deletes(span):
        return [constant_vector(None, column, stop - start) for column in layout.columns]
    return [group.column(number, layout, start, stop) for number in range(len(layout.columns))]


def _joined(
    spans: list[_Span], layout: Layout
) -> tuple[list[bytes], NDArray[np.int64], NDArray[np.uint8], list[ColumnVector]]:
    """The versions of all spans in order."""
    width = range(len(layout.columns))
    parts = [_columns(span, layout) for span in spans]
    if len(spans) == 1:
        group, start, stop, keys = spans[0]
        return keys, group.timestamps(start, stop), group.operations(start, stop), parts[0]
    keys = list(chain.from_iterable(span.keys for span in spans))
    timestamps = np.concatenate([group.timestamps(start, stop) for group, start, stop, _ in spans])
    operations = np.concatenate([group.operations(start, stop) for group, start, stop, _ in spans])
    order = sorted(range(len(keys)), key=keys.__getitem__)
    places = np.array(order, np.int64)
    columns = [_taken(_concatenated([part[number] for part in parts]), places) for number in width]
    return [keys[at] for at in order], timestamps[places], operations[places], columns


def _concatenated(vectors: list[ColumnVector]) -> ColumnVector:
    nulls = None
    if any(vector.nulls is not None for vector in vectors):
        nulls = np.concatenate(
            [np.zeros(len(vector.values), np.bool_) if vector.nulls is None else vector.nulls for vector in vectors]
        )
    if isinstance(vectors[0].values, list):
        return ColumnVector(list(chain.from_iterable(vector.values for vector in vectors)), nulls, vectors[0].scale)
    return ColumnVector(np.concatenate([vector.values for vector in vectors]), nulls, vectors[0].scale)


def _taken(vector: ColumnVector, places: NDArray[np.int64]) -> ColumnVector:
    nulls = None if vector.nulls is None else vector.nulls[places]
    values = vector.values
    if isinstance(values, list):
        return ColumnVector([values[at] for at in places.tolist()], nulls, vector.scale)
    return ColumnVector(values[places], nulls, vector.scale)
