"""Bodies of the built-in functions, one family per module, joined into the tables the registry reads."""

from __future__ import annotations

from typing import Any

from datacave_sql.functions.aggregate import AggregateMaker
from datacave_sql.functions.bodies import floats, integer, numerics
from datacave_sql.functions.body import Bodies, Body
from datacave_sql.functions.window import WindowBody

__all__ = ["AGGREGATES", "BODIES", "INLINE_NAMES", "WINDOWS"]

BODIES: dict[str, Body] = {}
"""Bodies by symbol (see functions/body.py)."""

INLINE_NAMES: dict[str, Any] = {}
"""The globals that inline templates may use."""

AGGREGATES: dict[str, AggregateMaker] = {}
"""Aggregates by name(argument oids)."""

WINDOWS: dict[str, WindowBody] = {}
"""Window functions by name(argument oids)."""

_FAMILIES: tuple[Bodies, ...] = tuple(module.BODIES for module in (floats, integer, numerics))

for _family in _FAMILIES:
    for _symbol, _body in _family.entries.items():
        if _symbol in BODIES:
            raise AssertionError(f"{_symbol} has two bodies")
        BODIES[_symbol] = _body
    INLINE_NAMES.update(_family.inline_names)
