"""Immutability: whether the value of an expression depends on its arguments alone, as what is stored needs."""

from __future__ import annotations

from functools import cache

from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions import registry

_CONCATENATIONS = {2003: 1, 2004: 0}
"""text || anything (textanycat, anytextcat) is stable, as some types have such outputs, but PostgreSQL looks through
it: by oid, the place of the argument that may be of any type."""


def is_immutable(b: Binding, e: n.Expression) -> bool:
    """Whether all functions in an expression are IMMUTABLE."""
    return all(
        part.function.volatility == "i" or _is_plain_concatenation(b, part)
        for part in n.walk(e)
        if isinstance(part, n.FunctionCall)
    )


def _is_plain_concatenation(b: Binding, call: n.FunctionCall) -> bool:
    place = _CONCATENATIONS.get(call.function.oid)
    if place is None:
        return False
    facts = b.types.type(b.types.base(call.arguments[place].type))
    return _output_volatility(facts.output) == "i"


@cache
def _output_volatility(name: str) -> str:
    return max((function.volatility for function in registry.functions_named(name)), default="v")
