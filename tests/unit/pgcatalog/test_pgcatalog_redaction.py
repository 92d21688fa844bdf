"""Statements are shown without the passwords in them."""

from __future__ import annotations

import pytest

from datacave_sql.pgcatalog.redaction import without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ALTER ROLE a PASSWORD 'hush'", "ALTER ROLE a PASSWORD '********'"),
        ("create user a encrypted password 'it''s hush' login", "create user a encrypted password '********' login"),
        ("ALTER ROLE a PASSWORD\n E'hu\\'sh' LOGIN", "ALTER ROLE a PASSWORD\n '********' LOGIN"),
        ("ALTER ROLE a PASSWORD $x$hush$y$ hush$x$ LOGIN", "ALTER ROLE a PASSWORD '********' LOGIN"),
        ("ALTER ROLE a PASSWORD 'never ended", "ALTER ROLE a PASSWORD '********'"),
        ("UPDATE t SET password = 'hush' WHERE id = 'x'", "UPDATE t SET password = '********' WHERE id = 'x'"),
        ("DO 'CREATE ROLE a PASSWORD ''hush'''", "DO 'CREATE ROLE a PASSWORD '********''"),
        ("DO 'CREATE ROLE a PASSWORD ''hush'' LOGIN'", "DO 'CREATE ROLE a PASSWORD '********' LOGIN'"),
        ("ALTER ROLE a PASSWORD '''hush'", "ALTER ROLE a PASSWORD '********'"),
        ("ALTER ROLE a PASSWORD ''", "ALTER ROLE a PASSWORD '********'"),
        ("SELECT 'hush'", "SELECT 'hush'"),
        ("ALTER ROLE a PASSWORD NULL", "ALTER ROLE a PASSWORD NULL"),
    ],
)
def test_passwords_are_left_out(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
