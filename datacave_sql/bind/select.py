"""SELECT: FROM, WHERE, grouping, windows, the select list, DISTINCT, ORDER BY, LIMIT and locking, in one plan.

    Limit(Sort(Distinct(Project(ProjectSet(Window(Filter(Aggregate(Filter(from)))))))))

Sort keys that are no output columns ride along in the Project and are dropped at the end. With FOR UPDATE rows are
sorted before they are projected, so that the projection reads the locked, newest rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, ordering, row_locks, targets, windows
from datacave_sql.bind.from_clause import bind_from
from datacave_sql.bind.grouping import GroupedExpressions, Groups, bind_groups
from datacave_sql.bind.names import Grouping, Scope
from datacave_sql.bind.postponed import SetCall, expanded, postponed_items, sets_in
from datacave_sql.bind.sorting import require_equality
from datacave_sql.bind.state import Binding
from datacave_sql.bind.targets import TargetItem
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


@dataclass(slots=True)
class Block:
    """One SELECT while it is bound."""

    scope: Scope
    plan: l.LogicalPlan
    items: list[TargetItem] = field(default_factory=list)
    junk: list[TargetItem] = field(default_factory=list)
    keys: list[n.SortKey] = field(default_factory=list)
    on: list[n.Expression] | None = None
    where: n.Expression | None = None


def selects_into(statement: ast.Statement) -> bool:
    """Whether a statement is a SELECT INTO; in a set operation the first branch says so."""
    body: object = statement
    while isinstance(body, ast.Query | ast.SetOperation):
        body = body.body if isinstance(body, ast.Query) else body.left
    return isinstance(body, ast.Select) and body.into is not None


def bind_select(b: Binding, query: ast.Query, body: ast.Select, outer: Scope) -> l.LogicalPlan:
    """The plan of a SELECT with the tail of its query."""
    if body.into is not None:
        raise DatacaveError(
            "SELECT ... INTO is not allowed here", sqlstate=sqlstate.SYNTAX_ERROR, position=body.into.position
        )
    scope = Scope(outer, grouping=Grouping(), locked=bool(query.locking))
    relation = bind_from(b, body.from_items, scope)
    plan: l.LogicalPlan = relation.plan if relation is not None else l.Values(((),), ())
    block = Block(scope, plan)
    windows.define_windows(scope, body.windows)
    scope.clause = "SELECT"
    block.items = targets.bind_targets(b, body.targets, scope)
    if not _keeps_unknown(query, body, outer):
        for item in block.items:
            item.expression = coercion.settled(b, item.expression)
    if body.where is not None:
        scope.clause = "WHERE"
        block.where = coercion.to_boolean(b, b.expression(body.where, scope), "WHERE")
        block.plan = l.Filter(block.plan, block.where)
    having = None
    if body.having is not None:
        scope.clause = "HAVING"
        having = coercion.to_boolean(b, b.expression(body.having, scope), "HAVING")
    scope.clause = "ORDER BY"
    order = [(ordering.order_expression(b, item, block.items, scope), item) for item in query.order_by]
    scope.clause = "GROUP BY"
    groups = bind_groups(b, body, scope, lambda node: ordering.group_expression(b, node, block.items, scope))
    on = None
    if body.distinct_on:
        scope.clause = "DISTINCT ON"
        on = [ordering.distinct_expression(b, node, block.items, scope) for node in body.distinct_on]
    keys = [ordering.key_for(b, e, item) for e, item in order]
    limit = bind_limit(b, query, outer, scope)
    if scope.grouping is not None:
        block.plan, having, keys, on = _group(b, block, body, groups, having, keys, on)
        block.plan = _windowed(block)
    if query.locking:
        return row_locks.lock_rows(b, query, body, block, keys, limit)
    return _finish(b, query, body, block, keys, on, limit)


def _keeps_unknown(query: ast.Query, body: ast.Select, outer: Scope) -> bool:
    return outer.keep_unknown and not (query.order_by or body.distinct or body.group_by)


def _group(
    b: Binding,
    block: Block,
    body: ast.Select,
    groups: Groups,
    having: n.Expression | None,
    keys: list[n.SortKey],
    on: list[n.Expression] | None,
) -> tuple[l.LogicalPlan, n.Expression | None, list[n.SortKey], list[n.Expression] | None]:
    """Puts an Aggregate over the plan where the query asks for one, and rewrites what stands above it."""
    grouping = block.scope.grouping
    assert grouping is not None
    if not (body.group_by or body.having is not None or grouping.aggregates or grouping.grouping_calls):
        return block.plan, having, keys, on
    below = sets_in(grouping.sets, groups.expressions)
    if below:
        # Set-returning functions that are grouped by are expanded first.
        block.plan = expanded(block.plan, below)
        grouping.sets = [item for item in grouping.sets if item not in below]
    if grouping.aggregates and _reads_recursion(b, block.plan):
        column = next(iter(grouping.aggregates.values()))
        raise DatacaveError(
            "aggregate functions are not allowed in a recursive query's recursive term",
            sqlstate=sqlstate.INVALID_RECURSION,
            position=b.mention(column.id, 0),
        )
    rewriter = GroupedExpressions(b, block.scope, groups, {column.id for _, column in below})
    rewrite = rewriter.rewrite
    for item in block.items:
        item.expression = rewriter.rewrite_item(item.expression)
    if having is not None:
        having = rewrite(having)
    keys = [n.SortKey(rewrite(key.expression), key.descending, key.nulls_first) for key in keys]
    if on is not None:
        on = [rewrite(e) for e in on]
    grouping.windows = {n.transform(call, _into(rewrite, call)): column for call, column in grouping.windows.items()}
    grouping.sets = [(_call_rewritten(rewrite, call), column) for call, column in grouping.sets]
    inside = rewriter.masks_from_inside()
    columns = [*groups.columns, *grouping.aggregates.values()]
    mask = groups.grouping_column
    if mask is not None:
        columns.append(mask)
    plan: l.LogicalPlan = l.Aggregate(
        block.plan,
        tuple(groups.expressions),
        tuple(grouping.aggregates),
        tuple(columns),
        tuple(groups.sets) if groups.sets is not None else None,
        mask.id if mask is not None else None,
    )
    if inside:
        passed = tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in columns)
        added = tuple(column for column, _ in inside)
        plan = l.Project(plan, (*passed, *(value for _, value in inside)), (*columns, *added))
    if having is not None:
        plan = l.Filter(plan, having)
    return plan, having, keys, on


def _reads_recursion(b: Binding, plan: l.LogicalPlan) -> bool:
    """Whether the rows of FROM are those of the recursive query that is being bound."""
    if isinstance(plan, l.CommonTableScan):
        return plan.id in b.recursing
    if isinstance(plan, l.Filter):
        return _reads_recursion(b, plan.child)
    return isinstance(plan, l.Join) and (_reads_recursion(b, plan.left) or _reads_recursion(b, plan.right))


def _into(rewrite, top: n.Expression):  # type: ignore[no-untyped-def]
    """A change for transform that leaves the call itself and rewrites everything below it."""
    return lambda e: e if e is top or isinstance(e, n.SortKey | n.WindowFrame | n.FrameBound) else rewrite(e)


def _call_rewritten(rewrite, call: n.Expression) -> n.Expression:  # type: ignore[no-untyped-def]
    changed: n.Expression = n.transform(call, _into(rewrite, call))
    return changed


def _windowed(block: Block) -> l.LogicalPlan:
    """The plan with window calls as columns."""
    grouping = block.scope.grouping
    assert grouping is not None
    if not grouping.windows:
        return block.plan
    return l.Window(block.plan, tuple(grouping.windows), block.plan.columns + tuple(grouping.windows.values()))


def place(b: Binding, plan: l.LogicalPlan, items: Sequence[TargetItem]) -> l.Project:
    """The projection that computes items; the first plain mention of a column keeps its number."""
    taken: set[int] = set()
    columns = []
    available = {column.id for column in plan.columns}
    for item in items:
        e = item.expression
        if not item.id and isinstance(e, n.ColumnReference) and e.column in available and e.column not in taken:
            item.id = e.column
        column = item.column(b)
        taken.add(column.id)
        columns.append(column)
    return l.Project(plan, tuple(item.expression for item in items), tuple(columns))


def _reference(item: TargetItem, column: l.OutputColumn) -> n.Expression:
    return n.ColumnReference(column.id, column.type, column.typmod, item.name)


def _finish(
    b: Binding,
    query: ast.Query,
    body: ast.Select,
    block: Block,
    keys: list[n.SortKey],
    on: list[n.Expression] | None,
    limit: tuple[n.Expression | None, n.Expression | None],
) -> l.LogicalPlan:
    """Project, Distinct, Sort, Limit, and what is computed last."""
    wanted = [key.expression for key in keys] + list(on or ())
    plain_distinct = body.distinct and on is None
    if plain_distinct:
        _check_distinct_order(b, block, keys)
    late: list[TargetItem] = []
    if keys or on is not None or limit != (None, None):
        grouping = block.scope.grouping
        limits = limit != (None, None)
        sorts = bool(keys)
        if not plain_distinct and (keys or on is None):
            late = postponed_items(block.items, wanted, grouping, sorts=sorts, limits=limits)
    sets = block.scope.grouping.sets if block.scope.grouping is not None else []
    late_sets = sets_in(sets, [item.expression for item in late])
    source = expanded(block.plan, [item for item in sets if item not in late_sets])
    items = [item for item in block.items if item not in late]
    items += _read_by(source, late, late_sets, items)
    for e in wanted:
        if not any(item.expression == e for item in items):
            items.append(TargetItem("", e, None))
    project = place(b, source, items)
    plan: l.LogicalPlan = project

    def output(e: n.Expression) -> n.Expression:
        for item, column in zip(items, project.columns, strict=True):
            if item.expression == e:
                return _reference(item, column)
        return e

    sort = tuple(n.SortKey(output(key.expression), key.descending, key.nulls_first) for key in keys)
    if plain_distinct:
        for item in block.items:
            require_equality(b, item.expression, b.position(item.expression))
        plan = l.Distinct(plan)
    if on is not None:
        unique = tuple(output(e) for e in on)
        leading = [key.expression for key in sort[: len(set(unique))]]
        if sort and any(e not in unique for e in leading):
            raise DatacaveError(
                "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
                position=body.distinct_on[0].position,
            )
        if sort:
            plan = l.Sort(plan, sort)
        plan = l.Distinct(plan, unique)
    elif sort:
        plan = l.Sort(plan, sort)
    if late_sets:
        plan = expanded(plan, late_sets)
    plan = limited(query, plan, limit, sort)
    if late or len(items) > len(block.items):
        final = [item.expression if item in late else output(item.expression) for item in block.items]
        plan = l.Project(plan, tuple(final), tuple(item.column(b) for item in block.items))
    return plan


def _check_distinct_order(b: Binding, block: Block, keys: list[n.SortKey]) -> None:
    known = [item.expression for item in block.items]
    for key in keys:
        if key.expression not in known:
            raise DatacaveError(
                "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
                position=b.position(key.expression),
            )


def _read_by(
    plan: l.LogicalPlan, late: list[TargetItem], late_sets: list[SetCall], items: list[TargetItem]
) -> list[TargetItem]:
    """The columns that have to be passed on for what is computed last."""
    used: set[int] = set()
    for e in [item.expression for item in late] + [call for call, _ in late_sets]:
        used |= n.columns_used(e)
    known = {item.expression.column for item in items if isinstance(item.expression, n.ColumnReference)}
    return [
        TargetItem(c.name, n.ColumnReference(c.id, c.type, c.typmod, c.name), None)
        for c in plan.columns
        if c.id in used and c.id not in known
    ]


def limited(
    query: ast.Query,
    plan: l.LogicalPlan,
    limit: tuple[n.Expression | None, n.Expression | None],
    sort: tuple[n.SortKey, ...],
) -> l.LogicalPlan:
    """LIMIT and OFFSET over a plan."""
    count, offset = limit
    if count is None and offset is None:
        return plan
    return l.Limit(plan, count, offset, sort if query.with_ties else ())


def bind_limit(
    b: Binding, query: ast.Query, outer: Scope, block: Scope | None = None
) -> tuple[n.Expression | None, n.Expression | None]:
    """The bound LIMIT and OFFSET. Raises 42P10 where they read columns of the query, which they cannot see."""
    if query.with_ties and not query.order_by:
        raise DatacaveError(
            "WITH TIES cannot be specified without ORDER BY clause",
            sqlstate=sqlstate.SYNTAX_ERROR,
            position=query.position,
        )
    if query.with_ties and any(clause.wait_policy == "skip locked" for clause in query.locking):
        raise FeatureNotSupported("SKIP LOCKED and WITH TIES options cannot be used together")

    def bound(node: ast.Expression | None, name: str) -> n.Expression | None:
        if node is None or isinstance(node, ast.NullLiteral):
            return None
        scope = Scope(outer, clause=name)
        if block is not None:
            scope.sources, scope.columns = block.sources, block.columns
        e = b.expression(node, scope)
        if n.columns_used(e) & scope.owned():
            raise DatacaveError(
                f"argument of {name} must not contain variables",
                sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
                position=b.position(e),
            )
        return coercion.to_type(b, e, oids.INT8, name)

    return bound(query.limit, "LIMIT"), bound(query.offset, "OFFSET")
