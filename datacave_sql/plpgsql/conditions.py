"""Conditions: exception names of PL/pgSQL and their SQLSTATEs."""

from __future__ import annotations

from collections.abc import Iterable

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError

_NOT_OTHERS = frozenset({sqlstate.QUERY_CANCELED, sqlstate.ASSERT_FAILURE})


def _by_name() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for code, name in sqlstate.CONDITION_NAMES.items():
        found[name] = (*found.get(name, ()), code)
    return found


_CODES = _by_name()


def codes_of(name: str) -> tuple[str, ...]:
    """The SQLSTATEs of a condition's name. Raises 42704."""
    found = _CODES.get(name)
    if found is None:
        raise DatacaveError(f'unrecognized exception condition "{name}"', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return found


def matches(conditions: Iterable[str], code: str) -> bool:
    """Whether a handler with these conditions takes an error."""
    for condition in conditions:
        if condition == "OTHERS":
            if code not in _NOT_OTHERS:
                return True
        elif condition == code or (condition.endswith("000") and condition[:2] == code[:2]):
            return True
    return False


def is_code(text: str) -> bool:
    """Whether a text looks like a SQLSTATE."""
    return len(text) == 5 and all(c.isdigit() or "A" <= c <= "Z" for c in text)
