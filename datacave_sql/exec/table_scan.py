"""Scans: rows of a table in key order, over the whole table or ranges of its keys or of an index.

The generated function takes what the store gives and returns finished rows: column choice, filters and projections are
in it already. It gets rows of the columns it reads, or `(key, row)` pairs where it asks for keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.values import Row
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.rowfunction import Factory

KeyRange = tuple[bytes, bytes | None]


@dataclass(slots=True)
class TableScan:
    """`make_ranges(c)()` gives the key ranges to read, in the order of the scan; `make(c)(rows)` the rows.

    `slots` are the columns that `make` gets, None for all; with `keyed` it gets pairs of a key and a whole row.
    `first_batch_rows` is small where a LIMIT is likely to stop the scan early. `counted_oid` is the table or the index
    whose use is counted.
    """

    name: str
    alias: str
    make_ranges: Factory
    make: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    index_name: str | None = None
    conditions: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    reverse: bool = False
    batch_rows: int = BATCH_ROWS
    ordering: tuple[tuple[int, bool, bool], ...] = ()
    as_of: Factory | None = None
    projected: dict[int, str] = field(default_factory=dict)
    slots: tuple[int, ...] | None = None
    keyed: bool = True
    counted_oid: int = 0

    def open(self, context: ExecutionContext) -> Batches:
        run = self.make(context)
        ranges: list[KeyRange] = self.make_ranges(context)()
        timestamp = self.as_of(context)() if self.as_of is not None else None
        transaction = context.transaction
        counts = context.counts(self.counted_oid)
        counts.scans += 1
        fetches = self.index_name is not None
        pace = Pace()
        for low, high in ranges:
            batches: Iterator[list[Any]]
            if self.keyed:
                batches = transaction.scan(low, high, self.reverse, self.batch_rows, timestamp)
            else:
                batches = transaction.scan_rows(low, high, self.slots, self.reverse, self.batch_rows, timestamp)
            for batch in batches:
                counts.read += len(batch)
                if fetches:
                    counts.fetched += len(batch)
                yield from pace.run(context, run, batch)

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return scan_label("Index Scan", "Seq Scan", self.index_name, self.reverse, self.name, self.alias)

    def details(self) -> Sequence[str]:
        return scan_details(self.conditions, self.filters)


@dataclass(slots=True)
class KeyLookup:
    """Rows by their complete keys: `make_keys(c)()` gives the keys, without repetition."""

    name: str
    alias: str
    make_keys: Factory
    make: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    index_name: str | None
    conditions: tuple[str, ...]
    filters: tuple[str, ...] = ()
    as_of: Factory | None = None
    counted_oid: int = 0

    def open(self, context: ExecutionContext) -> Batches:
        keys: Sequence[bytes] = self.make_keys(context)()
        transaction = context.transaction
        counts = context.counts(self.counted_oid)
        counts.scans += len(keys)
        if self.as_of is not None:
            timestamp = self.as_of(context)()
            pairs = [(key, row) for key in keys if (row := transaction.get_at(key, timestamp)) is not None]
        else:
            get = transaction.get
            pairs = [(key, row) for key in keys if (row := get(key)) is not None]
        counts.fetched += len(pairs)
        if pairs and (rows := self.make(context)(pairs)):
            yield rows

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return scan_label("Index Scan", "Seq Scan", self.index_name, False, self.name, self.alias)

    def details(self) -> Sequence[str]:
        return scan_details(self.conditions, self.filters)


@dataclass(slots=True)
class IndexScan:
    """Rows through a secondary index: entries of the index ranges lead to the keys of the rows.

    `make_ranges(c)()` gives ranges of index keys; an entry's row holds the key of the table row.
    """

    name: str
    alias: str
    make_ranges: Factory
    make: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    index_name: str
    conditions: tuple[str, ...]
    filters: tuple[str, ...] = ()
    reverse: bool = False
    batch_rows: int = BATCH_ROWS
    ordering: tuple[tuple[int, bool, bool], ...] = ()
    as_of: Factory | None = None
    counted_oid: int = 0

    def open(self, context: ExecutionContext) -> Batches:
        run = self.make(context)
        transaction = context.transaction
        timestamp = self.as_of(context)() if self.as_of is not None else None
        ranges: list[KeyRange] = self.make_ranges(context)()
        counts = context.counts(self.counted_oid)
        counts.scans += len(ranges)
        pace = Pace()
        for low, high in ranges:
            for entries in transaction.scan(low, high, self.reverse, self.batch_rows, timestamp):
                found = list(self._rows(transaction, entries, timestamp))
                counts.read += len(entries)
                counts.fetched += len(found)
                yield from pace.run(context, run, found)

    @staticmethod
    def _rows(
        transaction: Any, entries: Sequence[tuple[bytes, Row]], timestamp: int | None
    ) -> Iterator[tuple[bytes, Row]]:
        get = transaction.get if timestamp is None else lambda key: transaction.get_at(key, timestamp)
        for _, entry in entries:
            row = get(entry[0])
            if row is not None:
                yield entry[0], row

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return scan_label("Index Scan", "Seq Scan", self.index_name, self.reverse, self.name, self.alias)

    def details(self) -> Sequence[str]:
        return scan_details(self.conditions, self.filters)


def scan_label(indexed: str, whole: str, index: str | None, reverse: bool, name: str, alias: str) -> str:
    text = whole if index is None else f"{indexed}{' Backward' if reverse else ''} using {index}"
    return f"{text} on {name}" + (f" {alias}" if alias != name else "")


def scan_details(conditions: tuple[str, ...], filters: tuple[str, ...]) -> list[str]:
    lines = []
    if conditions:
        lines.append("Index Cond: " + _joined(conditions))
    if filters:
        lines.append("Filter: " + _joined(filters))
    return lines


def _joined(parts: tuple[str, ...]) -> str:
    return parts[0] if len(parts) == 1 else "(" + " AND ".join(parts) + ")"
