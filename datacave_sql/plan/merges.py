"""Plans of MERGE: one generated function per WHEN makes the row that is written."""

from __future__ import annotations

from datacave_sql.exec.merge import Merge, MergeBranch
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
    generated_prelude,
    regenerating,
)


def plan_merge(p: Planner, node: l.Merge, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """The child carries what conditions, assignments and values read, and the hidden columns of the target."""
    available = frozenset(column.id for column in node.child.columns)
    expressions = [e for action in node.actions for _, e in action.assignments]
    expressions += [action.condition for action in node.actions if action.condition is not None]
    if node.recheck is not None:
        expressions.append(node.recheck)
    child = p.plan(node.child, (columns_of(expressions) | {node.key_column, node.old_row_column}) & available)
    row_slot = child.columns.index(node.old_row_column)
    return Merge(
        p.environment.access(node.table),
        child,
        child.columns.index(node.key_column),
        row_slot,
        tuple(_branch(p, node, child, action, row_slot) for action in node.actions),
        fresh_row(p, child, node),
        _unmatched_row(p, child, node),
        condition_function(p, child, node.recheck),
        check_function(p, node.checks, node.row_columns),
        (),
        frozenset(),
        regenerating(p, p.environment.access(node.table), node.generated, node.row_columns),
    )


def _branch(p: Planner, node: l.Merge, child: Operator, action: l.MergeAction, row_slot: int) -> MergeBranch:
    make_new = None
    if action.kind in ("update", "insert"):
        generator = p.generator(scope_of(child.columns, (), "r"), "r")
        update = action.kind == "update"
        texts = [f"o[{slot}]" if update else "None" for slot in range(len(node.table.columns))]
        for number, expression in action.assignments:
            texts[number - 1] = generator.value(expression).text
        lines = [f"o = r[{row_slot}]", f"w = {tuple_text(texts)}"]
        generated = generated_lines(p, generator.namespace, node.generated, node.row_columns, "w")
        if generated:
            generator.prelude += generated_prelude(p, node.generated, node.row_columns)
        make_new = compile_factory(generator, "r", [*lines, *generated, "return w"])
    assigned = {number for number, _ in action.assignments}
    changes_key = any(key.column in assigned for index in node.table.indexes if index.unique for key in index.keys)
    condition = condition_function(p, child, action.condition)
    return MergeBranch(action.matched, action.kind, condition, make_new, changes_key, frozenset(assigned))


def _unmatched_row(p: Planner, child: Operator, node: l.Merge) -> Factory:
    """`run(child_row)`: the child row without the target's values."""
    gone = {column.id for column in node.target_columns} | {node.key_column, node.old_row_column}
    texts = ["None" if column in gone else f"r[{slot}]" for slot, column in enumerate(child.columns)]
    return compile_factory(p.generator({}), "r", [f"return {tuple_text(texts)}"])
