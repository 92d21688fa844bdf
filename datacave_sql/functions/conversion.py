"""Conversion: the body of a coercion, for the code generator.

`coercion_body` turns a Coercion into a Body of one argument (the value; never None). Casts through text use the
input and output functions of core's types, with the session's settings where these matter. Length coercion to a
typmod is `typmod_body`. Domain constraints are checked by the caller (Coercion.domain).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from datacave_core.types import oids
from datacave_core.values import Array, Value
from datacave_sql.functions import registry
from datacave_sql.functions.body import Body
from datacave_sql.functions.coercion import EXPLICIT, Coercion
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.registered import REGISTERED, registered_text, registered_value
from datacave_sql.functions.rendering import output_text
from datacave_sql.functions.typelookup import TypeLookup

_IDENTITY = Body(lambda value: value, "{0}")
_TEXTS = frozenset({oids.TEXT, oids.VARCHAR, oids.NAME, oids.UNKNOWN, oids.CSTRING})


def coercion_body(coercion: Coercion, types: TypeLookup, typmod: int = -1, *, context: str = EXPLICIT) -> Body:
    """What turns a value of the source type into one of the target type.

    The typmod matters only to functions that take one as an argument (e.g. integer to bit); apply `typmod_body` to
    the result in every case.
    """
    if coercion.kind == "none":
        return _relabel(coercion, types)
    if coercion.kind == "function":
        assert coercion.function is not None
        return _function_body(coercion, types, typmod, context == EXPLICIT)
    if coercion.kind == "array":
        assert coercion.element is not None
        return _each_element(coercion_body(coercion.element, types, typmod, context=context))
    if coercion.kind == "record":
        return _IDENTITY
    return _through_text(coercion, types)


def typmod_body(type_oid: int, typmod: int, types: TypeLookup, *, explicit: bool) -> Body | None:
    """The length coercion of a type: numeric(10,2), varchar(5), timestamp(3); None where there is nothing to do."""
    if typmod < 0:
        return None
    apply = types.io(type_oid).apply_typmod
    if apply is None:
        return None
    coerce: Callable[[Value, int, bool], Value] = apply
    return Body(lambda value: coerce(value, typmod, explicit))


def _relabel(coercion: Coercion, types: TypeLookup) -> Body:
    source, target = types.base(coercion.source), types.base(coercion.target)
    if source in (oids.INT4, oids.INT8) and target in _OIDS:
        # An oid is unsigned; integers below 0 count from the top.
        return Body(lambda value: value & 0xFFFFFFFF, "{0} & 4294967295")
    if source in _OIDS and target == oids.INT4:
        return Body(lambda value: value - 2**32 if value >= 2**31 else value)
    return _IDENTITY


_OIDS = REGISTERED | {oids.OID}


def _function_body(coercion: Coercion, types: TypeLookup, typmod: int, explicit: bool) -> Body:
    function = coercion.function
    assert function is not None
    body = registry.bind(function, (coercion.source, *function.argument_types[1:]), function.return_type, types)
    extra: tuple[Any, ...] = (typmod, explicit)[: len(function.argument_types) - 1]
    if not extra:
        return body
    call = body.call
    assert call is not None
    plain: Callable[..., Any] = call
    if body.takes_context:
        return Body(lambda context, value: plain(context, value, *extra), takes_context=True)
    return Body(lambda value: plain(value, *extra))


def _each_element(element: Body) -> Body:
    call = element.call
    assert call is not None
    convert: Callable[..., Any] = call

    def each(value: Array) -> Array:
        return value._replace(elements=tuple([None if item is None else convert(item) for item in value.elements]))

    def each_with_context(context: EvaluationContext, value: Array) -> Array:
        bound = partial(convert, context)
        return value._replace(elements=tuple([None if item is None else bound(item) for item in value.elements]))

    if element.takes_context:
        return Body(each_with_context, takes_context=True)
    return Body(each)


def _through_text(coercion: Coercion, types: TypeLookup) -> Body:
    """Output function of the source, input function of the target."""
    source, target = coercion.source, coercion.target
    if source == oids.BPCHAR and target in _TEXTS:
        return Body(lambda value: value.rstrip(" "), "{0}.rstrip(' ')")
    if source in _TEXTS and target in _TEXTS and target != oids.NAME:
        return _IDENTITY
    if source in REGISTERED:
        return Body(lambda context, value: registered_text(source, value, context), takes_context=True)
    if target in REGISTERED:
        return Body(lambda context, value: registered_value(target, value, context), takes_context=True)
    if target in _TEXTS and target != oids.NAME:
        if source in _INTEGERS:
            return Body(str, "str({0})")
        if source == oids.BOOL:
            return Body(lambda value: "true" if value else "false", "('true' if {0} else 'false')")
        return Body(
            lambda context, value: output_text(value, source, (), types, context.format_settings, context),
            takes_context=True,
        )
    read = types.io(target).input
    if source in _TEXTS or source == oids.BPCHAR:
        return Body(lambda context, value: read(value, -1, context.format_settings), takes_context=True)

    def convert(context: EvaluationContext, value: Value) -> Value:
        text = output_text(value, source, (), types, context.format_settings, context)
        return read(text or "", -1, context.format_settings)

    return Body(convert, takes_context=True)


_INTEGERS = frozenset({oids.INT2, oids.INT4, oids.INT8, oids.OID})
