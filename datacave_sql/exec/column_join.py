"""ColumnHashJoin: the right side becomes a table by join key, frames of the left side probe it.

Kinds: inner, left, semi, anti. Like HashJoin, but keys, matches and joined columns are whole vectors. Conditions other
than the equalities are tested over the pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacave_core.wait import TURN, Wait
from datacave_sql.exec.column_operator import Frames, rows_of_frames
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.vectors.compile import MaskFactory, Test, VectorFactory
from datacave_sql.vectors.matching import IntegerTable, Matches, ValueTable
from datacave_sql.vectors.vector import Frame, Mask, Places, Vector, all_null, joined, sql_values

PAIRS_PER_FRAME = 200_000


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
        right_runs = [key.right(context) for key in self.keys]
        parts: dict[int, list[Vector]] = {column: [] for column in self.right_kept}
        key_parts: list[list[Vector]] = [[] for _ in self.keys]
        for frame in self.right.open_frames(context):
            if isinstance(frame, Wait):
                yield frame
                continue
            for column in self.right_kept:
                parts[column].append(frame.columns[column].spread(frame.count))
            for values, run in zip(key_parts, right_runs, strict=True):
                values.append(run(frame).spread(frame.count))
            if context.slice_over():
                yield TURN
        if not key_parts[0]:
            if self.kind in ("inner", "semi"):
                return
            build = {column: all_null(self.types[column], 0) for column in self.right_kept}
            table: Any = ValueTable([])
            integers = False
        else:
            build = {column: joined(vectors, self.types[column]) for column, vectors in parts.items()}
            keys = [joined(vectors, key.type) for vectors, key in zip(key_parts, self.keys, strict=True)]
            table = IntegerTable(keys) if all(key.integer for key in self.keys) else None
            integers = table is not None and table.usable
            if not integers:
                table = ValueTable(self._comparable(keys))
        if context.slice_over():
            yield TURN
        yield from self._probe(context, build, table, integers)

    def _comparable(self, keys: Sequence[Vector]) -> list[Any]:
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

    def _probe(self, context: ExecutionContext, build: dict[int, Vector], table: Any, integers: bool) -> Frames:
        left_runs = [key.left(context) for key in self.keys]
        test = self.make_filter(context) if self.make_filter is not None else None
        for frame in self.left.open_frames(context):
            if isinstance(frame, Wait):
                yield frame
                continue
            keys = [run(frame).spread(frame.count) for run in left_runs]
            matches: Matches = table.probe(keys if integers else self._comparable(keys))
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
