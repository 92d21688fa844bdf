"""Key ranges at run time: values of key columns as ranges of keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from datacave_core.keycode import Bound, KeyCodec

ONLY_NULL: Sequence[Any] = (None,)
"""What a column has that IS NULL."""


def combinations(*columns: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Every combination of one value per column, each once; NULL equals nothing but ONLY_NULL."""
    return product(
        *(
            values if values is ONLY_NULL else {value: None for value in values if value is not None}
            for values in columns
        )
    )


def ranges_of(
    codec: KeyCodec,
    equal: Sequence[Sequence[Any]],
    lower: tuple[Any, bool] | None,
    upper: tuple[Any, bool] | None,
    not_null: bool = False,
) -> list[tuple[bytes, bytes | None]]:
    """The non-empty ranges, ascending; a bound is (value, inclusive), and a NULL bound leaves nothing.

    With `not_null` the next column has any value but NULL.
    """
    low = high = None
    if lower is not None:
        if lower[0] is None:
            return []
        low = Bound(*lower)
    if upper is not None:
        if upper[0] is None:
            return []
        high = Bound(*upper)
    ranges = [codec.key_range(values, low, high, not_null=not_null) for values in combinations(*equal)]
    return sorted(one for one in ranges if one[1] is None or one[0] < one[1])
