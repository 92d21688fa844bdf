"""Engine: the Store port over log, memtables and table files. Here is order; neighbours do the work.

    commit  -> log buffer and active memtable -> (durable) visible
    freeze  -> flush -> level 0 -> merges into deeper levels
    read    -> active memtable, frozen ones, row cache, level 0 newest first, one file per deeper level

Invariants: a version is in the log before any table file names it as its only home; the manifest names only files that
are safely on the disk; a file is deleted after the manifest has let go of it and no reader holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NoReturn

from datacave_core import sqlstate
from datacave_core.compression import TableCompression
from datacave_core.errors import DatacaveError, SerializationFailure, StorageStopped
from datacave_core.layout import PREFIX_LENGTH, RAW_LAYOUT, Layout, check_prefix
from datacave_core.ports import Clock, FileSystem, KeptFor, Load, Prepared, Randomness, Scheduler, Version
from datacave_core.rowbatch import BATCH_ROWS, ColumnBatch
from datacave_core.values import Row
from datacave_core.wait import Steps, Wait, wait_for
from datacave_lsm.background import Slices
from datacave_lsm.batch import Batch
from datacave_lsm.checkpoint import Checkpoint
from datacave_lsm.compaction import MergeWorker
from datacave_lsm.counters import ReadCounts
from datacave_lsm.crypto import KeyRing
from datacave_lsm.format import Seals
from datacave_lsm.horizons import Horizons
from datacave_lsm.ingest import Ingest, Ingestion, with_loads
from datacave_lsm.inline import InlineScheduler, run_inline, without_collector
from datacave_lsm.iterators import Sources, all_versions, newest_after, scan_columns, scan_pairs, scan_rows
from datacave_lsm.maintenance import Maintenance
from datacave_lsm.memtable import CELL_BYTES, Cell, Memtable
from datacave_lsm.options import EngineOptions
from datacave_lsm.preparation import Preparations
from datacave_lsm.rebuild import Progress
from datacave_lsm.recovery import Recovered, lock_directory, recover
from datacave_lsm.rotation import Rotation
from datacave_lsm.row_cache import Hot, RowCache
from datacave_lsm.table import Group, SegmentCache, key_hash
from datacave_lsm.wal import EntryEncoder, Log, LogCommit, batch_entry, files_entry, layouts_entry
from datacave_lsm.wal.segment import NO_SPACE, disk_full


class Engine:
    """One open database directory. `Engine.open` is the way in."""

    __slots__ = (
        "_active",
        "_active_get",
        "_cache",
        "_clock",
        "_closing",
        "_counts",
        "_encoder",
        "_horizons",
        "_ingestion",
        "_layouts",
        "_log",
        "_maintenance",
        "_options",
        "_preparations",
        "_randomness",
        "_recorded_layouts",
        "_release_lock",
        "_rows",
        "_scheduler",
        "_seals",
        "_stopped",
        "newest_timestamp",
        "retention_microseconds",
        "visible_timestamp",
    )

    @classmethod
    def open(
        cls,
        files: FileSystem,
        clock: Clock,
        scheduler: Scheduler,
        randomness: Randomness,
        options: EngineOptions | None = None,
        key_ring: KeyRing | None = None,
        merge_worker: MergeWorker | None = None,
    ) -> Engine:
        """Opens or creates the database in a directory at once; see `opening`."""
        given = (files, clock, scheduler, randomness, options, key_ring, merge_worker)
        with without_collector():
            return run_inline(cls.opening(*given, recovery=InlineScheduler()))

    @classmethod
    def opening(
        cls,
        files: FileSystem,
        clock: Clock,
        scheduler: Scheduler,
        randomness: Randomness,
        options: EngineOptions | None = None,
        key_ring: KeyRing | None = None,
        merge_worker: MergeWorker | None = None,
        *,
        recovery: Scheduler | None = None,
        progress: Progress | None = None,
    ) -> Slices[Engine]:
        """Opens or creates the database in a directory, in slices; `progress` shows how far the log is read.

        Without a `merge_worker` merges run in slices between the turns of the loop. `recovery` is another scheduler
        until the engine is there. The job may be closed at any slice, like a process that dies there.

        Raises DirectoryInUse, DataCorrupted, MasterKeyError, or OSError for what the file system refuses.
        """
        release = lock_directory(files)
        try:
            options = options or EngineOptions()
            seals = Seals(key_ring, randomness if key_ring is not None else None)
            cache: SegmentCache[Group] = SegmentCache(options.segment_cache_bytes)
            recovered = yield from recover(files, seals, options, cache, recovery or scheduler, progress or Progress())
            return cls(files, clock, scheduler, randomness, seals, options, cache, recovered, release, merge_worker)
        except BaseException:
            release()
            raise

    def __init__(
        self,
        files: FileSystem,
        clock: Clock,
        scheduler: Scheduler,
        randomness: Randomness,
        seals: Seals,
        options: EngineOptions,
        cache: SegmentCache[Group],
        recovered: Recovered,
        release_lock: Callable[[], None],
        merge_worker: MergeWorker | None,
    ) -> None:
        self._clock = clock
        self._scheduler = scheduler
        self._randomness = randomness
        self._seals = seals
        self._options = options
        self._release_lock = release_lock
        self._stopped: StorageStopped | None = None
        self._closing: Wait | None = None
        self._encoder = EntryEncoder()
        self._layouts: dict[bytes, Layout] = dict(recovered.log.layouts)
        # Those in the segments from the active memtable's on; the others are recorded again when they are registered.
        self._recorded_layouts: dict[bytes, Layout] = {}
        self.retention_microseconds = int(options.retention_seconds * 1_000_000)
        state = recovered.state
        horizons = self._horizons = Horizons(self.retention_microseconds, state.horizon, dict(state.horizons))
        self._counts = ReadCounts()
        rows = self._rows = RowCache(options.row_cache_bytes)
        self._cache = cache
        self.newest_timestamp = recovered.log.newest_timestamp
        self.visible_timestamp = recovered.log.newest_timestamp
        self._log = Log(
            files,
            scheduler,
            seals,
            options,
            recovered.state.log_number,
            recovered.log.end,
            self._made_durable,
            self.stop,
        )
        self._preparations = Preparations(self._log, self._encoder, options.slice_rows)
        self._active = Memtable(self._log.number)
        self._active_get: Callable[[bytes], Cell | None] = self._active.cells.get
        self._maintenance = Maintenance(
            files, clock, scheduler, seals, options, cache, rows, recovered, self._log, self, horizons, merge_worker
        )
        maintenance = self._maintenance
        self._ingestion = Ingestion(
            maintenance.factory, cache, maintenance.recorded, maintenance.buried, lambda: maintenance.view.levels
        )

    # Reading

    def get(self, key: bytes, timestamp: int) -> Row | None:
        """The row of the newest version at or before the timestamp; None if there is none or it is a tombstone."""
        cell = self._active_get(key)
        while cell is not None:
            if cell[0] <= timestamp:
                return cell[1]
            cell = cell[2]
        if not self._maintenance.frozen:
            hot = self._rows.young.get(key)
            if hot is not None and hot[0] <= timestamp:
                self._counts.row_cache_hits += 1
                return hot[1]
        found = self._find(key, timestamp)
        return None if found is None else found[1]

    def get_version(self, key: bytes, timestamp: int) -> Version | None:
        """The same with its commit timestamp, tombstones included."""
        cell = self._active_get(key)
        while cell is not None:
            if cell[0] <= timestamp:
                return Version(cell[0], cell[1])
            cell = cell[2]
        found = self._find(key, timestamp)
        return None if found is None or not found[0] else Version(*found)

    def _find(self, key: bytes, timestamp: int) -> Hot | None:
        """Looks behind the active memtable; (0, None) may stand for nothing."""
        in_memtable = False
        for memtable in self._maintenance.frozen:
            cell = memtable.find(key)
            if cell is not None:
                in_memtable = True
                while cell is not None:
                    if cell[0] <= timestamp:
                        return cell[0], cell[1]
                    cell = cell[2]
        rows = self._rows
        if not in_memtable:
            hot = rows.get(key)
            if hot is not None and hot[0] <= timestamp:
                self._counts.row_cache_hits += 1
                return hot[0], hot[1]
            self._counts.row_cache_misses += 1
        horizons = self._horizons
        if timestamp < horizons.latest:
            horizons.check(timestamp, key, key + b"\0")
        view = self._maintenance.view
        layout = self._layouts.get(key[:PREFIX_LENGTH])
        hashed = key_hash(key)
        found: Version | None = None
        counts = self._counts
        candidates = [handle for handle in view.level0 if handle.smallest <= key <= handle.largest]
        for handle in chain(candidates, view.holding(key)):
            if handle.min_timestamp > timestamp:
                continue
            counts.filters_asked += 1
            if handle.reader.may_contain_hash(hashed):
                counts.filters_passed += 1
                found = handle.reader.get(key, timestamp, layout)
                if found is not None:
                    break
                counts.filters_wrong += 1
        hot = (0, None) if found is None else (found.timestamp, found.row)
        if not in_memtable and timestamp >= view.max_timestamp:
            rows.put(key, *hot)
        return hot

    def scan(
        self, low: bytes, high: bytes | None, timestamp: int, *, reverse: bool = False, batch_rows: int = BATCH_ROWS
    ) -> Iterator[list[tuple[bytes, Row]]]:
        """Live rows with low <= key < high in key order, in batches. The iterator stays valid under later writes."""
        self._horizons.check(timestamp, low, high)
        return scan_pairs(self._sources(), low, high, timestamp, reverse, batch_rows)

    def scan_rows(
        self,
        low: bytes,
        high: bytes | None,
        timestamp: int,
        columns: Sequence[int] | None = None,
        *,
        reverse: bool = False,
        batch_rows: int = BATCH_ROWS,
    ) -> Iterator[list[Row]]:
        """The same rows without keys, a multiple as fast; with the named columns only, if any are named."""
        self._horizons.check(timestamp, low, high)
        return scan_rows(self._sources(), low, high, timestamp, columns, reverse, batch_rows)

    def scan_columns(
        self, low: bytes, high: bytes | None, timestamp: int, columns: Sequence[int], *, with_keys: bool = False
    ) -> Iterator[ColumnBatch]:
        """Live rows of a range under one prefix as column vectors; key order within a batch, batches in any order."""
        self._horizons.check(timestamp, low, high)
        return scan_columns(self._sources(), low, high, timestamp, columns, with_keys)

    def history(self, low: bytes, high: bytes | None, after: int, until: int) -> Iterator[tuple[bytes, Version]]:
        """All kept versions with after < timestamp <= until, by key, newest first."""
        return all_versions(self._sources(), low, high, after, until)

    def newest_in_range(self, low: bytes, high: bytes | None, after: int) -> int | None:
        """The timestamp of some version in the range that is newer than `after`, or None."""
        return newest_after(self._sources(), low, high, after)

    def _sources(self) -> Sources:
        if self._stopped is not None:
            raise self._stopped
        maintenance = self._maintenance
        return Sources((self._active, *maintenance.frozen), maintenance.view, self._layouts.get)

    # Writing

    def prepare(self, writes: Mapping[bytes, Row | None]) -> Steps[Prepared]:
        """Writes the rows of a big commit to table files or to the log, in slices; the mapping is the store's then.

        Raises DiskFull or StorageStopped, with nothing changed.
        """
        rows = writes if type(writes) is dict else dict(writes)
        if self._ingestion.worth_it(len(rows)):
            ingest = yield from self._ingested(self._ingestion.run(rows))
            if ingest is not None:
                return ingest
        return (yield from self._preparations.run(rows, self._maintenance.batch_delay))

    def _ingested(self, steps: Steps[Ingest | None]) -> Steps[Ingest | None]:
        """An ingest that no memtable stands in the way of, or None."""
        if self._stopped is not None:
            raise self._stopped
        try:
            ingest = yield from steps
        except OSError as error:
            raise self._failed_ingest(error) from error
        if ingest is None:
            return None
        try:
            for _ in range(2):
                if not ingest.conflicts((self._active, *self._maintenance.frozen)):
                    return ingest
                yield from wait_for(self.flush())
            ingest.give_up()
        except BaseException:
            ingest.give_up()
            raise
        return None

    def _failed_ingest(self, error: OSError) -> DatacaveError:
        """A full disk refuses the commit; after any other failure nobody knows what the disk holds."""
        if error.errno in NO_SPACE:
            return disk_full("a table file", error)
        self.stop(StorageStopped(f"the storage engine has stopped: a table file could not be written: {error}"))
        assert self._stopped is not None
        return self._stopped

    def begin_load(self, prefix: bytes) -> Load | None:
        """Takes many new rows under a prefix as columns; None if the options forbid it."""
        return self._ingestion.begin_load(prefix, self._failed_ingest) if self._options.ingest_rows_min else None

    def commit(
        self,
        writes: Mapping[bytes, Row | None],
        *,
        wait_durable: bool = True,
        prepared: Prepared | None = None,
        loads: Sequence[Load] = (),
    ) -> LogCommit:
        """Writes all rows (None: a tombstone) atomically with one new timestamp; `prepared` is what `prepare` gave.

        Raises DiskFull or StorageStopped, with nothing changed.
        """
        timestamp = self._clock.now_microseconds()
        if timestamp <= self.newest_timestamp:
            timestamp = self.newest_timestamp + 1
        if type(writes) is not dict:
            writes = dict(writes)
        active = self._active
        if active.bytes_used >= self._options.memtable_bytes_max:
            active = self._freeze()
        if loads:
            prepared = with_loads(writes, prepared, loads)
        if isinstance(prepared, Ingest):
            if not prepared.conflicts((active, *self._maintenance.frozen)):
                return self._commit_ingest(timestamp, prepared, wait_durable)
            prepared.give_up()
            if loads:
                raise SerializationFailure("could not serialize access due to concurrent update")
            prepared = None
        if prepared is not None or len(writes) * CELL_BYTES >= self._options.batch_bytes_min:
            batch = prepared if isinstance(prepared, Batch) else self._preparations.at_once(writes)
            return self._commit_batch(timestamp, batch, wait_durable)
        payload = self._encoder.commit(timestamp, writes)
        commit = LogCommit(timestamp)
        log = self._log
        log.append(payload, commit, wait_durable)  # refuses if the engine has stopped or the disk is full
        self.newest_timestamp = timestamp
        active.apply(timestamp, writes, len(payload))
        if not wait_durable and not log.waiting:
            self.visible_timestamp = timestamp
        return commit

    def _commit_batch(self, timestamp: int, batch: Batch, wait_durable: bool) -> LogCommit:
        """Lets prepared rows take effect: within the active memtable, or as a frozen one if they are too many."""
        alone = batch.bytes_used >= self._options.batch_bytes_min
        if alone and len(self._active):
            self._freeze()
        commit = LogCommit(timestamp)
        log = self._log
        log.append(self._encoder.encode(batch_entry(timestamp, batch.number, len(batch))), commit, wait_durable)
        self._preparations.batches.discard(batch)
        self.newest_timestamp = timestamp
        if alone:
            batch.max_timestamp = timestamp
            self._maintenance.add_frozen(batch)
        else:
            active = self._active
            active.log_number = min(active.log_number, batch.log_number)
            active.apply(timestamp, batch.rows, batch.bytes_used - CELL_BYTES * len(batch))
        if not wait_durable and not log.waiting:
            self.visible_timestamp = timestamp
        return commit

    def _commit_ingest(self, timestamp: int, ingest: Ingest, wait_durable: bool) -> LogCommit:
        """Lets files take effect, and with them what rows of the commit stand in none of them."""
        maintenance, log, rest = self._maintenance, self._log, ingest.rest
        edit = maintenance.ingest_edit(ingest, timestamp)
        payload = self._encoder.commit(timestamp, rest) if rest else b""
        commit = LogCommit(timestamp)
        try:
            log.append(payload + self._encoder.encode(files_entry(timestamp, edit.encode())), commit, wait_durable)
        except BaseException:
            ingest.refuse()
            raise
        self.newest_timestamp = timestamp
        if rest:
            self._active.apply(timestamp, rest, len(payload))
        maintenance.ingest(edit, ingest.handles, log.number)
        self._rows.clear()
        if not wait_durable and not log.waiting:
            self.visible_timestamp = timestamp
        return commit

    def set_layout(self, prefix: bytes, layout: Layout) -> None:
        """Registers or evolves a layout; raises ValueError for a prefix of another length, DiskFull, StorageStopped."""
        for _ in self.evolve_layout(prefix, layout):
            pass

    def evolve_layout(self, prefix: bytes, layout: Layout) -> Steps[None]:
        """The same in slices, while nobody reads or writes rows that have the new columns."""
        known = self._layouts.get(check_prefix(prefix))
        if known == layout and prefix in self._recorded_layouts:
            return
        self._record_layouts({prefix: layout})
        self._layouts[prefix] = layout
        if known is None or (kept := layout.kept_of(known)) is None:
            return
        self._ingestion.fit_rows(prefix, layout, kept)
        for memtable in (self._active, *self._maintenance.frozen, *self._preparations.batches):
            yield from memtable.fit_rows(prefix, layout, kept)
        self._rows.clear()

    def _record_layouts(self, layouts: dict[bytes, Layout]) -> None:
        """Puts layouts into the log ahead of the rows that have them."""
        self._log.note(self._encoder.encode(layouts_entry(layouts)))
        self._recorded_layouts.update(layouts)

    def layout_of(self, prefix: bytes) -> Layout:
        """The layout that rows under a prefix are written with."""
        return self._layouts.get(prefix, RAW_LAYOUT)

    def layouts(self) -> Mapping[bytes, Layout]:
        """All registered layouts by prefix."""
        return self._layouts

    def _freeze(self) -> Memtable:
        """Starts a new memtable and a log segment of its own, so that the old one's segments can go once flushed."""
        self._log.rotate()
        self._maintenance.add_frozen(self._active)
        self._active = Memtable(self._log.number)
        self._active_get = self._active.cells.get
        if self._recorded_layouts:
            self._record_layouts(self._recorded_layouts)
        return self._active

    def _made_durable(self, first_waiting: int | None) -> None:
        """All commits before `first_waiting` are durable, or were asked not to wait."""
        self.visible_timestamp = self.newest_timestamp if first_waiting is None else first_waiting - 1

    def write_delay(self) -> Wait | None:
        """A Wait when writers must hold back because flushes or compactions have fallen behind, else None."""
        return None if self._maintenance.calm else self._maintenance.write_delay(self._active.bytes_used)

    # Snapshots

    def pin(self, timestamp: int, *, kept: bool = False) -> Callable[[], None]:
        """Keeps every version visible at the timestamp until the returned function is called.

        Raises SnapshotTooOld where no table can be read any more; `kept` says that an earlier process has had the
        timestamp pinned all along, so that nothing is missing.
        """
        return self._horizons.pin(timestamp, kept)

    def is_readable(self, timestamp: int, key: bytes) -> bool:
        """Whether the table of a key can be read at a timestamp."""
        return self._horizons.is_readable(timestamp, key)

    def oldest_readable(self, key: bytes | None = None) -> int:
        """The earliest timestamp whose versions of the table of a key are all still kept; without one, by default."""
        return self._horizons.earliest(key)

    def set_retention(self, prefix: bytes, kept: KeptFor | None) -> None:
        """How long the versions of a table are kept, by its TABLE_PREFIX_LENGTH bytes; None: as long as by default."""
        self._maintenance.set_retention(prefix, kept)

    def retentions(self) -> Mapping[bytes, KeptFor]:
        """What was set, by table prefix."""
        return self._horizons.settings()

    def set_compression(self, prefix: bytes, choice: TableCompression | None) -> None:
        """How new files compress a table, by its TABLE_PREFIX_LENGTH bytes; None: as the options say."""
        if self._maintenance.compressions.set(prefix, choice):
            self._maintenance.recorded()

    def compressions(self) -> Mapping[bytes, TableCompression]:
        """What was chosen, by table prefix."""
        return self._maintenance.compressions.chosen

    # Life

    def statistics(self) -> Mapping[str, Any]:
        """Counters and sizes by metric name."""
        maintenance, cache = self._maintenance, self._cache
        return {
            "memtable_bytes": self._active.bytes_used,
            "memtable_versions": self._active.version_count,
            "row_cache_rows": len(self._rows),
            "segment_cache_bytes": cache.bytes_used,
            "segment_cache_hits": cache.hits,
            "segment_cache_misses": cache.misses,
            **{name: getattr(self._counts, name) for name in ReadCounts.__slots__},
            "pinned_snapshots": self._horizons.pinned,
            "oldest_readable": self.oldest_readable(),
            **self._log.statistics(),
            **maintenance.statistics(),
        }

    def flush(self) -> Wait:
        """Writes all that is in memory now to table files; done when they are in force."""
        if self._stopped is not None:
            raise self._stopped
        if len(self._active):
            self._freeze()
        return self._maintenance.flushed()

    def compact(self, low: bytes | None = None, high: bytes | None = None) -> Wait:
        """Merges what table files hold of low <= key < high down to one level; done when that is in force."""
        if self._stopped is not None:
            raise self._stopped
        return self._maintenance.compacted(low, high)

    def checkpoint(self, folder: str) -> Checkpoint:
        """Writes the database of this moment into a folder of the directory, while writes go on.

        Every commit so far is in it; it is a database directory of its own. `Checkpoint.finished` fails with
        CheckpointExists or OSError; raises DatacaveError while another checkpoint is being written.
        """
        if self._stopped is not None:
            raise self._stopped
        return self._maintenance.checkpoint(folder)

    def rotate_key(self, ring: KeyRing) -> Rotation:
        """Seals all new files with the current key of a new ring, and puts every live file under it.

        The ring has to hold the keys of all live files, and to allow plain ones if there are any, until the rotation is
        finished. Raises MasterKeyError, DiskFull or StorageStopped, with nothing changed.
        """
        if self._stopped is not None:
            raise self._stopped
        maintenance = self._maintenance
        maintenance.check_ring(ring)
        before = self._seals.ring, self._seals.randomness
        self._seals.ring, self._seals.randomness = ring, self._randomness
        try:
            self._freeze()
        except DatacaveError:
            self._seals.ring, self._seals.randomness = before
            raise
        return maintenance.rotate()

    def close(self) -> Wait:
        """Makes everything durable and closes the files; a second call returns the same Wait."""
        if self._closing is None:
            self._closing = Wait("IO:Close")
            self._maintenance.close(self._closing, self._log_closed)
        return self._closing

    def _log_closed(self) -> None:
        if self._stopped is None:
            self._refuse(StorageStopped("the storage engine is closed", sqlstate=sqlstate.ADMIN_SHUTDOWN))
        self._release_lock()

    def active_log_number(self) -> int:
        """The first log segment that the active memtable, or a commit that is being prepared, needs."""
        return min([self._active.log_number, *(batch.log_number for batch in self._preparations.batches)])

    def stop(self, error: StorageStopped) -> None:
        """The log or a background job has failed: no more reads and writes."""
        if self._stopped is not None:
            return
        self._refuse(error)
        self._maintenance.stop(error)

    def _refuse(self, error: StorageStopped) -> None:
        self._stopped = error

        def refuse(key: bytes) -> NoReturn:
            raise error

        self._active_get = refuse
