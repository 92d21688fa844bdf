"""Common tables: WITH queries run once per execution, and the rounds of recursive ones."""

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


@dataclass(slots=True)
class CommonTablePart:
    """One WITH query. For a recursive one `recursive` reads the last round; `make_keys` finds repeated rows."""

    id: int
    name: str
    plan: Operator
    recursive: Operator | None
    make_keys: Factory | None


@dataclass(slots=True)
class With:
    """Fills the common tables in order, then runs the child."""

    parts: tuple[CommonTablePart, ...]
    child: Operator
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        for part in self.parts:
            yield from self._fill(context, part)
        yield from self.child.open(context)

    def _fill(self, context: ExecutionContext, part: CommonTablePart) -> Batches:
        rows: list[Row] = []
        for batch in part.plan.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                rows += batch
        if part.recursive is not None:
            keys_of = part.make_keys(context) if part.make_keys is not None else None
            seen: set[Any] = set()
            if keys_of is not None:
                rows = _unseen(keys_of(rows), rows, seen)
            last = rows
            rows = list(rows)
            while last:
                context.common_tables[part.id] = last
                found: list[Row] = []
                for batch in part.recursive.open(context):
                    if isinstance(batch, Wait):
                        yield batch
                    else:
                        found += batch
                    if context.slice_over():
                        yield TURN
                last = found if keys_of is None else _unseen(keys_of(found), found, seen)
                rows += last
                if context.slice_over():
                    yield TURN
        context.common_tables[part.id] = rows

    def children(self) -> Sequence[Operator]:
        return (*(part.plan for part in self.parts), self.child)

    def label(self) -> str:
        return "With " + ", ".join(part.name for part in self.parts)

    def details(self) -> Sequence[str]:
        return ()


def _unseen(keys: Sequence[Any], rows: list[Row], seen: set[Any]) -> list[Row]:
    fresh = []
    for key, row in zip(keys, rows, strict=True):
        if key not in seen:
            seen.add(key)
            fresh.append(row)
    return fresh


@dataclass(slots=True)
class CommonTableScan:
    """Reads a common table that a With has filled (or the last round of a recursive one)."""

    id: int
    name: str
    make: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        rows = context.common_tables[self.id]
        if self.make is not None:
            rows = self.make(context)(rows)
        yield from batches_of(rows)

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return f"CTE Scan on {self.name}"

    def details(self) -> Sequence[str]:
        return ()
