"""Pump: moves bytes between one socket and one client's session; the only place where sessions meet the event loop.

    data_received --> wire --> event --> client.answer --> bytes --> one write per turn
                                              |
                                              +--> a generator of bytes and Waits; runs inline until it must wait,
                                                   is resumed when the Wait is done, cancelled by an error thrown in

A statement that touches only memory runs to its end inside data_received. Back-pressure: when the client does not
read, the generator is suspended; when it sends ahead, reading stops.
Invariants: at most one generator is under way; while it is, no event is taken from the wire, except COPY data.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol, TypeAlias, cast

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.wait import TURN, Wait
from datacave_protocol import NEED_DATA, Connection, Event, ProtocolViolation, frontend
from datacave_server.deadlines import Deadlines, Timeouts
from datacave_server.durable_answer import DurableAnswer
from datacave_server.sockets import SocketTransport
from datacave_server.turns import Entry, Turns

FLUSH_BYTES = 64 * 1024
"""Answers are handed to the socket at this size, and at the end of every turn."""

BUFFERED_BYTES_MAX = 1024 * 1024
"""More unread bytes than this while a statement runs: the socket is not read any further."""

TLS_HANDSHAKE_SECONDS_MAX = 10.0

Work: TypeAlias = Iterator[bytes | Wait]

logger = logging.getLogger(__name__)


class Client(Protocol):
    """Who answers the events of one connection."""

    def answer(self, event: Event) -> bytes | Work:
        """The answer, or a generator of it."""

    def answer_at_once(self, data: bytes) -> bytes | Work | None:
        """The whole answer to what a client at rest has sent, or None: the bytes are to be read message by message."""

    def violated(self, error: ProtocolViolation) -> bytes:
        """The last words to a client that broke the protocol."""

    def failed(self, error: DatacaveError) -> bytes:
        """The last words before the connection is closed for a reason of the server's."""

    def copy_event(self, event: Event) -> None:
        """COPY data, its end or its failure, while a statement waits for it."""

    @property
    def wants_copy_data(self) -> bool:
        """Whether the statement under way takes COPY data now."""

    def idle_bytes(self) -> bytes:
        """What an idle session has to say of itself: notifications."""

    def lost(self) -> None:
        """The connection is gone."""

    @property
    def timeouts(self) -> Timeouts | None:
        """The session's limits; None before there is a session."""

    @property
    def in_block(self) -> bool:
        """Whether a transaction block is open."""


class Pump(asyncio.Protocol):
    """One connection. `make_client` gets the pump and its wire once the transport is there."""

    __slots__ = (
        "_deadlines",
        "_drained",
        "_loop",
        "_on_closed",
        "_out",
        "_out_bytes",
        "_paused_reading",
        "_resume_callback",
        "_resume_handle",
        "_turns",
        "_waiting",
        "_work",
        "client",
        "closing",
        "transport",
        "wire",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        make_client: Callable[[Pump], Client],
        on_closed: Callable[[Pump], None],
        message_bytes_max: int,
        turns: Turns,
    ) -> None:
        self._loop = loop
        self._turns = turns
        self._on_closed = on_closed
        self.wire = Connection(message_bytes_max=message_bytes_max)
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.closing = False
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._work: Work | None = None
        self._waiting: Wait | None = None
        self._resume_callback: Callable[[], None] | None = None
        self._resume_handle: asyncio.Handle | Entry | None = None
        self._drained: Wait | None = None
        self._paused_reading = False
        self._deadlines = Deadlines(loop, self.interrupt, self.end)
        self.client = make_client(self)

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=4 * FLUSH_BYTES)

    def data_received(self, data: bytes) -> None:
        wire = self.wire
        if self._work is None:
            if wire.at_rest:
                if (
                    self._drained is None
                    and not self.closing
                    and (answer := self.client.answer_at_once(data)) is not None
                ):
                    if type(answer) is bytes:
                        self.transport.write(answer)
                    elif type(answer) is DurableAnswer:
                        self._await_disk(answer)
                    else:
                        self._advance(cast(Work, answer))
                        self.flush()
                    return
                # What an idle client had to hear comes before the answer, as it would have without this message.
                if said := self.client.idle_bytes():
                    self._out.append(said)
            wire.receive_data(data)
            self.drive()
            return
        wire.receive_data(data)
        if self.client.wants_copy_data:
            self._take_copy_data()
        elif self.wire.buffered_bytes > BUFFERED_BYTES_MAX and not self._paused_reading:
            self._paused_reading = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.wire.receive_data(b"")
        if self._work is None:
            self.drive()
        elif self.client.wants_copy_data:
            self._take_copy_data()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        self._deadlines.close()
        work = self._forget_work()
        if work is not None and hasattr(work, "close"):
            work.close()
        self.client.lost()
        self._on_closed(self)

    def pause_writing(self) -> None:
        self._drained = Wait("Client:ClientWrite")

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.finish()

    # Driving

    def drive(self) -> None:
        """Answers everything that has arrived, until more is needed or a statement has to wait."""
        wire, out = self.wire, self._out
        self._deadlines.message_came()
        try:
            while not self.closing:
                event = wire.next_event()
                if event is NEED_DATA:
                    break
                answer = self.client.answer(event)  # another client's once somebody has logged in
                if type(answer) is bytes:
                    out.append(answer)
                elif not self._advance(cast(Work, answer)):
                    break
        except ProtocolViolation as error:
            out.append(self.client.violated(error))
            self.close_soon()
        self.flush()
        if self._work is None and not self.closing:
            client = self.client
            if self._paused_reading:
                self._paused_reading = False
                self.transport.resume_reading()
            if client.in_block and (limits := client.timeouts) is not None:
                self._deadlines.idle_in_transaction(limits)

    def _advance(self, work: Work, error: BaseException | None = None) -> bool:
        """Runs a generator on; False when it has been suspended."""
        out = self._out
        try:
            while True:
                if error is not None:
                    thrown, error = error, None
                    step = work.throw(thrown)  # type: ignore[attr-defined]
                else:
                    step = next(work)
                if type(step) is bytes:
                    out.append(step)
                    self._out_bytes += len(step)
                    if self._out_bytes > FLUSH_BYTES:
                        self.flush()
                        if self._drained is not None:
                            self._suspend(work, self._drained)
                            return False
                    continue
                wait = cast(Wait, step)
                if wait is TURN:
                    self._work = work
                    self._watch(wait)
                    self._resume_handle = self._turns.queue(partial(self._resume, work))
                    return False
                if not wait.done:
                    self._suspend(work, wait)
                    return False
        except StopIteration:
            self._deadlines.statement_ended()
            return True

    def _watch(self, wait: Wait) -> None:
        """Lets the session's timeouts run."""
        limits = self.client.timeouts
        if limits is not None and (limits.statement_timeout_ms or limits.lock_timeout_ms):
            self._deadlines.statement_waits(limits, wait.reason)

    def _suspend(self, work: Work, wait: Wait) -> None:
        self._work = work
        self._waiting = wait
        self._watch(wait)
        # Resumed in a turn of its own: who finishes the Wait is in the middle of something else.
        callback = lambda: self._ready(work)  # noqa: E731
        self._resume_callback = callback
        wait.subscribe(callback)
        # COPY data may have come before the statement asked for it, or while it was busy with earlier data.
        if self.client.wants_copy_data:
            self._take_copy_data()

    def _await_disk(self, answer: DurableAnswer) -> None:
        """Suspends a commit, which no timeout ends any more."""
        self._work = answer
        self._waiting = answer.durable
        callback = lambda: self._durable(answer)  # noqa: E731
        self._resume_callback = callback
        answer.durable.subscribe(callback)

    def _durable(self, answer: DurableAnswer) -> None:
        """Tells of a commit at once where nothing but that is left to do."""
        if self._work is not answer:
            return
        if answer.durable.error is not None or self.closing or self._out or not self.wire.at_rest:
            self._ready(answer)
            return
        self._work = self._waiting = self._resume_callback = None
        self.transport.write(answer.told())

    def _ready(self, work: Work) -> None:
        if self._work is work:
            self._resume_handle = self._loop.call_soon(self._resume, work)

    def _resume(self, work: Work, error: BaseException | None = None) -> None:
        if self._work is not work:
            return
        self._forget_work()
        if self._advance(work, error):
            self.drive()
        else:
            self.flush()

    def _forget_work(self) -> Work | None:
        work, self._work = self._work, None
        waiting, self._waiting = self._waiting, None
        if waiting is not None and self._resume_callback is not None:
            waiting.unsubscribe(self._resume_callback)
        self._resume_callback = None
        self._deadlines.statement_goes_on()
        handle, self._resume_handle = self._resume_handle, None
        if handle is not None:
            handle.cancel()
        return work

    def _take_copy_data(self) -> None:
        client, wire = self.client, self.wire
        try:
            while client.wants_copy_data:
                event = wire.next_event()
                if event is NEED_DATA:
                    if self._paused_reading:
                        self._paused_reading = False
                        self.transport.resume_reading()
                    return
                client.copy_event(event)
                if not isinstance(event, frontend.CopyData | frontend.CopyDone | frontend.CopyFail):
                    return
        except ProtocolViolation as error:
            self._out.append(client.violated(error))
            self.close_soon()
            self.flush()

    def flush(self) -> None:
        """Hands what has been answered to the socket, in one write."""
        out = self._out
        if out:
            data = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            self._out_bytes = 0
            if self.wire.transcoding is not None:
                data = self.wire.transcoding.sent(data)
            if data and not self.transport.is_closing():
                self.transport.write(data)
        if self.closing and not self.transport.is_closing():
            self.transport.close()

    # From outside

    @property
    def busy(self) -> bool:
        """Whether a statement is under way."""
        return self._work is not None

    @property
    def wait_reason(self) -> str | None:
        """What the statement under way waits for."""
        return self._waiting.reason if self._waiting is not None else None

    def interrupt(self, error: DatacaveError) -> None:
        """Throws an error into the statement under way; does nothing when there is none.

        A commit that waits for the disk has happened: it is past being cancelled.
        """
        work = self._work
        if work is not None and self.wait_reason != "IO:WALSync":
            self._resume(work, error)

    def statement_ended(self) -> None:
        """One statement of several in a message is over, the next has all its time."""
        self._deadlines.statement_ended()

    def end(self, error: DatacaveError) -> None:
        """Ends the connection: the statement under way is given up, the client is told why."""
        if self.closing:
            return
        self._deadlines.close()
        work = self._forget_work()
        if work is not None and hasattr(work, "close"):
            work.close()
        self._out.append(self.client.failed(error))
        self.closing = True
        self.flush()

    def wake(self) -> None:
        """Called when an idle session may have something to say."""
        self._loop.call_soon(self._say_idle)

    def _say_idle(self) -> None:
        if self._work is None and not self.closing and (said := self.client.idle_bytes()):
            self._out.append(said)
            self.flush()

    def close_soon(self) -> None:
        """Closes the socket once everything answered so far is written."""
        self.closing = True

    def abort(self) -> None:
        """Closes the socket at once."""
        self.closing = True
        self.transport.abort()

    def begin_tls(self, answer: bytes, context: Any) -> None:
        """Goes on inside TLS after the answer, which is the last thing in clear. Nothing is read in between."""
        self._out.append(answer)
        self.flush()
        self.transport.pause_reading()
        task = self._loop.create_task(self._start_tls(context))
        task.add_done_callback(_log_failure)

    async def _start_tls(self, context: Any) -> None:
        plain = cast(SocketTransport, self.transport)
        try:
            # The transport in TLS calls connection_made again.
            await self._loop.connect_accepted_socket(
                lambda: self, plain.detach(), ssl=context, ssl_handshake_timeout=TLS_HANDSHAKE_SECONDS_MAX
            )
        except (TimeoutError, OSError) as error:
            logger.info("TLS handshake failed: %s", error)
            self.connection_lost(error)
            return
        if self.closing:
            self.transport.close()


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("TLS could not be started", exc_info=error)


def internal_error(error: BaseException) -> DatacaveError:
    """What a client hears of an error that is not its own: the log has the rest."""
    if isinstance(error, RecursionError):
        return DatacaveError(
            "stack depth limit exceeded", sqlstate=sqlstate.STATEMENT_TOO_COMPLEX, hint="Simplify the statement."
        )
    if isinstance(error, MemoryError):
        return DatacaveError("out of memory", sqlstate=sqlstate.OUT_OF_MEMORY)
    logger.error("internal error", exc_info=error)
    return DatacaveError(
        f"internal error: {type(error).__name__}",
        sqlstate=sqlstate.INTERNAL_ERROR,
        hint="The server's log has the details.",
    )
