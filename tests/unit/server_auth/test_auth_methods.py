"""Which method a connection gets, and what it is told when it gets none."""

from __future__ import annotations

import pytest

from datacave_core import sqlstate
from datacave_server.auth import (
    LoginRefused,
    LoginUser,
    Method,
    check_certificate,
    check_may_log_in,
    choose_method,
    login_timed_out,
    password_failed,
    plain_address,
)
from datacave_server.config import AuthRule, AuthSection, Config, SecuritySection, ServerSection, User


def config(*rules: AuthRule, users: tuple[User, ...] = (), allow_cleartext: bool = False) -> Config:
    auth = AuthSection(rules=rules, users=users) if rules else AuthSection(users=users)
    return Config(server=ServerSection(allow_cleartext=allow_cleartext), security=SecuritySection(auth=auth))


def test_by_default_this_machine_is_trusted_and_others_prove_their_password() -> None:
    assert choose_method("127.0.0.1", False, "admin", config()).method is Method.TRUST
    assert choose_method("::1", False, "admin", config()).method is Method.TRUST
    assert choose_method("10.1.2.3", True, "admin", config()).method is Method.SCRAM


def test_the_first_rule_that_fits_decides() -> None:
    rules = config(
        AuthRule("10.0.0.0/8", "reject", user="eve"),
        AuthRule("10.0.0.0/8", "password", tls="required"),
        AuthRule("all", "scram-sha-256", user="ann"),
        AuthRule("loopback", "trust", user="bob"),
    )
    found = [
        choose_method(address, is_tls, user, rules).method
        for address, is_tls, user in (
            ("10.0.0.1", True, "eve"),
            ("10.0.0.1", True, "bob"),
            ("::ffff:10.0.0.1", True, "bob"),
            ("11.0.0.1", True, "ann"),
            ("127.0.0.1", False, "bob"),
            ("127.0.0.1", False, "ann"),
            ("127.0.0.1", False, "eve"),
        )
    ]
    assert found == [
        Method.REJECT,
        Method.CLEARTEXT,
        Method.CLEARTEXT,
        Method.SCRAM,
        Method.TRUST,
        Method.SCRAM,
        Method.REJECT,
    ]


def test_a_network_of_the_other_family_does_not_fit() -> None:
    rules = config(AuthRule("10.0.0.0/8", "trust"), AuthRule("fd00::/8", "scram-sha-256"))
    assert choose_method("fd00::1%eth0", True, "a", rules).method is Method.SCRAM
    assert choose_method("fe80::1", True, "a", rules).method is Method.REJECT


@pytest.mark.parametrize(
    ("rule", "address", "is_tls", "message"),
    [
        (
            AuthRule("10.0.0.0/8", "trust"),
            "11.0.0.1",
            True,
            'no pg_hba.conf entry for host "11.0.0.1", user "ann", database "shop", SSL encryption',
        ),
        (
            AuthRule("all", "reject"),
            "127.0.0.1",
            False,
            'pg_hba.conf rejects connection for host "127.0.0.1", user "ann", database "shop", no encryption',
        ),
        (
            AuthRule("all", "scram-sha-256"),
            "11.0.0.1",
            False,
            'no pg_hba.conf entry for host "11.0.0.1", user "ann", database "shop", no encryption',
        ),
        (
            AuthRule("all", "password"),
            "127.0.0.1",
            False,
            'no pg_hba.conf entry for host "127.0.0.1", user "ann", database "shop", no encryption',
        ),
    ],
)
def test_a_refusal_says_what_postgresql_says(rule: AuthRule, address: str, is_tls: bool, message: str) -> None:
    decision = choose_method(address, is_tls, "ann", config(rule), "shop")
    assert decision.method is Method.REJECT
    assert decision.error is not None
    assert (decision.error.message, decision.error.sqlstate, decision.error.severity) == (message, "28000", "FATAL")


def test_clear_text_goes_without_tls_only_if_the_configuration_says_so() -> None:
    rules = (AuthRule("all", "password"),)
    assert choose_method("10.0.0.1", False, "ann", config(*rules)).method is Method.REJECT
    assert choose_method("10.0.0.1", True, "ann", config(*rules)).method is Method.CLEARTEXT
    assert choose_method("10.0.0.1", False, "ann", config(*rules, allow_cleartext=True)).method is Method.CLEARTEXT


def test_an_address_has_one_form() -> None:
    assert [plain_address(a) for a in ("::ffff:127.0.0.1", "FE80::1%eth0", "0:0::1")] == ["127.0.0.1", "fe80::1", "::1"]


def test_failures_have_the_codes_of_postgresql() -> None:
    failed = password_failed("ann")
    assert (failed.message, failed.sqlstate) == (
        'password authentication failed for user "ann"',
        sqlstate.INVALID_PASSWORD,
    )
    assert login_timed_out().sqlstate == sqlstate.QUERY_CANCELED


def test_who_does_not_exist_or_may_not_log_in_is_refused() -> None:
    with pytest.raises(LoginRefused, match='role "ann" does not exist'):
        check_may_log_in(None, "ann")
    with pytest.raises(LoginRefused, match='role "ann" is not permitted to log in'):
        check_may_log_in(LoginUser("ann", None, may_log_in=False), "ann")
    user = LoginUser("ann", None)
    assert check_may_log_in(user, "ann") is user


def test_certificates_are_for_connections_over_tls() -> None:
    rules = config(AuthRule("all", "cert"), AuthRule("loopback", "trust"))
    assert choose_method("127.0.0.1", True, "ann", rules).method is Method.CERTIFICATE
    assert choose_method("127.0.0.1", False, "ann", rules).method is Method.TRUST


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, "connection requires a valid client certificate"),
        ("bob", 'certificate authentication failed for user "ann"'),
        ("ANN", 'certificate authentication failed for user "ann"'),
    ],
)
def test_a_certificate_must_be_for_exactly_this_user(name: str | None, message: str) -> None:
    check_certificate("ann", "ann")
    with pytest.raises(LoginRefused) as refused:
        check_certificate("ann", name)
    assert refused.value.message == message
    assert refused.value.sqlstate == "28000"
