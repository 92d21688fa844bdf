"""Merge join: both sides come in the order of the join keys, so that neither has to be kept.

For each batch of left rows the right side is read up to their last key, and the rows with a key among theirs go into a
dictionary that this batch probes. Only right rows with the last key stay for the next batch. Kinds: inner, left, semi,
anti. NULL keys match nothing, wherever they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class MergeJoin:
    """`make_left_keys(c)(rows)` and `make_right_keys(c)(rows)` give comparable keys, None where they match nothing;
    `make_build(c)(rows, table, loose)` and `make_probe(c)(rows, table)` are those of a hash join."""

    kind: str
    left: Operator
    right: Operator
    make_left_keys: Factory
    make_right_keys: Factory
    make_build: Factory
    make_probe: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    condition: str
    ordering: tuple[tuple[int, bool, bool], ...] = ()

    def open(self, context: ExecutionContext) -> Batches:
        left_keys, right_keys = self.make_left_keys(context), self.make_right_keys(context)
        build, probe = self.make_build(context), self.make_probe(context)
        memory = context.work_memory(hashed=True)
        pace = Pace()
        ended = False
        source: Iterator[Any] = iter(self.right.open(context))
        # Right rows that are read and whose keys are not behind: keys and rows, in order.
        keys: list[Any] = []
        rows: list[Row] = []
        try:
            for batch in self.left.open(context):
                if isinstance(batch, Wait):
                    yield batch
                    continue
                wanted = {key for key in left_keys(batch) if key is not None}
                table: dict[Any, Any] = {}
                if wanted:
                    last = max(wanted)
                    while not ended and (not keys or keys[-1] <= last):
                        step = next(source, None)
                        if step is None:
                            ended = True
                        elif isinstance(step, Wait):
                            yield step
                        else:
                            found = right_keys(step)
                            # Rows behind the last key may serve the next batches, whatever their keys are.
                            pairs = [
                                (key, row)
                                for key, row in zip(found, step, strict=True)
                                if key is not None and (key in wanted or key > last)
                            ]
                            keys += [key for key, _ in pairs]
                            rows += [row for _, row in pairs]
                            memory.take(rows_bytes([row for _, row in pairs]))
                            if context.slice_over():
                                yield TURN
                    for start in range(0, len(rows), BATCH_ROWS):
                        build(rows[start : start + BATCH_ROWS], table, None)
                        if context.slice_over():
                            yield TURN
                    behind = _first_not_below(keys, last)
                    del keys[:behind], rows[:behind]
                yield from pace.run(context, _probing(probe, table), batch)
                memory.release()
                memory.take(rows_bytes(rows))
        finally:
            memory.release()

    def children(self) -> Sequence[Operator]:
        return (self.left, self.right)

    def label(self) -> str:
        return {
            "inner": "Merge Join", "left": "Merge Left Join", "semi": "Merge Semi Join", "anti": "Merge Anti Join",
        }[self.kind]  # fmt: skip

    def details(self) -> Sequence[str]:
        return (f"Merge Cond: {self.condition}",)


def _probing(probe: Callable[..., list[Row]], table: dict[Any, Any]) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: probe(rows, table)


def _first_not_below(keys: Sequence[Any], last: Any) -> int:
    """The place of the first key that is not before the last one."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < last:
            low = middle + 1
        else:
            high = middle
    return low
