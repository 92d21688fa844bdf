"""Routines as functions: what resolution and the code generator see of a function that a user has made.

The body of every call goes through the context (`call_routine`, `call_routine_set`): what it does is SQL, which only a
session can run. The types of the call are settled once per plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from datacave_core.catalog import Routine
from datacave_core.types import oids
from datacave_sql.functions.bodies import BODIES
from datacave_sql.functions.body import Body, CallTypes
from datacave_sql.functions.polymorphism import POLYMORPHIC, resolve_polymorphic
from datacave_sql.functions.registry import Function
from datacave_sql.functions.typelookup import TypeLookup

REMEMBERED_MAX = 1024


def is_polymorphic(routine: Routine) -> bool:
    """Whether a call's types decide what the routine's types are."""
    return any(argument.type_oid in POLYMORPHIC for argument in routine.arguments)


@lru_cache(REMEMBERED_MAX)
def function_of(routine: Routine, variadic_element: int) -> Function:
    """The routine as a Function; `variadic_element` is the element type of its VARIADIC argument, 0 without one.

    A procedure's OUT arguments count as arguments, because CALL has places for them.
    """
    modes = "ibvo" if routine.kind == "p" else "ibv"
    given = [argument for argument in routine.arguments if argument.mode in modes]
    results = tuple((argument.name, argument.type_oid) for argument in routine.arguments if argument.mode in "obt")
    defaults = tuple(argument.default for argument in given if argument.default is not None)

    def specialise(call: CallTypes) -> Body:
        return _body(routine, call)

    return Function(
        oid=routine.oid,
        name=routine.name,
        kind=routine.kind,
        argument_types=tuple(argument.type_oid for argument in given),
        return_type=routine.return_type_oid,
        strict=routine.strict,
        volatility=routine.volatility,
        returns_set=routine.returns_set,
        variadic=variadic_element,
        default_count=len(defaults),
        argument_names=tuple(argument.name for argument in given),
        columns=_named(results),
        default_values=defaults,
        cost=routine.cost,
        rows=routine.rows,
        parallel=routine.parallel,
        symbol=routine.body if routine.is_compiled else f"{routine.name}({routine.oid})",
        entry=BODIES.get(routine.body) if routine.is_compiled else Body(specialise=specialise),
        routine=routine,
    )


def _named(results: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    if len(results) < 2:
        return tuple(results)
    return tuple((name or f"column{place}", oid) for place, (name, oid) in enumerate(results, 1))


def specialised(function: Function, given: Sequence[int], types: TypeLookup) -> Function:
    """The function with polymorphic columns of its result replaced by what the given argument types imply."""
    if not any(oid in POLYMORPHIC for _, oid in function.columns):
        return function
    declared = function.argument_types
    columns = tuple((name, resolve_polymorphic(given, declared, oid, types)[1]) for name, oid in function.columns)
    return replace(function, columns=columns)


def _body(routine: Routine, call: CallTypes) -> Body:
    def value(context: Any, *arguments: Any) -> Any:
        return context.call_routine(routine, call, arguments)

    def rows(context: Any, *arguments: Any) -> Any:
        return context.call_routine_set(routine, call, arguments)

    return Body(rows if routine.returns_set else value, takes_context=True)


def returns_row(routine: Routine, result: int, types: TypeLookup) -> bool:
    """Whether the result is a row: a composite type, or a record described by OUT arguments or by the call."""
    return result == oids.RECORD or types.kind(types.base(result)) == "c"
