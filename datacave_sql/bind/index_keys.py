"""Keys of indexes and exclusion constraints: a column or an expression with its operator class and direction."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.catalog import IndexKey, Table
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import coercion
from datacave_sql.bind.constructs import resolve_collation
from datacave_sql.bind.immutability import is_immutable
from datacave_sql.bind.indexable import refuse_subquery
from datacave_sql.bind.names import Scope
from datacave_sql.bind.operator_classes import key_class
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast, figure_column_name


def free_word(word: str, words: Sequence[str]) -> str:
    """A column's word in a made-up name, numbered where it repeats."""
    candidate, number = word, 0
    while candidate in words:
        number += 1
        candidate = f"{word}{number}"
    return candidate


def expression_word(node: ast.Expression) -> str:
    """What the column of an index over an expression is called."""
    word = figure_column_name(node)
    return "expr" if word == "?column?" else word


def index_key(
    b: Binding, table: Table, element: ast.IndexElement, scope: Scope, method: str | None
) -> tuple[IndexKey, n.Expression | None, str]:
    """(the key, its bound expression, its word in a made-up name); without a method any type will do."""
    nulls_first = element.descending if element.nulls_first is None else element.nulls_first
    name = element.column
    node = element.expression
    collation = 0
    while isinstance(node, ast.Collate):
        # What the expression ends in is the collation of the key.
        collation = collation or resolve_collation(b, node.collation, node.position)
        node = node.operand
    if name is None and isinstance(node, ast.ColumnRef) and len(node.parts) == 1 and not node.star:
        name = node.parts[0]
    if element.collation is not None:
        collation = resolve_collation(b, element.collation, element.position)
    if name is not None:
        column = table.columns_by_name.get(name)
        if column is None:
            raise DatacaveError(f'column "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN)
        operators = key_class(b, element.operator_class, method, column.type_oid) if method is not None else ""
        key = IndexKey(
            column.number,
            descending=element.descending,
            nulls_first=nulls_first,
            collation=collation or column.collation,
            operator_class=operators,
        )
        return key, None, column.name
    assert node is not None
    bound = coercion.settled(b, b.expression(node, scope))
    refuse_subquery(b, bound, "index expression")
    word = expression_word(node)
    if bound.type in (oids.RECORD, oids.VOID):
        raise DatacaveError(
            f'column "{word}" has pseudo-type {b.types.name(bound.type)}', sqlstate=sqlstate.INVALID_TABLE_DEFINITION
        )
    if not is_immutable(b, bound):
        raise DatacaveError(
            "functions in index expression must be marked IMMUTABLE", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION
        )
    operators = key_class(b, element.operator_class, method, bound.type) if method is not None else ""
    key = IndexKey(
        0, SqlText(routine=b.routine_name)(node), element.descending, nulls_first, bound.type, collation, operators
    )
    return key, bound, word
