"""Arrays: building, searching, measuring, containment, text, unnest.

Elements compare by the key of their type, so bodies are made per call. NULL elements equal each other in the
functions that search and nothing in containment, as in PostgreSQL. Not here: subscripts and slices (the executor's).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.values import Array, Value
from datacave_sql.functions.bodies.comparison import Key, key_of
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import overflow_int4
from datacave_sql.functions.rendering import output_text

BODIES = Bodies()

EMPTY = Array(())


def subscript_error(message: str, detail: str | None = None) -> DatacaveError:
    """2202E."""
    return DatacaveError(message, sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR, detail=detail)


def _one_dimension(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)


BODIES.add("array_ndims", lambda array: len(array.lengths) or None)
BODIES.add("array_cardinality", lambda array: len(array.elements), "len({0}.elements)")
BODIES.add("array_length", lambda array, n: array.lengths[n - 1] if 1 <= n <= len(array.lengths) else None)
BODIES.add("array_lower", lambda array, n: array.lower_bounds[n - 1] if 1 <= n <= len(array.lengths) else None)
BODIES.add(
    "array_upper",
    lambda array, n: array.lower_bounds[n - 1] + array.lengths[n - 1] - 1 if 1 <= n <= len(array.lengths) else None,
)


@BODIES("array_dims")
def dimensions(array: Array) -> str | None:
    """`[1:3][1:2]`."""
    if not array.lengths:
        return None
    bounds = zip(array.lower_bounds, array.lengths, strict=True)
    return "".join(f"[{low}:{low + length - 1}]" for low, length in bounds)


@BODIES("array_append")
def append(array: Array | None, element: Value) -> Array:
    """array || element; a NULL array counts as empty."""
    if array is None or not array.lengths:
        return Array((element,), (1,), (1,))
    if len(array.lengths) != 1:
        raise DatacaveError("argument must be empty or one-dimensional array", sqlstate=sqlstate.DATA_EXCEPTION)
    if array.lower_bounds[0] + array.lengths[0] > 2**31 - 1:
        overflow_int4()
    return Array((*array.elements, element), (array.lengths[0] + 1,), array.lower_bounds)


@BODIES("array_prepend")
def prepend(element: Value, array: Array | None) -> Array:
    """element || array; the lower bound stays."""
    if array is None or not array.lengths:
        return Array((element,), (1,), (1,))
    if len(array.lengths) != 1:
        raise DatacaveError("argument must be empty or one-dimensional array", sqlstate=sqlstate.DATA_EXCEPTION)
    return Array((element, *array.elements), (array.lengths[0] + 1,), array.lower_bounds)


@BODIES("array_cat")
def concatenate(a: Array | None, b: Array | None) -> Array | None:
    """array || array, also of an array of one dimension less."""
    if a is None or b is None:
        return b if a is None else a
    if not a.lengths or not b.lengths:
        return b if not a.lengths else a
    n, m = len(a.lengths), len(b.lengths)
    elements = a.elements + b.elements
    if n == m:
        if a.lengths[1:] != b.lengths[1:] or a.lower_bounds[1:] != b.lower_bounds[1:]:
            raise _incompatible("Arrays with differing element dimensions are not compatible for concatenation.")
        return Array(elements, (a.lengths[0] + b.lengths[0], *a.lengths[1:]), a.lower_bounds)
    if n == m - 1:
        if a.lengths != b.lengths[1:] or a.lower_bounds != b.lower_bounds[1:]:
            raise _incompatible("Arrays with differing dimensions are not compatible for concatenation.")
        return Array(elements, (b.lengths[0] + 1, *b.lengths[1:]), b.lower_bounds)
    if n == m + 1:
        if b.lengths != a.lengths[1:] or b.lower_bounds != a.lower_bounds[1:]:
            raise _incompatible("Arrays with differing dimensions are not compatible for concatenation.")
        return Array(elements, (a.lengths[0] + 1, *a.lengths[1:]), a.lower_bounds)
    raise _incompatible(f"Arrays of {n} and {m} dimensions are not compatible for concatenation.")


def _incompatible(detail: str) -> DatacaveError:
    return subscript_error("cannot concatenate incompatible arrays", detail)


def _search_key(types: CallTypes) -> Key:
    """A key for elements in which NULL is a value of its own."""
    key = key_of(types.types.element(types.arguments[0]), types)
    return lambda value: None if value is None else (key(value),)


@BODIES.for_types("array_position", "array_position_start")
def _position(types: CallTypes) -> Body:
    key = _search_key(types)

    def find(array: Array | None, element: Value, start: int | None = None) -> int | None:
        if array is None:
            return None
        if len(array.lengths) > 1:
            raise _one_dimension("searching for elements in multidimensional arrays is not supported")
        if not array.lengths:
            return None
        if len(types.arguments) == 3 and start is None:
            raise DatacaveError("initial position must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
        wanted, low = key(element), array.lower_bounds[0]
        first = 0 if start is None else max(start - low, 0)
        for place in range(first, len(array.elements)):
            if key(array.elements[place]) == wanted:
                return low + place
        return None

    return Body(find)


@BODIES.for_types("array_positions")
def _positions(types: CallTypes) -> Body:
    key = _search_key(types)

    def find(array: Array | None, element: Value) -> Array | None:
        if array is None:
            return None
        if len(array.lengths) > 1:
            raise _one_dimension("searching for elements in multidimensional arrays is not supported")
        wanted = key(element)
        low = array.lower_bounds[0] if array.lengths else 1
        return Array.of([low + place for place, item in enumerate(array.elements) if key(item) == wanted])

    return Body(find)


@BODIES.for_types("array_remove")
def _remove(types: CallTypes) -> Body:
    key = _search_key(types)

    def remove(array: Array | None, element: Value) -> Array | None:
        if array is None:
            return None
        if len(array.lengths) > 1:
            raise _one_dimension("removing elements from multidimensional arrays is not supported")
        wanted = key(element)
        kept = tuple([item for item in array.elements if key(item) != wanted])
        return Array(kept, (len(kept),), array.lower_bounds) if kept else EMPTY

    return Body(remove)


@BODIES.for_types("array_replace")
def _replace(types: CallTypes) -> Body:
    key = _search_key(types)

    def replace(array: Array | None, old: Value, new: Value) -> Array | None:
        if array is None:
            return None
        wanted = key(old)
        return array._replace(elements=tuple([new if key(item) == wanted else item for item in array.elements]))

    return Body(replace)


def _containment(types: CallTypes) -> Callable[[Array, Array], bool]:
    """Whether every element of the second array is in the first; NULL is in none."""
    key = key_of(types.types.element(types.arguments[0]), types)

    def contains(whole: Array, part: Array) -> bool:
        if None in part.elements:
            return False
        known = {key(item) for item in whole.elements if item is not None}
        return all(key(item) in known for item in part.elements)

    return contains


@BODIES.for_types("arraycontains")
def _contains(types: CallTypes) -> Body:
    return Body(_containment(types))


@BODIES.for_types("arraycontained")
def _contained(types: CallTypes) -> Body:
    contains = _containment(types)
    return Body(lambda part, whole: contains(whole, part))


@BODIES.for_types("arrayoverlap")
def _overlap(types: CallTypes) -> Body:
    key = key_of(types.types.element(types.arguments[0]), types)

    def overlap(a: Array, b: Array) -> bool:
        known = {key(item) for item in a.elements if item is not None}
        return any(item is not None and key(item) in known for item in b.elements)

    return Body(overlap)


@BODIES.for_types("array_to_text", "array_to_text_null")
def _to_text(types: CallTypes) -> Body:
    # The elements of anyarray (pg_stats) are texts.
    element = oids.TEXT if types.arguments[0] == oids.ANYARRAY else types.types.element(types.arguments[0])

    def join(context: EvaluationContext, array: Array | None, delimiter: str | None, null: str | None = None) -> Any:
        if array is None or delimiter is None:
            return None
        settings = context.format_settings
        texts = [output_text(item, element, (), types.types, settings, context) for item in array.elements]
        shown = texts if null is None else [null if text is None else text for text in texts]
        return delimiter.join([text for text in shown if text is not None])

    return Body(join, takes_context=True)


@BODIES("array_unnest")
def unnest(array: Array) -> Iterator[Value]:
    """The elements as rows."""
    return iter(array.elements)


@BODIES("generate_subscripts", "generate_subscripts_nodir")
def subscripts(array: Array, dimension: int, reverse: bool = False) -> Iterator[int]:
    """The subscripts of one dimension."""
    if not 1 <= dimension <= len(array.lengths):
        return iter(())
    low = array.lower_bounds[dimension - 1]
    found = range(low, low + array.lengths[dimension - 1])
    return iter(reversed(found) if reverse else found)


@BODIES("array_fill", "array_fill_with_lower_bounds")
def fill(element: Value, lengths: Array | None, *low: Array | None) -> Array:
    """An array of the given shape, every element the same."""
    bounds = low[0] if low else EMPTY
    if lengths is None or bounds is None:
        raise DatacaveError(
            "dimension array or low bound array cannot be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED
        )
    sizes = lengths.elements
    if None in sizes or None in bounds.elements:
        raise DatacaveError("dimension values cannot be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    if len(lengths.lengths) > 1 or len(bounds.lengths) > 1:
        raise subscript_error("wrong number of array subscripts", "Dimension array must be one dimensional.")
    if low and sizes and len(bounds.elements) != len(sizes):
        raise subscript_error(
            "wrong number of array subscripts", "Low bound array has different size than dimensions array."
        )
    if len(sizes) > 6:
        raise DatacaveError(
            f"number of array dimensions ({len(sizes)}) exceeds the maximum allowed (6)",
            sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED,
        )
    count = 1 if sizes else 0
    for size in sizes:
        if size < 0 or count * size > 134217727:
            raise DatacaveError(
                "array size exceeds the maximum allowed (134217727)", sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED
            )
        count *= size
    if not count:
        return EMPTY
    return Array((element,) * count, tuple(sizes), bounds.elements or (1,) * len(sizes))


@BODIES("trim_array")
def trim(array: Array, count: int) -> Array:
    """Without the last `count` elements of the first dimension."""
    size = array.lengths[0] if array.lengths else 0
    if not 0 <= count <= size:
        raise DatacaveError(
            f"number of elements to trim must be between 0 and {size}", sqlstate=sqlstate.ARRAY_ELEMENT_ERROR
        )
    kept = size - count
    if not kept:
        return EMPTY
    per_row = len(array.elements) // size
    lengths = (kept, *array.lengths[1:])
    return Array(array.elements[: kept * per_row], lengths, (1,) * len(lengths))


def _labels(types: CallTypes) -> tuple[tuple[str, ...], Callable[[Sequence[str]], None]]:
    """The labels of an enum, and what refuses those that are not committed."""
    oid = types.types.base(types.arguments[0])
    return tuple(types.types.labels(oid)), lambda labels: types.types.check_labels(oid, labels)


def _enum_end(place: int) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        labels, check = _labels(types)

        def end(value: str | None) -> str:
            check(labels[place:][:1])
            return labels[place]

        return Body(end)

    return specialise


BODIES.for_types("enum_first")(_enum_end(0))
BODIES.for_types("enum_last")(_enum_end(-1))


@BODIES.for_types("enum_range_all")
def _enum_all(types: CallTypes) -> Body:
    labels, check = _labels(types)

    def whole(value: str | None) -> Array:
        check(labels)
        return Array.of(labels)

    return Body(whole)


@BODIES.for_types("enum_range_bounds")
def _enum_range(types: CallTypes) -> Body:
    labels, check = _labels(types)

    def between(first: str | None, last: str | None) -> Array:
        start = 0 if first is None else labels.index(first)
        end = len(labels) if last is None else labels.index(last) + 1
        check(labels[start:end])
        return Array.of(labels[start:end])

    return Body(between)
