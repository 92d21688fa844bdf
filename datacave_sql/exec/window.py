"""Window: adds the values of window functions to the rows, partition by partition.

Rows are collected, sorted by partition and order keys, and cut into partitions; every call of one window clause works
on the same cut. Frames follow ROWS, RANGE and GROUPS with all exclusions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.frame import FrameSpec, frames_of
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sort import SortPass, batches_of
from datacave_sql.exec.sorting import sorted_with_pauses
from datacave_sql.functions.aggregate import AggregateBody
from datacave_sql.functions.window import Partition, WindowBody

ROWS_PER_PAUSE = 512
PIECE_ROWS = 8192


@dataclass(slots=True)
class WindowColumn:
    """One call: its body; `make_arguments(c)(rows)` gives the argument values per row, and so does `make_filter`."""

    body: WindowBody | AggregateBody
    make_arguments: Factory
    make_filter: Factory | None
    frame: FrameSpec


@dataclass(slots=True)
class WindowClause:
    """Calls that share PARTITION BY and ORDER BY."""

    passes: tuple[SortPass, ...]
    make_partition_keys: Factory
    make_peer_keys: Factory
    calls: tuple[WindowColumn, ...]


@dataclass(slots=True)
class Window:
    """Rows of the child with one more column per call, clause by clause."""

    child: Operator
    clauses: tuple[WindowClause, ...]
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        rows: list[Row] = []
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
            else:
                rows += batch
                if context.slice_over():
                    yield TURN
        for clause in self.clauses:
            passes = [(one.make(context), one.descending) for one in clause.passes]
            rows = sorted_with_pauses(rows, passes, context.pause)
            partition_keys = _in_pieces(context, clause.make_partition_keys(context), rows)
            peer_keys = _in_pieces(context, clause.make_peer_keys(context), rows)
            output: list[Row] = []
            start = 0
            while start < len(rows):
                end = start + 1
                while end < len(rows) and partition_keys[end] == partition_keys[start]:
                    end += 1
                part = rows[start:end]
                added = self._values(context, clause, part, peer_keys[start:end])
                output += [row + extra for row, extra in zip(part, zip(*added, strict=True), strict=True)]
                start = end
                if context.slice_over():
                    yield TURN
            rows = output
        yield from batches_of(rows)

    @staticmethod
    def _values(context: ExecutionContext, clause: WindowClause, rows: list[Row], peers: list[Any]) -> list[list[Any]]:
        count = len(rows)
        starts, ends = [0] * count, [0] * count
        start = 0
        while start < count:
            end = start + 1
            while end < count and peers[end] == peers[start]:
                end += 1
            for index in range(start, end):
                starts[index], ends[index] = start, end
            start = end
        columns = []
        for call in clause.calls:
            body = call.body.within(context) if isinstance(call.body, AggregateBody) else call.body
            needs_frames = isinstance(body, AggregateBody) or body.uses_frames
            frames = frames_of(context, call.frame, rows, starts, ends) if needs_frames else ()
            if isinstance(body, AggregateBody):
                arguments, keep = _framed_values(context, call, rows, frames)
                columns.append(aggregate_frames(context, body, arguments, keep, frames))
            else:
                arguments = call.make_arguments(context)(rows)
                columns.append(body.call(Partition(count, arguments, starts, ends, frames)))
        return columns

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "WindowAgg"

    def details(self) -> Sequence[str]:
        return ()


def _in_pieces(context: ExecutionContext, work: Callable[[list[Row]], list[Any]], rows: list[Row]) -> list[Any]:
    """`work` of all rows, with pauses."""
    if len(rows) <= PIECE_ROWS:
        return work(rows)
    found: list[Any] = []
    for start in range(0, len(rows), PIECE_ROWS):
        found += work(rows[start : start + PIECE_ROWS])
        context.pause()
    return found


def _framed_values(
    context: ExecutionContext, call: WindowColumn, rows: list[Row], frames: Sequence[Sequence[int]]
) -> tuple[Sequence[list[Any]], Sequence[bool] | None]:
    """The arguments of an aggregate and whether its FILTER keeps a row.

    Neither is computed for a row outside of all frames, nor are the arguments of rows that are not kept: what is not
    asked for must not fail.
    """
    make = call.make_arguments(context)
    wanted = _framed(frames, len(rows))
    if call.make_filter is None and wanted is None:
        return make(rows), None
    used = list(range(len(rows))) if wanted is None else wanted
    keep: list[bool] | None = None
    if call.make_filter is not None:
        passed = call.make_filter(context)([rows[index] for index in used])
        used = [index for index, kept in zip(used, passed, strict=True) if kept]
        keep = [False] * len(rows)
        for index in used:
            keep[index] = True
    if len(used) == len(rows):
        return make(rows), keep
    arguments = []
    for values in make([rows[index] for index in used]):
        column = [None] * len(rows)
        for index, value in zip(used, values, strict=True):
            column[index] = value
        arguments.append(column)
    return arguments, keep


def _framed(frames: Sequence[Sequence[int]], count: int) -> list[int] | None:
    """The rows that stand in a frame, in order; None for all of them."""
    high = 0
    for frame in frames:
        # The usual frames grow or move on, and leave out nothing.
        if isinstance(frame, range) and frame.start <= high < frame.stop:
            high = frame.stop
            if high == count:
                return None
    found: set[int] = set()
    for frame in frames:
        found.update(frame)
    return None if len(found) == count else sorted(found)


def aggregate_frames(
    context: ExecutionContext,
    body: AggregateBody,
    arguments: Sequence[list[Any]],
    keep: Sequence[bool] | None,
    frames: Sequence[Sequence[int]],
) -> list[Any]:
    """The aggregate over each row's frame: growing frames go on from the last state, others start anew."""
    body = body.within(context)
    if body.hypothetical:
        raise DatacaveError("this aggregate cannot be used as a window function", sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    final: Callable[[Any], Any] = (lambda state: body.final(context, state)) if body.takes_context else body.final
    values: list[Any] = []
    state: Any = None
    low = high = -1
    batch = body.batch if keep is None and len(arguments) == 1 else None
    for frame in frames:
        if batch is not None and isinstance(frame, range) and not (frame.start == low and frame.stop >= high):
            # A whole frame at once, where the last state does not serve.
            part = arguments[0][frame.start : frame.stop]
            state = batch(body.initial(), [value for value in part if value is not None] if body.strict else part)
            low, high = frame.start, frame.stop
            values.append(final(_copied(state)))
            continue
        if isinstance(frame, range) and frame.start == low and frame.stop >= high:
            fresh: Sequence[int] = range(high, frame.stop)
            if not fresh and values:
                values.append(values[-1])
                continue
        else:
            state = body.initial()
            fresh = frame
        for count, index in enumerate(fresh):
            if count and count % ROWS_PER_PAUSE == 0:
                context.pause()
            if keep is not None and not keep[index]:
                continue
            row_arguments = [column[index] for column in arguments]
            if body.strict and None in row_arguments:
                continue
            state = body.step(state, *row_arguments)
        if isinstance(frame, range):
            low, high = frame.start, frame.stop
        else:
            low = high = -1
        values.append(final(_copied(state)))
    return values


def _copied(state: Any) -> Any:
    """Finals may consume a state that later rows go on with."""
    return list(state) if type(state) is list else state
