"""Flush: writes a frozen memtable into one level-0 file, a few thousand rows per slice.

In slices on the loop rather than in a thread, because turning rows into columns is Python work that would hold the
interpreter lock from the sessions in far longer turns; a slice of 2,048 rows takes a few milliseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datacave_core.errors import DatacaveError
from datacave_core.layout import PREFIX_LENGTH, Layout
from datacave_core.values import Row
from datacave_lsm.background import Slices
from datacave_lsm.batch import Batch
from datacave_lsm.memtable import Memtable
from datacave_lsm.retention import Retentions
from datacave_lsm.table import TableWriter
from datacave_lsm.table.chunk import chunk_of_rows
from datacave_lsm.tablebuild import TableFactory
from datacave_lsm.version import TableFile


class RowMisfit(DatacaveError):
    """A row does not fit the layout of its prefix, so that its memtable cannot become a table file.

    Nothing is lost and reads go on: the row stays in memory and in the log. Writers go on until memory is full.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"a row does not fit its table: {cause}",
            hint="Writes stop when memory is full. The data is in the write-ahead log; restarting does not help.",
        )


FILE_SHARE = 0.1
"""What completing and syncing a file counts for among the work of a flush."""


@dataclass(slots=True)
class FlushProgress:
    """How far the flush of a memtable is."""

    keys_total: int = 0
    keys_done: int = 0

    @property
    def share(self) -> float:
        """From 0 to the part that is not the file."""
        return (1 - FILE_SHARE) * self.keys_done / self.keys_total if self.keys_total else 0.0


def flush(
    memtable: Memtable | Batch,
    retentions: Retentions,
    factory: TableFactory,
    slice_rows: int,
    progress: FlushProgress | None = None,
) -> Slices[TableFile | None]:
    """The finished file, or None if the memtable is empty. Raises OSError; leaves nothing behind then."""
    progress = progress or FlushProgress()
    progress.keys_done, progress.keys_total = 0, len(memtable)
    if not len(memtable):
        return None
    build = factory.begin()
    try:
        for chunk in memtable.key_chunks(None, None, slice_rows):
            for piece, retention in retentions.runs(chunk):
                keys, timestamps, rows = memtable.kept(piece, retention)
                # A key with many versions makes a chunk long.
                for start in range(0, len(keys), 2 * slice_rows):
                    stop = start + 2 * slice_rows
                    _add(build.writer, factory.layout_of, keys[start:stop], timestamps[start:stop], rows[start:stop])
                    yield None
            progress.keys_done += len(chunk)
        file = yield from build.finish()
    except BaseException:
        build.abandon()
        raise
    return file


def _add(
    writer: TableWriter,
    layout_of: Callable[[bytes], Layout],
    keys: list[bytes],
    timestamps: Sequence[int],
    rows: Sequence[Row | None],
) -> None:
    """Adds versions as columns right away: rows left to the writer would become columns 8,192 at a time."""
    start, last = 0, keys[-1][:PREFIX_LENGTH]
    while start < len(keys):
        prefix, stop = keys[start][:PREFIX_LENGTH], len(keys)
        if prefix != last:
            stop = bisect_right(keys, prefix, start, key=_prefix)
        layout = layout_of(prefix)
        chunk = chunk_of_rows(keys[start:stop], timestamps[start:stop], rows[start:stop], layout)
        writer.add_columns(chunk.keys, chunk.timestamps, chunk.operations, chunk.columns, layout)
        start = stop


def _prefix(key: bytes) -> bytes:
    return key[:PREFIX_LENGTH]
