"""Plans of MERGE: one generated function per WHEN makes the row that is written."""

from __future__ import annotations

from dataclasses import replace

from datacave_core.keycode import table_prefix
from datacave_sql.exec.merge import Merge, MergeBranch, MergeTarget, MergeUpdate
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import Factory, compile_factory, tuple_text
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import Planner, scope_of
from datacave_sql.plan.writes import (
    check_function,
    columns_of,
    condition_function,
    fresh_row,
    generated_lines,
    moving_row,
    regenerating,
    router,
    secured_function,
    stays_in_partition,
    updated_row,
)


def plan_merge(p: Planner, node: l.Merge, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """The child carries what conditions, assignments and values read, and the hidden columns of the target."""
    available = frozenset(column.id for column in node.child.columns)
    expressions = [e for action in node.actions for _, e in action.assignments]
    expressions += [action.condition for action in node.actions if action.condition is not None]
    if node.recheck is not None:
        expressions.append(node.recheck)
    child = p.plan(node.child, (columns_of(expressions) | {node.key_column, node.old_row_column}) & available)
    return Merge(
        node.table,
        child,
        child.columns.index(node.key_column),
        child.columns.index(node.old_row_column),
        tuple(_branch(p, node, child, action) for action in node.actions),
        {table_prefix(one.table.storage_id, 0): _target(p, node, child, one) for one in node.members},
        table_prefix(node.table.storage_id, 0),
        router(p, node, child),
        router(p, replace(node, secured=()), child) if node.secured else None,
        _unmatched_row(p, child, node),
        condition_function(p, child, node.recheck),
        (),
        frozenset(),
    )


def _branch(p: Planner, node: l.Merge, child: Operator, action: l.MergeAction) -> MergeBranch:
    make_insert = None
    if action.kind == "insert":
        generator = p.generator(scope_of(child.columns, (), "r"), "r")
        texts = ["None"] * len(node.table.columns)
        for number, expression in action.assignments:
            texts[number - 1] = generator.value(expression).text
        lines = [f"w = {tuple_text(texts)}"]
        # A partition computes its generated columns itself.
        if node.routing is None:
            lines += generated_lines(p, generator, node.generated, node.row_columns, "w")
        make_insert = compile_factory(generator, "r", [*lines, "return w"])
    return MergeBranch(action.matched, action.kind, condition_function(p, child, action.condition), make_insert)


def _target(p: Planner, node: l.Merge, child: Operator, member: l.WrittenMember) -> MergeTarget:
    """What is done to the rows of one table; its attributes stand for those of the table that is named."""
    access = p.environment.access(member.table)
    updates = {
        place: _update(p, child, node, action, member)
        for place, action in enumerate(node.actions)
        if action.kind == "update"
    }
    assigned = {number for update in updates.values() for number in update.assigned}
    if access.triggers is not None:
        assigned = set(range(1, len(member.table.columns) + 1))
    stays = None
    tests: tuple[l.PartitionTest, ...] = ()
    if node.routing is not None:
        stays = stays_in_partition(p, member, assigned)
    else:
        tests = member.tests
    existing = {
        place: secured_function(p, action.existing, node.row_columns, member.attributes)
        for place, action in enumerate(node.actions)
    }
    return MergeTarget(
        access,
        updates,
        existing,
        secured_function(p, node.secured, node.row_columns, member.attributes),
        fresh_row(p, child, node, member.attributes),
        check_function(p, member.checks, member.row_columns, tests),
        regenerating(p, access, member.generated, member.row_columns),
        stays,
        moving_row(p, member.attributes) if node.routing is not None else None,
    )


def _update(p: Planner, child: Operator, node: l.Merge, action: l.MergeAction, member: l.WrittenMember) -> MergeUpdate:
    numbers = member.attributes
    make_new = updated_row(p, child, node, action.assignments, member)
    assigned = frozenset(numbers[number - 1] for number, _ in action.assignments)
    changes_key = any(key.column in assigned for index in member.table.indexes if index.unique for key in index.keys)
    make_secured = secured_function(p, action.secured, node.row_columns, numbers)
    return MergeUpdate(make_new, make_secured, assigned, changes_key)


def _unmatched_row(p: Planner, child: Operator, node: l.Merge) -> Factory:
    """`run(child_row)`: the child row without the target's values."""
    gone = {column.id for column in node.target_columns} | {node.key_column, node.old_row_column}
    texts = ["None" if column in gone else f"r[{slot}]" for slot, column in enumerate(child.columns)]
    return compile_factory(p.generator({}), "r", [f"return {tuple_text(texts)}"])
