"""Prices: what the steps of a plan cost, in rows of a scan row by row."""

from __future__ import annotations

from datacave_sql.plan.column_plans import COLUMN_ROWS_MIN

LOOKUP_COST = 8.0
"""What one lookup costs, in rows of a scan row by row."""

ENTRY_COST = 2.0
"""What an entry of an index costs that has all that is read of its row, in rows of a scan row by row."""

COLUMN_SPEED = 8.0
"""How many rows are read by columns in the time of one by itself."""

RANGE_LOOKUPS = 4.0
"""To find where the keys of a range begin costs as much as so many lookups of whole keys."""

READ_SHARE = 0.3
"""What reading a row for a join costs that a filter drops, of one that is joined."""

SUBQUERY_LOOKUPS = 8.0
"""A subquery that is run for one row costs as much as so many lookups of a join."""


def lookup_price(rows: float) -> float:
    """What one lookup costs in rows of a scan of a table that has so many."""
    return LOOKUP_COST * (COLUMN_SPEED if rows >= COLUMN_ROWS_MIN else 1.0)


def range_lookup_price(rows: float) -> float:
    """What finding the rows of one key's beginning costs besides reading them, in the same rows."""
    return RANGE_LOOKUPS * lookup_price(rows)
