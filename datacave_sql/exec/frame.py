"""Window frames: which rows of the partition each row's frame holds.

The semantics are those of PostgreSQL's documentation, section 4.2.8 (window function calls).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.calendar import MICROSECONDS_PER_DAY
from datacave_core.values import Interval, Row
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.rowfunction import Factory

ROWS_PER_PAUSE = 512


@dataclass(slots=True)
class FrameSpec:
    """A frame clause with its offsets as `make(c)() -> value`.

    `make_order_values(c)(rows)` gives the single ORDER BY value per row for RANGE with an offset; `add`/`subtract` give
    the limit of the range from a value and the offset, for an ascending order.
    """

    mode: str
    start_kind: str
    end_kind: str
    exclude: str
    make_start: Factory | None = None
    make_end: Factory | None = None
    make_order_values: Factory | None = None
    descending: bool = False
    add: Callable[..., Any] | None = None
    subtract: Callable[..., Any] | None = None
    shift_takes_context: bool = False
    order_key: Callable[[Any], Any] | None = None
    """To values whose order is the type's, where Python's own is not (NaN)."""


def frames_of(
    context: ExecutionContext, spec: FrameSpec, rows: list[Row], starts: list[int], ends: list[int]
) -> list[Sequence[int]]:
    """One sequence of row numbers per row (a range unless rows are excluded)."""
    start_offset = _offset(context, spec.make_start, "starting", spec.mode)
    end_offset = _offset(context, spec.make_end, "ending", spec.mode)
    count = len(rows)
    bounds: Iterable[tuple[int, int]]
    if spec.mode == "rows":
        bounds = (
            (
                _row_bound(spec.start_kind, index, count, start_offset, False),
                _row_bound(spec.end_kind, index, count, end_offset, True),
            )
            for index in range(count)
        )
    elif spec.mode == "groups":
        bounds = _group_bounds(spec, starts, ends, count, start_offset, end_offset)
    else:
        bounds = _range_bounds(context, spec, rows, starts, ends, start_offset, end_offset)
    frames: list[Sequence[int]] = []
    for index, (low, high) in enumerate(bounds):
        if index and index % ROWS_PER_PAUSE == 0:
            context.pause()
        frame: Sequence[int] = range(max(low, 0), max(min(high, count), max(low, 0)))
        if spec.exclude == "current row":
            frame = [i for i in frame if i != index]
        elif spec.exclude == "group":
            frame = [i for i in frame if not starts[index] <= i < ends[index]]
        elif spec.exclude == "ties":
            frame = [i for i in frame if i == index or not starts[index] <= i < ends[index]]
        frames.append(frame)
    return frames


def _offset(context: ExecutionContext, make: Factory | None, end: str, mode: str) -> Any:
    if make is None:
        return None
    value = make(context)()
    if value is None:
        raise DatacaveError(f"frame {end} offset must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    if mode != "range" and value < 0:
        raise DatacaveError(
            f"frame {end} offset must not be negative",
            sqlstate=sqlstate.INVALID_PRECEDING_OR_FOLLOWING_SIZE,
        )
    if mode == "range" and not _is_forward(value):
        raise DatacaveError(
            "invalid preceding or following size in window function",
            sqlstate=sqlstate.INVALID_PRECEDING_OR_FOLLOWING_SIZE,
        )
    return value


def _is_forward(offset: Any) -> bool:
    """Whether a RANGE offset is neither negative nor NaN."""
    if isinstance(offset, Interval):
        days = offset.months * 30 + offset.days
        return days * MICROSECONDS_PER_DAY + offset.microseconds >= 0
    return offset == offset and bool(offset >= 0)


def _row_bound(kind: str, index: int, count: int, offset: Any, is_end: bool) -> int:
    extra = 1 if is_end else 0
    if kind == "unbounded preceding":
        return 0
    if kind == "unbounded following":
        return count
    if kind == "current row":
        return index + extra
    distance: int = offset
    return (index - distance if kind == "preceding" else index + distance) + extra


def _group_bounds(
    spec: FrameSpec, starts: list[int], ends: list[int], count: int, start_offset: Any, end_offset: Any
) -> list[tuple[int, int]]:
    group_starts = sorted(set(starts))
    group_of = {start: number for number, start in enumerate(group_starts)}
    edges = [*group_starts, count]

    def edge(number: int) -> int:
        return edges[min(max(number, 0), len(group_starts))]

    bounds = []
    for index in range(count):
        group = group_of[starts[index]]
        low = {
            "unbounded preceding": 0,
            "current row": starts[index],
            "unbounded following": count,
        }.get(spec.start_kind)
        if low is None:
            low = edge(group - start_offset if spec.start_kind == "preceding" else group + start_offset)
        high = {
            "unbounded following": count,
            "current row": ends[index],
            "unbounded preceding": 0,
        }.get(spec.end_kind)
        if high is None:
            high = edge((group - end_offset if spec.end_kind == "preceding" else group + end_offset) + 1)
        bounds.append((low, high))
    return bounds


def _range_bounds(
    context: ExecutionContext,
    spec: FrameSpec,
    rows: list[Row],
    starts: list[int],
    ends: list[int],
    start_offset: Any,
    end_offset: Any,
) -> list[tuple[int, int]]:
    count = len(rows)
    values = spec.make_order_values(context)(rows) if spec.make_order_values is not None else [None] * count

    def limit(value: Any, kind: str, offset: Any, *, starts: bool) -> Any:
        backwards = (kind == "preceding") != spec.descending
        combine = spec.subtract if backwards else spec.add
        assert combine is not None
        edge = combine(context, value, offset) if spec.shift_takes_context else combine(value, offset)
        if edge != edge and value == value:
            # An infinity that an infinite offset leads back from: everything is within it, on both sides.
            return -offset if starts != spec.descending else offset
        return edge

    # NULLs stand together at one end; what lies between is in order.
    first = next((i for i in range(count) if values[i] is not None), count)
    last = next((i for i in range(count, first, -1) if values[i - 1] is not None), first)
    keys = [value if spec.order_key is None else spec.order_key(value) for value in values[first:last]]
    if spec.descending:
        keys.reverse()
    bounds = []
    for index in range(count):
        value = values[index]
        if spec.start_kind in ("preceding", "following") and value is not None:
            low = _first_within(spec, keys, limit(value, spec.start_kind, start_offset, starts=True)) + first
        else:
            low = {"unbounded preceding": 0, "unbounded following": count}.get(spec.start_kind, starts[index])
        if spec.end_kind in ("preceding", "following") and value is not None:
            high = _first_beyond(spec, keys, limit(value, spec.end_kind, end_offset, starts=False)) + first
        else:
            high = {"unbounded following": count, "unbounded preceding": 0}.get(spec.end_kind, ends[index])
        bounds.append((low, high))
    return bounds


def _first_within(spec: FrameSpec, keys: list[Any], edge: Any) -> int:
    """The place of the first value that does not come before the edge; `keys` ascend whatever the order is."""
    if spec.order_key is not None:
        edge = spec.order_key(edge)
    return len(keys) - bisect_right(keys, edge) if spec.descending else bisect_left(keys, edge)


def _first_beyond(spec: FrameSpec, keys: list[Any], edge: Any) -> int:
    """The place of the first value that comes after the edge."""
    if spec.order_key is not None:
        edge = spec.order_key(edge)
    return len(keys) - bisect_left(keys, edge) if spec.descending else bisect_right(keys, edge)
