"""Dependencies: which SERIALIZABLE transaction has to fail so that the others are in a serial order.

Serializable snapshot isolation (M. J. Cahill, U. Röhm, A. D. Fekete, "Serializable Isolation for Snapshot Databases",
2008; D. R. K. Ports, K. Grittner, "Serializable Snapshot Isolation in PostgreSQL", 2012). Every cycle of dependencies
holds a dangerous structure T1 -> T2 -> T3 of two rw-antidependencies between overlapping transactions (T1 may be T3) in
which T3 is the first of the cycle to commit; the pivot T2 fails, or whoever of the three still can. If T1 is read-only,
T3 must even have committed before T1's snapshot. As a transaction that has committed before another's snapshot counts
as a dependency in the proof, whether the two have met or not, the order is one of real time: strict serializability.

Reads count as keys and as ranges, absent keys included; both are compared with writes as they happen, in whichever
order they come. Committed transactions are remembered while anybody overlaps them, at most KEPT_MAX of them: older ones
are summarized by prefix (by table and index), which may fail a transaction that could have gone on, never the reverse.
Not here: the reads and writes themselves (transaction.py); transactions of other levels, which do not count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from datacave_core.errors import SerializationFailure
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.ports import Store
from datacave_core.transaction.access_index import BULK_MIN, AccessIndex
from datacave_core.transaction.serial import Range, SerialTransaction, prefix_of
from datacave_core.wait import Wait

KEPT_MAX = 2048
"""Committed transactions remembered one by one."""


def dangerous(me: SerialTransaction, reason: str) -> SerializationFailure:
    """The error of a transaction that has to fail; whatever it tries after that fails too."""
    me.doomed = not me.prepared
    return SerializationFailure(
        "could not serialize access due to read/write dependencies among transactions",
        detail=f"Reason code: {reason}.",
        hint="The transaction might succeed if retried.",
    )


class Dependencies:
    """The SERIALIZABLE transactions of one node: those under way, and those that have committed beside them."""

    __slots__ = ("_active", "_committed", "_index", "_moment", "_store", "_summary")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = AccessIndex()
        self._active: dict[SerialTransaction, None] = {}
        self._committed: deque[SerialTransaction] = deque()  # in the order of their ends
        self._moment = 0
        self._summary = _Summary()

    # The life of a transaction

    def begin(self, snapshot: int, read_only: bool) -> SerialTransaction:
        """Called with the snapshot. A read-only one is `safe` if nobody is under way who writes."""
        self._forget_old()
        self._moment += 1
        one = SerialTransaction(snapshot, read_only, self._moment)
        if read_only:
            for other in self._active:
                if not other.read_only:
                    one.possible_unsafe.add(other)
                    other.possible_unsafe.add(one)
            for other in self._committed:
                # Committed, and not yet visible.
                if other.commit_timestamp > snapshot and 0 < other.earliest_out <= snapshot:
                    one.unsafe = True
            one.safe = not one.possible_unsafe and not one.unsafe
        self._active[one] = None
        return one

    def restore(self, one: SerialTransaction) -> None:
        """Takes over a transaction that was prepared before a restart, with its reads and writes."""
        self._active[one] = None
        for key in one.keys:
            self._index.add_read(one, key)
        ranges, one.ranges = one.ranges, []
        for each in ranges:
            self._index.add_range(one, each)
        self._index.add_bulk(one)
        one.wrote = one.summary_in = one.summary_out = True

    def check_commit(self, me: SerialTransaction) -> None:
        """Called right before the commit or its first phase. Raises SerializationFailure."""
        if me.doomed:
            raise dangerous(me, "Canceled on identification as a pivot, during commit attempt")
        if me.late:
            self.comes_after(me)
        for near in me.conflicts_in:
            if near.committed or near.doomed:
                continue
            for far in near.conflicts_in:
                if far is me or not (far.committed or far.read_only or far.doomed):
                    # The pivot fails rather than this one, so that somebody gets on if it is tried again.
                    if near.prepared:
                        raise dangerous(me, "Canceled on commit attempt with conflict in from prepared pivot")
                    near.doomed = True
                    break

    def prepared(self, me: SerialTransaction, timestamp: int) -> None:
        """The first phase is done: it cannot fail any more."""
        me.prepared = True
        me.prepared_timestamp = timestamp

    def committed(self, me: SerialTransaction, timestamp: int) -> None:
        """The transaction is in the log under a timestamp; without writes, after all commits up to it."""
        declared_read_only = me.read_only
        self._moment += 1
        me.finished = self._moment
        me.committed = True
        me.commit_timestamp = timestamp
        if not me.prepared:
            self.prepared(me, timestamp)
        if not me.wrote:
            me.read_only = True
        for other in [one for one in me.conflicts_out if one.committed]:
            if not me.read_only and (not me.earliest_out or other.prepared_timestamp < me.earliest_out):
                me.earliest_out = other.prepared_timestamp
            _unlink(me, other)
        for other in [one for one in me.conflicts_in if one.committed or one.read_only]:
            _unlink(other, me)
        self._settle_snapshots(me, declared_read_only)
        del self._active[me]
        self._committed.append(me)
        self._forget_old()

    def rolled_back(self, me: SerialTransaction) -> None:
        """The transaction has failed or been taken back."""
        if me.committed or me not in self._active:
            return
        me.doomed = True
        for other in list(me.conflicts_out):
            _unlink(me, other)
        for other in list(me.conflicts_in):
            _unlink(other, me)
        self._settle_snapshots(me, me.read_only)
        del self._active[me]
        self._index.forget(me)
        self._forget_old()

    def _settle_snapshots(self, me: SerialTransaction, declared_read_only: bool) -> None:
        """Tells read-only transactions that began beside a writer whether it has made their snapshots unsafe."""
        others, me.possible_unsafe = me.possible_unsafe, set()
        if declared_read_only:
            for writer in others:
                writer.possible_unsafe.discard(me)
            return
        for reader in others:
            if me.committed and me.wrote and me.earliest_out and me.earliest_out <= reader.snapshot:
                reader.unsafe = True
            reader.possible_unsafe.discard(me)
            if not reader.possible_unsafe and not reader.unsafe:
                reader.safe = True
                self._index.forget_reads(reader)
            if reader.safety is not None and (reader.safe or reader.unsafe):
                reader.safety.finish()

    def safety(self, me: SerialTransaction) -> Wait | None:
        """What a deferrable transaction waits for before it knows whether its snapshot is safe; None if it knows."""
        if me.safe or me.unsafe:
            return None
        if me.safety is None:
            me.safety = Wait("IPC:SafeSnapshot")
        return me.safety

    # Reads

    def read_key(self, me: SerialTransaction, key: bytes) -> None:
        """A key has been read at the snapshot. Raises SerializationFailure."""
        self._check_reader(me)
        if me.safe or key in me.keys:
            return
        self._index.add_read(me, key)
        for writer in self._index.writers_of(key):
            self._conflict_out(me, writer)
        if self._summary.written:
            self._conflict_out_to_summary(me, key[:PREFIX_LENGTH])

    def read_range(self, me: SerialTransaction, one: Range) -> None:
        """A range has been read as a whole. Raises SerializationFailure."""
        self._check_reader(me)
        if not me.safe and one not in me.ranges[-8:]:
            self._index.add_range(me, one)
            self._meet_writers(me, one, one)

    def read_further(self, me: SerialTransaction, one: Range, part: Range, *, first: bool) -> None:
        """A range that grows has been read by a part more. Raises SerializationFailure."""
        self._check_reader(me)
        if not me.safe:
            if first:
                self._index.add_range(me, one)
            self._meet_writers(me, one, part)

    def _check_reader(self, me: SerialTransaction) -> None:
        if me.doomed:
            raise dangerous(me, "Canceled on identification as a pivot, during conflict out checking")

    def _meet_writers(self, me: SerialTransaction, one: Range, part: Range) -> None:
        low, high = part
        assert low is not None
        for writer in self._index.writers_between(low, high):
            self._conflict_out(me, writer)
        if self._summary.written:
            self._conflict_out_to_summary(me, prefix_of(one))

    def _conflict_out(self, me: SerialTransaction, writer: SerialTransaction) -> None:
        if writer is me or writer.doomed or (writer.committed and writer.commit_timestamp <= me.snapshot):
            return
        if writer.summary_out:
            # Whom it must come before was first to commit; whether before this snapshot is not known any more.
            if writer.prepared:
                raise dangerous(me, "Canceled on conflict out to old pivot")
            writer.doomed = True
            return
        if me.read_only and writer.committed and (not writer.earliest_out or me.snapshot < writer.earliest_out):
            return  # it seems to have run first
        if writer not in me.conflicts_out:
            self._add_conflict(me, writer, me)

    def _conflict_out_to_summary(self, me: SerialTransaction, prefix: bytes) -> None:
        committed, earliest_out = self._summary.written_in(prefix)
        if committed <= me.snapshot:
            return
        if earliest_out and (not me.read_only or earliest_out <= me.snapshot):
            raise dangerous(me, "Canceled on conflict out to old pivot")
        if me.summary_in or me.conflicts_in:
            raise dangerous(me, "Canceled on identification as a pivot, with conflict out to old committed transaction")
        me.summary_out = True

    def learnt_too_much(self, me: SerialTransaction) -> None:
        """Something that its snapshot does not show has decided what it does: it comes after whoever wrote that, and
        before them with all that it reads. It fails at its next step."""
        me.doomed = not me.prepared

    def comes_after(self, me: SerialTransaction) -> None:
        """It goes on only because others, which its snapshot does not show, have made way: it comes after them. So it
        may not come before anybody who commits first, now or until its own commit. Raises SerializationFailure.

        Then what follows it in any way has committed later, and a cycle through it holds a dangerous structure still.
        """
        me.late = True
        if me.summary_out or any(other.prepared for other in me.conflicts_out):
            raise dangerous(me, "Canceled on conflict out to one that made way")

    # Writes

    def write(self, me: SerialTransaction, key: bytes) -> None:
        """A key is about to be written. Raises SerializationFailure."""
        self._check_writer(me)
        self._index.add_write(me, key)
        self.meet_readers(me, key)

    def meet_readers(self, me: SerialTransaction, key: bytes) -> None:
        """A key would be written, were it not for an error that is due: who has read it comes before."""
        for reader in self._index.readers_of(key):
            self._conflict_in(reader, me)
        if self._summary.read:
            self._conflict_in_from_summary(me, (key[:PREFIX_LENGTH],))

    def write_all(self, me: SerialTransaction, rows: Mapping[bytes, Any]) -> None:
        """Many keys are about to be written. Raises SerializationFailure."""
        if len(rows) < BULK_MIN:
            for key in rows:
                self.write(me, key)
            return
        self._check_writer(me)
        self._index.add_bulk(me)
        for reader in self._index.readers_of_any(rows):
            self._conflict_in(reader, me)
        if self._summary.read:
            self._conflict_in_from_summary(me, {key[:PREFIX_LENGTH] for key in rows})

    def write_between(self, me: SerialTransaction, first: bytes, last: bytes) -> None:
        """Keys with first <= key <= last are about to be written. Raises SerializationFailure."""
        self._check_writer(me)
        me.loaded.append((first, last))
        self._index.add_bulk(me)
        for reader in self._index.readers_between(first, last):
            self._conflict_in(reader, me)
        if self._summary.read:
            self._conflict_in_from_summary(me, (first[:PREFIX_LENGTH],))

    def take_back_write(self, me: SerialTransaction, key: bytes) -> None:
        """A write has been rolled back to a savepoint."""
        self._index.take_back_write(me, key)

    def _check_writer(self, me: SerialTransaction) -> None:
        if me.doomed:
            raise dangerous(me, "Canceled on identification as a pivot, during conflict in checking")
        me.wrote = True

    def _conflict_in(self, reader: SerialTransaction, me: SerialTransaction) -> None:
        if reader is me or reader.doomed or me in reader.conflicts_out:
            return
        if reader.committed and not me.overlaps(reader):
            return
        self._add_conflict(reader, me, me)

    def _conflict_in_from_summary(self, me: SerialTransaction, prefixes: Iterable[bytes]) -> None:
        if any(self._summary.read_in(prefix) > me.begun for prefix in prefixes):
            me.summary_in = True

    # Dangerous structures

    def _add_conflict(self, reader: SerialTransaction, writer: SerialTransaction, me: SerialTransaction) -> None:
        """Notes reader -> writer, one of which is `me`. Raises SerializationFailure if `me` has to fail for it."""
        if _is_dangerous(reader, writer):
            if writer is me:
                raise dangerous(me, "Canceled on identification as a pivot, during write")
            if writer.prepared:
                raise dangerous(me, "Canceled on conflict out to pivot, during read")
            writer.doomed = True
        reader.conflicts_out.add(writer)
        writer.conflicts_in.add(reader)

    # Forgetting

    def _forget_old(self) -> None:
        committed = self._committed
        if not committed:
            return
        visible = self._store.visible_timestamp
        oldest = min((one.begun for one in self._active), default=self._moment + 1)
        snapshot = min((one.snapshot for one in self._active), default=visible)
        while committed:
            one = committed[0]
            if one.commit_timestamp > visible or one.finished > oldest or one.commit_timestamp > snapshot:
                break
            committed.popleft()
            self._let_go(one)
        while len(committed) > KEPT_MAX:
            one = committed.popleft()
            self._summary.add(one)
            for other in one.conflicts_out:
                other.summary_in = True
            for other in one.conflicts_in:
                other.summary_out = True
            self._let_go(one)
        self._summary.forget(oldest, min(snapshot, visible))

    def _let_go(self, one: SerialTransaction) -> None:
        for other in list(one.conflicts_out):
            _unlink(one, other)
        for other in list(one.conflicts_in):
            _unlink(other, one)
        self._index.forget(one)

    def counts(self) -> tuple[int, int]:
        """How many are under way, and how many are remembered beside them."""
        return len(self._active), len(self._committed)


class _Summary:
    """What old committed transactions have read and written, by prefix (b"": some range over several)."""

    __slots__ = ("_finished", "_timestamp", "read", "written")

    def __init__(self) -> None:
        self.read: dict[bytes, int] = {}  # the end of the last reader
        self.written: dict[bytes, tuple[int, int]] = {}  # the last commit, the earliest conflict out of them all
        self._finished = self._timestamp = 0

    def add(self, one: SerialTransaction) -> None:
        self._finished = max(self._finished, one.finished)
        self._timestamp = max(self._timestamp, one.commit_timestamp)
        for prefix in one.prefixes_read():
            self.read[prefix] = max(self.read.get(prefix, 0), one.finished)
        earliest = one.earliest_out or (1 if one.summary_out else 0)
        for prefix in one.prefixes_written():
            last, known = self.written.get(prefix, (0, 0))
            out = min(known, earliest) if known and earliest else known or earliest
            self.written[prefix] = (max(last, one.commit_timestamp), out)

    def read_in(self, prefix: bytes) -> int:
        return max(self.read.get(prefix, 0), self.read.get(b"", 0))

    def written_in(self, prefix: bytes) -> tuple[int, int]:
        if prefix:
            return self.written.get(prefix, (0, 0))
        found = list(self.written.values())
        return max((last for last, _ in found), default=0), min((out for _, out in found if out), default=0)

    def forget(self, oldest: int, snapshot: int) -> None:
        if self._finished and self._finished < oldest and self._timestamp <= snapshot:
            self.__init__()  # type: ignore[misc]


def _unlink(reader: SerialTransaction, writer: SerialTransaction) -> None:
    reader.conflicts_out.discard(writer)
    writer.conflicts_in.discard(reader)


def _is_dangerous(reader: SerialTransaction, writer: SerialTransaction) -> bool:
    """Whether reader -> writer completes a structure in which the last one may be the first to commit."""
    # reader -> writer -> third, the writer having committed with a conflict out to one that came before it
    if writer.committed and (writer.earliest_out or writer.summary_out):
        return True
    if writer.summary_out:
        return True
    for third in writer.conflicts_out:
        if (
            third.prepared
            and (not reader.committed or third.prepared_timestamp <= reader.commit_timestamp)
            and (not writer.committed or third.prepared_timestamp <= writer.commit_timestamp)
            and (not reader.read_only or third.prepared_timestamp <= reader.snapshot)
        ):
            return True
    if not writer.prepared or reader.read_only:
        return False
    # first -> reader -> writer
    if reader.summary_in:
        return True
    return any(
        not first.doomed
        and (not first.committed or first.commit_timestamp >= writer.prepared_timestamp)
        and (not first.read_only or first.snapshot >= writer.prepared_timestamp)
        for first in reader.conflicts_in
    )
