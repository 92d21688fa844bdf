"""Key-value stores under the same loads: Datacave's engine, RocksDB (rocksdict), LMDB and SQLite, all from Python.

Every store keeps `bytes` under `bytes`. A method does a whole load, so that no store pays for being called from outside
its own loop; `sync` asks for each commit to be on the disk before the next begins.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import lmdb
import rocksdict

from datacave_core.wait import TURN, Wait
from datacave_lsm import Engine, EngineOptions
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.files import OsFileSystem
from datacave_server.merge_process import MergeProcess
from datacave_server.scheduler import LoopScheduler

Pair = tuple[bytes, bytes]
PREFIX = b"\0\0\0\1\0\0"
END = b"\0\0\0\1\0\1"
MAP_BYTES = 16 * 1024**3


class Store(Protocol):
    """One store in a folder of its own."""

    name: str

    async def put_batches(self, batches: Sequence[list[Pair]], sync: bool) -> None: ...

    async def put(self, pairs: Sequence[Pair], sync: bool) -> None: ...

    async def get(self, keys: Sequence[bytes]) -> int:
        """How many of the keys are there."""

    async def scan(self, lows: Sequence[bytes], rows: int) -> int:
        """Reads `rows` rows from each key on; returns how many it read."""

    async def mixed(self, keys: Sequence[bytes], value: bytes, sync: bool) -> None:
        """Nine gets to one put."""

    async def commit_together(self, parts: Sequence[Sequence[Pair]]) -> None:
        """Each part by a committer of its own, one pair per durable commit."""

    async def settle(self) -> None:
        """Ends what goes on in the background."""

    async def close(self) -> None: ...


async def finished(event: Wait) -> None:
    """Waits without holding the loop."""
    if not event.done:
        done = asyncio.get_running_loop().create_future()
        event.subscribe(lambda: None if done.done() else done.set_result(None))
        await done
    event.raise_error()


class DatacaveStore:
    """The engine on real files, in this process and on this loop."""

    name = "Datacave"

    def __init__(self, folder: Path) -> None:
        self._scheduler = LoopScheduler(asyncio.get_running_loop())
        self._merges = MergeProcess(folder, self._scheduler)  # as the server has it
        files, clock, randomness = OsFileSystem(folder), SystemClock(), SystemRandomness()
        self.engine = Engine.open(files, clock, self._scheduler, randomness, EngineOptions(), merge_worker=self._merges)

    async def _commit(self, writes: dict[bytes, tuple[bytes]], sync: bool) -> None:
        engine = self.engine
        while (delay := engine.write_delay()) is not None:
            await finished(delay)
        commit = engine.commit(writes, wait_durable=sync)
        if sync:
            await finished(commit.durable)

    async def put_batches(self, batches: Sequence[list[Pair]], sync: bool) -> None:
        for batch in batches:
            await self._commit({key: (value,) for key, value in batch}, sync)
            if not sync:  # else the loop had its turns while the disk was busy
                await asyncio.sleep(0)

    async def put(self, pairs: Sequence[Pair], sync: bool) -> None:
        for number, (key, value) in enumerate(pairs):
            await self._commit({key: (value,)}, sync)
            if not sync and number % 16 == 0:
                await asyncio.sleep(0)

    async def get(self, keys: Sequence[bytes]) -> int:
        get, timestamp = self.engine.get, self.engine.newest_timestamp
        return sum(get(key, timestamp) is not None for key in keys)

    async def scan(self, lows: Sequence[bytes], rows: int) -> int:
        found, timestamp = 0, self.engine.newest_timestamp
        for low in lows:
            left = rows
            for batch in self.engine.scan(low, END, timestamp):
                left -= len(batch)
                if left <= 0:
                    break
            found += rows - max(left, 0)
        return found

    async def mixed(self, keys: Sequence[bytes], value: bytes, sync: bool) -> None:
        engine = self.engine
        for number, key in enumerate(keys):
            if number % 10:
                engine.get(key, engine.newest_timestamp)
            else:
                await self._commit({key: (value,)}, sync)
                if not sync and number % 160 == 0:
                    await asyncio.sleep(0)

    async def commit_together(self, parts: Sequence[Sequence[Pair]]) -> None:
        async def one(part: Sequence[Pair]) -> None:
            for key, value in part:
                await self._commit({key: (value,)}, True)

        await asyncio.gather(*map(one, parts))

    async def prepared(self, batch: dict[bytes, tuple[bytes]]) -> None:
        """One big commit, turn by turn."""
        steps = self.engine.prepare(batch)
        try:
            while True:
                event = next(steps)
                await (asyncio.sleep(0) if event is TURN else finished(event))
        except StopIteration as end:
            await finished(self.engine.commit(batch, prepared=end.value).durable)

    async def settle(self) -> None:
        await finished(self.engine.flush())
        await finished(self.engine.compact())

    async def close(self) -> None:
        await finished(self.engine.close())
        self._merges.close()
        self._scheduler.close()


class _Blocking(ABC):
    """What stores without a loop share: committers are threads."""

    @abstractmethod
    def _put(self, pairs: Iterable[Pair], sync: bool) -> None:
        """One commit."""

    async def put(self, pairs: Sequence[Pair], sync: bool) -> None:
        for pair in pairs:
            self._put((pair,), sync)

    async def put_batches(self, batches: Sequence[list[Pair]], sync: bool) -> None:
        for batch in batches:
            self._put(batch, sync)

    async def commit_together(self, parts: Sequence[Sequence[Pair]]) -> None:
        with ThreadPoolExecutor(len(parts)) as threads:
            list(threads.map(self._commit_each, parts))

    def _commit_each(self, part: Sequence[Pair]) -> None:
        for pair in part:
            self._put((pair,), True)

    async def settle(self) -> None:  # noqa: B027  # a default, not a duty
        """Nothing goes on in the background."""


class RocksStore(_Blocking):
    """RocksDB with its log, default sizes, no compression of what does not compress."""

    name = "rocksdict"

    def __init__(self, folder: Path) -> None:
        options = rocksdict.Options(raw_mode=True)
        self._db: Any = rocksdict.Rdict(str(folder / "rocks"), options)
        self._sync = rocksdict.WriteOptions()
        self._sync.sync = True
        self._lazy = rocksdict.WriteOptions()

    def _put(self, pairs: Iterable[Pair], sync: bool) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in pairs:
            batch.put(key, value)
        self._db.write(batch, self._sync if sync else self._lazy)

    async def get(self, keys: Sequence[bytes]) -> int:
        get = self._db.get
        return sum(get(key) is not None for key in keys)

    async def scan(self, lows: Sequence[bytes], rows: int) -> int:
        found = 0
        for low in lows:
            for _ in self._db.items(from_key=low):
                found += 1
                if found % rows == 0:
                    break
        return found

    async def mixed(self, keys: Sequence[bytes], value: bytes, sync: bool) -> None:
        db, options = self._db, self._sync if sync else self._lazy
        for number, key in enumerate(keys):
            if number % 10:
                db.get(key)
            else:
                db.put(key, value, options)

    async def settle(self) -> None:
        self._db.flush()
        self._db.compact_range(None, None)

    async def close(self) -> None:
        self._db.close()


class LmdbStore(_Blocking):
    """LMDB; without `sync` its transactions stay in the page cache."""

    name = "LMDB"

    def __init__(self, folder: Path) -> None:
        self._writing = threading.Lock()  # the binding refuses a second writer instead of waiting
        self._env = lmdb.open(str(folder / "lmdb"), map_size=MAP_BYTES, sync=False, metasync=False)

    def _put(self, pairs: Iterable[Pair], sync: bool) -> None:
        with self._writing, self._env.begin(write=True) as transaction:
            put = transaction.put
            for key, value in pairs:
                put(key, value)
        if sync:
            self._env.sync(True)

    async def get(self, keys: Sequence[bytes]) -> int:
        with self._env.begin() as transaction:
            get = transaction.get
            return sum(get(key) is not None for key in keys)

    async def scan(self, lows: Sequence[bytes], rows: int) -> int:
        found = 0
        with self._env.begin() as transaction:
            for low in lows:
                cursor = transaction.cursor()
                cursor.set_range(low)
                for _ in cursor:
                    found += 1
                    if found % rows == 0:
                        break
        return found

    async def mixed(self, keys: Sequence[bytes], value: bytes, sync: bool) -> None:
        for number, key in enumerate(keys):
            with self._env.begin(write=number % 10 == 0) as transaction:
                if number % 10:
                    transaction.get(key)
                else:
                    transaction.put(key, value)
            if sync and not number % 10:
                self._env.sync(True)

    async def close(self) -> None:
        self._env.close()


class SqliteStore(_Blocking):
    """SQLite with a write-ahead log and a table without row ids; a connection per thread."""

    name = "sqlite3"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sqlite.db"
        self._main = self._connect()
        self._main.execute("CREATE TABLE kv (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID")
        self._syncing = True

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _put(self, pairs: Iterable[Pair], sync: bool) -> None:
        if sync != self._syncing:
            self._main.execute(f"PRAGMA synchronous = {'FULL' if sync else 'OFF'}")
            self._syncing = sync
        self._main.execute("BEGIN")
        self._main.executemany("INSERT OR REPLACE INTO kv VALUES (?, ?)", pairs)
        self._main.execute("COMMIT")

    def _commit_each(self, part: Sequence[Pair]) -> None:
        connection = self._connect()
        for pair in part:
            connection.execute("INSERT OR REPLACE INTO kv VALUES (?, ?)", pair)
        connection.close()

    async def get(self, keys: Sequence[bytes]) -> int:
        run = self._main.execute
        return sum(run("SELECT v FROM kv WHERE k = ?", (key,)).fetchone() is not None for key in keys)

    async def scan(self, lows: Sequence[bytes], rows: int) -> int:
        run, found = self._main.execute, 0
        for low in lows:
            found += len(run("SELECT k, v FROM kv WHERE k >= ? ORDER BY k LIMIT ?", (low, rows)).fetchall())
        return found

    async def mixed(self, keys: Sequence[bytes], value: bytes, sync: bool) -> None:
        run = self._main.execute
        self._put((), sync)
        for number, key in enumerate(keys):
            if number % 10:
                run("SELECT v FROM kv WHERE k = ?", (key,)).fetchone()
            else:
                run("INSERT OR REPLACE INTO kv VALUES (?, ?)", (key, value))

    async def close(self) -> None:
        self._main.close()


STORES: tuple[Callable[[Path], Store], ...] = (DatacaveStore, RocksStore, LmdbStore, SqliteStore)

Load = Callable[[Store], Coroutine[Any, Any, object]]


def key_of(number: int) -> bytes:
    """14 bytes."""
    return PREFIX + number.to_bytes(8, "big")


def values(count: int, seed: int) -> list[bytes]:
    """Values of 100 bytes that compress to about a half, as RocksDB's own benchmark has them."""
    chance = random.Random(seed)
    return [chance.randbytes(50) * 2 for _ in range(count)]
