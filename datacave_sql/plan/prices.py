"""Prices: what the steps of a plan cost, in rows of a scan row by row."""

from __future__ import annotations

from datacave_sql.plan.column_plans import COLUMN_ROWS_MIN

LOOKUP_COST = 8.0
"""What one lookup costs, in rows of a scan row by row."""

ENTRY_COST = 2.0
"""What an entry of an index costs that has all that is read of its row, in rows of a scan row by row."""

COLUMN_SPEED = 8.0
"""How many rows are read by columns in the time of one by itself."""

SUBQUERY_LOOKUPS = 8.0
"""A subquery that is run for one row costs as much as so many lookups of a join."""


def lookup_price(rows: float) -> float:
    """What one lookup costs in rows of a scan of a table that has so many."""
    return LOOKUP_COST * (COLUMN_SPEED if rows >= COLUMN_ROWS_MIN else 1.0)
