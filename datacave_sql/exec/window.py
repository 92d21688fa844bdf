"""Window: adds the values of window functions to the rows, partition by partition.

Rows are sorted by partition and order keys, on disk if there are many, and cut into partitions, which are held in
memory one at a time; every call of one window clause works on the same cut. Frames follow ROWS, RANGE and GROUPS with
all exclusions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.values import Row
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.external_sort import Sorter
from datacave_sql.exec.frame import ROWS_PER_PAUSE, FrameSpec, frames_of
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sort import SortPass, batches_of
from datacave_sql.functions.aggregate import AggregateBody
from datacave_sql.functions.window import Partition, WindowBody

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
        source = self.child.open(context)
        for clause in self.clauses:
            source = self._with_clause(context, clause, source)
        yield from source

    def _with_clause(self, context: ExecutionContext, clause: WindowClause, source: Batches) -> Batches:
        """The rows of the source with the columns of one clause, in its order."""
        sorter = Sorter(context, [(one.make(context), one.descending) for one in clause.passes])
        memory = context.work_memory()
        keys_of, peers_of = clause.make_partition_keys(context), clause.make_peer_keys(context)
        try:
            for batch in source:
                if isinstance(batch, Wait):
                    yield batch
                    continue
                yield from sorter.add(batch)
                if context.slice_over():
                    yield TURN
            rows: list[Row] = []
            peers: list[Any] = []
            key: Any = None
            output: list[Row] = []
            for piece in _pieces(sorter.sorted()):
                if isinstance(piece, Wait):
                    yield piece
                    continue
                keys, piece_peers = keys_of(piece), peers_of(piece)
                start = 0
                while start < len(piece):
                    if rows and keys[start] != key:
                        output += self._extended(context, clause, rows, peers)
                        rows, peers = [], []
                        memory.release()
                        if len(output) >= BATCH_ROWS:
                            yield from batches_of(output)
                            output = []
                        if context.slice_over():
                            yield TURN
                    key = keys[start]
                    end = start + 1
                    while end < len(piece) and keys[end] == key:
                        end += 1
                    rows += piece[start:end]
                    peers += piece_peers[start:end]
                    start = end
                # What is finished in this piece counts too, for a moment.
                memory.take(rows_bytes(piece))
            if rows:
                output += self._extended(context, clause, rows, peers)
            yield from batches_of(output)
        finally:
            memory.release()
            sorter.close()

    def _extended(
        self, context: ExecutionContext, clause: WindowClause, rows: list[Row], peers: list[Any]
    ) -> list[Row]:
        """The rows of one partition with the values of the calls."""
        added = self._values(context, clause, rows, peers)
        if len(rows) <= PIECE_ROWS:
            return [row + extra for row, extra in zip(rows, zip(*added, strict=True), strict=True)]
        extended: list[Row] = []
        pairs = zip(rows, zip(*added, strict=True), strict=True)
        while piece := list(islice(pairs, PIECE_ROWS)):
            extended += [row + extra for row, extra in piece]
            context.pause()
        return extended

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
            if start // ROWS_PER_PAUSE != end // ROWS_PER_PAUSE:
                context.pause()
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


def _pieces(parts: Iterator[list[Row] | Wait]) -> Batches:
    """Sorted rows in pieces of bounded size."""
    for part in parts:
        if isinstance(part, Wait):
            yield part
            continue
        for start in range(0, len(part), PIECE_ROWS):
            yield part[start : start + PIECE_ROWS]


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
    since_pause = 0
    batch = body.batch if keep is None and len(arguments) == 1 else None
    for frame in frames:
        if batch is not None and isinstance(frame, range) and not (frame.start == low and frame.stop >= high):
            # A whole frame at once, where the last state does not serve.
            part = arguments[0][frame.start : frame.stop]
            since_pause += len(part)
            if since_pause >= ROWS_PER_PAUSE:
                since_pause = 0
                context.pause()
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
