"""Leakproof conditions: those that tell nobody about the rows they see, neither by an error nor by what they do.

They may be asked before row security: comparisons of built-in types and what combines them. Everything else, such as
a division or a function of a user, waits until the policies have spoken.
"""

from __future__ import annotations

from datacave_sql.expr import nodes as n
from datacave_sql.functions.factfiles import proc_row

_LEAKPROOF_COLUMN = 17
_PLAIN = (n.Constant, n.Parameter, n.ColumnReference, n.Relabel, n.And, n.Or, n.Not, n.IsNull, n.BooleanTest)


def is_leakproof(condition: n.Expression) -> bool:
    """Whether a condition consists of nothing but leakproof parts."""
    for part in n.walk(condition):
        if isinstance(part, n.FunctionCall):
            if not _is_leakproof_function(part.function.oid):
                return False
        elif not isinstance(part, _PLAIN):
            return False
    return True


def _is_leakproof_function(oid: int) -> bool:
    try:
        row = proc_row(oid)
    except KeyError:
        return False
    return row[_LEAKPROOF_COLUMN] == "t"
