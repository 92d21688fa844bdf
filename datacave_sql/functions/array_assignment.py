"""Assigning to parts of arrays: one element, or a slice. One-dimensional arrays grow to where they are written."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Array

ELEMENTS_MAX = 134_217_727


def _bad(message: str, detail: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR, detail=detail)


def _check_size(low: int, high: int) -> None:
    if high - low >= ELEMENTS_MAX:
        raise DatacaveError(
            f"array size exceeds the maximum allowed ({ELEMENTS_MAX})", sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED
        )


def _places(subscripts: Sequence[int | None]) -> list[int]:
    if any(subscript is None for subscript in subscripts):
        raise DatacaveError("array subscript in assignment must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    return [subscript for subscript in subscripts if subscript is not None]


def set_element(array: Array | None, value: Any, *subscripts: int | None) -> Array:
    """The array with one element replaced; a one-dimensional array grows where the subscript lies outside."""
    places = _places(subscripts)
    if array is None or not array.lengths:
        return Array((value,), (1,) * len(places), tuple(places))
    if len(places) != len(array.lengths):
        raise _bad("wrong number of array subscripts")
    elements = list(array.elements)
    if len(places) == 1:
        low, length, at = array.lower_bounds[0], array.lengths[0], places[0]
        _check_size(min(low, at), max(low + length - 1, at))
        if at < low:
            elements = [None] * (low - at) + elements
            low = at
        elif at >= low + length:
            elements += [None] * (at - low - length + 1)
        elements[at - low] = value
        return Array(tuple(elements), (len(elements),), (low,))
    offset = 0
    for place, length, low in zip(places, array.lengths, array.lower_bounds, strict=True):
        if not low <= place < low + length:
            raise _bad("array subscript out of range")
        offset = offset * length + place - low
    elements[offset] = value
    return Array(tuple(elements), array.lengths, array.lower_bounds)


def set_slice(present: tuple[tuple[bool, bool], ...], array: Array | None, value: Array | None, *bounds: Any) -> Any:
    """The array with a slice replaced by the first elements of `value`; NULL changes nothing.

    `bounds` are the lower and upper ones by turns; `present` says which of them are written.
    """
    given: list[tuple[int | None, int | None]] = []
    for number, (has_low, has_high) in enumerate(present):
        low, high = bounds[2 * number], bounds[2 * number + 1]
        if (has_low and low is None) or (has_high and high is None):
            _places([None])
        given.append((low if has_low else None, high if has_high else None))
    if value is None:
        return array
    if array is None or not array.lengths:
        return _fresh(given, value)
    dimensions = len(array.lengths)
    if len(given) > dimensions:
        raise _bad("wrong number of array subscripts")
    ranges: list[tuple[int, int]] = []
    for number in range(dimensions):
        first, length = array.lower_bounds[number], array.lengths[number]
        low, high = given[number] if number < len(given) else (None, None)
        ranges.append((first if low is None else low, first + length - 1 if high is None else high))
    for low, high in ranges:
        if low > high:
            raise _bad("upper bound cannot be less than lower bound")
    wanted = 1
    for low, high in ranges:
        wanted *= high - low + 1
    if len(value.elements) < wanted:
        raise _bad("source array too small")
    if dimensions == 1:
        return _grown(array, ranges[0], value)
    elements = list(array.elements)
    for (low, high), first, length in zip(ranges, array.lower_bounds, array.lengths, strict=True):
        if low < first or high >= first + length:
            raise _bad("array subscript out of range")
    for item, places in zip(value.elements, product(*(range(low, high + 1) for low, high in ranges)), strict=False):
        offset = 0
        for place, length, first in zip(places, array.lengths, array.lower_bounds, strict=True):
            offset = offset * length + place - first
        elements[offset] = item
    return Array(tuple(elements), array.lengths, array.lower_bounds)


def _fresh(given: Sequence[tuple[int | None, int | None]], value: Array) -> Array:
    lengths, lows = [], []
    wanted = 1
    for low, high in given:
        if low is None or high is None:
            raise _bad(
                "array slice subscript must provide both boundaries",
                "When assigning to a slice of an empty array value, slice boundaries must be fully specified.",
            )
        if low > high:
            raise _bad("upper bound cannot be less than lower bound")
        _check_size(low, high)
        lows.append(low)
        lengths.append(high - low + 1)
        wanted *= high - low + 1
    if len(value.elements) < wanted:
        raise _bad("source array too small")
    return Array(tuple(value.elements[:wanted]), tuple(lengths), tuple(lows))


def _grown(array: Array, bounds: tuple[int, int], value: Array) -> Array:
    low, high = bounds
    first, last = array.lower_bounds[0], array.lower_bounds[0] + array.lengths[0] - 1
    start, end = min(first, low), max(last, high)
    _check_size(start, end)
    elements: list[Any] = [None] * (end - start + 1)
    elements[first - start : last - start + 1] = array.elements
    elements[low - start : high - start + 1] = value.elements[: high - low + 1]
    return Array(tuple(elements), (len(elements),), (start,))
