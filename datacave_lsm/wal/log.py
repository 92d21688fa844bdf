"""Log: commits on their way to the disk, one write and one fdatasync for all that arrive together.

    append -> payloads of this loop turn -> one record per segment -> write, sync -> Waits finished in commit order
    a segment is in use -> the next one gets its file and its name, off the loop

While one sync is under way the next batch collects. A commit's room in a segment is reserved before it is accepted, so
that a full disk refuses a commit before anything of it is visible; any other failure of the log stops the engine for
good, since nobody knows what of a failed write or sync has reached the disk.

Segments nobody needs any more wait as spares to become new ones, a few of them.

Invariants: at most one write job at a time, and none on a segment that is getting its name; a segment is synced before
its successor is begun, and begun durably before the one after that has a name; waits finish in timestamp order, after
`on_visible` was told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core.errors import DiskFull, StorageStopped
from datacave_core.ports import FileSystem, Scheduler
from datacave_core.wait import Wait
from datacave_lsm.format import Seals
from datacave_lsm.options import EngineOptions
from datacave_lsm.wal.record import RECORD_BYTES_EXTRA
from datacave_lsm.wal.replay import LogEnd
from datacave_lsm.wal.segment import Segment, segment_bytes, segment_name, spare_name

WAIT_REASON = "IO:WALSync"
NEXT_SHARE = 16
"""The next segment is made ready when this share of the newest is in use."""

FIRST_SHARE = 256
"""The same for the first one after a start: nobody knows yet how fast it fills."""

MARK_SECONDS = 1.0
"""So long after a sync, if nothing else is written by then, a record says that everything before it is on the disk."""

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
        "_mark_timer",
        "_naming",
        "_next",
        "_on_failure",
        "_on_visible",
        "_options",
        "_payloads",
        "_pending_waiting",
        "_prepare_at",
        "_refusal",
        "_room",
        "_scheduled",
        "_scheduler",
        "_seals",
        "_segment",
        "_segments",
        "_spares",
        "_stopped",
        "_sync_asked",
        "_timer",
        "_uncounted",
        "batch_counts",
        "bytes_written",
        "first_number",
        "recycled",
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
        end: LogEnd,
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
        self._uncounted = 0  # among the commits: what is none, only written or waited for as one
        self._stopped: StorageStopped | None = None
        self._refusal: StorageStopped | None = None
        self._timer: Callable[[], None] | None = None
        self._mark_timer: Callable[[], None] | None = None
        self._pending_waiting = 0
        self._first_waiting: int | None = None
        self.waiting = 0
        self.syncs = 0
        self.synced_commits = 0
        self.batch_counts = [0] * (BATCH_CLASSES + 1)
        self.bytes_written = 0
        self.first_number = first_number
        self.recycled = 0
        self._spares: list[tuple[str, str]] = []  # names, with the master keys of what they hold
        self._room = options.log_segment_bytes
        self._prepare_at = self._room // FIRST_SHARE
        self._segment = Segment.create(files, seals, end.number + 1, self._room, options.log_fragment_bytes_max)
        self._segment.begin(end.bytes)
        self._segments = {self._segment.number: self._segment}  # those of this process
        self._next: Segment | None = None  # what comes after the newest
        self._naming: Segment | None = None  # what is getting its name off the loop

    @property
    def number(self) -> int:
        """The segment that the next commit goes to."""
        return self._segment.number

    @property
    def gathering(self) -> bool:
        """Whether commits that somebody waits for are written at the end of this turn of the loop."""
        return self._pending_waiting > 0 and self._scheduled

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

    def note(self, payload: bytes) -> None:
        """Takes what is no commit, as layouts and parts of big commits. Raises DiskFull or StorageStopped."""
        self.append(payload, LogCommit(0), False)
        self._uncounted += 1

    def rotate(self, bytes_needed: int = 0) -> None:
        """Lets the next commit start a new segment. Raises DiskFull or StorageStopped, with nothing changed."""
        refusal = self._stopped or self._refusal
        if refusal is not None:
            raise refusal
        options = self._options
        room = max(options.log_segment_bytes, bytes_needed)
        following, self._next = self._next, None
        if following is not None:
            self._switch(following, options.log_segment_bytes)
            if room <= options.log_segment_bytes and following.key_id == self._key_id():
                return
        try:
            segment = self._create(room)
        except OSError as error:
            self._fail(error)
            raise self._stopped from error  # type: ignore[misc]  # _fail has set it
        self._switch(segment, room)

    def _switch(self, segment: Segment, room: int) -> None:
        """Lets the next commit go to another segment."""
        self._segments[segment.number] = segment
        self._batches.append((self._segment, self._payloads))
        self._segment, self._payloads, self._room = segment, [], room
        self._prepare_at = self._options.log_segment_bytes // NEXT_SHARE

    def _create(self, room: int) -> Segment:
        """The segment after the newest. Raises DiskFull, OSError."""
        options = self._options
        spare = self._take_spare() if room == options.log_segment_bytes else ""
        number = self._segment.number + 1
        segment = Segment.create(self._files, self._seals, number, room, options.log_fragment_bytes_max, spare)
        self.recycled += spare != ""
        return segment

    def _prepare_next(self) -> None:
        """Gets the next segment ready off the loop; a full disk is the matter of the commit that needs it."""
        self._prepare_at += self._options.log_segment_bytes // NEXT_SHARE
        try:
            segment = self._create(self._options.log_segment_bytes)
        except DiskFull:
            return
        except OSError as error:
            self._fail(error)
            return
        self._next = self._naming = segment

        def named(_: None, error: BaseException | None) -> None:
            self._naming = None
            if self._stopped is not None:
                return
            if error is not None:
                self._fail(error)
            elif not self._scheduled:
                self._scheduled = True
                self._scheduler.call_soon(self._end_turn)

        self._scheduler.run(segment.get_ready, named)

    def sync(self) -> Wait:
        """A Wait that is done when everything appended so far is durable."""
        marker = LogCommit(0)
        if self._stopped is not None:
            marker.durable.finish(self._stopped)
            return marker.durable
        self._commits.append(marker)
        self._uncounted += 1
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
        """Lets go of the segments below `number`, whose commits are all in table files, as far as nobody holds them.

        Off the loop. What stays goes the next time. Raises OSError.
        """
        number = min([number, *self._holds])
        while self.first_number < number:
            name = segment_name(self.first_number)
            if self._files.exists(name):
                self._let_go(name, self.first_number)
            self._segments.pop(self.first_number, None)
            self.first_number += 1

    def _let_go(self, name: str, number: int) -> None:
        """Makes a segment a spare, or removes it."""
        options = self._options
        segment = self._segments.get(number)
        if (
            segment is not None
            and segment.file_bytes == segment_bytes(options.log_segment_bytes)
            and segment.key_id == self._key_id()
            and len(self._spares) < options.log_spare_segments_max
        ):
            spare = spare_name(number)
            self._files.rename(name, spare)
            self._spares.append((spare, segment.key_id))
        else:
            self._files.remove(name)

    def remove_spares(self) -> None:
        """Off the loop, once another master key is current: removes the spares that hold anything under others."""
        for spare in [spare for spare in self._spares if spare[1] != self._key_id()]:
            self._spares.remove(spare)
            self._files.remove(spare[0])

    def _take_spare(self) -> str:
        """The name of a spare that is none any more; "" if there is none under the current master key."""
        key_id = self._key_id()
        for spare in self._spares:
            if spare[1] == key_id:
                self._spares.remove(spare)
                return spare[0]
        return ""

    def _key_id(self) -> str:
        return self._seals.ring.current if self._seals.ring is not None else ""

    def refuse(self, error: StorageStopped) -> None:
        """Takes no more commits; what was taken is still written."""
        self._refusal = error
        self._room = -1

    def end(self) -> tuple[int, int]:
        """The number of the newest segment and its length; settled once `sync` is done and nothing follows."""
        return self._segment.number, self._segment.writer.offset

    def ends(self) -> dict[int, int]:
        """The segments that have been begun here, newest first, each with the length that it has or will have soon.

        All but the newest are complete.
        """
        segments = list(self._segments.values())[::-1]
        # A segment is begun only after the one before it is complete: hence newest first.
        return {segment.number: segment.writer.offset for segment in segments if not segment.fresh}

    def statistics(self) -> dict[str, Any]:
        """Counters and sizes."""
        return {
            "log_bytes_written": self.bytes_written,
            "log_syncs": self.syncs,
            "log_synced_commits": self.synced_commits,
            "log_batch_counts": list(self.batch_counts),
            "log_segments": self.number - self.first_number + 1,
            "log_segments_recycled": self.recycled,
            "log_waiting_commits": self.waiting,
        }

    def trim(self) -> None:
        """Leaves of the newest segment what was written, and none in store; the caller has waited for `sync`."""
        if self._next is not None:
            following, self._next = self._next, None
            following.give_up()
        self._segment.file.truncate(self._segment.writer.offset)
        while self._spares:
            self._files.remove(self._spares.pop()[0])

    def close(self) -> None:
        """Closes the file; the caller has waited for `sync`."""
        for cancel in (self._timer, self._mark_timer):
            if cancel is not None:
                cancel()
        for segment, _ in self._batches:
            segment.file.close()
        self._segment.file.close()
        if self._next is not None:
            self._next.file.close()

    def _make_room(self, size: int) -> None:
        fragments = size // self._options.log_fragment_bytes_max + 1
        self.rotate(size + fragments * RECORD_BYTES_EXTRA)

    def _end_turn(self) -> None:
        """Writes what this turn of the loop has collected, and syncs it if somebody waits."""
        self._scheduled = False
        if self._busy or self._stopped is not None or not (self._commits or self._held):
            return
        if self._naming is not None and (self._naming is not self._next or self._refusal is not None):
            return  # it is in use already, or about to be closed
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
        uncounted, self._uncounted = self._uncounted, 0
        if self._held:
            commits, self._held = self._held + commits, []
        if self._timer is not None:
            self._timer()
            self._timer = None
        self._busy = True

        def done(error: BaseException | None) -> None:
            if error is None:
                self._finish(commits, len(commits) - uncounted, waiting, size)
            else:
                self._held = commits
                self._fail(error)

        if size > INLINE_BYTES_MAX or not self._segment.named:
            self._scheduler.run(lambda: _write(batches, True), lambda _, error: done(error))
            return
        # Handing bytes to the operating system costs less than handing them to a thread, which has to wait for the
        # interpreter lock more than once; the disk is what takes time.
        following = iter(batches)
        previous: Segment | None = None

        def go_on(error: BaseException | None) -> None:
            nonlocal previous
            if previous is not None and error is None:
                previous.was_synced()
            part = next(following, None) if error is None else None
            if part is None:
                done(error)
                return
            try:
                if previous is not None:
                    previous.file.close()
                    part[0].begin(previous.writer.offset)
                previous = part[0]
                if part[1]:
                    previous.append(b"".join(part[1]))
            except (OSError, MemoryError) as failure:
                done(failure)
                return
            self._scheduler.sync(previous.file, go_on)

        go_on(None)

    def _finish(self, commits: list[LogCommit], count: int, waiting: int, size: int) -> None:
        self._busy = False
        self.waiting -= waiting
        self.syncs += 1
        self.synced_commits += count
        self.batch_counts[min((count - 1).bit_length() if count else 0, BATCH_CLASSES)] += 1
        self.bytes_written += size
        self._on_visible(self._first_waiting)
        if self._commits and not self._scheduled:
            self._scheduled = True
            self._scheduler.call_soon(self._end_turn)
        # One that is still getting its name may be in use already: nobody may forget it for another.
        idle = self._next is None and self._naming is None
        if self._segment.writer.offset > self._prepare_at and idle and self._refusal is None:
            self._prepare_next()
        if self._mark_timer is None:
            self._mark_timer = self._scheduler.call_later(MARK_SECONDS, self._mark)
        for commit in commits:
            commit.durable.finish()

    def _mark(self) -> None:
        """Writes what tells damage to the newest record from a write cut short: that it was on the disk.

        The mark itself need not be: without it, or with half of it, the log ends where it ended before. While commits
        keep coming, each of them says so of those before it.
        """
        self._mark_timer = None
        if self._stopped is not None or self._refusal is not None:
            return
        segment = self._segment
        if self._busy or self._commits or self._held or self._batches or self._naming is not None:
            self._mark_timer = self._scheduler.call_later(MARK_SECONDS, self._mark)
            return
        if segment.fresh or self._room < RECORD_BYTES_EXTRA:
            return
        self._room -= RECORD_BYTES_EXTRA
        try:
            segment.append(b"")
        except (OSError, MemoryError) as error:
            self._fail(error)

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
        if position:
            segment.begin(batches[position - 1][0].writer.offset)
        if payloads:
            segment.append(b"".join(payloads))
        if sync or position < last:
            segment.sync()
        if position < last:
            segment.file.close()
