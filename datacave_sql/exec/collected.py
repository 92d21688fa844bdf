"""Collected input: the argument rows of aggregates that need distinct or ordered ones, group by group.

A group's rows are kept in a list until all are there. When they take too much memory, all groups' lists go into one
external sort by group; at the end each group's rows come back, are told apart and sorted with bounded memory, and feed
the aggregate's state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN, Steps, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.distinct import HashedDistinct
from datacave_sql.exec.external_sort import Sorter
from datacave_sql.exec.sorting import RUN_ROWS, sort_rows
from datacave_sql.functions.aggregate import AggregateBody

CollectedRow: TypeAlias = tuple[tuple[Any, ...], tuple[Any, ...]]
"""(arguments, sort key values)."""

Parts: TypeAlias = Iterator[list[Any] | Wait]


@dataclass(slots=True)
class CollectedInput:
    """How the collected argument rows of one aggregate become its state.

    `distinct_key` maps arguments to what makes them equal, or None.
    """

    distinct_key: Callable[[tuple[Any, ...]], Any] | None
    sort_passes: tuple[tuple[Callable[[Any], Any], bool], ...]

    def arguments(self, context: ExecutionContext, rows: list[CollectedRow], rest: Parts | None) -> Parts:
        """The arguments in the order in which they are to be fed: of the rows put aside, if any, and of these."""
        passes = [(_of_sort_values(key), descending) for key, descending in self.sort_passes]
        if rest is None and len(rows) <= RUN_ROWS:
            yield self._few(rows, passes)
            return
        parts = _both(rest, rows)
        if self.distinct_key is not None:
            parts = self._distinct(context, parts, self.distinct_key)
        if passes:
            parts = _sorted(context, parts, passes)
        for part in parts:
            yield part if isinstance(part, Wait) else [row[0] for row in part]

    def _few(self, rows: list[CollectedRow], passes: list[tuple[Callable[[Any], Any], bool]]) -> list[Any]:
        if self.distinct_key is not None:
            seen: dict[Any, CollectedRow] = {}
            for row in rows:
                seen.setdefault(self.distinct_key(row[0]), row)
            rows = list(seen.values())
        sort_rows(rows, passes)
        return [row[0] for row in rows]

    @staticmethod
    def _distinct(context: ExecutionContext, parts: Parts, key: Callable[[tuple[Any, ...]], Any]) -> Parts:
        run = HashedDistinct(context, lambda rows: [key(row[0]) for row in rows])
        try:
            yield from run.rows(parts, 0)
        finally:
            run.close()


def _of_sort_values(key: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda row: key(row[1])


def _both(first: Parts | None, rows: list[CollectedRow]) -> Parts:
    if first is not None:
        yield from first
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]


def _sorted(context: ExecutionContext, parts: Parts, passes: list[tuple[Callable[[Any], Any], bool]]) -> Parts:
    sorter = Sorter(context, passes)
    try:
        for part in parts:
            if isinstance(part, Wait):
                yield part
            else:
                yield from sorter.add(part)
                if context.slice_over():
                    yield TURN
        yield from sorter.sorted()
    finally:
        sorter.close()


class PutAside:
    """Collected rows of many groups on disk: entries (group, aggregate, row), sorted by the first two."""

    __slots__ = ("_at", "_context", "_parts", "_pending", "_sorter")

    def __init__(self, context: ExecutionContext) -> None:
        self._context = context
        self._sorter = Sorter(context, [(_group_and_aggregate, False)])
        self._parts: Parts | None = None
        self._pending: list[Any] = []
        self._at = 0

    def add(self, group: int, aggregate: int, rows: list[CollectedRow]) -> Steps[None]:
        """Puts aside what a group has collected for an aggregate, in the order in which it came."""
        for start in range(0, len(rows), BATCH_ROWS):
            yield from self._sorter.add([(group, aggregate, row) for row in rows[start : start + BATCH_ROWS]])

    def rows(self, group: int, aggregate: int) -> Parts:
        """What was put aside for both; groups and aggregates must be asked for in ascending order."""
        wanted = (group, aggregate)
        while True:
            pending, start = self._pending, self._at
            end = start
            while end < len(pending) and pending[end][:2] == wanted:
                end += 1
            self._at = end
            if end > start:
                yield [entry[2] for entry in pending[start:end]]
            if end < len(pending) or not (yield from self._read()):
                return

    def _read(self) -> Steps[bool]:
        """The next entries; False at the end."""
        if self._parts is None:
            self._parts = self._sorter.sorted()
        for part in self._parts:
            if isinstance(part, Wait):
                yield part
                continue
            self._pending, self._at = part, 0
            return True
        return False

    def close(self) -> None:
        """Gives memory and disk back."""
        self._sorter.close()


def _group_and_aggregate(entry: tuple[int, int, CollectedRow]) -> tuple[int, int]:
    return entry[:2]


def collected_value(
    context: ExecutionContext, body: AggregateBody, parts: Parts, finish: Callable[[Any], Any]
) -> Steps[Any]:
    """The aggregate's value over arguments that come in the order in which they are to be fed."""
    state = body.initial()
    advance = body.step
    for part in parts:
        if isinstance(part, Wait):
            yield part
            continue
        for start in range(0, len(part), BATCH_ROWS):
            for values in part[start : start + BATCH_ROWS]:
                state = advance(state, *values)
            if context.slice_over():
                yield TURN
    return finish(state)


def everything(parts: Parts) -> Steps[list[Any]]:
    """All of it as one list."""
    found: list[Any] = []
    for part in parts:
        if isinstance(part, Wait):
            yield part
        else:
            found += part
    return found
