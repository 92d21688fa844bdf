"""Versions: every kept version of a range, and the conflict check over a range."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from typing import TypeAlias

from datacave_core.layout import PREFIX_LENGTH, Layout
from datacave_core.ports import Version
from datacave_core.values import Row
from datacave_lsm.batch import Batch
from datacave_lsm.iterators.sources import STRETCH_ROWS_MAX, Sources
from datacave_lsm.memtable import Cell, Memtable
from datacave_lsm.table import Group
from datacave_lsm.version import TableHandle

Ordered: TypeAlias = tuple[bytes, int, Row | None]
"""Key, negated timestamp (so that the newest comes first), row."""


def all_versions(
    sources: Sources, low: bytes, high: bytes | None, after: int, until: int
) -> Iterator[tuple[bytes, Version]]:
    """All versions with after < timestamp <= until, by key, newest first."""
    found = [_of_memtable(table, low, high, after, until) for table in sources.memtables if table.max_timestamp > after]
    for handles in sources.view.sources(low, high):
        handles = [handle for handle in handles if handle.max_timestamp > after and handle.min_timestamp <= until]
        if handles:
            found.append(_of_tables(sources, handles, low, high, after, until))
    # Key and timestamp are unique together, so that rows are never compared.
    for key, negated, row in merge(*found):
        yield key, Version(-negated, row)


def _of_memtable(
    memtable: Memtable | Batch, low: bytes, high: bytes | None, after: int, until: int
) -> Iterator[Ordered]:
    find = memtable.find
    for keys in memtable.key_chunks(low, high, STRETCH_ROWS_MAX):
        for key in keys:
            cell: Cell | None = find(key)
            while cell is not None and cell[0] > after:
                if cell[0] <= until:
                    yield key, -cell[0], cell[1]
                cell = cell[2]


def _of_tables(
    sources: Sources, handles: list[TableHandle], low: bytes, high: bytes | None, after: int, until: int
) -> Iterator[Ordered]:
    for handle in handles:
        for group in handle.reader.groups(low, high):
            if group.max_timestamp <= after or group.min_timestamp > until:
                continue
            layout = sources.layout_of(group.first_key[:PREFIX_LENGTH])
            start, end = group.span(low, high)
            while start < end:
                stop = min(start + STRETCH_ROWS_MAX, end)
                rows = _group_rows(group, start, stop, layout)
                stamps = group.timestamps(start, stop).tolist()
                for key, stamp, row in zip(group.keys(start, stop), stamps, rows, strict=True):
                    if after < stamp <= until:
                        yield key, -stamp, row
                start = stop


def _group_rows(group: Group, start: int, stop: int, layout: Layout | None) -> list[Row | None]:
    """The rows of all versions of a span; None for tombstones."""
    rows: list[Row | None] = list(group.rows(None, layout, start, stop))
    if group.tombstone_count:
        for position in group.operations(start, stop).nonzero()[0].tolist():
            rows[position] = None
    return rows


def newest_after(sources: Sources, low: bytes, high: bytes | None, after: int) -> int | None:
    """The timestamp of some version in the range that is newer than `after`, or None."""
    for memtable in sources.memtables:
        if memtable.max_timestamp <= after:
            continue
        for keys in memtable.key_chunks(low, high, STRETCH_ROWS_MAX):
            newest = memtable.newest_of(keys)
            if newest > after:
                return newest
    for handles in sources.view.sources(low, high):
        for handle in handles:
            if handle.max_timestamp <= after:
                continue
            for group in handle.reader.groups(low, high, cached=True):
                if group.max_timestamp > after:
                    start, stop = group.span(low, high)
                    if start < stop and (newest := int(group.timestamps(start, stop).max())) > after:
                        return newest
    return None
