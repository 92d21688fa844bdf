"""Row size: about how many bytes of memory rows take, so that operators know when to put some of them aside.

Values that several rows share count for each of them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from datacave_core.compiled import compiled

_CONTRACT = 1

DEPTH_MAX = 40
"""Values nested deeper than that are not looked into."""


def _value_bytes(value: Any, depth: int = 0) -> int:
    kind = type(value)
    if value is None or kind is bool:
        return 0
    if kind is int or kind is float:
        return 32
    if kind is str:
        return 56 + (len(value) if value.isascii() else 4 * len(value))
    if kind is bytes:
        return 40 + len(value)
    if kind is Decimal:
        return 104
    if depth == DEPTH_MAX:
        return 128
    if kind is dict:
        found = sum(_value_bytes(key, depth + 1) + _value_bytes(item, depth + 1) for key, item in value.items())
        return 64 + 48 * len(value) + found
    # Arrays, intervals and records are tuples too.
    if kind is list or isinstance(value, tuple):
        return 56 + 8 * len(value) + sum(_value_bytes(one, depth + 1) for one in value)
    return 128


def _rows_bytes(rows: list[Any]) -> int:
    """Bytes of memory that rows (or keys) take, about."""
    return sum(map(_value_bytes, rows))


rows_bytes = compiled("datacave_sql.exec._row_size", "rows_bytes", _rows_bytes, _CONTRACT)
