"""Sources: the memtables and files a read of a key range has to look at, newest first.

Each source gives stretches: ascending (or descending) keys and, for each, the row of the newest version at or before
the timestamp within this source; a row of None is a tombstone. A key comes once per source. Stretches grow, so that a
short range pays for few rows and a long one for few stretches.

Invariant: of two sources with the same key the earlier one holds the newer versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from datacave_core.layout import PREFIX_LENGTH, Layout
from datacave_core.values import Row
from datacave_lsm.batch import Batch
from datacave_lsm.memtable import Memtable
from datacave_lsm.table import Group
from datacave_lsm.version import TableHandle, View

Stretch: TypeAlias = tuple[list[bytes], list[Row | None]]
LayoutOf: TypeAlias = Callable[[bytes], Layout | None]

FIRST_ROWS = 16
STRETCH_ROWS_MAX = 4096
GROWTH = 4


class Sources:
    """A consistent state to read from: memtables newest first, the files, and today's layouts by prefix.

    Memtables and files stay for as long as this object does: a scan holds it until its end.
    """

    __slots__ = ("layout_of", "memtables", "view")

    def __init__(self, memtables: tuple[Memtable | Batch, ...], view: View, layout_of: LayoutOf) -> None:
        self.memtables = memtables
        self.view = view
        self.layout_of = layout_of
        for memtable in memtables:
            memtable.readers += 1

    def __del__(self) -> None:
        for memtable in self.memtables:
            memtable.readers -= 1

    def stretches(
        self,
        low: bytes,
        high: bytes | None,
        timestamp: int,
        *,
        reverse: bool = False,
        handles: list[list[TableHandle]] | None = None,
    ) -> list[Iterator[Stretch]]:
        """One iterator per source that may have keys with low <= key < high; `handles` are other files than all."""
        found = [
            memtable_stretches(table, low, high, timestamp, reverse)
            for table in self.memtables
            if len(table) and table.order.overlaps(low, high)
        ]
        for layer in self.view.sources(low, high) if handles is None else handles:
            chosen = [handle for handle in layer if handle.min_timestamp <= timestamp]
            if chosen:
                read = _backward if reverse else _forward
                found.append(read(_groups(chosen, low, high, reverse), low, high, timestamp, self.layout_of))
        return found


def memtable_stretches(
    memtable: Memtable | Batch, low: bytes, high: bytes | None, timestamp: int, reverse: bool
) -> Iterator[Stretch]:
    for keys in memtable.key_chunks(low, high, FIRST_ROWS, reverse=reverse):
        found = memtable.visible(keys, timestamp)
        if found[0]:
            yield found


def _groups(handles: list[TableHandle], low: bytes, high: bytes | None, reverse: bool) -> Iterator[Group]:
    for handle in reversed(handles) if reverse else handles:
        yield from handle.reader.groups(low, high, reverse=reverse, cached=True)


def group_rows(group: Group, start: int, stop: int, layout: Layout | None) -> list[Row | None]:
    """The rows of a span of a group; None for tombstones."""
    rows: list[Row | None] = list(group.rows(None, layout, start, stop))
    if group.tombstone_count:
        for position in group.operations(start, stop).nonzero()[0].tolist():
            rows[position] = None
    return rows


def _forward(
    groups: Iterator[Group], low: bytes, high: bytes | None, timestamp: int, layout_of: LayoutOf
) -> Iterator[Stretch]:
    size = FIRST_ROWS
    settled: bytes | None = None  # the last key whose version was chosen
    for group in groups:
        if group.min_timestamp > timestamp:
            continue
        layout = layout_of(group.first_key[:PREFIX_LENGTH])
        start, end = group.span(low, high)
        all_visible = group.max_timestamp <= timestamp
        while start < end:
            stop = min(start + size, end)
            size = min(size * GROWTH, STRETCH_ROWS_MAX)
            keys = group.keys(start, stop)
            rows = group_rows(group, start, stop, layout)
            if not (all_visible and keys[0] != settled and _unique(keys)):
                keys, rows, settled = _first_visible(keys, _timestamps(group, start, stop), rows, timestamp, settled)
            else:
                settled = keys[-1]
            start = stop
            if keys:
                yield keys, rows


def _first_visible(
    keys: list[bytes], timestamps: list[int], rows: list[Row | None], timestamp: int, settled: bytes | None
) -> tuple[list[bytes], list[Row | None], bytes | None]:
    """Versions of a key come newest first: the first one that is old enough is the one to see."""
    visible_keys: list[bytes] = []
    visible_rows: list[Row | None] = []
    for key, at, row in zip(keys, timestamps, rows, strict=True):
        if at <= timestamp and key != settled:
            settled = key
            visible_keys.append(key)
            visible_rows.append(row)
    return visible_keys, visible_rows, settled


def _backward(
    groups: Iterator[Group], low: bytes, high: bytes | None, timestamp: int, layout_of: LayoutOf
) -> Iterator[Stretch]:
    """Against the key order versions come oldest first: the last one that is old enough counts, so that the final key
    of a stretch is held back until the next stretch begins with another."""
    size = FIRST_ROWS
    held: tuple[bytes, Row | None] | None = None
    for group in groups:
        if group.min_timestamp > timestamp:
            continue
        layout = layout_of(group.first_key[:PREFIX_LENGTH])
        start, end = group.span(low, high)
        while start < end:
            begin = max(start, end - size)
            size = min(size * GROWTH, STRETCH_ROWS_MAX)
            keys = group.keys(begin, end)
            rows = group_rows(group, begin, end, layout)
            if group.max_timestamp > timestamp:
                timestamps = _timestamps(group, begin, end)
                kept = [at for at, stamp in enumerate(timestamps) if stamp <= timestamp]
                keys, rows = [keys[at] for at in kept], [rows[at] for at in kept]
            end = begin
            if not keys:
                continue
            keys.reverse()
            rows.reverse()
            if held is not None:
                keys.insert(0, held[0])
                rows.insert(0, held[1])
            # A dictionary keeps the place of the first and the value of the last of equal keys.
            newest = dict(zip(keys, rows, strict=True))
            held = newest.popitem()
            if newest:
                yield list(newest), list(newest.values())
    if held is not None:
        yield [held[0]], [held[1]]


def _timestamps(group: Group, start: int, stop: int) -> list[int]:
    stamps: list[int] = group.timestamps(start, stop).tolist()
    return stamps


def _unique(keys: list[bytes]) -> bool:
    return len(set(keys)) == len(keys)
