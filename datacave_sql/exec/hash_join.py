"""Hash join: the right side becomes a dictionary by join key, the left side probes it batch by batch.

Kinds: inner, left, semi, anti and full; a right join is a left join with its sides exchanged by the planner. NULL keys
match nothing. The generated functions know the shape of keys and rows; see plan/joins.py.

When the dictionary takes more memory than it may, both sides are put aside by the hash of their join keys, and each
partition is joined in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.disposal import discard
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.partitioning import LEVELS_MAX, HashPartitions
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.spill import Spill

ENTRY_BYTES = 150
"""What the dictionary takes for a row, beside the row."""


@dataclass(slots=True)
class HashJoin:
    """`make_build(c)(rows, table)` adds rows to the table; `make_probe(c)(rows, table)` gives the joined rows,
    `make_keys(c)(rows)` the keys of left rows.

    For a full join the table's rows are lists `[row, matched]` and `make_rest(c)(entries)` pads the unmatched ones.
    """

    kind: str
    left: Operator
    right: Operator
    make_build: Factory
    make_keys: Factory
    make_probe: Factory
    make_rest: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]
    condition: str

    def open(self, context: ExecutionContext) -> Batches:
        run = _Run(self, context)
        try:
            yield from run.join(self.right.open(context), self.left.open(context), 0)
        finally:
            context.tell(self, run.facts())
            run.close()

    def children(self) -> Sequence[Operator]:
        return (self.left, self.right)

    def label(self) -> str:
        return {
            "inner": "Hash Join",
            "left": "Hash Left Join",
            "full": "Hash Full Join",
            "semi": "Hash Semi Join",
            "anti": "Hash Anti Join",
        }[self.kind]

    def details(self) -> Sequence[str]:
        return (f"Hash Cond: {self.condition}",)


class _Run:
    """One execution."""

    def __init__(self, join: HashJoin, context: ExecutionContext) -> None:
        self._context = context
        self._kind = join.kind
        self._build = join.make_build(context)
        self._probe = join.make_probe(context)
        self._make_keys = join.make_keys
        self._rest = join.make_rest(context) if join.make_rest is not None else None
        self._memory = context.work_memory(hashed=True)
        self._spill = Spill(context)
        self._held: list[Any] = []
        self._keys = 0
        self._batches = 0

    def join(self, right: Batches, left: Batches, level: int) -> Batches:
        """The joined rows of both sides."""
        context, memory, build = self._context, self._memory, self._build
        table: dict[Any, list[Any]] = {}
        loose: list[Any] = []
        self._held += [table, loose]
        over = False
        for batch in right:
            if isinstance(batch, Wait):
                yield batch
                continue
            build(batch, table, loose)
            if memory.take(rows_bytes(batch) + ENTRY_BYTES * len(batch)) and level < LEVELS_MAX and len(table) > 1:
                over = True
                break
            if context.slice_over():
                yield TURN
        if over:
            yield from self._partitioned(table, loose, right, left, level)
            return
        self._batches += 1
        self._keys = max(self._keys, len(table))
        if table or self._kind not in ("inner", "semi"):
            yield from self._probed(left, table)
        if self._rest is not None:
            entries = [entry for bucket in table.values() for entry in bucket]
            if rows := self._rest(entries + loose):
                yield from _sliced(rows)
            discard(entries)
        discard(table)
        memory.release()

    def _probed(self, left: Batches, table: dict[Any, list[Any]]) -> Batches:
        probe, context, pace = self._probe, self._context, Pace()
        work = lambda rows: probe(rows, table)  # noqa: E731
        for batch in left:
            if isinstance(batch, Wait):
                yield batch
            else:
                for rows in pace.run(context, work, batch):
                    if isinstance(rows, Wait):
                        yield rows
                    else:
                        yield from _sliced(rows)

    def _partitioned(
        self, table: dict[Any, list[Any]], loose: list[Any], right: Batches, left: Batches, level: int
    ) -> Batches:
        """The same where the right side does not fit."""
        context, memory, spill = self._context, self._memory, self._spill
        row_bytes = memory.used // max(1, sum(map(len, table.values())))
        rights = HashPartitions(spill, level, memory.limit, row_bytes)
        yield from self._put_aside(rights, table, loose)
        discard(table)
        memory.release()
        for batch in right:
            if isinstance(batch, Wait):
                yield batch
                continue
            table, loose = {}, []
            self._build(batch, table, loose)
            yield from self._put_aside(rights, table, loose)
        yield from rights.finish()
        lefts = HashPartitions(spill, level, memory.limit, row_bytes)
        keys_of = self._make_keys(context)
        for batch in left:
            if isinstance(batch, Wait):
                yield batch
            else:
                yield from lefts.spread(lefts.numbers(keys_of(batch)), batch)
                if context.slice_over():
                    yield TURN
        yield from lefts.finish()
        for one, other in zip(rights.runs, lefts.runs, strict=True):
            if (other.rows or self._kind == "full") and (one.rows or self._kind not in ("inner", "semi")):
                yield from self.join(one.read(spill), other.read(spill), level + 1)

    def _put_aside(self, rights: HashPartitions, table: dict[Any, list[Any]], loose: list[Any]) -> Batches:
        """Puts rows aside that the generated function has sorted by key; those without a key are done with."""
        full = self._kind == "full"
        for number, bucket in zip(rights.numbers(list(table)), table.values(), strict=True):
            yield from rights.add(number, [entry[0] for entry in bucket] if full else bucket)
        if self._rest is not None and loose:
            yield from _sliced(self._rest(loose))
            loose.clear()
        if self._context.slice_over():
            yield TURN

    def facts(self) -> dict[str, Any]:
        """What EXPLAIN ANALYZE tells."""
        return hash_join_facts(self._keys, self._batches, self._memory.peak)

    def close(self) -> None:
        """Gives memory and disk back."""
        discard(*self._held)
        self._memory.release()
        self._spill.close()


def hash_join_facts(keys: int, batches: int, memory: int) -> dict[str, Any]:
    """How a hash join went, as EXPLAIN ANALYZE tells it."""
    return {
        "Hash Buckets": max(1024, 1 << max(keys - 1, 0).bit_length()),
        "Hash Batches": max(batches, 1),
        "Peak Memory Usage": -(-memory // 1024),
    }


def _sliced(rows: list[Row]) -> Batches:
    """Batches of bounded size: one probe of a batch can give many rows."""
    if len(rows) <= 4 * BATCH_ROWS:
        yield rows
        return
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]
