"""Assignments to parts of columns: `a[1] = x`, `p.field = x`: the whole value with that part replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_core.values import Array
from datacave_sql.bind import coercion
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.body import Body
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.functions.registry import Function
from datacave_sql.parse import ast


def set_element(array: Array | None, value: Any, *subscripts: int | None) -> Array:
    """The array with one element replaced; a one-dimensional array grows where the subscript lies outside."""
    if any(subscript is None for subscript in subscripts):
        raise DatacaveError("array subscript in assignment must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    places = [subscript for subscript in subscripts if subscript is not None]
    if array is None or not array.lengths:
        return Array((value,), (1,) * len(places), tuple(places))
    if len(places) != len(array.lengths):
        raise DatacaveError("wrong number of array subscripts", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
    elements = list(array.elements)
    if len(places) == 1:
        low, length, at = array.lower_bounds[0], array.lengths[0], places[0]
        if at < low:
            elements = [None] * (low - at) + elements
            low = at
        elif at >= low + length:
            elements += [None] * (at - low - length + 1)
        elements[at - low] = value
        return Array(tuple(elements), (len(elements),), (low,))
    offset = 0
    for place, length, low in zip(places, array.lengths, array.lower_bounds, strict=True):
        if not low <= place < low + length:
            raise DatacaveError("array subscript out of range", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
        offset = offset * length + place - low
    elements[offset] = value
    return Array(tuple(elements), array.lengths, array.lower_bounds)


_SET_ELEMENT = Function(
    oid=0,
    name="array_set_element",
    kind="f",
    argument_types=(oids.ANYARRAY, oids.ANYELEMENT),
    return_type=oids.ANYARRAY,
    strict=False,
    volatility="i",
    returns_set=False,
    variadic=0,
    default_count=0,
    argument_names=("", ""),
    columns=(),
    default_values=(),
    cost=1.0,
    rows=0.0,
    parallel="s",
    symbol="array_set_element",
    entry=Body(set_element),
)


def replaced(
    b: Binding, target: ast.AssignmentTarget, old: n.Expression, value: n.Expression, scope: Scope
) -> n.Expression:
    """The column's old value with the part that the target names replaced. Raises 42804, 42703, 0A000."""
    return _replaced(b, target, target.indirection, old, value, scope)


def _replaced(
    b: Binding,
    target: ast.AssignmentTarget,
    parts: Sequence[str | ast.Subscript],
    old: n.Expression,
    value: n.Expression,
    scope: Scope,
) -> n.Expression:
    if not parts:
        return value
    base = b.types.base(old.type)
    if isinstance(parts[0], str):
        return _field(b, target, parts, old, value, scope, base)
    subscripts = [part for part in parts if isinstance(part, ast.Subscript)]
    element = b.types.element(base)
    if not element:
        raise DatacaveError(
            f"cannot subscript type {b.types.name(old.type)} because it does not support subscripting",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=target.position,
        )
    if len(subscripts) != len(parts) or any(part.is_slice or part.upper is None for part in subscripts):
        raise FeatureNotSupported(
            "assigning to a slice of an array, or to a part of an element, is not supported",
            hint="Assign the whole value.",
            position=target.position,
        )
    bound = _assigned(b, target, value, element)
    places = []
    for part in subscripts:
        assert part.upper is not None
        place = coercion.coerce(b, b.expression(part.upper, scope), oids.INT4, -1, ASSIGNMENT)
        if place is None:
            raise DatacaveError(
                "array subscript must have type integer",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                position=part.upper.position,
            )
        places.append(place)
    return n.FunctionCall(_SET_ELEMENT, (old, bound, *places), old.type)


def _field(
    b: Binding,
    target: ast.AssignmentTarget,
    parts: Sequence[str | ast.Subscript],
    old: n.Expression,
    value: n.Expression,
    scope: Scope,
    base: int,
) -> n.Expression:
    attributes = b.types.attributes(base)
    if not attributes:
        raise DatacaveError(
            f'cannot assign to field "{parts[0]}" of column "{target.column}" because its type '
            f"{b.types.name(old.type)} is not a composite type",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=target.position,
        )
    if not any(attribute.name == parts[0] for attribute in attributes):
        raise DatacaveError(
            f'cannot assign to field "{parts[0]}" of column "{target.column}" because there is no such column in '
            f"data type {b.types.name(old.type)}",
            sqlstate=sqlstate.UNDEFINED_COLUMN,
            position=target.position,
        )
    fields: list[n.Expression] = []
    for index, attribute in enumerate(attributes):
        field: n.Expression = n.FieldSelect(old, index, attribute.type, attribute.typmod)
        if attribute.name == parts[0]:
            field = _replaced(b, target, parts[1:], field, value, scope)
            field = _assigned(b, target, field, attribute.type, attribute.typmod)
        fields.append(field)
    return n.RowConstructor(tuple(fields), old.type, -1, tuple(a.name for a in attributes))


def _assigned(
    b: Binding, target: ast.AssignmentTarget, value: n.Expression, type_oid: int, typmod: int = -1
) -> n.Expression:
    bound = coercion.coerce(b, value, type_oid, typmod, ASSIGNMENT)
    if bound is None:
        place: int | None = target.position
        wanted, given = b.types.name(type_oid), b.types.name(value.type)
        message = (
            f'subscripted assignment to "{target.column}" requires type {wanted} but expression is of type {given}'
        )
        if isinstance(target.indirection[0], str):
            message = f'subfield "{target.indirection[0]}" is of type {wanted} but expression is of type {given}'
            place = b.position(value)
        raise DatacaveError(
            message,
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            hint="You will need to rewrite or cast the expression.",
            position=place,
        )
    return bound
