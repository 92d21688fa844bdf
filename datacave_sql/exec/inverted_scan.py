"""InvertedScan: rows through a gin index. The keys of the rows that have the wanted items are found first, condition by
condition; then the rows are read in key order and compared again, since items do not say everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core.keycode import prefix_end
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Steps
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.table_scan import KeyRange, scan_details, scan_label

FEW_KEYS = 32
"""With so few rows left it is cheaper to read them than to look for their other items."""


@dataclass(slots=True)
class InvertedScan:
    """`make_wanted(c)()` gives, per condition, (prefixes of entries, whether a row must have all); None where a NULL
    leaves nothing. A condition that the index cannot narrow is not there; without any the whole table is read."""

    name: str
    alias: str
    make_wanted: Factory
    table_range: KeyRange
    make: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    index_name: str
    conditions: tuple[str, ...]
    filters: tuple[str, ...] = ()
    as_of: Factory | None = None
    counted_oid: int = 0

    def open(self, context: ExecutionContext) -> Batches:
        wanted: list[tuple[list[bytes], bool]] | None = self.make_wanted(context)()
        if wanted is None:
            return
        run = self.make(context)
        transaction = context.transaction
        timestamp = self.as_of(context)() if self.as_of is not None else None
        pace = Pace()
        counts = context.counts(self.counted_oid)
        counts.scans += 1
        if not wanted:
            for batch in transaction.scan(*self.table_range, False, BATCH_ROWS, timestamp):
                counts.fetched += len(batch)
                yield from pace.run(context, run, batch)
            return
        keys = yield from _matching(context, wanted, timestamp)
        get = transaction.get if timestamp is None else lambda key: transaction.get_at(key, timestamp)
        ordered = sorted(keys)
        counts.read += len(ordered)
        counts.fetched += len(ordered)
        for start in range(0, len(ordered), BATCH_ROWS):
            part = ordered[start : start + BATCH_ROWS]
            yield from pace.run(context, run, [(key, row) for key in part if (row := get(key)) is not None])

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return scan_label("Inverted Index Scan", "", self.index_name, False, self.name, self.alias)

    def details(self) -> Sequence[str]:
        return scan_details(self.conditions, self.filters)


def _matching(
    context: ExecutionContext, wanted: list[tuple[list[bytes], bool]], timestamp: int | None
) -> Steps[set[bytes]]:
    """The keys of the rows that may satisfy every condition."""
    keys: set[bytes] | None = None
    for prefixes, every in wanted:
        if every:
            for prefix in prefixes:
                found = yield from _holders(context, prefix, timestamp)
                keys = found if keys is None else keys & found
                if len(keys) <= FEW_KEYS:
                    return keys
        else:
            united: set[bytes] = set()
            for prefix in prefixes:
                united |= yield from _holders(context, prefix, timestamp)
            keys = united if keys is None else keys & united
            if len(keys) <= FEW_KEYS:
                return keys
    return keys or set()


def _holders(context: ExecutionContext, prefix: bytes, timestamp: int | None) -> Steps[set[bytes]]:
    """The keys of the rows that have one item."""
    found: set[bytes] = set()
    for entries in context.transaction.scan(prefix, prefix_end(prefix), False, BATCH_ROWS, timestamp):
        found.update([entry[0] for _, entry in entries])
        if context.slice_over():
            yield TURN
    return found
