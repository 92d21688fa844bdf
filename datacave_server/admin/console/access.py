"""Access to the console: who may log in, and the logins that are open.

A login is a cookie that scripts cannot read (HttpOnly, SameSite=Strict) and a token that a page of this origin alone
can know and sends with everything that does something. Passwords are judged as on the SQL port: by the same rules, the
same verifiers and the same throttle; over clear text only from this machine, or where the configuration allows it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.ports import Clock, Randomness
from datacave_protocol import mock_verifier, parse_verifier, verify_password
from datacave_server.admin.console.statements import ConsoleSession
from datacave_server.audit import AuditLog
from datacave_server.auth import LoginRefused, LoginUser, Method, check_may_log_in, choose_method, password_failed
from datacave_server.config import Config
from datacave_server.throttle import FailureThrottle
from datacave_sql import Database

IDLE_SECONDS_MAX = 1800.0
LOGIN_SECONDS_MAX = 12 * 3600.0
LOGINS_MAX = 100
TOKEN_BYTES = 32


class ConsoleHost(Protocol):
    """What the console shares with the SQL port; the listener is one."""

    config: Config
    database: Database
    throttle: FailureThrottle
    audit: AuditLog | None
    clock: Clock
    randomness: Randomness
    server_secret: bytes

    def find_user(self, name: str) -> LoginUser | None:
        """The role of a name, as far as logging in is concerned."""

    def admit(self, superuser: bool) -> None:
        """Raises 53300 when there are too many connections."""

    def attach(self, process_id: int, session: Any) -> Callable[[], None]:
        """Lets others cancel and end a session; returns what takes that back."""


@dataclass
class ConsoleLogin:
    """One person at work. `session` runs the statements of the editor, one at a time."""

    user: str
    database: str
    address: tuple[str, int]
    csrf: str
    session: ConsoleSession
    since: float
    used: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Access:
    """The open logins of one server."""

    def __init__(self, host: ConsoleHost) -> None:
        self.host = host
        self._logins: dict[str, ConsoleLogin] = {}

    async def log_in(
        self, user: str, password: str, database: str, address: tuple[str, int], *, is_tls: bool
    ) -> tuple[str, ConsoleLogin]:
        """(cookie, login). Raises LoginRefused and what opening a session raises, both told to the audit log."""
        try:
            login = await self._log_in(user, password, database, address, is_tls)
        except DatacaveError as error:
            fields = {"outcome": "refused", "reason": error.message, "sqlstate": error.sqlstate}
            self._record(user, database, address, fields)
            raise
        self._record(user, database, address, {"outcome": "ok"})
        cookie = self.host.randomness.token_bytes(TOKEN_BYTES).hex()
        self._logins[cookie] = login
        return cookie, login

    async def _log_in(
        self, user: str, password: str, database: str, address: tuple[str, int], is_tls: bool
    ) -> ConsoleLogin:
        host = self.host
        self._forget_old()
        if len(self._logins) >= LOGINS_MAX:
            raise DatacaveError("too many console logins", sqlstate=sqlstate.TOO_MANY_CONNECTIONS)
        decision = choose_method(address[0], is_tls, user, host.config, database)
        if decision.error is not None:
            raise decision.error
        if decision.method is Method.CERTIFICATE:
            raise LoginRefused(
                "the console does not log in by client certificate",
                hint="Let a rule in security.auth.rules allow passwords for this user and address.",
            )
        found = host.find_user(user)
        if decision.method is not Method.TRUST:
            await self._check_password(user, password, address[0], found.verifier if found is not None else None)
        role = check_may_log_in(found, user)
        host.admit(role.superuser)
        session = ConsoleSession(host, user, database, address)
        now = host.clock.monotonic()
        return ConsoleLogin(user, database, address, host.randomness.token_bytes(TOKEN_BYTES).hex(), session, now, now)

    async def _check_password(self, user: str, password: str, address: str, verifier: str | None) -> None:
        """Raises 28P01. An unknown user costs the same work as a wrong password."""
        host = self.host
        limit = host.config.limits.login_seconds
        delay = host.throttle.delay_seconds(user, address, host.clock.monotonic(), limit)
        if delay > limit:
            raise password_failed(user)
        if delay > 0:
            await asyncio.sleep(delay)
        iterations = host.config.security.auth.scram_iterations
        known = (
            parse_verifier(verifier) if verifier is not None else mock_verifier(user, host.server_secret, iterations)
        )
        if not verify_password(known, password.encode()) or verifier is None:
            host.throttle.failed(user, address, host.clock.monotonic())
            raise password_failed(user)
        host.throttle.succeeded(user, address)

    def _record(self, user: str, database: str, address: tuple[str, int], fields: dict[str, Any]) -> None:
        if self.host.audit is not None:
            place = {"address": address[0], "port": address[1], "interface": "console"}
            self.host.audit.record("login", user=user, database=database, **place, **fields)

    def find(self, cookie: str | None) -> ConsoleLogin | None:
        """The login of a cookie, used now; None for one that is unknown or too old."""
        self._forget_old()
        login = self._logins.get(cookie or "")
        if login is None or login.session.closed:
            return None
        login.used = self.host.clock.monotonic()
        return login

    def may_act(self, login: ConsoleLogin, token: str | None) -> bool:
        """Whether a request comes from the console's own page."""
        return hmac.compare_digest(login.csrf, token or "")

    def log_out(self, cookie: str | None) -> None:
        """Ends a login and its session."""
        login = self._logins.pop(cookie or "", None)
        if login is not None:
            login.session.close()

    def close(self) -> None:
        """Ends all logins."""
        for cookie in list(self._logins):
            self.log_out(cookie)

    def _forget_old(self) -> None:
        now = self.host.clock.monotonic()
        for cookie, login in list(self._logins.items()):
            idle = now - login.used > IDLE_SECONDS_MAX and not login.lock.locked()
            if login.session.closed or idle or now - login.since > LOGIN_SECONDS_MAX:
                self.log_out(cookie)


def is_plain_host(host: str) -> bool:
    """Whether a Host header names the server by address or as localhost, which no foreign page can make it mean."""
    name = host.strip()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    else:
        name = name.rpartition(":")[0] or name
    if name.lower() == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
