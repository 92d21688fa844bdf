"""Do parameters take, show and take back values as PostgreSQL's do?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.transaction import Isolation
from datacave_sql.session.settings import SessionSettings


def settings(command_line: str | None = None, **startup: str) -> SessionSettings:
    return SessionSettings({}, startup, command_line)


def refused(code: str, name: str, value: str) -> DatacaveError:
    with pytest.raises(DatacaveError) as caught:
        settings().set(name, value)
    assert caught.value.sqlstate == code
    return caught.value


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("work_mem", "70", "70kB"),
        ("work_mem", "1.5MB", "1536kB"),
        ("work_mem", "2 GB", "2GB"),
        ("work_mem", "0x50", "80kB"),
        ("statement_timeout", "1 min", "1min"),
        ("statement_timeout", "90s", "90s"),
        ("statement_timeout", "0", "0"),
        ("effective_cache_size", "8kB", "8kB"),
        ("vacuum_cost_delay", "1500us", "1500us"),
        ("seq_page_cost", "1e5", "100000"),
        ("cpu_tuple_cost", "0.25", "0.25"),
        ("enable_sort", "tr", "on"),
        ("enable_sort", "0", "off"),
        ("constraint_exclusion", "1", "on"),
        ("client_min_messages", "debug", "debug2"),
        ("datestyle", "german", "German, DMY"),
        ("datestyle", "postgres, european", "Postgres, DMY"),
        ("datestyle", "ymd", "ISO, YMD"),
        ("timezone", "europe/berlin", "Europe/Berlin"),
        ("timezone", "-7", "<-07>+07"),
        ("timezone", "5.5", "<+05:30>-05:30"),
        ("client_encoding", "utf-8", "UTF8"),
        ("client_encoding", "UNICODE", "UTF8"),
        ("client_encoding", "sql_ascii", "SQL_ASCII"),
        ("client_encoding", "windows-1252", "WIN1252"),
        ("some.thing", "x y", "x y"),
        ("application_name", "a\tb\u00e9", "a?b?"),
    ],
)
def test_values_are_shown_in_canonical_form(name: str, value: str, shown: str) -> None:
    one = settings()
    one.set(name, value)
    assert one.get(name) == shown
    assert one.get(name.upper()) == shown


@pytest.mark.parametrize(
    ("code", "name", "value", "message"),
    [
        ("42704", "nonsense", "1", 'unrecognized configuration parameter "nonsense"'),
        ("42602", "a b.c", "1", 'invalid configuration parameter name "a b.c"'),
        ("55P02", "server_version", "9", 'parameter "server_version" cannot be changed'),
        ("55P02", "port", "9", 'parameter "port" cannot be changed without restarting the server'),
        ("55P02", "fsync", "off", 'parameter "fsync" cannot be changed now'),
        ("22023", "work_mem", "x", 'invalid value for parameter "work_mem": "x"'),
        ("22023", "work_mem", "1", '1 kB is outside the valid range for parameter "work_mem" (64 .. 2147483647)'),
        ("22023", "cpu_tuple_cost", "-1", '-1 is outside the valid range for parameter "cpu_tuple_cost"'
         " (0 .. 1.79769e+308)"),
        ("22023", "enable_sort", "o", 'parameter "enable_sort" requires a Boolean value'),
        ("22023", "bytea_output", "1", 'invalid value for parameter "bytea_output": "1"'),
        ("22023", "datestyle", "iso, sql", 'invalid value for parameter "DateStyle": "iso, sql"'),
        ("22023", "timezone", "nowhere", 'invalid value for parameter "TimeZone": "nowhere"'),
        ("22023", "search_path", 'a"b,', 'invalid value for parameter "search_path": "a"b,"'),
        ("22023", "client_encoding", "latin9x", 'invalid value for parameter "client_encoding": "latin9x"'),
        ("0A000", "client_encoding", "mule_internal", "encoding MULE_INTERNAL is not supported"),
        ("0A000", "standard_conforming_strings", "off",
         'parameter "standard_conforming_strings" cannot be set to "off"'),
    ],
)  # fmt: skip
def test_refusals(code: str, name: str, value: str, message: str) -> None:
    assert refused(code, name, value).message == message


def test_hints_name_units_and_values() -> None:
    assert refused("22023", "work_mem", "1x").hint == (
        'Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".'
    )
    assert refused("22023", "statement_timeout", "1x").hint == (
        'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".'
    )
    assert refused("22023", "bytea_output", "x").hint == "Available values: escape, hex."
    assert refused("22023", "work_mem", "10TB").hint == "Value exceeds integer range."


def test_only_superusers_set_superuser_parameters() -> None:
    one = settings()
    one.set("log_statement", "all")
    one.set_identity("someone", lambda name: False, lambda: 0)
    with pytest.raises(DatacaveError) as caught:
        one.set("log_statement", "none")
    assert caught.value.sqlstate == "42501"


def test_a_rollback_takes_back_set_and_a_commit_only_set_local() -> None:
    one = settings()
    one.set("work_mem", "1MB")
    one.transaction_ended(True)
    one.set("work_mem", "2MB")
    one.set("work_mem", "3MB", local=True)
    assert one.get("work_mem") == "3MB"
    one.transaction_ended(True)
    assert one.get("work_mem") == "2MB"
    one.set("work_mem", "4MB")
    one.transaction_ended(False)
    assert one.get("work_mem") == "2MB"


def test_set_after_set_local_counts() -> None:
    one = settings()
    one.set("work_mem", "3MB", local=True)
    one.set("work_mem", "5MB")
    assert one.get("work_mem") == "5MB"
    one.transaction_ended(True)
    assert one.get("work_mem") == "5MB"


def test_savepoints_take_back_what_came_later() -> None:
    one = settings()
    one.set("datestyle", "sql")
    mark = one.savepoint()
    one.set("datestyle", "german", local=True)
    assert one.format_settings.date_style == "German"
    one.rollback_to(mark)
    assert one.format_settings.date_style == "SQL"


def test_reset_goes_back_to_what_the_session_began_with() -> None:
    one = settings("-c work_mem=8MB --geqo=off", DateStyle="SQL, DMY")
    assert (one.get("work_mem"), one.get("geqo"), one.get("datestyle")) == ("8MB", "off", "SQL, DMY")
    one.set("work_mem", "1MB")
    one.set("datestyle", "iso, mdy")
    one.reset("work_mem")
    assert one.get("work_mem") == "8MB"
    one.reset_all()
    assert one.get("datestyle") == "SQL, DMY"


def test_start_up_options_understand_backslashes() -> None:
    assert settings(r"-c application_name=two\ words -csearch_path=a,b").get("application_name") == "two words"
    assert settings(r"-c search_path=a,\ \"B\ c\"").search_path == ("a", "B c")


@pytest.mark.parametrize("line", ["-x", "-c", "-c work_mem", "work_mem=1"])
def test_start_up_options_that_make_no_sense(line: str) -> None:
    with pytest.raises(DatacaveError) as caught:
        settings(line)
    assert caught.value.sqlstate == "42601"


def test_format_settings_are_the_same_object_until_they_change() -> None:
    one = settings()
    before = one.format_settings
    one.set("work_mem", "1MB")
    assert one.format_settings is before
    one.set("extra_float_digits", "0")
    assert one.format_settings is not before
    assert one.format_settings.extra_float_digits == 0


def test_clients_hear_of_changes_once() -> None:
    one = settings()
    one.set("application_name", "me")
    one.set("work_mem", "1MB")
    assert one.has_changes
    assert [(change.name, change.value) for change in one.take_changes()] == [("application_name", "me")]
    assert not one.has_changes
    assert one.take_changes() == []
    one.transaction_ended(False)
    assert [(change.name, change.value) for change in one.take_changes()] == [("application_name", "")]


def test_what_clients_are_told_at_the_start() -> None:
    reported = dict(settings().reported())
    assert reported["server_version"].split(" ")[0] == "15.18"
    assert reported["integer_datetimes"] == "on"
    assert {"client_encoding", "DateStyle", "TimeZone", "IntervalStyle", "standard_conforming_strings"} <= set(reported)


def test_defaults_of_transactions() -> None:
    one = settings(default_transaction_isolation="serializable", default_transaction_read_only="on")
    assert one.default_isolation is Isolation.SERIALIZABLE
    assert one.default_read_only
    assert not one.default_deferrable
    one.set("synchronous_commit", "off")
    assert not one.synchronous_commit
    one.set("statement_timeout", "2s")
    assert one.statement_timeout_ms == 2000
