"""kill -9 under concurrent writers: what was acknowledged is there, whole, and nothing else.

    python -m tests.clients.kill_rounds [ROUNDS]

Each round the server is killed while clients commit, sometimes again while it recovers, and started anew. Every client
keeps what the database must hold of its documents. A commit whose answer never came may have happened or not, but only
as a whole; a transaction that had not yet asked for its commit must have left nothing. All clients also move money
between the same accounts, whose sum never changes. Small memtables make flushes and merges part of it.

The client's own record decides, never the server. `check_documents` and `check_accounts` hold the judgement, without
a server.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.clients.conftest import RunningServer, serve_command, start

CLIENTS = 8
ACCOUNTS = 20
MONEY = 1000
PARTS_MAX = 30
BEGIN_SECONDS_MAX = 10
SETTINGS = {
    "DATACAVE_STORAGE__MEMTABLE_BYTES_MAX": "512KiB",
    "DATACAVE_WAL__SEGMENT_BYTES": "1MiB",
    "DATACAVE_COMPACTION__TABLE_BYTES_MAX": "1MiB",
}
# What asyncpg raises when the server dies under it, in whatever state it is then.
GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
)
TABLES = """
    CREATE TABLE parts (client int, document int, part int, mark text NOT NULL, PRIMARY KEY (client, document, part));
    CREATE INDEX parts_mark ON parts (mark);
    CREATE TABLE accounts (id int PRIMARY KEY, money int NOT NULL);
"""

# The documents of a client: how many parts each has.
Documents = dict[int, int]
# A part as it is in the table: document, part, mark.
Part = tuple[int, int, str]


@dataclass(slots=True)
class Record:
    """What one client knows. `unanswered` is the state after a commit whose answer has not come."""

    client: int
    documents: Documents = field(default_factory=dict)
    unanswered: Documents | None = None
    acknowledged: int = 0
    next_document: int = 0


@dataclass(slots=True)
class Tally:
    """The figures of all rounds. `wrong` says what was found that may not be."""

    rounds: int = 0
    acknowledged: int = 0
    unanswered_kept: int = 0
    unanswered_dropped: int = 0
    kills_in_recovery: int = 0
    restart_seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.rounds} kills, {self.kills_in_recovery} more during recovery; {self.acknowledged} acknowledged "
            f"commits; of those without an answer {self.unanswered_kept} had happened and {self.unanswered_dropped} "
            f"had not; wrong: {len(self.wrong)}; restart median {statistics.median(self.restart_seconds):.2f} s, "
            f"max {max(self.restart_seconds):.2f} s"
        )


def mark_of(client: int, document: int, part: int) -> str:
    """The text of a part; parts of one document differ in length."""
    return f"{client}/{document}/{part} " + "m" * (part * 7 % 50)


def expected_parts(client: int, documents: Documents) -> set[Part]:
    """The rows of a client's documents."""
    return {
        (document, part, mark_of(client, document, part))
        for document, count in documents.items()
        for part in range(count)
    }


def check_documents(record: Record, found: set[Part]) -> list[str]:
    """What is wrong with the rows found for a client; the record then takes the state that was found."""
    if record.unanswered is not None and found == expected_parts(record.client, record.unanswered):
        record.documents = record.unanswered
        return []
    expected = expected_parts(record.client, record.documents)
    if found == expected:
        return []
    lost, surplus = expected - found, found - expected
    wrong = [f"client {record.client}: {len(lost)} parts lost, as {min(lost)}"] if lost else []
    if surplus:
        wrong.append(f"client {record.client}: {len(surplus)} parts that may not be, as {min(surplus)}")
    return wrong


def check_accounts(money: Sequence[int]) -> list[str]:
    """What is wrong with the accounts."""
    if len(money) != ACCOUNTS or sum(money) != ACCOUNTS * MONEY:
        return [f"{len(money)} accounts with {sum(money)} in all, not {ACCOUNTS} with {ACCOUNTS * MONEY}"]
    return []


async def connect(server: RunningServer) -> Any:
    """A connection of asyncpg."""
    return await asyncpg.connect(host=server.host, port=server.port, user=server.user, database=server.database)


async def write(server: RunningServer, record: Record, chance: random.Random) -> None:
    """Transactions until the server is gone."""
    with contextlib.suppress(*GONE):
        connection = await connect(server)
        while True:
            await write_once(connection, record, chance)


async def write_once(connection: Any, record: Record, chance: random.Random) -> None:
    """A transaction: a new document in one statement or several, often an old one less, and money moved."""
    document, count = record.next_document, chance.randint(1, PARTS_MAX)
    record.next_document += 1
    rows = [(record.client, document, part, mark_of(record.client, document, part)) for part in range(count)]
    after = record.documents | {document: count}
    transaction = connection.transaction()
    await transaction.start()
    if chance.random() < 0.5:
        values = ", ".join(f"({client}, {number}, {part}, '{mark}')" for client, number, part, mark in rows)
        await connection.execute(f"INSERT INTO parts VALUES {values}")
    else:
        await connection.executemany("INSERT INTO parts VALUES ($1, $2, $3, $4)", rows)
    if record.documents and chance.random() < 0.4:
        old = chance.choice(list(record.documents))
        await connection.execute("DELETE FROM parts WHERE client = $1 AND document = $2", record.client, old)
        del after[old]
    first, second = sorted(chance.sample(range(ACCOUNTS), 2))
    amount = chance.randint(-50, 50)
    move = "UPDATE accounts SET money = money + $1 WHERE id = $2"
    await connection.execute(move, amount, first)
    await connection.execute(move, -amount, second)
    if chance.random() < 0.1:
        await transaction.rollback()
        return
    record.unanswered = after
    await transaction.commit()
    record.documents, record.unanswered = after, None
    record.acknowledged += 1


async def check(server: RunningServer, records: Sequence[Record], tally: Tally) -> None:
    """Reads everything, by table and by index, and compares."""
    connection = await connect(server)
    found: dict[int, set[Part]] = {record.client: set() for record in records}
    for client, document, part, mark in await connection.fetch("SELECT client, document, part, mark FROM parts"):
        found[client].add((document, part, mark))
    for record in records:
        before = record.documents
        tally.wrong += check_documents(record, found[record.client])
        if record.unanswered is not None:
            tally.unanswered_kept += record.documents is not before
            tally.unanswered_dropped += record.documents is before
        record.unanswered = None
        for document in list(record.documents)[-3:]:
            mark = mark_of(record.client, document, 0)
            by_index = await connection.fetch("SELECT document FROM parts WHERE mark = $1", mark)
            if [row["document"] for row in by_index] != [document]:
                tally.wrong.append(f"client {record.client}: the index finds {by_index} for document {document}")
    tally.wrong += check_accounts([row["money"] for row in await connection.fetch("SELECT money FROM accounts")])
    await connection.close()


async def prepare(server: RunningServer) -> None:
    """Makes the tables."""
    connection = await connect(server)
    await connection.execute(TABLES)
    await connection.executemany(
        "INSERT INTO accounts VALUES ($1, $2)", [(number, MONEY) for number in range(ACCOUNTS)]
    )
    await connection.close()


async def write_and_kill(server: RunningServer, records: Sequence[Record], chance: random.Random) -> list[str]:
    """All clients write; the server is killed while they do. Returns what was wrong before."""
    before = sum(record.acknowledged for record in records)
    writers = [asyncio.create_task(write(server, record, random.Random(chance.random()))) for record in records]
    # On a busy machine they need a while to begin.
    begin = time.monotonic()
    while sum(record.acknowledged for record in records) == before and time.monotonic() - begin < BEGIN_SECONDS_MAX:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3 + chance.random())
    gone = sum(each.done() for each in writers)
    wrong = [f"{gone} clients lost their connections before the server was killed"] if gone else []
    server.stop(signal.SIGKILL)
    await asyncio.gather(*writers)
    return wrong


def kill_in_recovery(folder: Path, environment: Mapping[str, str], chance: random.Random) -> None:
    """Starts a server on the data and kills it before it can be ready, or just then."""
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            serve_command(folder), cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=log
        )
    time.sleep(0.1 + chance.random() * 0.8)
    process.kill()
    process.wait()


def run_rounds(folder: Path, rounds: int, seed: int = 1) -> Tally:
    """Runs the rounds with the data in a folder; stops early at the first round with something wrong."""
    chance, tally = random.Random(seed), Tally()
    records = [Record(client) for client in range(CLIENTS)]
    server = start(folder, environment=SETTINGS)
    try:
        asyncio.run(prepare(server))
        for number in range(rounds):
            tally.wrong += asyncio.run(write_and_kill(server, records, chance))
            tally.rounds += 1
            if number % 3 == 1:
                kill_in_recovery(folder, SETTINGS | {"PATH": "/usr/bin:/bin"}, chance)
                tally.kills_in_recovery += 1
            begin = time.monotonic()
            server = start(folder, environment=SETTINGS)
            tally.restart_seconds.append(time.monotonic() - begin)
            asyncio.run(check(server, records, tally))
            tally.acknowledged = sum(record.acknowledged for record in records)
            if tally.wrong:
                break
        code = server.stop()
        tally.wrong += [] if code == 0 else [f"the server ended with exit code {code}"]
    finally:
        server.process.kill()
        server.process.wait()
    return tally


def main() -> int:
    """Prints the figures; 1 if anything was wrong."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory(prefix="datacave-kill-") as folder:
        tally = run_rounds(Path(folder), rounds, seed=int(time.time()))
    print(tally)
    print("\n".join(tally.wrong))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
