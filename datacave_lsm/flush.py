"""Flush: writes a frozen memtable into one level-0 file, a few thousand rows per slice.

In slices on the loop rather than in a thread, because turning rows into columns is Python work that would hold the
interpreter lock from the sessions in far longer turns; a slice of 2,048 rows takes a few milliseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from datacave_core.layout import PREFIX_LENGTH, Layout
from datacave_core.values import Row
from datacave_lsm.background import Slices
from datacave_lsm.memtable import Cell, Memtable
from datacave_lsm.retention import Retention
from datacave_lsm.table import TableWriter
from datacave_lsm.table.chunk import chunk_of_rows
from datacave_lsm.tablebuild import TableFactory
from datacave_lsm.version import TableFile


def flush(memtable: Memtable, retention: Retention, factory: TableFactory, slice_rows: int) -> Slices[TableFile | None]:
    """The finished file, or None if the memtable is empty. Raises OSError; leaves nothing behind then."""
    if not memtable.cells:
        return None
    build = factory.begin()
    try:
        add = _adder(build.writer, factory.layout_of)
        for keys in memtable.key_chunks(None, None, slice_rows):
            entries: list[tuple[bytes, int, Row | None]] = []
            cells = memtable.cells
            for key in keys:
                cell: Cell = cells[key]
                if cell[2] is None:
                    entries.append((key, cell[0], cell[1]))
                    continue
                _kept_versions(key, cell, retention, entries)
                if len(entries) >= 2 * slice_rows:
                    add(entries)
                    entries = []
                    yield None
            add(entries)
            yield None
        file = yield from build.finish()
    except BaseException:
        build.abandon()
        raise
    return file


def _adder(
    writer: TableWriter, layout_of: Callable[[bytes], Layout]
) -> Callable[[list[tuple[bytes, int, Row | None]]], None]:
    """Adds entries as columns right away: rows left to the writer would become columns 8,192 at a time."""

    def add(entries: list[tuple[bytes, int, Row | None]]) -> None:
        start = 0
        while start < len(entries):
            prefix = entries[start][0][:PREFIX_LENGTH]
            stop = len(entries)
            if entries[-1][0][:PREFIX_LENGTH] != prefix:
                stop = bisect_right(entries, prefix, start, key=_prefix)
            keys, timestamps, rows = zip(*entries[start:stop], strict=True)
            layout = layout_of(prefix)
            chunk = chunk_of_rows(list(keys), timestamps, rows, layout)
            writer.add_columns(chunk.keys, chunk.timestamps, chunk.operations, chunk.columns, layout)
            start = stop

    return add


def _prefix(entry: tuple[bytes, int, Row | None]) -> bytes:
    return entry[0][:PREFIX_LENGTH]


def _kept_versions(
    key: bytes, cell: Cell | None, retention: Retention, entries: list[tuple[bytes, int, Row | None]]
) -> None:
    horizon = retention.horizon
    newer_bucket = -1
    while cell is not None:
        timestamp, row, cell = cell
        if timestamp > horizon:
            entries.append((key, timestamp, row))
        elif (bucket := retention.bucket(timestamp)) != newer_bucket:
            newer_bucket = bucket
            entries.append((key, timestamp, row))
