"""Log: commits on their way to the disk, one write and one fdatasync for all that arrive together.

    append -> payloads of this loop turn -> one record per segment -> write, sync -> Waits finished in commit order

While one sync is under way the next batch collects. A commit's room in a segment is reserved before it is accepted, so
that a full disk refuses a commit before anything of it is visible; any other failure of the log stops the engine for
good, since nobody knows what of a failed write or sync has reached the disk.

Invariants: at most one write job at a time; a segment is synced before its successor gets its first record; waits
finish in timestamp order, after `on_visible` was told.
"""

from __future__ import annotations

from collections.abc import Callable

from datacave_core.errors import StorageStopped
from datacave_core.ports import FileSystem, Scheduler
from datacave_core.wait import Wait
from datacave_lsm.format import Seals
from datacave_lsm.options import EngineOptions
from datacave_lsm.wal.record import RECORD_BYTES_EXTRA
from datacave_lsm.wal.segment import Segment, segment_name

WAIT_REASON = "IO:WALSync"
INLINE_BYTES_MAX = 256 * 1024
"""Larger batches are written off the loop, however few wait for them."""


BATCH_CLASSES = 10
"""Batches are counted by size: at most 1, 2, 4 ... 2 ** (BATCH_CLASSES - 1) commits, and more."""


class LogCommit:
    """A commit in the log: its timestamp, and the Wait that is done when it is durable."""

    __slots__ = ("durable", "timestamp")

    def __init__(self, timestamp: int) -> None:
        self.timestamp = timestamp
        self.durable = Wait(WAIT_REASON)


class Log:
    """The segments being written. `waiting` counts the commits somebody waits for that are not durable yet.

    `on_visible(timestamp)` is called with the first timestamp that is not yet durable though asked to be, or None when
    there is none; `on_failure(error)` once, before any Wait fails.
    """

    __slots__ = (
        "_batches",
        "_busy",
        "_commits",
        "_files",
        "_first_waiting",
        "_held",
        "_holds",
        "_on_failure",
        "_on_visible",
        "_options",
        "_payloads",
        "_pending_waiting",
        "_refusal",
        "_room",
        "_scheduled",
        "_scheduler",
        "_seals",
        "_segment",
        "_stopped",
        "_sync_asked",
        "_timer",
        "batch_counts",
        "bytes_written",
        "first_number",
        "synced_commits",
        "syncs",
        "waiting",
    )

    def __init__(
        self,
        files: FileSystem,
        scheduler: Scheduler,
        seals: Seals,
        options: EngineOptions,
        first_number: int,
        number: int,
        on_visible: Callable[[int | None], None],
        on_failure: Callable[[StorageStopped], None],
    ) -> None:
        self._files = files
        self._scheduler = scheduler
        self._seals = seals
        self._options = options
        self._on_visible = on_visible
        self._on_failure = on_failure
        self._payloads: list[bytes] = []
        self._commits: list[LogCommit] = []
        self._batches: list[tuple[Segment, list[bytes]]] = []
        self._held: list[LogCommit] = []  # written, not synced, nobody waits
        self._holds: list[int] = []
        self._busy = False
        self._scheduled = False
        self._sync_asked = False
        self._stopped: StorageStopped | None = None
        self._refusal: StorageStopped | None = None
        self._timer: Callable[[], None] | None = None
        self._pending_waiting = 0
        self._first_waiting: int | None = None
        self.waiting = 0
        self.syncs = 0
        self.synced_commits = 0
        self.batch_counts = [0] * (BATCH_CLASSES + 1)
        self.bytes_written = 0
        self.first_number = first_number
        self._segment = Segment.create(files, seals, number, options.log_segment_bytes, options.log_fragment_bytes_max)
        self._segment.make_header_durable()
        self._room = options.log_segment_bytes

    @property
    def number(self) -> int:
        """The segment that the next commit goes to."""
        return self._segment.number

    def append(self, payload: bytes, commit: LogCommit, wait_durable: bool) -> None:
        """Takes a commit into the current batch. Raises DiskFull or StorageStopped, with nothing changed."""
        size = len(payload) + RECORD_BYTES_EXTRA
        if size > self._room:
            self._make_room(size)
        self._room -= size
        self._payloads.append(payload)
        self._commits.append(commit)
        if wait_durable:
            if not self._pending_waiting:
                self._first_waiting = commit.timestamp
            self._pending_waiting += 1
            self.waiting += 1
        if not self._scheduled:
            self._scheduled = True
            self._scheduler.call_soon(self._end_turn)

    def rotate(self, bytes_needed: int = 0) -> None:
        """Lets the next commit start a new segment. Raises DiskFull or StorageStopped, with nothing changed."""
        refusal = self._stopped or self._refusal
        if refusal is not None:
            raise refusal
        options = self._options
        room = max(options.log_segment_bytes, bytes_needed)
        try:
            segment = Segment.create(
                self._files, self._seals, self._segment.number + 1, room, options.log_fragment_bytes_max
            )
        except OSError as error:
            self._fail(error)
            raise self._stopped from error  # type: ignore[misc]  # _fail has set it
        self._batches.append((self._segment, self._payloads))
        self._segment, self._payloads, self._room = segment, [], room

    def sync(self) -> Wait:
        """A Wait that is done when everything appended so far is durable."""
        marker = LogCommit(0)
        if self._stopped is not None:
            marker.durable.finish(self._stopped)
            return marker.durable
        self._commits.append(marker)
        self._sync_asked = True
        if not self._scheduled:
            self._scheduled = True
            self._scheduler.call_soon(self._end_turn)
        return marker.durable

    def hold(self, number: int) -> Callable[[], None]:
        """Keeps the segments from `number` on until the returned function is called."""
        self._holds.append(number)
        return lambda: self._holds.remove(number)

    def remove_before(self, number: int) -> None:
        """Deletes the segments below `number`, whose commits are all in table files, as far as nobody holds them.

        What stays is deleted the next time. Raises OSError.
        """
        number = min([number, *self._holds])
        while self.first_number < number:
            name = segment_name(self.first_number)
            if self._files.exists(name):
                self._files.remove(name)
            self.first_number += 1

    def refuse(self, error: StorageStopped) -> None:
        """Takes no more commits; what was taken is still written."""
        self._refusal = error
        self._room = -1

    def end(self) -> tuple[int, int]:
        """The number of the newest segment and its length; settled once `sync` is done and nothing follows."""
        return self._segment.number, self._segment.writer.offset

    def close(self) -> None:
        """Closes the file; the caller has waited for `sync`."""
        if self._timer is not None:
            self._timer()
        for segment, _ in self._batches:
            segment.file.close()
        self._segment.file.close()

    def _make_room(self, size: int) -> None:
        fragments = size // self._options.log_fragment_bytes_max + 1
        self.rotate(size + fragments * RECORD_BYTES_EXTRA)

    def _end_turn(self) -> None:
        """Writes what this turn of the loop has collected, and syncs it if somebody waits."""
        self._scheduled = False
        if self._busy or self._stopped is not None or not (self._commits or self._held):
            return
        commits, self._commits = self._commits, []
        batches, self._batches = self._batches, []
        payloads, self._payloads = self._payloads, []
        batches.append((self._segment, payloads))
        waiting, self._pending_waiting = self._pending_waiting, 0
        self._first_waiting = None
        sync = waiting > 0 or self._sync_asked or len(batches) > 1
        size = sum(map(len, payloads))
        if not sync:
            self._held += commits
            try:
                _write(batches, False)
            except (OSError, MemoryError) as error:
                self._fail(error)
                return
            self.bytes_written += size
            if self._timer is None:
                self._timer = self._scheduler.call_later(self._options.sync_delay_seconds, self._sync_late)
            return
        self._sync_asked = False
        if self._held:
            commits, self._held = self._held + commits, []
        if self._timer is not None:
            self._timer()
            self._timer = None
        self._busy = True

        def done(error: BaseException | None) -> None:
            if error is None:
                self._finish(commits, waiting, size)
            else:
                self._held = commits
                self._fail(error)

        segment = batches[0][0]
        if len(batches) > 1 or size > INLINE_BYTES_MAX or segment.fresh:
            self._scheduler.run(lambda: _write(batches, True), lambda _, error: done(error))
            return

        def synced(error: BaseException | None) -> None:
            if error is None:
                segment.was_synced()
            done(error)

        # Handing bytes to the operating system costs less than handing them to a thread; the disk is what takes time.
        try:
            _write(batches, False)
        except (OSError, MemoryError) as error:
            done(error)
            return
        self._scheduler.sync(segment.file, synced)

    def _finish(self, commits: list[LogCommit], waiting: int, size: int) -> None:
        self._busy = False
        self.waiting -= waiting
        self.syncs += 1
        self.synced_commits += len(commits)
        self.batch_counts[min((len(commits) - 1).bit_length(), BATCH_CLASSES)] += 1
        self.bytes_written += size
        self._on_visible(self._first_waiting)
        if self._commits and not self._scheduled:
            self._scheduled = True
            self._scheduler.call_soon(self._end_turn)
        for commit in commits:
            commit.durable.finish()

    def _sync_late(self) -> None:
        self._timer = None
        self._sync_asked = True
        self._end_turn()

    def _fail(self, error: BaseException) -> None:
        """Stops for good: what of the failed write is on the disk is unknown, and asking again would not tell."""
        stopped = StorageStopped(
            f'the storage engine has stopped: could not write to log file "{self._segment.name}": {error}',
            hint="Restart the server; recovery finds out what is durable.",
        )
        self._stopped = stopped
        self._room = -1
        self._on_failure(stopped)
        commits, self._held, self._commits = self._held + self._commits, [], []
        for commit in commits:
            commit.durable.finish(stopped)


def _write(batches: list[tuple[Segment, list[bytes]]], sync: bool) -> None:
    """The job that may run off the loop: touches nothing but the segments."""
    last = len(batches) - 1
    for position, (segment, payloads) in enumerate(batches):
        if payloads:
            segment.append(b"".join(payloads))
        if sync or position < last:
            segment.sync()
        if position < last:
            segment.file.close()
