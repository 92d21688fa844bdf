"""CREATE INDEX: keys by column or expression, included columns, a partial index's condition."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.catalog import Index, IndexKey, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import coercion, partition_parts, relations, row_rules
from datacave_sql.bind import statements as s
from datacave_sql.bind.immutability import is_immutable
from datacave_sql.bind.index_keys import free_word, index_key
from datacave_sql.bind.indexable import refuse_subquery
from datacave_sql.bind.object_names import free_name
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.bind.storage_parameters import index_parameters
from datacave_sql.bind.stored_text import mentioned_columns
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan.logical import OutputColumn

METHODS = ("btree", "hash", "gin", "gist", "spgist", "brin")
KEYS_MAX = 32
SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax"})


def indexed_table(b: Binding, statement: ast.CreateIndex) -> Table:
    """The table to be indexed. Raises 42P01, 42809."""
    table = relations.require_table(b, statement.table.name, statement.table.position)
    if table.kind not in ("r", "m", "p"):
        what = "views" if table.kind == "v" else "composite types"
        raise DatacaveError(
            f'cannot create index on relation "{table.name}"',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            detail=f"This operation is not supported for {what}.",
        )
    return table


def bind_create_index(b: Binding, statement: ast.CreateIndex, entries: object) -> s.BoundStatement:
    """The index to make."""
    method = _method(statement)
    table = indexed_table(b, statement)
    if statement.name is not None and (table.schema_oid, statement.name) in b.catalog.relation_names:
        if statement.if_not_exists:
            notice = (f'relation "{statement.name}" already exists, skipping', sqlstate.DUPLICATE_TABLE)
            return s.NothingToDo("CREATE INDEX", (notice,))
        raise DatacaveError(f'relation "{statement.name}" already exists', sqlstate=sqlstate.DUPLICATE_TABLE)
    _refuse_system_columns(statement)
    row = row_rules.row_columns(b, table)
    scope = row_rules.row_scope(b, table, row, table.name, "index expressions")
    keys: list[IndexKey] = []
    expressions: list[n.Expression | None] = []
    words: list[str] = []
    for element in statement.elements:
        key, expression, word = index_key(b, table, element, scope, method)
        keys.append(key)
        expressions.append(expression)
        words.append(free_word(word, words))
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
        method=method,
        options=index_parameters(method, statement.options),
    )
    if table.kind == "p":
        if statement.concurrently:
            raise FeatureNotSupported(
                f'cannot create index on partitioned table "{table.name}" concurrently', position=None
            )
        partition_parts.check_unique(table, index)
    only = statement.table.only
    return s.CreateIndex(table, index, tuple(expressions), predicate, row, statement.concurrently, only)


def _method(statement: ast.CreateIndex) -> str:
    """The access method. Raises 42704, and 0A000 for what the method cannot do."""
    method = statement.access_method
    if method not in METHODS:
        raise DatacaveError(f'access method "{method}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    if len(statement.elements) + len(statement.including) > KEYS_MAX:
        raise DatacaveError(f"cannot use more than {KEYS_MAX} columns in an index", sqlstate=sqlstate.TOO_MANY_COLUMNS)
    if method != "btree":
        lacking = (
            "unique indexes" if statement.unique
            else "included columns" if statement.including and method not in ("gist", "spgist")
            else "multicolumn indexes" if method in ("hash", "spgist") and len(statement.elements) > 1
            else "ASC/DESC options" if any(one.descending for one in statement.elements)
            else "NULLS FIRST/LAST options" if any(one.nulls_first is not None for one in statement.elements)
            else None
        )  # fmt: skip
        if lacking is not None:
            raise FeatureNotSupported(f'access method "{method}" does not support {lacking}')
    return method


def _refuse_system_columns(statement: ast.CreateIndex) -> None:
    parts = [one.expression or one.column for one in (*statement.elements, *statement.including)]
    names = {part for part in parts if isinstance(part, str)}
    names |= {column.parts[-1] for part in (*parts, statement.where) for column in mentioned_columns(part)}
    if names & SYSTEM_COLUMNS:
        raise FeatureNotSupported("index creation on system columns is not supported")


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
    refuse_subquery(b, bound, "index predicate")
    if not is_immutable(b, bound):
        raise DatacaveError(
            "functions in index predicate must be marked IMMUTABLE", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION
        )
    return bound, SqlText(routine=b.routine_name)(statement.where)
