"""Runtime: what generated expression code calls for the things that are no function of PostgreSQL's catalog.

Casts through text, length coercions, array building and subscripting, quantified comparisons, row null tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.array import array_io
from datacave_core.values import Array
from datacave_sql.functions.body import Body
from datacave_sql.functions.registered import REGISTERED, registered_io, registered_value
from datacave_sql.functions.rendering import output_text
from datacave_sql.functions.typelookup import TypeLookup

Convert = Callable[..., Any]

STRING_TYPES = frozenset({oids.TEXT, oids.VARCHAR, oids.UNKNOWN, oids.CSTRING})
"""Types whose values are their own text form."""


def text_conversion(source: int, target: int, typmod: int, types: TypeLookup) -> Convert:
    """`convert(context, value)`: the output of the source type read as the target type."""
    if source in REGISTERED or target in REGISTERED or types.element(source) in REGISTERED:
        return _named_conversion(source, target, typmod, types)
    write = types.io(source).output
    read = types.io(target).input
    if source in STRING_TYPES:

        def parse(context: Any, value: Any) -> Any:
            return read(value, typmod, context.format_settings)

        return parse

    def convert(context: Any, value: Any) -> Any:
        settings = context.format_settings
        return read(write(value, settings), typmod, settings)

    return convert


def _named_conversion(source: int, target: int, typmod: int, types: TypeLookup) -> Convert:
    """The same where one side is a reg* type, or an array of one: names come from the session's catalog."""
    element = types.element(source)

    def convert(context: Any, value: Any) -> Any:
        settings = context.format_settings
        if source in STRING_TYPES:
            text = value
        elif element in REGISTERED:
            text = array_io(registered_io(element, context), element).output(value, settings)
        else:
            text = output_text(value, source, (), types, settings, context)
        if target in REGISTERED:
            return registered_value(target, text, context)
        return types.io(target).input(text, typmod, settings)

    return convert


def length_coercion(type_oid: int, typmod: int, explicit: bool, types: TypeLookup) -> Convert:
    """`coerce(value)`: applies a type's length, precision or scale; array types do it for every element."""
    element = types.element(type_oid)
    apply = types.io(element or type_oid).apply_typmod
    if apply is None:
        return lambda value: value
    if element:
        return lambda value: value._replace(
            elements=tuple(None if item is None else apply(item, typmod, explicit) for item in value.elements)
        )
    return lambda value: apply(value, typmod, explicit)


def is_row_type(oid: int, types: TypeLookup) -> bool:
    """Whether values of a type are rows: record or a composite type."""
    if oid == 2249:
        return True
    found = types.find(oid)
    return found is not None and found.kind == "c"


def row_is_null(value: Any) -> bool:
    """IS NULL of a row: NULL itself, or every field is."""
    return value is None or all(item is None for item in value)


def row_is_not_null(value: Any) -> bool:
    """IS NOT NULL of a row: no field is NULL. Not the negation of row_is_null."""
    return value is not None and all(item is not None for item in value)


def greatest(values: Sequence[Any], key: Callable[[Any], Any] | None) -> Any:
    """GREATEST: NULLs are ignored."""
    present = [value for value in values if value is not None]
    return max(present, key=key) if present else None


def least(values: Sequence[Any], key: Callable[[Any], Any] | None) -> Any:
    """LEAST: NULLs are ignored."""
    present = [value for value in values if value is not None]
    return min(present, key=key) if present else None


def comparison_function(body: Body) -> Callable[[Any, Any], Any]:
    """The two-argument function behind an operator."""
    if body.call is None or body.takes_context:
        raise DatacaveError("operator cannot be used with ANY or ALL", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)
    return body.call


def listed(items: Sequence[int | tuple[Any]]) -> Callable[[Sequence[Any]], frozenset[Any]]:
    """`values(parameters)`: the set of parameters, given by their places, and of constants, given in tuples."""
    places = [item for item in items if isinstance(item, int)]
    constants = [item[0] for item in items if not isinstance(item, int)]
    return lambda parameters: frozenset((*constants, *(parameters[place] for place in places)))


def any_equal(value: Any, array: Array | None) -> bool | None:
    """value = ANY (array), where Python's equality is the type's."""
    if array is None:
        return None
    elements = array.elements
    if not elements:
        return False
    if value is None:
        return None
    if value in elements:
        return True
    return None if None in elements else False


def compare_any(value: Any, array: Array | None, operator: Callable[[Any, Any], Any]) -> bool | None:
    """value op ANY (array)."""
    if array is None:
        return None
    if not array.elements:
        return False
    if value is None:
        return None
    unknown = False
    for item in array.elements:
        result = None if item is None else operator(value, item)
        if result:
            return True
        unknown = unknown or result is None
    return None if unknown else False


def compare_every(value: Any, array: Array | None, operator: Callable[[Any, Any], Any]) -> bool | None:
    """value op ALL (array)."""
    if array is None:
        return None
    if not array.elements:
        return True
    if value is None:
        return None
    unknown = False
    for item in array.elements:
        result = None if item is None else operator(value, item)
        if result is False:
            return False
        unknown = unknown or result is None
    return None if unknown else True


def rebuild_array(array: Array, elements: list[Any]) -> Array:
    """The same shape with other elements."""
    return Array(tuple(elements), array.lengths, array.lower_bounds)


def build_array(elements: list[Any]) -> Array:
    """ARRAY[a, b, ...]."""
    return Array.of(elements)


def present_row(row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The whole row of an outer join's optional side: NULL where the join found no row."""
    return None if row.count(None) == len(row) else row


def nest_arrays(arrays: list[Array | None]) -> Array:
    """ARRAY[a, b] of arrays: one more dimension; all must have the same shape."""
    present = [array for array in arrays if array is not None and array.lengths]
    if not present:
        return Array(())
    first = present[0]
    if len(present) != len(arrays) or any(array.lengths != first.lengths for array in present):
        raise DatacaveError(
            "multidimensional arrays must have array expressions with matching dimensions",
            sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR,
        )
    if len(first.lengths) >= 6:
        raise DatacaveError(
            f"number of array dimensions ({len(first.lengths) + 1}) exceeds the maximum allowed (6)",
            sqlstate=sqlstate.PROGRAM_LIMIT_EXCEEDED,
        )
    elements = tuple(item for array in present for item in array.elements)
    return Array(elements, (len(present), *first.lengths), (1, *first.lower_bounds))


def name_letter(name: str | None, subscripts: tuple[int | None, ...]) -> str | None:
    """name[i], counted from 0: a byte of the name's 64, as "char"; those behind its end are zero."""
    place = subscripts[0]
    if name is None or place is None or not 0 <= place < 64:
        return None
    return name.encode()[place : place + 1].decode("latin-1")


def array_element(array: Array | None, subscripts: tuple[int | None, ...]) -> Any:
    """array[i][j]; NULL outside the bounds or with the wrong number of subscripts."""
    if array is None or len(subscripts) != len(array.lengths):
        return None
    offset = 0
    for subscript, length, low in zip(subscripts, array.lengths, array.lower_bounds, strict=True):
        if subscript is None or not low <= subscript < low + length:
            return None
        offset = offset * length + subscript - low
    return array.elements[offset]


def slice_array(
    array: Array | None,
    lower: tuple[int | None, ...],
    upper: tuple[int | None, ...],
    present: tuple[tuple[bool, bool], ...],
) -> Array | None:
    """array[l:u][...]: the part inside the bounds, renumbered from 1; a NULL bound gives NULL."""
    if array is None:
        return None
    for low, high, (has_low, has_high) in zip(lower, upper, present, strict=True):
        if (has_low and low is None) or (has_high and high is None):
            return None
    dimensions = len(array.lengths)
    if not dimensions or len(lower) > dimensions:
        return Array(())
    ranges = []
    for index in range(dimensions):
        start, length = array.lower_bounds[index], array.lengths[index]
        low, high = start, start + length - 1
        if index < len(lower):
            given_low, given_high = lower[index], upper[index]
            low = max(low, given_low) if given_low is not None else low
            high = min(high, given_high) if given_high is not None else high
        if low > high:
            return Array(())
        ranges.append(range(low - start, high - start + 1))
    offsets = [0]
    for index, chosen in enumerate(ranges):
        offsets = [offset * array.lengths[index] + item for offset in offsets for item in chosen]
    elements = tuple(array.elements[offset] for offset in offsets)
    return Array(elements, tuple(len(chosen) for chosen in ranges), (1,) * dimensions)
