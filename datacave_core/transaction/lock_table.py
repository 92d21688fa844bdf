# cython: language_level=3, annotation_typing=False
"""Lock table: who holds and who waits for the rows, tables and advisory keys of one node. Values in, values out.

A mode is a set of bits; what an owner holds on a key is the union of the modes it was granted, and two modes conflict
when the one's bits meet the other's conflicts (modes.py).

Shapes of an entry: (owner, mode) while one owner holds the key and nobody waits, which costs one dictionary insert;
a _Queue once there is contention.
Invariants: held modes of different owners never conflict; an owner waits for one lock at a time; waiters are served
first come first served, except that holders who want a stronger mode go before those who hold nothing; a waiter is
never overtaken by a request that conflicts with it. A cycle of waits is found when its last wait begins, because only
a beginning wait adds edges; that requester is the victim.
Not here: rows, transactions, what a wait is for (transaction.py, table_locks.py, advisory.py), time-outs (the pump
cancels).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from datacave_core.errors import DeadlockDetected
from datacave_core.transaction.modes import ADVISORY_PREFIX, CONFLICTS, TABLE_PREFIX, describe_lock
from datacave_core.wait import Wait


class LockOwner:
    """One session as the lock table sees it. `process_id` is the number in pg_locks and deadlock reports.

    `acquired` lists the row locks of the transaction, in order: a key, or (key, earlier mode) for a strengthened one.
    Advisory locks are kept apart, because a key may be held several times over, by the session and by the transaction;
    so are table locks, most of which never reach the lock table (table_locks.py).
    """

    __slots__ = (
        "acquired",
        "last_commit_timestamp",
        "process_id",
        "session_advisory",
        "table_log",
        "tables",
        "transaction_advisory",
        "transaction_number",
        "waiting",
    )

    def __init__(self, process_id: int = 0) -> None:
        self.process_id = process_id
        self.transaction_number = 0
        self.last_commit_timestamp = 0  # the newest commit of this session: its next snapshot is not below it
        self.acquired: list[_Acquired] = []
        self.waiting: LockWait | None = None
        self.session_advisory: dict[tuple[bytes, int], int] = {}  # (key, mode) -> how often
        self.transaction_advisory: list[tuple[bytes, int]] = []
        self.tables: dict[int, int] = {}  # oid -> modes held by the transaction
        self.table_log: list[tuple[int, int]] = []  # (oid, earlier modes), in the order in which they were taken


class LockWait(Wait):
    """A lock on its way: done when the owner holds it. `listed` says whether it goes into `owner.acquired`, `since`
    when it began (microseconds since 1970)."""

    __slots__ = ("key", "listed", "mode", "owner", "since", "upgrade_from")

    def __init__(self, owner: LockOwner, key: bytes, mode: int, upgrade_from: int, listed: bool, since: int) -> None:
        super().__init__(_wait_reason(key))
        self.listed = listed
        self.since = since
        self.owner = owner
        self.key = key
        self.mode = mode
        self.upgrade_from = upgrade_from  # the mode already held, or 0


class _Queue:
    """A contended key: holders by owner, and those who wait, in the order in which they will be served."""

    __slots__ = ("holders", "waiters")

    def __init__(self, holders: dict[LockOwner, int]) -> None:
        self.holders = holders
        self.waiters: list[LockWait] = []


_Acquired: TypeAlias = bytes | tuple[bytes, int]
_Entry: TypeAlias = tuple[LockOwner, int] | _Queue


class LockTable:
    """All locks of one node."""

    __slots__ = ("_entries", "_now", "deadlocks", "waits")

    def __init__(self, now: Callable[[], int] = lambda: 0) -> None:
        self._entries: dict[bytes, _Entry] = {}
        self._now = now
        self.deadlocks = 0
        self.waits = 0

    def acquire(self, owner: LockOwner, key: bytes, mode: int) -> LockWait | None:
        """Takes a row lock: None when granted, else a wait in the queue.

        Raises DeadlockDetected, without joining the queue, when the wait would close a cycle.
        """
        entries = self._entries
        entry = entries.get(key)
        if entry is None:
            entries[key] = (owner, mode)
            owner.acquired.append(key)
            return None
        if type(entry) is tuple:
            holder, held = entry
            if holder is owner:
                if mode & ~held:
                    entries[key] = (owner, held | mode)
                    owner.acquired.append((key, held))
                return None
        return self._acquire_queued(owner, key, mode, True)

    def acquire_at_once(self, owner: LockOwner, key: bytes, mode: int) -> bool:
        """Takes a row lock that nobody else holds or wants; False, with nothing changed, if somebody does."""
        entries = self._entries
        entry = entries.get(key)
        if entry is None:
            entries[key] = (owner, mode)
            owner.acquired.append(key)
            return True
        if type(entry) is not tuple or entry[0] is not owner:
            return False
        held = entry[1]
        if mode & ~held:
            entries[key] = (owner, held | mode)
            owner.acquired.append((key, held))
        return True

    def acquire_free(self, owner: LockOwner, keys: Collection[bytes], mode: int) -> bool:
        """Takes row locks that nobody holds, all at once; False, with nothing taken, if somebody holds one of them."""
        entries = self._entries
        if not entries.keys().isdisjoint(keys):
            return False
        taken: dict[bytes, _Entry] = dict.fromkeys(keys, (owner, mode))
        entries.update(taken)
        owner.acquired.extend(taken)
        return True

    def held_by_others(self, low: bytes, high: bytes, owner: LockOwner) -> bool:
        """Whether anybody else holds, or waits for, a key with low <= key < high."""
        return any(
            low <= key < high and (type(entry) is not tuple or entry[0] is not owner)
            for key, entry in self._entries.items()
        )

    def acquire_unlisted(self, owner: LockOwner, key: bytes, mode: int) -> LockWait | None:
        """The same for a lock that `owner.acquired` does not list: whoever takes it gives it up with `set_mode`."""
        if key not in self._entries:
            self._entries[key] = (owner, mode)
            return None
        return self._acquire_queued(owner, key, mode, False)

    def try_acquire(self, owner: LockOwner, key: bytes, mode: int) -> bool:
        """Takes a row lock if that needs no wait (NOWAIT and SKIP LOCKED)."""
        return self.is_free(owner, key, mode) and self.acquire(owner, key, mode) is None

    def is_free(self, owner: LockOwner, key: bytes, mode: int) -> bool:
        """Whether the owner would be granted a lock at once."""
        entry = self._entries.get(key)
        if isinstance(entry, _Queue):
            held = entry.holders.get(owner, 0)
            return not mode & ~held or _grantable(entry, owner, mode, held)
        return entry is None or entry[0] is owner or not entry[1] & CONFLICTS[mode]

    def held_mode(self, owner: LockOwner, key: bytes) -> int:
        """The modes in which an owner holds a key, together; 0 if it does not."""
        entry = self._entries.get(key)
        if entry is None:
            return 0
        if isinstance(entry, _Queue):
            return entry.holders.get(owner, 0)
        return entry[1] if entry[0] is owner else 0

    def release_all(self, owner: LockOwner) -> None:
        """Releases everything in `owner.acquired`, and its wait, if any; those who can go on are told."""
        if owner.waiting is not None:
            self.cancel_wait(owner)
        if owner.transaction_advisory:
            self.release_to(owner, len(owner.acquired), 0)
        acquired = owner.acquired
        if not acquired:
            return
        owner.acquired = []
        entries = self._entries
        for item in acquired:
            key = item if type(item) is bytes else item[0]
            assert type(key) is bytes
            entry = entries.get(key)
            if isinstance(entry, _Queue):
                self._set_mode_queued(entry, owner, key, 0)
            elif entry is not None and entry[0] is owner:
                del entries[key]

    def release_to(self, owner: LockOwner, acquired_count: int, advisory_count: int) -> None:
        """Releases what the transaction acquired later (rolling back to a savepoint), and its wait, if any."""
        if owner.waiting is not None:
            self.cancel_wait(owner)
        acquired = owner.acquired
        while len(acquired) > acquired_count:
            item = acquired.pop()
            if type(item) is tuple:
                self._set_mode(owner, item[0], item[1])
            else:
                assert type(item) is bytes
                self._set_mode(owner, item, 0)
        advisory = owner.transaction_advisory
        if len(advisory) > advisory_count:
            later = advisory[advisory_count:]
            del advisory[advisory_count:]
            for key, _ in later:
                self.settle_advisory(owner, key)

    def transfer(self, owner: LockOwner, other: LockOwner) -> list[tuple[bytes, int]]:
        """Hands all row locks and transaction-level advisory locks on to an owner without any; gives the row locks.

        Those who wait go on waiting, for the other one.
        """
        modes: dict[bytes, int] = {item if isinstance(item, bytes) else item[0]: 0 for item in owner.acquired}
        advisory = {key for key, _ in owner.transaction_advisory}
        entries = self._entries
        for key in [*modes, *advisory]:
            entry = entries[key]
            if isinstance(entry, _Queue):
                held = entry.holders[other] = entry.holders.pop(owner)
            else:
                held = entry[1]
                entries[key] = (other, held)
            if key in modes:
                modes[key] = held
        other.acquired = list(modes)
        other.transaction_advisory = owner.transaction_advisory
        owner.acquired, owner.transaction_advisory = [], []
        return list(modes.items())

    def settle_advisory(self, owner: LockOwner, key: bytes) -> None:
        """Weakens an advisory lock to the strongest mode that the session or the transaction still asks for."""
        modes = [mode for other, mode in owner.session_advisory if other == key]
        modes += [mode for other, mode in owner.transaction_advisory if other == key]
        self._set_mode(owner, key, max(modes, default=0))

    def set_mode(self, owner: LockOwner, key: bytes, mode: int) -> None:
        """Weakens an unlisted lock to a mode, or gives it up with 0."""
        self._set_mode(owner, key, mode)

    def hold(self, owner: LockOwner, key: bytes, mode: int) -> None:
        """Enters a lock that its owner holds without having been listed; it conflicts with nobody's."""
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = (owner, mode)
            return
        if not isinstance(entry, _Queue):
            entry = self._entries[key] = _Queue(dict([entry]))
        entry.holders[owner] = entry.holders.get(owner, 0) | mode

    def knows(self, key: bytes) -> bool:
        """Whether anyone holds or wants a key."""
        return key in self._entries

    def cancel_wait(self, owner: LockOwner) -> None:
        """Takes the owner's wait out of its queue; those behind it who can go on are told."""
        wait = owner.waiting
        if wait is None:
            return
        owner.waiting = None
        entry = self._entries[wait.key]
        assert isinstance(entry, _Queue)
        entry.waiters.remove(wait)
        self._serve(entry, wait.key)

    def locks(self) -> list[tuple[bytes, LockOwner, int, bool]]:
        """Every lock as (key, owner, mode, granted), for pg_locks."""
        found: list[tuple[bytes, LockOwner, int, bool]] = []
        for key, entry in self._entries.items():
            if isinstance(entry, _Queue):
                found.extend((key, owner, mode, True) for owner, mode in entry.holders.items())
                found.extend((key, wait.owner, wait.mode, False) for wait in entry.waiters)
            else:
                found.append((key, entry[0], entry[1], True))
        return found

    def blockers(self, owner: LockOwner) -> list[LockOwner]:
        """Those an owner waits for: conflicting holders and conflicting waiters ahead of it (pg_blocking_pids)."""
        wait = owner.waiting
        if wait is None:
            return []
        entry = self._entries[wait.key]
        assert isinstance(entry, _Queue)
        ahead = entry.waiters[: entry.waiters.index(wait)]
        return _conflicting(entry, wait, ahead)

    def waits_for(self, owner: LockOwner, other: LockOwner) -> bool:
        """Whether an owner waits, directly or through others, for another one."""
        seen: set[LockOwner] = set()
        rest = [owner]
        while rest:
            one = rest.pop()
            if one is other:
                return True
            if one not in seen:
                seen.add(one)
                rest += self.blockers(one)
        return False

    def _acquire_queued(self, owner: LockOwner, key: bytes, mode: int, listed: bool) -> LockWait | None:
        entry = self._entries[key]
        if not isinstance(entry, _Queue):
            entry = self._entries[key] = _Queue(dict([entry]))
        held = entry.holders.get(owner, 0)
        if not mode & ~held:
            return None
        if _grantable(entry, owner, mode, held):
            entry.holders[owner] = held | mode
            if listed:
                owner.acquired.append((key, held) if held else key)
            return None
        wait = LockWait(owner, key, mode, held, listed, self._now())
        waiters = entry.waiters
        if held:
            place = max((i for i, other in enumerate(waiters, 1) if other.upgrade_from), default=0)
        else:
            place = len(waiters)
        waiters.insert(place, wait)
        owner.waiting = wait
        cycle = self._find_cycle(owner)
        if cycle is not None and not self._rearrange(cycle):
            self.deadlocks += 1
            error = _deadlock_error(cycle)
            self.cancel_wait(owner)
            raise error
        self.waits += 1
        return None if wait.done else wait

    def _rearrange(self, cycle: list[LockWait]) -> bool:
        """Breaks a cycle without a victim, if one of those in it waits only because others came first: it goes ahead of
        them, where that closes no other cycle."""
        # The one who came last tries last.
        for place in (*range(1, len(cycle)), 0):
            wait, other = cycle[place], cycle[(place + 1) % len(cycle)]
            entry = self._entries[wait.key]
            assert isinstance(entry, _Queue)
            if other.key != wait.key or entry.holders.get(other.owner, 0) & CONFLICTS[wait.mode]:
                continue
            before = list(entry.waiters)
            ahead = next(each for each in entry.waiters if each.mode & CONFLICTS[wait.mode])
            entry.waiters.remove(wait)
            entry.waiters.insert(entry.waiters.index(ahead), wait)
            if all(self._find_cycle(each.owner) is None for each in entry.waiters):
                self._serve(entry, wait.key)
                return True
            entry.waiters = before
        return False

    def _set_mode(self, owner: LockOwner, key: bytes, mode: int) -> None:
        entry = self._entries.get(key)
        if isinstance(entry, _Queue):
            self._set_mode_queued(entry, owner, key, mode)
        elif entry is not None and entry[0] is owner:
            if mode:
                self._entries[key] = (owner, mode)
            else:
                del self._entries[key]

    def _set_mode_queued(self, entry: _Queue, owner: LockOwner, key: bytes, mode: int) -> None:
        if owner in entry.holders:
            if mode:
                entry.holders[owner] = mode
            else:
                del entry.holders[owner]
            self._serve(entry, key)

    def _serve(self, entry: _Queue, key: bytes) -> None:
        """Grants, in order, every wait that conflicts neither with a holder nor with a wait that stays ahead of it."""
        granted: list[LockWait] = []
        staying: list[LockWait] = []
        holders = entry.holders
        for wait in entry.waiters:
            if _conflicting(entry, wait, staying):
                staying.append(wait)
            else:
                owner = wait.owner
                holders[owner] = wait.upgrade_from | wait.mode
                if wait.listed:
                    owner.acquired.append((key, wait.upgrade_from) if wait.upgrade_from else key)
                owner.waiting = None
                granted.append(wait)
        entry.waiters = staying
        if not staying:
            if not holders:
                del self._entries[key]
            elif len(holders) == 1:
                self._entries[key] = next(iter(holders.items()))
        # Told last, because those who are told may come straight back with further requests.
        for wait in granted:
            wait.finish()

    def _find_cycle(self, start: LockOwner) -> list[LockWait] | None:
        """The waits along a cycle through `start`, which has just begun to wait."""
        path: list[LockWait] = []
        seen: set[LockOwner] = set()
        # Depth first with an explicit stack: chains of waits may be longer than Python's call stack.
        stack: list[tuple[LockOwner, int]] = [(start, 0)]
        while stack:
            owner, depth = stack.pop()
            del path[depth:]
            if owner is start and depth:
                return path
            if owner in seen or owner.waiting is None:
                continue
            seen.add(owner)
            path.append(owner.waiting)
            stack.extend((blocker, depth + 1) for blocker in self.blockers(owner))
        return None


def _grantable(entry: _Queue, owner: LockOwner, mode: int, held: int) -> bool:
    conflicts = CONFLICTS[mode]
    for holder, other in entry.holders.items():
        if other & conflicts and holder is not owner:
            return False
    # One who holds the key already only queues behind others who do, or it would wait for those who wait for it.
    return not any(wait.mode & conflicts and (not held or wait.upgrade_from) for wait in entry.waiters)


def _conflicting(entry: _Queue, wait: LockWait, ahead: list[LockWait]) -> list[LockOwner]:
    conflicts = CONFLICTS[wait.mode]
    owner = wait.owner
    found = [holder for holder, held in entry.holders.items() if held & conflicts and holder is not owner]
    found.extend(other.owner for other in ahead if other.mode & conflicts)
    return found


def _wait_reason(key: bytes) -> str:
    if key.startswith(ADVISORY_PREFIX):
        return "Lock:advisory"
    return "Lock:relation" if key.startswith(TABLE_PREFIX) else "Lock:tuple"


def _deadlock_error(cycle: list[LockWait]) -> DeadlockDetected:
    blockers = [wait.owner for wait in cycle[1:]] + [cycle[0].owner]
    lines = [
        f"Process {wait.owner.process_id} waits for {describe_lock(wait.key, wait.mode, blocker.transaction_number)};"
        f" blocked by process {blocker.process_id}."
        for wait, blocker in zip(cycle, blockers, strict=True)
    ]
    return DeadlockDetected("deadlock detected", detail="\n".join(lines), hint="See server log for query details.")
