"""Binder: parsed statements to bound ones. The conductor: it knows which part binds what, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datacave_core.errors import FeatureNotSupported
from datacave_sql.bind import utility
from datacave_sql.bind.calls import CALLS
from datacave_sql.bind.constructs import CONSTRUCTS
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.bind.insert import bind_insert
from datacave_sql.bind.names import Scope
from datacave_sql.bind.operators import OPERATORS
from datacave_sql.bind.parameters import Parameters
from datacave_sql.bind.queries import bind_query
from datacave_sql.bind.references import REFERENCES
from datacave_sql.bind.state import Binding, BindPart
from datacave_sql.bind.statements import BoundQuery, BoundStatement
from datacave_sql.bind.subqueries import SUBQUERIES
from datacave_sql.bind.update import bind_delete, bind_update
from datacave_sql.expr import nodes as n
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
    ast.Insert: bind_insert,
    ast.Update: bind_update,
    ast.Delete: bind_delete,
}
KINDS = {ast.Query: "select", ast.Insert: "insert", ast.Update: "update", ast.Delete: "delete"}


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
    statement = parsed.statement
    if type(statement) in KINDS and not _selects_into(statement):
        return bound_query(b, statement)
    bind = utility.UTILITIES.get(type(statement))
    if bind is None:
        raise FeatureNotSupported(f"{_words(statement)} is not supported", position=None)
    return bind(b, statement, Helpers(parsed, text, environment, bound_query, bind_statement))


def _selects_into(statement: ast.Statement) -> bool:
    if not isinstance(statement, ast.Query):
        return False
    body = statement.body
    while isinstance(body, ast.SetOperation):
        body = body.left.body
    return isinstance(body, ast.Select) and body.into is not None


def bound_query(b: Binding, statement: ast.Statement) -> BoundQuery:
    """A query or a write as a BoundQuery."""
    plan = b.query(statement, Scope())
    kind = KINDS[type(statement)]
    root: Any = plan
    while isinstance(root, l.With):
        root = root.child
    returns_rows = kind == "select" or getattr(root, "returning", None) is not None
    return BoundQuery(
        plan,
        kind,
        plan.columns if returns_rows else (),
        returns_rows,
        b.parameters.final_types(),
        not b.writes,
        tuple(sorted(b.dependencies)),
    )


Helpers = utility.Helpers


def _words(statement: ast.Statement) -> str:
    if isinstance(statement, ast.RecognisedStatement):
        return statement.tag
    name = type(statement).__name__
    return "".join(f" {letter}" if letter.isupper() else letter for letter in name).strip().upper()
