"""pg_sequence, the view pg_sequences, which also shows present values, and the row that a sequence itself is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from datacave_core.catalog import Sequence
from datacave_core.types import oids
from datacave_core.values import Row
from datacave_sql.pgcatalog.snapshot import CatalogRows


class SequenceRelation:
    """A sequence as FROM sees it: one row with its state."""

    columns: Final = (("last_value", oids.INT8), ("log_cnt", oids.INT8), ("is_called", oids.BOOL))

    __slots__ = ("_sequence", "name", "oid")

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence
        self.name = sequence.name
        self.oid = sequence.oid

    def rows(self, context: Any) -> Iterable[Row]:
        """The state of this moment, outside any snapshot."""
        store = context.session.database.sequences
        last_value, is_called = store.last_value(self._sequence)
        return ((last_value, store.reserved(self._sequence), is_called),)


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
