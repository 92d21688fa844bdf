"""Set operations over two children with the same column types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory


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
        keys_of = self.make_keys(context)
        counts: Counter[Any] = Counter()
        for batch in self.right.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            counts.update(keys_of(batch))
            if context.slice_over():
                yield TURN
        intersect = self.kind == "intersect"
        seen: set[Any] = set()
        for batch in self.left.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            rows = []
            for key, row in zip(keys_of(batch), batch, strict=True):
                if self.every:
                    found = counts[key] > 0 if key in counts else False
                    if found:
                        counts[key] -= 1
                    if found == intersect:
                        rows.append(row)
                elif (key in counts) == intersect and key not in seen:
                    seen.add(key)
                    rows.append(row)
            if rows:
                yield rows
            if context.slice_over():
                yield TURN

    def children(self) -> Sequence[Operator]:
        return (self.left, self.right)

    def label(self) -> str:
        return f"HashSetOp {self.kind.capitalize()}{' All' if self.every else ''}"

    def details(self) -> Sequence[str]:
        return ()
