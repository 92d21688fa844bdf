"""Routing: generated keys of partitioned tables, and tests whether a row is in its partition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from datacave_core.types import TypeIO
from datacave_sql.exec.routed_insert import RouteLevel
from datacave_sql.exec.rowfunction import Factory, compile_factory, tuple_text
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import Planner
from datacave_sql.table.partition_map import PartitionMap


def partition_map(p: Planner, node: l.Partitioning | l.PartitionTest) -> PartitionMap:
    """The partitions of a table by their bounds."""
    key = node.table.partition_key
    assert key is not None
    return PartitionMap(key.strategy, [part.type_oid for part in key.parts], node.bounds, p.types)


def _row_scope(columns: Sequence[l.OutputColumn]) -> dict[int, Code]:
    return {column.id: Code(f"r[{slot}]", True, True) for slot, column in enumerate(columns)}


def route_level(p: Planner, node: l.Partitioning, row_columns: Sequence[l.OutputColumn]) -> RouteLevel:
    """The way of a complete row through the partitions of a table."""
    key = node.table.partition_key
    assert key is not None
    generator = p.generator(_row_scope(row_columns), "r")
    texts = [generator.value(one).text for one in node.keys]
    names = [node.table.column(part.column).name if part.column else str(part.expression) for part in key.parts]
    return RouteLevel(
        node.table.name,
        compile_factory(generator, "r", [f"return {tuple_text(texts)}"]),
        partition_map(p, node),
        tuple(part if isinstance(part, int) else route_level(p, part, row_columns) for part in node.parts),
        ", ".join(names),
        tuple(_output(p.types.io(part.type_oid)) for part in key.parts),
    )


def _output(io: TypeIO) -> Callable[[Any, Any], str]:
    return lambda value, settings: io.output(value, settings)


def test_texts(p: Planner, generator: Generator, tests: Sequence[l.PartitionTest]) -> list[str]:
    """Code that says for each test whether the row in `r` passes."""
    found = []
    for test in tests:
        name = generator.name("place", partition_map(p, test).find)
        keys = tuple_text([generator.value(one).text for one in test.keys])
        found.append(f"{name}({keys}) == {test.place}")
    return found


def stays_function(
    p: Planner, tests: Sequence[l.PartitionTest], row_columns: Sequence[l.OutputColumn]
) -> Factory | None:
    """`run(row)`: whether a complete row is in its partition; None where there is nothing to test."""
    if not tests:
        return None
    generator = p.generator(_row_scope(row_columns), "r")
    return compile_factory(generator, "r", [f"return {' and '.join(test_texts(p, generator, tests))}"])
