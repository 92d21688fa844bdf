"""ColumnHashJoin: the right side becomes a table by join key, frames of the left side probe it.

Kinds: inner, left, semi, anti. Like HashJoin, but keys, matches and joined columns are whole vectors. Conditions other
than the equalities are tested over the pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacave_core.wait import TURN, Steps, Wait
from datacave_sql.exec.column_operator import Frames, rows_of_frames
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.frame_partitions import (
    FramePartitions,
    frame_bytes,
    frames_of,
    integer_partitions,
    value_partitions,
)
from datacave_sql.exec.hash_join import hash_join_facts
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.partitioning import LEVELS_MAX
from datacave_sql.exec.spill import Spill
from datacave_sql.vectors.compile import MaskFactory, Test, VectorFactory
from datacave_sql.vectors.matching import IntegerTable, Matches, ValueTable
from datacave_sql.vectors.vector import Frame, Mask, Places, Vector, all_null, joined, sql_values

PAIRS_PER_FRAME = 50_000

KEY_BYTES = 48
"""What a table takes for a row with integer keys, beside its columns."""

VALUE_BYTES = 250
"""The same for keys of other types."""


@dataclass(frozen=True, slots=True)
class JoinKey:
    """One equality: both sides' values and, where they are no integers, what makes them comparable."""

    left: VectorFactory
    right: VectorFactory
    type: int
    integer: bool
    comparison_key: Any


@dataclass(slots=True)
class ColumnHashJoin:
    """`left_kept` and `right_kept` are the columns of each side that go into joined frames."""

    kind: str
    left: Any
    right: Any
    keys: tuple[JoinKey, ...]
    make_filter: MaskFactory | None
    left_kept: tuple[int, ...]
    right_kept: tuple[int, ...]
    columns: tuple[int, ...]
    not_null: frozenset[int]
    types: Mapping[int, int]
    condition: str

    def open(self, context: ExecutionContext) -> Batches:
        return rows_of_frames(self, context)

    def open_frames(self, context: ExecutionContext) -> Frames:
        run = _Run(self, context)
        try:
            yield from run.join(self.right.open_frames(context), self.left.open_frames(context), 0)
        finally:
            context.tell(self, run.facts())
            run.close()

    def comparable(self, keys: Sequence[Vector]) -> list[Any]:
        columns = []
        for vector, key in zip(keys, self.keys, strict=True):
            values = sql_values(vector, key.type)
            if key.comparison_key is not None:
                convert = key.comparison_key
                values = [None if value is None else convert(value) for value in values]
            columns.append(values)
        if len(columns) == 1:
            return columns[0]
        return [None if None in values else values for values in zip(*columns, strict=True)]

    def probed(
        self, context: ExecutionContext, left: Frames, build: dict[int, Vector], table: Any, integers: bool
    ) -> Frames:
        """The joined frames, for the table of the right side."""
        left_runs = [key.left(context) for key in self.keys]
        test = self.make_filter(context) if self.make_filter is not None else None
        for frame in left:
            if isinstance(frame, Wait):
                yield frame
                continue
            keys = [run(frame).spread(frame.count) for run in left_runs]
            matches: Matches = table.probe(keys if integers else self.comparable(keys))
            for piece in self._pieces(frame, matches):
                found = self._joined(piece[0], piece[1], build, test)
                if found is not None:
                    yield found
                if context.slice_over():
                    yield TURN

    @staticmethod
    def _pieces(frame: Frame, matches: Matches) -> list[tuple[Frame, Matches]]:
        """The frame in pieces that give a bounded number of pairs each."""
        total = int(matches.counts.sum())
        if total <= PAIRS_PER_FRAME or frame.count == 1:
            return [(frame, matches)]
        pieces = []
        bounds = np.searchsorted(np.cumsum(matches.counts), np.arange(PAIRS_PER_FRAME, total, PAIRS_PER_FRAME)) + 1
        for places in np.split(np.arange(frame.count), np.unique(bounds)):
            if len(places):
                part = Frame(frame.take(places, tuple(frame.columns)), len(places))
                pieces.append((part, Matches(matches.counts[places], matches.starts[places], matches.order)))
        return pieces

    def _joined(self, frame: Frame, matches: Matches, build: dict[int, Vector], test: Test | None) -> Frame | None:
        kind = self.kind
        if test is None and kind in ("semi", "anti"):
            return self._kept(frame, (matches.counts > 0) == (kind == "semi"))
        probe, found = matches.pairs()
        pairs = self._pairs(frame, probe, build, found)
        if test is not None:
            mask = test(pairs)
            if kind in ("semi", "anti"):
                hit = np.zeros(frame.count, np.bool_)
                hit[probe[mask]] = True
                return self._kept(frame, hit == (kind == "semi"))
            if kind == "left":
                probe = probe[mask]
            pairs = pairs.keep(mask, self.columns)
        if kind == "left":
            hit = np.zeros(frame.count, np.bool_)
            hit[probe] = True
            if not hit.all():
                return self._with_unmatched(frame, np.flatnonzero(~hit), pairs)
        return pairs if pairs.count else None

    def _kept(self, frame: Frame, mask: Mask) -> Frame | None:
        kept = frame.keep(mask, self.columns)
        return kept if kept.count else None

    def _pairs(self, frame: Frame, probe: Places, build: dict[int, Vector], found: Places) -> Frame:
        columns = {column: frame.columns[column].spread(frame.count).take(probe) for column in self.left_kept}
        for column, vector in build.items():
            columns[column] = vector.take(found)
        return Frame(columns, len(probe))

    def _with_unmatched(self, frame: Frame, places: Places, pairs: Frame) -> Frame:
        """The pairs, then the left rows without one, padded with NULLs."""
        columns = {}
        own = frozenset(self.left_kept)
        for column in self.columns:
            type_oid = self.types[column]
            if column in own:
                rest = frame.columns[column].spread(frame.count).take(places)
            else:
                rest = all_null(type_oid, len(places))
                if not isinstance(pairs.columns[column].values, list) and isinstance(rest.values, list):
                    # A numeric of scaled integers: NULLs of the same form.
                    rest = Vector(np.zeros(len(places), np.int64), rest.nulls, pairs.columns[column].scale)
            columns[column] = joined((pairs.columns[column], rest), type_oid)
        return Frame(columns, pairs.count + len(places))

    def children(self) -> Sequence[Operator]:
        return (self.left, self.right)

    def label(self) -> str:
        return {
            "inner": "Hash Join", "left": "Hash Left Join", "semi": "Hash Semi Join", "anti": "Hash Anti Join",
        }[self.kind]  # fmt: skip

    def details(self) -> Sequence[str]:
        return (f"Hash Cond: {self.condition}",)


class _Run:
    """One execution. When the right side does not fit, both are put aside by the hash of their keys and joined part
    by part."""

    def __init__(self, join: ColumnHashJoin, context: ExecutionContext) -> None:
        self._join = join
        self._context = context
        self._right_runs = [key.right(context) for key in join.keys]
        self._memory = context.work_memory(hashed=True)
        self._spill = Spill(context)
        self._integers = all(key.integer for key in join.keys)
        self._rows = 0
        self._batches = 0

    def join(self, right: Frames, left: Frames, level: int) -> Frames:
        """The joined frames of both sides."""
        context, join, memory = self._context, self._join, self._memory
        frames: list[Frame] = []
        key_parts: list[list[Vector]] = [[] for _ in join.keys]
        for frame in right:
            if isinstance(frame, Wait):
                yield frame
                continue
            keys = [run(frame).spread(frame.count) for run in self._right_runs]
            frames.append(
                Frame({column: frame.columns[column].spread(frame.count) for column in frame.columns}, frame.count)
            )
            for values, vector in zip(key_parts, keys, strict=True):
                values.append(vector)
            entry_bytes = KEY_BYTES if self._integers else VALUE_BYTES
            size = 2 * frame_bytes(frames[-1]) + entry_bytes * frame.count
            if memory.take(size) and level < LEVELS_MAX:
                yield from self._partitioned(frames, key_parts, right, left, level)
                return
            if context.slice_over():
                yield TURN
        self._batches += 1
        if not frames:
            if join.kind in ("inner", "semi"):
                return
            build = {column: all_null(join.types[column], 0) for column in join.right_kept}
            table: Any = ValueTable([])
            integers = False
        else:
            self._rows = max(self._rows, sum(frame.count for frame in frames))
            build = {
                column: joined([frame.columns[column] for frame in frames], join.types[column])
                for column in join.right_kept
            }
            frames.clear()
            vectors = [joined(parts, key.type) for parts, key in zip(key_parts, join.keys, strict=True)]
            table = IntegerTable(vectors) if self._integers else None
            integers = table is not None and table.usable
            if not integers:
                table = ValueTable(join.comparable(vectors))
        if context.slice_over():
            yield TURN
        yield from join.probed(context, left, build, table, integers)
        memory.release()

    def _partitioned(
        self, frames: list[Frame], key_parts: list[list[Vector]], right: Frames, left: Frames, level: int
    ) -> Frames:
        """The same where the right side does not fit."""
        join, context, spill = self._join, self._context, self._spill
        rights = FramePartitions(spill, self._memory.limit, join.right.types)
        for place, frame in enumerate(frames):
            keys = [parts[place] for parts in key_parts]
            yield from rights.spread(frame, self._numbers(keys, level, rights.count))
        frames.clear()
        key_parts.clear()
        self._memory.release()
        yield from self._spread(rights, right, self._right_runs, level)
        lefts = FramePartitions(spill, self._memory.limit, join.left.types)
        yield from self._spread(lefts, left, [key.left(context) for key in join.keys], level)
        for one, other in zip(rights.runs, lefts.runs, strict=True):
            if other.rows and (one.rows or join.kind not in ("inner", "semi")):
                yield from self.join(frames_of(one, spill), frames_of(other, spill), level + 1)

    def _spread(self, partitions: FramePartitions, source: Frames, runs: Sequence[Any], level: int) -> Steps[None]:
        for frame in source:
            if isinstance(frame, Wait):
                yield frame
                continue
            keys = [run(frame).spread(frame.count) for run in runs]
            yield from partitions.spread(frame, self._numbers(keys, level, partitions.count))
            if self._context.slice_over():
                yield TURN
        yield from partitions.finish()

    def _numbers(self, keys: list[Vector], level: int, count: int) -> Places:
        if self._integers:
            return integer_partitions(keys, level, count)
        return value_partitions(self._join.comparable(keys), level, count)

    def facts(self) -> dict[str, Any]:
        """What EXPLAIN ANALYZE tells."""
        return hash_join_facts(self._rows, self._batches, self._memory.peak)

    def close(self) -> None:
        """Gives memory and disk back."""
        self._memory.release()
        self._spill.close()
