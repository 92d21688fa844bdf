"""Hash join: the right side becomes a dictionary by join key, the left side probes it batch by batch.

Kinds: inner, left, semi, anti and full; a right join is a left join with its sides exchanged by the planner. NULL keys
match nothing. The generated functions know the shape of keys and rows; see plan/join_planning.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class HashJoin:
    """`make_build(c)(rows, table)` adds rows to the table; `make_probe(c)(rows, table)` gives the joined rows.

    For a full join the table's rows are lists `[row, matched]` and `make_rest(c)(entries)` pads the unmatched ones.
    """

    kind: str
    left: Operator
    right: Operator
    make_build: Factory
    make_probe: Factory
    make_rest: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]
    condition: str

    def open(self, context: ExecutionContext) -> Batches:
        table: dict[Any, list[Any]] = {}
        loose: list[Any] = []
        build = self.make_build(context)
        for batch in self.right.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                build(batch, table, loose)
                if context.slice_over():
                    yield TURN
        if not table and self.kind in ("inner", "semi"):
            return
        probe = self.make_probe(context)
        pace = Pace()
        work = lambda rows: probe(rows, table)  # noqa: E731
        for batch in self.left.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                for rows in pace.run(context, work, batch):
                    if isinstance(rows, Wait):
                        yield rows
                    else:
                        yield from _sliced(rows)
        if self.make_rest is not None:
            rest = self.make_rest(context)
            entries = [entry for bucket in table.values() for entry in bucket]
            if rows := rest(entries + loose):
                yield from _sliced(rows)

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


def _sliced(rows: list[Row]) -> Batches:
    """Batches of bounded size: one probe of a batch can give many rows."""
    if len(rows) <= 4 * BATCH_ROWS:
        yield rows
        return
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]
