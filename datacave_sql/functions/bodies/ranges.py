"""Ranges and multiranges: constructors, bounds, comparison, set operations, aggregates.

A range without members aside, a range is the half-open stretch between two places on a line. A place is before or
after a value: `[v` and `v)` lie before v, `(v` and `v]` after it. With that, containment, overlap and touching are
comparisons of places, and a multirange is a list of such stretches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.range import (
    EMPTY,
    STEP_DATE,
    STEP_INT4,
    STEP_INT8,
    MultiRange,
    Range,
    RangeKind,
    make_multirange,
    make_range,
)
from datacave_core.values import Array, Value
from datacave_sql.functions.aggregate import AggregateBody, Aggregates
from datacave_sql.functions.bodies.comparison import compare
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.typelookup import TypeLookup

BODIES = Bodies()
AGGREGATES = Aggregates()

_STEPS = {oids.INT4: STEP_INT4, oids.INT8: STEP_INT8, oids.DATE: STEP_DATE}


def kind_of(type_oid: int, types: TypeLookup) -> RangeKind:
    """What the range or multirange type is made of."""
    found = types.range_type(types.base(type_oid))
    assert found is not None
    return RangeKind(types.io(found.subtype_oid), _STEPS.get(found.subtype_oid) if found.canonical != "-" else None)


class Stretch(NamedTuple):
    """From one place to another; the bounds beside them bring the values back."""

    start: tuple[Any, ...]
    end: tuple[Any, ...]
    lower: Value
    upper: Value

    def range(self) -> Range:
        """The range of this stretch."""
        lower_inclusive = self.lower is not None and self.start[2] == 0
        upper_inclusive = self.upper is not None and self.end[2] == 1
        return Range(self.lower, self.upper, lower_inclusive, upper_inclusive)


def stretch(kind: RangeKind, value: Range) -> Stretch:
    """The places of a range that is not empty."""
    start = (-1,) if value.lower is None else (0, kind.key(value.lower), 0 if value.lower_inclusive else 1)
    end = (1,) if value.upper is None else (0, kind.key(value.upper), 1 if value.upper_inclusive else 0)
    return Stretch(start, end, value.lower, value.upper)


Stretches = list[Stretch]


def stretches(kind: RangeKind, value: Range | MultiRange) -> Stretches:
    """Ascending and apart; none for what is empty."""
    if isinstance(value, MultiRange):
        return [stretch(kind, part) for part in value.ranges]
    return [] if value.is_empty else [stretch(kind, value)]


def _intersection(a: Stretches, b: Stretches) -> Stretches:
    found = []
    for x in a:
        for y in b:
            first = x if x.start >= y.start else y
            last = x if x.end <= y.end else y
            if first.start < last.end:
                found.append(Stretch(first.start, last.end, first.lower, last.upper))
    return found


def _difference(a: Stretches, b: Stretches) -> Stretches:
    rest = list(a)
    for y in b:
        after: Stretches = []
        for x in rest:
            if y.end <= x.start or x.end <= y.start:
                after.append(x)
                continue
            if x.start < y.start:
                after.append(Stretch(x.start, y.start, x.lower, y.lower))
            if y.end < x.end:
                after.append(Stretch(y.end, x.end, y.upper, x.upper))
        rest = after
    return rest


def _union(a: Stretches, b: Stretches) -> Stretches:
    merged: Stretches = []
    for x in sorted([*a, *b], key=lambda found: found.start):
        if merged and x.start <= merged[-1].end:
            last = merged[-1]
            if last.end < x.end:
                merged[-1] = Stretch(last.start, x.end, last.lower, x.upper)
        else:
            merged.append(x)
    return merged


def _contains(a: Stretches, b: Stretches) -> bool:
    return all(any(x.start <= y.start and y.end <= x.end for x in a) for y in b)


def _overlaps(a: Stretches, b: Stretches) -> bool:
    return any(x.start < y.end and y.start < x.end for x in a for y in b)


def _before(a: Stretches, b: Stretches) -> bool:
    return bool(a and b) and a[-1].end <= b[0].start


def _adjacent(a: Stretches, b: Stretches) -> bool:
    return bool(a and b) and (a[-1].end == b[0].start or b[-1].end == a[0].start)


def _overleft(a: Stretches, b: Stretches) -> bool:
    return bool(a and b) and a[-1].end <= b[-1].end


def _overright(a: Stretches, b: Stretches) -> bool:
    return bool(a and b) and a[0].start >= b[0].start


Relation = Callable[[Stretches, Stretches], bool]


def _relation(relation: Relation) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        kind = kind_of(types.arguments[0], types.types)
        return Body(lambda a, b: relation(stretches(kind, a), stretches(kind, b)))

    return specialise


_RELATIONS: dict[str, Relation] = {
    "contains": _contains,
    "contained_by": lambda a, b: _contains(b, a),
    "overlaps": _overlaps,
    "before": _before,
    "after": lambda a, b: _before(b, a),
    "adjacent": _adjacent,
    "overleft": _overleft,
    "overright": _overright,
}
for _word, _operation in _RELATIONS.items():
    BODIES.for_types(
        f"range_{_word}",
        f"range_{_word}_multirange",
        f"multirange_{_word}_range",
        f"multirange_{_word}_multirange",
    )(_relation(_operation))


def _element_in(kind: RangeKind, value: Range | MultiRange, element: Value) -> bool:
    before, after = (0, kind.key(element), 0), (0, kind.key(element), 1)
    return any(part.start <= before and after <= part.end for part in stretches(kind, value))


@BODIES.for_types("range_contains_elem", "multirange_contains_elem")
def _contains_element(types: CallTypes) -> Body:
    kind = kind_of(types.arguments[0], types.types)
    return Body(lambda value, element: _element_in(kind, value, element))


@BODIES.for_types("elem_contained_by_range", "elem_contained_by_multirange")
def _element_contained(types: CallTypes) -> Body:
    kind = kind_of(types.arguments[1], types.types)
    return Body(lambda element, value: _element_in(kind, value, element))


def _comparison(operation: Callable[[Any, Any], Any]) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        key = types.types.comparison_key(types.arguments[0])
        assert key is not None
        of_value = key
        return Body(lambda a, b: operation(of_value(a), of_value(b)))

    return specialise


for _word, _compare in (
    ("eq", lambda a, b: a == b),
    ("ne", lambda a, b: a != b),
    ("lt", lambda a, b: a < b),
    ("le", lambda a, b: a <= b),
    ("gt", lambda a, b: a > b),
    ("ge", lambda a, b: a >= b),
    ("cmp", compare),
):
    BODIES.for_types(f"range_{_word}", f"multirange_{_word}")(_comparison(_compare))


def _not_contiguous(what: str) -> DatacaveError:
    return DatacaveError(f"result of range {what} would not be contiguous", sqlstate=sqlstate.DATA_EXCEPTION)


def _single(found: Stretches, what: str) -> Range:
    if len(found) > 1:
        raise _not_contiguous(what)
    return found[0].range() if found else EMPTY


def _set_operation(
    operation: Callable[[Stretches, Stretches], Stretches], what: str, *, multi: bool
) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        kind = kind_of(types.arguments[0], types.types)
        if multi:
            return Body(
                lambda a, b: MultiRange(
                    tuple([part.range() for part in operation(stretches(kind, a), stretches(kind, b))])
                )
            )
        return Body(lambda a, b: _single(operation(stretches(kind, a), stretches(kind, b)), what))

    return specialise


for _word, _what, _sets in (
    ("union", "union", _union),
    ("minus", "difference", _difference),
    ("intersect", "intersection", _intersection),
):
    BODIES.for_types(f"range_{_word}")(_set_operation(_sets, _what, multi=False))
    BODIES.for_types(f"multirange_{_word}")(_set_operation(_sets, _what, multi=True))


def _hull(found: Stretches) -> Range:
    """The smallest range that holds all of them."""
    if not found:
        return EMPTY
    first = min(found, key=lambda part: part.start)
    last = max(found, key=lambda part: part.end)
    return Stretch(first.start, last.end, first.lower, last.upper).range()


@BODIES.for_types("range_merge")
def _merge(types: CallTypes) -> Body:
    kind = kind_of(types.arguments[0], types.types)
    return Body(lambda a, b: _hull(stretches(kind, a) + stretches(kind, b)))


@BODIES.for_types("range_merge_from_multirange")
def _merge_parts(types: CallTypes) -> Body:
    kind = kind_of(types.arguments[0], types.types)
    return Body(lambda value: _hull(stretches(kind, value)))


def _flags(text: str | None) -> tuple[bool, bool]:
    if text is None:
        raise DatacaveError("range constructor flags argument must not be null", sqlstate=sqlstate.DATA_EXCEPTION)
    if text not in ("[]", "[)", "(]", "()"):
        raise DatacaveError(
            "invalid range bound flags",
            sqlstate=sqlstate.SYNTAX_ERROR,
            hint='Valid values are "[]", "[)", "(]", and "()".',
        )
    return text[0] == "[", text[1] == "]"


@BODIES.for_types("range_constructor2", "range_constructor3")
def _construct(types: CallTypes) -> Body:
    kind = kind_of(types.result, types.types)
    return Body(lambda lower, upper, flags="[)": make_range(kind, lower, upper, *_flags(flags)))


@BODIES.for_types("int4range_canonical", "int8range_canonical", "daterange_canonical")
def _canonical(types: CallTypes) -> Body:
    kind = kind_of(types.result, types.types)
    return Body(lambda v: v if v.is_empty else make_range(kind, v.lower, v.upper, v.lower_inclusive, v.upper_inclusive))


BODIES.add("multirange_constructor0", lambda: MultiRange(()))


@BODIES.for_types("multirange_constructor1", "multirange_constructor2")
def _construct_multirange(types: CallTypes) -> Body:
    kind = kind_of(types.result, types.types)

    def construct(given: Range | Array) -> MultiRange:
        if isinstance(given, Range):
            return make_multirange(kind, [given])
        if len(given.lengths) > 1:
            raise DatacaveError(
                "multiranges cannot be constructed from multidimensional arrays",
                sqlstate=sqlstate.CARDINALITY_VIOLATION,
            )
        if None in given.elements:
            raise DatacaveError(
                "multirange values cannot contain null members", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED
            )
        return make_multirange(kind, given.elements)

    return Body(construct)


def _first(value: Range | MultiRange) -> Range:
    if isinstance(value, MultiRange):
        return value.ranges[0] if value.ranges else EMPTY
    return value


def _last(value: Range | MultiRange) -> Range:
    if isinstance(value, MultiRange):
        return value.ranges[-1] if value.ranges else EMPTY
    return value


BODIES.add("range_lower multirange_lower", lambda value: _first(value).lower)
BODIES.add("range_upper multirange_upper", lambda value: _last(value).upper)
BODIES.add("range_empty", lambda value: value.is_empty)
BODIES.add("multirange_empty", lambda value: not value.ranges)
BODIES.add("range_lower_inc multirange_lower_inc", lambda value: _first(value).lower_inclusive)
BODIES.add("range_upper_inc multirange_upper_inc", lambda value: _last(value).upper_inclusive)
BODIES.add(
    "range_lower_inf multirange_lower_inf", lambda value: not (found := _first(value)).is_empty and found.lower is None
)
BODIES.add(
    "range_upper_inf multirange_upper_inf", lambda value: not (found := _last(value)).is_empty and found.upper is None
)
BODIES.add("int4range_subdiff int8range_subdiff", lambda a, b: float(a - b))
BODIES.add("numrange_subdiff", lambda a, b: float(a - b))
BODIES.add("daterange_subdiff", lambda a, b: float(a - b))
BODIES.add("tsrange_subdiff tstzrange_subdiff", lambda a, b: (float(a) - float(b)) / 1e6)


@BODIES("multirange_unnest")
def unnest(value: MultiRange) -> Iterator[Range]:
    """The ranges as rows."""
    return iter(value.ranges)


def _append(state: list[Any], value: Any) -> list[Any]:
    state.append(value)
    return state


def _extend(state: list[Any], values: Sequence[Any]) -> list[Any]:
    state.extend(values)
    return state


@AGGREGATES.for_types("range_agg(3831)", "range_agg(4537)")
def _aggregate(types: CallTypes) -> AggregateBody:
    kind = kind_of(types.arguments[0], types.types)

    def final(state: list[Any]) -> MultiRange | None:
        if not state:
            return None
        parts: list[Range] = []
        for value in state:
            parts += value.ranges if isinstance(value, MultiRange) else [value]
        return make_multirange(kind, parts)

    return AggregateBody(initial=list, step=_append, batch=_extend, final=final, combine=_extend)


@AGGREGATES.for_types("range_intersect_agg(3831)", "range_intersect_agg(4537)")
def _aggregate_intersection(types: CallTypes) -> AggregateBody:
    kind = kind_of(types.arguments[0], types.types)

    def final(state: list[Any]) -> Range | MultiRange | None:
        if not state:
            return None
        found = stretches(kind, state[0])
        for value in state[1:]:
            found = _intersection(found, stretches(kind, value))
        if isinstance(state[0], MultiRange):
            return MultiRange(tuple([part.range() for part in found]))
        return found[0].range() if found else EMPTY

    return AggregateBody(initial=list, step=_append, batch=_extend, final=final, combine=_extend)
