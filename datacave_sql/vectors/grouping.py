"""GroupTable: a number for every group, in the order in which groups first appear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.values import Row
from datacave_sql.vectors.vector import Frame, Places, Vector, sql_values

KeyFunction = Callable[[Any], Any]


class _Codes(dict[Any, int]):
    """A number for every value; values that compare as equal share one."""

    def __init__(self, key: KeyFunction | None) -> None:
        super().__init__()
        self._key = key
        self._by_key: dict[Any, int] = {}

    def __missing__(self, value: Any) -> int:
        key = value if self._key is None or value is None else self._key(value)
        number = self._by_key.setdefault(key, len(self._by_key))
        self[value] = number
        return number


class GroupTable:
    """Groups by key columns of given types; `keys` makes their values comparable."""

    def __init__(self, types: Sequence[int], keys: Sequence[KeyFunction | None]) -> None:
        self._types = types
        self._keys = keys
        self._codes = [_Codes(key) for key in keys]
        self._numbers: dict[Any, int] = {}
        self.rows: list[Row] = []
        """The key values of each group, as first met."""

    def __len__(self) -> int:
        return len(self.rows)

    def number(self, vectors: Sequence[Vector], count: int) -> Places:
        """The group of each row."""
        if not vectors:
            if not self.rows:
                self.rows.append(())
            return np.zeros(count, np.int64)
        combined: NDArray[np.int64] | None = None
        width = 1
        for vector, codes in zip(vectors, self._codes, strict=True):
            local, distinct = _local(vector, codes)
            if combined is None:
                combined = local
            elif width * distinct >= 1 << 62:
                combined = np.unique(combined, return_inverse=True)[1] * distinct + local
                width = count
            else:
                combined = combined * distinct + local
            width *= distinct
        assert combined is not None
        first, inverse = _distinct(combined, width)
        sample = Frame(dict(enumerate(vectors)), count).take(first, tuple(range(len(vectors))))
        values = list(zip(*(sql_values(sample[i], one) for i, one in enumerate(self._types)), strict=True))
        return self._global(values)[inverse]

    def _global(self, values: list[Row]) -> Places:
        compared: list[Any] = values
        if any(key is not None for key in self._keys):
            keys = self._keys
            compared = [
                tuple([v if v is None or key is None else key(v) for v, key in zip(row, keys, strict=True)])
                for row in values
            ]
        numbers, rows = self._numbers, self.rows
        found = []
        for row, key in zip(values, compared, strict=True):
            number = numbers.get(key)
            if number is None:
                number = numbers[key] = len(rows)
                rows.append(row)
            found.append(number)
        return np.array(found, np.int64)


def _local(vector: Vector, codes: _Codes) -> tuple[NDArray[np.int64], int]:
    """(a number per row that is equal where the values are, how many numbers there may be)."""
    values = vector.values
    if isinstance(values, list):
        return np.fromiter(map(codes.__getitem__, values), np.int64, len(values)), max(1, len(codes._by_key))
    if values.dtype == np.bool_:
        local, distinct = values.astype(np.int64), 2
    elif values.dtype == np.int64:
        low, high = int(values.min()), int(values.max())
        if high - low < 1 << 40:
            local, distinct = values - low, high - low + 1
        else:
            local = np.unique(values, return_inverse=True)[1].astype(np.int64)
            distinct = len(values)
    else:
        listed = sql_values(vector, 0)
        return np.fromiter(map(codes.__getitem__, listed), np.int64, len(listed)), max(1, len(codes._by_key))
    if vector.nulls is not None:
        local = np.where(vector.nulls, distinct, local)
        distinct += 1
    return local, distinct


def _distinct(numbers: NDArray[np.int64], width: int) -> tuple[Places, Places]:
    """(the first row of each different number, and for every row which of them it has)."""
    if width <= 4 * len(numbers) + 1024:
        counts = np.bincount(numbers, minlength=width)
        present = np.flatnonzero(counts)
        place = np.empty(width, np.int64)
        place[present] = np.arange(len(present))
        first = np.empty(len(present), np.int64)
        inverse = place[numbers]
        # Written backwards, so that the first row of each stays.
        first[inverse[::-1]] = np.arange(len(numbers) - 1, -1, -1)
        return first, inverse
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)
