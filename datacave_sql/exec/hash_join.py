"""Hash join: the right side becomes a dictionary by join key, the left side probes it batch by batch.

Kinds: inner, left, semi, anti and full; a right join is a left join with its sides exchanged by the planner. NULL keys
match nothing. The generated functions know the shape of keys and rows; see plan/joins.py.

Rows of virtual relations (system catalogs) that the other side names by few values of one column are found by these,
instead of making and reading all rows.

When the dictionary takes more memory than it may, both sides are put aside by the hash of their join keys, and each
partition is joined in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from itertools import chain
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


FOUND_KEYS_MAX = 100
"""Rows of virtual relations are found by up to so many keys."""


@dataclass(frozen=True, slots=True)
class Found:
    """How one side's rows are found by join keys: `place` is that of the column in the key, None if it is all of it."""

    place: int | None
    attribute: int

    def rows(self, scan: Any, keys: Collection[Any], context: ExecutionContext) -> Batches:
        """The rows of the scan that may match one of the keys."""
        place = self.place
        values = list(keys) if place is None else list(dict.fromkeys(key[place] for key in keys))
        found: Batches = scan.found(self.attribute, values, context)
        return found


def _first_rows(batches: Batches) -> Generator[Any, None, tuple[list[Any], bool]]:
    """The first batches, and whether these were all; stops when there are more rows than are worth finding by."""
    few: list[Any] = []
    count = 0
    for batch in batches:
        if isinstance(batch, Wait):
            yield batch
            continue
        few.append(batch)
        count += len(batch)
        if count > FOUND_KEYS_MAX:
            return few, False
    return few, True


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
    left_found: Found | None = None
    right_found: Found | None = None

    def open(self, context: ExecutionContext) -> Batches:
        run = _Run(self, context)
        try:
            left = self.left.open(context)
            right = None
            if self.right_found is not None:
                few, ended = yield from _first_rows(left)
                if ended:
                    keys = {key for rows in few for key in self.make_keys(context)(rows)}
                    right = self.right_found.rows(self.right, keys, context)
                left = chain(few, left)
            yield from run.join(right if right is not None else self.right.open(context), left, 0)
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
        self._left_scan, self._left_found = join.left, join.left_found
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
        if self._left_found is not None and not level and 0 < len(table) <= FOUND_KEYS_MAX:
            left = self._left_found.rows(self._left_scan, table.keys(), context)
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
