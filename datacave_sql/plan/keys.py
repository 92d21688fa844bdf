"""Keys of values outside generated code: equality keys with NULLs, and passes that sort value tuples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import TypeLookup

ValueKey = Callable[[Any], Any]


def null_aware_key(keys: Sequence[ValueKey | None]) -> ValueKey:
    """A function from a tuple of values to a tuple that is equal exactly when SQL calls the tuples not distinct."""

    def key(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            value if value is None or convert is None else convert(value)
            for value, convert in zip(values, keys, strict=True)
        )

    return key


def sort_value_passes(order_by: Sequence[n.SortKey], types: TypeLookup) -> tuple[tuple[ValueKey, bool], ...]:
    """Stable passes over tuples of sort values, least significant first: (key of the tuple, descending)."""
    passes = []
    for position in reversed(range(len(order_by))):
        item = order_by[position]
        passes.append((_position_key(position, item, types), item.descending))
    return tuple(passes)


class Descending:
    """A value in descending order."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: Descending) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(other.value == self.value)

    __hash__ = None  # type: ignore[assignment]


def order_key(order_by: Sequence[n.SortKey], types: TypeLookup) -> ValueKey:
    """A function from a tuple of sort values to what compares as the rows are ordered, NULLs included."""
    parts = [(_position_key(position, item, types), item.descending) for position, item in enumerate(order_by)]

    def key(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(Descending(part(values)) if descending else part(values) for part, descending in parts)

    return key


def _position_key(position: int, item: n.SortKey, types: TypeLookup) -> ValueKey:
    compare = types.comparison_key(item.expression.type)
    null = (1,) if item.nulls_first == item.descending else (-1,)

    def key(values: Sequence[Any]) -> tuple[Any, ...]:
        value = values[position]
        if value is None:
            return null
        return (0, value if compare is None else compare(value))

    return key
