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
from datacave_core.values import Array, Value
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.jsontext import as_text, elements, kind, members
from datacave_sql.functions.typelookup import Attribute, TypeLookup

BODIES = Bodies()

Reader = Callable[[str, EvaluationContext], Value]
"""Makes a value of JSON text that is not null."""


def reader(type_oid: int, typmod: int, types: TypeLookup) -> Reader:
    """How JSON becomes a value of a type."""
    base = types.base(type_oid)
    if base in (oids.JSON, oids.JSONB):
        read = types.io(base).input
        return lambda text, context: read(text, -1, context.format_settings)
    element = types.element(base)
    if element:
        return _array_reader(base, reader(element, typmod, types), types)
    if types.kind(base) == "c":
        return _row_reader(types.attributes(base), base, types)
    io = types.io(base)

    def scalar(text: str, context: EvaluationContext) -> Value:
        value = io.input(as_text(text) or "", typmod, context.format_settings)
        return value

    return scalar


def _array_reader(array_oid: int, read: Reader, types: TypeLookup) -> Reader:
    literal = types.io(array_oid).input

    def collect(text: str, context: EvaluationContext, found: list[Value]) -> tuple[int, ...]:
        """Appends the elements in row-major order; gives the lengths of the dimensions."""
        items = list(elements(text))
        if not items or kind(items[0]) != "array":
            found.extend(None if item == "null" else read(item, context) for item in items)
            return (len(items),)
        shapes = {collect(item, context, found) if kind(item) == "array" else () for item in items}
        if len(shapes) > 1:
            raise DatacaveError(
                "malformed JSON array",
                sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION,
                detail="Multidimensional arrays must have sub-arrays with matching dimensions.",
            )
        return (len(items), *shapes.pop())

    def array(text: str, context: EvaluationContext) -> Value:
        if kind(text) == "string":
            return literal(as_text(text) or "", -1, context.format_settings)
        if kind(text) != "array":
            raise DatacaveError("expected JSON array", sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION)
        found: list[Value] = []
        lengths = collect(text, context, found)
        return Array(tuple(found), lengths, (1,) * len(lengths)) if found else Array(())

    return array


def _row_reader(fields: Sequence[Attribute], type_oid: int, types: TypeLookup) -> Reader:
    populate = _populator(fields, types)

    def row(text: str, context: EvaluationContext) -> Value:
        if kind(text) == "string":
            return types.io(type_oid).input(as_text(text) or "", -1, context.format_settings)
        return populate(text, None, context)

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
            part = given.get(name)
            if part is None:
                row.append(None if base is None else base[place])
            else:
                row.append(None if part == "null" else read(part, context))
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


def _fields(types: CallTypes, place: int | None) -> Sequence[Attribute]:
    if types.columns:
        return types.columns
    if place is not None:
        found = types.types.attributes(types.types.base(types.arguments[place]))
        if found:
            return found
    raise DatacaveError(
        "could not determine row type for result of this function",
        sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        hint="Provide a non-null record argument, or call the function in the FROM clause "
        "using a column definition list.",
    )


def _record(function: str) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        refused = _not_a_row(types, function)
        if refused is not None:
            return refused
        populate = _populator(_fields(types, 0), types.types)

        def call(context: EvaluationContext, base: Any, text: str | None, *_: bool) -> Any:
            return base if text is None else populate(text, base, context)

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
        populate = _populator(_fields(types, 0), types.types)

        def call(context: EvaluationContext, base: Any, text: str | None, *_: bool) -> Iterator[Any]:
            if text is None:
                return iter(())
            return (populate(item, base, context) for item in _objects(text, function))

        return Body(call, takes_context=True)

    return specialise


def _to_recordset(function: str) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        populate = _populator(_fields(types, None), types.types)

        def call(context: EvaluationContext, text: str | None) -> Iterator[Any]:
            if text is None:
                return iter(())
            return (populate(item, None, context) for item in _objects(text, function))

        return Body(call, takes_context=True)

    return specialise


@BODIES.for_types("json_to_record", "jsonb_to_record")
def _to_record(types: CallTypes) -> Body:
    populate = _populator(_fields(types, None), types.types)
    return Body(
        lambda context, text: None if text is None else populate(text, None, context),
        takes_context=True,
    )


for _kind in ("json", "jsonb"):
    BODIES.for_types(f"{_kind}_populate_record")(_record(f"{_kind}_populate_record"))
    BODIES.for_types(f"{_kind}_populate_recordset")(_recordset(f"{_kind}_populate_recordset"))
    BODIES.for_types(f"{_kind}_to_recordset")(_to_recordset(f"{_kind}_to_recordset"))
