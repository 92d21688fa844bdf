"""INSERT: columns, rows from VALUES or a query, DEFAULT, identity, ON CONFLICT, RETURNING."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.catalog import Column, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import conflict, descendants, row_rules, targets, with_clause
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.names import Scope
from datacave_sql.bind.select import place
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


def bind_insert(b: Binding, statement: ast.Insert, outer: Scope) -> l.LogicalPlan:
    """The plan of an INSERT."""
    level = Scope(outer)
    tables = with_clause.bind_with(b, statement.with_clause, level) if statement.with_clause is not None else []
    table = row_rules.writable_table(b, statement.table, "insert into")
    use = b.use(table, selects=False)
    columns = _target_columns(table, statement)
    child, written = _source(b, statement, table, columns, level)
    use.inserted = {column.number for column in (columns if statement.columns else written)}
    row = row_rules.row_columns(b, table)
    plan = insert_plan(b, table, child, written, row)
    name = statement.table.alias.name if statement.table.alias is not None else table.name
    on_conflict = None
    if statement.on_conflict is not None:
        on_conflict = conflict.bind_on_conflict(b, statement.on_conflict, table, name, level, use)
    returning: tuple[n.Expression, ...] | None = None
    outputs: tuple[l.OutputColumn, ...] = ()
    if statement.returning:
        returning, outputs = bind_returning(b, statement.returning, table, row, name, level, use)
    plan = l.Insert(
        table,
        plan.child,
        plan.targets,
        plan.defaults,
        plan.generated,
        plan.checks,
        row,
        on_conflict,
        returning,
        outputs,
        plan.tests,
        descendants.with_arbiters(b, plan.routing, table, on_conflict),
    )
    return with_clause.close_with(tables, statement.with_clause, plan)


def bind_row(b: Binding, when: ast.MergeWhen, table: Table, scope: Scope) -> tuple[tuple[int, n.Expression], ...]:
    """The row of an INSERT branch of MERGE: values of all columns that get one, over the columns of `scope`."""
    child: l.LogicalPlan = l.Values(((),), ())
    written: list[Column] = []
    if when.values:
        columns = _target_columns(table, when)
        child, written = _values(b, when, table, columns, ast.Values(when.position, (when.values,)), scope)
    plan = insert_plan(b, table, child, written, ())
    assert isinstance(child, l.Values)
    return (*zip(plan.targets, child.rows[0], strict=True), *plan.defaults)


def insert_plan(
    b: Binding, table: Table, child: l.LogicalPlan, written: Sequence[Column], row: tuple[l.OutputColumn, ...]
) -> l.Insert:
    """An insert of the child's columns into `written`; the other columns get their defaults."""
    given = {column.number for column in written}
    defaults = []
    for column in table.live_columns:
        if column.number not in given and not column.generated:
            value = row_rules.default_value(b, table, column)
            if not (isinstance(value, n.Constant) and value.value is None):
                defaults.append((column.number, value))
    routed = bool(row) and table.kind == "p"
    return l.Insert(
        table,
        child,
        tuple(column.number for column in written),
        tuple(defaults),
        row_rules.generated_values(b, table, row) if row and not routed else (),
        row_rules.checks(b, table, row) if row and not routed else (),
        row,
        None,
        None,
        (),
        descendants.tests_of(b, table, row) if row else (),
        descendants.routing(b, table) if routed else None,
    )


def bind_returning(
    b: Binding,
    items: Sequence[ast.Target],
    table: Table,
    row: tuple[l.OutputColumn, ...],
    name: str,
    level: Scope,
    use: RelationUse | None,
    others: Scope | None = None,
) -> tuple[tuple[n.Expression, ...], tuple[l.OutputColumn, ...]]:
    """RETURNING over the written row, and over the other tables of the statement."""
    scope = row_rules.row_scope(b, table, row, name, "RETURNING", use)
    scope.parent = level
    if others is not None:
        scope.sources = [*scope.sources, *others.sources]
        scope.columns = [*scope.columns, *others.columns]
    bound = targets.bind_targets(b, items, scope)
    for item in bound:
        item.expression = targets.settled_target(b, item.expression)
    expressions = tuple(item.expression for item in bound)
    return expressions, tuple(item.column(b) for item in bound)


def find_target(table: Table, target: ast.AssignmentTarget) -> Column:
    """The column that is written. Raises 42703, and 0A000 for parts of columns."""
    column = table.columns_by_name.get(target.column)
    if column is None:
        raise DatacaveError(
            f'column "{target.column}" of relation "{table.name}" does not exist',
            sqlstate=sqlstate.UNDEFINED_COLUMN,
            position=target.position,
        )
    return column


def _target_columns(table: Table, statement: ast.Insert | ast.MergeWhen) -> list[Column]:
    if not statement.columns:
        return list(table.live_columns)
    columns = []
    for target in statement.columns:
        column = find_target(table, target)
        if target.indirection:
            raise FeatureNotSupported(
                "INSERT into a part of a column is not supported",
                hint="Insert the whole value.",
                position=target.position,
            )
        if column in columns:
            raise DatacaveError(
                f'column "{column.name}" specified more than once',
                sqlstate=sqlstate.DUPLICATE_COLUMN,
                position=target.position,
            )
        columns.append(column)
    return columns


def _source(
    b: Binding, statement: ast.Insert, table: Table, columns: list[Column], level: Scope
) -> tuple[l.LogicalPlan, list[Column]]:
    """The rows to insert and the columns they fill."""
    source = statement.source
    if source is None:
        return l.Values(((),), ()), []
    body = source.body
    plain = not (source.with_clause or source.order_by or source.limit or source.offset or source.locking)
    if isinstance(body, ast.Values) and plain:
        return _values(b, statement, table, columns, body, level)
    scope = Scope(level, boundary=True, keep_unknown=True)
    plan = b.query(source, scope)
    written = _fitting(columns, len(plan.columns), statement, plan.columns and _query_position(source))
    _check_overriding(table, written, statement, None)
    return _assigned_plan(b, plan, written), written


def _query_position(source: ast.Query) -> int:
    body = source.body
    if isinstance(body, ast.Select) and body.targets:
        return body.targets[-1].expression.position
    return source.position


def _fitting(
    columns: list[Column], count: int, statement: ast.Insert | ast.MergeWhen, position: object
) -> list[Column]:
    place = position if isinstance(position, int) else statement.position
    if count > len(columns):
        raise DatacaveError(
            "INSERT has more expressions than target columns", sqlstate=sqlstate.SYNTAX_ERROR, position=place
        )
    if statement.columns and count < len(columns):
        raise DatacaveError(
            "INSERT has more target columns than expressions",
            sqlstate=sqlstate.SYNTAX_ERROR,
            position=statement.columns[count].position,
        )
    return columns[:count]


def _assigned_plan(b: Binding, plan: l.LogicalPlan, written: list[Column]) -> l.LogicalPlan:
    """The plan's columns as values of the table's columns; untyped literals in it are read as these."""
    if isinstance(plan, l.Limit):
        return l.Limit(_assigned_plan(b, plan.child, written), plan.count, plan.offset, plan.ties_keys)
    if isinstance(plan, l.With):
        return l.With(plan.tables, _assigned_plan(b, plan.child, written))
    if isinstance(plan, l.Project):
        expressions = [row_rules.assigned(b, e, column) for e, column in zip(plan.expressions, written, strict=True)]
        items = [targets.TargetItem(column.name, e, None) for e, column in zip(expressions, written, strict=True)]
        return place(b, plan.child, items)
    items = [
        targets.TargetItem(
            column.name, row_rules.assigned(b, n.ColumnReference(c.id, c.type, c.typmod, c.name), column), None
        )
        for c, column in zip(plan.columns, written, strict=True)
    ]
    if all(isinstance(item.expression, n.ColumnReference) for item in items):
        return plan
    return place(b, plan, items)


def _values(
    b: Binding,
    statement: ast.Insert | ast.MergeWhen,
    table: Table,
    columns: list[Column],
    body: ast.Values,
    level: Scope,
) -> tuple[l.LogicalPlan, list[Column]]:
    width = len(body.rows[0])
    for row in body.rows:
        if len(row) != width:
            raise DatacaveError(
                "VALUES lists must all be the same length",
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=row[0].position,
            )
    extra = body.rows[0][len(columns)].position if width > len(columns) else None
    written = _fitting(columns, width, statement, extra)
    scope = Scope(level, clause="VALUES")
    skipped = _check_overriding(table, written, statement, body)
    rows = []
    for row in body.rows:
        values = []
        for node, column in zip(row, written, strict=True):
            if isinstance(node, ast.DefaultMarker) or column.number in skipped:
                values.append(row_rules.default_value(b, table, column))
            else:
                values.append(_value(b, node, column, scope))
        rows.append(tuple(values))
    kept = [slot for slot, column in enumerate(written) if not column.generated]
    if len(kept) < len(written):
        written = [written[slot] for slot in kept]
        rows = [tuple(row[slot] for slot in kept) for row in rows]
    outputs = tuple(l.OutputColumn(b.new_id(), c.name, c.type_oid, c.typmod) for c in written)
    return l.Values(tuple(rows), outputs), written


def _value(b: Binding, node: ast.Expression, column: Column, scope: Scope) -> n.Expression:
    e = b.expression(node, scope)
    return row_rules.assigned(b, e, column, node.position)


def _check_overriding(
    table: Table, written: Sequence[Column], statement: ast.Insert | ast.MergeWhen, body: ast.Values | None
) -> frozenset[int]:
    """Columns whose given values are ignored (OVERRIDING USER VALUE). Raises 428C9 for values that may not be given."""
    skipped = set()
    for slot, column in enumerate(written):
        all_default = body is not None and all(isinstance(row[slot], ast.DefaultMarker) for row in body.rows)
        if all_default:
            continue
        if column.generated:
            raise DatacaveError(
                f'cannot insert a non-DEFAULT value into column "{column.name}"',
                sqlstate=sqlstate.GENERATED_ALWAYS,
                detail=f'Column "{column.name}" is a generated column.',
            )
        if column.identity and statement.overriding == "user":
            skipped.add(column.number)
        elif column.identity == "a" and statement.overriding != "system":
            raise DatacaveError(
                f'cannot insert a non-DEFAULT value into column "{column.name}"',
                sqlstate=sqlstate.GENERATED_ALWAYS,
                detail=f'Column "{column.name}" is an identity column defined as GENERATED ALWAYS.',
                hint="Use OVERRIDING SYSTEM VALUE to override.",
            )
    if skipped and body is None:
        raise FeatureNotSupported(
            "OVERRIDING USER VALUE with a query is not supported", hint="Leave the identity column out."
        )
    return frozenset(skipped)
