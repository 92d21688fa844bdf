"""Plans of what locks and writes rows: INSERT, UPDATE, DELETE, SELECT FOR UPDATE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from datacave_core.catalog import Table
from datacave_core.keycode import table_prefix
from datacave_sql.exec.lock_rows import LockedTable, LockRows
from datacave_sql.exec.modify import ConflictAction, Delete, Insert, Update
from datacave_sql.exec.modify_members import ModifyMembers
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.routed_insert import RoutedInsert
from datacave_sql.exec.row_writer import ViewCheck
from datacave_sql.exec.rowfunction import Factory, compile_factory, tuple_text
from datacave_sql.exec.table_scan import KeyLookup
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.plan import logical as l
from datacave_sql.plan.planning import Planner, scope_of
from datacave_sql.plan.routing import route_level, stays_function, test_texts
from datacave_sql.table.access import TableAccess


def plan_insert(p: Planner, node: l.Insert, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """Child rows are completed by defaults, then by generated columns, checked and written."""
    child = p.root(node.child)
    width = len(node.table.columns)
    generator = p.generator(scope_of(child.columns, child.not_null, "r"), "r")
    texts = ["None"] * width
    for slot, number in enumerate(node.targets):
        texts[number - 1] = f"r[{slot}]"
    for number, default in node.defaults:
        texts[number - 1] = generator.value(default).text
    item = tuple_text(texts)
    if texts == [f"r[{slot}]" for slot in range(len(child.columns))]:
        item = "r"
    generated = generated_lines(p, generator, node.generated, node.row_columns, "w")
    if generated:
        lines = ["out = []", "for r in rows:", f"    w = {item}", *(f"    {line}" for line in generated)]
        lines += ["    out.append(w)", "return out"]
    else:
        lines = ["return rows"] if item == "r" else [f"return [{item} for r in rows]"]
    make_rows = compile_factory(generator, "rows", lines)
    if node.routing is not None:
        return _routed_insert(p, node, node.routing, child, make_rows)
    access = p.environment.access(node.table)
    conflict = None
    if node.on_conflict is not None:
        conflict = conflict_action(p, node, node.on_conflict, itself(node), node.on_conflict.index_numbers)
    row_scope = scope_of([column.id for column in node.row_columns], (), "r")
    make_returning = None
    if node.returning is not None:
        returning = p.generator({**row_scope, **table_oid(node, node.table)}, "r")
        row = tuple_text([returning.value(e).text for e in node.returning])
        make_returning = compile_factory(returning, "rows", [f"return [{row} for r in rows]"])
    numbers = tuple(range(1, len(node.row_columns) + 1))
    make_check = check_function(p, node.checks, node.row_columns, node.tests, ViewTests(node, numbers))
    columns = tuple(column.id for column in node.columns)
    make_generated = regenerating(p, access, node.generated, node.row_columns)
    marks = bool(node.xmax_column)
    return Insert(
        access, child, make_rows, make_check, make_returning, conflict, columns, frozenset(), make_generated, marks
    )


def regenerating(
    p: Planner,
    access: TableAccess,
    generated: Sequence[tuple[int, n.Expression]],
    row_columns: Sequence[l.OutputColumn],
) -> Factory | None:
    """`run(row)`: the row with its generated columns computed anew, where triggers may have changed it."""
    if access.triggers is None or not generated:
        return None
    generator = p.generator({}, "w")
    lines = generated_lines(p, generator, generated, row_columns, "w")
    return compile_factory(generator, "w", [*lines, "return w"])


def row_scope(columns: Sequence[l.OutputColumn], variable: str) -> dict[int, Code]:
    """How generated code reads the columns of a complete table row."""
    return {column.id: Code(f"{variable}[{slot}]", True, True) for slot, column in enumerate(columns)}


def generated_lines(
    p: Planner,
    generator: Generator,
    generated: Sequence[tuple[int, n.Expression]],
    row_columns: Sequence[l.OutputColumn],
    variable: str,
) -> list[str]:
    """Statements that fill the generated columns of the row in `variable`; what they need becomes `generator`'s."""
    if not generated:
        return []
    inner = p.generator(row_scope(row_columns, variable), variable)
    inner.namespace = generator.namespace
    lines = []
    for number, expression in generated:
        text = inner.value(expression).text
        lines.append(f"{variable} = {variable}[:{number - 1}] + ({text},) + {variable}[{number}:]")
    generator.prelude += inner.prelude
    return lines


def updated_row(
    p: Planner,
    child: Operator,
    node: l.Update | l.Merge,
    assignments: Sequence[tuple[int, n.Expression]],
    member: l.WrittenMember,
) -> Factory:
    """`run(child_row)`: the row of one table with what is assigned to it; `member` says where its attributes are."""
    generator = p.generator(scope_of(child.columns, (), "r"), "r")
    texts = [f"o[{slot}]" for slot in range(len(member.table.columns))]
    for number, expression in assignments:
        texts[member.attributes[number - 1] - 1] = generator.value(expression).text
    lines = [f"o = r[{child.columns.index(node.old_row_column)}]", f"w = {tuple_text(texts)}"]
    lines += generated_lines(p, generator, member.generated, member.row_columns, "w")
    return compile_factory(generator, "r", [*lines, "return w"])


class ViewTests(NamedTuple):
    """The check options of a write through views; `numbers` are a written row's attribute numbers for those of the
    table that the views lead to."""

    node: l.Insert | l.Update | l.Merge
    numbers: Sequence[int]


def check_function(
    p: Planner,
    checks: Sequence[tuple[l.CheckName, n.Expression]],
    row_columns: Sequence[l.OutputColumn],
    tests: Sequence[l.PartitionTest] = (),
    views: ViewTests | None = None,
    secured: l.Secured | None = None,
) -> Factory | None:
    """`run(row)`: the name of the first CHECK that is false, or None; NULL passes. "" is the bound of a partition.

    Then come the check options of views: what they do not hold for fails, and a ViewCheck is given. Row security (that
    of the node, or what is given as `secured`) is asked first.
    """
    view_checks = views.node.view_checks if views is not None else ()
    if secured is None:
        secured = views.node.secured if views is not None else ()
    if not checks and not tests and not view_checks and not secured:
        return None
    scope = row_scope(row_columns, "r")
    if views is not None and (view_checks or secured):
        scope |= member_scope(views.node.row_columns, "r", views.numbers)
    generator = p.generator(scope, "r")
    lines = []
    for name, condition in (*secured, *checks):
        lines += [f"if {generator.falsity(condition)}:", f"    return {name!r}"]
    for text in test_texts(p, generator, tests):
        lines += [f"if not ({text}):", "    return ''"]
    for name, condition in view_checks:
        failed = generator.name("v", ViewCheck(name))
        lines += [f"if not ({generator.truth(condition)}):", f"    return {failed}"]
    return compile_factory(generator, "r", [*lines, "return None"])


def itself(node: l.Insert | l.Update) -> l.WrittenMember:
    """The table that is named as the one that is written."""
    numbers = tuple(column.number for column in node.table.columns)
    return l.WrittenMember(node.table, numbers, node.generated, node.checks, node.row_columns, node.tests)


def secured_function(
    p: Planner, secured: l.Secured, columns: Sequence[l.OutputColumn], numbers: Sequence[int]
) -> Factory | None:
    """`run(row)`: the name of what row security does not let pass, or None; `numbers` are ViewTests's."""
    if not secured:
        return None
    generator = p.generator(member_scope(columns, "r", numbers), "r")
    lines = []
    for name, test in secured:
        lines += [f"if {generator.falsity(test)}:", f"    return {name!r}"]
    return compile_factory(generator, "r", [*lines, "return None"])


def conflict_action(
    p: Planner, node: l.Insert, action: l.OnConflict, member: l.WrittenMember, index_numbers: tuple[int, ...]
) -> ConflictAction:
    """ON CONFLICT for the rows of one table; its attributes stand for those of the table that is named."""
    if not action.assignments:
        return ConflictAction(index_numbers, None, None)
    numbers = member.attributes
    scope = {**member_scope(action.existing, "o", numbers), **member_scope(action.excluded, "w", numbers)}
    update = p.generator(scope, "o", "w")
    texts = [f"o[{slot}]" for slot in range(len(member.table.columns))]
    for number, expression in action.assignments:
        texts[numbers[number - 1] - 1] = update.value(expression).text
    lines = [f"n = {tuple_text(texts)}"]
    lines += generated_lines(p, update, member.generated, member.row_columns, "n")
    make_update = compile_factory(update, "o, w", [*lines, "return n"])
    make_condition = None
    if action.predicate is not None:
        condition = p.generator(scope, "o", "w")
        make_condition = compile_factory(condition, "o, w", [f"return {condition.truth(action.predicate)}"])
    make_existing_check = secured_function(p, action.secured_existing, action.existing, numbers)
    keys = {key.column for index in member.table.indexes if index.unique for key in index.keys}
    return ConflictAction(
        index_numbers,
        make_update,
        make_condition,
        make_existing_check,
        check_function(p, member.checks, member.row_columns, member.tests, ViewTests(node, numbers), action.secured),
        frozenset(numbers[number - 1] for number, _ in action.assignments),
        any(numbers[number - 1] in keys for number, _ in action.assignments),
    )


def table_oid(node: l.Insert | l.Update, table: Table) -> dict[int, Code]:
    """How RETURNING reads the oid of the table that a row is in, and xmax behind the row's values."""
    codes = {node.oid_column: Code(str(table.oid), False, True)} if node.oid_column else {}
    if isinstance(node, l.Insert) and node.xmax_column:
        width = len(table.columns)
        codes[node.xmax_column] = Code(f"(r[{width}] if len(r) > {width} else 0)", False)
    return codes


def member_scope(columns: Sequence[l.OutputColumn], variable: str, numbers: Sequence[int]) -> dict[int, Code]:
    """How the row of a table gives the columns of the table that is named."""
    return {
        column.id: Code(f"{variable}[{numbers[slot] - 1}]", True, True)
        for slot, column in enumerate(columns)
        if numbers[slot]
    }


def _routed_insert(p: Planner, node: l.Insert, routing: l.Routing, child: Operator, make_rows: Factory) -> RoutedInsert:
    leaves = []
    for place, leaf in enumerate(routing.leaves):
        conflict = None
        if node.on_conflict is not None:
            numbers = routing.arbiters[place] if routing.arbiters else ()
            conflict = conflict_action(p, node, node.on_conflict, leaf, numbers)
        make_returning = None
        if node.returning is not None:
            written = {**member_scope(node.row_columns, "r", leaf.attributes), **table_oid(node, leaf.table)}
            returning = p.generator(written, "r")
            row = tuple_text([returning.value(e).text for e in node.returning])
            make_returning = compile_factory(returning, "rows", [f"return [{row} for r in rows]"])
        leaves.append(_leaf_insert(p, node, child, leaf, conflict, make_returning))
    return RoutedInsert(
        f"Insert on {node.table.name}",
        child,
        make_rows,
        route_level(p, routing.partitioning, routing.row_columns),
        tuple(leaves),
        node.returning is not None,
        stays_function(p, node.tests, node.row_columns),
        tuple(column.id for column in node.columns),
        frozenset(),
    )


def _leaf_insert(
    p: Planner,
    node: l.Insert | l.Update | l.Merge,
    child: Operator,
    leaf: l.WrittenMember,
    conflict: ConflictAction | None = None,
    make_returning: Factory | None = None,
) -> Insert:
    """The insert of rows of the partitioned table into one partition."""
    generator = p.generator({}, "r")
    texts = ["None"] * len(leaf.table.columns)
    for slot, number in enumerate(leaf.attributes):
        if number:
            texts[number - 1] = f"r[{slot}]"
    generated = generated_lines(p, generator, leaf.generated, leaf.row_columns, "w")
    if generated:
        lines = ["out = []", "for r in rows:", f"    w = {tuple_text(texts)}", *(f"    {line}" for line in generated)]
        lines += ["    out.append(w)", "return out"]
    elif texts == [f"r[{slot}]" for slot in range(len(leaf.attributes))]:
        lines = ["return rows"]
    else:
        lines = [f"return [{tuple_text(texts)} for r in rows]"]
    make_rows = compile_factory(generator, "rows", lines)
    access = p.environment.access(leaf.table)
    # Triggers may turn a row into one of another partition.
    tests = leaf.tests if access.triggers is not None else ()
    make_check = check_function(p, leaf.checks, leaf.row_columns, tests, ViewTests(node, leaf.attributes))
    make_generated = regenerating(p, access, leaf.generated, leaf.row_columns)
    marks = isinstance(node, l.Insert) and bool(node.xmax_column)
    return Insert(
        access, child, make_rows, make_check, make_returning, conflict, (), frozenset(), make_generated, marks
    )


def router(p: Planner, node: l.Update | l.Merge, child: Operator) -> RoutedInsert | None:
    """What takes complete rows of a partitioned table: those that leave their partition, and new ones of a MERGE.

    For RETURNING it gives the rows back as that table has them, each with the oid of its partition.
    """
    routing = node.routing
    if routing is None:
        return None
    leaves = []
    for leaf in routing.leaves:
        make_back = None
        if node.returning is not None:
            texts = [f"r[{number - 1}]" if number else "None" for number in leaf.attributes]
            back = tuple_text([*texts, str(leaf.table.oid)])
            make_back = compile_factory(p.generator({}, "r"), "rows", [f"return [{back} for r in rows]"])
        leaves.append(_leaf_insert(p, node, child, leaf, None, make_back))
    return RoutedInsert(
        f"Insert on {node.table.name}",
        child,
        lambda context: lambda rows: rows,
        route_level(p, routing.partitioning, routing.row_columns),
        tuple(leaves),
        node.returning is not None,
        stays_function(p, node.tests, node.row_columns),
        (),
        frozenset(),
    )


def _moved_returning(p: Planner, node: l.Update, child: Operator) -> Factory | None:
    """`run(row, child_row)`: RETURNING of a row that the router has given back."""
    if node.returning is None or node.routing is None:
        return None
    scope = {**scope_of(child.columns, (), "r"), **row_scope(node.row_columns, "w")}
    if node.oid_column:
        scope[node.oid_column] = Code(f"w[{len(node.row_columns)}]", False, True)
    returning = p.generator(scope, "w", "r")
    row = tuple_text([returning.value(e).text for e in node.returning])
    return compile_factory(returning, "w, r", [f"return {row}"])


def fresh_row(
    p: Planner,
    child: Operator,
    node: l.Update | l.Delete | l.Merge | l.LockedTable,
    numbers: Sequence[int] | None = None,
) -> Factory:
    """`run(child_row, newest)`: the child row with the target's columns taken from the newest row.

    `numbers` are the attribute numbers that the newest row has for those of the target.
    """
    attributes = {column.id: column.attribute for column in node.target_columns}
    if numbers is not None:
        attributes = {column: numbers[number - 1] for column, number in attributes.items() if number > 0}
    texts = []
    for slot, column in enumerate(child.columns):
        if column == node.old_row_column:
            texts.append("w")
        elif attributes.get(column, 0) > 0:
            texts.append(f"w[{attributes[column] - 1}]")
        else:
            texts.append(f"r[{slot}]")
    return compile_factory(p.generator({}), "r, w", [f"return {tuple_text(texts)}"])


def condition_function(p: Planner, child: Operator, condition: n.Expression | None) -> Factory | None:
    """`run(child_row)`: whether the condition holds."""
    if condition is None:
        return None
    generator = p.generator(scope_of(child.columns, (), "r"), "r")
    return compile_factory(generator, "r", [f"return {generator.truth(condition)}"])


def columns_of(expressions: Sequence[n.Expression]) -> frozenset[int]:
    """Ids of the columns that expressions read."""
    return frozenset(column for e in expressions for column in n.columns_used(e))


def plan_update(p: Planner, node: l.Update, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """The child finds rows and computes nothing: assignments are evaluated on the locked, newest row."""
    available = frozenset(column.id for column in node.child.columns)
    expressions = [e for _, e in node.assignments]
    if node.recheck is not None:
        expressions.append(node.recheck)
    used = columns_of(expressions)
    if node.returning is not None:
        used |= columns_of(node.returning)
    wanted = (used | {node.key_column, node.old_row_column}) & available
    child = p.plan(node.child, wanted)
    if node.members is None:
        return _update(p, node, child, itself(node))
    return ModifyMembers(
        f"Update on {node.table.name}",
        child,
        child.columns.index(node.key_column),
        {table_prefix(one.table.storage_id, 0): _update(p, node, child, one) for one in node.members},
        tuple(column.id for column in node.columns),
        frozenset(),
        router(p, node, child),
        node.table,
    )


def _update(p: Planner, node: l.Update, child: Operator, member: l.WrittenMember) -> Update:
    """The update of the rows that lie in one table; its attributes stand for those of the table that is named."""
    access = p.environment.access(member.table)
    numbers = member.attributes
    key_slot = child.columns.index(node.key_column)
    row_slot = child.columns.index(node.old_row_column)
    make_new = updated_row(p, child, node, node.assignments, member)
    make_returning = None
    if node.returning is not None:
        new_row = member_scope(node.row_columns, "w", numbers)
        new_row |= table_oid(node, member.table)
        returning = p.generator({**scope_of(child.columns, (), "r"), **new_row}, "w", "r")
        row = tuple_text([returning.value(e).text for e in node.returning])
        make_returning = compile_factory(returning, "w, r", [f"return {row}"])
    assigned = {numbers[number - 1] for number, _ in node.assignments} | {number for number, _ in member.generated}
    changes_indexed = any(assigned & index.columns for index in access.indexes) or any(
        number in assigned
        for constraint in member.table.constraints
        if constraint.kind == "f"
        for number in constraint.columns
    )
    unique = [index.columns for index in access.indexes if index.index.unique]
    # A trigger may change any column.
    key_columns = {n for columns in unique for n in (columns & assigned if access.triggers is None else columns)}
    return Update(
        access,
        child,
        key_slot,
        row_slot,
        make_new,
        fresh_row(p, child, node, None if node.members is None else numbers),
        condition_function(p, child, node.recheck),
        check_function(p, member.checks, member.row_columns, views=ViewTests(node, numbers)),
        make_returning,
        tuple(sorted(number - 1 for number in key_columns)),
        changes_indexed or access.fires,
        not access.fires and _reads_one_row(child, node),
        tuple(column.id for column in node.columns),
        frozenset(),
        stays_in_partition(
            p, member, assigned if access.triggers is None else set(range(1, len(member.table.columns) + 1))
        ),
        moving_row(p, numbers) if node.routing is not None else None,
        regenerating(p, access, member.generated, member.row_columns),
        frozenset(assigned),
        _moved_returning(p, node, child),
    )


def stays_in_partition(p: Planner, member: l.WrittenMember, assigned: set[int]) -> Factory | None:
    """Whether rows are still in their partition; None where nothing is assigned that could change that."""
    ids = {column.id for column in member.row_columns if column.attribute in assigned}
    tests = [test for test in member.tests if columns_of(test.keys) & ids]
    return stays_function(p, tests, member.row_columns)


def moving_row(p: Planner, numbers: Sequence[int]) -> Factory:
    """`run(row)`: a row of a partition as one of the partitioned table."""
    texts = [f"r[{number - 1}]" if number else "None" for number in numbers]
    return compile_factory(p.generator({}, "r"), "r", [f"return {tuple_text(texts)}"])


def _reads_one_row(child: Operator, node: l.Update) -> bool:
    """Whether the statement reads nothing but rows of its target that it names by key."""
    if not isinstance(child, KeyLookup) or child.as_of is not None:
        return False
    written = (*node.assignments, *node.generated)
    expressions = [*(e for _, e in written), *(e for _, e in (*node.checks, *node.view_checks))]
    expressions += [*(node.returning or ()), *([node.recheck] if node.recheck is not None else [])]
    return not any(isinstance(inner, n.SubqueryExpression) for e in expressions for inner in n.walk(e))


def plan_delete(p: Planner, node: l.Delete, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    available = frozenset(column.id for column in node.child.columns)
    used = columns_of(node.returning or ()) | columns_of([node.recheck] if node.recheck is not None else [])
    child = p.plan(node.child, (used | {node.key_column, node.old_row_column}) & available)
    if node.members is None:
        return _delete(p, node, child, node.table, None)
    return ModifyMembers(
        f"Delete on {node.table.name}",
        child,
        child.columns.index(node.key_column),
        {
            table_prefix(one.table.storage_id, 0): _delete(p, node, child, one.table, one.attributes)
            for one in node.members
        },
        tuple(column.id for column in node.columns),
        frozenset(),
    )


def _delete(p: Planner, node: l.Delete, child: Operator, table: Table, numbers: Sequence[int] | None) -> Delete:
    make_returning = None
    if node.returning is not None:
        generator = p.generator(scope_of(child.columns, (), "r"), "r")
        row = tuple_text([generator.value(e).text for e in node.returning])
        make_returning = compile_factory(generator, "r", [f"return {row}"])
    return Delete(
        p.environment.access(table),
        child,
        child.columns.index(node.key_column),
        child.columns.index(node.old_row_column),
        fresh_row(p, child, node, numbers),
        condition_function(p, child, node.recheck),
        make_returning,
        tuple(column.id for column in node.columns),
        frozenset(),
    )


def plan_lock_rows(p: Planner, node: l.LockRows, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """The child carries the hidden columns of every locked table."""
    hidden = frozenset(column for table in node.tables for column in (table.key_column, table.old_row_column))
    available = frozenset(column.id for column in node.child.columns)
    used = columns_of([node.recheck]) if node.recheck is not None else frozenset()
    child = p.plan(node.child, (needed | hidden | used) & available, conjuncts)
    tables = tuple(
        LockedTable(
            table.table.name,
            child.columns.index(table.key_column),
            child.columns.index(table.old_row_column),
            fresh_row(p, child, table),
            p.environment.access(table.table).from_physical,
            () if table.members is not None else _unique_slots(p, table.table),
            _locked_members(p, child, table),
        )
        for table in node.tables
    )
    recheck = condition_function(p, child, node.recheck)
    return LockRows(child, tables, node.mode, node.policy, recheck, child.columns, child.not_null)


def _unique_slots(p: Planner, table: Table) -> tuple[int, ...]:
    unique = [index.columns for index in p.environment.access(table).indexes if index.index.unique]
    return tuple(sorted({number - 1 for columns in unique for number in columns}))


def _locked_members(p: Planner, child: Operator, table: l.LockedTable) -> dict[bytes, tuple[Factory, object]] | None:
    if table.members is None:
        return None
    return {
        table_prefix(member.storage_id, 0): (
            fresh_row(p, child, table, numbers),
            p.environment.access(member).from_physical,
        )
        for member, numbers in table.members
    }
