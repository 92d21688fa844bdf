"""Sort keys: ORDER BY inside aggregates and windows, and what every sort key must fulfil."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import coercion
from datacave_sql.bind.names import Scope
from datacave_sql.bind.resolving import operator_for
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast


def sort_key(b: Binding, value: n.Expression, item: ast.OrderItem) -> n.SortKey:
    """A key over a bound value. Raises 42883 for a type without an order."""
    value = coercion.settled(b, value)
    if item.using is None or item.using[-1] not in ("<", ">") or b.types.io(value.type).comparable:
        require_order(b, value, item.expression.position)
    descending = item.descending
    if item.using is not None:
        operator = item.using[-1]
        if operator not in ("<", ">") or not b.types.io(value.type).comparable:
            raise DatacaveError(
                f"operator {operator} is not a valid ordering operator",
                sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                hint='Ordering operators must be "<" or ">" members of btree operator families.',
                position=item.position,
            )
        descending = operator == ">"
    nulls_first = descending if item.nulls_first is None else item.nulls_first
    return n.SortKey(value, descending, nulls_first)


def require_order(b: Binding, value: n.Expression, position: int | None) -> None:
    """Raises 42883 where values of the type cannot be ordered."""
    if isinstance(value, n.RowConstructor):
        for field in value.fields:
            require_order(b, field, position)
        return
    try:
        if not b.types.reads(b.types.base(value.type)):
            operator_for("<", value.type, value.type, b.types)
        comparable = b.types.io(value.type).comparable
    except FeatureNotSupported as error:
        raise error.at(position) from None
    except DatacaveError:
        comparable = False
    if not comparable:
        raise DatacaveError(
            f"could not identify an ordering operator for type {b.types.name(value.type)}",
            sqlstate=sqlstate.UNDEFINED_FUNCTION,
            hint="Use an explicit ordering operator or modify the query.",
            position=position,
        )


def require_equality(b: Binding, value: n.Expression, position: int | None) -> None:
    """Raises 42883 where values of the type cannot be compared for equality."""
    if isinstance(value, n.RowConstructor):
        for field in value.fields:
            require_equality(b, field, position)
        return
    try:
        operator_for("=", value.type, value.type, b.types)
        comparable = b.types.io(value.type).comparable
    except FeatureNotSupported as error:
        raise error.at(position) from None
    except DatacaveError:
        comparable = False
    if not comparable:
        raise DatacaveError(
            f"could not identify an equality operator for type {b.types.name(value.type)}",
            sqlstate=sqlstate.UNDEFINED_FUNCTION,
            position=position,
        )


def sort_keys(b: Binding, items: Sequence[ast.OrderItem], scope: Scope) -> tuple[n.SortKey, ...]:
    """Keys of an ORDER BY whose items are plain expressions: in aggregates and windows."""
    return tuple(sort_key(b, b.expression(item.expression, scope), item) for item in items)
