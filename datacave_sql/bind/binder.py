"""Binder: parsed statements to bound ones. The conductor: it knows which part binds what, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError
from datacave_sql.bind import utility
from datacave_sql.bind.calls import CALLS
from datacave_sql.bind.coercion import coerce
from datacave_sql.bind.constructs import CONSTRUCTS
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.bind.insert import bind_insert
from datacave_sql.bind.merge import bind_merge
from datacave_sql.bind.names import Scope
from datacave_sql.bind.nested import Entries
from datacave_sql.bind.operators import OPERATORS
from datacave_sql.bind.parameters import Parameters
from datacave_sql.bind.queries import bind_query
from datacave_sql.bind.references import REFERENCES
from datacave_sql.bind.rewriting import with_rules
from datacave_sql.bind.routines import bind_call
from datacave_sql.bind.row_rules import row_columns, row_scope, schema_name, stored_expression
from datacave_sql.bind.select import selects_into
from datacave_sql.bind.state import Binding, BindPart
from datacave_sql.bind.statements import BoundQuery, BoundStatement
from datacave_sql.bind.stored_query import bind_select_into
from datacave_sql.bind.subqueries import SUBQUERIES
from datacave_sql.bind.update import bind_delete, bind_update
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.parse import ParsedStatement, ast
from datacave_sql.plan import logical as l

EXPRESSIONS: Mapping[type, Callable[..., n.Expression]] = {
    **REFERENCES,
    **OPERATORS,
    **CONSTRUCTS,
    **SUBQUERIES,
    **CALLS,
}
QUERIES: Mapping[type, BindPart] = {
    ast.Query: bind_query,
    ast.Insert: with_rules(bind_insert),
    ast.Merge: bind_merge,
    ast.Update: with_rules(bind_update),
    ast.Delete: with_rules(bind_delete),
}
KINDS = {ast.Query: "select", ast.Insert: "insert", ast.Update: "update", ast.Delete: "delete", ast.Merge: "merge"}


def binding(environment: BindingEnvironment, text: str, parameter_types: Sequence[int] | None = None) -> Binding:
    """A new binding, for statements and for single expressions."""
    return Binding(environment, text, Parameters(parameter_types, environment.types), EXPRESSIONS, QUERIES)


def bind_statement(
    parsed: ParsedStatement,
    text: str,
    environment: BindingEnvironment,
    parameter_types: Sequence[int] | None,
) -> BoundStatement:
    """Binds one statement of `text`.

    `parameter_types` are the client's (0: to be found out); None: parameters are not allowed. Raises DatacaveError
    with PostgreSQL's SQLSTATE, message and position.
    """
    b = binding(environment, text, parameter_types)
    entries = Entries(parsed, bound_query, lambda inner, statement: bind_any(inner, statement, entries), bind_in_scope)
    return bind_any(b, parsed.statement, entries)


def bind_any(b: Binding, statement: ast.Statement, entries: Entries) -> BoundStatement:
    """Binds a statement of any kind within a binding."""
    if selects_into(statement):
        assert isinstance(statement, ast.Query)
        return bind_select_into(b, statement, entries)
    if type(statement) in KINDS:
        return bound_query(b, statement)
    bind = utility.UTILITIES.get(type(statement))
    if bind is None:
        raise utility.unsupported(statement)
    return bind(b, statement, entries)


def bind_arguments(
    arguments: Sequence[ast.Expression], types: Sequence[int], environment: BindingEnvironment, text: str, name: str
) -> tuple[n.Expression, ...]:
    """The arguments of EXECUTE as values of the prepared statement's parameter types. Raises 42601, 42804."""
    if len(arguments) != len(types):
        raise DatacaveError(
            f'wrong number of parameters for prepared statement "{name}"',
            sqlstate=sqlstate.SYNTAX_ERROR,
            detail=f"Expected {len(types)} parameters but got {len(arguments)}.",
        )
    b = binding(environment, text)
    values = []
    for number, (node, type_oid) in enumerate(zip(arguments, types, strict=True), 1):
        e = b.expression(node, Scope(clause="EXECUTE parameters"))
        value = coerce(b, e, type_oid, -1, ASSIGNMENT)
        if value is None:
            raise DatacaveError(
                f"parameter ${number} of type {b.types.name(e.type)} cannot be coerced to the expected type "
                f"{b.types.name(type_oid)}",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                hint="You will need to rewrite or cast the expression.",
                position=node.position,
            )
        values.append(value)
    return tuple(values)


def bind_expression(
    text: str, table: Table | None, environment: BindingEnvironment
) -> tuple[n.Expression, tuple[l.OutputColumn, ...]]:
    """A stored expression (a default, check or index key) and the columns of the table's row that it reads.

    The columns stand for a complete row, one for each attribute number.
    """
    b = binding(environment, text)
    if table is None:
        return stored_expression(b, text, Scope(), None), ()
    columns = row_columns(b, table)
    scope = row_scope(b, table, columns, table.name, "stored expressions")
    return stored_expression(b, text, scope, schema_name(b, table)), columns


def _described(b: Binding, columns: tuple[l.OutputColumn, ...]) -> tuple[l.OutputColumn, ...]:
    """Columns as clients are told of them: a domain shows as its base type."""
    if not any(b.types.kind(column.type) == "d" for column in columns):
        return columns
    shown = []
    for column in columns:
        facts = b.types.type(column.type)
        typmod = column.typmod
        while facts.kind == "d":
            typmod = facts.base_typmod
            facts = b.types.type(facts.base_oid)
        shown.append(replace(column, type=facts.oid, typmod=typmod))
    return tuple(shown)


def bind_in_scope(
    parsed: ParsedStatement,
    text: str,
    environment: BindingEnvironment,
    types: Sequence[int],
    scope: Scope,
    numbered: int | None = None,
) -> tuple[Binding, BoundQuery]:
    """Binds a query inside the names of `scope`, with parameters of these types: a statement of a routine. The first
    `numbered` (None: all) may be written as $n."""
    b = binding(environment, text, types)
    b.parameters = Parameters(types, environment.types, numbered=len(types) if numbered is None else numbered)
    if isinstance(parsed.statement, ast.Call):
        return b, bind_call(b, parsed.statement, scope)
    return b, bound_query(b, parsed.statement, scope)


def bound_query(b: Binding, statement: ast.Statement, scope: Scope | None = None) -> BoundQuery:
    """A query or a write as a BoundQuery."""
    plan = b.query(statement, scope if scope is not None else Scope())
    kind = KINDS[type(statement)]
    root: Any = plan
    while isinstance(root, l.With):
        root = root.child
    returns_rows = kind == "select" or getattr(root, "returning", None) is not None
    return BoundQuery(
        plan,
        kind,
        _described(b, plan.columns) if returns_rows else (),
        returns_rows,
        b.parameters.final_types(),
        not b.writes,
        tuple(sorted(b.dependencies | b.inlined)),
        b.shareable,
        tuple(b.uses),
        b.calls_routines,
    )
