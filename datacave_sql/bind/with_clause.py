"""WITH: common tables by name, recursive ones, and data-modifying ones."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, recursion, search_cycle
from datacave_sql.bind.inlining import with_tables
from datacave_sql.bind.names import CommonName, Scope
from datacave_sql.bind.rule_events import check_one_statement
from datacave_sql.bind.state import Binding, place_of
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import IMPLICIT
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


def bind_with(b: Binding, clause: ast.WithClause, level: Scope) -> list[l.CommonTable]:
    """Binds the WITH queries in order and makes their names known at `level`."""
    tables: list[l.CommonTable] = []
    seen: set[str] = set()
    for item in clause.tables:
        if item.name in seen:
            raise DatacaveError(
                f'WITH query name "{item.name}" specified more than once',
                sqlstate=sqlstate.DUPLICATE_ALIAS,
                position=item.position,
            )
        seen.add(item.name)
    ordered = recursion.in_order(clause.tables) if clause.recursive else clause.tables
    for item in ordered:
        table, columns = _bind_table(b, item, clause, level, tables)
        tables.append(table)
        returns = isinstance(item.statement, ast.Query) or bool(getattr(item.statement, "returning", ()))
        level.commons[item.name] = CommonName(table.id, item.name, columns, returns_rows=returns)
        if item.materialized:
            b.materialized.add(table.id)
    return tables


def close_with(
    b: Binding, tables: list[l.CommonTable], clause: ast.WithClause | None, plan: l.LogicalPlan
) -> l.LogicalPlan:
    """The plan with its WITH queries round it, or in it where they are read once."""
    return plan if clause is None else with_tables(tables, b.materialized, plan)


def _bind_table(
    b: Binding, item: ast.CommonTable, clause: ast.WithClause, level: Scope, tables: list[l.CommonTable]
) -> tuple[l.CommonTable, tuple[l.OutputColumn, ...]]:
    """The table and its columns; what a recursive query has in a WITH of its own goes into `tables` before it."""
    statement = item.statement
    if clause.recursive and any(recursion.mentions(statement, item.name)):
        return _recursive(b, item, recursion.check_recursion(item), level, tables)
    for extra in (item.search, item.cycle):
        if extra is not None:
            raise DatacaveError("WITH query is not recursive", sqlstate=sqlstate.SYNTAX_ERROR, position=item.position)
    if not isinstance(statement, ast.Query) and level.parent is not None and level.parent.boundary:
        raise FeatureNotSupported(
            "WITH clause containing a data-modifying statement must be at the top level", position=item.position
        )
    if isinstance(statement, ast.Merge):
        raise FeatureNotSupported("MERGE not supported in WITH query", position=item.position)
    if isinstance(statement, ast.Insert | ast.Update | ast.Delete):
        check_one_statement(b, statement)
    plan = b.query(statement, Scope(level))
    if not isinstance(statement, ast.Query) and not plan.columns and item.columns:
        raise FeatureNotSupported(f'WITH query "{item.name}" does not have a RETURNING clause', position=item.position)
    return l.CommonTable(b.new_id(), item.name, plan), _named(item, plan.columns)


def _named(item: ast.CommonTable, columns: tuple[l.OutputColumn, ...]) -> tuple[l.OutputColumn, ...]:
    """Columns under the names that the WITH item gives them. Raises 42P10 for too many."""
    if len(item.columns) > len(columns):
        raise DatacaveError(
            f'WITH query "{item.name}" has {len(columns)} columns available but {len(item.columns)} columns specified',
            sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
            position=item.position,
        )
    names = [*item.columns, *(column.name for column in columns[len(item.columns) :])]
    return tuple(
        l.OutputColumn(column.id, name, column.type, column.typmod) for name, column in zip(names, columns, strict=True)
    )


def _recursive(
    b: Binding, item: ast.CommonTable, body: ast.SetOperation, level: Scope, tables: list[l.CommonTable]
) -> tuple[l.CommonTable, tuple[l.OutputColumn, ...]]:
    query = item.statement
    assert isinstance(query, ast.Query)
    if item.search is not None or item.cycle is not None:
        search_cycle.check_form(item, body)
    inner = Scope(level)
    if query.with_clause is not None:
        tables += bind_with(b, query.with_clause, inner)
    start = b.query(body.left, inner)
    columns = _named(item, start.columns)
    table_id = b.new_id()
    known = dict(inner.commons)
    inner.commons[item.name] = CommonName(table_id, item.name, columns, True)
    b.recursing.add(table_id)
    step = b.query(body.right, Scope(inner, keep_unknown=True))
    b.recursing.discard(table_id)
    inner.commons = known
    if len(step.columns) != len(columns):
        raise DatacaveError(
            "each UNION query must have the same number of columns",
            sqlstate=sqlstate.SYNTAX_ERROR,
            position=body.right.position,
        )
    for number, (column, found) in enumerate(zip(columns, step.columns, strict=True), 1):
        if found.type == oids.UNKNOWN:
            continue
        pair = [n.ColumnReference(column.id, column.type), n.ColumnReference(found.id, found.type)]
        common = coercion.matching_type(b, pair, "UNION")
        typmod = column.typmod if found.typmod == column.typmod else -1
        if common != column.type or typmod != column.typmod:
            raise DatacaveError(
                f'recursive query "{item.name}" column {number} has type {b.types.name(column.type, column.typmod)} in '
                f"non-recursive term but type {b.types.name(common, typmod)} overall",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                hint="Cast the output of the non-recursive term to the correct type.",
                position=_target_position(body.left, number) or item.position,
            )
    step = _converted(b, step, columns)
    if item.search is not None or item.cycle is not None:
        carried = search_cycle.CarriedColumns(b, item, columns)
        start, step = carried.start(start), carried.step(step, table_id)
        columns += tuple(carried.columns)
    return l.CommonTable(table_id, item.name, start, step, not body.all), columns


def _target_position(query: ast.Query, number: int) -> int | None:
    body = query.body
    if isinstance(body, ast.Select) and len(body.targets) >= number:
        return place_of(body.targets[number - 1].expression)
    return None


def _converted(b: Binding, plan: l.LogicalPlan, columns: tuple[l.OutputColumn, ...]) -> l.LogicalPlan:
    if all(found.type == column.type for found, column in zip(plan.columns, columns, strict=True)):
        return plan
    expressions = []
    outputs = []
    for found, column in zip(plan.columns, columns, strict=True):
        e: n.Expression | None = n.ColumnReference(found.id, found.type, found.typmod, found.name)
        assert e is not None
        e = coercion.coerce(b, e, column.type, -1, IMPLICIT)
        assert e is not None
        expressions.append(e)
        outputs.append(found if e.type == found.type else b.output(found.name, e))
    return l.Project(plan, tuple(expressions), tuple(outputs))
