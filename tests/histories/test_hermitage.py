"""Which of Hermitage's ten anomalies (M. Kleppmann) are prevented at which level, and which are not?

The sessions run in one process, step by step. A step whose session still waits for a lock comes when it goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.wait import Turn, Wait
from datacave_sql import Complete, Database, Session
from tests.histories.checker import READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE

LEVELS = (READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE)
Rows = list[tuple[Any, ...]]


@dataclass(slots=True)
class Outcome:
    """What happened: rows by (session, number of its query), sessions that committed, the rows at the end."""

    reads: list[tuple[int, Rows]] = field(default_factory=list)
    committed: set[int] = field(default_factory=set)
    final: dict[int, int] = field(default_factory=dict)

    def values(self, session: int) -> list[int]:
        """The values that a session has read, in order."""
        return [row[1] for number, rows in self.reads if number == session for row in rows]


class Client:
    """One session with its steps to come."""

    def __init__(self, database: Database, number: int, level: str, outcome: Outcome) -> None:
        self.number = number
        self.outcome = outcome
        self.session: Session = database.connect("admin")
        self.steps: deque[str] = deque()
        self.running: tuple[Iterator[Any], str] | None = None
        self.waiting: Wait | None = None
        self.failed = False
        self.steps.append(f"begin isolation level {level}")
        self.go_on()

    def go_on(self) -> None:
        """Runs what can run."""
        while self.waiting is None or self.waiting.done:
            self.waiting = None
            if self.running is None:
                if not self.steps:
                    return
                text = self.steps.popleft()
                if self.failed:
                    continue
                self.running = (self.session.simple_query(text), text)
            self._advance(*self.running)

    def _advance(self, work: Iterator[Any], text: str) -> None:
        try:
            for step in work:
                if isinstance(step, Wait):
                    if isinstance(step, Turn) or step.done:
                        continue
                    self.waiting = step
                    return
                if isinstance(step, list):
                    self.outcome.reads.append((self.number, list(step)))
                elif isinstance(step, Complete) and step.tag == "COMMIT":
                    self.outcome.committed.add(self.number)
        except DatacaveError:
            self.failed = True
            for _ in self.session.simple_query("rollback"):
                pass
        self.running = None


def play(script: str, level: str) -> Outcome:
    """Runs the lines "session: statement" of a script."""
    clock = SimulatedClock()
    scheduler = SimulatedScheduler(clock)
    database = Database.open(MemoryStore(clock), clock, SeededRandomness(3))
    database.call_later = scheduler.call_later
    control = database.connect("admin")

    def run(text: str) -> Rows:
        return [row for step in control.simple_query(text) if isinstance(step, list) for row in step]

    run("create table test (id int primary key, value int)")
    run("insert into test values (1, 10), (2, 20)")
    outcome = Outcome()
    clients = {number: Client(database, number, level, outcome) for number in (1, 2, 3)}
    for line in filter(None, map(str.strip, script.splitlines())):
        number, _, text = line.partition(": ")
        clients[int(number)].steps.append(text)
        for _ in range(3):
            for client in clients.values():
                client.go_on()
            scheduler.run_for(0.01)
    assert all(client.waiting is None and not client.steps for client in clients.values())
    for client in clients.values():
        client.session.close()
    outcome.final = {row[0]: row[1] for row in run("select id, value from test order by id")}
    return outcome


SCRIPTS: dict[str, tuple[str, Callable[[Outcome], bool], str]] = {
    "G0: write cycles": (
        """1: update test set value = 11 where id = 1
        2: update test set value = 12 where id = 1
        1: update test set value = 21 where id = 2
        1: commit
        2: update test set value = 22 where id = 2
        2: commit""",
        lambda seen: (seen.final[1], seen.final[2]) not in ((11, 21), (12, 22)),
        READ_COMMITTED,
    ),
    "G1a: aborted reads": (
        """1: update test set value = 101 where id = 1
        2: select * from test
        1: rollback
        2: select * from test
        2: commit""",
        lambda seen: 101 in seen.values(2),
        READ_COMMITTED,
    ),
    "G1b: intermediate reads": (
        """1: update test set value = 101 where id = 1
        2: select * from test
        1: update test set value = 11 where id = 1
        1: commit
        2: select * from test
        2: commit""",
        lambda seen: 101 in seen.values(2),
        READ_COMMITTED,
    ),
    "G1c: circular information flow": (
        """1: update test set value = 11 where id = 1
        2: update test set value = 22 where id = 2
        1: select * from test where id = 2
        2: select * from test where id = 1
        1: commit
        2: commit""",
        lambda seen: 22 in seen.values(1) or 11 in seen.values(2),
        READ_COMMITTED,
    ),
    "OTV: observed transaction vanishes": (
        """1: update test set value = 11 where id = 1
        1: update test set value = 19 where id = 2
        2: update test set value = 12 where id = 1
        1: commit
        3: select * from test where id = 1
        2: update test set value = 18 where id = 2
        3: select * from test where id = 2
        2: commit
        3: select * from test where id = 2
        3: select * from test where id = 1
        3: commit""",
        lambda seen: any(
            early in (12, 18) and late in (10, 20, 11, 19)
            for place, early in enumerate(seen.values(3))
            for late in seen.values(3)[place + 1 :]
        ),
        READ_COMMITTED,
    ),
    "PMP: predicate many preceders": (
        """1: select * from test where value = 30
        2: insert into test values (3, 30)
        2: commit
        1: select * from test where value % 3 = 0
        1: commit""",
        lambda seen: 30 in seen.values(1),
        REPEATABLE_READ,
    ),
    "P4: lost update": (
        """1: select * from test where id = 1
        2: select * from test where id = 1
        1: update test set value = 11 where id = 1
        2: update test set value = 11 where id = 1
        1: commit
        2: commit""",
        lambda seen: {1, 2} <= seen.committed,
        REPEATABLE_READ,
    ),
    "G-single: read skew": (
        """1: select * from test where id = 1
        2: update test set value = 12 where id = 1
        2: update test set value = 18 where id = 2
        2: commit
        1: select * from test where id = 2
        1: commit""",
        lambda seen: seen.values(1) == [10, 18],
        REPEATABLE_READ,
    ),
    "G2-item: write skew": (
        """1: select * from test where id in (1, 2)
        2: select * from test where id in (1, 2)
        1: update test set value = 11 where id = 1
        2: update test set value = 21 where id = 2
        1: commit
        2: commit""",
        lambda seen: {1, 2} <= seen.committed,
        SERIALIZABLE,
    ),
    "G2: anti-dependency cycles": (
        """1: select * from test where value % 3 = 0
        2: select * from test where value % 3 = 0
        1: insert into test values (3, 30)
        2: insert into test values (4, 42)
        1: commit
        2: commit""",
        lambda seen: {1, 2} <= seen.committed,
        SERIALIZABLE,
    ),
}
"""Script, whether the anomaly shows, and the lowest level that prevents it."""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_an_anomaly_shows_exactly_where_its_level_allows_it(name: str, level: str) -> None:
    script, shows, prevented_from = SCRIPTS[name]
    assert shows(play(script, level)) == (LEVELS.index(level) < LEVELS.index(prevented_from))
