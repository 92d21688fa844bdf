"""Rebuild: what the log holds beyond the table files, read into a memtable, in slices between the turns of the loop.

    record -> entries -> memtable;   more than a server may have in memory -> a level-0 file, and the next memtable

Few rows stay in memory and in the log, so that a start is quick. Once a file was needed, the rest becomes one too: no
later start reads that log again. The files count from the manifest on that this start writes at its end; those of a
start that was cut short are removed by the next one that needs their numbers, or at its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from datacave_core.errors import DataCorrupted
from datacave_core.layout import RAW_LAYOUT, Layout
from datacave_core.ports import FileSystem, Scheduler
from datacave_core.values import Row
from datacave_lsm.background import Slices
from datacave_lsm.flush import flush
from datacave_lsm.format import Seals
from datacave_lsm.memtable import Memtable
from datacave_lsm.options import EngineOptions
from datacave_lsm.retention import Retention, Retentions
from datacave_lsm.tablebuild import TableFactory
from datacave_lsm.version import VersionEdit
from datacave_lsm.version.levels import TABLE_FOLDER
from datacave_lsm.version.manifest import ManifestState
from datacave_lsm.wal import layouts_of, replay
from datacave_lsm.wal.replay import LogEnd
from datacave_lsm.wal.segment import NO_SPACE, segment_name, segment_numbers

SLICE_BYTES = 256 * 1024
"""What is read between two turns of the loop: a few milliseconds."""

ALL_VERSIONS = Retentions(Retention((0,)))
"""Nobody knows yet what is pinned."""


@dataclass(slots=True)
class Progress:
    """How far the log is read, for others to look at meanwhile; bytes are those of files, unused ends included."""

    bytes_total: int = 0
    bytes_read: int = 0
    rows: int = 0
    tables: int = 0


@dataclass(slots=True)
class LogContents:
    """What was found in the log: the rows that are still in memory, layouts, the newest commit, and where it ends."""

    memtable: Memtable
    layouts: dict[bytes, Layout] = field(default_factory=dict)
    newest_timestamp: int = 0
    end: LogEnd = field(default_factory=LogEnd)


class Rebuild:
    """Reads the log of one directory; `state` takes up the files that the log names or its rows have become."""

    __slots__ = (
        "_batch_bytes",
        "_batches",
        "_factory",
        "_files",
        "_flushing",
        "_options",
        "_seals",
        "_segment",
        "_state",
        "contents",
        "progress",
    )

    def __init__(
        self,
        files: FileSystem,
        seals: Seals,
        options: EngineOptions,
        state: ManifestState,
        scheduler: Scheduler,
        progress: Progress,
    ) -> None:
        self._files = files
        self._seals = seals
        self._options = options
        self._state = state
        self._batches: dict[int, dict[bytes, Row | None]] = {}
        self._batch_bytes: dict[int, int] = {}
        self._flushing = True
        self._segment = state.log_number
        # The log may have nothing any more of the newest commit, whose files are in the manifest.
        newest = max(state.timestamp, state.ingested)
        self.contents = LogContents(Memtable(state.log_number), newest_timestamp=newest)
        self.progress = progress
        layouts = self.contents.layouts

        def layout_of(prefix: bytes) -> Layout:
            return layouts.get(prefix, RAW_LAYOUT)

        factory = TableFactory(files, scheduler, seals, layout_of, self._take_number, options)
        self._factory = replace(factory.at_level(0), chosen=dict(state.compressions))

    def run(self) -> Slices[LogContents]:
        """Reads everything. Raises DataCorrupted, MasterKeyError, OSError."""
        state, contents, progress = self._state, self.contents, self.progress
        sizes = self._segment_sizes()
        progress.bytes_total = sum(sizes.values())
        # A segment is kept for the sake of a big commit that is in no table yet; others in it may be.
        known = state.timestamp
        most = (self._options.frozen_memtables_max + 1) * self._options.memtable_bytes_max
        done = read = 0
        for number, entry, size in replay(self._files, self._seals, state.log_number, state.closed, contents.end):
            self._segment = number
            if entry is None:
                done += sizes.get(number, 0)
                progress.bytes_read = done
                continue
            self._take(entry[0], entry[1], size, known)
            read += size
            if read >= SLICE_BYTES:
                progress.bytes_read = min(progress.bytes_read + read, progress.bytes_total)
                read = 0
                yield None
            if contents.memtable.bytes_used >= most and self._flushing:
                yield from self._flush()
        if progress.tables and self._flushing and len(contents.memtable):
            yield from self._flush()
        if progress.tables and self._flushing:
            state.log_number = contents.end.number + 1
            contents.memtable.log_number = state.log_number
        return contents

    def _segment_sizes(self) -> dict[int, int]:
        sizes = {}
        for number in segment_numbers(self._files):
            if number >= self._state.log_number:
                file = self._files.open(segment_name(number))
                try:
                    sizes[number] = file.size()
                finally:
                    file.close()
        return sizes

    def _take(self, timestamp: int, writes: object, size: int, known: int) -> None:
        """One entry; `known` is the newest commit that the manifest says is in tables."""
        contents, batches = self.contents, self._batches
        if timestamp < 0:
            if writes is None:
                batches.pop(-timestamp, None)
            else:
                assert isinstance(writes, dict)
                batches.setdefault(-timestamp, {}).update(writes)
                self._batch_bytes[-timestamp] = self._batch_bytes.get(-timestamp, 0) + size
            return
        if timestamp:
            contents.newest_timestamp = max(contents.newest_timestamp, timestamp)
            if isinstance(writes, bytes):
                if timestamp > self._state.ingested:
                    self._ingest(writes)
                return
            if not isinstance(writes, dict):
                assert isinstance(writes, tuple)
                size += self._batch_bytes.pop(writes[0], 0)
                writes = self._batch_of(writes, timestamp > known)
            if timestamp > known:
                contents.memtable.apply(timestamp, writes, size)
                self.progress.rows += len(writes)
            return
        assert isinstance(writes, dict)
        for prefix, layout in layouts_of((0, writes)).items():
            before = contents.layouts.get(prefix)
            contents.layouts[prefix] = layout
            if before is not None and (kept := layout.kept_of(before)) is not None:
                for _ in contents.memtable.fit_rows(prefix, layout, kept):
                    pass
                for rows in batches.values():
                    layout.fit_rows(rows, prefix, kept)

    def _ingest(self, edit: bytes) -> None:
        """Puts files in force that the log names and the manifest does not yet."""
        try:
            self._state.apply(VersionEdit.decode(edit))
        except ValueError as error:
            raise DataCorrupted(
                f'file "{segment_name(self._segment)}" names table files that contradict the manifest: {error}'
            ) from error

    def _batch_of(self, entry: tuple[int, int], needed: bool) -> dict[bytes, Row | None]:
        """The rows of a big commit that takes effect."""
        number, row_count = entry
        rows = self._batches.pop(number, {})
        if needed and len(rows) != row_count:
            raise DataCorrupted(
                f'file "{segment_name(self._segment)}" ends batch {number} with {row_count} rows, '
                f"of which the write-ahead log holds {len(rows)}"
            )
        return rows

    def _flush(self) -> Slices[None]:
        """Makes the memtable a table file; what cannot become one stays in memory, and so does all that follows."""
        if not self.progress.tables:
            self._remove_unrecorded()
        memtable = self.contents.memtable
        try:
            file = yield from flush(memtable, ALL_VERSIONS, self._factory, self._options.slice_rows)
        except (ValueError, TypeError, OverflowError):  # a row that does not fit its layout: the engine will say so
            self._flushing = False
            return
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            self._flushing = False
            return
        assert file is not None
        self._state.apply(
            VersionEdit(next_number=self._state.next_number, timestamp=memtable.max_timestamp, added=((0, file),))
        )
        self.progress.tables += 1
        self.contents.memtable = Memtable(memtable.log_number)
        yield from memtable.dismantle()

    def _take_number(self) -> int:
        number = self._state.next_number
        self._state.next_number = number + 1
        return number

    def _remove_unrecorded(self) -> None:
        """Removes files whose numbers no manifest has handed out: a crashed job or an earlier rebuild made them."""
        for entry in self._files.list(TABLE_FOLDER):
            number = entry.partition(".")[0]
            if number.isdecimal() and int(number) >= self._state.next_number:
                self._files.remove(f"{TABLE_FOLDER}/{entry}")
