"""GroupTable: a number for every group, in the order in which groups first appear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacave_core.values import Row
from datacave_sql.exec.row_size import rows_bytes
from datacave_sql.vectors.vector import INTEGERS, Frame, Places, Vector, sql_values

KeyFunction = Callable[[Any], Any]
DENSE_VALUES_MAX = 1 << 22


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


class _DenseKeys:
    """Groups by one integer key whose values lie close together: a table from value to group."""

    def __init__(self) -> None:
        self._base = 0
        self._numbers: NDArray[np.int64] = np.full(0, -1, np.int64)
        self._found: list[NDArray[np.int64]] = []
        self.count = 0

    def number(self, values: NDArray[np.int64]) -> Places | None:
        """The group of each row; None where the values lie too far apart."""
        low, high = int(values.min()), int(values.max())
        table = self._numbers
        if len(table):
            low, high = min(low, self._base), max(high, self._base + len(table) - 1)
        if high - low >= DENSE_VALUES_MAX:
            return None
        if low < self._base or high - low >= len(table) or not len(table):
            # Grown on both sides, so that ascending values do not copy it every time.
            room = min(DENSE_VALUES_MAX, 2 * (high - low + 1) + 1024)
            grown = np.full(room, -1, np.int64)
            if len(table):
                grown[self._base - low : self._base - low + len(table)] = table
            self._base, self._numbers = low, grown
            table = grown
        places = values - self._base
        numbers = table[places]
        fresh = numbers < 0
        if fresh.any():
            new_places, first = np.unique(places[fresh], return_index=True)
            new_places = new_places[np.argsort(first, kind="stable")]
            table[new_places] = np.arange(self.count, self.count + len(new_places))
            self._found.append(new_places + self._base)
            self.count += len(new_places)
            numbers = table[places]
        return numbers

    def values(self) -> NDArray[np.int64]:
        """The key of each group."""
        return np.concatenate(self._found) if self._found else np.zeros(0, np.int64)


class GroupTable:
    """Groups by key columns of given types; `keys` makes their values comparable."""

    def __init__(self, types: Sequence[int], keys: Sequence[KeyFunction | None]) -> None:
        self._types = types
        self._keys = keys
        self._codes = [_Codes(key) for key in keys]
        self._numbers: dict[Any, int] = {}
        self._rows: list[Row] = []
        self._dense = _DenseKeys() if len(types) == 1 and types[0] in INTEGERS else None

    @property
    def rows(self) -> list[Row]:
        """The key values of each group, as first met."""
        if self._dense is not None:
            return [(value,) for value in self._dense.values().tolist()]
        return self._rows

    def __len__(self) -> int:
        return len(self._rows) if self._dense is None else self._dense.count

    def add_empty(self) -> None:
        """The one group of an aggregate without keys and without rows."""
        self._rows.append(())

    def number(self, vectors: Sequence[Vector], count: int) -> Places:
        """The group of each row."""
        if not vectors:
            if not self._rows:
                self._rows.append(())
            return np.zeros(count, np.int64)
        if self._dense is not None:
            values = vectors[0].values
            numbers = None
            if vectors[0].nulls is None and not isinstance(values, list):
                numbers = self._dense.number(values)
            if numbers is not None:
                return numbers
            self._leave_dense()
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
        keys = list(zip(*(sql_values(sample[i], one) for i, one in enumerate(self._types)), strict=True))
        return self._global(keys)[inverse]

    def compared(self, vectors: Sequence[Vector]) -> list[Any]:
        """The key of each row, as the groups' keys are compared."""
        rows = list(
            zip(*(sql_values(vector, one) for vector, one in zip(vectors, self._types, strict=True)), strict=True)
        )
        return self._compared(rows)

    def knows(self, keys: Sequence[Any]) -> list[bool]:
        """Whether there is a group for each of these keys."""
        if self._dense is not None:
            self._leave_dense()
        numbers = self._numbers
        return [key in numbers for key in keys]

    def bytes_since(self, count: int) -> int:
        """About how many bytes the groups from number `count` on take."""
        if self._dense is not None:
            return 24 * (self._dense.count - count)
        fresh = self._rows[count:]
        # Keys stand in the list, the dictionary and the codes of each column.
        return rows_bytes(fresh) + 200 * len(fresh) * (1 + len(self._types))

    def _leave_dense(self) -> None:
        """Goes on with a dictionary."""
        rows = self.rows
        self._dense = None
        self._global(rows)

    def _compared(self, values: list[Row]) -> list[Any]:
        if all(key is None for key in self._keys):
            return values
        keys = self._keys
        return [
            tuple([v if v is None or key is None else key(v) for v, key in zip(row, keys, strict=True)])
            for row in values
        ]

    def _global(self, values: list[Row]) -> Places:
        compared = self._compared(values)
        numbers, rows = self._numbers, self._rows
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
