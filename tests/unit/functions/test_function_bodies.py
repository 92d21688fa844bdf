"""Do the built-in functions answer what PostgreSQL 15 answers? Golden calls, recorded by oracle/record_functions.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import DEFAULT_SETTINGS, oids
from datacave_core.types.io import type_io
from datacave_sql.functions import registry
from datacave_sql.functions.polymorphism import resolve_polymorphic
from datacave_sql.functions.rendering import output_text
from datacave_sql.functions.typelookup import BUILTIN_LOOKUP

GOLDEN = Path(__file__).parents[2] / "golden" / "functions"
NOW = 848_000_000_000_000
CONTEXT: Any = SimpleNamespace(
    format_settings=DEFAULT_SETTINGS,
    transaction_timestamp=NOW,
    statement_timestamp=NOW,
    current_user="postgres",
    session_user="postgres",
    database="postgres",
    search_path=("public",),
    own_temporary_schema=None,
    blocking_pids=lambda pid: (),
    snapshot_blocking_pids=lambda pid: (),
    catalog=SimpleNamespace(schema_name=lambda oid: None),
    setting={"client_encoding": "UTF8"}.get,
    backend_pid=1,
    trigger_depth=0,
    types=BUILTIN_LOOKUP,
)


def call(oid: int, arguments: list[tuple[int, str | None]]) -> Any:
    """The answer in the golden form."""
    function = registry.function(oid)
    try:
        values = [None if text is None else type_io(t).input(text, -1, DEFAULT_SETTINGS) for t, text in arguments]
    except DatacaveError as error:
        return {"error": [error.sqlstate, error.message]}
    actual = [t for t, _ in arguments]
    declared = list(function.argument_types)
    resolved, result_type = resolve_polymorphic(actual, declared, function.return_type, BUILTIN_LOOKUP)
    types = tuple(a if d == oids.ANY else r for a, d, r in zip(actual, declared, resolved, strict=True))
    body = registry.bind(function, types, result_type, BUILTIN_LOOKUP)
    if function.strict and None in values:
        return [] if function.returns_set else [None]
    assert body.call is not None
    try:
        found = body.call(CONTEXT, *values) if body.takes_context else body.call(*values)
        rows = list(islice(found, 60)) if function.returns_set else [found]
    except DatacaveError as error:
        return {"error": [error.sqlstate, error.message]}
    columns = [oid for _, oid in function.columns] if len(function.columns) > 1 else []
    return [output_text(value, result_type, columns, BUILTIN_LOOKUP, DEFAULT_SETTINGS) for value in rows]


def inlined(oid: int, arguments: list[tuple[int, str | None]]) -> Any:
    """The same through the inline template, as generated code would run it."""
    function = registry.function(oid)
    template = registry.bind(function, function.argument_types, function.return_type, BUILTIN_LOOKUP).inline
    assert template is not None
    values = {f"a{i}": type_io(t).input(text or "", -1, DEFAULT_SETTINGS) for i, (t, text) in enumerate(arguments)}
    code = template.format(*values)
    try:
        value = eval(code, dict(registry.INLINE_NAMES), values)
    except DatacaveError as error:
        return {"error": [error.sqlstate, error.message]}
    return [output_text(value, function.return_type, [], BUILTIN_LOOKUP, DEFAULT_SETTINGS)]


def golden_calls(path: Path) -> Iterator[tuple[int, str, list[tuple[int, str | None]], Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        oid, name, arguments, answer = json.loads(line)
        yield oid, name, arguments, answer


def mismatches(path: Path) -> list[str]:
    found = []
    for oid, name, arguments, answer in golden_calls(path):
        shown = f"{name}({', '.join(f'{text!r}::{BUILTIN_LOOKUP.name(t)}' for t, text in arguments)})"
        try:
            mine = call(oid, arguments)
        except DatacaveError as error:
            mine = {"refused": error.message}
        if mine != answer:
            found.append(f"{shown}\n    expected {answer}\n    got      {mine}")
        elif registry.function(oid).inline is not None and all(text is not None for _, text in arguments):
            mine = inlined(oid, arguments)
            if mine != answer:
                found.append(f"{shown} inline\n    expected {answer}\n    got      {mine}")
    return found


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.jsonl")), ids=lambda path: path.stem)
def test_answers_are_postgresqls(path: Path) -> None:
    found = mismatches(path)
    assert not found, f"{len(found)} calls differ:\n" + "\n".join(found[:20])
