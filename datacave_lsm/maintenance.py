"""Maintenance: what goes on behind reads and writes - flushes, merges, the manifest, and deleting what nobody needs.

One flush and one merge may be under way at a time, both in slices on the loop; their edits enter the manifest one after
the other. A new view and the end of a frozen memtable come into force in the same moment.

A full disk is waited out: the job is tried again while the log and memory keep the data. A row that does not fit its
layout ends flushes, a damaged input ends merges; reads go on. Any other failure of a write, sync or of the manifest
stops the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, DataCorrupted, StorageStopped
from datacave_core.layout import Layout
from datacave_core.ports import Clock, FileSystem, KeptFor, Scheduler
from datacave_core.wait import Wait
from datacave_lsm.background import Background, Slices, off_loop, pause
from datacave_lsm.batch import Batch
from datacave_lsm.checkpoint import Checkpoint
from datacave_lsm.compaction import (
    MergeTask,
    MergeWorker,
    OutsideMerges,
    ingest_level,
    merge_of_range,
    merge_tables,
    pick,
)
from datacave_lsm.compressions import Compressions
from datacave_lsm.counters import COUNTERS
from datacave_lsm.crypto import KeyRing
from datacave_lsm.flush import FlushProgress, RowMisfit, flush
from datacave_lsm.format import Seals
from datacave_lsm.horizons import Horizons
from datacave_lsm.ingest import Ingest
from datacave_lsm.installer import Installer
from datacave_lsm.memtable import Memtable
from datacave_lsm.options import EngineOptions
from datacave_lsm.pressure import Pressure
from datacave_lsm.recovery import Recovered
from datacave_lsm.retention import Retentions
from datacave_lsm.rotation import Rotation, check_ring
from datacave_lsm.row_cache import RowCache
from datacave_lsm.table import Group, SegmentCache
from datacave_lsm.tablebuild import TableFactory
from datacave_lsm.thinning import Thinning
from datacave_lsm.upkeep import Desk, copy_database, rotate
from datacave_lsm.version import TableHandle, VersionEdit, View
from datacave_lsm.version.levels import table_name
from datacave_lsm.wal import Log
from datacave_lsm.wal.segment import NO_SPACE, disk_full

RETRY_SECONDS = 1.0
"""How long a job waits after a full disk."""


class Owner(Protocol):
    """What maintenance asks of the engine."""

    visible_timestamp: int
    newest_timestamp: int

    def layout_of(self, prefix: bytes) -> Layout: ...

    def layouts(self) -> Mapping[bytes, Layout]: ...

    def active_log_number(self) -> int: ...

    def stop(self, error: StorageStopped) -> None: ...


class Maintenance:
    """`view` are the table files in force, `frozen` the memtables waiting for their flush, newest first."""

    def __init__(
        self,
        files: FileSystem,
        clock: Clock,
        scheduler: Scheduler,
        seals: Seals,
        options: EngineOptions,
        cache: SegmentCache[Group],
        rows: RowCache,
        recovered: Recovered,
        log: Log,
        owner: Owner,
        horizons: Horizons,
        worker: MergeWorker | None,
    ) -> None:
        self._outside = (
            OutsideMerges(worker, files, scheduler, options, self._recorded_numbers) if worker is not None else None
        )
        self._files = files
        self._clock = clock
        self._scheduler = scheduler
        self._seals = seals
        self._options = options
        self._cache = cache
        self._rows = rows
        self._log = log
        self._owner = owner
        self._horizons = horizons
        self.compressions = Compressions(dict(recovered.state.compressions))
        self._counters = dict.fromkeys(COUNTERS, 0)
        self._flush_error: DatacaveError | None = None
        self._disk_full: OSError | None = None  # while a flush finds no space
        self._merge_error: DatacaveError | None = None
        self._stopped: StorageStopped | None = None
        self.frozen: list[Memtable | Batch] = [recovered.log.memtable] if len(recovered.log.memtable) else []
        self.view: View
        self.calm: bool  # whether no writer has to be held back
        self.installer = Installer(
            files, scheduler, seals, options, cache, recovered, log, self._counters, self._show, self._unused
        )
        factory = TableFactory(files, scheduler, seals, owner.layout_of, self.installer.take_number, options)
        self.factory = replace(factory.at_level(0), chosen=self.compressions.chosen)
        self._flusher = Background(scheduler, self._flush_ended, log)
        self._merger = Background(scheduler, self._merge_ended, log)
        self._copier = Background(scheduler, self._copy_ended, log)
        self._recorder = Background(scheduler, self._record_ended, log)
        self._number_waits: list[Wait] = []
        self._batch_waits: list[Wait] = []
        self._merging: MergeTask | None = None
        self._checkpoint: Checkpoint | None = None
        self._rotation: Rotation | None = None
        self._pressure = Pressure(clock, scheduler, options)
        self._flush_progress = FlushProgress()
        self._thinning = Thinning(scheduler, horizons, self._retentions, self.compacted)
        self._flush_waits: list[tuple[Memtable | Batch, Wait]] = []
        self._compacted = False  # whether the merge of the first one is under way or done
        self._compactions: list[tuple[bytes | None, bytes | None, int, Wait]] = []
        self._closing: tuple[Wait, Callable[[], None]] | None = None
        self._kick()

    # Asked by the engine

    def add_frozen(self, memtable: Memtable | Batch) -> None:
        """Takes a memtable that gets no more writes; an empty one is forgotten."""
        if len(memtable):
            self.frozen.insert(0, memtable)
            self._look_around()
            self._kick()

    def _look_around(self) -> None:
        """Finds out whether writers need not be asked to wait."""
        failed = self._stopped or self._flush_error or self._merge_error
        crowded = len(self.view.level0) >= self._options.level0_slow_files
        self.calm = not (self.frozen or crowded or failed)

    def write_delay(self, active_bytes: int) -> Wait | None:
        """A Wait for writers when memtables or level 0 pile up; None while it is `calm`."""
        level0_files = len(self.view.level0)
        hopeless = self._stopped or self._flush_error
        if self._disk_full is not None:
            hopeless = hopeless or disk_full("a table file", self._disk_full)
        if level0_files >= self._options.level0_stop_files:
            hopeless = hopeless or self._merge_error
        filled = active_bytes / self._options.memtable_bytes_max
        return self._pressure.delay(
            self._waiting_memtables(), level0_files, filled, self._flush_progress.share, hopeless
        )

    def _waiting_memtables(self) -> int:
        # A batch in front of a few memtables takes long; it does not count as one of them.
        batches = sum(memtable.is_batch for memtable in self.frozen)
        return max(len(self.frozen) - batches, batches)

    def batch_delay(self) -> Wait | None:
        """A Wait for the next big commit while an earlier one is in memory alone."""
        batches = self._stopped is None and any(memtable.is_batch for memtable in self.frozen)
        if not batches:
            return None
        wait = Wait("IO:Flush")
        if self._disk_full is not None:
            wait.finish(disk_full("a table file", self._disk_full))
        else:
            self._batch_waits.append(wait)
        return wait

    def _end_batch_waits(self, error: DatacaveError | None) -> None:
        waits, self._batch_waits = self._batch_waits, []
        for wait in waits:
            wait.finish(error)

    def first_needed_segment(self, besides: Memtable | Batch | None = None) -> int:
        """The first log segment with rows that are in no table file; `besides` names a memtable that is in one."""
        numbers = [memtable.log_number for memtable in self.frozen if memtable is not besides]
        ingested = self.installer.first_needed_segment()
        return min([self._owner.active_log_number(), *numbers, *([] if ingested is None else [ingested])])

    def ingest_edit(self, ingest: Ingest, timestamp: int) -> VersionEdit:
        """The edit that gives the files of a commit their places."""
        levels, added = self.view.levels, []
        for file in ingest.commit_at(timestamp):
            level = ingest_level(levels, file, self._merging, self._options)
            added.append((level, file))
            levels = levels.change(frozenset(), ((level, file),))
        return VersionEdit(next_number=self.installer.next_number, added=tuple(added), ingested=timestamp)

    def ingest(self, edit: VersionEdit, handles: list[TableHandle], log_number: int) -> None:
        """Puts files in force whose commit is in a log segment; they are newer than all that the tables hold."""
        self.installer.ingest(edit, handles, log_number)
        self._counters["ingests"] += 1
        self._counters["ingested_bytes"] += sum(file.size_bytes for _, file in edit.added)
        self._kick()

    def flushed(self) -> Wait:
        """Done when every memtable that is frozen now has its table file."""
        wait = Wait("IO:Flush")
        if self._flush_error is not None:
            wait.finish(self._flush_error)
        elif self.frozen:
            self._flush_waits.append((self.frozen[0], wait))
        else:
            wait.finish()
        return wait

    def compacted(self, low: bytes | None, high: bytes | None, obsolete_before: int = 0) -> Wait:
        """Done when all table files with keys of a range lie on one level below 0."""
        wait = Wait("IO:Compaction")
        self._compactions.append((low, high, obsolete_before, wait))
        self._kick()
        return wait

    def set_retention(self, prefix: bytes, kept: KeptFor | None) -> None:
        """How long a table keeps versions; what it keeps no longer is merged away at once."""
        if self._thinning.set(prefix, kept):
            self.recorded()

    def checkpoint(self, folder: str) -> Checkpoint:
        """Writes a checkpoint into a folder. Raises DatacaveError while another one is being written."""
        if self._checkpoint is not None:
            raise DatacaveError(
                "another checkpoint is being written", sqlstate=sqlstate.OBJECT_IN_USE, hint="Wait until it is done."
            )
        checkpoint = self._checkpoint = Checkpoint(folder)
        self._copier.start(copy_database(checkpoint, self._desk()))
        return checkpoint

    def rotate(self) -> Rotation:
        """Puts all live files under the ring's current key; a second call joins a rotation that has not begun."""
        if self._rotation is None:
            self._rotation = Rotation()
            self.installer.renew_manifest()
            self._kick()
        return self._rotation

    def _desk(self) -> Desk:
        """What the jobs that somebody asks for need of this."""
        return Desk(
            self._files,
            self._scheduler,
            self._seals,
            self._log,
            self.factory,
            self._options,
            lambda: self.installer.state,
            lambda: self.view,
            self.installer.take_number,
            self._retentions,
            self._horizons.edit_fields,
            self._owner.layouts().get,
            self.flushed,
            self.first_needed_segment,
            lambda: self.installer.manifest_name,
            self.installer.install,
            self._rotated,
        )

    def _rotated(self) -> None:
        self._rotation = None

    def check_ring(self, ring: KeyRing) -> None:
        """Raises MasterKeyError if the ring cannot open a live file."""
        check_ring(ring, {file.key_id for file in self.view.levels.all_files()})

    def statistics(self) -> dict[str, Any]:
        """Counters and sizes."""
        levels = self.view.levels
        return {
            **self._counters,
            "merges_lost": self._outside.lost if self._outside is not None else 0,
            "frozen_memtables": len(self.frozen),
            "frozen_bytes": sum(memtable.bytes_used for memtable in self.frozen),
            "level_files": [len(files) for files in levels.files],
            "level_bytes": [levels.size_bytes(level) for level in range(len(levels.files))],
            "table_entries": sum(file.entries for file in levels.all_files()),
            "key_ids": sorted({file.key_id for file in levels.all_files()}),
            "flush_under_way": self._flusher.busy,
            "merge_under_way": self._merger.busy,
            "write_pressure": self._pressure.share(self._waiting_memtables(), len(self.view.level0)),
            "stalled": self._pressure.stalled is not None,
            "stall_seconds": self._pressure.stall_seconds,
            "stalls": self._pressure.stalls,
            "slowdowns": self._pressure.slowdowns,
        }

    def stop(self, error: StorageStopped) -> None:
        """Ends all jobs; what waits for them fails."""
        self._stopped = error
        self._look_around()
        self._flusher.cancel()
        self._merger.cancel()
        self._copier.cancel()
        self._recorder.cancel()
        if self._outside is not None:
            self._outside.cancel()
        self._fail_waits(error)

    def close(self, closing: Wait, closed: Callable[[], None]) -> None:
        """Ends the jobs, makes the log durable, notes the orderly end and closes all files."""
        self._closing = (closing, closed)
        self._log.refuse(StorageStopped("the storage engine is closed", sqlstate=sqlstate.ADMIN_SHUTDOWN))
        self._flusher.cancel()
        self._merger.cancel()
        self._copier.cancel()
        self._recorder.cancel()
        if self._outside is not None:
            self._outside.cancel()
        self._close_when_idle()

    # Jobs

    def _kick(self) -> None:
        """Starts whatever is due."""
        if self._stopped is not None or self._closing is not None:
            return
        if (self.installer.unrecorded or self._number_waits) and not self._recorder.busy:
            self._recorder.start(self._record())
        if self.frozen and not self._flusher.busy and self._flush_error is None:
            self._flusher.start(self._flush_oldest())
        if self._rotation is not None and not self._merger.busy:
            self._merger.start(rotate(self._rotation, self._desk()))
        if not self._merger.busy and self._merge_error is None:
            task = self._next_task()
            if task is not None:
                self._merger.start(self._merge(task))

    def _next_task(self) -> MergeTask | None:
        levels = self.view.levels
        while self._compactions:
            low, high, obsolete_before, wait = self._compactions[0]
            task = None if self._compacted else merge_of_range(levels, low, high, obsolete_before)
            if task is not None:
                self._compacted = True  # once: what it leaves is still readable
                return task
            self._compacted = False
            del self._compactions[0]
            wait.finish()
        return pick(levels, self._options)

    def _retentions(self) -> Retentions:
        return self._horizons.advance(self._clock.now_microseconds(), self._owner.visible_timestamp)

    def _setting_fields(self) -> dict[str, Any]:
        return {**self._horizons.edit_fields(), **self.compressions.edit_fields()}

    def recorded(self) -> Wait:
        """Done when the manifest knows all settings, and all file numbers so far, so that nobody uses them again."""
        wait = Wait("IO:Manifest")
        if self._stopped is not None or self._closing is not None:
            wait.finish(self._stopped or StorageStopped("the storage engine is closed"))
        else:
            self._number_waits.append(wait)
            self._kick()
        return wait

    def _recorded_numbers(self, count: int) -> Slices[int]:
        """The first of so many file numbers that the manifest knows."""
        first = self.installer.take_numbers(count)
        yield from self.installer.install(VersionEdit(next_number=self.installer.next_number))
        return first

    def _record(self) -> Slices[None]:
        waits, self._number_waits = self._number_waits, []
        error: BaseException | None = StorageStopped("the storage engine has stopped")
        try:
            edit = VersionEdit(next_number=self.installer.next_number, **self._setting_fields())
            yield from self.installer.install(edit)
            error = None
        except OSError as failure:
            error = failure
            raise
        finally:
            for wait in waits:
                wait.finish(error)

    def _flush_oldest(self) -> Slices[None]:
        memtable = self.frozen[-1]
        durable = self._log.sync()
        yield durable
        durable.raise_error()
        try:
            file = yield from flush(
                memtable, self._retentions(), self.factory, self._options.slice_rows, self._flush_progress
            )
        except (ValueError, TypeError, OverflowError) as error:
            raise RowMisfit(error) from error
        yield from self._rows.prepare(memtable, self._options.slice_rows)
        log_number = self.first_needed_segment(memtable)
        added = ((0, file),) if file is not None else ()

        def in_force() -> None:
            self.frozen.remove(memtable)
            self._rows.take_over(memtable)
            self._look_around()

        yield from self.installer.install(
            VersionEdit(
                log_number=log_number,
                next_number=self.installer.next_number,
                **self._horizons.edit_fields(),
                timestamp=memtable.max_timestamp,
                added=added,
            ),
            in_force,
        )
        self._disk_full = None
        self._flush_progress.keys_total = 0
        self._end_batch_waits(None)
        self._counters["flushes"] += 1
        self._counters["flushed_bytes"] += file.size_bytes if file is not None else 0
        yield from off_loop(self._scheduler, partial(self._log.remove_before, log_number))
        yield from self._rows.dismantle(memtable)

    def _merge(self, task: MergeTask) -> Slices[None]:
        self._merging = task
        view = self.view  # holds the inputs for as long as this job runs
        removed = frozenset(file.number for file in task.inputs)
        if task.trivial and not self._compacted:
            moved = tuple([(task.target, file) for file in task.upper])
            yield from self.installer.install(VersionEdit(removed=removed, added=moved))
            self._counters["moves"] += len(moved)
            return
        retentions = self._retentions()
        factory = self.factory.at_level(task.target)
        outputs = None
        if self._outside is not None:
            outputs = yield from self._outside.run(task, retentions, factory, self._owner.layouts())
        if outputs is None:
            outputs = yield from merge_tables(
                [[self.installer.handles[file.number].reader for file in part] for part in task.parts],
                task.bottom,
                retentions,
                factory,
                self._owner.layouts().get,
                self._options.table_bytes_max,
                self._options.slice_rows,
                self._options.merge_bytes_per_second_max,
            )
        yield from self.installer.install(
            VersionEdit(
                next_number=self.installer.next_number,
                **self._horizons.edit_fields(),
                removed=removed,
                added=tuple([(task.target, file) for file in outputs]),
            )
        )
        self._counters["merges"] += 1
        self._counters["merge_read_bytes"] += sum(file.size_bytes for file in task.inputs)
        self._counters["merged_bytes"] += sum(file.size_bytes for file in outputs)
        del view

    # Ends of jobs

    def _flush_ended(self, error: BaseException | None) -> None:
        if isinstance(error, RowMisfit):
            self._flush_error = error
            self._look_around()
            waits = [wait for _, wait in self._flush_waits]
            self._flush_waits = []
            self._pressure.fail(error)
            self._end_batch_waits(error)
            for wait in waits:
                wait.finish(error)
            error = None
        self._job_ended(error, self._flusher)
        if error is None and self._stopped is None:
            done = [wait for memtable, wait in self._flush_waits if memtable not in self.frozen]
            self._flush_waits = [pair for pair in self._flush_waits if pair[0] in self.frozen]
            for wait in done:
                wait.finish()

    def _record_ended(self, error: BaseException | None) -> None:
        self._job_ended(error, self._recorder)

    def _merge_ended(self, error: BaseException | None) -> None:
        self._merging = None
        if error is not None:
            self._compacted = False
        if isinstance(error, DataCorrupted):
            self._merge_error = error
            self._look_around()
            compactions, self._compactions = self._compactions, []
            for *_, wait in compactions:
                wait.finish(error)
            error = None
        self._job_ended(error, self._merger)

    def _copy_ended(self, error: BaseException | None) -> None:
        """A checkpoint that failed has done no harm, whatever the reason."""
        checkpoint, self._checkpoint = self._checkpoint, None
        if checkpoint is not None:
            if error is None and checkpoint.facts is None:
                closed = StorageStopped("the storage engine is closed", sqlstate=sqlstate.ADMIN_SHUTDOWN)
                error = self._stopped or closed
            checkpoint.finished.finish(error)
        if self._closing is not None:
            self._close_when_idle()

    def _job_ended(self, error: BaseException | None, runner: Background) -> None:
        if self._closing is not None:
            self._close_when_idle()
            return
        if self._stopped is not None:
            return
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            self._counters["disk_full"] += 1
            if runner is self._flusher:
                self._disk_full = error
                self._pressure.fail(disk_full("a table file", error))
                self._end_batch_waits(disk_full("a table file", error))
            runner.start(pause(self._scheduler, RETRY_SECONDS))
            return
        if error is not None:
            stopped = (
                error
                if isinstance(error, StorageStopped)
                else StorageStopped(f"the storage engine has stopped: a background job failed: {error}")
            )
            stopped.__cause__ = error if stopped is not error else None
            self._owner.stop(stopped)
            return
        self._kick()
        self._pressure.relieve(self._waiting_memtables(), len(self.view.level0))

    def _fail_waits(self, error: DatacaveError) -> None:
        waits = [wait for _, wait in self._flush_waits] + [wait for *_, wait in self._compactions]
        self._pressure.fail(error)
        self._end_batch_waits(error)
        if self._rotation is not None:
            waits.append(self._rotation.finished)
            self._rotation = None
        waits += self._number_waits
        self._flush_waits, self._compactions, self._number_waits = [], [], []
        for wait in waits:
            wait.finish(error)

    def _show(self, view: View) -> None:
        self.view = view
        self._look_around()

    # Files nobody needs

    def _unused(self, handle: TableHandle) -> None:
        """Called when the last view lets go of an obsolete file."""
        if self._closing is None:
            self._scheduler.call_soon(partial(self._bury, handle))

    def _bury(self, handle: TableHandle) -> None:
        handle.reader.close()
        self._scheduler.run(partial(self._files.remove, table_name(handle.file.number)), self.buried)

    def buried(self, _: None, error: BaseException | None) -> None:
        """Told of every removal of a file that nobody needs."""
        if error is not None:
            # The next start removes what is not in the manifest.
            self._counters["removal_failures"] += 1

    # The end

    def _close_when_idle(self) -> None:
        busy = (each.busy for each in (self._flusher, self._merger, self._copier, self._recorder))
        if self._closing is None or any(busy):
            return
        durable = self._log.sync()
        durable.subscribe(partial(self._close_files, durable))

    def _close_files(self, durable: Wait) -> None:
        assert self._closing is not None
        closing, closed = self._closing

        end = VersionEdit(closed=self._log.end(), **self._setting_fields()) if durable.error is None else None

        def done(_: None, error: BaseException | None) -> None:
            self._fail_waits(StorageStopped("the storage engine is closed"))
            closed()
            closing.finish(durable.error or error)

        self._scheduler.run(partial(self.installer.close, end), done)
