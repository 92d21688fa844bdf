"""Hashed rows: the rows of a scan by the values that a correlated subquery asks for, found once per execution.

The first runs scan the table with all conditions, as a subquery that runs once or twice is not worth more. Then the
rows that the other conditions leave go into a dictionary, and every further run looks its rows up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sort import batches_of

SCANS_BEFORE_HASHING = 2


@dataclass(slots=True)
class HashedRows:
    """`plain` gives the rows for the outer values at hand; `base` those for any. `make_keys(c)(rows)` gives their keys,
    `make_probe(c)()` the key that is asked for; both give None where a NULL matches nothing."""

    number: int
    plain: Operator
    base: Operator
    make_keys: Factory
    make_probe: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    condition: str

    def open(self, context: ExecutionContext) -> Batches:
        kept = context.hashed_rows
        state = kept.get(self.number, 0)
        if isinstance(state, int) and state < SCANS_BEFORE_HASHING:
            kept[self.number] = state + 1
            yield from self.plain.open(context)
            return
        if isinstance(state, int):
            table: dict[Any, list[Row]] = {}
            keys_of = self.make_keys(context)
            for batch in self.base.open(context):
                if isinstance(batch, Wait):
                    yield batch
                    continue
                for key, row in zip(keys_of(batch), batch, strict=True):
                    if key is None:
                        continue
                    bucket = table.get(key)
                    if bucket is None:
                        table[key] = [row]
                    else:
                        bucket.append(row)
                if context.slice_over():
                    yield TURN
            state = kept[self.number] = table
        key = self.make_probe(context)()
        if key is not None and (found := state.get(key)):
            yield from batches_of(found)

    def children(self) -> Sequence[Operator]:
        return (self.base,)

    def label(self) -> str:
        return "Hashed Rows"

    def details(self) -> Sequence[str]:
        return (f"Hash Cond: {self.condition}",)
