"""UPDATE and DELETE: the rows they find, with the hidden columns that lock and write them."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core.catalog import Table
from datacave_sql.bind import (
    assignments,
    coercion,
    cursor_rows,
    descendants,
    operators,
    row_rules,
    row_security,
    targets,
    with_clause,
)
from datacave_sql.bind.from_clause import Relation, bind_from
from datacave_sql.bind.insert import bind_returning
from datacave_sql.bind.names import Scope, Source
from datacave_sql.bind.state import Binding
from datacave_sql.bind.write_target import WriteTarget, find_write_target
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


def _found_rows(
    b: Binding,
    target: WriteTarget,
    others: Sequence[ast.FromItem],
    where: ast.Expression | None,
    level: Scope,
) -> tuple[l.LogicalPlan, Scope, Source, n.Expression | None, Scope]:
    """(rows that qualify, the names in them, the table's source, the condition, names of the other tables)."""
    opened = target.open_rows()
    assert opened.plan is not None
    scope = Scope(level)
    rest = Scope(level)
    plan = opened.plan
    joined: Relation | None = None
    if others:
        joined = bind_from(b, others, rest)
        assert joined is not None
        plan = l.Join("inner", plan, joined.plan, None)
    scope.sources = [opened.source, *rest.sources]
    scope.columns = [*opened.source.columns, *rest.columns]
    tests = [condition for _, condition in opened.conditions if condition is not None]
    if where is not None:
        scope.clause = "WHERE"
        if isinstance(where, ast.CurrentOf):
            test = cursor_rows.bind_current_of(b, where, target, opened)
        else:
            test = coercion.to_boolean(b, b.expression(where, scope), "WHERE")
        plan = l.Filter(plan, test)
        tests.append(test)
    assert opened.base is not None
    return plan, scope, opened.base, operators.conjunction(tests), rest


def target_columns(source: Source) -> tuple[l.OutputColumn, ...]:
    """The columns of a target's scan."""
    return tuple(
        l.OutputColumn(c.expression.column, c.name, c.expression.type, c.expression.typmod, c.table_oid, c.attribute)
        for c in source.columns
        if isinstance(c.expression, n.ColumnReference)
    )


def _guarded(
    b: Binding, target: WriteTarget, source: Source, child: l.LogicalPlan, condition: n.Expression | None, command: str
) -> tuple[l.LogicalPlan, n.Expression | None]:
    """The rows of a write as far as row security lets them be found, and the condition on rows that have changed."""
    table = target.table
    if not table.row_security or source.use is None or source.scan is None:
        return child, condition
    commands = command + ("r" if target.base_use().read else "")
    guard = row_security.guarded(b, table, source, source.scan, commands)
    return row_security.with_guard(child, source.scan, guard), row_security.conditions((source.policy, condition))


def written_members(b: Binding, item: ast.TableRef, table: Table) -> tuple[l.WrittenMember, ...] | None:
    """The tables whose rows are written; None for the named one alone."""
    if item.only:
        return () if table.kind == "p" else None
    members = descendants.members_of(b, table)
    return None if members is None else descendants.written_members(b, table, members)


def bind_update(b: Binding, statement: ast.Update, outer: Scope) -> l.LogicalPlan:
    """The plan of an UPDATE."""
    level = Scope(outer)
    tables = with_clause.bind_with(b, statement.with_clause, level) if statement.with_clause is not None else []
    target = find_write_target(b, statement.table, "update")
    table = target.table
    child, scope, source, condition, rest = _found_rows(b, target, statement.from_items, statement.where, level)
    scope.clause = "UPDATE"
    changes = assignments.bind_assignments(b, statement.assignments, target, scope)
    target.note_updated({number for number, _ in changes})
    row = row_rules.row_columns(b, table)
    key, old = source.hidden
    returning: tuple[n.Expression, ...] | None = None
    outputs: tuple[l.OutputColumn, ...] = ()
    oid_column = 0
    if statement.returning:
        names = target.row_scope(row, "RETURNING")
        oid_column = row_rules.add_table_oid(b, names)
        returning, outputs = bind_returning(b, statement.returning, names, level, rest)
    child, condition = _guarded(b, target, source, child, condition, "w")
    plan: l.LogicalPlan = l.Update(
        table,
        child,
        key.id,
        old.id,
        target_columns(source),
        changes,
        row_rules.generated_values(b, table, row),
        row_rules.checks(b, table, row),
        row,
        condition,
        returning,
        outputs,
        written_members(b, statement.table, table),
        descendants.tests_of(b, table, row),
        descendants.routing(b, table),
        target.view_checks(row),
        row_security.update_checks(b, table, target.base_use(), row),
        oid_column,
    )
    return with_clause.close_with(b, tables, statement.with_clause, plan)


def bind_delete(b: Binding, statement: ast.Delete, outer: Scope) -> l.LogicalPlan:
    """The plan of a DELETE."""
    level = Scope(outer)
    tables = with_clause.bind_with(b, statement.with_clause, level) if statement.with_clause is not None else []
    target = find_write_target(b, statement.table, "delete from")
    target.note_deleted()
    table = target.table
    child, scope, source, condition, _ = _found_rows(b, target, statement.using, statement.where, level)
    key, old = source.hidden
    returning: tuple[n.Expression, ...] | None = None
    outputs: tuple[l.OutputColumn, ...] = ()
    if statement.returning:
        scope.clause = "RETURNING"
        bound = targets.bind_targets(b, statement.returning, scope)
        for item in bound:
            item.expression = targets.settled_target(b, item.expression)
        returning = tuple(item.expression for item in bound)
        outputs = tuple(item.column(b) for item in bound)
    child, condition = _guarded(b, target, source, child, condition, "d")
    members = written_members(b, statement.table, table)
    plan: l.LogicalPlan = l.Delete(
        table, child, key.id, old.id, target_columns(source), condition, returning, outputs, members
    )
    return with_clause.close_with(b, tables, statement.with_clause, plan)
