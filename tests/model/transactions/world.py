"""World: sessions of the SQL layer in one process, on a simulated clock, that run random transactions from one seed.

Whoever can go on is drawn by the seed; a statement runs until it yields, so that others come between its steps. On the
memory store commits become durable at random moments; the engine flushes and merges meanwhile. Statements go the ways
they go in the server: the short ones of point statements where there are such.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from datacave_core.errors import DatacaveError, QueryCanceled
from datacave_core.memory import (
    MemoryFileSystem,
    MemoryStore,
    SeededRandomness,
    SimulatedClock,
    SimulatedScheduler,
)
from datacave_core.ports import Store
from datacave_core.wait import Turn, Wait
from datacave_lsm import Engine, EngineOptions
from datacave_sql import (
    CompiledQuery,
    CompiledUtility,
    Complete,
    Database,
    DatabaseOptions,
    PointLookup,
    Session,
    point_write,
)
from datacave_sql.exec import context
from tests.model.transactions.judge import LEVELS, READ_COMMITTED, SERIALIZABLE, Judge, Outcome, Violation, Watched
from tests.model.transactions.programs import Programs
from tests.model.transactions.serial_order import serial_order
from tests.model.transactions.statements import (
    ACTIONS,
    CONSTRAINTS,
    DEFAULT_REFERENCE,
    INDEX,
    REFERRING_INDEX,
    REFERRING_TABLE,
    TABLE,
    UNIQUE,
    Row,
    Statement,
    table_of,
)

OPTIONS = EngineOptions(memtable_bytes_max=6_000, level0_trigger_files=2, level1_bytes=4_000, group_rows_max=8)
LOCK_TIMEOUT_SECONDS = 5.0
IDLE_SECONDS_MAX = 60
RULES = ("mixed", *LEVELS)


Then: TypeAlias = Callable[["Task", DatacaveError | None], None]


@dataclass(slots=True)
class Task:
    """A string of SQL under way: its steps, and what it has given so far."""

    text: str
    steps: Iterator[Any]
    then: Then
    number: int
    logged: Callable[[], None] | None = None
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    tag: str = ""
    wait: Wait | None = None
    give_up_at: float = 0.0


class World:
    """A database with some clients. `level` is one of RULES, `constraint` one of CONSTRAINTS or of ACTIONS, which has a
    second table whose rows refer to those of the first."""

    def __init__(
        self,
        seed: int,
        level: str,
        *,
        engine: bool,
        clients: int = 3,
        transactions: int = 8,
        constraint: str = UNIQUE,
    ) -> None:
        self.chance = random.Random(f"{seed} {level} {engine}")
        self.level = level
        clock = SimulatedClock()
        self.scheduler = SimulatedScheduler(clock, seed)
        self.store: Store
        self.memory: MemoryStore | None = None
        if engine:
            self.store = Engine.open(MemoryFileSystem(), clock, self.scheduler, SeededRandomness(seed), OPTIONS)
        else:
            self.store = self.memory = MemoryStore(clock, hold_durability=True)
        options = DatabaseOptions(settings={"max_prepared_transactions": "10"})
        self.database = Database.open(self.store, clock, SeededRandomness(seed), options)
        self.database.call_later = self.scheduler.call_later
        self.programs = Programs(self.chance, constraint)
        self.tables = ("t", "r") if constraint in ACTIONS else ("t",)
        rows = self.programs.rows()
        self.set_up(rows, constraint)
        self.judge = Judge(rows, constraint)
        self.prepared: dict[str, Watched] = {}
        self.numbers = 0
        self.counts: Counter[str] = Counter()
        self.trace: list[str] = []
        self.hash = hashlib.sha256()
        self.clients = [Client(self, number, transactions) for number in range(clients)]

    def set_up(self, rows: list[Row], constraint: str) -> None:
        session = self.database.connect("admin")
        texts = [TABLE.format(constraint=CONSTRAINTS[UNIQUE if constraint in ACTIONS else constraint]), INDEX]
        if constraint in ACTIONS:
            texts += [REFERRING_TABLE.format(action=constraint, default=DEFAULT_REFERENCE), REFERRING_INDEX]
        for k, u, g, v in rows:
            texts.append(f"INSERT INTO {table_of((k, u, g, v))} VALUES ({k}, {'NULL' if u is None else u}, {g}, {v})")
        for text in texts:
            self.finish(session, text)
        session.close()

    def finish(self, session: Session, text: str) -> list[tuple[Any, ...]]:
        """Runs a statement to its end, while nobody else does anything."""
        rows: list[tuple[Any, ...]] = []
        for step in session.simple_query(text):
            if isinstance(step, Wait):
                while not step.done and not isinstance(step, Turn):
                    self.pass_time(0.01)
            elif isinstance(step, list):
                rows += step
        return rows

    def pass_time(self, seconds: float) -> None:
        self.scheduler.run_for(seconds)
        if self.memory is not None:
            self.memory.make_durable()

    def note(self, event: str) -> None:
        """Adds to the trace."""
        self.trace.append(event)
        self.hash.update(event.encode() + b"\n")

    def run(self) -> None:
        """Runs all clients to their ends and judges what they have seen. Raises Violation."""
        # How long a statement may run depends on the machine, so here it yields at every opportunity, or at none.
        slices = context.SLICE_SECONDS
        context.SLICE_SECONDS = self.chance.choice((0.0, 3600.0))
        try:
            self._run_clients()
            self._check_end()
        finally:
            context.SLICE_SECONDS = slices

    def _run_clients(self) -> None:
        idle = 0.0
        while True:
            ready = [client for client in self.clients if client.is_ready()]
            if ready:
                idle = 0.0
                self.chance.choice(ready).go_on()
                if self.chance.random() < 0.15:
                    self.pass_time(self.chance.choice((0.0001, 0.001, 0.1)))
                continue
            if all(client.ended for client in self.clients):
                return
            self.pass_time(0.05)
            idle += 0.05
            if idle > IDLE_SECONDS_MAX:
                waiting = [(one.number, one.task.text, one.task.wait) for one in self.clients if one.task]
                raise Violation(f"nobody goes on: {waiting}")

    def _check_end(self) -> None:
        session = self.database.connect("admin")
        for gid, watched in sorted(self.prepared.items()):
            self.finish(session, f"ROLLBACK PREPARED '{gid}'")
            self.judge.rolled_back(watched)
        wanted = self.judge.rows()
        self.pass_time(1.0)
        for table, rows in _by_tables(wanted, self.tables).items():
            found = sorted(self.finish(session, f"SELECT k, u, g, v FROM {table} WHERE k + 0 = k"))
            if found != rows:
                raise Violation(f"in the end table {table} has\n{found}, not\n{rows}")
            for column, index in (("k", 0), ("u", 1), ("g", 2)):
                for value in {row[index] for row in rows if row[index] is not None} | {3}:
                    same = sorted(self.finish(session, f"SELECT k, u, g, v FROM {table} WHERE {column} = {value}"))
                    if same != [row for row in rows if row[index] == value]:
                        raise Violation(f"by the index on {column} = {value} there is {same}")
        if self.database.transactions.locks.locks() or self.database.transactions.active:
            raise Violation("locks or transactions are left")
        if self.level == SERIALIZABLE:
            order = serial_order(self.judge.committed, self.judge.states[0], list(wanted), self.judge.constraint)
            if order is None:
                raise Violation(f"no serial order of {[one.number for one in self.judge.committed]}")
            self.note(f"serial order {order}")


def _by_tables(rows: list[Row], tables: Iterable[str]) -> dict[str, list[Row]]:
    return {table: [row for row in rows if table_of(row) == table] for table in tables}


def _judged(error: DatacaveError) -> str:
    """The code of an error; to the judge a value that is there already is the same by any constraint."""
    return "23505" if error.sqlstate == "23P01" else error.sqlstate


class Client:
    """One session and what it is doing."""

    def __init__(self, world: World, number: int, transactions: int) -> None:
        self.world = world
        self.number = number
        self.default_level = READ_COMMITTED if world.level == "mixed" else world.level
        self.session = world.database.connect("admin", settings={"default_transaction_isolation": self.default_level})
        self.left = transactions
        self.ended = False
        self.task: Task | None = None
        self.watched: Watched | None = None
        self.steps_left = 0
        self.savepoints: list[str] = []
        self.only_reads = False

    def is_ready(self) -> bool:
        """Whether it can do something now."""
        if self.ended:
            return False
        if self.task is None or self.task.wait is None or self.task.wait.done:
            return True
        return self.world.scheduler.clock.monotonic() >= self.task.give_up_at > 0

    def go_on(self) -> None:
        """One step of what is under way, or the beginning of something new."""
        if self.task is None:
            self._begin_something()
        if self.task is not None:
            self._advance(self.task)

    # Statements

    def _run(self, text: str, then: Then, number: int, logged: Callable[[], None] | None = None) -> Task:
        """Begins a string of SQL of a transaction; `logged` is told when something has come into the log, `then` how
        it ended."""
        self.world.note(f"{self.number}> {text}")
        self.task = Task(text, self._steps(text), then, number, logged)
        return self.task

    def _steps(self, text: str) -> Iterator[Any]:
        session = self.session
        plan = session.find_plan(text) if not session.failed else None
        if plan is None or self.world.chance.random() < 0.3:
            yield from session.simple_query(text, plan)
            return
        compiled, parameters = plan
        if isinstance(compiled, CompiledUtility):
            if session.transaction is None and session.begin_at_once(compiled):
                yield Complete("BEGIN")
            elif session.transaction is not None and session.is_plain_commit(compiled):
                yield from self._commit_at_once()
                yield Complete("COMMIT")
            else:
                yield from session.simple_query(text, plan)
            return
        done = yield from self._short_way(compiled, parameters)
        if not done:
            yield from session.simple_query(text, plan)

    def _commit_at_once(self) -> Iterator[Any]:
        durable = self.session.commit_at_once()
        if durable is not None and not durable.done:
            yield durable

    def _short_way(self, compiled: CompiledQuery, parameters: Any) -> Iterator[Any]:
        """As the server does for single rows; False where it has to go the long way, with nothing done."""
        session = self.session
        alone = session.transaction is None
        if compiled.lookup is not None:
            lookup = PointLookup(session, compiled)
            try:
                rows = lookup.rows(parameters) if alone else lookup.rows_in_block(parameters)
            except DatacaveError:
                session.abort()
                raise
            if rows is None:
                return False
            yield list(rows)
            yield Complete(compiled.tag(len(rows)))
            return True
        write = point_write(session, compiled)
        if write is None:
            return False
        if alone:
            session.begin_transaction()
        try:
            count = write.run(parameters)
            if count is None or (alone and not session.commits_at_once):
                if alone:
                    session.rollback()
                return False
            if alone:
                yield from self._commit_at_once()
        except DatacaveError:
            session.abort()
            raise
        yield Complete(compiled.tag(count))
        return True

    def _advance(self, task: Task) -> None:
        world = self.world
        before = world.store.newest_timestamp
        error: DatacaveError | None = None
        ended = False
        try:
            if task.wait is not None and not task.wait.done:
                canceled = world.chance.random() < 0.3 or not task.wait.reason.startswith("Lock")
                thrown = QueryCanceled("canceled") if canceled else DatacaveError("lock timeout", sqlstate="55P03")
                step = task.steps.throw(thrown)  # type: ignore[attr-defined]
            else:
                step = next(task.steps)
            # Rows and Waits are where others get their turn.
            while not isinstance(step, list | Wait):
                if isinstance(step, Complete):
                    task.tag = step.tag
                step = next(task.steps)
            task.wait = None
            if isinstance(step, Wait):
                self._suspend(task, step)
            else:
                task.rows += step
        except StopIteration:
            ended = True
        except DatacaveError as caught:
            error = caught
            ended = True
        if world.store.newest_timestamp != before and task.logged is not None:
            logged, task.logged = task.logged, None
            logged()
        if ended:
            self.task = None
            told = f"error {error.sqlstate}" if error is not None else f"{task.tag} {sorted(map(repr, task.rows))}"
            world.note(f"{self.number}< {told}")
            world.counts[error.sqlstate if error is not None else task.tag.split()[0]] += 1
            task.then(task, error)

    def _suspend(self, task: Task, wait: Wait) -> None:
        if isinstance(wait, Turn):
            return
        world = self.world
        task.wait = wait
        task.give_up_at = 0.0
        world.note(f"{self.number}: waits for {wait.reason}")
        if wait.reason.startswith(("Lock", "IPC")):
            if world.judge.active.keys() <= {task.number}:
                raise Violation(f"{task.text} waits although nobody else is there")
            world.counts["lock waits"] += 1
            seconds = world.chance.choice((0.01, LOCK_TIMEOUT_SECONDS, LOCK_TIMEOUT_SECONDS))
            task.give_up_at = world.scheduler.clock.monotonic() + seconds

    # Transactions

    def _begin_something(self) -> None:
        world, chance = self.world, self.world.chance
        if self.watched is None:
            if world.prepared and (not self.left or chance.random() < 0.4):
                self._end_prepared(chance.choice(sorted(world.prepared)))
            elif not self.left:
                self.ended = True
                self.session.close()
            else:
                self.left -= 1
                self._begin_transaction()
        elif self.session.failed:
            if self.savepoints and chance.random() < 0.7:
                self._rollback_to(chance.choice(self.savepoints))
            else:
                self._end(chance.choice(("ROLLBACK", "COMMIT")))
        elif self.steps_left:
            self.steps_left -= 1
            self._do_something()
        else:
            self._end(chance.choices(("COMMIT", "ROLLBACK", "PREPARE"), (8, 1, 1))[0])

    def _begin_transaction(self) -> None:
        world, chance = self.world, self.world.chance
        world.numbers += 1
        number = world.numbers
        self.savepoints.clear()
        if chance.random() < 0.3:
            self._run_alone(number, world.programs.statement())
            return
        level = chance.choice(LEVELS) if world.level == "mixed" else world.level
        text = "BEGIN" if level == self.default_level and chance.random() < 0.7 else f"BEGIN ISOLATION LEVEL {level}"
        self.only_reads = text != "BEGIN" and chance.random() < 0.12
        if self.only_reads:
            text += " READ ONLY" + (" DEFERRABLE" if chance.random() < 0.5 else "")
        self.steps_left = chance.randrange(1, 6)

        def then(task: Task, error: DatacaveError | None) -> None:
            assert error is None
            self.watched = world.judge.begin(number, level)

        self._run(text, then, number)

    def _run_alone(self, number: int, statement: Statement) -> None:
        """A statement that is a transaction of its own."""
        judge = self.world.judge
        watched = judge.begin(number, self.default_level)
        judge.start(watched)
        state: int | None = None

        def logged() -> None:
            nonlocal state
            judge.outcome(watched, statement, self._outcome(statement, task, 1))
            state = judge.commit(watched, wrote=True)

        def then(task: Task, error: DatacaveError | None) -> None:
            nonlocal state
            if error is not None:
                judge.outcome(watched, statement, Outcome(error=_judged(error)))
                judge.rolled_back(watched)
                return
            if state is None:
                judge.outcome(watched, statement, self._outcome(statement, task))
                state = judge.commit(watched, wrote=False)
            judge.answered(watched, state)

        task = self._run(statement.sql(), then, number, logged)

    def _outcome(self, statement: Statement, task: Task, count: int | None = None) -> Outcome:
        """What a statement has given; `count` if its tag is not there yet."""
        if statement.plain:
            return Outcome(count=int(task.tag.rsplit(" ", 1)[1]) if count is None else count)
        return Outcome(tuple(sorted(task.rows, key=lambda row: (row[0], row[1] or -1, *row[2:]))))

    def _do_something(self) -> None:
        """A statement of a block, or a savepoint."""
        world, chance, watched = self.world, self.world.chance, self.watched
        assert watched is not None
        judge = world.judge
        drawn = chance.random()
        if drawn < 0.12:
            name = f"s{len(self.savepoints)}"

            def saved(task: Task, error: DatacaveError | None) -> None:
                assert error is None
                self.savepoints.append(name)
                judge.savepoint(watched, name)

            self._run(f"SAVEPOINT {name}", saved, watched.number)
            return
        if drawn < 0.22 and self.savepoints:
            self._rollback_to(chance.choice(self.savepoints))
            return
        if drawn < 0.26 and self.savepoints:
            released = chance.choice(self.savepoints)

            def forgotten(task: Task, error: DatacaveError | None) -> None:
                assert error is None
                del self.savepoints[self.savepoints.index(released) :]
                judge.release(watched, released)

            self._run(f"RELEASE {released}", forgotten, watched.number)
            return
        statement = world.programs.statement()
        while self.only_reads and statement.kind not in ("select", "sum"):
            statement = world.programs.statement()
        judge.start(watched)

        def then(task: Task, error: DatacaveError | None) -> None:
            outcome = self._outcome(statement, task) if error is None else Outcome(error=_judged(error))
            judge.outcome(watched, statement, outcome)
            if error is not None:
                judge.failed(watched)

        self._run(statement.sql(), then, watched.number)

    def _rollback_to(self, name: str) -> None:
        watched = self.watched
        assert watched is not None

        def then(task: Task, error: DatacaveError | None) -> None:
            assert error is None
            del self.savepoints[self.savepoints.index(name) + 1 :]
            self.world.judge.rollback_to(watched, name)

        self._run(f"ROLLBACK TO {name}", then, watched.number)

    def _end(self, how: str) -> None:
        """COMMIT, ROLLBACK or PREPARE TRANSACTION."""
        world, watched = self.world, self.watched
        assert watched is not None
        judge = world.judge
        gid = f"p{watched.number}"
        state: int | None = None
        self.only_reads = False

        def logged() -> None:
            nonlocal state
            if how == "COMMIT":
                state = judge.commit(watched, wrote=True)

        def then(task: Task, error: DatacaveError | None) -> None:
            nonlocal state
            self.watched = None
            if error is not None:
                judge.refused(watched, error.sqlstate)
            elif task.tag == "ROLLBACK":
                judge.rolled_back(watched)
            elif task.tag == "PREPARE TRANSACTION":
                world.prepared[gid] = watched
            else:
                judge.answered(watched, judge.commit(watched, wrote=False) if state is None else state)

        self._run(f"PREPARE TRANSACTION '{gid}'" if how == "PREPARE" else how, then, watched.number, logged)

    def _end_prepared(self, gid: str) -> None:
        """The second phase, by whoever comes."""
        world = self.world
        watched = world.prepared.pop(gid)
        how = world.chance.choice(("COMMIT", "COMMIT", "ROLLBACK"))
        state = 0

        def logged() -> None:
            nonlocal state
            if how == "COMMIT":
                state = world.judge.commit(watched, wrote=None)
            else:
                world.judge.rolled_back(watched)

        def then(task: Task, error: DatacaveError | None) -> None:
            if error is not None:
                raise Violation(f"{task.text}: {error.sqlstate} {error.message}")
            if how == "COMMIT":
                world.judge.answered(watched, state)

        self._run(f"{how} PREPARED '{gid}'", then, watched.number, logged)
