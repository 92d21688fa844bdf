"""SQL workload: sessions over the engine on a simulated disk, whose process or power ends at any file operation.

The steps are statements of four sessions, one after the other, some in transactions that are under way together. What
the database holds after each is taken down in an undisturbed run; a run that ends in the middle of a step must leave
what there was before that step, or after it: what was acknowledged is there whole, what was not committed is not, what
was prepared still is. Whatever is left, indexes have exactly the entries of their tables, and no storage is without an
owner.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from datacave_core.catalog import FIRST_USER_TABLE_ID
from datacave_core.errors import DatacaveError
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.memory import (
    Disk,
    MemoryFileSystem,
    PowerFailure,
    SeededRandomness,
    SimulatedClock,
    SimulatedScheduler,
)
from datacave_core.wait import Turn, Wait
from datacave_lsm import Engine, EngineOptions
from datacave_sql import Database, DatabaseOptions, Session
from tests.crash.test_engine_crash import end_jobs

OPTIONS = EngineOptions(
    memtable_bytes_max=60_000,
    log_segment_bytes=16_000,
    log_fragment_bytes_max=4_000,
    level0_trigger_files=2,
    level1_bytes=60_000,
    table_bytes_max=30_000,
    manifest_bytes_max=4_000,
    group_rows_max=64,
    ingest_rows_min=0,
)
SETTINGS = {"max_prepared_transactions": "10"}
POSITION_STEP = 10
RESTART, FLUSH, COMPACT = "restart", "flush", "compact"

STEPS: tuple[tuple[str, str], ...] = (
    ("one", "create table a (id int primary key, u text unique, v int)"),
    ("one", "create index a_v on a (v)"),
    (
        "one",
        "create table b (id serial primary key, a_id int references a on delete cascade on update cascade, n text)",
    ),
    ("one", "create index b_a on b (a_id)"),
    ("one", "create table e (x int)"),
    ("four", "listen news"),
    ("one", "insert into a select n, 'u' || n, n % 3 from generate_series(1, 12) n"),
    ("one", "insert into b (a_id, n) select id, 'row ' || id from a"),
    ("one", FLUSH),
    # Three transactions under way together; the third one never ends.
    ("one", "begin"),
    ("one", "update a set v = v + 10 where id <= 3"),
    ("two", "begin isolation level serializable"),
    ("two", "select count(*) from a where v = 2"),
    ("two", "insert into a values (20, 'u20', 2)"),
    ("three", "begin"),
    ("three", "delete from a where id = 12"),
    ("three", "insert into a values (99, 'never', 99)"),
    ("one", "savepoint s"),
    ("one", "delete from a where id = 2"),
    ("one", "insert into a values (2, 'u2 again', 0)"),
    ("one", "rollback to s"),
    ("one", "update a set id = 52 where id = 1"),
    ("one", "select pg_notify('news', 'moved')"),
    ("two", "prepare transaction 'kept'"),
    ("one", "commit"),
    ("two", "begin"),
    ("two", "update a set id = 54 where id = 4"),
    ("two", "update b set n = 'prepared' where a_id = 5"),
    ("two", "prepare transaction 'moving'"),
    ("two", "begin"),
    ("two", "insert into b (a_id, n) values (6, 'gone')"),
    ("two", "prepare transaction 'dropped'"),
    ("one", "rollback prepared 'dropped'"),
    ("one", "select pg_create_restore_point('here')"),
    ("one", "commit prepared 'moving'"),
    ("four", RESTART),
    ("four", "listen news"),
    ("three", "begin"),
    ("three", "insert into e values (7)"),
    ("one", "select nextval('b_id_seq'), setval('b_id_seq', 1000)"),
    ("one", "insert into b (a_id, n) values (7, 'late')"),
    # Definitions, alone and together with rows.
    ("one", "create table c (k int primary key, w text)"),
    ("one", "begin"),
    ("one", "insert into c select n, repeat('x', n) from generate_series(1, 40) n"),
    ("one", "alter table c add column z int not null default 7"),
    ("one", "create index c_z on c (z, k)"),
    ("one", "update c set z = k where k < 5"),
    ("one", "commit"),
    ("one", "alter table c rename to renamed"),
    ("one", "alter table renamed rename column w to word"),
    ("one", "alter table renamed alter column z type bigint using z * 2"),
    ("one", "create index concurrently renamed_word on renamed (length(word))"),
    ("one", "begin"),
    ("one", "drop index c_z"),
    ("one", "drop table b"),
    ("one", "rollback"),
    ("one", "alter table renamed drop column z"),
    ("one", "create type mood as enum ('good', 'bad')"),
    ("one", "create view seen as select id, v from a where v > 1"),
    ("one", "create sequence counter start 5"),
    ("one", "select nextval('counter')"),
    ("one", "alter sequence counter restart with 300"),
    ("one", "select nextval('counter')"),
    ("one", "select setval('counter', 700)"),
    ("one", "begin"),
    ("one", "truncate renamed"),
    ("one", "insert into renamed (k, word) values (1, 'after')"),
    ("one", "commit"),
    ("one", FLUSH),
    ("one", "create table d (x int)"),
    ("one", "insert into d select generate_series(1, 50)"),
    ("one", "drop table d"),
    ("one", "drop view seen"),
    ("one", "alter table b add constraint named check (n <> '')"),
    ("one", "delete from a where id = 3"),
    ("one", "begin"),
    ("one", "insert into a values (30, 'u30', 1)"),
    ("one", "notify news, 'thirty'"),
    ("one", "commit"),
    ("one", COMPACT),
    ("one", "update a set v = v where id > 5 and id < 12"),
)

_DIGEST = {
    "columns": "select c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull"
    " from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
    " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'S') order by 1, a.attnum",
    "constraints": "select conname, pg_get_constraintdef(oid) from pg_constraint"
    " where connamespace = 'public'::regnamespace order by 1",
    "indexes": "select c.relname, pg_get_indexdef(c.oid) from pg_index i join pg_class c on c.oid = i.indexrelid"
    " where c.relnamespace = 'public'::regnamespace and i.indisvalid order by 1",
    "enums": "select enumlabel from pg_enum order by 1",
    "prepared": "select gid from pg_prepared_xacts order by 1",
    "restore points": "select name from restore_points() order by 1",
}

Digest = dict[str, list[tuple[Any, ...]]]


class NoSuchOperation(ValueError):
    """A run has ended before the file operation in which it was to end."""


class Workload:
    """The steps on one disk. `acknowledged` is the number of steps whose ends were told."""

    def __init__(self, disk: Disk, seed: int = 0) -> None:
        self.disk = disk
        self.seed = seed
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.acknowledged = 0
        self.told: list[str] = []
        """Payloads of the notifications that have come."""
        self.answer: list[tuple[Any, ...]] = []
        self.counted: list[list[tuple[Any, ...]]] = []
        """What the steps with the sequence counter have answered."""
        self.position: tuple[int, dict[int, Any]] | None = None
        """A position of the change feed of table a, and the rows of that moment by id."""
        self.engine: Engine | None = None
        self.database: Database
        self.sessions: dict[str, Session] = {}

    def open(self) -> None:
        randomness = SeededRandomness(self.seed + 1000 * self.disk.generation)
        clock = self.scheduler.clock
        self.sessions = {}
        self.engine = Engine.open(MemoryFileSystem(self.disk), clock, self.scheduler, randomness, OPTIONS)
        self.database = Database.open(self.store, clock, randomness, DatabaseOptions(settings=SETTINGS))
        self.database.call_later = self.scheduler.call_later
        self.database.reclaimer.start()

    def run(self, after: Callable[[], None] = lambda: None) -> None:
        """Runs all steps; `after` is called when one has ended."""
        self.open()
        for name, text in STEPS:
            if text == RESTART:
                self.settle(self.store.close())
                self.open()
            elif text in (FLUSH, COMPACT):
                self.settle(self.store.flush() if text == FLUSH else self.store.compact())
            else:
                self.answer = self.execute(name, text)
            self.acknowledged += 1
            if "counter" in text:
                self.counted = [*self.counted, self.answer]
            if self.acknowledged == POSITION_STEP:
                (moment,) = self.execute(name, "select commit_timestamp()")
                self.position = (moment[0], {row[0]: row for row in self.execute(name, "select * from a")})
            after()

    @property
    def store(self) -> Engine:
        """The engine that is open."""
        assert self.engine is not None
        return self.engine

    def execute(self, name: str, text: str) -> list[tuple[Any, ...]]:
        """Runs a statement to its end and takes what has been told to listeners. Raises DatacaveError."""
        session = self.sessions.get(name)
        if session is None:
            session = self.sessions[name] = self.database.connect("admin")
        rows: list[tuple[Any, ...]] = []
        for step in session.simple_query(text):
            if isinstance(step, Wait):
                self.settle(step)
            elif isinstance(step, list):
                rows += step
        for one in self.sessions.values():
            self.told += [news.payload for news in one.take_notifications()]
        return rows

    def settle(self, event: Wait) -> None:
        if isinstance(event, Turn):
            self.scheduler.run_ready()
            return
        for _ in range(100):
            self.scheduler.run_ready()
            if event.done:
                break
            self.scheduler.run_for(0.25)
        assert event.done, f"step {self.acknowledged} waits for {event.reason}"
        event.raise_error()

    def run_until(self, number: int, *, kept: bool) -> None:
        """Runs until file operation `number`, in which the power fails; with `kept` only the process ends there."""
        self.disk.crash_at(number, kept=kept)
        generation = self.disk.generation
        with contextlib.suppress(PowerFailure, DatacaveError):
            self.run()
        if self.disk.generation == generation:
            raise NoSuchOperation(f"there are not so many file operations as {number}")
        # What is left of the process must not reach the disk any more.
        self.scheduler = SimulatedScheduler(self.scheduler.clock)
        if self.engine is not None:
            end_jobs(self.engine)

    def digest(self) -> Digest:
        """What the database holds."""
        found = {what: self.execute("reader", query) for what, query in _DIGEST.items()}
        for table in sorted({row[0] for row in found["columns"] if row[1] == "r"}):
            found[f"rows of {table}"] = sorted(self.execute("reader", f"select * from {table}"))
        return found

    def check_indexes(self) -> Iterator[str]:
        """What is wrong with the entries of indexes."""
        for home in self.database.homes.values():
            for table in home.catalog.tables.values():
                if not table.storage_id or table.storage_id < FIRST_USER_TABLE_ID:
                    continue
                access = home.state.access(table)
                stored = list(self._stored(*access.table_range))
                convert = access.from_physical
                # An index that was being built concurrently is left invalid, and used by nobody.
                for index in [one for one in access.secondary if one.index.valid]:
                    wanted = {}
                    for key, row in stored:
                        entry = index.entry_key(row if convert is None else convert(row), key)
                        if entry is not None:
                            wanted[entry] = (key,)
                    low = table_prefix(table.storage_id, index.index.index_number)
                    found = dict(self._stored(low, prefix_end(low)))
                    if found != wanted:
                        yield f"index {index.index.name}: {len(found)} entries, {len(wanted)} wanted"

    def check_feed(self) -> Iterator[str]:
        """What is wrong with the changes since the position that was kept: they have to lead to the present rows."""
        if self.position is None:
            return
        moment, rows = self.position
        names = ("id", "u", "v")
        for operation, old, new in self.execute(
            "reader", f"select operation, old_row, new_row from table_changes('a', {moment})"
        ):
            before, now = (
                None if text is None else tuple(json.loads(text)[name] for name in names) for text in (old, new)
            )
            if before is not None and rows.pop(before[0], None) != before:
                yield f"the feed has a {operation} of {before}, which was not there"
            if now is not None:
                rows[now[0]] = now
        present = sorted(self.execute("reader", "select * from a"))
        if sorted(rows.values()) != present:
            yield f"the feed leads to {sorted(rows.values())}, not to {present}"

    def check_owners(self) -> Iterator[str]:
        """Storage that belongs to nobody, once there has been time to give it back."""
        self.scheduler.run_for(5.0)
        known = {
            table_prefix(table.storage_id, number)
            for home in self.database.homes.values()
            for table in home.catalog.tables.values()
            for number in (0, *(index.index_number for index in table.indexes))
        }
        left = {key[:PREFIX_LENGTH] for key, _ in self._stored(FIRST_USER_TABLE_ID.to_bytes(4, "big"), None)}
        for prefix in sorted(left - known):
            yield f"rows under {prefix.hex()} belong to nobody"

    def _stored(self, low: bytes, high: bytes | None) -> Iterator[tuple[bytes, Any]]:
        for batch in self.store.scan(low, high, self.store.newest_timestamp):
            yield from batch


NOTIFIED = {"moved": 52, "thirty": 30}
"""Payloads of notifications, with the row of table a that was written in the same transaction."""


def undisturbed() -> tuple[list[Digest], int]:
    """What the database holds before the first step and after each, and how many file operations there are."""
    watched = Workload(Disk())
    digests: list[Digest] = []

    def take_down() -> None:
        # Others cannot look while definitions change, and what they would see stays what it was.
        changing = any(session.changes_catalog for session in watched.sessions.values())
        digests.append(digests[-1] if changing else watched.digest())

    watched.run(take_down)
    alone = Workload(Disk())
    alone.run()
    return digests, alone.disk.changes


def trouble_after(number: int, digests: list[Digest], *, kept: bool) -> list[str]:
    """What is wrong after an end in file operation `number`."""
    workload = Workload(Disk(number), number)
    workload.run_until(number, kept=kept)
    workload.open()
    place = workload.acknowledged
    step = STEPS[place][1] if place < len(STEPS) else "the end"
    return [f"operation {number}{' (kept)' if kept else ''}, in {step!r}: {one}" for one in trouble(workload, digests)]


def trouble(workload: Workload, digests: list[Digest]) -> list[str]:
    """What is wrong with what is left of a workload."""
    found = workload.digest()
    place = workload.acknowledged
    allowed = digests[max(place - 1, 0) : place + 1]
    wrong = []
    if found not in allowed and (place or found["columns"]):
        wrong += [f"{what} are {found[what]}" for what in found if all(found[what] != one.get(what) for one in allowed)]
        wrong = wrong or ["what is found belongs to no single moment"]
    present = {row[0] for row in found.get("rows of a", [])}
    wrong += [
        f"{payload} was told and has not happened" for payload in workload.told if NOTIFIED[payload] not in present
    ]
    wrong += workload.check_indexes()
    wrong += workload.check_owners()
    wrong += workload.check_feed()
    wrong += go_on(workload, found)
    return wrong


def go_on(workload: Workload, found: Digest) -> Iterator[str]:
    """What is wrong when the database goes on from there: prepared transactions still hold what they are to change, and
    end as they should."""
    prepared = [gid for (gid,) in found["prepared"]]
    if "moving" in prepared:
        try:
            workload.execute("reader", "set lock_timeout = 1; select * from a where id = 4 for update nowait")
            yield "a prepared transaction has lost its locks"
        except DatacaveError as error:
            if error.sqlstate != "55P03":
                yield f"a locked row answers {error.sqlstate}"
    for gid in prepared:
        workload.execute("reader", f"commit prepared '{gid}'")
    rows = (
        dict.fromkeys(row[0] for row in workload.execute("reader", "select id from a")) if "rows of a" in found else {}
    )
    if ("kept" in prepared and 20 not in rows) or ("moving" in prepared and (54 not in rows or 4 in rows)):
        yield f"prepared transactions {prepared} have left {sorted(rows)}"
    if counted := workload.counted:
        # The steps: created to start at 5, nextval, restart with 300, nextval, setval to 700.
        least = (5, 6, 300, 301, 701)[len(counted) - 1]
        ((value,),) = workload.execute("reader", "select nextval('counter')")
        if value < least:
            yield f"the sequence gives {value}, which may have been given before"
    if "rows of b" in found:
        workload.execute("reader", "insert into b (n) values ('after')")
    if "rows of a" in found:
        workload.execute("reader", "insert into a values (1000, 'after', 1)")
        workload.execute("reader", "update a set id = id + 2000 where id = 5")
    workload.settle(workload.store.flush())
    yield from workload.check_indexes()
    before = workload.digest()
    workload.settle(workload.store.close())
    workload.open()
    if workload.digest() != before:
        yield "a restart changes what is there"
