"""Range lookup join: for every left row, the rows of a table whose index keys begin with what the left row names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from datacave_core.keycode import prefix_end
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.lookup_join import lookup_details, lookup_label
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory

PAIRS_PER_CALL = 1000
REMEMBERED_PAIRS_MAX = 4096
"""So many pairs are kept for left rows that name the same key again."""


@dataclass(slots=True)
class RangeLookupJoin:
    """`make_keys(c)(rows)` gives the beginning of the index keys, or None, per left row.

    `make_join(c)(rows, found)` gives the joined rows; `found` has, per left row, pairs of a key and a row: of the
    table, read through the entries of a secondary index, or what `make_values(c)(entries)` reads from the entries
    themselves. `make_matches(c)(rows, found)` gives a row for each pair that matches, of an inner join a joined row.
    """

    kind: str
    child: Operator
    table_name: str
    alias: str
    index_name: str
    clustered: bool
    make_keys: Factory
    make_values: Factory | None
    make_join: Factory
    make_matches: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    conditions: tuple[str, ...]
    filters: tuple[str, ...] = ()
    counted_oid: int = 0

    def open(self, context: ExecutionContext) -> Batches:
        keys_of = self.make_keys(context)
        join = self.make_join(context)
        find = self._finder(context)
        known: dict[bytes, list[Any]] = {}
        remembered = 0
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            rows: list[Any] = []
            found: list[list[Any]] = []
            pending = 0
            for row, key in zip(batch, keys_of(batch), strict=True):
                pairs = known.get(key) if key is not None else []
                if pairs is None:
                    parts = find(key)
                    pairs = next(parts, [])
                    if len(pairs) >= PAIRS_PER_CALL:
                        yield from self._many(context, row, pairs, parts)
                        continue
                    remembered += len(pairs) + 1
                    if remembered > REMEMBERED_PAIRS_MAX:
                        known.clear()
                        remembered = 0
                    else:
                        known[key] = pairs
                rows.append(row)
                found.append(pairs)
                pending += len(pairs) + 1
                if pending >= PAIRS_PER_CALL:
                    if joined := join(rows, found):
                        yield joined
                    rows, found, pending = [], [], 0
                    if context.slice_over():
                        yield TURN
            if rows and (joined := join(rows, found)):
                yield joined
            if context.slice_over():
                yield TURN

    def _many(self, context: ExecutionContext, row: Any, first: list[Any], parts: Iterator[list[Any]]) -> Batches:
        """The joined rows of a left row with too many pairs to hold them at once."""
        matches, join = self.make_matches(context), self.make_join(context)
        hit = False
        for part in chain((first,), parts):
            matched = matches([row], [part])
            if matched:
                hit = True
                if self.kind not in ("inner", "left"):
                    break
                yield matched
            if context.slice_over():
                yield TURN
        if (self.kind == "semi" and hit) or (self.kind in ("left", "anti") and not hit):
            # A semi join wants the row as it gives it for any match, the others as for none.
            yield join([row], [part if hit else []])

    def _finder(self, context: ExecutionContext) -> Callable[[bytes], Iterator[list[Any]]]:
        """The pairs of the rows below a key: all of them if they are few, else part by part."""
        transaction = context.transaction
        counts = context.counts(self.counted_oid)
        values = self.make_values(context) if self.make_values is not None else None
        scan, get = transaction.scan, transaction.get

        def find(key: bytes) -> Iterator[list[Any]]:
            counts.scans += 1
            found: list[Any] = []
            for entries in scan(key, prefix_end(key), False, BATCH_ROWS):
                counts.read += len(entries)
                if values is not None:
                    found += [(None, one) for one in values(entries)]
                elif self.clustered:
                    found += entries
                    counts.fetched += len(entries)
                else:
                    pairs = [(entry[0], row) for _, entry in entries if (row := get(entry[0])) is not None]
                    found += pairs
                    counts.fetched += len(pairs)
                if len(found) >= PAIRS_PER_CALL:
                    yield found
                    found = []
            if found:
                yield found

        return find

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return lookup_label(self.kind, self.index_name, self.table_name, self.alias)

    def details(self) -> Sequence[str]:
        return lookup_details(self.conditions, self.filters)
