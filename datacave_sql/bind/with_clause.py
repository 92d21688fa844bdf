"""WITH: common tables by name, recursive ones, and data-modifying ones."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion
from datacave_sql.bind.inlining import with_tables
from datacave_sql.bind.names import CommonName, Scope
from datacave_sql.bind.state import Binding
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
        if item.search is not None or item.cycle is not None:
            raise FeatureNotSupported(
                "SEARCH and CYCLE are not supported",
                hint="Keep the path in a column of the recursive query.",
                position=(item.search or item.cycle or item).position,
            )
        table, columns = _bind_table(b, item, clause, level)
        tables.append(table)
        returns = isinstance(item.statement, ast.Query) or bool(getattr(item.statement, "returning", ()))
        level.commons[item.name] = CommonName(table.id, item.name, columns, returns_rows=returns)
    return tables


def close_with(tables: list[l.CommonTable], clause: ast.WithClause | None, plan: l.LogicalPlan) -> l.LogicalPlan:
    """The plan with its WITH queries round it, or in it where they are read once."""
    if clause is None:
        return plan
    pairs = zip(tables, clause.tables, strict=True)
    return with_tables(tables, {table.id for table, item in pairs if item.materialized}, plan)


def _bind_table(
    b: Binding, item: ast.CommonTable, clause: ast.WithClause, level: Scope
) -> tuple[l.CommonTable, tuple[l.OutputColumn, ...]]:
    statement = item.statement
    if clause.recursive and isinstance(statement, ast.Query) and _mentions(statement, item.name):
        return _recursive(b, item, statement, level)
    if not isinstance(statement, ast.Query) and level.parent is not None and level.parent.boundary:
        raise FeatureNotSupported(
            "WITH clause containing a data-modifying statement must be at the top level", position=item.position
        )
    if isinstance(statement, ast.Merge):
        raise FeatureNotSupported("MERGE not supported in WITH query", position=item.position)
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


def _mentions(node: object, name: str) -> bool:
    """Whether a syntax tree has a bare table reference of this name; inner WITH names are not told apart."""
    if isinstance(node, ast.TableRef):
        return node.name == (name,)
    if isinstance(node, ast.Node):
        return any(_mentions(getattr(node, slot), name) for slot in _slots(type(node)))
    return isinstance(node, tuple) and any(_mentions(part, name) for part in node)


def _slots(kind: type) -> list[str]:
    return [slot for base in kind.__mro__ for slot in getattr(base, "__slots__", ()) if slot != "position"]


def _recursive(
    b: Binding, item: ast.CommonTable, query: ast.Query, level: Scope
) -> tuple[l.CommonTable, tuple[l.OutputColumn, ...]]:
    body = query.body
    if not isinstance(body, ast.SetOperation) or body.operator != "union":
        raise DatacaveError(
            f'recursive query "{item.name}" does not have the form non-recursive-term UNION [ALL] recursive-term',
            sqlstate=sqlstate.INVALID_RECURSION,
            position=item.position,
        )
    _check_form(item, query, body)
    inner = Scope(level)
    if query.with_clause is not None:
        inner_tables = bind_with(b, query.with_clause, inner)
        if inner_tables:
            raise FeatureNotSupported(
                "WITH inside a recursive WITH query is not supported",
                hint="Move the inner WITH queries before the recursive one.",
                position=query.with_clause.position,
            )
    start = b.query(body.left, inner)
    columns = _named(item, start.columns)
    table_id = b.new_id()
    known = dict(inner.commons)
    inner.commons[item.name] = CommonName(table_id, item.name, columns, True)
    step = b.query(body.right, Scope(inner, keep_unknown=True))
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
        if common != column.type:
            raise DatacaveError(
                f'recursive query "{item.name}" column {number} has type {b.types.name(column.type)} in non-recursive '
                f"term but type {b.types.name(common)} overall",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                hint="Cast the output of the non-recursive term to the correct type.",
                position=_target_position(body.left, number) or item.position,
            )
    step = _converted(b, step, columns)
    return l.CommonTable(table_id, item.name, start, step, not body.all), columns


def _target_position(query: ast.Query, number: int) -> int | None:
    body = query.body
    if isinstance(body, ast.Select) and len(body.targets) >= number:
        return body.targets[number - 1].expression.position
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


def _check_form(item: ast.CommonTable, query: ast.Query, body: ast.SetOperation) -> None:
    name = item.name
    if query.order_by:
        raise FeatureNotSupported(
            "ORDER BY in a recursive query is not implemented", position=query.order_by[0].expression.position
        )
    if query.limit is not None:
        raise FeatureNotSupported("LIMIT in a recursive query is not implemented", position=query.limit.position)
    if query.offset is not None:
        raise FeatureNotSupported("OFFSET in a recursive query is not implemented", position=query.offset.position)
    if query.locking:
        raise FeatureNotSupported(
            "FOR UPDATE/SHARE in a recursive query is not implemented", position=query.locking[0].position
        )
    if _mentions(body.left, name):
        raise DatacaveError(
            f'recursive reference to query "{name}" must not appear within its non-recursive term',
            sqlstate=sqlstate.INVALID_RECURSION,
            position=body.left.position,
        )
