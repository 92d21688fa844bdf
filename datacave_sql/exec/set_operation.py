"""Set operations over two children with the same column types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.disposal import discard
from datacave_core.rowbatch import RowBatch
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.partitioning import LEVELS_MAX, HashPartitions
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.spill import Spill

ENTRY_BYTES = 100
"""What a dictionary takes for an entry, beside its key."""


@dataclass(slots=True)
class Append:
    """UNION ALL: the rows of the children, one child after the other."""

    parts: tuple[Operator, ...]
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        for part in self.parts:
            yield from part.open(context)

    def children(self) -> Sequence[Operator]:
        return self.parts

    def label(self) -> str:
        return "Append"

    def details(self) -> Sequence[str]:
        return ()


@dataclass(slots=True)
class HashSetOperation:
    """INTERSECT and EXCEPT, with or without ALL; `make_keys(c)(rows)` gives comparable keys for either side."""

    kind: str
    every: bool
    left: Operator
    right: Operator
    make_keys: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        run = _Run(self, context)
        try:
            yield from run.rows(run.counted(self.right.open(context)), self.left.open(context), 0)
        finally:
            run.close()

    def children(self) -> Sequence[Operator]:
        return (self.left, self.right)

    def label(self) -> str:
        return f"HashSetOp {self.kind.capitalize()}{' All' if self.every else ''}"

    def details(self) -> Sequence[str]:
        return ()


class _Run:
    """One execution. Where the right side's keys, or those that were shown, do not fit, both sides are put aside by the
    hash of their keys and done part by part."""

    def __init__(self, operation: HashSetOperation, context: ExecutionContext) -> None:
        self._context = context
        self._every = operation.every
        self._intersect = operation.kind == "intersect"
        self._keys_of = operation.make_keys(context)
        self._memory = context.work_memory(hashed=True)
        self._spill = Spill(context)
        self._held: list[Any] = []

    def counted(self, source: Batches) -> Iterator[list[Any] | Wait]:
        """(key, how often) of the rows."""
        for batch in source:
            yield batch if isinstance(batch, Wait) else list(Counter(self._keys_of(batch)).items())

    def rows(self, right: Iterator[list[Any] | Wait], left: Batches, level: int) -> Batches:
        """The rows of the result."""
        context, memory = self._context, self._memory
        counts: dict[Any, int] = {}
        seen: set[Any] = set()
        self._held += [counts, seen]
        for entries in right:
            if isinstance(entries, Wait):
                yield entries
                continue
            fresh = []
            for key, count in entries:
                if key in counts:
                    counts[key] += count
                else:
                    counts[key] = count
                    fresh.append(key)
            if self._over(fresh, level):
                yield from self._partitioned(counts, seen, right, left, level)
                return
            if context.slice_over():
                yield TURN
        for batch in left:
            if isinstance(batch, Wait):
                yield batch
                continue
            before = len(seen)
            if rows := self._matching(batch, counts, seen):
                yield rows
                if len(seen) > before and self._over(self._keys_of(rows), level):
                    yield from self._partitioned(counts, seen, right, left, level)
                    return
            if context.slice_over():
                yield TURN
        discard(counts, seen)
        memory.release()

    def _over(self, keys: list[Any], level: int) -> bool:
        return self._memory.take(rows_bytes(keys) + ENTRY_BYTES * len(keys)) and level < LEVELS_MAX

    def _matching(self, batch: RowBatch, counts: dict[Any, int], seen: set[Any]) -> list[Row]:
        every, intersect = self._every, self._intersect
        rows = []
        for key, row in zip(self._keys_of(batch), batch, strict=True):
            if every:
                found = counts.get(key, 0) > 0
                if found:
                    counts[key] -= 1
                if found == intersect:
                    rows.append(row)
            elif (key in counts) == intersect and key not in seen:
                seen.add(key)
                rows.append(row)
        return rows

    def _partitioned(
        self, counts: dict[Any, int], seen: set[Any], right: Iterator[list[Any] | Wait], left: Batches, level: int
    ) -> Batches:
        """The rest of the result, part by part."""
        memory, spill = self._memory, self._spill
        size = memory.used // max(1, len(counts) + len(seen))
        rights, lefts = (HashPartitions(spill, level, memory.limit, size) for _ in range(2))
        known = list(counts.items())
        discard(counts)
        yield from rights.spread(rights.numbers([key for key, _ in known]), known)
        discard(known)
        for entries in right:
            if isinstance(entries, Wait):
                yield entries
            else:
                yield from rights.spread(rights.numbers([key for key, _ in entries]), entries)
        yield from rights.finish()
        for batch in left:
            if isinstance(batch, Wait):
                yield batch
                continue
            keys = self._keys_of(batch)
            fresh = [(key, row) for key, row in zip(keys, batch, strict=True) if key not in seen]
            if fresh:
                left_keys, rows = zip(*fresh, strict=True)
                yield from lefts.spread(lefts.numbers(left_keys), list(rows))
            if self._context.slice_over():
                yield TURN
        yield from lefts.finish()
        discard(seen)
        memory.release()
        for one, other in zip(rights.runs, lefts.runs, strict=True):
            if other.rows:
                yield from self.rows(one.read(spill), other.read(spill), level + 1)

    def close(self) -> None:
        """Gives memory and disk back."""
        discard(*self._held)
        self._memory.release()
        self._spill.close()
