"""Bulk insert: INSERT .. VALUES with many rows of literals, which never pass through the parser.

The scanner gives the rows and a template with one row of parameters. The template's plan is compiled once per shape;
its source is exchanged for the rows of the statement at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from datacave_core.catalog import Catalog
from datacave_core.types import oids
from datacave_core.types.numeric import read_literal
from datacave_core.values import Row
from datacave_sql.expr import nodes as n
from datacave_sql.expr.runtime import STRING_TYPES
from datacave_sql.parse.values_scanner import DEFAULT, DecimalText, ScannedValues
from datacave_sql.plan import logical as l
from datacave_sql.session.compiled import CompiledQuery

INT4_MAX = 2**31 - 1
INT8_MAX = 2**63 - 1


class GivenRows:
    """A relation whose rows come with the execution."""

    name = "*VALUES*"
    oid = 0

    def rows(self, context: Any) -> Iterable[Row]:
        """The rows at hand."""
        given: Sequence[Row] = context.given_rows
        return given


@dataclass(frozen=True, slots=True)
class BulkShape:
    """The plan for a template and the types of its columns; `query` None: this shape goes the ordinary way."""

    catalog: Catalog
    query: CompiledQuery | None


def literal_types(scanned: ScannedValues) -> tuple[int, ...] | None:
    """The type of each column's literals, as the parser would see them; None where they differ too much."""
    types = []
    for values in zip(*scanned.rows, strict=True):
        kinds: set[type] = {type(value) for value in values}
        kinds.discard(type(None))
        if type(DEFAULT) in kinds or len(kinds) > 1:
            return None
        kind: type = kinds.pop() if kinds else str
        if kind is bool:
            types.append(oids.BOOL)
        elif kind is int:
            largest = max(abs(value) for value in values if type(value) is int)
            if largest > INT8_MAX:
                return None
            types.append(oids.INT4 if largest <= INT4_MAX else oids.INT8)
        else:
            types.append(oids.NUMERIC if kind is DecimalText else 0)
    return tuple(types)


def with_given_rows(plan: l.LogicalPlan, parameter_types: Sequence[int]) -> l.LogicalPlan | None:
    """The plan of the template with the rows of the execution in place of its row of parameters."""
    if not isinstance(plan, l.Insert):
        return None
    source = plan.child
    steps: list[Any] = []
    while not isinstance(source, l.Values):
        if not isinstance(source, l.Project):
            return None
        steps.append(source)
        source = source.child
    if len(source.rows) != 1:
        return None
    # Ids of the columns that stand for the parameters; ids of the binder are positive.
    columns = tuple(
        l.OutputColumn(-1000 - number, f"column{number}", type_oid, attribute=number)
        for number, type_oid in enumerate(parameter_types, 1)
    )

    def as_column(e: Any) -> Any:
        if isinstance(e, n.Parameter):
            return n.ColumnReference(-1000 - e.number, e.type, e.typmod)
        return e

    expressions = tuple(n.transform(e, as_column) for e in source.rows[0])
    given: Any = l.VirtualScan(GivenRows(), columns, "*VALUES*")
    child: Any = l.Project(given, expressions, source.columns)
    for step in reversed(steps):
        child = replace(step, child=child)
    return replace(plan, child=child)


def given_rows(scanned: ScannedValues, query: CompiledQuery, session: Any) -> list[Row]:
    """The rows as values of the parameters' types. Raises what their input functions raise."""
    settings = session.format_settings
    columns: list[Sequence[Any]] = []
    for values, type_oid in zip(zip(*scanned.rows, strict=True), query.parameter_types, strict=True):
        sample = next((value for value in values if value is not None), None)
        if type(sample) is DecimalText:
            columns.append([None if value is None else read_literal(value) for value in values])
        elif type(sample) is str and type_oid not in STRING_TYPES:
            read = session.find_io(type_oid).input
            columns.append([None if value is None else read(value, -1, settings) for value in values])
        else:
            columns.append(values)
    return list(zip(*columns, strict=True))
