"""Do the SQL scripts give the answers written in them, over the memory store and over the engine?

A script is a list of blocks, separated by blank lines; `#` begins a comment line.

    statement ok [TAG]                the statement succeeds (with this command tag)
    statement error CODE [at N]       it fails with this SQLSTATE (at this position); further lines after `----` are
                                      parts of its message, detail or hint
    query                             its rows follow after `----`, columns separated by ` | `, NULL as NULL,
                                      line ends inside values as \\n
    notice TEXT                       the statement before has raised this notice or warning
    copy in CODE|ok                   the data of a COPY FROM STDIN follows after `----`
    copy out                          what COPY TO STDOUT sends follows after `----`
    session NAME [USER [DATABASE]]    the following blocks run in this session
    close NAME                        this session ends
    blocked                           the statement waits for a lock
    resume NAME ok [TAG]|error CODE   the statement of this session goes on
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from datacave_core.errors import DatacaveError
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
    Complete,
    CopyInRequest,
    CopyOutData,
    Database,
    EmptyQuery,
    ResultHeader,
    Session,
)
from datacave_sql.session.copying import bulk

SCRIPTS = Path(__file__).parent / "scripts"
IDLE_SECONDS_MAX = 30


@dataclass
class Block:
    """One step of a script."""

    line: int
    head: list[str]
    text: str
    expected: list[str] | None


@dataclass
class Outcome:
    """What a statement gave."""

    rows: list[str] = field(default_factory=list)
    tag: str = ""
    copied: list[str] = field(default_factory=list)
    error: DatacaveError | None = None
    header: ResultHeader | None = None


def read_blocks(path: Path) -> Iterator[Block]:
    """The blocks of a script."""
    lines = path.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].startswith("#"):
            at += 1
            continue
        start = at + 1
        head = lines[at].split()
        at += 1
        body: list[str] = []
        expected: list[str] | None = None
        while at < len(lines) and lines[at].strip():
            if lines[at] == "----":
                expected = []
            elif expected is not None:
                expected.append(lines[at])
            else:
                body.append(lines[at])
            at += 1
        yield Block(start, head, "\n".join(body), expected)


class Script:
    """Sessions over one database, driven as the server would drive them."""

    def __init__(self, store: Store, clock: SimulatedClock, scheduler: SimulatedScheduler) -> None:
        self.scheduler = scheduler
        self.database = Database.open(store, clock, SeededRandomness(7))
        self.database.call_later = scheduler.call_later
        self.sessions: dict[str, Session] = {}
        self.current = "one"
        self.user = "admin"
        self.database_name = "default"
        self.waiting: dict[str, tuple[Iterator[object], Outcome, Wait]] = {}

    @property
    def session(self) -> Session:
        found = self.sessions.get(self.current)
        if found is None:
            found = self.sessions[self.current] = self.database.connect(self.user, self.database_name)
        return found

    def run(self, sql: str, copy_data: bytes | None = None, *, may_block: bool = False) -> Outcome | None:
        """Runs a query string to its end; None if it waits for a lock and that is allowed."""
        outcome = Outcome()
        return self._drive(self.session.simple_query(sql), outcome, copy_data, may_block)

    def _drive(
        self, steps: Iterator[object], outcome: Outcome, copy_data: bytes | None, may_block: bool
    ) -> Outcome | None:
        session = self.session
        try:
            for step in steps:
                if isinstance(step, Wait):
                    if isinstance(step, Turn):
                        continue
                    if may_block and step.reason.startswith("Lock"):
                        self.waiting[self.current] = (steps, outcome, step)
                        return None
                    self._wait(step)
                elif isinstance(step, ResultHeader):
                    outcome.header = step
                elif isinstance(step, list):
                    assert outcome.header is not None
                    outcome.rows += [self._text(row, outcome.header) for row in step]
                elif isinstance(step, Complete):
                    outcome.tag = step.tag
                elif isinstance(step, CopyInRequest):
                    # In two pieces, split anywhere.
                    data = copy_data or b""
                    half = len(data) // 2
                    step.chunks += [data[:half], data[half:]]
                    step.ended = True
                    step.more.finish()
                elif isinstance(step, CopyOutData):
                    outcome.copied += [row.decode().rstrip("\n") for row in step.rows]
                elif isinstance(step, EmptyQuery):
                    outcome.tag = "EMPTY"
        except DatacaveError as error:
            outcome.error = error
        assert self.session is session
        return outcome

    def _wait(self, wait: Wait) -> None:
        for _ in range(IDLE_SECONDS_MAX):
            if wait.done:
                return
            self.scheduler.run_for(1.0)
        raise AssertionError(f"nothing finishes {wait.reason}")

    def resume(self, name: str) -> Outcome | None:
        """Goes on with a statement that was waiting for a lock."""
        self.current = name
        steps, outcome, wait = self.waiting.pop(name)
        if not wait.done:
            self.scheduler.run_for(0.1)
        assert wait.done, f"the statement of {name} still waits for {wait.reason}"
        return self._drive(steps, outcome, None, False)

    def _text(self, row: tuple[object, ...], header: ResultHeader) -> str:
        session = self.session
        parts = []
        for value, column in zip(row, header.columns, strict=True):
            io = session.find_io(column.type_oid)
            parts.append("NULL" if value is None else io.output(value, session.format_settings))
        return " | ".join(parts).replace("\n", "\\n").rstrip() or "(empty)"

    def close(self) -> None:
        for session in self.sessions.values():
            session.close()


def check(script: Script, block: Block) -> None:
    """Runs one block and compares."""
    kind = block.head[0]
    if kind == "session":
        script.current = block.head[1]
        script.user = block.head[2] if len(block.head) > 2 else "admin"
        script.database_name = block.head[3] if len(block.head) > 3 else "default"
        return
    if kind == "close":
        script.sessions.pop(block.head[1]).close()
        return
    if kind == "notice":
        return
    if kind == "resume":
        outcome = script.resume(block.head[1])
    elif kind == "copy" and block.head[1] != "out":
        data = "".join(line + "\n" for line in block.expected or [])
        outcome = script.run(block.text, data.encode())
    else:
        outcome = script.run(block.text, may_block=kind == "blocked")
        if kind == "blocked":
            assert outcome is None, "the statement did not wait"
            return
    assert outcome is not None
    error = outcome.error
    words = (block.head[1:] if kind == "resume" else block.head) + [""]
    if words[1] == "error" or (kind == "copy" and words[1] not in ("ok", "out")):
        code = words[1] if kind == "copy" else words[2]
        assert error is not None, f"expected {code}, got {outcome.tag} {outcome.rows}"
        assert error.sqlstate == code, f"expected {code}, got {error.sqlstate} {error.message}"
        if "at" in words[3:4]:
            assert error.position == int(words[4])
        told = "\n".join(part or "" for part in (error.message, error.detail, error.hint, error.context))
        for line in block.expected or [] if kind != "copy" else []:
            assert line in told, f"{line!r} is not in {told!r}"
        return
    if error is not None:
        raise AssertionError(f"{error.sqlstate}: {error.message} ({error.detail})") from error
    if kind in ("statement", "resume") or words[:2] == ["copy", "ok"]:
        tag = " ".join(words[2:]).strip()
        assert not tag or outcome.tag == tag, f"tag {outcome.tag}"
    elif kind == "query":
        assert outcome.rows == (block.expected or [])
    else:
        assert outcome.copied == (block.expected or [])


def run_script(path: Path, store: Store, clock: SimulatedClock, scheduler: SimulatedScheduler) -> None:
    script = Script(store, clock, scheduler)
    told: list[str] = []
    for block in read_blocks(path):
        try:
            if block.head[0] == "notice":
                wanted = " ".join(block.head[1:])
                assert any(wanted in one for one in told), f"{wanted!r} is not in {told}"
                continue
            check(script, block)
            told = [f"{one.error.severity}: {one.error.message}" for one in script.session.take_notices()]
        except AssertionError as error:
            raise AssertionError(f"{path.name}:{block.line}: {error}\n{block.text}") from None
    script.close()


def memory_store() -> tuple[Store, SimulatedClock, SimulatedScheduler]:
    clock = SimulatedClock()
    return MemoryStore(clock), clock, SimulatedScheduler(clock)


def engine_store() -> tuple[Store, SimulatedClock, SimulatedScheduler]:
    clock = SimulatedClock()
    scheduler = SimulatedScheduler(clock)
    engine = Engine.open(MemoryFileSystem(), clock, scheduler, SeededRandomness(3), EngineOptions(), None)
    return engine, clock, scheduler


@pytest.mark.parametrize("make_store", [memory_store, engine_store], ids=["memory", "engine"])
@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.slt")), ids=lambda path: path.stem)
def test_script(
    path: Path,
    make_store: Callable[[], tuple[Store, SimulatedClock, SimulatedScheduler]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "LOAD_ROWS_MIN", 1)  # the few rows of a script go the way of many
    run_script(path, *make_store())


def test_scripts_are_found() -> None:
    assert len(list(SCRIPTS.glob("*.slt"))) >= 5
