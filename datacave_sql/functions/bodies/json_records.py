"""JSON to rows: json_populate_record(set), json_to_record(set), and the same for jsonb.

A member becomes a field by the field's type: null is NULL, json types keep the JSON, arrays and rows are taken apart,
everything else goes through the type's text input. Both json and jsonb are read as JSON text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.record import Record, record_class
from datacave_core.values import Array, Value
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.jsontext import as_text, elements, kind, members
from datacave_sql.functions.typelookup import Attribute, TypeLookup

BODIES = Bodies()

Reader = Callable[["str | None", Any, EvaluationContext], Value]
"""Makes a value of JSON text (None: the member is not there) and of the value that the base row has in this place."""


def reader(type_oid: int, typmod: int, types: TypeLookup) -> Reader:
    """How JSON becomes a value of a type."""
    plain = _plain_reader(type_oid, typmod, types)
    if types.kind(type_oid) != "d":
        return plain

    def checked(text: str | None, base: Any, context: EvaluationContext) -> Value:
        return context.domain_value(type_oid, plain(text, base, context))

    return checked


def _plain_reader(type_oid: int, typmod: int, types: TypeLookup) -> Reader:
    """The same without the constraints of a domain."""
    read = _value_reader(type_oid, typmod, types)

    def value(text: str | None, base: Any, context: EvaluationContext) -> Value:
        if text is None:
            return base
        return None if text == "null" else read(text, base, context)

    return value


def _value_reader(type_oid: int, typmod: int, types: TypeLookup) -> Callable[[str, Any, EvaluationContext], Value]:
    base = types.base(type_oid)
    if base in (oids.JSON, oids.JSONB):
        read = types.io(base).input
        return lambda text, old, context: read(text, -1, context.format_settings)
    element = types.element(base)
    if element:
        return _array_reader(base, reader(element, typmod, types), types)
    if types.kind(base) == "c":
        return _row_reader(types.attributes(base), base, types)
    io = types.io(base)

    def scalar(text: str, old: Any, context: EvaluationContext) -> Value:
        value = io.input(as_text(text) or "", typmod, context.format_settings)
        return value

    return scalar


def _array_reader(array_oid: int, read: Reader, types: TypeLookup) -> Callable[[str, Any, EvaluationContext], Value]:
    literal = types.io(array_oid).input

    def collect(text: str, context: EvaluationContext, found: list[Value]) -> tuple[int, ...]:
        """Appends the elements in row-major order; gives the lengths of the dimensions."""
        items = list(elements(text))
        if not items or kind(items[0]) != "array":
            found.extend(read(item, None, context) for item in items)
            return (len(items),)
        shapes = {collect(item, context, found) if kind(item) == "array" else () for item in items}
        if len(shapes) > 1:
            raise DatacaveError(
                "malformed JSON array",
                sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION,
                detail="Multidimensional arrays must have sub-arrays with matching dimensions.",
            )
        return (len(items), *shapes.pop())

    def array(text: str, old: Any, context: EvaluationContext) -> Value:
        if kind(text) == "string":
            return literal(as_text(text) or "", -1, context.format_settings)
        if kind(text) != "array":
            raise DatacaveError("expected JSON array", sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION)
        found: list[Value] = []
        lengths = collect(text, context, found)
        return Array(tuple(found), lengths, (1,) * len(lengths)) if found else Array(())

    return array


def _row_reader(
    fields: Sequence[Attribute], type_oid: int, types: TypeLookup
) -> Callable[[str, Any, EvaluationContext], Value]:
    populate = _populator(fields, types)

    def row(text: str, old: Any, context: EvaluationContext) -> Value:
        if kind(text) == "string":
            return types.io(type_oid).input(as_text(text) or "", -1, context.format_settings)
        return populate(text, old, context)

    return row


Populator = Callable[[str, "tuple[Any, ...] | None", EvaluationContext], "tuple[Any, ...]"]


def _populator(fields: Sequence[Attribute], types: TypeLookup) -> Populator:
    """Fills a row from an object; fields that the object lacks are taken from the base row."""
    readers = [(field.name, reader(field.type, field.typmod, types)) for field in fields]

    def populate(text: str, base: tuple[Any, ...] | None, context: EvaluationContext) -> tuple[Any, ...]:
        found = kind(text)
        if found != "object":
            raise bad_parameter(f"cannot call populate_composite on {'an array' if found == 'array' else 'a scalar'}")
        given = dict(members(text))
        row = []
        for place, (name, read) in enumerate(readers):
            row.append(read(given.get(name), None if base is None else base[place], context))
        return tuple(row)

    return populate


def _not_a_row(types: CallTypes, function: str) -> Body | None:
    """A body that refuses, when the first argument is no row."""
    base = types.types.base(types.arguments[0])
    if types.types.kind(base) == "c" or base == oids.RECORD:
        return None

    def refuse(*arguments: Value) -> Value:
        raise DatacaveError(f"first argument of {function} must be a row type", sqlstate=sqlstate.DATATYPE_MISMATCH)

    return Body(refuse)


Fields = Callable[[Any], Sequence[Attribute]]
"""The fields of the result, from the base row of a call."""


def _fields(types: CallTypes, place: int | None) -> Fields:
    known: Sequence[Attribute] = types.columns
    composite: Sequence[Attribute] = ()
    if place is not None:
        composite = types.types.attributes(types.types.base(types.arguments[place]))
        if composite and known:
            _check_columns([(one.name, one.type) for one in composite], known, types.types)
        known = known or composite
    if known:
        if place is None or composite:
            return lambda base: known
        return lambda base: _matching(base, known, types.types)
    if place is None:
        raise _undetermined()
    return _described


def _undetermined() -> DatacaveError:
    return DatacaveError(
        "could not determine row type for result of this function",
        sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        hint="Provide a non-null record argument, or call the function in the FROM clause "
        "using a column definition list.",
    )


def _described(base: Any) -> Sequence[Attribute]:
    if not isinstance(base, Record):
        raise _undetermined()
    return [Attribute(name, oid) for name, oid in zip(base.names, base.types, strict=True)]


def _matching(base: Any, known: Sequence[Attribute], types: TypeLookup) -> Sequence[Attribute]:
    """The column definitions, which have to fit a base row that knows its types."""
    if isinstance(base, Record):
        _check_columns(list(zip(base.names, base.types, strict=True)), known, types)
    return known


def _check_columns(given: Sequence[tuple[str, int]], wanted: Sequence[Attribute], types: TypeLookup) -> None:
    detail = None
    if len(given) != len(wanted):
        detail = (
            f"Returned row contains {len(given)} attribute{'' if len(given) == 1 else 's'}, "
            f"but query expects {len(wanted)}."
        )
    else:
        for place, ((_, oid), one) in enumerate(zip(given, wanted, strict=True), 1):
            if oid != one.type:
                detail = (
                    f"Returned type {types.name(oid)} at ordinal position {place}, but query expects "
                    f"{types.name(one.type)}."
                )
                break
    if detail is not None:
        raise DatacaveError(
            "function return row and query-specified return row do not match",
            sqlstate=sqlstate.DATATYPE_MISMATCH,
            detail=detail,
        )


Rows = Callable[[Any], "tuple[Populator, Callable[[tuple[Any, ...]], Any]]"]


def _rows(types: CallTypes, place: int | None) -> Rows:
    """What fills rows, and what makes a value of the result's type of them, for the base row of a call."""
    fields = _fields(types, place)
    kept: dict[tuple[Attribute, ...], tuple[Populator, Callable[[tuple[Any, ...]], Any]]] = {}

    def prepared(base: Any) -> tuple[Populator, Callable[[tuple[Any, ...]], Any]]:
        known = tuple(fields(base))
        found = kept.get(known)
        if found is None:
            wrap: Callable[[tuple[Any, ...]], Any] = tuple
            if types.result == oids.RECORD:
                kinds = [one.type for one in known]
                wrap = record_class([one.name for one in known], kinds, [types.types.io(oid) for oid in kinds])
            found = kept[known] = (_populator(known, types.types), wrap)
        return found

    return prepared


def _domain(types: CallTypes) -> int:
    """The domain over a row type that the result has to satisfy, or 0."""
    return types.arguments[0] if types.types.kind(types.arguments[0]) == "d" else 0


def _record(function: str) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        refused = _not_a_row(types, function)
        if refused is not None:
            return refused
        rows, domain = _rows(types, 0), _domain(types)

        def call(context: EvaluationContext, base: Any, text: str | None, *_: bool) -> Any:
            if text is None:
                return base
            populate, wrap = rows(base)
            value = wrap(populate(text, base, context))
            return context.domain_value(domain, value) if domain else value

        return Body(call, takes_context=True)

    return specialise


def _objects(text: str, function: str) -> Iterator[str]:
    found = kind(text)
    if found != "array":
        raise bad_parameter(f"cannot call {function} on {'an object' if found == 'object' else 'a scalar'}")
    for item in elements(text):
        if kind(item) != "object":
            raise bad_parameter(f"argument of {function} must be an array of objects")
        yield item


def _recordset(function: str) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        refused = _not_a_row(types, function)
        if refused is not None:
            return refused
        rows, domain = _rows(types, 0), _domain(types)

        def call(context: EvaluationContext, base: Any, text: str | None, *_: bool) -> Iterator[Any]:
            if text is None:
                return
            populate, wrap = rows(base)
            for item in _objects(text, function):
                value = wrap(populate(item, base, context))
                yield context.domain_value(domain, value) if domain else value

        return Body(call, takes_context=True)

    return specialise


def _to_recordset(function: str) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        rows = _rows(types, None)

        def call(context: EvaluationContext, text: str | None) -> Iterator[Any]:
            if text is None:
                return
            populate, wrap = rows(None)
            for item in _objects(text, function):
                yield wrap(populate(item, None, context))

        return Body(call, takes_context=True)

    return specialise


@BODIES.for_types("json_to_record", "jsonb_to_record")
def _to_record(types: CallTypes) -> Body:
    rows = _rows(types, None)

    def call(context: EvaluationContext, text: str | None) -> Any:
        if text is None:
            return None
        populate, wrap = rows(None)
        return wrap(populate(text, None, context))

    return Body(call, takes_context=True)


for _kind in ("json", "jsonb"):
    BODIES.for_types(f"{_kind}_populate_record")(_record(f"{_kind}_populate_record"))
    BODIES.for_types(f"{_kind}_populate_recordset")(_recordset(f"{_kind}_populate_recordset"))
    BODIES.for_types(f"{_kind}_to_recordset")(_to_recordset(f"{_kind}_to_recordset"))
