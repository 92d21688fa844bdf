"""Window functions: numbering, ranking, and values of other rows of the partition or frame."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.functions.window import Partition, WindowBody


def _row_number(partition: Partition) -> list[Any]:
    return list(range(1, partition.row_count + 1))


def _rank(partition: Partition) -> list[Any]:
    return [start + 1 for start in partition.peer_starts]


def _dense_rank(partition: Partition) -> list[Any]:
    ranks = []
    rank, last = 0, -1
    for start in partition.peer_starts:
        if start != last:
            rank, last = rank + 1, start
        ranks.append(rank)
    return ranks


def _percent_rank(partition: Partition) -> list[Any]:
    others = partition.row_count - 1
    if others <= 0:
        return [0.0] * partition.row_count
    return [start / others for start in partition.peer_starts]


def _cumulative(partition: Partition) -> list[Any]:
    count = partition.row_count
    return [end / count for end in partition.peer_ends]


def _tiles(partition: Partition) -> list[Any]:
    """Buckets as equal as possible, the larger ones first."""
    count = partition.row_count
    if not count:
        return []
    buckets = partition.arguments[0][0]
    if buckets is None:
        return [None] * count
    if buckets <= 0:
        raise DatacaveError("argument of ntile must be greater than zero", sqlstate=sqlstate.INVALID_ARGUMENT_FOR_NTILE)
    size, larger = divmod(count, buckets)
    border = larger * (size + 1)
    return [row // (size + 1) + 1 if row < border else larger + (row - border) // size + 1 for row in range(count)]


def _shifted(partition: Partition, sign: int) -> list[Any]:
    values, count = partition.arguments[0], partition.row_count
    offsets = partition.arguments[1] if len(partition.arguments) > 1 else [1] * count
    defaults = partition.arguments[2] if len(partition.arguments) > 2 else [None] * count
    result: list[Any] = []
    for row, offset in enumerate(offsets):
        if offset is None:
            result.append(None)
            continue
        place = row + sign * offset
        result.append(values[place] if 0 <= place < count else defaults[row])
    return result


def _lag(partition: Partition) -> list[Any]:
    return _shifted(partition, -1)


def _lead(partition: Partition) -> list[Any]:
    return _shifted(partition, 1)


def _first_value(partition: Partition) -> list[Any]:
    values = partition.arguments[0]
    return [values[frame[0]] if frame else None for frame in partition.frames]


def _last_value(partition: Partition) -> list[Any]:
    values = partition.arguments[0]
    return [values[frame[-1]] if frame else None for frame in partition.frames]


def _nth_value(partition: Partition) -> list[Any]:
    values, numbers = partition.arguments
    result: list[Any] = []
    for number, frame in zip(numbers, partition.frames, strict=True):
        if number is None:
            result.append(None)
        elif number <= 0:
            raise DatacaveError(
                "argument of nth_value must be greater than zero",
                sqlstate=sqlstate.INVALID_ARGUMENT_FOR_NTH_VALUE,
            )
        else:
            result.append(values[frame[number - 1]] if number <= len(frame) else None)
    return result


WINDOWS: dict[str, WindowBody] = {
    "row_number()": WindowBody(_row_number),
    "rank()": WindowBody(_rank),
    "dense_rank()": WindowBody(_dense_rank),
    "percent_rank()": WindowBody(_percent_rank),
    "cume_dist()": WindowBody(_cumulative),
    "ntile(23)": WindowBody(_tiles),
    "lag(2283)": WindowBody(_lag),
    "lag(2283 23)": WindowBody(_lag),
    "lag(5077 23 5077)": WindowBody(_lag),
    "lead(2283)": WindowBody(_lead),
    "lead(2283 23)": WindowBody(_lead),
    "lead(5077 23 5077)": WindowBody(_lead),
    "first_value(2283)": WindowBody(_first_value, uses_frames=True),
    "last_value(2283)": WindowBody(_last_value, uses_frames=True),
    "nth_value(2283 23)": WindowBody(_nth_value, uses_frames=True),
}
