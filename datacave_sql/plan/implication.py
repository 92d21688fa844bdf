"""Implication: whether conditions that hold make another one hold, so that a partial index has every row asked for.

A proof by form, as PostgreSQL's: equal conditions, conjunctions and disjunctions by their parts, comparisons of one
expression with constants by their order, and IS NOT NULL by any comparison, which NULL would fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from datacave_sql.expr import nodes as n

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<=", "<>": "<>"}
_ORDERED = frozenset({16, 17, 18, 19, 20, 21, 23, 25, 26, 1043, 1082, 1083, 1114, 1184, 1700, 2950})
"""Types whose values Python orders as PostgreSQL does."""


def implies(known: Sequence[n.Expression], wanted: n.Expression) -> bool:
    """Whether the conjunction of `known` can only be true where `wanted` is."""
    if isinstance(wanted, n.And):
        return all(implies(known, part) for part in wanted.arguments)
    if any(_part_implies(part, wanted) for part in known):
        return True
    return isinstance(wanted, n.Or) and any(implies(known, part) for part in wanted.arguments)


def _part_implies(part: n.Expression, wanted: n.Expression) -> bool:
    if part == wanted:
        return True
    if isinstance(part, n.And):
        return implies(part.arguments, wanted)
    if isinstance(part, n.Or):
        return all(implies([one], wanted) for one in part.arguments)
    if isinstance(part, n.InList) and not part.negated and all(isinstance(item, n.Constant) for item in part.items):
        if _is_not_null(wanted, part.argument):
            return True
        against = _comparison(wanted)
        return against is not None and all(
            _compared(part.argument, "=", item) is not None and _follows((part.argument, "=", item), against)
            for item in part.items
            if isinstance(item, n.Constant)
        )
    if (
        isinstance(part, n.FunctionCall)
        and part.function.strict
        and any(_is_not_null(wanted, argument) for argument in part.arguments)
    ):
        return True
    first, second = _comparison(part), _comparison(wanted)
    return first is not None and second is not None and _follows(first, second)


def _is_not_null(wanted: n.Expression, argument: n.Expression) -> bool:
    return isinstance(wanted, n.IsNull) and wanted.negated and wanted.argument == argument


_Comparison = tuple[n.Expression, str, n.Constant]


def _comparison(e: n.Expression) -> _Comparison | None:
    """(expression, operator, constant) of a comparison with a constant."""
    if not isinstance(e, n.FunctionCall) or e.operator not in _MIRRORED or len(e.arguments) != 2:
        return None
    left, right = e.arguments
    if isinstance(right, n.Constant):
        return _compared(left, e.operator, right)
    if isinstance(left, n.Constant):
        return _compared(right, _MIRRORED[e.operator], left)
    return None


def _compared(expression: n.Expression, operator: str, constant: n.Constant) -> _Comparison | None:
    value = constant.value
    if value is None or constant.type not in _ORDERED or (isinstance(value, Decimal) and value.is_nan()):
        return None
    return expression, operator, constant


def _follows(known: _Comparison, wanted: _Comparison) -> bool:
    if known[0] != wanted[0]:
        return False
    have: Any = known[2].value
    need: Any = wanted[2].value
    if type(have) is not type(need) and isinstance(have, str | bytes) != isinstance(need, str | bytes):
        return False
    operator = known[1]
    match wanted[1]:
        case "=":
            return operator == "=" and bool(have == need)
        case "<>":
            return bool(
                (operator == "=" and have != need)
                or (operator == "<>" and have == need)
                or (operator == "<" and have <= need)
                or (operator == "<=" and have < need)
                or (operator == ">" and have >= need)
                or (operator == ">=" and have > need)
            )
        case "<":
            return bool((operator in ("=", "<=") and have < need) or (operator == "<" and have <= need))
        case "<=":
            return bool(operator in ("=", "<", "<=") and have <= need)
        case ">":
            return bool((operator in ("=", ">=") and have > need) or (operator == ">" and have >= need))
        case _:
            return bool(operator in ("=", ">", ">=") and have >= need)
