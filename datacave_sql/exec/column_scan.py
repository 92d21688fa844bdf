"""ColumnScan and ColumnPipeline: a table's columns, filtered, and expressions over them, without building rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter
from typing import Any

from datacave_core.layout import DECIMAL64_NAN
from datacave_core.rowbatch import ColumnVector
from datacave_core.types import oids
from datacave_core.wait import TURN, Wait
from datacave_sql.exec.column_operator import FRAME_ROWS, Frames, rows_of_frames
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.pace import Pace
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.table_scan import KeyRange, scan_details, scan_label
from datacave_sql.vectors.compile import MaskFactory, VectorFactory
from datacave_sql.vectors.vector import Frame, Vector, decimals, joined_frames, scaled, vector_of

Convert = Callable[[Any], Any]
_NAN = Decimal("NaN")


@dataclass(frozen=True, slots=True)
class ScannedColumn:
    """A column to read: its slot, the id and type it has in the plan, and what turns stored values into SQL values."""

    slot: int
    column: int
    type: int
    convert: Convert | None


def sql_vector(stored: ColumnVector, column: ScannedColumn) -> Vector:
    """A stored column as a vector of SQL values."""
    values = stored.values
    if isinstance(values, list):
        convert = column.convert
        if convert is None:
            return Vector(values, stored.nulls)
        converted = [None if value is None else convert(value) for value in values]
        return scaled(vector_of(converted, column.type), column.type)
    if column.type == oids.NUMERIC and (values == DECIMAL64_NAN).any():
        exact: list[Any] = decimals(values, stored.scale)
        for place in (values == DECIMAL64_NAN).nonzero()[0].tolist():
            exact[place] = _NAN
        if stored.nulls is not None:
            for place in stored.nulls.nonzero()[0].tolist():
                exact[place] = None
        return Vector(exact, stored.nulls)
    return Vector(values, stored.nulls, stored.scale)


@dataclass(slots=True)
class ColumnScan:
    """`make_ranges(c)()` gives the key ranges; `make_filter(c)(frame)` the rows to keep. Batches come in any order."""

    name: str
    alias: str
    make_ranges: Factory
    read: tuple[ScannedColumn, ...]
    make_filter: MaskFactory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]
    types: Mapping[int, int]
    index_name: str | None = None
    conditions: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    as_of: Factory | None = None
    counted_oid: int = 0

    def open(self, context: ExecutionContext) -> Batches:
        return rows_of_frames(self, context)

    def open_frames(self, context: ExecutionContext) -> Frames:
        test = self.make_filter(context) if self.make_filter is not None else None
        ranges: list[KeyRange] = self.make_ranges(context)()
        timestamp = self.as_of(context)() if self.as_of is not None else None
        slots = [column.slot for column in self.read]
        small: list[Frame] = []
        pending = 0
        counts = context.counts(self.counted_oid)
        counts.scans += 1
        pace = Pace()
        for low, high in ranges:
            for batch in context.transaction.scan_columns(low, high, slots, timestamp=timestamp):
                counts.read += batch.row_count
                if self.index_name is not None:
                    counts.fetched += batch.row_count
                frame = Frame(
                    {
                        column.column: sql_vector(stored, column)
                        for column, stored in zip(self.read, batch.columns, strict=True)
                    },
                    batch.row_count,
                )
                start = 0
                while start < frame.count:
                    kept = frame
                    if test is not None:
                        part = frame.part(start, start + pace.rows)
                        begun = perf_counter()
                        kept = part.keep(test(part), self.columns)
                        pace.note(part.count, perf_counter() - begun)
                        start += part.count
                    else:
                        start = frame.count
                    pending += kept.count
                    if pending >= FRAME_ROWS:
                        yield joined_frames([*small, kept], self.types)
                        small, pending = [], 0
                    elif kept.count:
                        small.append(kept)
                    if context.slice_over():
                        yield TURN
        if small:
            yield joined_frames(small, self.types)

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return scan_label("Index Scan", "Seq Scan", self.index_name, False, self.name, self.alias)

    def details(self) -> Sequence[str]:
        return scan_details(self.conditions, self.filters)


@dataclass(slots=True)
class ColumnPipeline:
    """Rows of the child that pass the filter; `outputs` computes each column, None where it is the child's own."""

    child: Any
    make_filter: MaskFactory | None
    outputs: tuple[tuple[int, VectorFactory | None], ...]
    columns: tuple[int, ...]
    not_null: frozenset[int]
    types: Mapping[int, int]
    filters: tuple[str, ...] = ()

    def open(self, context: ExecutionContext) -> Batches:
        return rows_of_frames(self, context)

    def open_frames(self, context: ExecutionContext) -> Frames:
        test = self.make_filter(context) if self.make_filter is not None else None
        outputs = [(column, make(context) if make is not None else None) for column, make in self.outputs]
        pace = Pace()
        for frame in self.child.open_frames(context):
            if isinstance(frame, Wait):
                yield frame
                continue
            start = 0
            while start < frame.count:
                part = frame.part(start, start + pace.rows)
                rows = part.count
                start += rows
                begun = perf_counter()
                if test is not None:
                    part = part.keep(test(part), tuple(part.columns))
                made = None
                if part.count:
                    made = {column: part.columns[column] if run is None else run(part) for column, run in outputs}
                pace.note(rows, perf_counter() - begun)
                if made is not None:
                    yield Frame(made, part.count)
                if context.slice_over():
                    yield TURN

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "Filter" if self.filters else "Result"

    def details(self) -> Sequence[str]:
        return tuple(f"Filter: {text}" for text in self.filters)
