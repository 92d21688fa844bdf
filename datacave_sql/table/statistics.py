"""StoredStatistics: how many rows tables have, and what ANALYZE has found out about their columns.

Small tables are counted exactly, others by their columns, which costs little; an answer is good for half a minute.
"""

from __future__ import annotations

from collections.abc import Mapping

from datacave_core.catalog import STATISTICS_TABLE_ID, Table
from datacave_core.keycode import prefix_end, table_prefix
from datacave_core.ports import Clock, Store
from datacave_sql.table.column_statistics import ColumnStatistics, TableStatistics, unpack_statistics

COUNTED_ROWS_MAX = 4096
MANY_ROWS = 1_000_000.0
FRESH_SECONDS = 30.0
COUNT_SECONDS_MAX = 0.01


class StoredStatistics:
    """The planner's view of tables. Records are read once and kept until `forget`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[int, tuple[float, float]] = {}
        self._records: dict[int, TableStatistics] | None = None

    def row_count(self, table: Table) -> float:
        """An estimate of the number of live rows."""
        now = self._clock.monotonic()
        known = self._known.get(table.storage_id)
        if known is not None and now - known[1] < FRESH_SECONDS:
            return known[0]
        count = self._count(table)
        self._known[table.storage_id] = (count, now)
        return count

    def record(self, table: Table) -> TableStatistics | None:
        """What the last ANALYZE of a table has stored."""
        return self.records().get(table.oid)

    def records(self) -> Mapping[int, TableStatistics]:
        """Everything that ANALYZE has stored, by the oid of the table."""
        if self._records is None:
            found = {}
            low = table_prefix(STATISTICS_TABLE_ID)
            for batch in self._store.scan(low, prefix_end(low), self._store.visible_timestamp):
                for key, row in batch:
                    record = unpack_statistics(row[0])
                    if record is not None:
                        found[int.from_bytes(key[-4:], "big")] = record
            self._records = found
        return self._records

    def column(self, table: Table, number: int) -> ColumnStatistics | None:
        """What the last ANALYZE has found out about a column."""
        record = self.record(table)
        found = record.columns.get(number) if record is not None else None
        return found if found is not None and found.type_oid == table.column(number).type_oid else None

    def forget(self, table: Table) -> None:
        """The next question is answered anew."""
        self._known.pop(table.storage_id, None)
        self._records = None

    def _count(self, table: Table) -> float:
        low = table_prefix(table.storage_id, 0)
        high, now = prefix_end(low), self._store.visible_timestamp
        count = 0
        for batch in self._store.scan(low, high, now):
            count += len(batch)
            if count >= COUNTED_ROWS_MAX:
                break
        else:
            return float(count)
        until = self._clock.monotonic() + COUNT_SECONDS_MAX
        total = 0
        for columns in self._store.scan_columns(low, high, now, ()):
            total += columns.row_count
            if self._clock.monotonic() > until:
                record = self.record(table)
                return max(float(total), record.rows if record is not None else MANY_ROWS)
        return float(total)
