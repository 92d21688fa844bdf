"""Set-returning calls in expressions: collected at their query level, a reference to a column stands in their place."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import Attribute

SET_CLAUSES = frozenset({"SELECT", "ORDER BY", "GROUP BY", "DISTINCT ON", "SRF"})


def collected(b: Binding, call: n.Expression, scope: Scope, position: int) -> n.Expression:
    """The column that takes the values of a set-returning call; any other expression as it is. Raises 0A000."""
    if not isinstance(call, n.FunctionCall) or not call.function.is_row_source:
        return call
    if scope.grouping is None or scope.clause not in SET_CLAUSES or scope.in_aggregate or scope.in_window:
        if scope.in_aggregate:
            raise DatacaveError(
                "aggregate function calls cannot contain set-returning function calls",
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                hint="You might be able to move the set-returning function into a LATERAL FROM item.",
                position=position,
            )
        raise DatacaveError(
            f"set-returning functions are not allowed in {scope.clause or 'this context'}",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            position=position,
        )
    column = b.output(call.function.name, call)
    scope.grouping.sets.append((call, column))
    if call.type == oids.RECORD and call.function.columns:
        b.record_fields[column.id] = tuple(
            Attribute(label, element_of(b, call, type_oid)) for label, type_oid in call.function.columns
        )
    return b.placed(n.ColumnReference(column.id, call.type, call.typmod, column.name), position)


def element_of(b: Binding, call: n.Expression, declared: int) -> int:
    """The type of a described column of a function's result; polymorphic ones follow the first array argument."""
    if b.types.kind(declared) != "p" or declared == oids.RECORD or not isinstance(call, n.FunctionCall):
        return declared
    for argument in call.arguments:
        element = b.types.element(b.types.base(argument.type))
        if element:
            return element if declared in (oids.ANYELEMENT, oids.ANYCOMPATIBLE) else argument.type
    return declared
