"""Login: from the first byte of a connection to its session.

    StartupMessage -> method (auth) -> password or SCRAM messages -> session -> SessionClient
    SSLRequest -> TLS, then StartupMessage; CancelRequest -> the other session is told; GSSENCRequest -> refused

Until a session exists nothing of a client's runs. The login deadline stays on until the login is complete.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, Protocol

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.ports import Clock, Randomness
from datacave_core.wait import Wait, wait_for
from datacave_protocol import (
    Event,
    ProtocolViolation,
    ScramExchange,
    ScramState,
    ScramVerifier,
    backend,
    frontend,
    mock_verifier,
    parse_verifier,
    verify_password,
)
from datacave_server.audit import AuditLog
from datacave_server.auth import (
    LoginRefused,
    LoginUser,
    Method,
    check_certificate,
    check_may_log_in,
    choose_method,
    login_timed_out,
    password_failed,
)
from datacave_server.client import SessionClient
from datacave_server.config import Config
from datacave_server.early_client import EarlyClient
from datacave_server.pump import Pump, Work, internal_error
from datacave_server.throttle import FailureThrottle
from datacave_server.tls import ServerTls, common_name
from datacave_sql import Database, Session


class LoginHost(Protocol):
    """What logins share; the listener is one."""

    config: Config
    database: Database
    throttle: FailureThrottle
    tls: ServerTls | None
    audit: AuditLog | None
    clock: Clock
    randomness: Randomness
    server_secret: bytes

    def call_later(self, seconds: float, work: Callable[[], None]) -> Callable[[], None]:
        """Runs `work` after a delay; returns a function that takes the call back."""

    def find_user(self, name: str) -> LoginUser | None:
        """The role of a name, as far as logging in is concerned."""

    def admit(self, superuser: bool) -> None:
        """Raises 53300 when there are too many connections."""

    def logged_in(self, pump: Pump, session: Session, secret_key: bytes) -> None:
        """Registers a session for cancellation and draining."""

    def cancel(self, process_id: int, secret_key: bytes) -> None:
        """Cancels what a session is doing, if the key is its own."""


class Login(EarlyClient):
    """Answers a connection until it has logged in; then the pump's client is a SessionClient."""

    def __init__(self, host: LoginHost, pump: Pump) -> None:
        self._host = host
        self._pump = pump
        self._startup: frontend.StartupMessage | None = None
        self._user: LoginUser | None = None
        self._verifier: ScramVerifier | None = None
        self._scram: ScramExchange | None = None
        self._in_tls = False
        self._session: Session | None = None
        self._cancel_deadline = host.call_later(host.config.limits.login_seconds, self._too_late)

    def answer(self, event: Event) -> bytes | Work:
        try:
            return self._answer(event)
        except ProtocolViolation:
            raise
        except DatacaveError as error:
            return self._refuse(error)
        except Exception as error:
            return self._refuse(internal_error(error))

    def _answer(self, event: Event) -> bytes | Work:
        wire, host = self._pump.wire, self._host
        if isinstance(event, frontend.SSLRequest):
            if host.tls is None or self._in_tls:
                return wire.refuse_encryption()
            self._in_tls = True
            answer = wire.accept_encryption()
            self._pump.begin_tls(answer, host.tls.context)
            return b""
        if isinstance(event, frontend.GSSENCRequest):
            return wire.refuse_encryption()
        if isinstance(event, frontend.CancelRequest):
            host.cancel(event.process_id, event.secret_key)
            self._pump.close_soon()
            return b""
        if isinstance(event, frontend.StartupMessage):
            return self._start(event)
        if isinstance(event, frontend.PasswordMessage):
            return self._delayed(lambda: self._check_password(event.password))
        if isinstance(event, frontend.SASLInitialResponse):
            scram = self._exchange()
            return self._scram_step(scram.begin(event.mechanism, event.data))
        if isinstance(event, frontend.SASLResponse):
            return self._delayed(lambda: self._scram_step(self._exchange().respond(event.data)))
        self._pump.close_soon()
        return b""

    def _exchange(self) -> ScramExchange:
        if self._scram is None:
            raise ProtocolViolation("unexpected SASL response")
        return self._scram

    # The start

    def _address(self) -> tuple[str, int]:
        peer: Any = self._pump.transport.get_extra_info("peername")
        return (peer[0], peer[1]) if peer else ("127.0.0.1", 0)

    def _start(self, event: frontend.StartupMessage) -> bytes | Work:
        host, wire = self._host, self._pump.wire
        self._startup = event
        if event.replication is not None and event.replication.lower() not in ("false", "off", "no", "0"):
            raise DatacaveError(
                "replication connections are not supported",
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                hint="Connect without the replication parameter.",
            )
        if not event.user:
            raise LoginRefused("no PostgreSQL user name specified in startup packet")
        address, _ = self._address()
        decision = choose_method(address, self._in_tls, event.user, host.config, event.database or event.user)
        self._user = host.find_user(event.user)
        if decision.error is not None:
            raise decision.error
        head = wire.negotiate_version()
        if decision.method is Method.TRUST:
            return head + self._finish()
        if decision.method is Method.CERTIFICATE:
            check_certificate(event.user, common_name(self._pump.transport.get_extra_info("peercert")))
            return head + self._finish()
        verifier = self._user.verifier if self._user is not None else None
        doomed = verifier is None
        self._verifier = parse_verifier(verifier) if verifier is not None else None
        if decision.method is Method.CLEARTEXT:
            return head + wire.request_password()
        known = self._verifier or self._mock_verifier()
        binding = host.tls.server_end_point if self._in_tls and host.tls is not None else None
        self._scram = ScramExchange(known, host.randomness, channel_binding=binding, doomed=doomed)
        return head + wire.request_sasl(self._scram.mechanisms)

    def _delayed(self, step: Callable[[], bytes]) -> Work:
        """Judges a password when its turn has come: guessers wait, and so do those who share their address."""
        host, startup = self._host, self._startup
        user = startup.user if startup is not None else ""
        delay = host.throttle.delay_seconds(
            user, self._address()[0], host.clock.monotonic(), host.config.limits.login_seconds
        )
        if delay > 0:
            if delay > host.config.limits.login_seconds:
                yield self._refuse(password_failed(user))
                return
            turn = Wait("Client:Authentication")
            host.call_later(delay, turn.finish)
            yield from wait_for(turn)
        try:
            yield step()
        except ProtocolViolation as error:
            yield self.violated(error)
            self._pump.close_soon()
        except DatacaveError as error:
            yield self._refuse(error)
        except Exception as error:
            yield self._refuse(internal_error(error))

    def _mock_verifier(self) -> ScramVerifier:
        host = self._host
        return mock_verifier(self._name, host.server_secret, host.config.security.auth.scram_iterations)

    def _check_password(self, password: bytes) -> bytes:
        known = self._verifier or self._mock_verifier()
        matches = verify_password(known, password)
        if not matches or self._verifier is None:
            raise self._wrong_password()
        return self._proven()

    def _scram_step(self, answer: bytes) -> bytes:
        scram, wire = self._exchange(), self._pump.wire
        if scram.state is ScramState.AUTHENTICATED:
            return wire.finish_sasl(answer) + self._proven()
        if scram.state is ScramState.FAILED:
            raise self._wrong_password()
        return wire.continue_sasl(answer)

    @property
    def _name(self) -> str:
        return self._startup.user if self._startup is not None else ""

    def _wrong_password(self) -> LoginRefused:
        self._host.throttle.failed(self._name, self._address()[0], self._host.clock.monotonic())
        return password_failed(self._name)

    def _proven(self) -> bytes:
        self._host.throttle.succeeded(self._name, self._address()[0])
        return self._finish()

    # The end

    def _finish(self) -> bytes:
        host, wire, startup = self._host, self._pump.wire, self._startup
        assert startup is not None
        user = check_may_log_in(self._user, startup.user)
        host.admit(user.superuser)
        settings = dict(startup.parameters)
        session = host.database.connect(
            startup.user,
            startup.database or startup.user,
            settings,
            startup.command_line,
            self._address(),
            self._pump.wake,
        )
        self._session = session
        secret_key = host.randomness.token_bytes(wire.cancel_key_bytes)
        host.logged_in(self._pump, session, secret_key)
        self._cancel_deadline()
        self._audit("login", outcome="ok")
        parts = [wire.accept_user()]
        parts += [backend.parameter_status(name, value) for name, value in session.reported_parameters()]
        parts.append(backend.backend_key_data(session.process_id, secret_key))
        client = SessionClient(self._pump, session)
        self._pump.client = client
        parts.append(client.asides_and_ready())
        client.follow_encoding()
        return b"".join(parts)

    def _refuse(self, error: DatacaveError) -> bytes:
        error.severity = "FATAL"
        self._audit("login", outcome="refused", reason=error.message, sqlstate=error.sqlstate)
        self._cancel_deadline()
        answer = self._pump.wire.send_error(error)
        self._pump.close_soon()
        return answer

    def _audit(self, event: str, **fields: Any) -> None:
        if self._host.audit is not None:
            address, port = self._address()
            database = self._startup.database if self._startup is not None else ""
            self._host.audit.record(event, user=self._name, database=database, address=address, port=port, **fields)

    def _too_late(self) -> None:
        if self._session is None:
            if self._startup is None:
                # Nobody has spoken yet: nothing is owed to who may not even be a PostgreSQL client.
                self._pump.abort()
            else:
                self._pump.end(login_timed_out())

    # The pump's other calls

    def violated(self, error: ProtocolViolation) -> bytes:
        self._cancel_deadline()
        return self._pump.wire.send_error(error)

    def failed(self, error: DatacaveError) -> bytes:
        self._cancel_deadline()
        error.severity = "FATAL"
        return self._pump.wire.send_error(error)

    def lost(self) -> None:
        self._cancel_deadline()
        if self._session is not None:
            self._session.close()


def same_key(a: bytes, b: bytes) -> bool:
    """Compares secret keys in constant time."""
    return hmac.compare_digest(a, b)
