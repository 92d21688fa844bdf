"""Is an index that was built beside writers what it would be if it had been built alone?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.keycode import prefix_end
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.wait import TURN, Wait
from datacave_sql.session.database import Database
from datacave_sql.session.utility import concurrent_index

ROWS = 60


class Running:
    """A session that runs one string after the other, step by step."""

    def __init__(self, database: Database, statements: Iterator[str]) -> None:
        self.session: Any = database.connect("admin")
        self.failures: list[str] = []
        self.ended = False
        self._statements = statements
        self._steps: Any = None
        self._wait: Wait | None = None

    def step(self) -> bool:
        """Goes on until the next wait or the end of a statement; whether anything could be done."""
        if self.ended or (self._wait is not None and not self._wait.done):
            return False
        self._wait = None
        if self._steps is None:
            text = next(self._statements, None)
            if text is None:
                self.ended = True
                return True
            self._steps = self.session.simple_query(text)
        try:
            for one in self._steps:
                if one is TURN:
                    return True
                if isinstance(one, Wait):
                    self._wait = one
                    return True
        except DatacaveError as error:
            self.failures.append(error.sqlstate)
            if self.session.in_block:
                list(self.session.simple_query("ROLLBACK"))
        self._steps = None
        return True


def writes(chance: random.Random) -> Iterator[str]:
    for _ in range(25):
        block = chance.random() < 0.5
        if block:
            yield "BEGIN"
        for _ in range(chance.randrange(1, 4)):
            key, value = chance.randrange(ROWS * 2), chance.randrange(10_000)
            yield chance.choice(
                [
                    f"INSERT INTO t VALUES ({key}, {value}) ON CONFLICT (id) DO UPDATE SET v = {value}",
                    f"UPDATE t SET v = {value} WHERE id = {key}",
                    f"UPDATE t SET w = w + 1 WHERE id = {key}",
                    f"UPDATE t SET id = {key + 1000} WHERE id = {key}",
                    f"DELETE FROM t WHERE id = {key}",
                ]
            )
        if block:
            yield chance.choice(["COMMIT", "COMMIT", "ROLLBACK"])


@pytest.mark.parametrize("unique", ["", "UNIQUE"])
@pytest.mark.parametrize("seed", range(25))
def test_an_index_built_beside_writers_has_the_entries_of_all_rows(
    seed: int, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concurrent_index, "BATCH_ROWS", 7)
    chance = random.Random(seed)
    clock = SimulatedClock()
    database = Database.open(MemoryStore(clock), clock, SeededRandomness(seed))
    admin = database.connect("admin")
    list(admin.simple_query("CREATE TABLE t (id int PRIMARY KEY, v int, w int DEFAULT 0)"))
    list(admin.simple_query(f"INSERT INTO t SELECT i, i FROM generate_series(1, {ROWS}) i"))
    running = [Running(database, writes(random.Random(seed * 10 + number))) for number in range(4)]
    builder = Running(database, iter([f"CREATE {unique} INDEX CONCURRENTLY t_v ON t (v)"]))
    for _ in range(chance.randrange(40)):
        chance.choice(running).step()
    everybody = [*running, builder]
    while not all(one.ended for one in everybody):
        # Whoever waits for a lock is gone on with by those who hold it.
        assert any(one.step() for one in chance.sample(everybody, len(everybody)))
    table = next(one for one in admin.home.catalog.tables.values() if one.name == "t")
    access = admin.home.state.access(table)
    index = next(one for one in access.indexes if one.index.name == "t_v")
    assert index.index.valid == (not builder.failures) and set(builder.failures) <= {"23505"}
    if index.index.valid:
        store = database.store
        low, high = access.table_range
        rows = [pair for batch in store.scan(low, high, store.newest_timestamp) for pair in batch]
        prefix = index.codec.prefix
        found = {
            key: row for batch in store.scan(prefix, prefix_end(prefix), store.newest_timestamp) for key, row in batch
        }
        convert = access.from_physical or (lambda row: row)
        assert found == {index.entry_key(convert(row), key): (key,) for key, row in rows}
