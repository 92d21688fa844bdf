"""Distinct: the first row of each set of equal rows, in the order of the child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class Distinct:
    """`make_keys(c)(rows)` gives the rows' keys, equal exactly when SQL calls the rows not distinct."""

    child: Operator
    make_keys: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        keys_of = self.make_keys(context)
        seen: set[Any] = set()
        add = seen.add
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            rows = []
            for key, row in zip(keys_of(batch), batch, strict=True):
                if key not in seen:
                    add(key)
                    rows.append(row)
            if rows:
                yield rows
            if context.slice_over():
                yield TURN

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "Unique"

    def details(self) -> Sequence[str]:
        return ()
