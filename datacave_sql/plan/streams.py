"""Plans of the nodes that pass rows on: filters, projections, sorting, limits, duplicates, sets, common tables."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core.types import oids
from datacave_sql.exec.common_table import CommonTablePart, CommonTableScan, With
from datacave_sql.exec.distinct import Distinct
from datacave_sql.exec.frozen_reads import FrozenReads
from datacave_sql.exec.function_scan import FunctionScan, ProjectSet
from datacave_sql.exec.incremental_sort import IncrementalSort
from datacave_sql.exec.limit import Limit, rows_wanted
from datacave_sql.exec.lock_rows import LockRows
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.pipeline import Pipeline
from datacave_sql.exec.rowfunction import Factory, compile_factory, tuple_text
from datacave_sql.exec.set_operation import Append, HashSetOperation
from datacave_sql.exec.sort import Sort, SortPass
from datacave_sql.exec.values import ValuesRows
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.cardinality import distinct_values, estimate_rows, origins
from datacave_sql.plan.decorrelation import decorrelated
from datacave_sql.plan.leakproof import is_leakproof
from datacave_sql.plan.ordered_paths import wanted_rows
from datacave_sql.plan.planning import (
    Planner,
    WantedOrder,
    comparable,
    correlated_scalars,
    is_volatile,
    ordering_of,
    row_builder,
    scope_of,
    split_conjuncts,
    value_function,
)
from datacave_sql.plan.semijoins import joined_subqueries


def plan_filter(p: Planner, node: l.Filter, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """The conditions join those from above and travel on; those that are subqueries become joins where they can.

    Through a barrier go only conditions that tell nothing about the rows they see; the others wait above it.
    """
    if node.barrier:
        quiet = [part for part in conjuncts if is_leakproof(part)]
        waiting = [part for part in conjuncts if part not in quiet]
        if waiting:
            below = l.Filter(node.child, node.predicate, barrier=True)
            return p.filtered(p.plan(below, needed | _used(waiting), quiet), waiting)
        conjuncts = quiet
    parts = split_conjuncts(node.predicate) + conjuncts
    child, rest = joined_subqueries(p.environment, node.child, parts)
    if any(correlated_scalars(part) for part in rest):
        plain = [part for part in rest if not is_volatile(part)]
        rows = estimate_rows(p.environment, child, plain)
        child, rest = decorrelated(p, child, rows, rest, conditions=True)
    return p.plan(child, needed, rest)


def plan_project(p: Planner, node: l.Project, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """Conditions on computed columns become conditions on what they are computed from."""
    if any(correlated_scalars(e) for e in node.expressions):
        rows = estimate_rows(p.environment, node.child, ())
        source, expressions = decorrelated(p, node.child, rows, node.expressions, conditions=False)
        node = l.Project(source, tuple(expressions), node.columns)
    computed = {column.id: expression for column, expression in zip(node.columns, node.expressions, strict=True)}
    p.wanted_order = _order_below(p.wanted_order, computed)
    below, above = substitute(conjuncts, computed)
    wanted = needed | _used(above)
    kept = [(column, e) for column, e in zip(node.columns, node.expressions, strict=True) if column.id in wanted]
    if all(isinstance(e, n.ColumnReference) and e.column == column.id for column, e in kept):
        child = p.plan(node.child, frozenset(column.id for column, _ in kept), below)
        return p.filtered(child, above)
    child = p.plan(node.child, frozenset(_used([e for _, e in kept])), below)
    operator = p.projected(child, [e for _, e in kept], [column.id for column, _ in kept])
    return p.filtered(operator, above)


def _order_below(order: WantedOrder | None, computed: dict[int, n.Expression]) -> WantedOrder | None:
    """An order of computed columns as one of the columns they are, where they are."""
    if order is None:
        return None
    keys = []
    for key in order.keys:
        e = key.expression
        below = computed.get(e.column, e) if isinstance(e, n.ColumnReference) else None
        if not isinstance(below, n.ColumnReference):
            return None
        keys.append(n.SortKey(below, key.descending, key.nulls_first))
    return WantedOrder(tuple(keys), order.rows)


def substitute(
    conjuncts: Sequence[n.Expression], computed: dict[int, n.Expression]
) -> tuple[list[n.Expression], list[n.Expression]]:
    """(conditions rewritten over the child's columns, conditions that must stay above because they are volatile)."""
    below, above = [], []
    for part in conjuncts:
        sources = [computed[column] for column in n.columns_used(part) if column in computed]
        has_subquery = any(isinstance(node, n.SubqueryExpression) for node in n.walk(part))
        if has_subquery or any(is_volatile(source) for source in sources):
            above.append(part)
        else:
            below.append(
                n.transform(
                    part,
                    lambda e: computed.get(e.column, e) if isinstance(e, n.ColumnReference) else e,
                )
            )
    return below, above


def _used(expressions: Sequence[n.Expression]) -> set[int]:
    used: set[int] = set()
    for expression in expressions:
        used |= n.columns_used(expression)
    return used


def plan_project_set(p: Planner, node: l.ProjectSet, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    child = p.plan(node.child, frozenset(_used(node.expressions)))
    generator = p.generator(scope_of(child.columns, child.not_null, "r"), "r")
    text = tuple_text([generator.value(e).text for e in node.expressions])
    make = compile_factory(generator, "r", [f"return {text}"])
    is_set = tuple(isinstance(e, n.FunctionCall) and e.function.is_row_source for e in node.expressions)
    columns = tuple(column.id for column in node.columns)
    return p.filtered(ProjectSet(child, make, is_set, columns, frozenset()), conjuncts)


def plan_values(p: Planner, node: l.Values, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    generator = p.generator({})
    columns = tuple(column.id for column in node.columns)
    nullable = [False] * len(columns)
    lines = ["rows = []", "add = rows.append"]
    for row in node.rows:
        codes = [generator.value(e) for e in row]
        nullable = [a or code.nullable for a, code in zip(nullable, codes, strict=True)]
        lines.append(f"add({tuple_text([code.text for code in codes])})")
    make = compile_factory(generator, "", [*lines, "return rows"])
    not_null = frozenset(column for column, null in zip(columns, nullable, strict=True) if not null)
    return p.filtered(ValuesRows(make, len(node.rows), columns, not_null), conjuncts)


def plan_function_scan(
    p: Planner, node: l.FunctionScan, needed: frozenset[int], conjuncts: list[n.Expression]
) -> Operator:
    generator = p.generator({})
    texts, widths, unpack, names = [], [], [], []
    for call, width in node.calls:
        is_source = isinstance(call, n.FunctionCall) and call.function.is_row_source
        text = generator.value(call).text
        texts.append(text if is_source else f"({text},)")
        composite = width != 1 or call.type == oids.RECORD or p.types.kind(p.types.base(call.type)) == "c"
        widths.append(width)
        unpack.append(composite)
        names.append(call.function.name if isinstance(call, n.FunctionCall) else "expression")
    make = compile_factory(generator, "", [f"return {tuple_text(texts)}"])
    operator = FunctionScan(
        make,
        tuple(names),
        tuple(widths),
        tuple(unpack),
        node.ordinality,
        tuple(column.id for column in node.columns),
        frozenset(),
    )
    return p.filtered(operator, conjuncts)


def sort_passes(p: Planner, operator: Operator, keys: Sequence[n.SortKey]) -> tuple[SortPass, ...]:
    """Stable passes, least significant first; keys of one direction share a pass."""
    scope = scope_of(operator.columns, operator.not_null, "r")
    passes: list[SortPass] = []
    position = len(keys)
    while position > 0:
        start = position - 1
        while start > 0 and keys[start - 1].descending == keys[position - 1].descending:
            start -= 1
        generator = p.generator(scope, "r")
        parts = []
        for key in keys[start:position]:
            code = generator.value(key.expression)
            if code.nullable:
                first, after = generator.atom(code)
                compare = p.types.comparison_key(key.expression.type)
                value = after if compare is None else f"{generator.name('k', compare)}({after})"
                # (0, v) and (1,) or (-1,): a NULL never meets a value in a comparison.
                null = "(1,)" if key.nulls_first == key.descending else "(-1,)"
                parts.append(f"({null} if {first} is None else (0, {value}))")
            else:
                parts.append(comparable(generator, key.expression))
        text = parts[0] if len(parts) == 1 else tuple_text(parts)
        passes.append(SortPass(compile_factory(generator, "r", [f"return {text}"]), keys[position - 1].descending))
        position = start
    return tuple(passes)


def plan_sort(
    p: Planner,
    node: l.Sort,
    needed: frozenset[int],
    conjuncts: list[n.Expression],
    bound: Factory | None = None,
    rows: float | None = None,
) -> Operator:
    """Sorts, unless the child already comes in the order that is asked for. `rows`: how many of them are read."""
    used = _used([key.expression for key in node.keys])
    before, welcome = p.wanted_order, p.columns_welcome
    p.wanted_order, p.columns_welcome = WantedOrder(node.keys, rows), True
    try:
        child = p.plan(node.child, needed | frozenset(used), conjuncts)
    finally:
        p.wanted_order, p.columns_welcome = before, welcome
    if in_order(child, node.keys):
        return child
    passes = sort_passes(p, child, node.keys)
    first = presorted(child, node.keys)
    if first:
        ordering = ordering_of(child)[:first]
        make_first = p.key_function(child, [key.expression for key in node.keys[:first]])
        return IncrementalSort(
            child, passes, make_first, child.columns, child.not_null, describe_keys(p, node.keys),
            describe_keys(p, node.keys[:first]), ordering,
        )  # fmt: skip
    return Sort(child, passes, bound, child.columns, child.not_null, describe_keys(p, node.keys))


def in_order(operator: Operator, keys: Sequence[n.SortKey]) -> bool:
    """Whether rows come in this order anyway (an index or the primary key gives it)."""
    return presorted(operator, keys) == len(keys)


def presorted(operator: Operator, keys: Sequence[n.SortKey]) -> int:
    """By how many of the first keys rows are in order anyway."""
    found = 0
    for key, (column, descending, nulls_first) in zip(keys, ordering_of(operator), strict=False):
        e = key.expression
        if not isinstance(e, n.ColumnReference) or e.column != column or key.descending != descending:
            break
        if column not in operator.not_null and key.nulls_first != nulls_first:
            break
        found += 1
    return found


def describe_keys(p: Planner, keys: Sequence[n.SortKey]) -> str:
    """Sort keys as EXPLAIN prints them."""
    texts = []
    for key in keys:
        text = p.deparse(key.expression)
        if key.descending:
            text += " DESC"
        if key.nulls_first != key.descending:
            text += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
        texts.append(text)
    return ", ".join(texts)


def plan_limit(p: Planner, node: l.Limit, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    generator = p.generator({})
    parts = [generator.value(e).text if e is not None else "None" for e in (node.count, node.offset)]
    make_bounds = compile_factory(generator, "", [f"return ({parts[0]}, {parts[1]})"])
    ties = None
    needed |= _used(conjuncts)
    child: Operator
    if isinstance(node.child, l.Sort) and node.count is not None and not node.ties_keys:
        generator.namespace["rows_wanted"] = rows_wanted
        bound = compile_factory(generator, "", [f"return rows_wanted({parts[0]}, {parts[1]})"])
        child = plan_sort(p, node.child, needed, [], bound, wanted_rows(node.count, node.offset))
    else:
        used = _used([key.expression for key in node.ties_keys])
        child = p.plan(node.child, needed | frozenset(used))
    if node.ties_keys:
        tie_generator = p.generator(scope_of(child.columns, child.not_null, "r"), "r")
        text = tuple_text([comparable(tie_generator, key.expression) for key in node.ties_keys])
        ties = compile_factory(tie_generator, "r", [f"return {text}"])
    _lock_one_by_one(child)
    return p.filtered(Limit(child, make_bounds, ties, child.columns, child.not_null), conjuncts)


def _lock_one_by_one(operator: Operator) -> None:
    """Rows beyond the limit must not be locked."""
    while isinstance(operator, Pipeline | LockRows):
        if isinstance(operator, LockRows):
            operator.one_by_one = True
        operator = operator.child


def plan_distinct(p: Planner, node: l.Distinct, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    columns = tuple(column.id for column in node.columns)
    p.wanted_order = _distinct_order(p, node)
    if node.on is None:
        child = p.arranged(p.plan(node.child, frozenset(columns)), columns)
        keys = p.references(node.columns)
    else:
        child = p.plan(node.child, frozenset(columns) | frozenset(_used(node.on)))
        keys = list(node.on)
    make_keys = p.key_function(child, keys) if keys else value_function(p.generator({}), ())
    if not keys:
        generator = p.generator({})
        make_keys = compile_factory(generator, "rows", ["return [()] * len(rows)"])
    ordered = {key.expression for key in node.child.keys} if isinstance(node.child, l.Sort) else set()
    # DISTINCT ON names the first columns of ORDER BY, perhaps more than there are.
    adjacent = node.on is not None and ordered.issuperset(keys)
    first = ordering_of(child)[: len(columns)]
    if node.on is None and columns and {column for column, _, _ in first} == set(columns):
        adjacent = True
    described = ", ".join(p.deparse(key) for key in keys)
    ordering = ordering_of(child) if adjacent else ()
    operator = Distinct(child, make_keys, child.columns, child.not_null, described, adjacent, ordering)
    return p.filtered(operator, conjuncts)


def _distinct_order(p: Planner, node: l.Distinct) -> WantedOrder | None:
    """The order that is asked for, by all columns, where few rows are wanted: equal ones follow each other then."""
    wanted = p.wanted_order
    if wanted is None or wanted.rows is None or node.on is not None:
        return None
    named = {key.expression.column for key in wanted.keys if isinstance(key.expression, n.ColumnReference)}
    rest = [one for one in p.references(node.columns) if isinstance(one, n.ColumnReference) and one.column not in named]
    known = origins(p.environment, node.child)
    rows = estimate_rows(p.environment, node.child, ())
    values = 1.0
    for one in p.references(node.columns):
        values *= distinct_values(known, one, rows)
    keys = (*wanted.keys, *(n.SortKey(one, False, False) for one in rest))
    return WantedOrder(keys, wanted.rows * max(1.0, rows / max(1.0, min(values, rows))), groups=True)


def plan_set_operation(
    p: Planner, node: l.SetOperation, needed: frozenset[int], conjuncts: list[n.Expression]
) -> Operator:
    columns = tuple(column.id for column in node.columns)
    left, right = _side(p, node.left), _side(p, node.right)
    operator: Operator
    not_null = frozenset(
        column
        for column, a, b in zip(columns, left.columns, right.columns, strict=True)
        if a in left.not_null and (b in right.not_null or node.kind == "except")
    )
    if node.kind == "union":
        parts = (*_parts(left), *_parts(right)) if node.every else (left, right)
        operator = Append(parts, columns, not_null)
        if not node.every:
            described = ", ".join(p.deparse(key) for key in p.references(node.columns))
            operator = Distinct(operator, _row_keys(p, operator, node), columns, not_null, described, False)
    else:
        probe = Append((left,), columns, not_null)
        operator = HashSetOperation(node.kind, node.every, left, right, _row_keys(p, probe, node), columns, not_null)
    return p.filtered(operator, conjuncts)


def _row_keys(p: Planner, operator: Operator, node: l.SetOperation) -> Factory:
    if not node.columns:
        return compile_factory(p.generator({}), "rows", ["return [()] * len(rows)"])
    return p.key_function(operator, p.references(node.columns))


def _side(p: Planner, node: l.LogicalPlan) -> Operator:
    return p.root(node)


def _parts(operator: Operator) -> tuple[Operator, ...]:
    return operator.parts if isinstance(operator, Append) else (operator,)


def plan_with(p: Planner, node: l.With, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    parts: list[CommonTablePart] = []
    last: list[CommonTablePart] = []
    read = _tables_read(node)
    for table in node.tables:
        if table.id not in read and not _writes(table.plan):
            continue
        plan = p.root(table.plan)
        recursive = p.root(table.recursive) if table.recursive is not None else None
        make_keys = None
        if table.distinct:
            make_keys = p.key_function(plan, p.references(table.plan.columns))
        part = CommonTablePart(table.id, table.name, plan, recursive, make_keys)
        (parts if table.id in read else last).append(part)
    child = p.plan(node.child, needed, conjuncts)
    whole = With(tuple(parts), tuple(last), child, child.columns, child.not_null)
    if any(_writes(table.plan) for table in node.tables):
        return FrozenReads(whole, child.columns, child.not_null)
    return whole


def _tables_read(node: l.With) -> set[int]:
    """The common tables that the child reads, and those that they read."""
    direct: dict[int, set[int]] = {}

    def visit(value: object, found: set[int]) -> None:
        if isinstance(value, l.CommonTableScan):
            found.add(value.id)
        elif isinstance(value, l.PLAN_NODES):
            for name in value.__slots__:
                visit(getattr(value, name), found)
        elif isinstance(value, n.EXPRESSION_NODES):
            for inner in n.walk(value):
                if isinstance(inner, n.SubqueryExpression):
                    visit(inner.plan, found)
        elif isinstance(value, tuple):
            for item in value:
                visit(item, found)

    for table in node.tables:
        direct[table.id] = set()
        visit((table.plan, table.recursive), direct[table.id])
    # What writes runs whether it is read or not, and reads what it reads.
    read: set[int] = set()
    visit(node.child, read)
    for table in reversed(node.tables):
        if table.id in read or _writes(table.plan):
            read |= direct[table.id]
    return read


def _writes(plan: l.LogicalPlan) -> bool:
    while isinstance(plan, l.With):
        plan = plan.child
    return isinstance(plan, l.Insert | l.Update | l.Delete | l.Merge | l.RuleSteps)


def plan_common_table_scan(
    p: Planner, node: l.CommonTableScan, needed: frozenset[int], conjuncts: list[n.Expression]
) -> Operator:
    columns = tuple(column.id for column in node.columns)
    make = None
    if conjuncts:
        generator = p.generator(scope_of(columns, (), "r"), "r")
        make = row_builder(generator, (), conjuncts, "r", "r")
    return CommonTableScan(node.id, node.name, make, columns, frozenset())
