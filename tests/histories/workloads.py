"""Workloads: random transactions of one client, recorded so that the checker can judge them.

append     lists that grow by upserts, read by key and by range; the order of a list tells the order of writes
register   counters that upserts increase and return, so that every value is a version
sets       rows that come into groups, read by a predicate over an index; absent rows are read too
bank       transfers whose total never changes, read in one statement
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.histories.checker import Anomaly, Key, Transaction

KEYS = 8
WRITES_PER_KEY = 60
ACCOUNTS = 8
MONEY = 100


class Connection(Protocol):
    """What the workloads ask of a driver."""

    async def fetch(self, text: str, *values: Any) -> list[Any]: ...

    async def execute(self, text: str, *values: Any) -> Any: ...


@dataclass(slots=True)
class Recorded:
    """What one transaction has read (as it was shown) and written, before versions are known."""

    transaction: Transaction
    reads: list[tuple[Any, Any]] = field(default_factory=list)
    writes: list[tuple[Any, Any]] = field(default_factory=list)


class Workload(ABC):
    """One kind of transactions. `advance` moves the keys on, so that no key is written for ever."""

    name = ""
    schema = ""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.written = 0

    @property
    def first_key(self) -> int:
        """The lowest key in use."""
        return self.written // (KEYS * WRITES_PER_KEY // 2) * (KEYS // 2)

    def key(self) -> int:
        """A key in use."""
        return self.first_key + self.random.randrange(KEYS)

    async def run(self, client: Connection, recorded: Recorded, level: str) -> None:
        """The statements of one transaction between BEGIN and COMMIT."""
        for _ in range(self.random.randint(1, 4)):
            await self.random.choice(self.steps())(client, recorded)

    def steps(self) -> list[Callable[[Connection, Recorded], Awaitable[None]]]:
        """What a transaction may do."""
        return []

    @abstractmethod
    async def finish(self, client: Connection, history: list[Recorded]) -> tuple[dict[Key, int], list[Anomaly]]:
        """Turns what was shown into versions; the newest versions, and what is wrong beyond dependencies."""


def _elements(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


class Append(Workload):
    name = "append"
    schema = "create table lists (k int primary key, v text not null)"

    def steps(self) -> list[Callable[[Connection, Recorded], Awaitable[None]]]:
        return [self._read, self._read, self._range, self._append, self._append]

    async def _read(self, client: Connection, recorded: Recorded) -> None:
        key = self.key()
        rows = await client.fetch("select v from lists where k = $1", key)
        recorded.reads.append((key, _elements(rows[0][0]) if rows else []))

    async def _range(self, client: Connection, recorded: Recorded) -> None:
        low = self.key()
        high = low + 2
        found = {row[0]: _elements(row[1]) for row in await client.fetch(
            "select k, v from lists where k >= $1 and k < $2", low, high)}  # fmt: skip
        recorded.reads += [(key, found.get(key, [])) for key in range(low, high)]

    async def _append(self, client: Connection, recorded: Recorded) -> None:
        key = self.key()
        self.written += 1
        value = self.written
        recorded.writes.append((key, value))
        recorded.reads.append((key, None))  # marks that later reads of the key are of its own
        await client.execute(
            "insert into lists values ($1, $2) on conflict (k) do update set v = lists.v || ',' || excluded.v",
            key,
            str(value),
        )

    async def finish(self, client: Connection, history: list[Recorded]) -> tuple[dict[Key, int], list[Anomaly]]:
        lists = {row[0]: _elements(row[1]) for row in await client.fetch("select k, v from lists")}
        place = {(key, value): at for key, values in lists.items() for at, value in enumerate(values, 1)}
        wrong = []
        for key, values in lists.items():
            if len(set(values)) != len(values):
                wrong.append(Anomaly("torn order", (), f"list {key} holds an element twice"))
        for one in history:
            transaction = one.transaction
            for key, value in one.writes:
                version = place.get((key, value))
                if version is not None:
                    transaction.writes.append((key, version))
                elif transaction.outcome == "committed":
                    wrong.append(Anomaly("lost", (transaction.number,), f"{value} is not in list {key}"))
            own: set[int] = set()
            values_of = defaultdict(list)
            for key, value in one.writes:
                values_of[key].append(value)
            appended: dict[int, int] = defaultdict(int)
            for key, values in one.reads:
                if values is None:
                    own.add(key)
                    appended[key] += 1
                    continue
                mine = values_of[key][: appended[key]] if key in own else []
                if mine and values[-len(mine) :] != mine:
                    wrong.append(Anomaly("internal", (transaction.number,), f"list {key} lacks {mine}: {values}"))
                    continue
                if transaction.outcome != "committed":
                    continue
                others = values[: len(values) - len(mine)]
                if lists.get(key, [])[: len(others)] != others:
                    wrong.append(
                        Anomaly("torn order", (transaction.number,), f"{others} is no beginning of list {key}")
                    )
                elif not mine:
                    transaction.reads.append((key, len(others)))
        return {key: len(values) for key, values in lists.items()}, wrong


class Register(Workload):
    name = "register"
    schema = "create table registers (k int primary key, v int not null)"

    def steps(self) -> list[Callable[[Connection, Recorded], Awaitable[None]]]:
        return [self._read, self._range, self._write]

    async def _read(self, client: Connection, recorded: Recorded) -> None:
        key = self.key()
        rows = await client.fetch("select v from registers where k = $1", key)
        recorded.reads.append((key, rows[0][0] if rows else 0))

    async def _range(self, client: Connection, recorded: Recorded) -> None:
        low = self.key()
        rows = await client.fetch("select k, v from registers where k between $1 and $1 + 1", low)
        found = {row[0]: row[1] for row in rows}
        recorded.reads += [(key, found.get(key, 0)) for key in (low, low + 1)]

    async def _write(self, client: Connection, recorded: Recorded) -> None:
        key = self.key()
        self.written += 1
        rows = await client.fetch(
            "insert into registers values ($1, 1) on conflict (k) do update set v = registers.v + 1 returning v", key
        )
        recorded.writes.append((key, rows[0][0]))

    async def finish(self, client: Connection, history: list[Recorded]) -> tuple[dict[Key, int], list[Anomaly]]:
        newest: dict[Key, int] = {row[0]: row[1] for row in await client.fetch("select k, v from registers")}
        for one in history:
            one.transaction.writes = list(one.writes)
            if one.transaction.outcome == "committed":
                mine = set(one.writes)
                one.transaction.reads = [read for read in one.reads if read not in mine]
        return newest, []


class Sets(Workload):
    name = "sets"
    schema = "create table members (id int primary key, g int not null); create index on members (g)"

    def steps(self) -> list[Callable[[Connection, Recorded], Awaitable[None]]]:
        return [self._read, self._read, self._insert]

    async def _read(self, client: Connection, recorded: Recorded) -> None:
        group = self.key()
        rows = await client.fetch("select id from members where g = $1", group)
        recorded.reads.append((group, frozenset(row[0] for row in rows)))

    async def _insert(self, client: Connection, recorded: Recorded) -> None:
        group = self.key()
        self.written += 1
        identity = self.written
        recorded.writes.append((group, identity))
        await client.execute("insert into members values ($1, $2) on conflict (id) do nothing", identity, group)

    async def finish(self, client: Connection, history: list[Recorded]) -> tuple[dict[Key, int], list[Anomaly]]:
        there = {(row[1], row[0]) for row in await client.fetch("select id, g from members")}
        members = defaultdict(set)
        for group, identity in there:
            members[group].add(identity)
        for one in history:
            transaction = one.transaction
            transaction.writes = [((group, identity), 1) for group, identity in one.writes]
            if transaction.outcome != "committed":
                continue
            mine = set(one.writes)
            for group, found in one.reads:
                for identity in members[group] | found:
                    if (group, identity) not in mine:
                        transaction.reads.append(((group, identity), 1 if identity in found else 0))
        return dict.fromkeys(there, 1), []


class Bank(Workload):
    name = "bank"
    schema = (
        "create table accounts (id int primary key, money int not null);"
        f"insert into accounts select i, {MONEY} from generate_series(0, {ACCOUNTS - 1}) i"
    )

    async def run(self, client: Connection, recorded: Recorded, level: str) -> None:
        if self.random.random() < 0.3:
            rows = await client.fetch("select id, money from accounts")
            recorded.reads.append(("total", sum(row[1] for row in rows)))
            return
        one, other = self.random.sample(range(ACCOUNTS), 2)
        amount = self.random.randint(1, 10)
        if level == "read committed":
            await client.execute("update accounts set money = money - $1 where id = $2", amount, one)
            await client.execute("update accounts set money = money + $1 where id = $2", amount, other)
            return
        # What was read decides what is written: a lost update changes the total.
        found = {row[0]: row[1] for row in await client.fetch(
            "select id, money from accounts where id = $1 or id = $2", one, other)}  # fmt: skip
        await client.execute("update accounts set money = $1 where id = $2", found[one] - amount, one)
        await client.execute("update accounts set money = $1 where id = $2", found[other] + amount, other)

    async def finish(self, client: Connection, history: list[Recorded]) -> tuple[dict[Key, int], list[Anomaly]]:
        expected = ACCOUNTS * MONEY
        totals = [(one.transaction.number, total) for one in history for _, total in one.reads]
        totals.append((0, (await client.fetch("select sum(money)::int from accounts"))[0][0]))
        return {}, [
            Anomaly("torn order", (number,), f"the total was {total}") for number, total in totals if total != expected
        ]


WORKLOADS = {one.name: one for one in (Append, Register, Sets, Bank)}
