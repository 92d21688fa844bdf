"""Running a workload: many clients at once against one server, which may be killed in between."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.histories.checker import Anomaly, Transaction, check
from tests.histories.workloads import WORKLOADS, Recorded, Workload

CLIENTS = 8
STUCK_SECONDS = 20.0
POLL_SECONDS = 0.02
RECONNECT_SECONDS = 0.1
LOST = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError,
        asyncpg.CannotConnectNowError, asyncio.IncompleteReadError, ConnectionError)  # fmt: skip


@dataclass(slots=True)
class Result:
    """What a run gave. `wrong` are the anomalies that the level forbids."""

    committed: int = 0
    aborted: int = 0
    unknown: int = 0
    seconds: float = 0.0
    wrong: list[Anomaly] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One run. `port` gives where the server is at the moment."""

    workload: Workload
    level: str
    port: Callable[[], int]
    transactions: int
    user: str
    database: str
    history: list[Recorded] = field(default_factory=list)
    committed: int = 0
    codes: dict[str, int] = field(default_factory=dict)

    async def connect(self) -> Any:
        while True:
            try:
                return await asyncpg.connect(
                    host="127.0.0.1", port=self.port(), user=self.user, database=self.database, timeout=20
                )
            except (*LOST, TimeoutError, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError):
                    raise
                await asyncio.sleep(RECONNECT_SECONDS)

    async def client(self) -> None:
        connection = await self.connect()
        while self.committed < self.transactions:
            transaction = Transaction(len(self.history) + 1, "aborted")
            recorded = Recorded(transaction)
            self.history.append(recorded)
            try:
                await self._one(connection, recorded)
            except asyncpg.PostgresError as error:
                if isinstance(error, LOST):
                    connection = await self.connect()
                    continue
                code = str(error.sqlstate)
                self.codes[code] = self.codes.get(code, 0) + 1
                try:
                    await connection.execute("rollback")
                except LOST:
                    connection = await self.connect()
            except LOST:
                connection = await self.connect()
        await connection.close()

    async def _one(self, connection: Any, recorded: Recorded) -> None:
        transaction = recorded.transaction
        transaction.began = time.monotonic()
        await connection.execute(f"begin isolation level {self.level}")
        await self.workload.run(connection, recorded, self.level)
        transaction.outcome = "unknown"
        try:
            await connection.execute("commit")
        except asyncpg.PostgresError as error:
            if not isinstance(error, LOST):
                transaction.outcome = "aborted"
            raise
        transaction.ended = time.monotonic()
        transaction.outcome = "committed"
        self.committed += 1


async def _until_all_end(run: Run, clients: list[asyncio.Task[None]]) -> list[Anomaly]:
    """Waits for the clients; where nothing moves for long, what the server says of its sessions."""
    committed, waiting = -1, set(clients)
    while waiting:
        done, waiting = await asyncio.wait(waiting, timeout=STUCK_SECONDS)
        for task in done:
            task.result()
        if waiting and run.committed == committed:
            watcher = await run.connect()
            sessions = await watcher.fetch("select pid, state, wait_event, query from pg_stat_activity")
            locks = await watcher.fetch("select pid, locktype, mode, granted from pg_locks")
            await watcher.close()
            for task in waiting:
                task.cancel()
            return [Anomaly("stuck", (), f"{[tuple(one) for one in sessions]} {[tuple(one) for one in locks]}")]
        committed = run.committed
    return []


async def run_workload(
    name: str,
    level: str,
    transactions: int,
    seed: int,
    port: Callable[[], int],
    *,
    user: str = "admin",
    database: str = "default",
    kill: Callable[[], None] | None = None,
    kills: int = 0,
) -> Result:
    """Runs so many committed transactions and judges them; `kill` kills the server and starts it again."""
    workload = WORKLOADS[name](seed)
    run = Run(workload, level, port, transactions, user, database)
    first = await run.connect()
    await first.execute("drop table if exists lists, registers, members, accounts")
    for statement in workload.schema.split(";"):
        await first.execute(statement)
    await first.close()
    began = time.monotonic()
    clients = [asyncio.create_task(run.client()) for _ in range(CLIENTS)]
    chance = random.Random(seed)
    for number in range(kills):
        assert kill is not None
        goal = transactions * (number + 0.2 + 0.6 * chance.random()) / kills
        idle, committed = 0.0, -1
        while run.committed < goal and idle < STUCK_SECONDS and not all(task.done() for task in clients):
            await asyncio.sleep(POLL_SECONDS)
            idle = idle + POLL_SECONDS if run.committed == committed else 0.0
            committed = run.committed
        await asyncio.to_thread(kill)
    stuck = await _until_all_end(run, clients)
    seconds = time.monotonic() - began
    last = await run.connect()
    newest, wrong = await workload.finish(last, run.history)
    wrong += stuck
    await last.close()
    history = [one.transaction for one in run.history]
    wrong += check(history, level, newest)
    outcomes = [one.outcome for one in history]
    return Result(
        outcomes.count("committed"),
        outcomes.count("aborted"),
        outcomes.count("unknown"),
        seconds,
        wrong,
        run.codes,
    )
