"""pg_statistic_ext: the statistics objects of tables."""

from __future__ import annotations

from datacave_core.values import Array, Row
from datacave_sql.pgcatalog.relation import int2vector
from datacave_sql.pgcatalog.snapshot import CatalogRows


def statistic_ext_rows(rows: CatalogRows) -> list[Row]:
    """pg_statistic_ext."""
    return [
        (
            one.oid, table.oid, one.name, one.schema_oid, one.owner_oid, one.target, int2vector(one.columns),
            Array.of(tuple(one.kinds)), " ".join(one.expressions) or None,
        )
        for table in rows.catalog.tables.values()
        for one in table.statistics
    ]  # fmt: skip
