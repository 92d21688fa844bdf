"""Folding: immutable calls over constants become constants when the statement is bound.

A call that raises is left as it is, so that the error comes when (and only if) it is evaluated. Calls that need the
session, and those Datacave has no body for, are left alone too.
"""

from __future__ import annotations

from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.values import Value
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions import registry
from datacave_sql.functions.lengthy import LENGTHY, SHORT_CHARACTERS_MAX

TEXT_CHARACTERS_MAX = 10_000
_KEPT = frozenset({oids.RECORD, oids.VOID})


def fold(b: Binding, call: n.FunctionCall) -> n.Expression:
    """The value of a call as a constant, or the call."""
    function = call.function
    if function.volatility != "i" or function.returns_set or function.kind != "f" or call.type in _KEPT:
        return call
    values = []
    for argument in call.arguments:
        if not isinstance(argument, n.Constant):
            return call
        values.append(argument.value)
    if function.strict and None in values:
        return n.Constant(None, call.type, call.typmod)
    try:
        body = registry.bind(
            function, tuple(a.type for a in call.arguments), call.type, b.types, variadic=call.variadic
        )
        if body.call is None or body.takes_context or body.waits or _may_take_long(function.symbol, values):
            return call
        value = body.call(*values)
    except (DatacaveError, ArithmeticError, ValueError, OverflowError):
        return call
    if isinstance(value, str | bytes) and len(value) > TEXT_CHARACTERS_MAX:
        return call
    return n.Constant(value, call.type, call.typmod)


def _may_take_long(symbol: str, values: list[Value]) -> bool:
    return symbol in LENGTHY and any(isinstance(value, str) and len(value) > SHORT_CHARACTERS_MAX for value in values)
