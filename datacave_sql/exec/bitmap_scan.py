"""Bitmap scans: rows found by several indexes at once, each read one time.

The scans of the indexes give rows of one value, the key of a row of the table. Their union drops what more than one
found, and the rows are read in key order. What the indexes say is compared again, with the other conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.table_scan import KeyRange, scan_details, scan_label

NO_COLUMNS: frozenset[int] = frozenset()


@dataclass(slots=True)
class BitmapIndexScan:
    """The keys of the rows that ranges of an index lead to; of a `clustered` one the entries are the rows."""

    index_name: str
    clustered: bool
    make_ranges: Factory
    conditions: tuple[str, ...]
    as_of: Factory | None
    counted_oid: int
    columns: tuple[int, ...] = ()
    not_null: frozenset[int] = NO_COLUMNS

    def open(self, context: ExecutionContext) -> Batches:
        ranges: list[KeyRange] = self.make_ranges(context)()
        timestamp = self.as_of(context)() if self.as_of is not None else None
        counts = context.counts(self.counted_oid)
        counts.scans += len(ranges)
        for low, high in ranges:
            for entries in context.transaction.scan(low, high, False, BATCH_ROWS, timestamp):
                counts.read += len(entries)
                if entries:
                    yield [(key,) for key, _ in entries] if self.clustered else [(entry[0],) for _, entry in entries]
                if context.slice_over():
                    yield TURN

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return f"Bitmap Index Scan on {self.index_name}"

    def details(self) -> Sequence[str]:
        return scan_details(self.conditions, ())


@dataclass(slots=True)
class BitmapOr:
    """The keys that any of its members gives."""

    members: tuple[Operator, ...]
    columns: tuple[int, ...] = ()
    not_null: frozenset[int] = NO_COLUMNS

    def open(self, context: ExecutionContext) -> Batches:
        for member in self.members:
            yield from member.open(context)

    def children(self) -> Sequence[Operator]:
        return self.members

    def label(self) -> str:
        return "BitmapOr"

    def details(self) -> Sequence[str]:
        return ()


@dataclass(slots=True)
class BitmapHeapScan:
    """The rows whose keys `bitmap` gives, each once and in key order; `make(c)(pairs)` filters and projects them."""

    name: str
    alias: str
    bitmap: Operator
    make: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    condition: str
    filters: tuple[str, ...] = ()
    as_of: Factory | None = None
    counted_oid: int = 0

    def open(self, context: ExecutionContext) -> Batches:
        keys: set[bytes] = set()
        for batch in self.bitmap.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                keys.update([key for (key,) in batch])
        run = self.make(context)
        transaction = context.transaction
        timestamp = self.as_of(context)() if self.as_of is not None else None
        get = transaction.get if timestamp is None else lambda key: transaction.get_at(key, timestamp)
        ordered = sorted(keys)
        counts = context.counts(self.counted_oid)
        pace = Pace()
        for start in range(0, len(ordered), BATCH_ROWS):
            part = ordered[start : start + BATCH_ROWS]
            found = [(key, row) for key in part if (row := get(key)) is not None]
            counts.fetched += len(found)
            yield from pace.run(context, run, found)

    def children(self) -> Sequence[Operator]:
        return (self.bitmap,)

    def label(self) -> str:
        return scan_label("", "Bitmap Heap Scan", None, False, self.name, self.alias)

    def details(self) -> Sequence[str]:
        filters = scan_details((), self.filters)
        return [f"Recheck Cond: {self.condition}", *filters]
