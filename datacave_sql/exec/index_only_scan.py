"""Index-only scan: rows out of the entries of a secondary index that has every column they need.

Entries have versions as rows do, so that a snapshot sees those of the rows it sees and the table is never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core.rowbatch import BATCH_ROWS
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.table_scan import KeyRange, scan_details, scan_label


@dataclass(slots=True)
class IndexOnlyScan:
    """`make_ranges(c)()` gives ranges of index keys, `make_values(c)(entries)` the covered columns of each entry and
    `make(c)(values)` the finished rows."""

    name: str
    alias: str
    make_ranges: Factory
    make_values: Factory
    make: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    index_name: str
    conditions: tuple[str, ...]
    filters: tuple[str, ...] = ()
    reverse: bool = False
    batch_rows: int = BATCH_ROWS
    ordering: tuple[tuple[int, bool, bool], ...] = ()
    counted_oid: int = 0

    def open(self, context: ExecutionContext) -> Batches:
        values, finish = self.make_values(context), self.make(context)
        ranges: list[KeyRange] = self.make_ranges(context)()
        counts = context.counts(self.counted_oid)
        counts.scans += len(ranges)
        context.tell(self, {"Heap Fetches": 0})
        pace = Pace()
        for low, high in ranges:
            for entries in context.transaction.scan(low, high, self.reverse, self.batch_rows):
                counts.read += len(entries)
                yield from pace.run(context, lambda part: finish(values(part)), entries)

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return scan_label("Index Only Scan", "", self.index_name, self.reverse, self.name, self.alias)

    def details(self) -> Sequence[str]:
        return scan_details(self.conditions, self.filters)
