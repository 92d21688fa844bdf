"""Do aggregates answer what PostgreSQL 15 answers, row by row, in batches, and in two halves put together?"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import DEFAULT_SETTINGS, oids
from datacave_core.types.io import comparison_key, type_io
from datacave_sql.functions import registry
from datacave_sql.functions.aggregate import AggregateBody
from datacave_sql.functions.polymorphism import resolve_polymorphic
from datacave_sql.functions.rendering import output_text
from datacave_sql.functions.typelookup import BUILTIN_LOOKUP

GOLDEN = Path(__file__).parents[2] / "golden" / "functions" / "aggregates" / "aggregates.jsonl"
CONTEXT: Any = SimpleNamespace(format_settings=DEFAULT_SETTINGS)


def read(type_oid: int, text: str | None) -> Any:
    return None if text is None else type_io(type_oid).input(text, -1, DEFAULT_SETTINGS)


def prepared(oid: int, columns: Any, direct: str | None) -> tuple[AggregateBody, list[tuple[Any, ...]], list[Any], int]:
    """The body, the rows it reads, the direct arguments, and the result type."""
    function = registry.function(oid)
    fact = registry.aggregate(oid)
    actual = [t for t, _ in columns] if function.argument_types else []
    directs = list(function.argument_types[: fact.direct_count])
    declared = list(function.argument_types)
    resolved, result_type = resolve_polymorphic([*directs, *actual], declared, function.return_type, BUILTIN_LOOKUP)
    given = tuple(a if d == oids.ANY else r for a, d, r in zip([*directs, *actual], declared, resolved, strict=True))
    body = registry.bind_aggregate(function, given, result_type, BUILTIN_LOOKUP)
    rows = list(zip(*[[read(t, text) for text in texts] for t, texts in columns], strict=True))
    if not function.argument_types:
        rows = [() for _ in columns[0][1]]
    if body.strict and function.argument_types:
        rows = [row for row in rows if None not in row]
    if fact.kind == "o":
        key = comparison_key(columns[0][0])
        rows.sort(key=lambda row: key(row[0]) if key else row[0])
    return body, rows, [read(directs[0], direct)] if directs else [], result_type


def answer(body: AggregateBody, state: Any, direct: list[Any], result_type: int) -> Any:
    value = body.final(CONTEXT, state) if body.takes_context else body.final(state, *direct)
    return [output_text(value, result_type, (), BUILTIN_LOOKUP, DEFAULT_SETTINGS)]


def row_by_row(body: AggregateBody, rows: list[tuple[Any, ...]], state: Any) -> Any:
    for row in rows:
        state = body.step(state, *row)
    return state


def by_rows(oid: int, columns: Any, direct: str | None) -> Any:
    body, rows, directs, result_type = prepared(oid, columns, direct)
    return answer(body, row_by_row(body, rows, body.initial()), directs, result_type)


def by_batches(oid: int, columns: Any, direct: str | None) -> Any:
    body, rows, directs, result_type = prepared(oid, columns, direct)
    assert body.batch is not None
    state = body.initial()
    for start in range(0, len(rows) + 1, 5):
        part = rows[start : start + 5]
        state = body.batch(state, [row[0] for row in part] if part and part[0] else part)
    return answer(body, state, directs, result_type)


def by_halves(oid: int, columns: Any, direct: str | None) -> Any:
    body, rows, directs, result_type = prepared(oid, columns, direct)
    assert body.combine is not None
    middle = len(rows) // 2
    first = row_by_row(body, rows[:middle], body.initial())
    second = row_by_row(body, rows[middle:], body.initial())
    return answer(body, body.combine(first, second), directs, result_type)


def attempt(ways: Any, oid: int, columns: Any, direct: str | None) -> Any:
    try:
        return ways(oid, columns, direct)
    except DatacaveError as error:
        return {"error": [error.sqlstate, error.message]}


def mismatches(path: Path) -> list[str]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        oid, name, columns, direct, expected = json.loads(line)
        body = prepared(oid, columns, direct)[0]
        ways = [by_rows]
        if body.batch is not None and len(columns) == 1:
            ways.append(by_batches)
        # Sums of doubles in another order may differ in the last digit.
        if body.combine is not None and not {oids.FLOAT4, oids.FLOAT8} & {t for t, _ in columns}:
            ways.append(by_halves)
        for way in ways:
            mine = attempt(way, oid, columns, direct)
            if mine != expected:
                found.append(f"{name}{columns} {way.__name__}\n    expected {expected}\n    got      {mine}")
    return found


def test_answers_are_postgresqls() -> None:
    found = mismatches(GOLDEN)
    assert not found, f"{len(found)} differ:\n" + "\n".join(found[:10])


@pytest.mark.parametrize(
    ("name", "expected"), [("rank", 3), ("dense_rank", 2), ("percent_rank", 0.5), ("cume_dist", 0.8)]
)
def test_hypothetical_rank_of_a_row(name: str, expected: float) -> None:
    function = next(f for f in registry.functions_named(name) if f.kind == "a")
    body = registry.bind_aggregate(function, (oids.INT4,), function.return_type, BUILTIN_LOOKUP)
    state = row_by_row(body, [(1,), (1,), (2,), (5,)], body.initial())
    assert body.hypothetical
    assert body.final(state, (2,), lambda row: row[0]) == expected


def test_inverse_takes_a_row_out_again() -> None:
    (function,) = (f for f in registry.functions_named("count") if f.argument_types)
    body = registry.bind_aggregate(function, (oids.INT4,), function.return_type, BUILTIN_LOOKUP)
    assert body.inverse is not None
    state = body.inverse(row_by_row(body, [(1,), (2,)], body.initial()), 1)
    assert body.final(state) == 1
