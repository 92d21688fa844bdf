"""RoutedInsert: INSERT into a partitioned table; every row goes to the partition that its key belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.disposal import discard
from datacave_core.errors import DatacaveError
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.modify import Insert, InsertRun, collected
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sort import batches_of
from datacave_sql.table.partition_map import PartitionMap


@dataclass(slots=True)
class RouteLevel:
    """One partitioned table on the way: `make_key(c)(row)` is its key of a complete row of the table that is named.

    `parts` are numbers of leaves, or further levels. `key_texts(values, settings)` prints a key, with its names.
    """

    name: str
    make_key: Factory
    partitions: PartitionMap
    parts: tuple[int | RouteLevel, ...]
    key_names: str
    key_outputs: tuple[Callable[[Any, Any], str], ...]


@dataclass(slots=True)
class RoutedInsert:
    """`make_rows(c)(rows)` completes child rows to rows of the partitioned table. The leaves' own `make_rows` turn
    these into rows of the partition; `make_back` per leaf gives RETURNING of the partition's rows. `make_test(c)(row)`
    says whether a row belongs to the table at all, where that is a partition itself."""

    name: str
    child: Operator
    make_rows: Factory
    route: RouteLevel
    leaves: tuple[Insert, ...]
    returns: bool
    make_test: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        source: list[Row] = []
        returned: list[Row] | None = [] if self.returns else None
        try:
            yield from collected(context, self.child, source)
            run = RoutedRun(context, self)
            yield from run.write(self.make_rows(context)(source), returned)
            yield from run.finish()
            if returned:
                yield from batches_of(returned)
        finally:
            discard(source, returned)

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return self.name

    def details(self) -> Sequence[str]:
        return ()


class RoutedRun:
    """One execution of a RoutedInsert: what it writes with in each partition."""

    __slots__ = ("_context", "_find", "_insert", "_runs")

    def __init__(self, context: ExecutionContext, insert: RoutedInsert) -> None:
        self._context = context
        self._insert = insert
        self._find = _finder(context, insert)
        self._runs: dict[int, InsertRun] = {}

    def write(self, rows: Sequence[Row], returned: list[Row] | None) -> Steps[None]:
        """Writes complete rows of the partitioned table. Raises 23514 for a row that no partition takes."""
        context, find = self._context, self._find
        groups: list[tuple[int, list[Row]]] = []
        open_groups: dict[int, list[Row]] = {}
        # Their order matters to RETURNING alone.
        in_order = returned is not None
        for row in rows:
            leaf = find(row)
            if in_order:
                if not groups or groups[-1][0] != leaf:
                    groups.append((leaf, []))
                groups[-1][1].append(row)
            else:
                group = open_groups.get(leaf)
                if group is None:
                    group = open_groups[leaf] = []
                    groups.append((leaf, group))
                group.append(row)
            if context.slice_over():
                yield TURN
        for leaf, group in groups:
            insert = self._insert.leaves[leaf]
            run = self._runs.get(leaf)
            if run is None:
                run = self._runs[leaf] = InsertRun(context, insert)
            written: list[Row] = []
            yield from run.write(group, written)
            if returned is not None and written and insert.make_returning is not None:
                returned += insert.make_returning(context)(written)

    def finish(self) -> Steps[None]:
        """Called when the statement has written all its rows."""
        for run in self._runs.values():
            yield from run.writer.finish()


def _finder(context: ExecutionContext, insert: RoutedInsert) -> Callable[[Row], int]:
    test = insert.make_test(context) if insert.make_test is not None else None
    find = _level(context, insert.route)
    if test is None:
        return find

    def tested(row: Row) -> int:
        if not test(row):
            raise DatacaveError(
                f'new row for relation "{insert.route.name}" violates partition constraint',
                sqlstate=sqlstate.CHECK_VIOLATION,
                table=insert.route.name,
            )
        return find(row)

    return tested


def _level(context: ExecutionContext, route: RouteLevel) -> Callable[[Row], int]:
    """`find(row)`: the leaf of a row."""
    key = route.make_key(context)
    place_of = route.partitions.find
    parts = [part if isinstance(part, int) else _level(context, part) for part in route.parts]

    def find(row: Row) -> int:
        values = key(row)
        place = place_of(values)
        if place is None:
            shown = ", ".join(
                "null" if value is None else output(value, context.session.format_settings)
                for value, output in zip(values, route.key_outputs, strict=True)
            )
            raise DatacaveError(
                f'no partition of relation "{route.name}" found for row',
                sqlstate=sqlstate.CHECK_VIOLATION,
                detail=f"Partition key of the failing row contains ({route.key_names}) = ({shown}).",
                table=route.name,
            )
        part = parts[place]
        return part if isinstance(part, int) else part(row)

    return find
