"""INSERT: columns, rows from VALUES or a query, DEFAULT, identity, ON CONFLICT, RETURNING."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core import sqlstate
from datacave_core.catalog import Column, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import conflict, descendants, partial_assignment, row_rules, row_security, targets, with_clause
from datacave_sql.bind.names import Grouping, Scope
from datacave_sql.bind.postponed import expanded
from datacave_sql.bind.select import place
from datacave_sql.bind.state import Binding
from datacave_sql.bind.write_target import WriteTarget, find_write_target
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for the values of an INSERT: a column, or a part of one."""

    column: Column
    target: ast.AssignmentTarget | None = None

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a column: an element of an array, a field."""
        return self.target is not None and bool(self.target.indirection)


def bind_insert(b: Binding, statement: ast.Insert, outer: Scope) -> l.LogicalPlan:
    """The plan of an INSERT."""
    level = Scope(outer)
    tables = with_clause.bind_with(b, statement.with_clause, level) if statement.with_clause is not None else []
    target = find_write_target(b, statement.table, "insert into")
    table = target.table
    child, written = source_rows(b, statement, target, level)
    if statement.columns:
        target.note_inserted({target.column(one.column, one.position).number for one in statement.columns})
    else:
        target.note_inserted({column.number for column in written})
    row = row_rules.row_columns(b, table)
    plan = insert_plan(b, table, child, written, row, target)
    on_conflict = None
    if statement.on_conflict is not None:
        on_conflict = conflict.bind_on_conflict(b, statement.on_conflict, target, level)
    returning: tuple[n.Expression, ...] | None = None
    outputs: tuple[l.OutputColumn, ...] = ()
    oid_column = xmax_column = 0
    if statement.returning:
        names = target.row_scope(row, "RETURNING")
        oid_column = row_rules.add_table_oid(b, names)
        xmax_column = row_rules.add_xmax(b, names)
        returning, outputs = bind_returning(b, statement.returning, names, level)
        if not any(xmax_column in n.columns_used(one) for one in returning):
            xmax_column = 0
    if on_conflict is not None:
        on_conflict = conflict.secured(b, target, row, on_conflict)
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
        target.view_checks(row),
        row_security.insert_checks(b, table, target.base_use(), row),
        oid_column,
        xmax_column,
    )
    return with_clause.close_with(b, tables, statement.with_clause, plan)


def bind_row(
    b: Binding, when: ast.MergeWhen, target: WriteTarget, scope: Scope
) -> tuple[tuple[int, n.Expression], ...]:
    """The row of an INSERT branch of MERGE: values of all columns that get one, over the columns of `scope`."""
    values: list[n.Expression] = []
    written: list[Column] = []
    if when.values:
        slots = _slots(target, when)
        rows, written = _rows(b, when, target, slots, ast.Values(when.position, (when.values,)), Scope(scope))
        values = rows[0]
    plan = insert_plan(b, target.table, l.Values(((),), ()), written, (), target)
    return (*zip(plan.targets, values, strict=True), *plan.defaults)


def insert_plan(
    b: Binding,
    table: Table,
    child: l.LogicalPlan,
    written: Sequence[Column],
    row: tuple[l.OutputColumn, ...],
    target: WriteTarget | None = None,
) -> l.Insert:
    """An insert of the child's columns into `written`; the other columns get their defaults."""
    given = {column.number for column in written}
    defaults = []
    for own in table.live_columns:
        column = own if target is None else target.default_of(own)
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
    b: Binding, items: Sequence[ast.Target], scope: Scope, level: Scope, others: Scope | None = None
) -> tuple[tuple[n.Expression, ...], tuple[l.OutputColumn, ...]]:
    """RETURNING over the names of the written row, and over the other tables of the statement."""
    scope.parent = level
    if others is not None:
        scope.sources = [*scope.sources, *others.sources]
        scope.columns = [*scope.columns, *others.columns]
    bound = targets.bind_targets(b, items, scope)
    for item in bound:
        item.expression = targets.settled_target(b, item.expression)
    expressions = tuple(item.expression for item in bound)
    return expressions, tuple(item.column(b) for item in bound)


def _slots(target: WriteTarget, statement: ast.Insert | ast.MergeWhen) -> list[Slot]:
    """The places that are named, checked. Raises 42701 for a column named twice."""
    names = list(dict.fromkeys(one.column for one in statement.columns))
    if names:
        target.require(target.with_defaults(names))
    slots: list[Slot] = []
    whole: set[int] = set()
    parts: set[int] = set()
    for one in statement.columns:
        column = target.column(one.column, one.position)
        if column.number in whole or (column.number in parts and not one.indirection):
            raise DatacaveError(
                f'column "{column.name}" specified more than once',
                sqlstate=sqlstate.DUPLICATE_COLUMN,
                position=one.position,
            )
        (parts if one.indirection else whole).add(column.number)
        slots.append(Slot(column, one))
    return slots


def _filled(target: WriteTarget, slots: list[Slot], count: int, statement: ast.Insert | ast.MergeWhen) -> list[Slot]:
    """The places that rows of `count` values fill."""
    if statement.columns:
        return slots[:count]
    names = target.all_columns()[:count]
    target.require(target.with_defaults(names))
    return [Slot(target.column(name, None)) for name in names]


def _width(target: WriteTarget, slots: list[Slot], statement: ast.Insert | ast.MergeWhen) -> int:
    return len(slots) if statement.columns else len(target.all_columns())


def source_rows(
    b: Binding, statement: ast.Insert, target: WriteTarget, level: Scope
) -> tuple[l.LogicalPlan, list[Column]]:
    """The rows to insert and the columns they fill."""
    source = statement.source
    slots = _slots(target, statement)
    if source is None:
        return l.Values(((),), ()), []
    body = source.body
    plain = not (source.with_clause or source.order_by or source.limit or source.offset or source.locking)
    if isinstance(body, ast.Values) and plain:
        return _values(b, statement, target, slots, body, level)
    scope = Scope(level, boundary=True, keep_unknown=True)
    plan = b.query(source, scope)
    count = len(plan.columns)
    position = plan.columns and _query_position(source)
    _check_count(_width(target, slots, statement), count, statement, position if isinstance(position, int) else None)
    written = _filled(target, slots, count, statement)
    skipped = _check_overriding([slot.column for slot in written], statement, None)
    if skipped:
        kept = [place for place, slot in enumerate(written) if slot.column.number not in skipped]
        columns = tuple(plan.columns[place] for place in kept)
        plan = l.Project(plan, tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in columns), columns)
        written = [written[place] for place in kept]
    if any(slot.is_part for slot in written):
        values: list[n.Expression] = [n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in plan.columns]
        filled, whole = _whole_columns(b, written, values, scope)
        return place(b, plan, [targets.TargetItem(c.name, e, None) for c, e in zip(filled, whole, strict=True)]), filled
    columns_written = [slot.column for slot in written]
    return _assigned_plan(b, plan, columns_written), columns_written


def _query_position(source: ast.Query) -> int:
    body = source.body
    if isinstance(body, ast.Select) and body.targets:
        return body.targets[-1].expression.position
    return source.position


def _check_count(width: int, count: int, statement: ast.Insert | ast.MergeWhen, position: int | None) -> None:
    place = position if position is not None else statement.position
    if count > width:
        raise DatacaveError(
            "INSERT has more expressions than target columns", sqlstate=sqlstate.SYNTAX_ERROR, position=place
        )
    if statement.columns and count < width:
        raise DatacaveError(
            "INSERT has more target columns than expressions",
            sqlstate=sqlstate.SYNTAX_ERROR,
            position=statement.columns[count].position,
        )


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


def _whole_columns(
    b: Binding, slots: Sequence[Slot], values: Sequence[n.Expression], scope: Scope
) -> tuple[list[Column], list[n.Expression]]:
    """The columns that values fill, each once, with values made of those of their parts."""
    found: dict[int, tuple[Column, n.Expression]] = {}
    for slot, value in zip(slots, values, strict=True):
        column = slot.column
        if slot.target is not None and slot.is_part:
            empty: n.Expression = n.Constant(None, b.types.base(column.type_oid), column.typmod)
            old = found[column.number][1] if column.number in found else empty
            value = row_rules.assigned(b, partial_assignment.replaced(b, slot.target, old, value, scope), column)
        else:
            value = row_rules.assigned(b, value, column, b.position(value))
        found[column.number] = (column, value)
    return [column for column, _ in found.values()], [value for _, value in found.values()]


def _values(
    b: Binding, statement: ast.Insert, target: WriteTarget, slots: list[Slot], body: ast.Values, level: Scope
) -> tuple[l.LogicalPlan, list[Column]]:
    # A single row is as good as a SELECT: functions in it may return sets.
    single = len(body.rows) == 1
    scope = Scope(level, clause="SELECT" if single else "VALUES", grouping=Grouping() if single else None)
    rows, written = _rows(b, statement, target, slots, body, scope)
    outputs = tuple(l.OutputColumn(b.new_id(), c.name, c.type_oid, c.typmod) for c in written)
    if scope.grouping is not None and scope.grouping.sets:
        plan = expanded(l.Values(((),), ()), scope.grouping.sets)
        return l.Project(plan, tuple(rows[0]), outputs), written
    return l.Values(tuple(tuple(row) for row in rows), outputs), written


def _rows(
    b: Binding,
    statement: ast.Insert | ast.MergeWhen,
    target: WriteTarget,
    slots: list[Slot],
    body: ast.Values,
    scope: Scope,
) -> tuple[list[list[n.Expression]], list[Column]]:
    """Rows that are written out, as values of whole columns."""
    if any(map(targets.has_stars, body.rows)):
        body = ast.Values(body.position, tuple(targets.spelled_row(b, row, scope) for row in body.rows))
    width = len(body.rows[0])
    for row in body.rows:
        if len(row) != width:
            raise DatacaveError(
                "VALUES lists must all be the same length",
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=row[0].position,
            )
    room = _width(target, slots, statement)
    _check_count(room, width, statement, body.rows[0][room].position if width > room else None)
    filled = _filled(target, slots, width, statement)
    skipped = _check_overriding([slot.column for slot in filled], statement, body)
    parts = any(slot.is_part for slot in filled)
    written = [slot.column for slot in filled]
    rows = []
    for row in body.rows:
        values = []
        for node, slot in zip(row, filled, strict=True):
            column = slot.column
            if isinstance(node, ast.DefaultMarker) or column.number in skipped:
                if slot.target is not None and slot.is_part:
                    part = "a subfield" if isinstance(slot.target.indirection[0], str) else "an array element"
                    raise FeatureNotSupported(f"cannot set {part} to DEFAULT", position=slot.target.position)
                values.append(row_rules.default_value(b, target.table, column))
            elif slot.is_part:
                values.append(b.expression(node, scope))
            else:
                values.append(row_rules.assigned(b, b.expression(node, scope), column, node.position))
        if parts:
            written, values = _whole_columns(b, filled, values, scope)
        rows.append(values)
    kept = [place for place, column in enumerate(written) if not column.generated]
    if len(kept) < len(written):
        written = [written[place] for place in kept]
        rows = [[row[place] for place in kept] for row in rows]
    return rows, written


def _check_overriding(
    written: Sequence[Column], statement: ast.Insert | ast.MergeWhen, body: ast.Values | None
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
    return frozenset(skipped)
