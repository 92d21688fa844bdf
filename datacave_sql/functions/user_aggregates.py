"""User aggregates: the states behind a call of an aggregate that a user has made.

A state is advanced by a transition function and turned into the value by a final one, where there is one. Both may be
written in SQL and then need the running statement, which a plan gives when it is opened (`AggregateBody.late`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from datacave_core.catalog import AggregateParts, Catalog, OperatorDefinition, Routine
from datacave_core.types import DEFAULT_SETTINGS
from datacave_sql.functions import registry
from datacave_sql.functions.aggregate import AggregateBody
from datacave_sql.functions.body import CallTypes
from datacave_sql.functions.polymorphism import resolve_polymorphic
from datacave_sql.functions.registry import Function, OperatorFact
from datacave_sql.functions.routines import function_of

_UNSET = object()
"""The state of a strict transition function without a first value, before the first row."""


def any_function(catalog: Catalog, oid: int) -> Function:
    """The function with an oid, a built-in one or a user's."""
    routine = catalog.routines.get(oid)
    return function_of(routine, 0) if routine is not None else registry.function(oid)


def operator_fact(catalog: Catalog, one: OperatorDefinition) -> OperatorFact:
    """A user's operator as resolution sees it."""
    function = any_function(catalog, one.function_oid)
    return OperatorFact(
        one.oid, one.name, one.left_oid, one.right_oid, one.result_oid, one.function_oid, one.commutator_oid,
        one.negator_oid, one.merges, one.hashes, one.restrict, one.join, function,
    )  # fmt: skip


def with_states(catalog: Catalog, function: Function, routine: Routine) -> Function:
    """The aggregate's Function with what makes its states."""
    parts = routine.parts[0]
    transition = any_function(catalog, parts.transition_oid)
    final = any_function(catalog, parts.final_oid) if parts.final_oid else None

    def make(call: CallTypes) -> AggregateBody:
        return _states(routine, parts, transition, final, call)

    return replace(function, aggregate=make)


def _states(
    routine: Routine, parts: AggregateParts, transition: Function, final: Function | None, call: CallTypes
) -> AggregateBody:
    types = call.types
    declared = routine.input_types
    state_type = resolve_polymorphic(call.arguments, declared, parts.state_type_oid, types)[1]
    first: Any = None
    if parts.initial is not None:
        first = types.io(state_type).input(parts.initial, -1, DEFAULT_SETTINGS)
    elif transition.strict:
        first = _UNSET
    advance = registry.bind(transition, (state_type, *call.arguments), state_type, types)
    finish = None
    if final is not None:
        given = (state_type, *call.arguments) if parts.final_extra else (state_type,)
        finish = registry.bind(final, given, call.result, types)
    extra = (None,) * len(declared) if parts.final_extra else ()

    def late(context: Any) -> AggregateBody:
        step = _called(advance.call, context if advance.takes_context else None)
        end = _called(finish.call, context if finish.takes_context else None) if finish is not None else None

        def strict_step(state: Any, *arguments: Any) -> Any:
            if state is _UNSET:
                return arguments[0] if arguments else None
            return None if state is None else step(state, *arguments)

        def value(state: Any) -> Any:
            if state is _UNSET:
                state = None
            if end is None:
                return state
            if state is None and final is not None and final.strict:
                return None
            if extra and final is not None and final.strict:
                return None
            return end(state, *extra)

        return AggregateBody(
            initial=lambda: first,
            step=strict_step if transition.strict else step,
            final=value,
            strict=transition.strict,
            order_matters=True,
        )

    return replace(late(None), late=late)


def _called(call: Callable[..., Any] | None, context: Any) -> Callable[..., Any]:
    assert call is not None
    if context is None:
        return call

    def run(*arguments: Any) -> Any:
        return call(context, *arguments)

    return run
