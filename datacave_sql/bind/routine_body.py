"""Routine bodies: the statements of a SQL function bound with its arguments as names, the last one as its result.

The arguments stand in a scope around each statement, so that columns hide them, as PostgreSQL has it; `$n` are the
same values by number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from datacave_core import sqlstate
from datacave_core.catalog import Routine
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.bind.names import Scope, Source, SourceColumn
from datacave_sql.bind.state import Binding
from datacave_sql.bind.statements import BoundQuery
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.parse import ParsedStatement, ast
from datacave_sql.plan import logical as l

_BOUND = (ast.Query, ast.Insert, ast.Update, ast.Delete, ast.Merge, ast.Call)
"""What is bound with the arguments as names; the rest runs as it is written."""
_TRANSACTION = (
    ast.Begin, ast.Commit, ast.Rollback, ast.Savepoint, ast.ReleaseSavepoint, ast.RollbackTo, ast.PreparedTransaction,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResultShape:
    """What the last statement has to give: a value of `type`, or a row of `columns` where `row` holds.

    `columns` None with `row`: whatever the statement gives (a record without a description).
    """

    type: int
    row: bool = False
    columns: tuple[tuple[str, int, int], ...] | None = None


def result_shape(result: int, columns: Sequence[tuple[str, int, int]], types: TypeLookup) -> ResultShape:
    """The shape of a result type; `columns` describe a record (name, type, typmod)."""
    base = types.base(result)
    if types.kind(base) == "c":
        return ResultShape(result, True, tuple((a.name, a.type, a.typmod) for a in types.attributes(base)))
    if result == oids.RECORD:
        return ResultShape(result, True, tuple(columns) if columns else None)
    return ResultShape(result)


def parameter_scope(name: str, names: Sequence[str], values: Sequence[n.Expression]) -> Scope:
    """The scope around a body's statements, in which the arguments have names."""
    columns = tuple(SourceColumn(label, value) for label, value in zip(names, values, strict=True) if label)
    return Scope(None, [Source(name, columns)], list(columns), variables="use_column")


def body_environment(routine: Routine, environment: BindingEnvironment) -> BindingEnvironment:
    """Where the names of the body are looked for: a SQL-standard body keeps the search path of its creation."""
    if not routine.sql_body:
        return environment
    known = tuple(name for name in routine.body_path if name in environment.catalog.schema_names)
    return replace(environment, search_path=known)


def check_statement(statement: ast.Statement, sql_body: str = "") -> None:
    """Raises 0A000 for what no SQL function may do, nor one with a SQL-standard body."""
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in type(statement).__name__)
    words = words.strip().upper()
    if isinstance(statement, _TRANSACTION):
        raise DatacaveError(f"{words} is not allowed in an SQL function", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    if sql_body and (isinstance(statement, ast.Call) or not isinstance(statement, _BOUND)):
        raise DatacaveError(
            f"{words} is not yet supported in unquoted SQL function body", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
        )
    if isinstance(statement, ast.Copy) and statement.file is None and not statement.program:
        raise DatacaveError("cannot COPY to/from client in an SQL function", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)


def mismatch(types: TypeLookup, result: int, detail: str) -> DatacaveError:
    """42P13."""
    return DatacaveError(
        f"return type mismatch in function declared to return {types.name(result)}",
        sqlstate=sqlstate.INVALID_FUNCTION_DEFINITION,
        detail=detail,
    )


def bind_body(
    routine: Routine,
    statements: Sequence[ParsedStatement],
    types: Sequence[int],
    shape: ResultShape,
    bind: Callable[[ParsedStatement, Scope], tuple[Binding, BoundQuery]],
    lookup: TypeLookup,
) -> list[BoundQuery | None]:
    """The statements, None for those that are no queries; the last one gives the result's columns.

    Raises 42P13 where it does not fit the result's type.
    """
    names = [argument.name for argument in routine.arguments if argument.mode in "ibv"]
    values = [n.Parameter(number, oid) for number, oid in enumerate(types, 1)]
    found: list[BoundQuery | None] = []
    for place, parsed in enumerate(statements):
        check_statement(parsed.statement, routine.sql_body)
        if not isinstance(parsed.statement, _BOUND):
            found.append(None)
            continue
        b, query = bind(parsed, parameter_scope(routine.name, names, values))
        if query.kind == "call":
            if query.returns_rows:
                raise FeatureNotSupported("calling procedures with output arguments is not supported in SQL functions")
            found.append(query)
            continue
        if place == len(statements) - 1 and shape.type != oids.VOID and query.returns_rows:
            query = shaped(b, query, shape)
        found.append(query)
    last = found[-1] if found else None
    if shape.type != oids.VOID and routine.kind != "p" and (last is None or not last.returns_rows):
        raise mismatch(
            lookup, shape.type, "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING."
        )
    return found


def shaped(b: Binding, query: BoundQuery, shape: ResultShape) -> BoundQuery:
    """The query with its columns turned into those of the result. Raises 42P13."""
    plan = query.plan
    given = plan.columns
    if shape.row:
        if shape.columns is None:
            return query
        if len(given) == 1 and b.types.base(given[0].type) == b.types.base(shape.type) and shape.type != oids.RECORD:
            return query
        wanted = [(oid, typmod) for _, oid, typmod in shape.columns]
        if len(given) > len(wanted):
            raise mismatch(b.types, shape.type, "Final statement returns too many columns.")
        if len(given) < len(wanted):
            raise mismatch(b.types, shape.type, "Final statement returns too few columns.")
    else:
        if len(given) != 1:
            raise mismatch(b.types, shape.type, "Final statement must return exactly one column.")
        wanted = [(shape.type, -1)]
    expressions: list[n.Expression] = []
    changed = False
    for place, (column, (oid, typmod)) in enumerate(zip(given, wanted, strict=True), 1):
        reference = n.ColumnReference(column.id, column.type, column.typmod, column.name)
        value = coercion.coerce(b, reference, oid, typmod, ASSIGNMENT)
        if value is None:
            detail = f"Actual return type is {b.types.name(column.type)}."
            if shape.row:
                detail = (
                    f"Final statement returns {b.types.name(column.type)} instead of {b.types.name(oid)} "
                    f"at column {place}."
                )
            raise mismatch(b.types, shape.type, detail)
        changed = changed or value is not reference
        expressions.append(value)
    if not changed:
        return query
    columns = tuple(b.output(c.name, e) for c, e in zip(given, expressions, strict=True))
    return replace(query, plan=l.Project(plan, tuple(expressions), columns), columns=columns)
