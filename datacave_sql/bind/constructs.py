"""Special forms: casts, CASE, COALESCE, NULLIF, GREATEST, arrays, rows, subscripts, COLLATE, SQL value functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import calls, coercion, names, operators, targets, typenames
from datacave_sql.bind.names import Scope
from datacave_sql.bind.partial_assignment import hstore_key, json_path
from datacave_sql.bind.resolving import operator_for
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.functions.fixed_parts import FIXED_PARTS
from datacave_sql.functions.typelookup import VECTORS
from datacave_sql.parse import ast


def bind_cast(b: Binding, e: ast.Cast, scope: Scope) -> n.Expression:
    """CAST(a AS t), a::t, t 'literal'."""
    target = typenames.resolve_type(b, e.type_name)
    if isinstance(e.operand, ast.ArrayLiteral):
        # The element type of the array is what the cast asks for.
        array = b.types.base(target.oid)
        if b.types.element(array):
            built = array_literal(b, e.operand, scope, array)
            return coercion.cast(b, built, target.oid, target.typmod, e.position)
    operand = b.expression(e.operand, scope)
    return coercion.cast(b, operand, target.oid, target.typmod, e.position)


def bind_case(b: Binding, e: ast.Case, scope: Scope) -> n.Expression:
    operand = None
    before = _sets(scope)
    test: n.Expression | None = None
    if e.operand is not None:
        operand = coercion.settled(b, b.expression(e.operand, scope))
        test = n.CaseOperand(operand.type, operand.typmod)
    conditions = []
    for when in e.whens:
        condition = b.expression(when.condition, scope)
        if test is not None:
            condition = operators.apply_operator(b, "=", test, condition, when.condition.position)
        conditions.append(coercion.to_boolean(b, condition, "CASE/WHEN"))
    results = [b.expression(when.result, scope) for when in e.whens]
    results.append(b.expression(e.default, scope) if e.default is not None else n.Constant(None, oids.UNKNOWN))
    _without_sets(b, scope, before, "CASE", e.position)
    values, common = coercion.to_common(b, results, "CASE", first=len(results) - 1)
    return n.Case(operand, tuple(zip(conditions, values[:-1], strict=True)), values[-1], common, _typmod(values))


def _without_sets(b: Binding, scope: Scope, before: int, what: str, position: int) -> None:
    """Raises 0A000 where set-returning functions have been collected since there were `before` of them."""
    if scope.grouping is not None and len(scope.grouping.sets) > before:
        raise DatacaveError(
            f"set-returning functions are not allowed in {what}",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            hint="You might be able to move the set-returning function into a LATERAL FROM item.",
            position=b.mention(scope.grouping.sets[before][1].id, 0) or position,
        )


def _sets(scope: Scope) -> int:
    return len(scope.grouping.sets) if scope.grouping is not None else 0


def _typmod(values: list[n.Expression]) -> int:
    """The common typmod of several values, -1 where they differ."""
    known = {value.typmod for value in values if not (isinstance(value, n.Constant) and value.value is None)}
    return known.pop() if len(known) == 1 else -1


def bind_coalesce(b: Binding, e: ast.Coalesce, scope: Scope) -> n.Expression:
    before = _sets(scope)
    values, common = coercion.to_common(b, [b.expression(item, scope) for item in e.arguments], "COALESCE")
    _without_sets(b, scope, before, "COALESCE", e.position)
    return values[0] if len(values) == 1 else n.Coalesce(tuple(values), common, _typmod(values))


def bind_null_if(b: Binding, e: ast.NullIf, scope: Scope) -> n.Expression:
    left, right = b.expression(e.left, scope), b.expression(e.right, scope)
    found = operators.equality(b, left.type, right.type, e.position)
    first, second = found.argument_types
    compared = coercion.require(b, left, first)
    other = coercion.require(b, right, second)
    return n.NullIf(compared, other, found.function, compared.type, compared.typmod)


def bind_min_max(b: Binding, e: ast.MinMax, scope: Scope) -> n.Expression:
    construct = e.kind.upper()
    values, common = coercion.to_common(b, [b.expression(item, scope) for item in e.arguments], construct)
    less = operators.find_operator(b, "<", common, common, e.position)
    if less.argument_types[0] != common:
        values = [coercion.require(b, value, less.argument_types[0]) for value in values]
        extremum = n.Extremum(tuple(values), e.kind == "greatest", less.function, less.argument_types[0])
        return coercion.require(b, extremum, common)
    return n.Extremum(tuple(values), e.kind == "greatest", less.function, common, _typmod(values))


def array_literal(b: Binding, e: ast.ArrayLiteral, scope: Scope, wanted: int = 0) -> n.Expression:
    """ARRAY[..]; `wanted` is the array type a cast round it asks for, 0 for none."""
    nested = [isinstance(item, ast.ArrayLiteral) for item in e.elements]
    elements = [
        array_literal(b, item, scope, wanted) if isinstance(item, ast.ArrayLiteral) else b.expression(item, scope)
        for item in e.elements
    ]
    element_type = b.types.element(wanted) if wanted else 0
    if not elements:
        if not wanted:
            raise DatacaveError(
                "cannot determine type of empty array",
                sqlstate=sqlstate.INDETERMINATE_DATATYPE,
                hint="Explicitly cast to the desired type, for example ARRAY[]::integer[].",
                position=e.position,
            )
        return n.ArrayConstructor((), False, wanted)
    if wanted and not any(nested):
        values = [coercion.cast(b, item, element_type, -1, b.position(item)) for item in elements]
        return n.ArrayConstructor(tuple(values), False, wanted)
    values, common = coercion.to_common(b, elements, "ARRAY")
    if b.types.element(common) and common not in VECTORS:
        return n.ArrayConstructor(tuple(values), True, common)
    array = b.types.array(common)
    if not array:
        raise DatacaveError(
            f"could not find array type for data type {b.types.name(common)}",
            sqlstate=sqlstate.UNDEFINED_OBJECT,
            position=e.position,
        )
    return n.ArrayConstructor(tuple(values), False, array)


def bind_array(b: Binding, e: ast.ArrayLiteral, scope: Scope) -> n.Expression:
    return array_literal(b, e, scope)


def bind_row(b: Binding, e: ast.RowExpression, scope: Scope) -> n.Expression:
    fields: list[n.Expression] = []
    for item in e.fields:
        if isinstance(item, ast.ColumnRef) and item.star and item.parts:
            fields += [one.expression for one in targets.starred(b, item, scope)]
        elif isinstance(item, ast.FieldStar):
            fields += [one.expression for one in targets.field_items(b, item, scope)]
        else:
            fields.append(b.expression(item, scope))
    labels = tuple(f"f{i + 1}" for i in range(len(fields)))
    return n.RowConstructor(tuple(fields), oids.RECORD, -1, labels, written=True)


def bind_subscript(b: Binding, e: ast.SubscriptedExpression, scope: Scope) -> n.Expression:
    operand = b.expression(e.operand, scope)
    base = b.types.base(operand.type)
    if base == oids.JSONB:
        return _json_subscript(b, e, operand, scope)
    if b.types.reads(base) == "hstore":
        key = hstore_key(b, e.subscripts, scope)
        found = operator_for("->", base, oids.TEXT, b.types)
        return n.FunctionCall(found.function, (operand, key), oids.TEXT, -1, "->", e.position)
    element = b.types.element(base)
    if base in (oids.INT2VECTOR, oids.OIDVECTOR):
        element = oids.INT2 if base == oids.INT2VECTOR else oids.OID
    elif base in FIXED_PARTS:
        element = FIXED_PARTS[base]
        operand = operand if operand.type == base else n.Relabel(operand, base)
    elif base == oids.NAME and len(e.subscripts) == 1 and not e.subscripts[0].is_slice:
        element = oids.CHAR
    if not element:
        raise DatacaveError(
            f"cannot subscript type {b.types.name(operand.type)} because it does not support subscripting",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=e.position,
        )
    slices = any(part.is_slice for part in e.subscripts)

    def bound(part: ast.Expression | None) -> n.Expression | None:
        if part is None:
            return None
        value = coercion.coerce(b, b.expression(part, scope), oids.INT4, -1, ASSIGNMENT)
        if value is None:
            raise DatacaveError(
                "array subscript must have type integer", sqlstate=sqlstate.DATATYPE_MISMATCH, position=part.position
            )
        return value

    lower: list[n.Expression | None] = []
    upper: list[n.Expression | None] = []
    for part in e.subscripts:
        if slices and not part.is_slice:
            lower.append(n.Constant(1, oids.INT4))
            upper.append(bound(part.upper))
        else:
            lower.append(bound(part.lower))
            upper.append(bound(part.upper))
    return n.Subscript(operand, tuple(lower), tuple(upper), slices, base if slices else element, operand.typmod)


def _json_subscript(b: Binding, e: ast.SubscriptedExpression, operand: n.Expression, scope: Scope) -> n.Expression:
    path = n.ArrayConstructor(tuple(json_path(b, e.subscripts, scope)), False, oids.TEXT_ARRAY)
    function = operators.builtin("jsonb_extract_path", (oids.JSONB, oids.TEXT_ARRAY))
    return n.FunctionCall(function, (operand, path), oids.JSONB, position=e.position)


COLLATIONS = {"default": 100, "C": 950, "POSIX": 951, "ucs_basic": 12766}


def resolve_collation(b: Binding, name: ast.QualifiedName, position: int) -> int:
    """The oid of a collation; all of those Datacave has order by code points. Raises 42704."""
    found = COLLATIONS.get(name[-1])
    if found is None or (len(name) > 1 and name[-2] != "pg_catalog"):
        raise DatacaveError(
            f'collation "{".".join(name)}" for encoding "UTF8" does not exist',
            sqlstate=sqlstate.UNDEFINED_OBJECT,
            position=position,
        )
    return found


def bind_collate(b: Binding, e: ast.Collate, scope: Scope) -> n.Expression:
    operand = b.expression(e.operand, scope)
    resolve_collation(b, e.collation, e.position)
    if operand.type == oids.UNKNOWN:
        return coercion.settled(b, operand)
    if not b.types.type(b.types.base(operand.type)).collation_oid and b.types.category(operand.type) not in "SA":
        raise DatacaveError(
            f"collations are not supported by type {b.types.name(operand.type)}",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=e.position,
        )
    return operand


_VALUE_FUNCTIONS = {
    "current_role": "current_user",
    "current_user": "current_user",
    "user": "current_user",
    "session_user": "session_user",
    "current_catalog": "current_database",
    "current_schema": "current_schema",
}
_TIME_FUNCTIONS = {
    "current_date": oids.DATE,
    "current_time": oids.TIMETZ,
    "current_timestamp": oids.TIMESTAMPTZ,
    "localtime": oids.TIME,
    "localtimestamp": oids.TIMESTAMP,
}


def bind_value_function(b: Binding, e: ast.SqlValueFunction, scope: Scope) -> n.Expression:
    """CURRENT_DATE and its kin: now() cast to the type, or a function of the session."""
    target = _TIME_FUNCTIONS.get(e.name)
    if target is None:
        function = operators.builtin(_VALUE_FUNCTIONS[e.name], ())
        return n.FunctionCall(function, (), function.return_type, position=e.position)
    now = operators.builtin("now", ())
    value: n.Expression = n.FunctionCall(now, (), now.return_type, position=e.position)
    typmod = -1 if e.precision is None else min(e.precision, 6)
    return coercion.cast(b, value, target, typmod, e.position)


def bind_unsupported(b: Binding, e: ast.UnsupportedExpression, scope: Scope) -> n.Expression:
    raise FeatureNotSupported(
        f"{e.feature} is not supported", hint="Datacave has no XML functions.", position=e.position
    )


def bind_named_argument(b: Binding, e: ast.NamedArgument, scope: Scope) -> n.Expression:
    return b.expression(e.value, scope)


def bind_grouping(b: Binding, e: ast.GroupingCall, scope: Scope) -> n.Expression:
    """GROUPING(a, ..): a placeholder that grouping.py fills in. It belongs to the level whose columns it reads."""
    noted = names.noted_outer(scope)
    arguments = tuple(b.expression(item, scope) for item in e.arguments)
    level = names.level_of(scope, {column for argument in arguments for column in n.columns_used(argument)})
    grouping = calls.grouping_of(
        level, "grouping operations", calls.AGGREGATE_CLAUSES, sqlstate.GROUPING_ERROR, e.position
    )
    column = l_output(b, "grouping")
    grouping.grouping_calls.append(names.GroupingCall(arguments, column, level is not scope))
    names.take_from_outside(scope, level, column.id, noted)
    return b.placed(n.ColumnReference(column.id, oids.INT4, -1, "grouping"), e.position)


def l_output(b: Binding, name: str):  # type: ignore[no-untyped-def]
    return b.output(name, n.Constant(0, oids.INT4))


CONSTRUCTS: Mapping[type, Callable[..., n.Expression]] = {
    ast.Cast: bind_cast,
    ast.Case: bind_case,
    ast.Coalesce: bind_coalesce,
    ast.NullIf: bind_null_if,
    ast.MinMax: bind_min_max,
    ast.ArrayLiteral: bind_array,
    ast.RowExpression: bind_row,
    ast.SubscriptedExpression: bind_subscript,
    ast.Collate: bind_collate,
    ast.SqlValueFunction: bind_value_function,
    ast.UnsupportedExpression: bind_unsupported,
    ast.NamedArgument: bind_named_argument,
    ast.GroupingCall: bind_grouping,
}
