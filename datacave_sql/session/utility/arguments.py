"""Expressions outside of queries: arguments of EXECUTE, AS OF SYSTEM TIME of BEGIN, SET TIME ZONE INTERVAL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind.binder import binding
from datacave_sql.bind.coercion import coerce
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.bind.statements import ExecuteStatement
from datacave_sql.bind.system_time import bind_moment
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.moment import MOMENT_READERS
from datacave_sql.exec.rowfunction import compile_factory, tuple_text
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.parse import ast
from datacave_sql.plan.physical import PLANNERS
from datacave_sql.plan.planning import Planner
from datacave_sql.plan.subqueries import plan_subquery
from datacave_sql.session.parameter_text import offset_zone

MICROSECONDS_PER_SECOND = 1_000_000


def values_of(session: Any, expressions: Sequence[n.Expression], parameters: Sequence[Any]) -> tuple[Any, ...]:
    """The values of expressions over no columns."""
    state = session.catalog_state
    planner = Planner(session.database.environment(state), PLANNERS, plan_subquery)
    generator = planner.generator({})
    texts = [generator.value(one).text for one in expressions]
    make = compile_factory(generator, "", [f"return {tuple_text(texts)}"])
    found: tuple[Any, ...] = make(ExecutionContext(session, session.transaction, parameters))()
    return found


def _binding(session: Any, parameter_types: Sequence[int] | None = None) -> Binding:
    return binding(session.binding_environment(session.catalog_state), "", parameter_types)


def evaluate_arguments(
    session: Any, bound: ExecuteStatement, types: Sequence[int], parameters: Sequence[Any]
) -> tuple[Any, ...]:
    """The arguments of EXECUTE as values of the parameters' types. Raises 42601 for a wrong count, 42804."""
    given = bound.arguments
    if len(given) != len(types):
        raise DatacaveError(
            f'wrong number of parameters for prepared statement "{bound.name}"',
            sqlstate=sqlstate.SYNTAX_ERROR,
            detail=f"Expected {len(types)} parameters but got {len(given)}.",
        )
    if not given:
        return ()
    b = _binding(session)
    expressions = []
    for number, (argument, type_oid) in enumerate(zip(given, types, strict=True), 1):
        expression = b.expression(argument, Scope())
        coerced = coerce(b, expression, type_oid, -1, ASSIGNMENT)
        if coerced is None:
            raise DatacaveError(
                f"parameter ${number} of type {b.types.name(expression.type)}"
                f" cannot be coerced to the expected type {b.types.name(type_oid)}",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                hint="You will need to rewrite or cast the expression.",
                position=argument.position,
            )
        expressions.append(coerced)
    return values_of(session, expressions, parameters)


def past_timestamp(session: Any, expression: ast.Expression) -> int:
    """The moment of AS OF SYSTEM TIME in microseconds since 1970."""
    value = bind_moment(_binding(session), expression).value
    (found,) = values_of(session, [value], ())
    return MOMENT_READERS[value.type](session.evaluation, found)


def zone_of_interval(session: Any, expression: ast.Expression) -> str:
    """The zone of SET TIME ZONE INTERVAL. Raises 22023 for one with months or days."""
    b = _binding(session)
    bound = b.expression(expression, Scope())
    coerced = coerce(b, bound, oids.INTERVAL, -1, ASSIGNMENT)
    if coerced is None:
        raise DatacaveError("time zone interval must be an interval", sqlstate=sqlstate.DATATYPE_MISMATCH)
    (value,) = values_of(session, [coerced], ())
    if value.months:
        raise DatacaveError("Cannot specify months in time zone interval.", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    if value.days:
        raise DatacaveError("Cannot specify days in time zone interval.", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    return offset_zone(value.microseconds // MICROSECONDS_PER_SECOND)
