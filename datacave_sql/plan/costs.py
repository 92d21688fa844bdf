"""Costs: what EXPLAIN shows of an operator: its estimated rows, their width, and the work up to the first and last.

In PostgreSQL's units: reading a page of 8 KiB in order costs 1, handling a row 0.01.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datacave_core.types import oids
from datacave_sql.exec.column_operator import RowsAsColumns
from datacave_sql.exec.table_scan import IndexScan, KeyLookup

ROW_COST = 0.01
PAGE_BYTES = 8192.0
LOOKUP_COST = 0.3
COMPARISON_COST = 0.005

_WIDTHS = {
    oids.BOOL: 1, oids.INT2: 2, oids.INT4: 4, oids.INT8: 8, oids.OID: 4, oids.FLOAT4: 4, oids.FLOAT8: 8,
    oids.DATE: 4, oids.TIME: 8, oids.TIMESTAMP: 8, oids.TIMESTAMPTZ: 8, oids.UUID: 16, oids.INTERVAL: 16,
}  # fmt: skip
_WIDTH_DEFAULT = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """Work up to the first row and up to the last, rows, and bytes per row."""

    startup: float
    total: float
    rows: float
    width: int


class Costs:
    """Estimates noted while a plan is made. Operators are kept, so that their identities stay theirs."""

    def __init__(self) -> None:
        self._noted: dict[int, tuple[Any, float, float]] = {}
        self.types: Mapping[int, int] = {}

    def note(self, operator: Any, rows: float, read: float | None = None) -> None:
        """An operator gives so many rows; a scan reads so many to find them."""
        known = self._noted.get(id(operator))
        # An operator may stand for several nodes, a scan for the filter and the projection above it.
        first = max(known[2] if known is not None else 0.0, rows if read is None else read)
        self._noted[id(operator)] = (operator, rows, first)

    def of(self, operator: Any) -> Cost:
        """The cost of an operator with everything below it."""
        if isinstance(operator, RowsAsColumns):
            return self.of(operator.child)
        children = [self.of(child) for child in operator.children()]
        noted = self._noted.get(id(operator))
        if noted is None and not operator.label() and children:
            return children[0]
        rows = noted[1] if noted is not None else max((child.rows for child in children), default=1.0)
        rows = max(1.0, rows)
        width = sum(_WIDTHS.get(self.types.get(column, 0), _WIDTH_DEFAULT) for column in operator.columns)
        read = noted[2] if noted is not None else rows
        return _cost(operator.label(), children, rows, read, width, isinstance(operator, IndexScan | KeyLookup))


def _cost(label: str, children: list[Cost], rows: float, read: float, width: int, looked_up: bool) -> Cost:
    below = sum(child.total for child in children)
    first = max((child.startup for child in children), default=0.0)
    if not children:
        if looked_up:
            return Cost(0.28, 0.28 + rows * (LOOKUP_COST + ROW_COST), rows, width)
        if label.startswith("Index"):
            read = rows
        return Cost(0.0, math.ceil(read * max(width, 8) / PAGE_BYTES) + read * ROW_COST, rows, width)
    given = sum(child.rows for child in children)
    if label.startswith("Sort"):
        startup = below + given * math.log2(given + 2) * COMPARISON_COST
        return Cost(startup, startup + rows * ROW_COST, rows, width)
    if label.endswith("Aggregate"):
        startup = below + given * COMPARISON_COST
        return Cost(startup, startup + rows * ROW_COST, rows, width)
    if label.startswith("Hash") and len(children) == 2:
        return Cost(children[1].total, below + given * COMPARISON_COST + rows * ROW_COST, rows, width)
    if label.startswith("Nested Loop") and len(children) == 2:
        outer, inner = children
        total = outer.total + max(1.0, outer.rows) * inner.rows * COMPARISON_COST + inner.total + rows * ROW_COST
        return Cost(outer.startup, total, rows, width)
    if label == "Limit":
        child = children[0]
        share = min(1.0, rows / max(child.rows, 1.0))
        return Cost(child.startup, child.startup + (child.total - child.startup) * share, rows, width)
    return Cost(first, below + rows * COMPARISON_COST, rows, width)
