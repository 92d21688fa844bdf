"""Partitioned tables: PARTITION BY, and what routes rows to partitions and tells which of them a query needs."""

from __future__ import annotations

from collections.abc import Mapping

from datacave_core import sqlstate
from datacave_core.catalog import PartitionKey, PartitionKeyPart, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import coercion, row_rules
from datacave_sql.bind.constructs import resolve_collation
from datacave_sql.bind.immutability import is_immutable
from datacave_sql.bind.indexable import require_indexable
from datacave_sql.bind.names import SYSTEM_COLUMNS, Scope
from datacave_sql.bind.partition_bounds import ordered_partitions
from datacave_sql.bind.sqltext import SqlText
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

KEY_COLUMNS_MAX = 32


def bind_key(b: Binding, table: Table, written: ast.PartitionKey) -> PartitionKey:
    """PARTITION BY. Raises 42P17, 42703, 42P16, 42704."""
    strategy = {"range": "r", "list": "l", "hash": "h"}.get(written.strategy)
    if strategy is None:
        raise DatacaveError(
            f'unrecognized partitioning strategy "{written.strategy}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        )
    if strategy == "l" and len(written.elements) > 1:
        raise DatacaveError(
            'cannot use "list" partition strategy with more than one column',
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
        )
    if len(written.elements) > KEY_COLUMNS_MAX:
        raise DatacaveError(
            f"cannot partition using more than {KEY_COLUMNS_MAX} columns", sqlstate=sqlstate.TOO_MANY_COLUMNS
        )
    return PartitionKey(strategy, tuple(_part(b, table, element, strategy) for element in written.elements))


def _part(b: Binding, table: Table, element: ast.IndexElement, strategy: str) -> PartitionKeyPart:
    name = element.column
    node = element.expression
    if name is None and isinstance(node, ast.ColumnRef) and len(node.parts) == 1 and not node.star:
        name = node.parts[0]
    collation = 0
    if element.collation is not None:
        collation = resolve_collation(b, element.collation, element.position)
    operator_class = ".".join(element.operator_class or ())
    if name is not None:
        if name in SYSTEM_COLUMNS:
            raise DatacaveError(
                f'cannot use system column "{name}" in partition key',
                sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
                position=element.position,
            )
        column = table.columns_by_name.get(name)
        if column is None:
            raise DatacaveError(
                f'column "{name}" named in partition key does not exist',
                sqlstate=sqlstate.UNDEFINED_COLUMN,
                position=element.position,
            )
        if column.generated:
            raise DatacaveError(
                "cannot use generated column in partition key",
                sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
                detail=f'Column "{name}" is a generated column.',
                position=element.position,
            )
        type_oid, text, number = column.type_oid, None, column.number
        collation = collation or column.collation
    else:
        assert node is not None
        bound = _key_expression(b, table, node)
        type_oid, text, number = bound.type, SqlText()(node), 0
    if b.types.kind(type_oid) == "p":
        raise DatacaveError(
            f"partition key column {element.position} has pseudo-type {b.types.name(type_oid)}"
            if number
            else f"partition key column 1 has pseudo-type {b.types.name(type_oid)}",
            sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
        )
    if element.collation is not None and not b.types.type(type_oid).collation_oid:
        raise DatacaveError(
            f"collations are not supported by type {b.types.name(type_oid)}", sqlstate=sqlstate.DATATYPE_MISMATCH
        )
    _require_class(b, type_oid, strategy, operator_class)
    if operator_class in _default_classes(b, type_oid):
        operator_class = ""
    return PartitionKeyPart(number, text, type_oid, collation, operator_class)


def _default_classes(b: Binding, type_oid: int) -> tuple[str, ...]:
    """The names of the operator classes that a type has without naming one."""
    name = f"{b.types.type(b.types.base(type_oid)).name}_ops"
    return (name, "text_ops", "varchar_ops") if name in ("text_ops", "varchar_ops") else (name,)


def _require_class(b: Binding, type_oid: int, strategy: str, operator_class: str) -> None:
    method = "hash" if strategy == "h" else "btree"
    if operator_class and not operator_class.endswith("_ops"):
        raise DatacaveError(
            f'operator class "{operator_class}" does not exist for access method "{method}"',
            sqlstate=sqlstate.UNDEFINED_OBJECT,
        )
    try:
        require_indexable(b, type_oid)
    except DatacaveError:
        raise DatacaveError(
            f'data type {b.types.name(type_oid)} has no default operator class for access method "{method}"',
            sqlstate=sqlstate.UNDEFINED_OBJECT,
            hint=f"You must specify a {method} operator class or define a default {method} operator class for the "
            "data type.",
        ) from None


def _key_expression(b: Binding, table: Table, node: ast.Expression) -> n.Expression:
    scope = row_rules.row_scope(b, table, row_rules.row_columns(b, table), table.name, "partition key expressions")
    bound = coercion.settled(b, b.expression(node, scope))
    for inner in n.walk(bound):
        if isinstance(inner, n.SubqueryExpression):
            raise FeatureNotSupported("cannot use subquery in partition key expression", position=b.position(inner))
        if isinstance(inner, n.FunctionCall) and inner.function.returns_set:
            raise FeatureNotSupported(
                "set-returning functions are not allowed in partition key expressions", position=b.position(inner)
            )
    if not is_immutable(b, bound):
        raise DatacaveError(
            "functions in partition key expression must be marked IMMUTABLE",
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
        )
    if isinstance(bound, n.Constant):
        raise DatacaveError(
            "cannot use constant expression as partition key", sqlstate=sqlstate.INVALID_OBJECT_DEFINITION
        )
    return bound


def key_expressions(b: Binding, parent: Table, scope: Scope) -> tuple[n.Expression, ...]:
    """The partition key of `parent` over columns of the same names."""
    assert parent.partition_key is not None
    columns = {column.name: column.expression for column in scope.sources[0].columns}
    found = []
    for part in parent.partition_key.parts:
        if part.column:
            found.append(columns[parent.column(part.column).name])
        else:
            assert part.expression is not None
            found.append(row_rules.stored_expression(b, part.expression, scope, row_rules.schema_name(b, parent)))
    return tuple(found)


def partitioning(b: Binding, table: Table, scope: Scope, places: Mapping[int, int]) -> l.Partitioning:
    """How the partitions below `table` are told apart by a row in `scope`; `places` are those of leaves by oid."""
    bounds = []
    parts: list[int | l.Partitioning] = []
    for child in ordered_partitions(b, table):
        bounds.append(child.partition_bound)
        parts.append(partitioning(b, child, scope, places) if child.kind == "p" else places[child.oid])
    return l.Partitioning(table, key_expressions(b, table, scope), tuple(bounds), tuple(parts))


def partition_tests(b: Binding, table: Table, scope: Scope) -> tuple[l.PartitionTest, ...]:
    """What the row of a partition must fulfil: its own bound, and those of the partitioned tables it is a part of."""
    tests = []
    while table.partition_bound is not None:
        parent = b.catalog.tables[table.parents[0]]
        siblings = ordered_partitions(b, parent)
        place = next(at for at, one in enumerate(siblings) if one.oid == table.oid)
        bounds = tuple(one.partition_bound for one in siblings)
        tests.append(l.PartitionTest(parent, key_expressions(b, parent, scope), bounds, place))
        table = parent
    return tuple(tests)
