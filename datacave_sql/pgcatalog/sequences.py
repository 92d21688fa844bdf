"""pg_sequence and the view pg_sequences, which also shows present values."""

from __future__ import annotations

from typing import Any

from datacave_core.values import Row
from datacave_sql.pgcatalog.snapshot import CatalogRows


def sequence_rows(rows: CatalogRows) -> list[Row]:
    """pg_sequence."""
    return [
        (s.oid, s.type_oid, s.start, s.increment, s.maximum, s.minimum, s.cache, s.cycle)
        for s in rows.catalog.sequences.values()
    ]


def sequences_view(session: Any, rows: CatalogRows) -> list[Row]:
    """pg_sequences; last_value is NULL before the first nextval."""
    store = session.database.sequences
    found = []
    for s in rows.catalog.sequences.values():
        last_value, is_called = store.last_value(s)
        found.append(
            (
                rows.schema_name(s.schema_oid), s.name, rows.role_name(s.owner_oid), s.type_oid, s.start, s.minimum,
                s.maximum, s.increment, s.cycle, s.cache, last_value if is_called else None,
            )
        )  # fmt: skip
    return found
