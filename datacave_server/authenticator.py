"""Authenticator: everything a session asks about logging in, in one place; it counts, throttles and audits.

The order of a login:  choose -> (trust: log_in) | (scram: exchange ... ) | (password: password_fits)
Before a proof or a password is judged, the session waits `delay_seconds`; then it says `failed` or `log_in`.
Invariant: an unknown user gets the same questions, at the same cost, as one with a wrong password.
"""

from __future__ import annotations

from collections.abc import Callable

from datacave_core.errors import DatacaveError
from datacave_core.ports import Clock, Randomness
from datacave_protocol import ScramExchange, ScramVerifier, mock_verifier, parse_verifier, verify_password
from datacave_server.audit import AuditLog
from datacave_server.auth import (
    Decision,
    LoginRefused,
    LoginUser,
    UserDirectory,
    check_may_log_in,
    choose_method,
    password_failed,
    plain_address,
)
from datacave_server.config import Config
from datacave_server.metrics import MetricsRegistry
from datacave_server.throttle import FailureThrottle

SECRET_BYTES = 32


class Authenticator:
    """Shared by all sessions. `server_end_point` is the channel binding data of the TLS certificate, if any."""

    def __init__(
        self,
        config: Config,
        find_role: Callable[[str], LoginUser | None],
        clock: Clock,
        randomness: Randomness,
        metrics: MetricsRegistry,
        audit: AuditLog | None = None,
        server_end_point: bytes | None = None,
    ) -> None:
        self.login_seconds = config.limits.login_seconds
        self._config = config
        self._users = UserDirectory(config, find_role)
        self._clock = clock
        self._randomness = randomness
        self._audit = audit
        self._server_end_point = server_end_point
        self._throttle = FailureThrottle()
        # Salts of unknown users stay the same as long as the process lives.
        self._secret = randomness.token_bytes(SECRET_BYTES)
        self._logins = metrics.counter("logins_total", "Successful logins.")
        self._failures = metrics.counter("login_failures_total", "Logins that were refused.")

    def choose(self, address: str, is_tls: bool, user: str, database: str) -> Decision:
        """The method for a connection; a refusal is counted and audited already."""
        decision = choose_method(address, is_tls, user, self._config, database)
        if decision.error is not None:
            self._record_failure(user, address, decision.error)
        return decision

    def exchange(self, user: str, is_tls: bool) -> ScramExchange:
        """A SCRAM exchange, which ends in failure for who has no password."""
        verifier, doomed = self._verifier(user)
        binding = self._server_end_point if is_tls else None
        return ScramExchange(verifier, self._randomness, channel_binding=binding, doomed=doomed)

    def password_fits(self, user: str, password: bytes) -> bool:
        """Whether a clear-text password is the user's. Milliseconds of work off the interpreter lock."""
        verifier, doomed = self._verifier(user)
        return verify_password(verifier, password) and not doomed

    def delay_seconds(self, user: str, address: str, wait_seconds_max: float) -> float:
        """How long to wait before judging a try; above `wait_seconds_max` it is refused without being judged."""
        return self._throttle.delay_seconds(user, plain_address(address), self._clock.monotonic(), wait_seconds_max)

    def failed(self, user: str, address: str) -> LoginRefused:
        """Counts and audits a wrong password; returns what to answer."""
        self._throttle.failed(user, plain_address(address), self._clock.monotonic())
        error = password_failed(user)
        self._record_failure(user, address, error)
        return error

    def log_in(self, user: str, address: str, database: str, method: str, is_tls: bool) -> LoginUser:
        """The user who has proven himself. Raises LoginRefused if there is none, or he may not log in."""
        try:
            found = check_may_log_in(self._users.find(user), user)
        except LoginRefused as error:
            self._record_failure(user, address, error)
            raise
        self._throttle.succeeded(user, plain_address(address))
        self._logins.value += 1
        if self._audit is not None:
            self._audit.record("login", user=user, address=address, database=database, method=method, tls=is_tls)
        return found

    def _verifier(self, user: str) -> tuple[ScramVerifier, bool]:
        """The verifier to work with, and whether the login is bound to fail."""
        found = self._users.find(user)
        if found is not None and found.verifier is not None:
            try:
                return parse_verifier(found.verifier), False
            except DatacaveError:
                # What PostgreSQL does with a verifier it cannot read: the password is wrong, whatever it is.
                return mock_verifier(user, self._secret), True
        return mock_verifier(user, self._secret), True

    def _record_failure(self, user: str, address: str, error: LoginRefused) -> None:
        self._failures.value += 1
        if self._audit is not None:
            self._audit.record(
                "login_failure", user=user, address=address, sqlstate=error.sqlstate, message=error.message
            )
