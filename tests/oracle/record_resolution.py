"""Records which functions and operators PostgreSQL 15 resolves calls to, as a golden file for the unit tests.

Run: python tests/oracle/record_resolution.py CONNINFO [--out FILE] [--seed N] [--count N]
Statements are only prepared, never run. A line is JSON: [kind, name, [argument type oids], answer], where kind is
operator, function or common, 0 as first argument marks a prefix operator, 705 is an untyped literal, and the answer is
the result type's oid or [SQLSTATE, message].
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import psycopg
from psycopg import pq

from datacave_core.types import oids as o
from datacave_sql.functions import registry
from datacave_sql.functions.typelookup import BUILTIN_LOOKUP

GOLDEN = Path(__file__).parents[1] / "golden" / "functions" / "resolution" / "resolution.jsonl"
TYPES = [
    o.BOOL, o.BYTEA, o.INT2, o.INT4, o.INT8, o.TEXT, o.OID, o.NAME, o.FLOAT4, o.FLOAT8, o.NUMERIC, o.BPCHAR, o.VARCHAR,
    o.DATE, o.TIME, o.TIMESTAMP, o.TIMESTAMPTZ, o.TIMETZ, o.INTERVAL, o.UUID, o.JSON, o.JSONB, o.INT4_ARRAY,
    o.TEXT_ARRAY, o.INT8_ARRAY, o.NUMERIC_ARRAY, o.INT4RANGE, o.INT4MULTIRANGE, o.INET, o.CHAR, o.REGCLASS, o.MONEY,
    o.VARBIT, o.UNKNOWN, o.UNKNOWN, o.UNKNOWN, o.UNKNOWN,
]  # fmt: skip
COMMON_OPERATORS = ["+", "-", "*", "/", "=", "<", "||"]
LITERAL_ERRORS = {"22P02", "22007", "22P03", "42602", "42601", "22023", "22000", "42704", "42P01"}
"""Raised for the literal 'x' after the resolution has succeeded."""


def operand(type_oid: int) -> str:
    if type_oid == o.UNKNOWN:
        return "'x'"
    return 'null::"char"' if type_oid == o.CHAR else f"null::{BUILTIN_LOOKUP.name(type_oid)}"


def ask(connection: psycopg.Connection[Any], query: str) -> Any:
    result = connection.pgconn.prepare(b"", query.encode())
    if result.status != pq.ExecStatus.COMMAND_OK:
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        message = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode()
        return [state, message.replace("pg_catalog.", "")]
    return connection.pgconn.describe_prepared(b"").ftype(0)


def draw(chance: random.Random, operators: list[str], functions: list[str]) -> tuple[str, str, list[int], str] | None:
    part = chance.random()
    if part < 0.4:
        name = chance.choice(operators + COMMON_OPERATORS * 20)
        right = chance.choice(TYPES)
        left = right if chance.random() < 0.3 else chance.choice([*TYPES, 0, 0, 0])
        shown = operand(left) if left else ""
        return "operator", name, [left, right], f"select {shown} operator(pg_catalog.{name}) {operand(right)}"
    if part < 0.8:
        name = chance.choice(functions)
        target = chance.choice([f for f in registry.functions_named(name) if f.kind == "f"])
        if {2281, 2275, 2276} & {*target.argument_types} or target.return_type in (2279, 2281, 2275, 269, 325):
            return None
        drawn = [t if t in TYPES and chance.random() < 0.7 else chance.choice(TYPES) for t in target.argument_types]
        if drawn and chance.random() < 0.1:
            drawn.pop()
        if chance.random() < 0.1:
            drawn.append(chance.choice(TYPES))
        return "function", name, drawn, f'select pg_catalog."{name}"({", ".join(map(operand, drawn))})'
    pool = TYPES if chance.random() < 0.4 else [o.INT2, o.INT4, o.INT8, o.NUMERIC, o.FLOAT8, o.UNKNOWN]
    drawn = [chance.choice(pool) for _ in range(chance.randint(1, 3))]
    return "common", "COALESCE", drawn, f"select coalesce({', '.join(map(operand, drawn))})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("conninfo")
    parser.add_argument("--out", type=Path, default=GOLDEN)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1500)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    operators = sorted({registry.operator(oid).name for oid in registry.operator_oids()})
    functions = sorted({f.name for f in registry.all_functions() if f.kind == "f" and len(f.argument_types) <= 4})
    lines = []
    with psycopg.connect(options.conninfo, autocommit=True) as connection:
        while len(lines) < options.count:
            drawn = draw(chance, operators, functions)
            if drawn is None:
                continue
            kind, name, arguments, query = drawn
            answer = ask(connection, query)
            if isinstance(answer, list) and answer[0] in LITERAL_ERRORS | {"0A000", "XX000"}:
                continue
            lines.append(json.dumps([kind, name, arguments, answer], ensure_ascii=False))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} calls")


if __name__ == "__main__":
    main()
