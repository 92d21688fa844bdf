"""Resolution of operators and functions, remembered where only built-in types are involved.

Choosing among the 60 candidates of `=` or `+` costs more than the rest of binding a short statement, and for
built-in types the answer never changes.
"""

from __future__ import annotations

from functools import lru_cache

from datacave_core.types import find_type
from datacave_sql.functions.resolution import (
    ResolvedCast,
    ResolvedFunction,
    ResolvedOperator,
    resolve_function,
    resolve_operator,
)
from datacave_sql.functions.typelookup import BUILTIN_LOOKUP, TypeLookup

FIRST_USER_OID = 16384
REMEMBERED_MAX = 4096


@lru_cache(REMEMBERED_MAX)
def _builtin_operator(name: str, left: int, right: int) -> ResolvedOperator:
    return resolve_operator(name, left, right, BUILTIN_LOOKUP)


@lru_cache(REMEMBERED_MAX)
def _builtin_function(
    name: str, arguments: tuple[int, ...], labels: tuple[str, ...], variadic: bool
) -> ResolvedFunction | ResolvedCast:
    return resolve_function(name, arguments, BUILTIN_LOOKUP, names=labels, variadic=variadic)


def _is_builtin(oid: int) -> bool:
    """Whether a type (0: none) is known without the catalog; the row types of system relations are not."""
    return not oid or find_type(oid) is not None


def operator_for(name: str, left: int, right: int, types: TypeLookup, brought: bool = True) -> ResolvedOperator:
    """resolve_operator."""
    if not types.custom and _is_builtin(left) and _is_builtin(right):
        return _builtin_operator(name, left, right)
    return resolve_operator(name, left, right, types, brought=brought)


def function_for(
    name: str, arguments: tuple[int, ...], types: TypeLookup, labels: tuple[str, ...], variadic: bool
) -> ResolvedFunction | ResolvedCast:
    """resolve_function."""
    if not types.custom and all(map(_is_builtin, arguments)):
        return _builtin_function(name, arguments, labels, variadic)
    return resolve_function(name, arguments, types, names=labels, variadic=variadic)
