"""Do random concurrent transactions leave a history that their isolation level allows?

Clients run random programs over a MemoryStore, and over the engine, on a simulated scheduler; everything they see is
recorded and then checked against a plain dictionary in the order of commits. The checker itself is tried on planted
anomalies.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from datacave_core.errors import DeadlockDetected, SerializationFailure
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import MemoryFileSystem, MemoryStore, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.ports import Store
from datacave_core.transaction import NO_KEY_UPDATE, UPDATE, Isolation, LockOwner, Transaction, TransactionManager
from datacave_core.wait import Steps, Wait, wait_for
from datacave_lsm import Engine

PREFIX = table_prefix(16384)
END = prefix_end(PREFIX)
KEYS = [PREFIX + bytes((n,)) for n in range(0, 16, 2)]
RC, RR, SER = Isolation.READ_COMMITTED, Isolation.REPEATABLE_READ, Isolation.SERIALIZABLE
LEVELS = [RC, RR, SER]

State = dict[bytes, Any]


# The history and its checker


@dataclass(slots=True)
class Event:
    """One step of a transaction: get, scan, latest, put (value None: a delete), undo (value: the writes that stay)."""

    kind: str
    key: bytes
    value: Any
    snapshot: int = 0
    high: bytes | None = None


@dataclass(slots=True)
class Record:
    """One transaction as its client saw it. `acknowledged_before` is the newest commit answered when it began."""

    isolation: Isolation
    acknowledged_before: int = 0
    events: list[Event] = field(default_factory=list)
    committed: bool = False
    commit_timestamp: int = 0  # 0: nothing was written

    def writes(self) -> State:
        own: State = {}
        for event in self.events:
            if event.kind == "put":
                own[event.key] = event.value
            elif event.kind == "undo":
                own = dict(event.value)
        return own


def violations(history: list[Record]) -> list[str]:
    """What in a history its isolation levels do not allow."""
    writers = sorted((r for r in history if r.committed and r.commit_timestamp), key=lambda r: r.commit_timestamp)

    def state_at(timestamp: int) -> State:
        state: State = {}
        for record in writers:
            if record.commit_timestamp > timestamp:
                break
            state.update(record.writes())
        return state

    found: list[str] = []
    for number, record in enumerate(history):
        found.extend(f"transaction {number}: {text}" for text in _violations_of(record, writers, state_at))
    circle = _circle({n: record for n, record in enumerate(history) if record.isolation is SER and record.committed})
    return [*found, f"transactions {circle} stand in no serial order"] if circle else found


def _circle(records: dict[int, Record]) -> list[int]:
    """Transactions each of which must come before another one of them: by what they have read and written, or because
    one was answered before the other began."""
    before = {
        n: {m for m, other in records.items() if m != n and _must_follow(record, other)}
        for n, record in records.items()
    }
    while free := [n for n in before if not before[n] & before.keys()]:
        for n in free:
            del before[n]
    return sorted(before)


def _must_follow(record: Record, other: Record) -> bool:
    """Whether a transaction comes after another one in every serial order."""
    mine, theirs = record.writes(), other.writes()
    if other.commit_timestamp and mine.keys() & theirs.keys() and other.commit_timestamp < record.commit_timestamp:
        return True
    if 0 < other.commit_timestamp <= record.acknowledged_before:
        return True
    if other.commit_timestamp and any(_has_read(record, k, 0, other.commit_timestamp) for k in theirs):
        return True
    return bool(record.commit_timestamp) and any(_has_read(other, k, record.commit_timestamp, 0) for k in mine)


def _has_read(record: Record, key: bytes, before: int, since: int) -> bool:
    """Whether a key was read of others, at a snapshot before one timestamp or at or after another one."""
    own: State = {}
    for event in record.events:
        if event.kind == "put":
            own[event.key] = event.value
        elif event.kind == "undo":
            own = dict(event.value)
        elif (
            event.kind in ("get", "scan")
            and key not in own
            and (event.snapshot < before or 0 < since <= event.snapshot)
        ) and (event.key == key or (event.kind == "scan" and event.key <= key and key < (event.high or key + b"\0"))):
            return True
    return False


def _violations_of(record: Record, writers: list[Record], state_at: Callable[[int], State]) -> Iterator[str]:
    snapshots = {event.snapshot for event in record.events if event.kind in ("get", "scan")}
    if record.isolation is not RC and len(snapshots) > 1:
        yield "more than one snapshot"
    if any(snapshot < record.acknowledged_before for snapshot in snapshots):
        yield "misses a commit that was answered before it began"
    own: State = {}
    just_before = state_at(record.commit_timestamp - 1) if record.commit_timestamp else None
    for event in record.events:
        if event.kind == "put":
            own[event.key] = event.value
            continue
        if event.kind == "undo":
            own = dict(event.value)
            continue
        if event.kind == "latest":
            if just_before is not None and event.value != (just_before | own).get(event.key):
                yield f"lost update: read {event.value} of a locked key that was not the newest"
            continue
        seen = state_at(event.snapshot) | own
        if event.value != _read(seen, event):
            yield f"{event.kind} does not show its snapshot"
    if record.isolation is not RC and record.commit_timestamp and snapshots:
        for other in writers:
            concurrent = min(snapshots) < other.commit_timestamp < record.commit_timestamp
            if concurrent and other.writes().keys() & record.writes().keys():
                yield "overwrites a concurrent commit"


def _read(state: State, event: Event) -> Any:
    if event.kind == "get":
        return state.get(event.key)
    return sorted(
        (key, value)
        for key, value in state.items()
        if value is not None and event.key <= key and (event.high is None or key < event.high)
    )


# Clients on a simulated scheduler


class World:
    """A store whose commits become durable at random moments, and clients that run until they end."""

    def __init__(self, seed: int, *, engine: bool = False) -> None:
        self.random = random.Random(seed)
        self.clock = SimulatedClock()
        self.scheduler = SimulatedScheduler(self.clock, seed)
        self.store: Store
        self._memory: MemoryStore | None = None
        if engine:
            self.store = Engine.open(MemoryFileSystem(), self.clock, self.scheduler, SeededRandomness(seed))
        else:
            self.store = self._memory = MemoryStore(self.clock, hold_durability=True)
        self.manager = TransactionManager(self.store, self.clock)
        self.manager.set_layout(PREFIX, Layout(1, (PhysicalColumn(PhysicalType.INT64),)))
        self.store.commit(dict.fromkeys(KEYS[::2], (100,)))
        while self.store.visible_timestamp < self.store.newest_timestamp:
            self._pass_time()
        initial = Record(RC, committed=True, commit_timestamp=self.store.newest_timestamp)
        initial.events = [Event("put", key, 100) for key in KEYS[::2]]
        self.history = [initial]
        self.acknowledged = 0
        self.failures = {"40P01": 0, "40001": 0}
        self._values = iter(range(1000, 10**9))
        self._running = 0

    def client(self, program: Callable[[Client], Steps[None]], isolation: Isolation, transactions: int) -> None:
        """Starts a session that runs a program as so many transactions."""
        self._running += 1
        client = Client(self, isolation)
        self._resume(client.run(program, transactions))

    def run(self) -> None:
        """Runs until every client has ended."""
        while self._running:
            self._pass_time()
        assert self.manager.locks.locks() == []
        assert not self.manager.active

    def _pass_time(self) -> None:
        self.scheduler.run_for(0.001)
        if self._memory is not None:
            self._memory.make_durable()

    def next_value(self) -> int:
        return next(self._values)

    def _resume(self, steps: Steps[None]) -> None:
        try:
            wait = next(steps)
        except StopIteration:
            self._running -= 1
            return
        wait.subscribe(lambda: self.scheduler.call_soon(lambda: self._resume(steps)))


class Client:
    """A session: what it does is recorded event by event."""

    def __init__(self, world: World, isolation: Isolation) -> None:
        self.world = world
        self.isolation = isolation
        self.owner = LockOwner(len(world.history))
        self.transaction: Transaction
        self.record: Record

    def run(self, program: Callable[[Client], Steps[None]], transactions: int) -> Steps[None]:
        world = self.world
        for _ in range(transactions):
            self.record = Record(self.isolation, world.acknowledged)
            self.transaction = world.manager.begin(self.isolation, owner=self.owner)
            world.history.append(self.record)
            try:
                yield from program(self)
                yield from self.transaction.prepare_commit()
                commit = self.transaction.commit()
            except (DeadlockDetected, SerializationFailure) as error:
                self.transaction.rollback()
                world.failures[error.sqlstate] += 1
                continue
            self.record.committed = True
            if commit is not None:
                self.record.commit_timestamp = commit.timestamp
                yield from wait_for(commit.durable)
                world.acknowledged = max(world.acknowledged, commit.timestamp)
            yield from self.pause()

    def pause(self) -> Steps[None]:
        """Lets others run."""
        wait = Wait("Timeout:Test")
        self.world.scheduler.call_soon(wait.finish)
        yield wait

    def statement(self) -> Steps[None]:
        yield from self.pause()
        self.transaction.statement_snapshot()

    def get(self, key: bytes) -> Any:
        row = self.transaction.get(key)
        value = row[0] if row is not None else None
        self.record.events.append(Event("get", key, value, self.transaction.snapshot))
        return value

    def scan(self, low: bytes = PREFIX, high: bytes | None = END, reverse: bool = False) -> list[tuple[bytes, Any]]:
        rows = [
            (key, row[0]) for batch in self.transaction.scan(low, high, reverse, batch_rows=2) for key, row in batch
        ]
        if reverse:
            rows.reverse()
        self.record.events.append(Event("scan", low, rows, self.transaction.snapshot, high))
        return rows

    def lock_and_read(self, key: bytes, mode: int = NO_KEY_UPDATE) -> Steps[Any]:
        wait = self.transaction.lock(key, mode)
        if wait is not None:
            yield from wait_for(wait)
        self.transaction.check_write(key)
        row = self.transaction.get_latest(key)
        value = row[0] if row is not None else None
        self.record.events.append(Event("latest", key, value))
        return value

    def put(self, key: bytes, value: Any) -> None:
        if value is None:
            self.transaction.delete(key)
        else:
            self.transaction.put(key, (value,))
        self.record.events.append(Event("put", key, value))


# Programs


def anything(client: Client) -> Steps[None]:
    """A few random statements, with savepoints."""
    chance = client.world.random
    marks: list[tuple[Any, State, int]] = []
    for _ in range(chance.randrange(1, 7)):
        yield from client.statement()
        key = chance.choice(KEYS)
        what = chance.random()
        if what < 0.25:
            client.get(key)
        elif what < 0.45:
            low, high = sorted(chance.sample([*KEYS, PREFIX + b"\xff"], 2))
            client.scan(low, high, chance.random() < 0.5)
        elif what < 0.85:
            old = yield from client.lock_and_read(key, chance.choice((NO_KEY_UPDATE, UPDATE)))
            yield from client.pause()
            delete = old is not None and chance.random() < 0.3
            client.put(key, None if delete else client.world.next_value())
        elif what < 0.93 or not marks:
            marks.append((client.transaction.savepoint(), client.record.writes(), len(client.record.events)))
        else:
            mark, writes, length = marks[-1]
            client.transaction.rollback_to(mark)
            # Locks taken since the mark are gone, and with them the promise that what was read stays the newest.
            events = client.record.events
            events[length:] = [event for event in events[length:] if event.kind != "latest"]
            events.append(Event("undo", b"", writes))


def transfer(client: Client) -> Steps[None]:
    """Moves money between two accounts, reading the balances under lock."""
    chance = client.world.random
    yield from client.statement()
    first, second = chance.sample(KEYS[::2], 2)
    amount = chance.randrange(1, 10)
    taken = yield from client.lock_and_read(first)
    client.put(first, taken - amount)
    yield from client.statement()
    given = yield from client.lock_and_read(second)
    client.put(second, given + amount)


def look(client: Client) -> Steps[None]:
    """Sums all accounts with one statement."""
    yield from client.statement()
    assert sum(value for _, value in client.scan()) == 100 * len(KEYS[::2])


def withdraw_if_rich(client: Client) -> Steps[None]:
    """Write skew: takes from one account what only both together allow."""
    yield from client.statement()
    balance = sum(value for _, value in client.scan(KEYS[0], KEYS[4]))
    yield from client.pause()
    if balance >= 150:
        key = client.world.random.choice([KEYS[0], KEYS[2]])
        old = yield from client.lock_and_read(key)
        client.put(key, old - 150)


def insert_if_alone(client: Client) -> Steps[None]:
    """Phantom: adds a row only if a range is empty."""
    yield from client.statement()
    if not client.scan(PREFIX + b"\x40", PREFIX + b"\x80"):
        yield from client.pause()
        key = PREFIX + bytes((client.world.random.randrange(0x40, 0x80),))
        yield from client.lock_and_read(key, UPDATE)
        client.put(key, client.world.next_value())


# Tests


@pytest.mark.parametrize("isolation", LEVELS)
@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int, isolation: Isolation) -> None:
    world = World(seed)
    for _ in range(5):
        world.client(anything, isolation, 8)
    world.run()
    assert violations(world.history) == []
    assert sum(record.committed for record in world.history) > 8


@pytest.mark.parametrize("isolation", LEVELS)
@pytest.mark.parametrize("seed", range(10))
def test_random_programs_over_the_engine(seed: int, isolation: Isolation) -> None:
    world = World(seed, engine=True)
    for _ in range(5):
        world.client(anything, isolation, 6)
    world.run()
    assert violations(world.history) == []
    assert sum(record.committed for record in world.history) > 6


@pytest.mark.parametrize("seed", range(20))
def test_random_programs_of_mixed_levels(seed: int) -> None:
    world = World(seed)
    for number in range(6):
        world.client(anything, LEVELS[number % 3], 6)
    world.run()
    # READ COMMITTED and REPEATABLE READ writers may break a serial order, but SERIALIZABLE ones stay in one.
    assert violations(world.history) == []


@pytest.mark.parametrize("isolation", LEVELS)
def test_the_bank_keeps_its_money(isolation: Isolation) -> None:
    failures = 0
    for seed in range(8):
        world = World(seed)
        for _ in range(4):
            world.client(transfer, isolation, 10)
        world.client(look, isolation, 20)
        world.run()
        assert violations(world.history) == []
        assert sum(row[0] for batch in world.store.scan(PREFIX, END, 2**63 - 1) for _, row in batch) == 400
        failures += world.failures["40001"]
        if isolation is RC:
            assert world.failures["40001"] == 0
    assert failures > 0 or isolation is RC


def outcome(program: Callable[[Client], Steps[None]], isolation: Isolation) -> list[State]:
    """The final states of many runs of two clients."""
    states: list[State] = []
    for seed in range(25):
        world = World(seed)
        for _ in range(2):
            world.client(program, isolation, 1)
        world.run()
        assert violations(world.history) == []
        states.append({k: row[0] for batch in world.store.scan(PREFIX, END, 2**63 - 1) for k, row in batch})
    return states


@pytest.mark.parametrize("isolation", LEVELS)
def test_write_skew_happens_except_at_serializable(isolation: Isolation) -> None:
    skewed = sum(state[KEYS[0]] + state[KEYS[2]] < 0 for state in outcome(withdraw_if_rich, isolation))
    assert (skewed == 0) == (isolation is SER)


@pytest.mark.parametrize("isolation", LEVELS)
def test_phantoms_happen_except_at_serializable(isolation: Isolation) -> None:
    states = outcome(insert_if_alone, isolation)
    doubled = sum(sum(k >= PREFIX + b"\x40" for k in state) > 1 for state in states)
    assert (doubled == 0) == (isolation is SER)


# The checker on planted anomalies


def committed(isolation: Isolation, timestamp: int, *events: Event) -> Record:
    return Record(isolation, 0, list(events), True, timestamp)


A, B = KEYS[0], KEYS[1]
START = committed(RC, 1, Event("put", A, 1), Event("put", B, 1))


def test_checker_accepts_a_sound_history() -> None:
    history = [
        START,
        committed(SER, 5, Event("get", A, 1, 1), Event("latest", A, 1), Event("put", A, 2)),
        committed(SER, 6, Event("scan", A, [(A, 2), (B, 1)], 5), Event("put", B, 3), Event("get", B, 3, 5)),
        committed(SER, 0, Event("scan", PREFIX, [(A, 1), (B, 1)], 1, END)),
    ]
    assert violations(history) == []


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (
            [
                committed(RC, 5, Event("latest", A, 1), Event("put", A, 2)),
                committed(RC, 6, Event("latest", A, 1), Event("put", A, 2)),
            ],
            "lost update",
        ),
        (
            [
                committed(RR, 5, Event("get", A, 1, 1), Event("put", A, 2)),
                committed(RR, 6, Event("get", A, 1, 1), Event("put", A, 3)),
            ],
            "overwrites a concurrent commit",
        ),
        (
            [
                committed(SER, 5, Event("get", A, 1, 1), Event("put", B, 2)),
                committed(SER, 6, Event("get", B, 1, 1), Event("put", A, 2)),
            ],
            "no serial order",
        ),
        (
            [
                committed(SER, 5, Event("scan", PREFIX, [(A, 1), (B, 1)], 1, END), Event("put", KEYS[2], 2)),
                committed(SER, 6, Event("scan", PREFIX, [(A, 1), (B, 1)], 1, END), Event("put", KEYS[3], 2)),
            ],
            "no serial order",
        ),
        ([committed(RC, 5, Event("put", A, 2)), committed(RC, 0, Event("get", A, 2, 1))], "show its snapshot"),
        ([committed(RR, 0, Event("get", A, 1, 1), Event("get", A, 1, 2))], "more than one snapshot"),
        ([Record(RC, 1, [Event("get", A, None, 0)], True)], "misses a commit"),
    ],
)
def test_checker_finds_planted_anomalies(history: list[Record], expected: str) -> None:
    assert any(expected in text for text in violations([START, *history]))
