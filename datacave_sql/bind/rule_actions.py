"""Rule actions: the statement that an action is for the rows, OLD and NEW, of a statement.

The rows become one more item of the action's FROM. An INSERT of written rows becomes one of a SELECT over them; its
DEFAULTs are resolved before, since only VALUES has them.
"""

from __future__ import annotations

from dataclasses import replace

from datacave_core.catalog import Table
from datacave_core.errors import FeatureNotSupported
from datacave_sql.bind import relations
from datacave_sql.bind.from_clause import RuleRows
from datacave_sql.bind.rules import mentions
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.parse import ast

_ROWS = "*ROWS*"


def with_rows(b: Binding, action: ast.Statement, rows: RuleRows, table: Table) -> ast.Statement:
    """An action with the rows of the statement on `table` beside what it reads. Raises 0A000."""
    if isinstance(action, ast.Update):
        return replace(action, from_items=(rows, *map(_seeing_rows, action.from_items)))
    if isinstance(action, ast.Delete):
        return replace(action, using=(rows, *map(_seeing_rows, action.using)))
    if isinstance(action, ast.Query):
        return _beside(action, rows)
    assert isinstance(action, ast.Insert)
    source = action.source
    if source is None:
        return replace(action, source=ast.Query(0, ast.Select(0, (), (rows,))))
    if isinstance(source.body, ast.Values):
        action, source = _without_defaults(b, action, source, source.body, table)
        body = source.body
        if isinstance(body, ast.Values) and len(body.rows) == 1 and source.with_clause is None:
            targets = tuple(ast.Target(0, value) for value in body.rows[0])
            made = ast.Query(0, ast.Select(0, targets, (rows,)), None, source.order_by, source.limit, source.offset)
            return replace(action, source=made)
    return replace(action, source=_beside(source, rows))


def _beside(query: ast.Query, rows: RuleRows) -> ast.Query:
    if isinstance(query.body, ast.Select):
        items = (rows, *map(_seeing_rows, query.body.from_items))
        return replace(query, body=replace(query.body, from_items=items))
    inner = ast.SubqueryRef(0, query, ast.Alias(0, _ROWS), True)
    star = ast.Target(0, ast.ColumnRef(0, (_ROWS,), True))
    return ast.Query(0, ast.Select(0, (star,), (rows, inner)))


def _seeing_rows(item: ast.FromItem) -> ast.FromItem:
    """A FROM item whose subqueries may name OLD and NEW without being LATERAL."""
    if isinstance(item, ast.Join):
        return replace(item, left=_seeing_rows(item.left), right=_seeing_rows(item.right))
    if isinstance(item, ast.SubqueryRef) and (mentions(item.query, "old") or mentions(item.query, "new")):
        return replace(item, lateral=True)
    return item


def _without_defaults(
    b: Binding, action: ast.Insert, source: ast.Query, body: ast.Values, table: Table
) -> tuple[ast.Insert, ast.Query]:
    """The INSERT of written rows without DEFAULT: a column of nothing else is left out, elsewhere the default of the
    column is written in its place."""
    if not any(isinstance(value, ast.DefaultMarker) for row in body.rows for value in row):
        return action, source
    rows = [_spelled(row, table) for row in body.rows]
    target = relations.require_table(b, action.table.name, action.table.position)
    columns = action.columns
    if not columns:
        columns = tuple(ast.AssignmentTarget(0, column.name) for column in target.live_columns[: len(rows[0])])
    if any(len(row) != len(columns) for row in rows):
        return action, source  # told when it is bound
    kept = [place for place in range(len(columns)) if not all(_is_default(row[place]) for row in rows)]
    made = tuple(
        tuple(_default(target, columns[place].column) if _is_default(row[place]) else row[place] for place in kept)
        for row in rows
    )
    changed = replace(action, columns=tuple(columns[place] for place in kept))
    return changed, replace(source, body=replace(body, rows=made))


def _is_default(value: ast.Expression) -> bool:
    return isinstance(value, ast.DefaultMarker)


def _spelled(row: tuple[ast.Expression, ...], table: Table) -> list[ast.Expression]:
    """A row with `old.*` and `new.*` column by column."""
    found: list[ast.Expression] = []
    for value in row:
        if isinstance(value, ast.ColumnRef) and value.star and value.parts in (("old",), ("new",)):
            found += [replace(value, parts=(*value.parts, one.name), star=False) for one in table.live_columns]
        else:
            found.append(value)
    return found


def _default(table: Table, name: str) -> ast.Expression:
    column = table.columns_by_name.get(name)
    if column is not None and column.identity:
        raise FeatureNotSupported(
            f'DEFAULT of the identity column "{name}" in some of the rows of a rule action is not supported',
            hint="Write an INSERT for each of the rows.",
        )
    if column is None or column.default is None or column.generated:
        return ast.NullLiteral(0)
    return expression_tree(column.default)
