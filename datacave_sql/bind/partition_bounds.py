"""Partition bounds: their values, their order, and which of them overlap."""

from __future__ import annotations

from datacave_core.catalog import Table
from datacave_sql.bind.state import Binding


def ordered_partitions(b: Binding, table: Table) -> list[Table]:
    """The partitions of a table in the order of their bounds, the default one last."""
    return list(b.catalog.children_of(table.oid))
