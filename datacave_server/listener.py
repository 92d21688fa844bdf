"""Listener: accepts clients, knows their pumps, passes on cancellations, and ends sessions when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.ports import Clock, Randomness
from datacave_protocol import make_verifier
from datacave_server.audit import AuditLog
from datacave_server.auth import LoginUser
from datacave_server.client import cancel_error
from datacave_server.config import Address, Config
from datacave_server.door import Door
from datacave_server.login import Login, same_key
from datacave_server.metrics import MetricsRegistry
from datacave_server.pump import Pump
from datacave_server.throttle import FailureThrottle
from datacave_server.tls import ServerTls
from datacave_sql import Database, Session

DRAIN_POLL_SECONDS = 0.05


EPOCH_MICROSECONDS = 946_684_800_000_000
"""2000-01-01 00:00 UTC in microseconds since 1970, from which timestamps of SQL count."""


class Interruptible(Protocol):
    """Something that runs statements and can be told to stop."""

    def interrupt(self, error: DatacaveError) -> None:
        """Throws an error into the statement under way."""

    def end(self, error: DatacaveError) -> None:
        """Ends the session."""


class SqlListener:
    """Takes clients over from the door. One per server."""

    def __init__(
        self,
        door: Door,
        config: Config,
        database: Database,
        tls: ServerTls | None,
        audit: AuditLog | None,
        metrics: MetricsRegistry,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._door = door
        self.config = config
        self.database = database
        self.tls = tls
        self.audit = audit
        self.clock = clock
        self.randomness = randomness
        self.throttle = FailureThrottle()
        # Salts of users that do not exist must not change while guessers watch, and need not outlive the server.
        self.server_secret = randomness.token_bytes(32)
        self._loop = asyncio.get_running_loop()
        self._pumps: dict[Pump, int | None] = {}  # with the process id of its session, once there is one
        self._sessions: dict[int, tuple[Pump, Session, bytes]] = {}
        self._attached: dict[int, Interruptible] = {}
        self._draining = False
        self._accepted = metrics.counter("datacave_connections_total", "Connections accepted.")
        self._open = metrics.gauge("datacave_connections", "Connections open.")
        database.interrupt = self.interrupt
        database.call_later = self.call_later
        iterations = config.security.auth.scram_iterations
        database.make_verifier = lambda password: str(make_verifier(password, randomness, iterations))
        database.reclaimer.start()

    async def start(self) -> Sequence[Address]:
        """Answers clients from now on; returns the addresses with the ports that were taken."""
        self._door.hand_over(self._new_pump)
        return self._door.addresses

    def stop_accepting(self) -> None:
        """Closes the listening sockets; sessions go on."""
        self._door.close()

    async def drain(self, seconds: float) -> None:
        """Ends idle sessions with 57P01, lets running statements finish for a while, then ends the rest."""
        self._draining = True
        deadline = self.clock.monotonic() + seconds
        while self._pumps:
            late = self.clock.monotonic() >= deadline
            for pump in list(self._pumps):
                if late or not pump.busy:
                    pump.end(shutting_down())
            if late:
                break
            await asyncio.sleep(DRAIN_POLL_SECONDS)
        await asyncio.sleep(0)
        if not self._pumps:
            self._door.end()

    def _new_pump(self) -> Pump:
        self._accepted.value += 1
        pump = Pump(
            self._loop,
            lambda pump: Login(self, pump),
            self._closed,
            self.config.limits.message_bytes_max,
            self._door.turns,
        )
        self._pumps[pump] = None
        self._open.value = len(self._pumps)
        return pump

    def _closed(self, pump: Pump) -> None:
        process_id = self._pumps.pop(pump, None)
        if process_id is not None:
            del self._sessions[process_id]
        self._open.value = len(self._pumps)

    # LoginHost

    def call_later(self, seconds: float, work: Callable[[], None]) -> Callable[[], None]:
        return self._loop.call_later(seconds, work).cancel

    def admit(self, superuser: bool) -> None:
        if self._draining:
            raise DatacaveError("the database system is shutting down", sqlstate=sqlstate.CANNOT_CONNECT_NOW)
        if len(self._sessions) + len(self._attached) >= self.config.limits.max_connections:
            raise DatacaveError("sorry, too many clients already", sqlstate=sqlstate.TOO_MANY_CONNECTIONS)

    def logged_in(self, pump: Pump, session: Session, secret_key: bytes) -> None:
        self._pumps[pump] = session.process_id
        self._sessions[session.process_id] = (pump, session, secret_key)

    def attach(self, process_id: int, session: Interruptible) -> Callable[[], None]:
        """Lets others cancel and end a session that has no connection of its own; returns what takes that back."""
        self._attached[process_id] = session

        def detach() -> None:
            self._attached.pop(process_id, None)

        return detach

    def cancel(self, process_id: int, secret_key: bytes) -> None:
        found = self._sessions.get(process_id)
        if found is not None and same_key(found[2], secret_key):
            found[0].interrupt(cancel_error())

    def interrupt(self, process_id: int, error: DatacaveError) -> bool:
        """Throws an error into what a session is doing; a FATAL one ends the session. False if there is none."""
        found = self._sessions.get(process_id)
        pump = found[0] if found is not None else self._attached.get(process_id)
        if pump is None:
            return False
        # In a turn of its own: the caller may be in the middle of a statement.
        self._loop.call_soon(pump.end if error.severity == "FATAL" else pump.interrupt, error)
        return True

    def find_user(self, name: str) -> LoginUser | None:
        role = self.database.catalog.role_named(name)
        if role is None:
            return None
        now = self.clock.now_microseconds() - EPOCH_MICROSECONDS
        # As in PostgreSQL a password that is no longer valid is as good as none; other methods do not ask.
        valid = role.valid_until is None or role.valid_until > now
        return LoginUser(role.name, role.password if valid else None, role.superuser, role.login)


def shutting_down() -> DatacaveError:
    """What clients hear when the server stops."""
    error = DatacaveError("terminating connection due to administrator command", sqlstate=sqlstate.ADMIN_SHUTDOWN)
    error.severity = "FATAL"
    return error
