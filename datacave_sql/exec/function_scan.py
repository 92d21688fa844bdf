"""Function scan and project set: rows out of set-returning functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class FunctionScan:
    """`make(c)()` gives one iterable per call (a list of one value for functions that return no set).

    `widths` says how many columns each call fills; a call of width 1 gives plain values, a wider one tuples.
    """

    make: Factory
    names: tuple[str, ...]
    widths: tuple[int, ...]
    unpack: tuple[bool, ...]
    ordinality: bool
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        sources: list[Iterator[Any]] = []
        for source in self.make(context)():
            sources.append(iter(()) if source is None else iter(source))
        rows: list[tuple[Any, ...]] = []
        for row in self._rows(sources):
            rows.append(row)
            if len(rows) >= BATCH_ROWS:
                yield rows
                rows = []
                if context.slice_over():
                    yield TURN
        if rows:
            yield rows

    def _rows(self, sources: list[Iterator[Any]]) -> Iterator[tuple[Any, ...]]:
        if len(sources) == 1 and not self.ordinality:
            if self.unpack[0]:
                width = self.widths[0]
                yield from (_spread(item, width) for item in sources[0])
            else:
                yield from ((item,) for item in sources[0])
            return
        missing = object()
        for number, items in enumerate(zip_longest(*sources, fillvalue=missing), 1):
            row: tuple[Any, ...] = ()
            for item, width, unpack in zip(items, self.widths, self.unpack, strict=True):
                if item is missing:
                    row += (None,) * width
                else:
                    row += _spread(item, width) if unpack else (item,)
            yield (*row, number) if self.ordinality else row

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return "Function Scan on " + ", ".join(self.names)

    def details(self) -> Sequence[str]:
        return ()


def _spread(item: Any, width: int) -> Any:
    """A row of a function as columns. Raises 42804 where it is not of the width that the query expects."""
    if item is None:
        return (None,) * width
    if len(item) != width:
        raise DatacaveError(
            "function return row and query-specified return row do not match",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            detail=f"Returned row contains {len(item)} attribute{'' if len(item) == 1 else 's'}, but query expects "
            f"{width}.",
        )
    return item


@dataclass(slots=True)
class ProjectSet:
    """`make(c)(row)` gives one item per column: an iterator for set-returning columns, a value for the others.

    Functions of one select list advance together; those that end early give NULL (PostgreSQL 10 and later).
    """

    child: Operator
    make: Factory
    is_set: tuple[bool, ...]
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        run = self.make(context)
        sets = [position for position, flag in enumerate(self.is_set) if flag]
        output: list[tuple[Any, ...]] = []
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            for row in batch:
                items = list(run(row))
                sources: list[Iterator[Any]] = []
                for position in sets:
                    item = items[position]
                    sources.append(iter(()) if item is None else iter(item))
                for values in zip_longest(*sources):
                    for position, value in zip(sets, values, strict=True):
                        items[position] = value
                    output.append(tuple(items))
                    if len(output) >= BATCH_ROWS:
                        yield output
                        output = []
                        if context.slice_over():
                            yield TURN
        if output:
            yield output

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "ProjectSet"

    def details(self) -> Sequence[str]:
        return ()
