"""Limit: skips OFFSET rows and passes LIMIT rows, with ties where asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class Limit:
    """`make_bounds(c)()` gives (count or None, offset or None); `make_ties(c)` the key whose equals also pass."""

    child: Operator
    make_bounds: Factory
    make_ties: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        count, skip = limit_bounds(*self.make_bounds(context)())
        if count == 0:
            return
        left = count
        ties = self.make_ties(context) if self.make_ties is not None else None
        last: object = None
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            if skip:
                dropped = min(skip, len(batch))
                skip -= dropped
                batch = batch[dropped:]
            if not batch:
                continue
            if left is None:
                yield batch
            elif len(batch) < left:
                left -= len(batch)
                yield batch
            elif ties is None:
                yield batch[:left]
                return
            else:
                if left:
                    last = ties(batch[left - 1])
                end = left
                while end < len(batch) and ties(batch[end]) == last:
                    end += 1
                if end:
                    yield batch[:end]
                if end < len(batch):
                    return
                left = 0

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "Limit"

    def details(self) -> Sequence[str]:
        return ()


def limit_bounds(count: int | None, offset: int | None) -> tuple[int | None, int]:
    """Checks the values as PostgreSQL does; a NULL count is no limit, a NULL offset is 0."""
    if count is not None and count < 0:
        raise DatacaveError("LIMIT must not be negative", sqlstate=sqlstate.INVALID_ROW_COUNT_IN_LIMIT_CLAUSE)
    if offset is not None and offset < 0:
        raise DatacaveError("OFFSET must not be negative", sqlstate=sqlstate.INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE)
    return count, offset or 0


def rows_wanted(count: int | None, offset: int | None) -> int | None:
    """How many rows a sort below has to keep; None for all."""
    count, skip = limit_bounds(count, offset)
    return None if count is None else count + skip
