"""ConsoleSession: runs statements of the console in a database session of its own, without holding up the loop.

A statement is a generator of replies and Waits; between its steps others get their turn. Rows go out as they come, as
text; whoever reads them slowly slows the statement. A statement is cancelled by an error thrown into it, from another
session, from the reader that goes away, or by the session's own statement_timeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

from datacave_core.errors import DatacaveError, FeatureNotSupported, QueryCanceled
from datacave_core.wait import TURN, Wait
from datacave_sql import Complete, CopyInRequest, CopyOutData, CopyOutStart, EmptyQuery, ResultHeader

APPLICATION_NAME = "Datacave console"


class Columns(NamedTuple):
    """The columns of a result: (name, type) pairs."""

    columns: tuple[tuple[str, str], ...]


class Rows(NamedTuple):
    """A batch of rows as text; None is NULL."""

    rows: list[list[str | None]]


class Done(NamedTuple):
    """A statement is over."""

    tag: str


class Told(NamedTuple):
    """A notice or warning."""

    severity: str
    message: str


Event = Columns | Rows | Done | Told


class ConsoleSession:
    """One database session. At most one statement is under way."""

    def __init__(self, host: Any, user: str, database: str, address: tuple[str, int]) -> None:
        settings = {"application_name": APPLICATION_NAME}
        self._session = host.database.connect(user, database, settings, None, address, None)
        self._detach: Callable[[], None] = host.attach(self._session.process_id, self)
        self._error: DatacaveError | None = None
        self._woken = asyncio.Event()
        self._busy = False
        self._last_words: DatacaveError | None = None

    @property
    def process_id(self) -> int:
        """The number by which others cancel it."""
        number: int = self._session.process_id
        return number

    @property
    def status(self) -> str:
        """I idle, T in a transaction, E in a failed one."""
        status: str = self._session.transaction_status
        return status

    @property
    def closed(self) -> bool:
        """Whether the session has ended."""
        closed: bool = self._session.closed
        return closed

    @property
    def busy(self) -> bool:
        """Whether a statement is under way."""
        return self._busy

    def interrupt(self, error: DatacaveError) -> None:
        """Throws an error into the statement under way; does nothing when there is none."""
        if self._busy:
            self._error = error
            self._woken.set()

    def end(self, error: DatacaveError) -> None:
        """Ends the session, from outside."""
        self._last_words = error
        if self._busy:
            self.interrupt(error)
        else:
            self.close()

    def close(self) -> None:
        """Ends the session; what it has not committed is taken back."""
        self._detach()
        self._session.close()

    async def run(self, text: str) -> AsyncGenerator[Event]:
        """Runs a string of statements. Raises DatacaveError where a statement fails."""
        session = self._session
        self._busy, self._error = True, None
        timer: asyncio.TimerHandle | None = None
        limit_ms = session.settings.statement_timeout_ms
        if limit_ms:
            late = QueryCanceled("canceling statement due to statement timeout")
            timer = asyncio.get_running_loop().call_later(limit_ms / 1000, self.interrupt, late)
        session.evaluation.query_text = text
        steps = session.simple_query(text)
        try:
            async for event in self._events(steps):
                yield event
        finally:
            if timer is not None:
                timer.cancel()
            # A reader that goes away leaves the generator where it is: closing it rolls the statement back.
            steps.close()
            self._busy = False
            if self._last_words is not None:
                self.close()

    async def _events(self, steps: Iterator[Any]) -> AsyncIterator[Event]:
        session = self._session
        outputs: list[Any] = []
        while True:
            error, self._error = self._error, None
            try:
                step = next(steps) if error is None else steps.throw(error)  # type: ignore[attr-defined]
            except StopIteration:
                for told in self._notices():
                    yield told
                return
            for told in self._notices():
                yield told
            if isinstance(step, Wait):
                await self._pause(step)
            elif isinstance(step, ResultHeader):
                types = session.catalog_state.types
                outputs = [session.find_io(column.type_oid).output for column in step.columns]
                yield Columns(tuple((column.name, types.name(column.type_oid)) for column in step.columns))
            elif isinstance(step, list):
                settings = session.format_settings
                yield Rows(
                    [
                        [None if v is None else write(v, settings) for v, write in zip(row, outputs, strict=True)]
                        for row in step
                    ]
                )
                await asyncio.sleep(0)
            elif isinstance(step, Complete):
                yield Done(step.tag)
            elif isinstance(step, EmptyQuery):
                yield Done("")
            elif isinstance(step, CopyInRequest):
                self._error = FeatureNotSupported(
                    "COPY FROM STDIN needs a client that sends the data", hint="Use psql or a driver."
                )
                step.ended = True
                step.failure = "the console sends no data"
                step.more.finish()
            elif isinstance(step, CopyOutStart):
                yield Columns((("data", "text"),))
            elif isinstance(step, CopyOutData):
                yield Rows([[row.decode("utf-8", "replace").rstrip("\n")] for row in step.rows])
                await asyncio.sleep(0)

    def _notices(self) -> Iterator[Told]:
        for notice in self._session.take_notices():
            yield Told(notice.error.severity, notice.error.message)

    async def _pause(self, wait: Wait) -> None:
        """Waits for what a statement waits for, or for somebody to interrupt it."""
        if wait is TURN:
            await asyncio.sleep(0)
            return
        self._woken.clear()
        if wait.done or self._error is not None:
            return
        wait.subscribe(self._woken.set)
        try:
            # A commit that waits for the disk has happened: it is past being cancelled.
            while not wait.done and (self._error is None or wait.reason == "IO:WALSync"):
                await self._woken.wait()
                self._woken.clear()
        finally:
            wait.unsubscribe(self._woken.set)


async def collect(session: ConsoleSession, text: str) -> list[dict[str, str | None]]:
    """The rows of one query, by the names of its columns."""
    names: list[str] = []
    found: list[dict[str, str | None]] = []
    async for event in session.run(text):
        if isinstance(event, Columns):
            names = [name for name, _ in event.columns]
        elif isinstance(event, Rows):
            found += [dict(zip(names, row, strict=True)) for row in event.rows]
    return found
