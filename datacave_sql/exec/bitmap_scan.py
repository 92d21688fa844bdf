"""Bitmap scans: rows found by several indexes at once, each read one time.

The scans of the indexes give rows of one value, the key of a row of the table. Their union or intersection is sorted,
without what is there twice, and the rows are read in key order. What the indexes say is compared again, with the other
conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.external_sort import Sorter
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sort import batches_of
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
class BitmapAnd:
    """The keys that all of its members give, the one with the fewest first.

    Where these do not fit into memory they are given as they are: what the others say is compared with the rows.
    """

    members: tuple[Operator, ...]
    columns: tuple[int, ...] = ()
    not_null: frozenset[int] = NO_COLUMNS

    def open(self, context: ExecutionContext) -> Batches:
        memory = context.work_memory(hashed=True)
        found: set[tuple[bytes]] | None = None
        try:
            for member in self.members:
                kept: set[tuple[bytes]] = set()
                for batch in member.open(context):
                    if isinstance(batch, Wait):
                        yield batch
                    elif found is not None:
                        kept.update(found.intersection(batch))
                    elif kept is _TOO_MANY:
                        yield batch
                    else:
                        kept.update(batch)
                        if memory.take(rows_bytes(batch)):
                            yield from batches_of(list(kept))
                            memory.release()
                            kept = _TOO_MANY
                if kept is _TOO_MANY:
                    return
                found = kept
            yield from batches_of(list(found or ()))
        finally:
            memory.release()

    def children(self) -> Sequence[Operator]:
        return self.members

    def label(self) -> str:
        return "BitmapAnd"

    def details(self) -> Sequence[str]:
        return ()


_TOO_MANY: set[tuple[bytes]] = set()


@dataclass(slots=True)
class BitmapHeapScan:
    """The rows whose keys `bitmap` gives, each once and in key order; `make(c)(pairs)` filters and projects them.

    Keys that are too many for memory are sorted on disk.
    """

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
        sorter = Sorter(context, [(itemgetter(0), False)])
        try:
            for batch in self.bitmap.open(context):
                if isinstance(batch, Wait):
                    yield batch
                else:
                    yield from sorter.add(batch)
            yield from self._rows(context, sorter)
        finally:
            sorter.close()

    def _rows(self, context: ExecutionContext, sorter: Sorter) -> Batches:
        run = self.make(context)
        transaction = context.transaction
        timestamp = self.as_of(context)() if self.as_of is not None else None
        get = transaction.get if timestamp is None else lambda key: transaction.get_at(key, timestamp)
        counts = context.counts(self.counted_oid)
        pace = Pace()
        last: bytes | None = None
        for step in sorter.sorted():
            if isinstance(step, Wait):
                yield step
                continue
            for part in batches_of(step):
                keys = dict.fromkeys([key for (key,) in part])
                if last is not None:
                    keys.pop(last, None)
                last = part[-1][0]
                found = [(key, row) for key in keys if (row := get(key)) is not None]
                counts.fetched += len(found)
                yield from pace.run(context, run, found)

    def children(self) -> Sequence[Operator]:
        return (self.bitmap,)

    def label(self) -> str:
        return scan_label("", "Bitmap Heap Scan", None, False, self.name, self.alias)

    def details(self) -> Sequence[str]:
        filters = scan_details((), self.filters)
        return [f"Recheck Cond: {self.condition}", *filters]
