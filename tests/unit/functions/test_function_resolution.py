"""Does a call mean the function that PostgreSQL 15 takes? Golden answers from oracle/record_resolution.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.functions import registry
from datacave_sql.functions.coercion import (
    ASSIGNMENT,
    EXPLICIT,
    IMPLICIT,
    common_type,
    find_coercion,
    require_common_coercion,
)
from datacave_sql.functions.resolution import ResolvedCast, ResolvedFunction, resolve_function, resolve_operator
from datacave_sql.functions.typelookup import BUILTIN_LOOKUP

GOLDEN = Path(__file__).parents[2] / "golden" / "functions" / "resolution" / "resolution.jsonl"


def resolved(kind: str, name: str, arguments: list[int]) -> Any:
    if kind == "operator":
        return resolve_operator(name, arguments[0], arguments[1], BUILTIN_LOOKUP).result_type
    if kind == "common":
        common = common_type(arguments, BUILTIN_LOOKUP, name)
        for argument in arguments:
            require_common_coercion(argument, common, BUILTIN_LOOKUP, name)
        return common
    found = resolve_function(name, arguments, BUILTIN_LOOKUP)
    return found.target if isinstance(found, ResolvedCast) else found.result_type


def test_calls_mean_what_postgresql_says() -> None:
    wrong = []
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        kind, name, arguments, expected = json.loads(line)
        try:
            mine = resolved(kind, name, arguments)
        except DatacaveError as error:
            mine = [error.sqlstate, error.message]
        if mine != expected:
            wrong.append(f"{kind} {name}{arguments}: expected {expected}, got {mine}")
    assert not wrong, "\n".join(wrong[:20])


def function(name: str, *arguments: int, names: tuple[str, ...] = (), variadic: bool = False) -> ResolvedFunction:
    found = resolve_function(name, arguments, BUILTIN_LOOKUP, names=names, variadic=variadic)
    assert isinstance(found, ResolvedFunction)
    return found


def test_defaults_fill_what_is_not_given() -> None:
    found = function("jsonb_set", oids.JSONB, oids.TEXT_ARRAY, oids.JSONB)
    assert found.sources == (0, 1, 2, None)
    assert found.function.default_values == (True,)


def test_named_arguments_find_their_places() -> None:
    found = function("make_interval", oids.INT4, oids.INT4, names=("hours", "days"))
    assert found.sources == (None, None, None, 1, 0, None, None)


def test_variadic_arguments_are_collected() -> None:
    found = function("json_extract_path", oids.JSON, oids.UNKNOWN, oids.UNKNOWN)
    assert found.collected == 2
    assert found.argument_types == (oids.JSON, oids.TEXT, oids.TEXT)


def test_an_array_marked_variadic_is_spread_over_any() -> None:
    assert function("concat", oids.TEXT_ARRAY, variadic=True).spread
    assert not function("concat", oids.TEXT_ARRAY).spread


def test_a_function_without_a_body_is_known() -> None:
    found = function("pg_read_file", oids.TEXT)
    assert not found.function.supported
    with pytest.raises(DatacaveError, match="not supported yet") as caught:
        registry.bind(found.function, found.argument_types, found.result_type, BUILTIN_LOOKUP)
    assert caught.value.sqlstate == "0A000"


def test_what_does_not_exist_says_so() -> None:
    with pytest.raises(DatacaveError, match=r"function lower\(integer, integer\) does not exist") as caught:
        function("lower", oids.INT4, oids.INT4)
    assert caught.value.sqlstate == "42883"
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("source", "target", "context", "kind"),
    [
        (oids.INT4, oids.INT8, IMPLICIT, "function"),
        (oids.INT8, oids.INT4, IMPLICIT, None),
        (oids.INT8, oids.INT4, ASSIGNMENT, "function"),
        (oids.INT4, oids.TEXT, IMPLICIT, None),
        (oids.INT4, oids.TEXT, ASSIGNMENT, "io"),
        (oids.TEXT, oids.INT4, ASSIGNMENT, None),
        (oids.TEXT, oids.INT4, EXPLICIT, "io"),
        (oids.VARCHAR, oids.TEXT, IMPLICIT, "none"),
        (oids.INT4_ARRAY, oids.INT8_ARRAY, IMPLICIT, "array"),
        (oids.INT4_ARRAY, oids.TEXT_ARRAY, EXPLICIT, "array"),
        (oids.DATE, oids.INT4, EXPLICIT, None),
        (oids.UNKNOWN, oids.DATE, IMPLICIT, "io"),
    ],
)
def test_coercion_follows_context(source: int, target: int, context: str, kind: str | None) -> None:
    found = find_coercion(source, target, context, BUILTIN_LOOKUP)
    assert (found.kind if found is not None else None) == kind
