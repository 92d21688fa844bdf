"""Distinct: the first row of each set of equal rows.

Adjacent ones are told apart by the row before; else a set holds the keys of the rows seen. When it is full, rows with
other keys are put aside by the hash of their key, and each partition is done in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.disposal import discard
from datacave_core.rowbatch import RowBatch
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.partitioning import LEVELS_MAX, HashPartitions
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.spill import Run, Spill
from datacave_sql.exec.work_memory import WorkMemory

ENTRY_BYTES = 80
"""What a set takes for an entry, beside its key."""

_NONE = object()


@dataclass(slots=True)
class Distinct:
    """`make_keys(c)(rows)` gives the rows' keys, equal exactly when SQL calls the rows not distinct.

    With `adjacent` equal rows follow each other, and the order of the child stays.
    """

    child: Operator
    make_keys: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    keys: str
    adjacent: bool
    ordering: tuple[tuple[int, bool, bool], ...] = ()

    def open(self, context: ExecutionContext) -> Batches:
        keys_of = self.make_keys(context)
        if self.adjacent:
            yield from self._following(context, keys_of)
            return
        run = HashedDistinct(context, keys_of)
        try:
            yield from run.rows(self.child.open(context), 0)
        finally:
            context.tell(self, run.facts())
            run.close()

    def _following(self, context: ExecutionContext, keys_of: Callable[[RowBatch], list[Any]]) -> Batches:
        last: Any = _NONE
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            rows = []
            for key, row in zip(keys_of(batch), batch, strict=True):
                if key is not last and key != last:
                    last = key
                    rows.append(row)
            if rows:
                yield rows
            if context.slice_over():
                yield TURN

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "Unique" if self.adjacent else "HashAggregate"

    def details(self) -> Sequence[str]:
        return () if self.adjacent or not self.keys else (f"Group Key: {self.keys}",)


class HashedDistinct:
    """One execution by hash, over rows of any kind."""

    def __init__(self, context: ExecutionContext, keys_of: Callable[[RowBatch], list[Any]]) -> None:
        self._context = context
        self._keys_of = keys_of
        self._memory: WorkMemory = context.work_memory(hashed=True)
        self._spill = Spill(context)
        self._batches = 1

    def rows(self, source: Iterable[RowBatch | Wait], level: int) -> Batches:
        """The first rows of each key."""
        context, keys_of, memory = self._context, self._keys_of, self._memory
        seen: set[Any] = set()
        add = seen.add
        aside: HashPartitions | None = None
        for batch in source:
            if isinstance(batch, Wait):
                yield batch
                continue
            rows = []
            keys = keys_of(batch)
            if aside is None:
                fresh = []
                for key, row in zip(keys, batch, strict=True):
                    if key not in seen:
                        add(key)
                        fresh.append(key)
                        rows.append(row)
                size = rows_bytes(fresh) + ENTRY_BYTES * len(fresh)
                if memory.take(size) and level < LEVELS_MAX:
                    aside = HashPartitions(self._spill, level, memory.limit, memory.used // len(seen))
            else:
                others = [(key, row) for key, row in zip(keys, batch, strict=True) if key not in seen]
                if others:
                    left, rest = zip(*others, strict=True)
                    yield from aside.spread(aside.numbers(left), list(rest))
            if rows:
                yield rows
            if context.slice_over():
                yield TURN
        if aside is not None:
            yield from aside.finish()
        discard(seen)
        memory.release()
        if aside is None:
            return
        for run in aside.runs:
            if run.rows:
                self._batches += 1
                yield from self.rows(_rows_of(run, self._spill), level + 1)

    def facts(self) -> dict[str, Any]:
        """What EXPLAIN ANALYZE tells."""
        return hashed_facts(self._batches, self._memory.peak, self._spill.size)

    def close(self) -> None:
        """Gives memory and disk back."""
        self._memory.release()
        self._spill.close()


def _rows_of(run: Run, spill: Spill) -> Batches:
    yield from run.read(spill)


def hashed_facts(batches: int, memory: int, disk: int) -> dict[str, Any]:
    """How something hashed went, as EXPLAIN ANALYZE tells it."""
    facts = {"HashAgg Batches": batches, "Peak Memory Usage": -(-memory // 1024)}
    return {**facts, "Disk Usage": -(-disk // 1024)} if disk else facts
