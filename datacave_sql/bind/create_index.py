"""CREATE INDEX: keys by column or expression, included columns, a partial index's condition."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.catalog import Index, IndexKey, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import coercion, constraints, relations, row_rules
from datacave_sql.bind import statements as s
from datacave_sql.bind.constructs import resolve_collation
from datacave_sql.bind.names import Scope
from datacave_sql.bind.object_names import free_name
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast, figure_column_name
from datacave_sql.plan.logical import OutputColumn

METHODS = ("btree", "hash")
OTHER_METHODS = ("gist", "gin", "spgist", "brin")


def indexed_table(b: Binding, statement: ast.CreateIndex) -> Table:
    """The table to be indexed. Raises 42P01, 42809."""
    table = relations.require_table(b, statement.table.name, statement.table.position)
    if table.kind not in ("r", "m"):
        what = "views" if table.kind == "v" else "composite types"
        raise DatacaveError(
            f'cannot create index on relation "{table.name}"',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            detail=f"This operation is not supported for {what}.",
        )
    return table


def bind_create_index(b: Binding, statement: ast.CreateIndex, entries: object) -> s.BoundStatement:
    """The index to make."""
    if statement.access_method in OTHER_METHODS:
        raise FeatureNotSupported(
            f"access method {statement.access_method} is not supported", hint="Make a btree index."
        )
    if statement.access_method not in METHODS:
        raise DatacaveError(
            f'access method "{statement.access_method}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
        )
    table = indexed_table(b, statement)
    if statement.name is not None and (table.schema_oid, statement.name) in b.catalog.relation_names:
        if statement.if_not_exists:
            notice = (f'relation "{statement.name}" already exists, skipping', sqlstate.DUPLICATE_TABLE)
            return s.NothingToDo("CREATE INDEX", (notice,))
        raise DatacaveError(f'relation "{statement.name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    row = row_rules.row_columns(b, table)
    scope = row_rules.row_scope(b, table, row, table.name, "index expressions")
    keys: list[IndexKey] = []
    expressions: list[n.Expression | None] = []
    words: list[str] = []
    for element in statement.elements:
        key, expression, word = _key(b, table, element, scope)
        keys.append(key)
        expressions.append(expression)
        words.append(word)
    included = tuple(_included(table, element) for element in statement.including)
    predicate, text = _predicate(b, statement, table, row)
    name = statement.name
    if name is None:
        name = free_name(
            table.name,
            "_".join(words),
            "idx",
            lambda candidate: (table.schema_oid, candidate) in b.catalog.relation_names,
        )
    index = Index(
        0,
        0,
        name,
        tuple(keys),
        unique=statement.unique,
        nulls_not_distinct=statement.nulls_not_distinct,
        predicate=text,
        included=included,
        method=statement.access_method,
        options=tuple((option.name, option.value or "true") for option in statement.options),
    )
    return s.CreateIndex(table, index, tuple(expressions), predicate, row)


def _key(
    b: Binding, table: Table, element: ast.IndexElement, scope: Scope
) -> tuple[IndexKey, n.Expression | None, str]:
    """(the key, its bound expression, its word in a made-up name)."""
    nulls_first = element.descending if element.nulls_first is None else element.nulls_first
    name = element.column
    node = element.expression
    if name is None and isinstance(node, ast.ColumnRef) and len(node.parts) == 1 and not node.star:
        name = node.parts[0]
    collation = 0
    if element.collation is not None:
        collation = resolve_collation(b, element.collation, element.position)
    if name is not None:
        column = table.columns_by_name.get(name)
        if column is None:
            raise DatacaveError(f'column "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN)
        _require_class(b, element, column.type_oid)
        key = IndexKey(
            column.number,
            descending=element.descending,
            nulls_first=nulls_first,
            collation=collation or column.collation,
        )
        return key, None, column.name
    assert node is not None
    bound = coercion.settled(b, b.expression(node, scope))
    constraints.refuse_subquery(b, bound, "index expression")
    if any(isinstance(part, n.FunctionCall) and part.function.volatility != "i" for part in n.walk(bound)):
        raise DatacaveError(
            "functions in index expression must be marked IMMUTABLE", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION
        )
    _require_class(b, element, bound.type)
    key = IndexKey(0, SqlText()(node), element.descending, nulls_first, bound.type, collation)
    word = figure_column_name(node)
    return key, bound, "expr" if word == "?column?" else word


_CLASS_SUFFIXES = ("_ops", "_pattern_ops")


def _require_class(b: Binding, element: ast.IndexElement, type_oid: int) -> None:
    constraints.require_indexable(b, type_oid)
    if element.operator_class is None:
        return
    name = element.operator_class[-1]
    if not name.endswith(_CLASS_SUFFIXES):
        raise DatacaveError(
            f'operator class "{name}" does not exist for access method "btree"', sqlstate=sqlstate.UNDEFINED_OBJECT
        )


def _included(table: Table, element: ast.IndexElement) -> int:
    if element.column is None or element.expression is not None:
        raise FeatureNotSupported("expressions are not supported in included columns")
    column = table.columns_by_name.get(element.column)
    if column is None:
        raise DatacaveError(f'column "{element.column}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN)
    return column.number


def _predicate(
    b: Binding, statement: ast.CreateIndex, table: Table, row: tuple[OutputColumn, ...]
) -> tuple[n.Expression | None, str | None]:
    if statement.where is None:
        return None, None
    scope = row_rules.row_scope(b, table, row, table.name, "index predicates")
    bound = coercion.to_boolean(b, b.expression(statement.where, scope), "WHERE")
    constraints.refuse_subquery(b, bound, "index predicate")
    if any(isinstance(part, n.FunctionCall) and part.function.volatility != "i" for part in n.walk(bound)):
        raise DatacaveError(
            "functions in index predicate must be marked IMMUTABLE", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION
        )
    return bound, SqlText()(statement.where)
