"""Coercion of bound expressions: the node that gets from an expression's type to another one.

Contexts are those of functions/coercion.py: implicit, assignment, explicit. Untyped literals are read here, and
parameters of unknown type take the type that is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind.domains import domain_value, verified
from datacave_sql.bind.folding import fold
from datacave_sql.bind.literals import read_literal
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import ASSIGNMENT, EXPLICIT, IMPLICIT, Coercion, common_type, find_coercion


def coerce(
    b: Binding, e: n.Expression, target: int, typmod: int = -1, context: str = IMPLICIT, position: int | None = None
) -> n.Expression | None:
    """The expression as a value of the target type, or None where the context does not allow that."""
    if e.type == target:
        return with_typmod(b, e, target, typmod, context == EXPLICIT)
    if position is None:
        position = b.position(e)
    if e.type == oids.UNKNOWN:
        return _from_unknown(b, e, target, typmod, context, position)
    found = find_coercion(e.type, target, context, b.types)
    if found is None:
        return None
    bound = apply_coercion(b, e, found, target, typmod, context, position)
    return with_typmod(b, bound, target, typmod, context == EXPLICIT)


def _from_unknown(
    b: Binding, e: n.Expression, target: int, typmod: int, context: str, position: int | None
) -> n.Expression | None:
    if target in (oids.ANY, oids.UNKNOWN):
        return e
    if isinstance(e, n.Parameter):
        settled = b.parameters.settle(e, target, position)
        base = b.types.base(target)
        if base != target:
            explicit = context == EXPLICIT
            inner = with_typmod(b, n.Relabel(settled, base), base, b.types.base_typmod(target), explicit)
            return domain_value(b, verified(b, inner), target)
        return with_typmod(b, verified(b, settled), target, typmod, context == EXPLICIT)
    base = b.types.base(target)
    if base != target:
        read = _from_unknown(b, e, base, b.types.base_typmod(target), context, position)
        return None if read is None else domain_value(b, read, target)
    if isinstance(e, n.Constant) and e.value is None:
        return n.Constant(None, target, typmod)
    element = b.types.element(target)
    if element and b.types.kind(element) == "d":
        # Read as an array of the type below, then every element becomes a value of the domain.
        plain = _from_unknown(b, e, b.types.array(b.types.base(element)), -1, context, position)
        return None if plain is None else coerce(b, plain, target, typmod, ASSIGNMENT, position)
    if isinstance(e, n.Constant):
        read = read_literal(b, e.value, target, typmod, context == EXPLICIT, position or 0)
    else:
        read = with_typmod(b, n.TextCast(e, target, -1, position or 0), target, typmod, context == EXPLICIT)
    return verified(b, read)


def apply_coercion(
    b: Binding, e: n.Expression, found: Coercion, target: int, typmod: int, context: str, position: int | None
) -> n.Expression:
    """The node for a coercion that was found; lengths are the caller's business."""
    base = b.types.base(target)
    if found.domain:
        inner = coerce(b, e, base, b.types.base_typmod(target), context, position)
        assert inner is not None
        return domain_value(b, inner, target)
    if isinstance(e, n.Constant) and e.value is None:
        return n.Constant(None, target, typmod)
    if found.kind == "none":
        if isinstance(e, n.Constant):
            return n.Constant(_relabelled(e.value, e.type, target), target)
        return n.Relabel(e, target)
    if found.kind == "function":
        assert found.function is not None
        extra: tuple[n.Expression, ...] = (n.Constant(typmod, oids.INT4), n.Constant(context == EXPLICIT, oids.BOOL))
        arguments = (e, *extra[: len(found.function.argument_types) - 1])
        if found.function.routine is not None:
            (b.inlined if b.view_depth else b.dependencies).add(found.function.oid)
            b.calls_routines = True
        return fold(b, n.FunctionCall(found.function, arguments, base, position=position or 0))
    if found.kind == "array":
        assert found.element is not None
        source_element, target_element = b.types.element(b.types.base(e.type)), b.types.element(base)
        item = coerce(b, n.ElementOperand(source_element), target_element, typmod, context, position)
        assert item is not None
        return n.ArrayCast(e, item, target, typmod)
    if found.kind == "record":
        return _record(b, e, target, context, position)
    return verified(b, n.TextCast(e, target, -1, position or 0))


def _relabelled(value: object, source: int, target: int) -> object:
    if isinstance(value, int) and target == oids.OID and source in (oids.INT4, oids.INT8, oids.INT2):
        return value & 0xFFFFFFFF
    return value


def _record(b: Binding, e: n.Expression, target: int, context: str, position: int | None) -> n.Expression:
    attributes = b.types.attributes(target)
    if not isinstance(e, n.RowConstructor):
        raise FeatureNotSupported(
            f"cannot cast type record to {b.types.name(target)} here",
            hint="Cast a ROW(...) constructor.",
            position=position,
        )
    if len(e.fields) != len(attributes):
        words = "few" if len(e.fields) < len(attributes) else "many"
        raise DatacaveError(
            f"cannot cast type record to {b.types.name(target)}",
            sqlstate=sqlstate.CANNOT_COERCE,
            detail=f"Input has too {words} columns.",
            position=position,
        )
    fields = []
    for number, (field, attribute) in enumerate(zip(e.fields, attributes, strict=True), 1):
        item = coerce(b, field, attribute.type, attribute.typmod, context, position)
        if item is None:
            raise DatacaveError(
                f"cannot cast type record to {b.types.name(target)}",
                sqlstate=sqlstate.CANNOT_COERCE,
                detail=f"Cannot cast type {b.types.name(field.type)} to {b.types.name(attribute.type)} "
                f"in column {number}.",
                position=position,
            )
        fields.append(item)
    return n.RowConstructor(tuple(fields), target, -1, tuple(a.name for a in attributes))


def with_typmod(b: Binding, e: n.Expression, type_oid: int, typmod: int, explicit: bool) -> n.Expression:
    """Applies a length, precision or scale, where there is one and the value does not have it yet."""
    if typmod < 0 or e.typmod == typmod:
        return e
    base = b.types.base(type_oid)
    element = b.types.element(base)
    if element:
        if isinstance(e, n.ArrayCast) and e.typmod == typmod:
            return e
        if b.types.io(element).apply_typmod is None:
            return e
        item = n.LengthCast(n.ElementOperand(element), element, typmod, explicit)
        return n.ArrayCast(e, item, type_oid, typmod)
    io = b.types.io(base)
    if io.apply_typmod is None:
        return e
    if isinstance(e, n.Constant):
        if e.value is None:
            return n.Constant(None, type_oid, typmod)
        try:
            return n.Constant(io.apply_typmod(e.value, typmod, explicit), type_oid, typmod)
        except DatacaveError:
            # Left to the execution, which may never come to it.
            return n.LengthCast(e, type_oid, typmod, explicit)
    return n.LengthCast(e, type_oid, typmod, explicit)


def cannot_cast(b: Binding, source: int, target: int, position: int | None) -> DatacaveError:
    """42846."""
    return DatacaveError(
        f"cannot cast type {b.types.name(source)} to {b.types.name(target)}",
        sqlstate=sqlstate.CANNOT_COERCE,
        position=position,
    )


def cast(b: Binding, e: n.Expression, target: int, typmod: int, position: int | None) -> n.Expression:
    """An explicit cast. Raises 42846."""
    literal = b.position(e) if isinstance(e, n.Constant) and e.type == oids.UNKNOWN else position
    bound = coerce(b, e, target, typmod, EXPLICIT, literal)
    if bound is None:
        raise cannot_cast(b, e.type, target, position)
    return bound


def require(b: Binding, e: n.Expression, target: int, position: int | None = None) -> n.Expression:
    """An implicit coercion that resolution has found possible."""
    bound = coerce(b, e, target, -1, IMPLICIT, position)
    if bound is None:
        raise cannot_cast(b, e.type, target, position or b.position(e))
    return bound


def to_boolean(b: Binding, e: n.Expression, construct: str) -> n.Expression:
    """A condition. Raises 42804: argument of WHERE must be type boolean, not type integer."""
    bound = coerce(b, e, oids.BOOL, -1, ASSIGNMENT)
    if bound is None:
        raise DatacaveError(
            f"argument of {construct} must be type boolean, not type {b.types.name(e.type)}",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=b.position(e),
        )
    return bound


def to_type(b: Binding, e: n.Expression, target: int, construct: str) -> n.Expression:
    """An argument of LIMIT and the like. Raises 42804."""
    bound = coerce(b, e, target, -1, ASSIGNMENT)
    if bound is None:
        raise DatacaveError(
            f"argument of {construct} must be type {b.types.name(target)}, not type {b.types.name(e.type)}",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            position=b.position(e),
        )
    return bound


def settled(b: Binding, e: n.Expression) -> n.Expression:
    """An expression whose type is unknown becomes text; others stay as they are."""
    if e.type != oids.UNKNOWN:
        return e
    bound = coerce(b, e, oids.TEXT)
    assert bound is not None
    return b.placed(bound, b.position(e) or 0)


def to_common(
    b: Binding, expressions: Sequence[n.Expression], construct: str, first: int = 0
) -> tuple[list[n.Expression], int]:
    """All expressions as values of their common type; `first` is the one that PostgreSQL looks at first."""
    ordered = [expressions[first], *expressions[:first], *expressions[first + 1 :]]
    chosen = matching_type(b, ordered, construct)
    result = []
    for e in expressions:
        bound = coerce(b, e, chosen)
        if bound is None:
            raise DatacaveError(
                f"{construct} could not convert type {b.types.name(e.type)} to {b.types.name(chosen)}",
                sqlstate=sqlstate.CANNOT_COERCE,
                position=b.position(e),
            )
        result.append(bound)
    return result, chosen


def matching_type(b: Binding, ordered: Sequence[n.Expression], construct: str) -> int:
    """The common type of expressions; the error points at the first one that does not fit."""
    types = [e.type for e in ordered]
    try:
        return common_type(types, b.types, construct)
    except DatacaveError as error:
        low, high, last = 1, len(types), error
    # The shortest beginning without a common type ends with the one that does not fit.
    while low < high:
        middle = (low + high) // 2
        try:
            common_type(types[:middle], b.types, construct)
            low = middle + 1
        except DatacaveError as error:
            high, last = middle, error
    raise last.at(b.position(ordered[high - 1])) from None
