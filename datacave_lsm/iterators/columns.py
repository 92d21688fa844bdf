"""Column scans: the visible rows of a range as column vectors.

Table files give their columns without building rows. Which rows of an older file a newer file hides never changes, as
files do not; it is computed once per group and newer file and kept with the handle, so that later scans read neither
keys nor timestamps of fully visible data. Rows in memtables are turned into vectors, a thousand or two at a time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import PREFIX_LENGTH, RAW_LAYOUT, Layout
from datacave_core.rowbatch import ColumnBatch, ColumnVector
from datacave_core.values import Row
from datacave_lsm.format.encodings import vector_of
from datacave_lsm.format.listfacts import column_of, types_of
from datacave_lsm.iterators.merge import merge
from datacave_lsm.iterators.sources import Sources, Stretch
from datacave_lsm.table import Group
from datacave_lsm.version import TableHandle

FEW_KEYS = 64
"""Up to this many keys of memtables within a group are searched one by one; more are looked up as a set."""


def scan_columns(
    sources: Sources,
    low: bytes,
    high: bytes | None,
    timestamp: int,
    columns: Sequence[int],
    with_keys: bool,
) -> Iterator[ColumnBatch]:
    """Batches in any order, each in key order."""
    layout = sources.layout_of(low[:PREFIX_LENGTH])
    layers = sources.layers(low, high, timestamp)
    memtables = sources.stretches(low, high, timestamp, [])
    fresh: Iterable[Stretch] = merge(memtables) if memtables else ()
    fresh_keys: list[bytes] = []
    if layers and memtables:
        fresh = list(fresh)
        for keys, _ in fresh:
            fresh_keys += keys
    newer: list[TableHandle] = []
    for handles in layers:
        for handle in handles:
            if handle.min_timestamp <= timestamp:
                yield from _of_table(handle, newer, fresh_keys, layout, low, high, timestamp, columns, with_keys)
        newer += handles
    for keys, rows in fresh:
        yield from _of_rows(keys, rows, layout or RAW_LAYOUT, columns, with_keys)


def _of_rows(
    keys: list[bytes], rows: list[Row | None], layout: Layout, columns: Sequence[int], with_keys: bool
) -> Iterator[ColumnBatch]:
    """Rows of memtables as vectors, if there are any besides tombstones."""
    if type(None) in types_of(rows):
        if with_keys:
            keys = [key for key, row in zip(keys, rows, strict=True) if row is not None]
        rows = [row for row in rows if row is not None]
    if rows:
        vectors = [vector_of(column_of(cast("list[Row]", rows), at), layout.columns[at]) for at in columns]
        yield ColumnBatch(len(rows), vectors, keys if with_keys else None)


def _of_table(
    handle: TableHandle,
    newer: list[TableHandle],
    fresh_keys: list[bytes],
    layout: Layout | None,
    low: bytes,
    high: bytes | None,
    timestamp: int,
    columns: Sequence[int],
    with_keys: bool,
) -> Iterator[ColumnBatch]:
    for group in handle.reader.groups(low, high, cached=True):
        start, stop = group.span(low, high)
        if group.min_timestamp > timestamp or start == stop:
            continue
        mask = _own_mask(handle, group, timestamp)
        for other in newer:
            if other.smallest <= group.last_key and other.largest >= group.first_key:
                mask = _and(mask, _shown_beside(handle, group, other, timestamp))
        mask = _and(mask, _shown_beside_keys(group, fresh_keys))
        if group.tombstone_count:
            mask = _and(mask, group.operations() == 0)
        if mask is None or mask[start:stop].all():
            vectors = [group.column(number, layout, start, stop) for number in columns]
            yield ColumnBatch(stop - start, vectors, group.keys(start, stop) if with_keys else None)
            continue
        places = np.flatnonzero(mask[start:stop])
        if len(places):
            vectors = [_taken(group.column(number, layout, start, stop), places) for number in columns]
            shown = None
            if with_keys:
                keys = group.keys(start, stop)
                shown = [keys[at] for at in places.tolist()]
            yield ColumnBatch(len(places), vectors, shown)


def _own_mask(handle: TableHandle, group: Group, timestamp: int) -> NDArray[np.bool_] | None:
    """The rows that are, within this file, the newest version at or before the timestamp; None means all."""
    repeats = _repeats(handle, group)
    hidden = handle.reader.hides_first(group, timestamp)
    if repeats is None and not hidden and group.max_timestamp <= timestamp:
        return None
    old_enough = group.timestamps() <= timestamp
    mask = old_enough.copy()
    if repeats is not None:
        # Timestamps descend within a key, so that a row is the first old enough one if the row before is not.
        mask[1:] &= ~(repeats[1:] & old_enough[:-1])
    if hidden:
        mask[0] = False
    return mask


def _repeats(handle: TableHandle, group: Group) -> NDArray[np.bool_] | None:
    """The rows whose key the row before has, too; None if there are none."""
    place = (group.number, -1)
    if place in handle.masks:
        return handle.masks[place]
    found = handle.masks[place] = group.repeats()
    return found


def _shown_beside(handle: TableHandle, group: Group, other: TableHandle, timestamp: int) -> NDArray[np.bool_] | None:
    """The rows of a group that no version in a newer file hides at the timestamp; None means all."""
    place = (group.number, other.file.number)
    lasting = other.max_timestamp <= timestamp
    if lasting and place in handle.masks:
        return handle.masks[place]
    hiding: set[bytes] = set()
    high = group.last_key + b"\0"
    for newer in other.reader.groups(group.first_key, high):
        if newer.min_timestamp > timestamp:
            continue
        start, stop = newer.span(group.first_key, high)
        keys = newer.keys(start, stop)
        if newer.max_timestamp > timestamp:
            old_enough = (newer.timestamps(start, stop) <= timestamp).tolist()
            keys = [key for key, old in zip(keys, old_enough, strict=True) if old]
        hiding.update(keys)
    mask = None
    if hiding:
        keys = group.keys()
        mask = np.fromiter((key not in hiding for key in keys), np.bool_, len(keys))
        if mask.all():
            mask = None
    if lasting:
        handle.masks[place] = mask
    return mask


def _shown_beside_keys(group: Group, fresh_keys: list[bytes]) -> NDArray[np.bool_] | None:
    """The rows of a group that are not among sorted keys; None means all."""
    start = bisect_left(fresh_keys, group.first_key)
    stop = bisect_right(fresh_keys, group.last_key, start)
    if start == stop:
        return None
    if stop - start > FEW_KEYS:
        hiding = set(fresh_keys[start:stop])
        keys = group.keys()
        return np.fromiter((key not in hiding for key in keys), np.bool_, group.row_count)
    mask = None
    for key in fresh_keys[start:stop]:
        first, after = group.span(key, key + b"\0")
        if first < after:
            if mask is None:
                mask = np.ones(group.row_count, np.bool_)
            mask[first:after] = False
    return mask


def _and(left: NDArray[np.bool_] | None, right: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    if left is None:
        return right
    return left if right is None else left & right


def _taken(vector: ColumnVector, places: NDArray[np.int64]) -> ColumnVector:
    nulls = None if vector.nulls is None else vector.nulls[places]
    values = vector.values
    if isinstance(values, list):
        return ColumnVector([values[at] for at in places.tolist()], nulls, vector.scale)
    return ColumnVector(values[places], nulls, vector.scale)
