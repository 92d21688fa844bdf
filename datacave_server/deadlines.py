"""Deadlines: the timeouts that a session sets for itself, watched while it waits.

statement_timeout runs from where a statement first waits until its end, lock_timeout as long as one wait for a lock,
idle_in_transaction_session_timeout from an answer inside a transaction block to the next message. A statement that
never waits costs no timer.

Source: https://www.postgresql.org/docs/15/runtime-config-client.html#GUC-STATEMENT-TIMEOUT
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, QueryCanceled


class Timeouts(Protocol):
    """The limits of a session in milliseconds; 0 for none."""

    @property
    def statement_timeout_ms(self) -> int: ...

    @property
    def lock_timeout_ms(self) -> int: ...

    @property
    def idle_in_transaction_session_timeout_ms(self) -> int: ...


class IdleInTransaction(DatacaveError):
    """A session has kept a transaction open without doing anything for too long."""

    sqlstate = sqlstate.IDLE_IN_TRANSACTION_SESSION_TIMEOUT
    severity = "FATAL"


class Deadlines:
    """The timers of one connection. `interrupt` throws an error into its statement, `end` closes it with an error."""

    __slots__ = ("_end", "_idle", "_interrupt", "_lock", "_loop", "_statement")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        interrupt: Callable[[DatacaveError], None],
        end: Callable[[DatacaveError], None],
    ) -> None:
        self._loop = loop
        self._interrupt = interrupt
        self._end = end
        self._statement: asyncio.TimerHandle | None = None
        self._lock: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None

    def statement_waits(self, limits: Timeouts, reason: str) -> None:
        """The statement under way is suspended."""
        if limits.statement_timeout_ms and self._statement is None:
            self._statement = self._loop.call_later(limits.statement_timeout_ms / 1000, self._statement_is_over)
        if limits.lock_timeout_ms and reason.startswith("Lock:"):
            self._lock = self._loop.call_later(limits.lock_timeout_ms / 1000, self._lock_is_over)

    def statement_goes_on(self) -> None:
        """What the statement waited for has happened."""
        if self._lock is not None:
            self._lock.cancel()
            self._lock = None

    def statement_ended(self) -> None:
        """The next statement has all its time."""
        if self._statement is not None:
            self._statement.cancel()
            self._statement = None

    def idle_in_transaction(self, limits: Timeouts) -> None:
        """The session waits for its client inside a transaction block."""
        if limits.idle_in_transaction_session_timeout_ms:
            self._idle = self._loop.call_later(
                limits.idle_in_transaction_session_timeout_ms / 1000, self._idling_is_over
            )

    def message_came(self) -> None:
        """The client has sent something."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def close(self) -> None:
        """Nothing is watched any more."""
        self.statement_goes_on()
        self.statement_ended()
        self.message_came()

    def _statement_is_over(self) -> None:
        self._statement = None
        self._interrupt(QueryCanceled("canceling statement due to statement timeout"))

    def _lock_is_over(self) -> None:
        self._lock = None
        self._interrupt(DatacaveError("canceling statement due to lock timeout", sqlstate=sqlstate.LOCK_NOT_AVAILABLE))

    def _idling_is_over(self) -> None:
        self._idle = None
        self._end(IdleInTransaction("terminating connection due to idle-in-transaction timeout"))
