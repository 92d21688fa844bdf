"""Plans of aggregation: one generated function finds each row's group and advances its states."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.exec.aggregate import Aggregate, AggregateStep, GroupingPass
from datacave_sql.exec.collected import CollectedInput
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import Factory, compile_factory, tuple_text
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.functions import registry
from datacave_sql.functions.aggregate import AggregateBody
from datacave_sql.plan import logical as l
from datacave_sql.plan.cardinality import estimate_rows, group_count
from datacave_sql.plan.column_plans import column_aggregate
from datacave_sql.plan.extremes import plan_extreme
from datacave_sql.plan.keys import null_aware_key, order_key, sort_value_passes
from datacave_sql.plan.planning import Planner, WantedOrder, comparable, ordering_of, scope_of


def plan_aggregate(p: Planner, node: l.Aggregate, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """Conditions from above stay above: they speak of groups."""
    used: set[int] = set()
    for expression in (*node.groups, *node.aggregates):
        used |= n.columns_used(expression)
    p.wanted_order = grouped_order(p, node)
    child = plan_extreme(p, node, frozenset(used)) or p.plan(node.child, frozenset(used))
    p.wanted_order = None
    sets = node.grouping_sets if node.grouping_sets is not None else (tuple(range(len(node.groups))),)
    bodies = [_body(p, call) for call in node.aggregates]
    if node.grouping_sets is None and (by_columns := column_aggregate(p, node, child, bodies)) is not None:
        return p.filtered(by_columns, conjuncts)
    steps = tuple(_step(p, node, call, body) for call, body in zip(node.aggregates, bodies, strict=True))
    passes = tuple(_pass(p, node, child, bodies, steps, chosen) for chosen in sets)
    columns = tuple(column.id for column in node.columns)
    grouped = set(columns[: len(node.groups)]) if node.grouping_sets is None else set()
    not_null = frozenset(
        column
        for column, group in zip(columns, node.groups, strict=False)
        if column in grouped and isinstance(group, n.ColumnReference) and group.column in child.not_null
    ) | frozenset(
        column
        for column, call in zip(columns[len(node.groups) :], node.aggregates, strict=False)
        if call.function.name == "count"
    )
    keys = ", ".join(p.deparse(group) for group in node.groups)
    ordering = _kept_order(node, child) if node.grouping_sets is None else None
    operator = Aggregate(
        child, passes, steps, node.grouping_column is not None, columns, not_null, keys, ordering is not None,
        ordering or (),
    )  # fmt: skip
    return p.filtered(operator, conjuncts)


def grouped_order(p: Planner, node: l.Aggregate) -> WantedOrder | None:
    """The order of its input in which groups come in the order that is asked for, where few of them are wanted."""
    wanted = p.wanted_order
    if wanted is None or wanted.rows is None or node.grouping_sets is not None or not node.groups:
        return None
    groups = {column.id: group for column, group in zip(node.columns, node.groups, strict=False)}
    keys: list[n.SortKey] = []
    for key in wanted.keys:
        e = key.expression
        group = groups.get(e.column) if isinstance(e, n.ColumnReference) else None
        if not isinstance(group, n.ColumnReference):
            return None
        keys.append(n.SortKey(group, key.descending, key.nulls_first))
    named = {key.expression for key in keys}
    keys += [n.SortKey(group, False, False) for group in node.groups if group not in named]
    share = estimate_rows(p.environment, node.child, ()) / group_count(p.environment, node)
    return WantedOrder(tuple(keys), wanted.rows * share, groups=True)


def _kept_order(node: l.Aggregate, child: Operator) -> tuple[tuple[int, bool, bool], ...] | None:
    """The order of the groups where the rows of each follow each other; None where they do not."""
    columns = {
        group.column: column.id
        for column, group in zip(node.columns, node.groups, strict=False)
        if isinstance(group, n.ColumnReference)
    }
    if len(columns) < len(node.groups) or not columns:
        return None
    first = ordering_of(child)[: len(columns)]
    if {column for column, _, _ in first} != columns.keys():
        return None
    return tuple((columns[column], descending, nulls_first) for column, descending, nulls_first in first)


def _body(p: Planner, call: n.AggregateCall) -> AggregateBody:
    types = tuple(e.type for e in (*call.direct, *call.arguments))
    return registry.bind_aggregate(call.function, types, call.type, p.types)


def _is_collected(call: n.AggregateCall, body: AggregateBody) -> bool:
    return (call.distinct and body is not None) or bool(call.order_by) or body.hypothetical


def _collected_order(call: n.AggregateCall, body: AggregateBody) -> tuple[n.SortKey, ...]:
    """The order in which arguments go in: distinct ones come sorted, as far as that shows."""
    if not call.distinct or not body.order_matters:
        return call.order_by
    named = {key.expression for key in call.order_by}
    return (*call.order_by, *(n.SortKey(e, False, False) for e in call.arguments if e not in named))


def _step(p: Planner, node: l.Aggregate, call: n.AggregateCall, body: AggregateBody) -> AggregateStep:
    collected = None
    hypothetical_key = None
    if _is_collected(call, body):
        passes = sort_value_passes(_collected_order(call, body), p.types)
        keys = [p.types.comparison_key(e.type) for e in call.arguments]
        collected = CollectedInput(null_aware_key(keys) if call.distinct else None, passes)
        if body.hypothetical:
            hypothetical_key = order_key(call.order_by, p.types)
    direct = None
    direct = _direct_arguments(p, node, call) if call.direct else None
    return AggregateStep(body, collected, direct, hypothetical_key)


def _direct_arguments(p: Planner, node: l.Aggregate, call: n.AggregateCall) -> Factory:
    """`run(group)`: the direct arguments, which may use the group's columns and no others. Raises 42803."""
    columns = node.columns[: len(node.groups)]
    groups = {e: n.ColumnReference(column.id, column.type) for e, column in zip(node.groups, columns, strict=True)}
    expressions = [n.transform(e, lambda part: groups.get(part, part)) for e in call.direct]
    grouped = {column.id for column in columns}
    own = {column.id: column.name for column in node.child.columns if column.id not in grouped}
    for column in n.columns_used(n.RowConstructor(tuple(expressions))):
        if column in own:
            raise DatacaveError(
                f'column "{own[column]}" must appear in the GROUP BY clause or be used in an aggregate function',
                sqlstate=sqlstate.GROUPING_ERROR,
                detail="Direct arguments of an ordered-set aggregate must use only grouped columns.",
            )
    generator = p.generator({column.id: Code(f"h[{i}]", True, True) for i, column in enumerate(columns)}, "h")
    text = tuple_text([generator.value(e).text for e in expressions])
    return compile_factory(generator, "h", [f"return {text}"])


def _pass(
    p: Planner,
    node: l.Aggregate,
    child: Operator,
    bodies: Sequence[AggregateBody],
    steps: Sequence[AggregateStep],
    chosen: tuple[int, ...],
) -> GroupingPass:
    scope = scope_of(child.columns, child.not_null, "r")
    make_step: Factory
    make_keys: Factory | None = None
    indexed = False
    if (
        not chosen
        and node.aggregates
        and all(_is_batchable(c, b) for c, b in zip(node.aggregates, bodies, strict=True))
    ):
        make_step = _batch_step(p.generator(scope, "r"), node, bodies)
    else:
        make_step, indexed = _row_step(p, p.generator(scope, "r"), node, bodies, steps, chosen)
        if chosen:
            generator = p.generator(scope, "r")
            text = tuple_text([comparable(generator, node.groups[position]) for position in chosen])
            make_keys = compile_factory(generator, "rows", [f"return [{text} for r in rows]"])
    spread = tuple(chosen.index(i) if i in chosen else None for i in range(len(node.groups)))
    count = len(node.groups)
    mask = sum(1 << i for i in range(count) if i not in chosen)
    return GroupingPass(make_step, make_keys, indexed, spread, mask, not chosen)


def _is_batchable(call: n.AggregateCall, body: AggregateBody) -> bool:
    return body.batch is not None and not _is_collected(call, body) and len(call.arguments) <= 1 and not call.direct


def _batch_step(generator: Generator, node: l.Aggregate, bodies: Sequence[AggregateBody]) -> Factory:
    """Without groups every aggregate takes a whole batch of argument values at once."""
    lines = ["states = groups.get(())", "if states is None:"]
    initial = ", ".join(f"{generator.name('i', body.initial)}()" for body in bodies)
    lines.append(f"    states = groups[()] = [{initial}]")
    for position, (call, body) in enumerate(zip(node.aggregates, bodies, strict=True)):
        batch = generator.name("b", body.batch)
        test = f" if {generator.truth(call.filter)}" if call.filter is not None else ""
        if not call.arguments:
            values = "rows" if not test else f"[None for r in rows{test}]"
        else:
            code = generator.value(call.arguments[0])
            if code.nullable and body.strict:
                first, after = generator.atom(code)
                # The condition binds the temporary before the element reads it.
                test = f" if {first} is not None" + (f" and {generator.truth(call.filter)}" if call.filter else "")
                values = f"[{after} for r in rows{test}]"
            else:
                values = f"[{code.text} for r in rows{test}]"
        lines.append(f"states[{position}] = {batch}(states[{position}], {values})")
    return compile_factory(generator, "rows, groups, index", lines)


def _row_step(
    p: Planner,
    generator: Generator,
    node: l.Aggregate,
    bodies: Sequence[AggregateBody],
    steps: Sequence[AggregateStep],
    chosen: tuple[int, ...],
) -> tuple[Factory, bool]:
    """Row by row: find the group, then advance each state; and whether the keys stand in `index`."""
    lines = ["get = groups.get", "for r in rows:"]
    raw, keys = [], []
    for position in chosen:
        expression = node.groups[position]
        code = generator.value(expression)
        raw.append(code.text)
        keys.append(comparable(generator, expression))
    initial = ", ".join(
        "[]" if step.collected is not None else f"{generator.name('i', body.initial)}()"
        for body, step in zip(bodies, steps, strict=True)
    )
    key_text = tuple_text(keys)
    same = raw == keys
    lines.append(f"    k = {key_text}")
    lines.append("    s = get(k)" if same else "    s = index.get(k)")
    lines.append("    if s is None:")
    if same:
        lines.append(f"        s = groups[k] = [{initial}]")
    else:
        # Equal keys may differ in form (1.0 and 1.00): the group shows the first one.
        lines.append(f"        s = index[k] = [{initial}]")
        lines.append(f"        groups[{tuple_text(raw)}] = s")
    for position, (call, body, step) in enumerate(zip(node.aggregates, bodies, steps, strict=True)):
        lines += [f"    {line}" for line in _advance(p, generator, call, body, step, position)]
    return compile_factory(generator, "rows, groups, index", lines), not same


def _advance(
    p: Planner, generator: Generator, call: n.AggregateCall, body: AggregateBody, step: AggregateStep, position: int
) -> list[str]:
    lines: list[str] = []
    indent = ""
    if call.filter is not None:
        lines.append(f"if {generator.truth(call.filter)}:")
        indent = "    "
    names: list[str] = []
    tests: list[str] = []
    for number, argument in enumerate(call.arguments):
        code = generator.value(argument)
        if code.atom:
            names.append(code.text)
        else:
            name = f"a{position}_{number}"
            lines.append(f"{indent}{name} = {code.text}")
            names.append(name)
        if code.nullable and body.strict:
            tests.append(f"{names[-1]} is not None")
    if tests and not body.hypothetical:
        lines.append(f"{indent}if {' and '.join(tests)}:")
        indent += "    "
    if step.collected is not None:
        order = tuple_text([generator.value(key.expression).text for key in _collected_order(call, body)])
        lines.append(f"{indent}s[{position}].append(({tuple_text(names)}, {order}))")
        return lines
    if call.function.name == "count" and call.function.routine is None:
        lines.append(f"{indent}s[{position}] += 1")
        return lines
    if body.late is not None:
        late = generator.name("m", body.within)
        advance = generator.bind_line(f"step{position}", f"step{position} = {late}(c).step")
    else:
        advance = generator.name("f", body.step)
    arguments = ", ".join((f"s[{position}]", *names))
    lines.append(f"{indent}s[{position}] = {advance}({arguments})")
    return lines
