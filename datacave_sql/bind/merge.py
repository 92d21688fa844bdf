"""MERGE: the source, the target's row that each of its rows matches, and what each WHEN does with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import (
    assignments,
    coercion,
    descendants,
    insert,
    relations,
    row_rules,
    row_security,
    with_clause,
)
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.from_clause import Relation, bind_from, scan_table
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.bind.update import target_columns, written_members
from datacave_sql.bind.write_target import WriteTarget, find_write_target
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

_OTHER_KINDS = {
    "v": "views",
    "m": "materialized views",
    "c": "composite types",
    "f": "foreign tables",
}


def bind_merge(b: Binding, statement: ast.Merge, outer: Scope) -> l.LogicalPlan:
    """The plan of a MERGE. Raises 42601 for a WHEN that cannot be reached, 42809, 42712 and what its parts raise."""
    if statement.with_clause is not None and statement.with_clause.recursive:
        raise DatacaveError(
            "WITH RECURSIVE is not supported for MERGE statement",
            sqlstate=sqlstate.SYNTAX_ERROR,
            position=statement.with_clause.position,
        )
    level = Scope(outer)
    tables = with_clause.bind_with(b, statement.with_clause, level) if statement.with_clause is not None else []
    _check_reachable(statement.whens)
    goal = _target(b, statement.table)
    table, use = goal.table, goal.use
    if table.rules:
        raise FeatureNotSupported(
            f'cannot execute MERGE on relation "{table.name}"',
            detail="MERGE is not supported for relations with rules.",
        )
    target = scan_table(b, table, statement.table, True, use)
    source = _source(b, statement, target, level)
    both = Scope(level, target.sources + source.sources, target.columns + source.columns, "JOIN conditions")
    condition = coercion.to_boolean(b, b.expression(statement.condition, both), "JOIN/ON")
    alone = Scope(level, list(source.sources), list(source.columns), out_of_reach=tuple(target.sources))
    kind = "inner" if all(when.matched for when in statement.whens) else "left"
    found = target.sources[0]
    child = l.Join(kind, source.plan, row_security.guarded(b, table, found, target.plan, "r"), condition)
    actions = tuple(_action(b, when, goal, both if when.matched else alone) for when in statement.whens)
    _note_writes(use, actions)
    row = row_rules.row_columns(b, table)
    actions = tuple(_secured(b, action, table, use, row) for action in actions)
    key, old = found.hidden
    members = written_members(b, statement.table, table)
    plan = l.Merge(
        table,
        child,
        key.id,
        old.id,
        target_columns(found),
        actions,
        row_rules.generated_values(b, table, row),
        row,
        row_security.conditions((found.policy, condition)),
        members if members is not None else descendants.written_members(b, table, [table]),
        descendants.routing(b, table),
        descendants.tests_of(b, table, row),
        secured=row_security.merge_insert_checks(b, table, use, row),
    )
    return with_clause.close_with(b, tables, statement.with_clause, plan)


def _secured(
    b: Binding, action: l.MergeAction, table: Table, use: RelationUse, row: tuple[l.OutputColumn, ...]
) -> l.MergeAction:
    """An action with what row security asks of the row that it writes over and of what that becomes."""
    if action.kind == "update":
        existing = row_security.target_checks(b, table, use, row, "w")
        return replace(action, existing=existing, secured=row_security.update_checks(b, table, use, row))
    if action.kind == "delete":
        return replace(action, existing=row_security.target_checks(b, table, use, row, "d"))
    return action


def _note_writes(use: RelationUse, actions: Sequence[l.MergeAction]) -> None:
    for action in actions:
        numbers = {number for number, _ in action.assignments}
        if action.kind == "insert":
            use.inserted = (use.inserted or set()) | numbers
        elif action.kind == "update":
            use.updated = (use.updated or set()) | numbers
        elif action.kind == "delete":
            use.letters = "d"


def _check_reachable(whens: Sequence[ast.MergeWhen]) -> None:
    closed = {True: False, False: False}
    for when in whens:
        if closed[when.matched]:
            raise DatacaveError(
                "unreachable WHEN clause specified after unconditional WHEN clause", sqlstate=sqlstate.SYNTAX_ERROR
            )
        closed[when.matched] = when.condition is None


def _target(b: Binding, item: ast.TableRef) -> WriteTarget:
    found = relations.find_relation(b, item.name, item.position)
    if isinstance(found, Table) and found.kind in _OTHER_KINDS:
        raise DatacaveError(
            f'cannot execute MERGE on relation "{found.name}"',
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            detail=f"This operation is not supported for {_OTHER_KINDS[found.kind]}.",
        )
    return find_write_target(b, item, "merge into")


def _source(b: Binding, statement: ast.Merge, target: Relation, level: Scope) -> Relation:
    scope = Scope(level)
    scope.out_of_reach = tuple(target.sources)
    source = bind_from(b, (statement.source,), scope)
    assert source is not None
    name = target.sources[0].name
    for one in source.sources:
        if one.name == name:
            raise DatacaveError(
                f'name "{name}" specified more than once',
                sqlstate=sqlstate.DUPLICATE_ALIAS,
                detail="The name is used both as MERGE target table and data source.",
                position=statement.source.position,
            )
    return source


def _action(b: Binding, when: ast.MergeWhen, goal: WriteTarget, scope: Scope) -> l.MergeAction:
    condition = None
    if when.condition is not None:
        scope.clause = "MERGE WHEN conditions"
        condition = coercion.to_boolean(b, b.expression(when.condition, scope), "WHEN")
        _check_system_columns(b, condition, scope)
    changes: tuple[tuple[int, n.Expression], ...] = ()
    if when.action == "update":
        scope.clause = "UPDATE"
        changes = assignments.bind_assignments(b, when.assignments, goal, scope)
    elif when.action == "insert":
        changes = insert.bind_row(b, when, goal, scope)
    return l.MergeAction(when.matched, when.action, condition, changes)


def _check_system_columns(b: Binding, condition: n.Expression, scope: Scope) -> None:
    used = n.columns_used(condition)
    for source in scope.sources:
        for column in source.system:
            if column.name != "tableoid" and n.columns_used(column.expression) & used:
                raise DatacaveError(
                    f'cannot use system column "{column.name}" in MERGE WHEN condition',
                    sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
                    position=b.position(condition),
                )
