"""Logins are judged, counted, slowed down and audited; strangers and wrong passwords look the same."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from datacave_protocol import ScramState, make_verifier
from datacave_server.audit import AuditLog
from datacave_server.auth import LoginRefused, LoginUser, Method
from datacave_server.authenticator import Authenticator
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.config import AuthRule, AuthSection, Config, SecuritySection, User
from datacave_server.files import OsFileSystem
from datacave_server.metrics import MetricsRegistry
from datacave_server.throttle import FREE_FAILURES

HOME = "127.0.0.1"


class Setting:
    """An authenticator with a user ann, whose password is "secret", and a role eve who may not log in."""

    def __init__(self, folder: Path) -> None:
        verifier = str(make_verifier("secret", SystemRandomness()))
        auth = AuthSection(
            rules=(AuthRule("loopback", "scram-sha-256"),), users=(User("ann", verifier), User("bob", "x"))
        )
        roles = {"eve": LoginUser("eve", None, may_log_in=False)}
        self.metrics = MetricsRegistry()
        self.files = OsFileSystem(folder / "audit")
        self.authenticator = Authenticator(
            Config(security=SecuritySection(auth=auth)),
            roles.get,
            SystemClock(),
            SystemRandomness(),
            self.metrics,
            AuditLog(self.files, "a", SystemClock()),
            b"certificate hash",
        )

    def audited(self) -> str:
        return (self.files.root / "a").read_text()


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def challenge(setting: Setting, user: str) -> tuple[str, str]:
    """Salt and iterations that a user is asked with."""
    exchange = setting.authenticator.exchange(user, False)
    answer = exchange.begin("SCRAM-SHA-256", b"n,,n=,r=abc").decode()
    assert exchange.state is ScramState.CHALLENGED
    _, salt, iterations = answer.split(",")
    return salt, iterations


def test_only_the_right_password_fits(setting: Setting) -> None:
    fits = setting.authenticator.password_fits
    assert fits("ann", b"secret")
    assert [fits(user, b"secret") for user in ("bob", "eve", "zoe")] == [False] * 3
    assert [fits("ann", word) for word in (b"", b"Secret", b"secret ")] == [False] * 3


def test_strangers_are_asked_like_users(setting: Setting) -> None:
    assert challenge(setting, "zoe") == challenge(setting, "zoe")
    assert challenge(setting, "zoe")[0] != challenge(setting, "eve")[0]
    assert challenge(setting, "zoe")[1] == challenge(setting, "ann")[1]
    lengths = {len(base64.b64decode(challenge(setting, user)[0][2:])) for user in ("ann", "bob", "eve", "zoe")}
    assert len(lengths) == 1


def test_channel_binding_is_offered_over_tls_only(setting: Setting) -> None:
    assert setting.authenticator.exchange("ann", True).mechanisms == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    assert setting.authenticator.exchange("ann", False).mechanisms == ("SCRAM-SHA-256",)


def test_a_login_is_counted_and_audited(setting: Setting) -> None:
    user = setting.authenticator.log_in("ann", HOME, "default", "scram-sha-256", True)
    assert user.name == "ann"
    assert "datacave_logins_total 1\n" in setting.metrics.render()
    assert '"event": "login", "user": "ann", "address": "127.0.0.1"' in setting.audited()


def test_failures_are_counted_and_audited(setting: Setting) -> None:
    error = setting.authenticator.failed("zoe", HOME)
    assert error.message == 'password authentication failed for user "zoe"'
    assert setting.authenticator.choose("10.0.0.1", False, "ann", "default").method is Method.REJECT
    with pytest.raises(LoginRefused, match='role "eve" is not permitted to log in'):
        setting.authenticator.log_in("eve", HOME, "default", "trust", False)
    with pytest.raises(LoginRefused, match='role "zoe" does not exist'):
        setting.authenticator.log_in("zoe", HOME, "default", "trust", False)
    assert "datacave_login_failures_total 4\n" in setting.metrics.render()
    assert setting.audited().count('"login_failure"') == 4


def test_guessing_is_slowed_down_until_a_login_succeeds(setting: Setting) -> None:
    authenticator = setting.authenticator
    for _ in range(FREE_FAILURES):
        assert authenticator.delay_seconds("ann", HOME, 10) == 0
        authenticator.failed("ann", HOME)
    assert authenticator.delay_seconds("ann", "::ffff:127.0.0.1", 10) > 0
    assert authenticator.delay_seconds("bob", HOME, 10) == 0
    authenticator.log_in("ann", HOME, "default", "scram-sha-256", False)
    assert authenticator.delay_seconds("ann", HOME, 10) == 0
