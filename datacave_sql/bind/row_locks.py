"""FOR UPDATE and its kin: which tables are locked, and the plan that locks their rows before they are projected."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import descendants, row_security
from datacave_sql.bind.names import Source
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

_POLICIES = {"wait": "wait", "nowait": "nowait", "skip locked": "skip"}


def lock_rows(
    b: Binding,
    query: ast.Query,
    body: ast.Select,
    block: Any,
    keys: list[n.SortKey],
    limit: tuple[n.Expression | None, n.Expression | None],
) -> l.LogicalPlan:
    """Limit(Project(LockRows(Sort(from)))). Raises 0A000 for queries whose rows are no table rows."""
    clause = query.locking[0]
    words = f"FOR {clause.strength.upper()}"
    _check(words, body, block)
    if b.moment is not None:
        raise FeatureNotSupported("row locks are not allowed with AS OF SYSTEM TIME")
    b.writes = True
    plan: l.LogicalPlan = block.plan
    secured = [
        row_security.locked(b, source)
        for clause in query.locking
        for source in _chosen(clause, block.scope.sources)
        if source.table is not None and source.table.row_security
    ]
    if predicate := row_security.conditions(secured):
        plan = l.Filter(plan, predicate)
    recheck = row_security.conditions([*secured, *(s.policy for s in block.scope.sources), block.where])
    if keys:
        plan = l.Sort(plan, tuple(keys))
    for clause in query.locking:
        tables = _tables(b, clause, block.scope.sources)
        if tables:
            mode = clause.strength
            plan = l.LockRows(plan, tables, mode, _POLICIES[clause.wait_policy], recheck)
    columns = []
    taken: set[int] = set()
    available = {column.id for column in plan.columns}
    for item in block.items:
        e = item.expression
        if isinstance(e, n.ColumnReference) and e.column in available and e.column not in taken:
            item.id = e.column
        column = item.column(b)
        taken.add(column.id)
        columns.append(column)
    plan = l.Project(plan, tuple(item.expression for item in block.items), tuple(columns))
    count, offset = limit
    if count is None and offset is None:
        return plan
    return l.Limit(plan, count, offset)


def _check(words: str, body: ast.Select, block: Any) -> None:
    grouping = block.scope.grouping
    problem = None
    if body.distinct:
        problem = "DISTINCT clause"
    elif body.group_by:
        problem = "GROUP BY clause"
    elif body.having is not None:
        problem = "HAVING clause"
    elif grouping.aggregates:
        problem = "aggregate functions"
    elif grouping.windows:
        problem = "window functions"
    elif grouping.sets:
        problem = "set-returning functions in the target list"
    if problem is not None:
        raise FeatureNotSupported(f"{words} is not allowed with {problem}")


def _chosen(clause: ast.LockingClause, sources: list[Source]) -> list[Source]:
    chosen: list[Source] = []
    if not clause.tables:
        chosen = [source for source in sources if source.hidden]
    for name in clause.tables:
        found = [source for source in sources if source.name == name[-1]]
        if not found:
            raise DatacaveError(
                f'relation "{name[-1]}" in FOR {clause.strength.upper()} clause not found in FROM clause',
                sqlstate=sqlstate.UNDEFINED_TABLE,
                position=clause.position,
            )
        if not found[0].hidden:
            raise FeatureNotSupported(
                f'FOR {clause.strength.upper()} cannot be applied to "{name[-1]}"',
                hint="Name a table.",
                position=clause.position,
            )
        chosen.append(found[0])
    return chosen


def _tables(b: Binding, clause: ast.LockingClause, sources: list[Source]) -> tuple[l.LockedTable, ...]:
    tables = []
    for source in _chosen(clause, sources):
        if not isinstance(source.table, Table):
            continue
        if source.table.kind == "m":
            raise DatacaveError(
                f'cannot lock rows in materialized view "{source.table.name}"', sqlstate=sqlstate.WRONG_OBJECT_TYPE
            )
        key, row = source.hidden
        columns = tuple(
            l.OutputColumn(
                c.expression.column, c.name, c.expression.type, c.expression.typmod, c.table_oid, c.attribute
            )
            for c in source.columns
            if isinstance(c.expression, n.ColumnReference)
        )
        b.dependencies.add(source.table.oid)
        if source.use is not None:
            source.use.locks = True
        tables.append(l.LockedTable(source.table, key.id, row.id, columns, _members(b, source.table)))
    return tuple(tables)


def _members(b: Binding, table: Table) -> tuple[tuple[Table, tuple[int, ...]], ...] | None:
    members = descendants.members_of(b, table)
    if members is None:
        return None
    return tuple((member, descendants.attribute_map(table, member)) for member in members)
