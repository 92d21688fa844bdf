"""Flush: writes a frozen memtable into one level-0 file, a few thousand rows per slice.

In slices on the loop rather than in a thread, because turning rows into columns is Python work that would hold the
interpreter lock from the sessions in far longer turns; a slice of 2,048 rows takes a few milliseconds.
"""

from __future__ import annotations

from datacave_core.values import Row
from datacave_lsm.background import Slices
from datacave_lsm.memtable import Cell, Memtable
from datacave_lsm.retention import Retention
from datacave_lsm.tablebuild import TableFactory
from datacave_lsm.version import TableFile


def flush(memtable: Memtable, retention: Retention, factory: TableFactory, slice_rows: int) -> Slices[TableFile | None]:
    """The finished file, or None if the memtable is empty. Raises OSError; leaves nothing behind then."""
    if not memtable.cells:
        return None
    build = factory.begin()
    try:
        add_many = build.writer.add_many
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
                    add_many(entries)
                    entries = []
                    yield None
            add_many(entries)
            yield None
        file = yield from build.finish()
    except BaseException:
        build.abandon()
        raise
    return file


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
