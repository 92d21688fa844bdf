"""Judge: follows transactions as their clients see them and says what their isolation levels do not allow.

It is told of every statement's start and outcome and of every commit, in the order in which they happen. Statements
are judged at once: their outcome must be one that `evaluate` gives for a snapshot that the level allows. What is left
open (which snapshot it was) is kept as alternatives. That SERIALIZABLE transactions stand in a serial order is
searched for at the end (serial_order.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.model.transactions.statements import (
    UNIQUE,
    Expected,
    Identity,
    Own,
    Reading,
    Row,
    State,
    Statement,
    evaluate,
    same_key,
    table_of,
    view,
)

READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE = "read committed", "repeatable read", "serializable"
LEVELS = (READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE)
GIVEN_UP = frozenset(("40P01", "55P03", "57014"))
"""Deadlocks, locks that were not waited for, cancelled statements."""


class Violation(Exception):
    """What happened is not allowed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a client saw: sorted rows, or their number alone, or an SQLSTATE."""

    rows: tuple[tuple[Any, ...], ...] | None = None
    count: int = 0
    error: str = ""

    def fits(self, expected: Expected) -> bool:
        if self.error:
            return self.error in expected.errors | expected.possible
        if expected.errors:
            return False
        return self.count == len(expected.rows) if self.rows is None else self.rows == expected.rows


@dataclass(slots=True)
class Alternative:
    """One way in which everything seen so far can have come about. `snapshot` is the number of a state."""

    snapshot: int | None
    own: Own
    locked: dict[Identity, str]

    @property
    def key(self) -> Any:
        return self.snapshot, frozenset(self.own.items()), frozenset(self.locked.items())


@dataclass(slots=True)
class Watched:
    """A transaction under way, or one that has ended."""

    number: int
    level: str
    alternatives: list[Alternative] = field(default_factory=lambda: [Alternative(None, {}, {})])
    savepoints: list[tuple[str, list[Alternative]]] = field(default_factory=list)
    steps: list[tuple[Statement, Outcome, Identity]] = field(default_factory=list)
    undone: list[tuple[str, int]] = field(default_factory=list)
    """Savepoints made and rolled back to, for the serial order: (what, number of steps before)."""
    first: int = 0
    """The newest state acknowledged when the present (or the only) snapshot was taken."""
    started: int = 0
    began_at: int = 0
    ended_at: int = 0
    overlapped: bool = False


class Judge:
    """The committed states in order, and the transactions."""

    def __init__(self, initial: Iterable[Row], constraint: str = UNIQUE) -> None:
        self.constraint = constraint
        first: State = {(-1, place): (row, 0) for place, row in enumerate(initial)}
        self.states: list[State] = [first]
        self.acknowledged = 0
        self.active: dict[int, Watched] = {}
        self.committed: list[Watched] = []
        self.time = 0

    def begin(self, number: int, level: str) -> Watched:
        """A transaction begins."""
        watched = Watched(number, level, overlapped=bool(self.active) or self.acknowledged < len(self.states) - 1)
        for other in self.active.values():
            other.overlapped = True
        self.active[number] = watched
        return watched

    def start(self, watched: Watched) -> None:
        """A statement begins."""
        self.time += 1
        watched.started = len(self.states) - 1
        if watched.level == READ_COMMITTED or not watched.steps:
            watched.first = self.acknowledged
        watched.began_at = watched.began_at or self.time

    def outcome(self, watched: Watched, statement: Statement, outcome: Outcome) -> None:
        """A statement has ended. Raises Violation."""
        self.time += 1
        number = (watched.number, len(watched.steps))
        watched.steps.append((statement, outcome, number))
        if outcome.error in GIVEN_UP or (outcome.error == "40001" and watched.level == SERIALIZABLE):
            if not watched.overlapped:
                raise Violation(f"{outcome.error} although nobody else is there")
            return
        if outcome.error == "40001" and watched.level == READ_COMMITTED:
            raise Violation("40001 at READ COMMITTED")
        found = list(self._explanations(watched, statement, outcome, number))
        if not found and not outcome.error:
            raise Violation(f"no snapshot explains {outcome}\n{self._expectations(watched, statement, number)}")
        if not found:
            raise Violation(f"nothing explains {outcome.error}\n{self._expectations(watched, statement, number)}")
        if not outcome.error:
            watched.alternatives = list({one.key: one for one in found}.values())

    def _explanations(
        self, watched: Watched, statement: Statement, outcome: Outcome, number: Identity
    ) -> Iterator[Alternative]:
        for alternative, snapshot, reading in self._readings(watched, statement):
            expected = evaluate(statement, reading, number)
            if statement.policy == "SKIP LOCKED" and watched.overlapped:
                expected = expected.without_skipped(outcome.rows)
            if outcome.fits(expected):
                assert expected.own is not None
                kept = None if watched.level == READ_COMMITTED else snapshot
                yield Alternative(kept, expected.own, {**alternative.locked, **(expected.locked or {})})

    def _readings(self, watched: Watched, statement: Statement) -> Iterator[tuple[Alternative, int, Reading]]:
        several = watched.level == READ_COMMITTED
        newest = len(self.states) - 1
        for alternative in watched.alternatives:
            possible: Iterable[int] = range(watched.first, newest + 1)
            if alternative.snapshot is not None:
                possible = (alternative.snapshot,)
            for snapshot in possible:
                # A row that DO NOTHING has met may be gone at the end of the statement.
                first = watched.started if statement.kind == "nothing" else newest
                for latest in range(first, newest + 1):
                    reading = Reading(
                        self.states[snapshot], self.states[latest], alternative.own, several, self.constraint
                    )
                    yield alternative, snapshot, reading

    def _expectations(self, watched: Watched, statement: Statement, number: Identity) -> str:
        lines = [
            f"  at state {snapshot}: {sorted(expected.errors) or expected.rows}"
            for _, snapshot, reading in self._readings(watched, statement)
            if (expected := evaluate(statement, reading, number))
        ]
        return "\n".join(dict.fromkeys(lines))

    def savepoint(self, watched: Watched, name: str) -> None:
        """SAVEPOINT."""
        watched.savepoints.append((name, watched.alternatives))
        watched.undone.append((f"savepoint {name}", len(watched.steps)))

    def rollback_to(self, watched: Watched, name: str) -> None:
        """ROLLBACK TO SAVEPOINT: which snapshot it was stays as well known as it is."""
        while watched.savepoints[-1][0] != name:
            watched.savepoints.pop()
        watched.alternatives = self._back_to(watched, watched.savepoints[-1][1])
        watched.undone.append((f"rollback to {name}", len(watched.steps)))

    def _back_to(self, watched: Watched, before: list[Alternative]) -> list[Alternative]:
        known = {one.snapshot for one in watched.alternatives}
        return [
            Alternative(snapshot, one.own, one.locked)
            for one in before
            for snapshot in ({one.snapshot} if one.snapshot is not None else known)
            if snapshot in known
        ]

    def release(self, watched: Watched, name: str) -> None:
        """RELEASE SAVEPOINT."""
        while watched.savepoints.pop()[0] != name:
            pass

    def failed(self, watched: Watched) -> None:
        """A block has failed: what can still be committed is what there was at the last savepoint."""
        before = watched.savepoints[-1][1] if watched.savepoints else [Alternative(None, {}, {})]
        watched.alternatives = self._back_to(watched, before)

    def commit(self, watched: Watched, *, wrote: bool | None) -> int:
        """A transaction has committed, with writes or without any (None: unknown); gives the number of its state,
        0 without writes."""
        writes = self._writes_of(watched, wrote=wrote)
        if writes:
            self._check_locks(watched, writes)
            number = len(self.states)
            state = dict(self.states[-1])
            for identity, row in writes.items():
                if row is None:
                    state.pop(identity, None)
                else:
                    state[identity] = (row, number)
            self._check_keys(state)
            self.states.append(state)
        self.active.pop(watched.number)
        self.committed.append(watched)
        return len(self.states) - 1 if writes else 0

    def _writes_of(self, watched: Watched, *, wrote: bool | None) -> Own:
        newest = self.states[-1]
        possible = [
            {identity: row for identity, row in one.own.items() if row is not None or identity in newest}
            for one in watched.alternatives
            if wrote is None or bool(one.own) <= wrote
        ]
        found = {tuple(sorted(row for row in view(newest, one).values())): one for one in possible}
        if not found:
            raise Violation("a transaction that has written something has committed nothing")
        if len(found) > 1:
            raise Violation(f"cannot tell what was written: {list(found.values())}")
        return next(iter(found.values()))

    def _check_locks(self, watched: Watched, writes: Own) -> None:
        """Nobody else holds a lock of what is written."""
        before = self.states[-1]
        for other in self.active.values():
            if other is watched:
                continue
            for identity, row in writes.items():
                modes = {one.locked.get(identity) for one in other.alternatives}
                if None in modes or identity not in before:
                    continue
                kept = row is not None and same_key(row, before[identity][0], self.constraint)
                if not (modes == {"key share"} and kept):
                    raise Violation(f"row {before[identity][0]} was changed under the lock of {other.number}: {modes}")

    def _check_keys(self, state: State) -> None:
        rows = [row for row, _ in state.values()]
        keys = [row[0] for row in rows]
        values = [row[1] for row in rows if row[1] is not None and table_of(row) == "t"]
        lost = {row[1] for row in rows if table_of(row) == "r"} - {None, *keys}
        if lost:
            raise Violation(f"rows refer to {lost}, which are not there: {sorted(rows)}")
        if len(keys) != len(set(keys)) or len(values) != len(set(values)):
            raise Violation(f"a unique value is there twice: {sorted(rows)}")

    def answered(self, watched: Watched, state: int) -> None:
        """The client of a committed transaction has been told so."""
        self.time += 1
        watched.ended_at = self.time
        self.acknowledged = max(self.acknowledged, state)

    def rolled_back(self, watched: Watched) -> None:
        """A transaction has ended without a trace."""
        self.active.pop(watched.number)

    def refused(self, watched: Watched, code: str) -> None:
        """COMMIT or PREPARE TRANSACTION has failed."""
        if code != "40001" or watched.level != SERIALIZABLE or not watched.overlapped:
            raise Violation(f"the end of a transaction fails with {code}")
        self.rolled_back(watched)

    def rows(self) -> list[Row]:
        """The newest committed rows."""
        return sorted(row for row, _ in self.states[-1].values())
