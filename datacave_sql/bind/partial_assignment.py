"""Assignments to parts of columns: `a[1] = x`, `p.field = x`: the whole value with that part replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion
from datacave_sql.bind.domains import domain_value, unchecked
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.array_assignment import set_element, set_slice
from datacave_sql.functions.body import Body
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.functions.fixed_parts import FIXED_PARTS, no_slices, with_part
from datacave_sql.functions.hstore_assignment import set_hstore
from datacave_sql.functions.jsonb_assignment import set_jsonb
from datacave_sql.functions.registry import Function
from datacave_sql.parse import ast


def _internal(name: str, call: Callable[..., Any]) -> Function:
    """A function that only assignments call."""
    return Function(
        oid=0,
        name=name,
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
        symbol=name,
        entry=Body(call),
    )


_SET_ELEMENT = _internal("array_set_element", set_element)
_SET_PART = _internal("array_set_part", with_part)
_SET_SLICE = "array_set_slice"
_SET_JSONB = "jsonb_set_path"
_SET_HSTORE = "hstore_set_value"


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
    if base != old.type:
        # The domain's constraints are tested once, over what all assignments of the statement have made of the value.
        inside = _replaced(b, target, parts, n.Relabel(unchecked(old), base), value, scope)
        return domain_value(b, inside, old.type)
    if isinstance(parts[0], str):
        return _field(b, target, parts, old, value, scope, base)
    count = next((i for i, part in enumerate(parts) if isinstance(part, str)), len(parts))
    subscripts = [part for part in parts[:count] if isinstance(part, ast.Subscript)]
    if base == oids.JSONB and count == len(parts):
        return _jsonb(b, target, subscripts, old, value, scope)
    if b.types.reads(base) == "hstore" and count == len(parts):
        key = hstore_key(b, subscripts, scope)
        return n.FunctionCall(
            _internal(_SET_HSTORE, set_hstore), (old, _assigned(b, target, value, oids.TEXT), key), old.type
        )
    element = FIXED_PARTS.get(base) or b.types.element(base)
    if not element:
        raise DatacaveError(
            f"cannot subscript type {b.types.name(old.type)} because it does not support subscripting",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=target.position,
        )
    if any(part.is_slice for part in subscripts):
        if count != len(parts):
            raise FeatureNotSupported(
                "assigning to a field of a slice of an array is not supported",
                hint="Assign the whole value.",
                position=target.position,
            )
        if base in FIXED_PARTS:
            raise no_slices()
        return _slice(b, target, subscripts, old, value, scope, base)
    places = tuple(_place(b, part.upper, scope) for part in subscripts)
    if count < len(parts):
        lower: tuple[None, ...] = (None,) * len(places)
        inside = n.Subscript(old, lower, places, False, element)
        value = _replaced(b, target, parts[count:], inside, value, scope)
    bound = _assigned(b, target, value, element)
    return n.FunctionCall(_SET_PART if base in FIXED_PARTS else _SET_ELEMENT, (old, bound, *places), old.type)


def _place(b: Binding, node: ast.Expression | None, scope: Scope) -> n.Expression:
    assert node is not None
    place = coercion.coerce(b, b.expression(node, scope), oids.INT4, -1, ASSIGNMENT)
    if place is None:
        raise DatacaveError(
            "array subscript must have type integer", sqlstate=sqlstate.DATATYPE_MISMATCH, position=node.position
        )
    return place


def _slice(
    b: Binding,
    target: ast.AssignmentTarget,
    subscripts: Sequence[ast.Subscript],
    old: n.Expression,
    value: n.Expression,
    scope: Scope,
    base: int,
) -> n.Expression:
    bound = _assigned(b, target, value, base)
    present: list[tuple[bool, bool]] = []
    bounds: list[n.Expression] = []
    for part in subscripts:
        # Where one subscript is a slice, a plain one stands for 1 to its number.
        low = part.lower if part.is_slice else ast.IntegerLiteral(target.position, 1)
        for node in (low, part.upper):
            bounds.append(_place(b, node, scope) if node is not None else n.Constant(None, oids.INT4))
        present.append((low is not None, part.upper is not None))
    function = _internal(_SET_SLICE, partial(set_slice, tuple(present)))
    return n.FunctionCall(function, (old, bound, *bounds), old.type)


def _jsonb(
    b: Binding,
    target: ast.AssignmentTarget,
    subscripts: Sequence[ast.Subscript],
    old: n.Expression,
    value: n.Expression,
    scope: Scope,
) -> n.Expression:
    bound = _assigned(b, target, value, oids.JSONB)
    path = json_path(b, subscripts, scope)
    first = b.expression(subscripts[0].upper, scope) if subscripts[0].upper is not None else path[0]
    function = _internal(_SET_JSONB, partial(set_jsonb, first.type in (oids.INT4, oids.INT2)))
    return n.FunctionCall(function, (old, bound, *path), old.type)


def hstore_key(b: Binding, subscripts: Sequence[ast.Subscript], scope: Scope) -> n.Expression:
    """The one subscript of an hstore. Raises 0A000 for more, 42804 for what is no text."""
    first = subscripts[0]
    if len(subscripts) != 1 or first.is_slice or first.upper is None:
        raise FeatureNotSupported("hstore allows only one subscript", position=first.position)
    key = coercion.coerce(b, b.expression(first.upper, scope), oids.TEXT, -1, ASSIGNMENT)
    if key is None:
        raise DatacaveError(
            "hstore subscript must have type text", sqlstate=sqlstate.DATATYPE_MISMATCH, position=first.position
        )
    return key


def json_path(b: Binding, subscripts: Sequence[ast.Subscript], scope: Scope) -> list[n.Expression]:
    """The subscripts of jsonb as texts. Raises 42804 for slices and types that are neither integer nor text."""
    found: list[n.Expression] = []
    for part in subscripts:
        if part.is_slice or part.upper is None:
            raise DatacaveError(
                "jsonb subscript does not support slices", sqlstate=sqlstate.DATATYPE_MISMATCH, position=part.position
            )
        given = b.expression(part.upper, scope)
        number = None if given.type == oids.UNKNOWN else coercion.coerce(b, given, oids.INT4)
        text = coercion.coerce(b, given, oids.TEXT)
        if (number is None) == (text is None):
            raise DatacaveError(
                f"subscript type {b.types.name(given.type)} is not supported",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                hint="jsonb subscript must be coercible to only one type, integer or text.",
                position=part.position,
            )
        if text is None and number is not None:
            text = coercion.cast(b, number, oids.TEXT, -1, part.position)
        assert text is not None
        found.append(text)
    return found


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
