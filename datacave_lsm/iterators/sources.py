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
STRETCH_ROWS_MAX = 1024
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
        self, low: bytes, high: bytes | None, timestamp: int, layers: list[list[TableHandle]], *, reverse: bool = False
    ) -> list[Iterator[Stretch]]:
        """One iterator per memtable that may have keys with low <= key < high, and per layer of files."""
        found = [
            memtable_stretches(table, low, high, timestamp, reverse)
            for table in self.memtables
            if len(table) and table.order.overlaps(low, high)
        ]
        for layer in layers:
            found.append(table_stretches(layer, low, high, timestamp, self.layout_of, reverse))
        return found

    def layers(self, low: bytes, high: bytes | None, timestamp: int) -> list[list[TableHandle]]:
        """The files that may have anything to see, newest first; each list is ordered by key."""
        layers = self.view.sources(low, high)
        if timestamp >= self.view.max_timestamp:
            return layers
        chosen = [[handle for handle in layer if handle.min_timestamp <= timestamp] for layer in layers]
        return [layer for layer in chosen if layer]


def memtable_stretches(
    memtable: Memtable | Batch, low: bytes, high: bytes | None, timestamp: int, reverse: bool
) -> Iterator[Stretch]:
    for keys in memtable.key_chunks(low, high, FIRST_ROWS, reverse=reverse):
        found = memtable.visible(keys, timestamp)
        if found[0]:
            yield found


def spans(
    handles: list[TableHandle], low: bytes, high: bytes | None, timestamp: int, reverse: bool, rows_max: int
) -> Iterator[tuple[Group, int, int, bool]]:
    """The rows of one layer with low <= key < high, in spans that grow: group, first row, end, and what its group's
    `visible_...` call `hidden`. In reverse the spans come from the end; within one nothing is turned."""
    size = min(FIRST_ROWS, rows_max)
    for handle in reversed(handles) if reverse else handles:
        for group in handle.reader.groups(low, high, reverse=reverse, cached=True):
            if group.min_timestamp > timestamp:
                continue
            start, end = group.span(low, high)
            hidden = handle.reader.hides_first(group, timestamp)
            while start < end:
                if reverse:
                    begin = max(start, end - size)
                    yield group, begin, end, hidden
                    end = begin
                else:
                    stop = min(start + size, end)
                    yield group, start, stop, hidden
                    start = stop
                size = min(size * GROWTH, rows_max)


def table_stretches(
    handles: list[TableHandle], low: bytes, high: bytes | None, timestamp: int, layout_of: LayoutOf, reverse: bool
) -> Iterator[Stretch]:
    """What one layer of files holds."""
    for group, start, stop, hidden in spans(handles, low, high, timestamp, reverse, STRETCH_ROWS_MAX):
        layout = layout_of(group.first_key[:PREFIX_LENGTH])
        keys, rows = group.visible_stretch(start, stop, timestamp, hidden, layout)
        if reverse:
            keys.reverse()
            rows.reverse()
        if keys:
            yield keys, rows
