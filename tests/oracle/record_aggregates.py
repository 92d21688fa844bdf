"""Records what PostgreSQL 15 answers to aggregates, as a golden file for the unit tests.

Run: python tests/oracle/record_aggregates.py CONNINFO [--out FILE] [--seed N] [--each N]
A line is JSON: [function oid, name, [[type oid, [texts or nulls]], ...], direct argument or null, answer]; the lists
are the columns the aggregate reads, row by row. Ordered-set aggregates read their input sorted.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import psycopg
from psycopg import pq
from record_functions import POLYMORPHIC, POOLS, holds, random_text

from datacave_core.types import oids as o
from datacave_core.types.array import format_array
from datacave_core.types.registry import BUILTIN_TYPES
from datacave_core.values import Array
from datacave_sql.functions import registry

GOLDEN = Path(__file__).parents[1] / "golden" / "functions" / "aggregates" / "aggregates.jsonl"


def column(type_oid: int, count: int, chance: random.Random) -> list[str | None]:
    values: list[str | None] = []
    for _ in range(count):
        text = random_text(type_oid, chance) if chance.random() < 0.6 else None
        values.append(None if chance.random() < 0.12 else text or chance.choice(POOLS[type_oid]))
    return values


def ask(connection: psycopg.Connection[Any], function: registry.Function, columns: Any, direct: str | None) -> Any:
    fact = registry.aggregate(function.oid)
    arrays = [format_array(Array.of(values), ",", str) for _, values in columns]
    types = [BUILTIN_TYPES[oid].array_oid for oid, _ in columns]
    marks = ", ".join(f"${i + 1}" for i in range(len(columns)))
    names = ", ".join(f"c{i}" for i in range(len(columns)))
    if fact.kind == "o":
        arguments = f"'{direct}'::float8" if fact.direct_count else ""
        call = f"pg_catalog.{function.name}({arguments}) within group (order by c0)"
    else:
        call = f'pg_catalog."{function.name}"({names if function.argument_types else "*"})'
    query = f"select {call} from unnest({marks}) as t({names})"
    result = connection.pgconn.exec_params(query.encode(), [a.encode() for a in arrays], types)
    if result.status == pq.ExecStatus.TUPLES_OK:
        value = result.get_value(0, 0)
        return [None if value is None else value.decode()]
    state = result.error_field(pq.DiagnosticField.SQLSTATE) or b""
    message = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""
    return {"error": [state.decode(), message.decode()]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("conninfo")
    parser.add_argument("--out", type=Path, default=GOLDEN)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=6)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    lines = []
    with psycopg.connect(options.conninfo, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for function in registry.all_functions():
            if function.kind != "a" or not function.supported:
                continue
            fact = registry.aggregate(function.oid)
            declared = [POLYMORPHIC.get(oid, oid) for oid in function.argument_types]
            if fact.kind == "h" or not all(oid in POOLS and holds(oid) for oid in declared[fact.direct_count :]):
                continue
            if any(BUILTIN_TYPES[oid].is_array for oid in declared):
                continue
            for number in range(options.each):
                count = 0 if number == 0 else chance.choice([1, 2, 3, 8, 20])
                aggregated = declared[fact.direct_count :] or [o.INT4]
                columns = [(oid, column(oid, count, chance)) for oid in aggregated]
                if function.name == "avg":  # PostgreSQL overflows in squares that an average does not need
                    columns = [
                        (oid, [t for t in texts if t is None or t.lstrip("-") not in ("1e200", "1e308")])
                        for oid, texts in columns
                    ]
                direct = chance.choice(["0", "0.25", "0.5", "0.9", "1", "1.5"]) if fact.direct_count else None
                answer = ask(connection, function, columns, direct)
                lines.append(json.dumps([function.oid, function.name, columns, direct, answer], ensure_ascii=False))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} aggregates")


if __name__ == "__main__":
    main()
