"""Queries: WITH, then a SELECT, VALUES or set operation, then ORDER BY, LIMIT and locking of the whole."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, ordering, system_time, with_clause
from datacave_sql.bind.names import Scope, Source, SourceColumn
from datacave_sql.bind.select import bind_limit, bind_select, limited
from datacave_sql.bind.sorting import require_equality
from datacave_sql.bind.state import Binding, place_of
from datacave_sql.bind.targets import TargetItem, has_stars, spelled_row
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


def bind_query(b: Binding, query: ast.Query, scope: Scope) -> l.LogicalPlan:
    """The plan of a query inside the names of `scope`."""
    body = query.body
    with system_time.reading(b, body.as_of if isinstance(body, ast.Select) else None):
        return _bind_query(b, query, scope)


def _bind_query(b: Binding, query: ast.Query, scope: Scope) -> l.LogicalPlan:
    level = Scope(scope, keep_unknown=scope.keep_unknown, locked=scope.locked)
    tables = with_clause.bind_with(b, query.with_clause, level) if query.with_clause is not None else []
    body = query.body
    if isinstance(body, ast.Select):
        plan = bind_select(b, query, body, level)
    else:
        if query.locking:
            words = f"FOR {query.locking[0].strength.upper()}"
            what = "VALUES" if isinstance(body, ast.Values) else "UNION/INTERSECT/EXCEPT"
            message = (
                f"{words} cannot be applied to VALUES" if what == "VALUES" else f"{words} is not allowed with {what}"
            )
            raise FeatureNotSupported(message)
        if isinstance(body, ast.Values):
            plan = bind_values(b, body, level)
        else:
            plan = bind_set_operation(b, body, level)
        plan = _tail(b, query, plan, level)
    return with_clause.close_with(b, tables, query.with_clause, plan)


def _tail(b: Binding, query: ast.Query, plan: l.LogicalPlan, level: Scope) -> l.LogicalPlan:
    """ORDER BY (output columns only) and LIMIT of VALUES and set operations."""
    limit = bind_limit(b, query, level)
    keys: tuple[n.SortKey, ...] = ()
    if query.order_by:
        if any(column.type == oids.UNKNOWN for column in plan.columns):
            plan = with_types(b, plan, [oids.TEXT if c.type == oids.UNKNOWN else c.type for c in plan.columns])
        references = [n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in plan.columns]
        items = [TargetItem(c.name, r, None) for c, r in zip(plan.columns, references, strict=True)]
        if isinstance(query.body, ast.Values):
            columns = tuple(SourceColumn(c.name, r) for c, r in zip(plan.columns, references, strict=True))
            inside = Scope(level, [Source("*VALUES*", columns)], list(columns), "ORDER BY")
        else:
            inside = Scope(None, clause="ORDER BY")
        found = []
        for item in query.order_by:
            e = _output_key(b, item, items, inside, isinstance(query.body, ast.SetOperation))
            found.append(ordering.key_for(b, e, item))
        keys = tuple(found)
        plan = l.Sort(plan, keys)
    return limited(query, plan, limit, keys)


def _output_key(
    b: Binding, item: ast.OrderItem, items: list[TargetItem], scope: Scope, only_names: bool
) -> n.Expression:
    try:
        e = ordering.order_expression(b, item, items, scope)
    except DatacaveError as error:
        if not only_names or error.sqlstate != sqlstate.UNDEFINED_COLUMN:
            raise
        if isinstance(item.expression, ast.ColumnRef):
            raise
        e = n.Constant(None, oids.UNKNOWN)
    if only_names and not any(e is known.expression for known in items):
        raise FeatureNotSupported(
            "invalid UNION/INTERSECT/EXCEPT ORDER BY clause",
            detail="Only result column names can be used, not expressions or functions.",
            hint="Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
            position=place_of(item.expression),
        )
    return e


# --- VALUES ----------------------------------------------------------------------------------------------------------


def bind_values(b: Binding, body: ast.Values, level: Scope) -> l.LogicalPlan:
    """VALUES as a table of columns column1, column2, ... of common types. Raises 42601 for rows of unlike lengths."""
    scope = Scope(level, clause="VALUES")
    if any(map(has_stars, body.rows)):
        body = ast.Values(body.position, tuple(spelled_row(b, row, scope) for row in body.rows))
    width = len(body.rows[0])
    for written in body.rows:
        if len(written) != width:
            raise DatacaveError(
                "VALUES lists must all be the same length",
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=written[0].position if written else body.position,
            )
    rows = [[b.expression(item, scope) for item in row] for row in body.rows]
    columns = []
    for place in range(width):
        values = [row[place] for row in rows]
        if level.keep_unknown and all(value.type == oids.UNKNOWN for value in values):
            common = oids.UNKNOWN
        else:
            values, common = coercion.to_common(b, values, "VALUES")
            for row, value in zip(rows, values, strict=True):
                row[place] = value
        typmods = {value.typmod for value in values if not (isinstance(value, n.Constant) and value.value is None)}
        typmod = typmods.pop() if len(typmods) == 1 else -1
        columns.append(l.OutputColumn(b.new_id(), f"column{place + 1}", common, typmod))
    return l.Values(tuple(tuple(row) for row in rows), tuple(columns))


# --- set operations --------------------------------------------------------------------------------------------------


def bind_set_operation(b: Binding, body: ast.SetOperation, level: Scope) -> l.LogicalPlan:
    """UNION, INTERSECT, EXCEPT: columns by position, of common types; names are the left side's."""
    construct = body.operator.upper()
    left = _operand(b, body.left, level)
    right = _operand(b, body.right, level)
    return combine(b, body, left, right, construct, level.keep_unknown)


def _operand(b: Binding, query: ast.Query, level: Scope) -> l.LogicalPlan:
    inner = Scope(level, keep_unknown=True)
    return bind_query(b, query, inner)


def combine(
    b: Binding,
    body: ast.SetOperation,
    left: l.LogicalPlan,
    right: l.LogicalPlan,
    construct: str,
    keep_unknown: bool,
) -> l.LogicalPlan:
    """The set operation of two bound plans."""
    operator, every, place = body.operator, body.all, body.right
    if len(left.columns) != len(right.columns):
        raise DatacaveError(
            f"each {construct} query must have the same number of columns",
            sqlstate=sqlstate.SYNTAX_ERROR,
            position=_first_position(place),
        )
    types = []
    columns = []
    for one, other in zip(left.columns, right.columns, strict=True):
        if keep_unknown and every and one.type == oids.UNKNOWN and other.type == oids.UNKNOWN:
            type_oid = oids.TEXT
        else:
            pair = [n.ColumnReference(one.id, one.type), n.ColumnReference(other.id, other.type)]
            try:
                type_oid = coercion.matching_type(b, pair, construct)
            except DatacaveError as error:
                raise error.at(_first_position(place)) from None
        types.append(type_oid)
        typmod = one.typmod if one.typmod == other.typmod and one.type == other.type else -1
        columns.append(l.OutputColumn(b.new_id(), one.name, type_oid, typmod))
    left, right = with_types(b, left, types), with_types(b, right, types)
    if not every:
        for column in columns:
            require_equality(b, n.ColumnReference(column.id, column.type), _first_position(body.left))
    return l.SetOperation(operator, every, left, right, tuple(columns))


def _first_position(query: ast.Query) -> int:
    body = query.body
    while isinstance(body, ast.SetOperation):
        body = body.left.body
    if isinstance(body, ast.Select) and body.targets:
        return place_of(body.targets[0].expression)
    if isinstance(body, ast.Values) and body.rows[0]:
        return body.rows[0][0].position
    return query.position


def with_types(b: Binding, plan: l.LogicalPlan, types: Sequence[int], context: str = "i") -> l.LogicalPlan:
    """The plan with its columns coerced to types; untyped literals in its projection are read as these types."""
    if all(column.type == type_oid for column, type_oid in zip(plan.columns, types, strict=True)):
        return plan
    if isinstance(plan, l.Limit) and any(column.type == oids.UNKNOWN for column in plan.columns):
        return l.Limit(with_types(b, plan.child, types, context), plan.count, plan.offset, plan.ties_keys)
    if isinstance(plan, l.With):
        return l.With(plan.tables, with_types(b, plan.child, types, context))
    if isinstance(plan, l.Project):
        expressions = [_converted(b, e, type_oid, context) for e, type_oid in zip(plan.expressions, types, strict=True)]
        columns = [
            column
            if e is before
            else l.OutputColumn(b.new_id(), column.name, e.type, e.typmod, column.table_oid, column.attribute)
            for column, e, before in zip(plan.columns, expressions, plan.expressions, strict=True)
        ]
        return l.Project(plan.child, tuple(expressions), tuple(columns))
    if isinstance(plan, l.Values):
        rows = tuple(
            tuple(_converted(b, e, type_oid, context) for e, type_oid in zip(row, types, strict=True))
            for row in plan.rows
        )
        columns = [
            l.OutputColumn(column.id, column.name, type_oid)
            for column, type_oid in zip(plan.columns, types, strict=True)
        ]
        return l.Values(rows, tuple(columns))
    expressions = [
        _converted(b, n.ColumnReference(c.id, c.type, c.typmod, c.name), type_oid, context)
        for c, type_oid in zip(plan.columns, types, strict=True)
    ]
    columns = [
        column if isinstance(e, n.ColumnReference) else l.OutputColumn(b.new_id(), column.name, e.type, e.typmod)
        for column, e in zip(plan.columns, expressions, strict=True)
    ]
    return l.Project(plan, tuple(expressions), tuple(columns))


def _converted(b: Binding, e: n.Expression, type_oid: int, context: str) -> n.Expression:
    found = coercion.coerce(b, e, type_oid, -1, context)
    if found is None:
        raise coercion.cannot_cast(b, e.type, type_oid, b.position(e))
    return found
