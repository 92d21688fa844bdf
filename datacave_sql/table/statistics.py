"""Table sizes: how many rows a table has, as far as join order and lookups need to know."""

from __future__ import annotations

from datacave_core.catalog import Table
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.ports import Clock, Store

COUNTED_ROWS_MAX = 4096
MANY_ROWS = 1_000_000.0
FRESH_SECONDS = 30.0


class TableSizes:
    """Counts small tables exactly and calls the others big; an answer is good for half a minute."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[int, tuple[float, float]] = {}

    def row_count(self, table: Table) -> float:
        """An estimate of the number of live rows."""
        now = self._clock.monotonic()
        known = self._known.get(table.storage_id)
        if known is not None and now - known[1] < FRESH_SECONDS:
            return known[0]
        count = self._count(table)
        self._known[table.storage_id] = (count, now)
        return count

    def forget(self, table: Table) -> None:
        """The next question is answered by counting again."""
        self._known.pop(table.storage_id, None)

    def _count(self, table: Table) -> float:
        low = table_prefix(table.storage_id, 0)
        count = 0
        for batch in self._store.scan(low, prefix_end(low), self._store.visible_timestamp):
            count += len(batch)
            if count >= COUNTED_ROWS_MAX:
                return MANY_ROWS
        return float(count)
