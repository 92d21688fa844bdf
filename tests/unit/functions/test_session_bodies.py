"""What do functions answer that ask the session?"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import DEFAULT_SETTINGS, FormatSettings, oids
from datacave_core.wait import Wait
from datacave_sql.functions import registry
from datacave_sql.functions.body import Body
from datacave_sql.functions.coercion import EXPLICIT, require_coercion
from datacave_sql.functions.conversion import coercion_body, typmod_body
from datacave_sql.functions.registered import registered_io, registered_text
from datacave_sql.functions.typelookup import BUILTIN_LOOKUP, Attribute

CATALOG = SimpleNamespace(
    relation_name=lambda oid: ("public", "Orders") if oid == 20000 else None,
    relation_is_visible=lambda oid: True,
    relation_oid=lambda name: 20000 if name == '"Orders"' else None,
    role_name=lambda oid: "admin" if oid == 10 else None,
    schema_name=lambda oid: None,
    schema_oid=lambda name: None,
    name_parts=lambda name: tuple(name.split(".")),
)


def context(**changes: Any) -> Any:
    settings = {"server_version": "15.18", "work_mem": "4MB"}
    given: dict[str, Any] = {
        "format_settings": DEFAULT_SETTINGS,
        "transaction_timestamp": 1000,
        "types": BUILTIN_LOOKUP,
        "catalog": CATALOG,
        "search_path": ("app", "public"),
        "own_temporary_schema": None,
        "random_bytes": lambda count: bytes(range(count)),
        "setting": settings.get,
        "set_setting": lambda name, value, local: f"{name}={value}:{local}",
    }
    return SimpleNamespace(**(given | changes))


def bound(name: str, *arguments: int, columns: tuple[Attribute, ...] = ()) -> Body:
    function = next(f for f in registry.functions_named(name) if len(f.argument_types) == len(arguments))
    return registry.bind(function, arguments, function.return_type, BUILTIN_LOOKUP, columns=columns)


def call(name: str, *values: Any, types: tuple[int, ...] = (), **changes: Any) -> Any:
    body = bound(name, *(types or (oids.TEXT,) * len(values)))
    assert body.call is not None
    return body.call(context(**changes), *values) if body.takes_context else body.call(*values)


def test_now_is_the_start_of_the_transaction() -> None:
    assert call("now") == 1000


def test_version_names_the_server_version() -> None:
    assert call("version") == "PostgreSQL 15.18"


def test_random_uuid_is_of_version_four() -> None:
    found = call("gen_random_uuid")
    assert (found[6] >> 4, found[8] >> 6) == (4, 2)


def test_settings_are_read_and_set() -> None:
    assert call("current_setting", "work_mem") == "4MB"
    assert call("set_config", "work_mem", "8MB", True) == "work_mem=8MB:True"


def test_an_unknown_setting_is_an_error_unless_missing_is_fine() -> None:
    with pytest.raises(DatacaveError, match='unrecognized configuration parameter "nothing"') as caught:
        call("current_setting", "nothing")
    assert caught.value.sqlstate == "42704"
    assert call("current_setting", "nothing", True) is None


def test_schemas_of_the_search_path() -> None:
    assert call("current_schema") == "app"
    assert call("current_schemas", True).elements == ("pg_catalog", "app", "public")
    temporary = call("current_schemas", True, own_temporary_schema="pg_temp_3")
    assert temporary.elements == ("pg_temp_3", "pg_catalog", "app", "public")
    assert call("current_schemas", False, own_temporary_schema="pg_temp_3").elements == ("app", "public")


def test_pg_typeof_answers_the_type() -> None:
    assert call("pg_typeof", 1.5, types=(oids.NUMERIC,)) == oids.NUMERIC


def test_a_sleeping_call_hands_its_wait_on_and_answers_void() -> None:
    event = Wait("Timeout:PgSleep")

    def sleep(seconds: float) -> Iterator[Wait]:
        assert seconds == 2.0
        yield event

    body = bound("pg_sleep", oids.FLOAT8)
    assert body.waits and body.call is not None
    waited: list[Wait] = []
    assert body.call(context(sleep=sleep, run_inside=lambda steps: waited.extend(steps)), 2.0) == ""
    assert waited == [event]


def test_setseed_checks_its_range() -> None:
    with pytest.raises(DatacaveError, match=r"setseed parameter 2 is out of allowed range \[-1,1\]"):
        call("setseed", 2.0)


def test_reg_types_are_names() -> None:
    assert registered_text(oids.REGCLASS, 20000, context()) == '"Orders"'
    assert registered_text(oids.REGCLASS, 5, context()) == "5"
    assert registered_text(oids.REGTYPE, oids.INT4, context()) == "integer"
    assert registered_text(oids.REGROLE, 10, context()) == "admin"
    assert registered_text(oids.REGPROC, 177, context()) == "int4pl"
    assert registered_text(oids.REGPROCEDURE, 177, context()) == "int4pl(integer,integer)"
    assert registered_text(oids.REGOPERATOR, 551, context()) == "+(integer,integer)"
    assert registered_io(oids.REGCLASS, context()).input('"Orders"', -1, DEFAULT_SETTINGS) == 20000


def test_an_unknown_relation_is_42p01() -> None:
    with pytest.raises(DatacaveError, match='relation "nothing" does not exist') as caught:
        registered_io(oids.REGCLASS, context()).input("nothing", -1, DEFAULT_SETTINGS)
    assert caught.value.sqlstate == "42P01"
    with pytest.raises(DatacaveError, match='schema "nowhere" does not exist') as caught:
        registered_io(oids.REGCLASS, context()).input("nowhere.nothing", -1, DEFAULT_SETTINGS)
    assert caught.value.sqlstate == "3F000"


@pytest.mark.parametrize(
    ("source", "target", "value", "expected"),
    [
        (oids.BOOL, oids.TEXT, True, "true"),
        (oids.INT4, oids.TEXT, -5, "-5"),
        (oids.BPCHAR, oids.TEXT, "ab  ", "ab"),
        (oids.TEXT, oids.INT4, " 7 ", 7),
        (oids.FLOAT8, oids.TEXT, 0.1, "0.1"),
        (oids.INT4, oids.OID, -1, 4294967295),
        (oids.TEXT, oids.DATE, "2000-01-02", 1),
        (oids.REGTYPE, oids.TEXT, oids.INT8, "bigint"),
    ],
)
def test_casts(source: int, target: int, value: Any, expected: Any) -> None:
    body = coercion_body(require_coercion(source, target, EXPLICIT, BUILTIN_LOOKUP), BUILTIN_LOOKUP)
    assert body.call is not None
    assert (body.call(context(), value) if body.takes_context else body.call(value)) == expected


def test_length_coercion_of_varchar() -> None:
    cut = typmod_body(oids.VARCHAR, 7, BUILTIN_LOOKUP, explicit=True)
    assert cut is not None and cut.call is not None
    assert cut.call("abcdef") == "abc"
    strict = typmod_body(oids.VARCHAR, 7, BUILTIN_LOOKUP, explicit=False)
    assert strict is not None and strict.call is not None
    with pytest.raises(DatacaveError) as caught:
        strict.call("abcdef")
    assert caught.value.sqlstate == "22001"


def test_months_move_the_calendar_of_the_session_zone() -> None:
    berlin = FormatSettings(time_zone="Europe/Berlin")
    winter = 771_026_400_000_000  # 2024-06-06 22:00 UTC, midnight in Berlin's summer
    day = call("date_trunc", "year", winter, types=(oids.TEXT, oids.TIMESTAMPTZ), format_settings=berlin)
    assert day == 757_378_800_000_000  # 2023-12-31 23:00 UTC, midnight in Berlin's winter


ROW = (Attribute("a", oids.INT4), Attribute("b", oids.TEXT), Attribute("c", oids.INT4_ARRAY))


def test_json_becomes_rows_of_the_column_definition_list() -> None:
    body = bound("jsonb_to_recordset", oids.JSONB, columns=ROW)
    assert body.call is not None
    rows = list(body.call(context(), '[{"a": 1, "b": "x", "c": [1, 2]}, {"b": null}]'))
    assert [(a, b, c and c.elements) for a, b, c in rows] == [(1, "x", (1, 2)), (None, None, None)]


def test_json_that_is_no_array_makes_no_recordset() -> None:
    body = bound("json_to_recordset", oids.JSON, columns=ROW)
    assert body.call is not None
    with pytest.raises(DatacaveError, match="cannot call json_to_recordset on an object"):
        list(body.call(context(), "{}"))
