"""json: access, taking apart, and building of JSON text, whose spelling is kept. jsonb has its own family."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.json_check import JsonChecker
from datacave_core.types.record import Record
from datacave_core.values import Array, Value
from datacave_sql.exec.suspension import paused
from datacave_sql.functions.aggregate import AggregateBody, Aggregates
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.jsontext import (
    JsonWriter,
    as_text,
    elements,
    json_writer,
    kind,
    members,
    members_writer,
    quote,
    record_json,
)
from datacave_sql.functions.rendering import output_text

BODIES = Bodies()
AGGREGATES = Aggregates()


def _check_escapes(text: str) -> None:
    """What takes a json value apart asks that its escapes are characters. Raises 22P02, 22P05."""
    if "\\u" in text:
        JsonChecker(text, unescape=True).check()


@BODIES("json_object_field")
def field(text: str, key: str) -> str | None:
    """json -> text; the last of equal keys counts."""
    found = None
    _check_escapes(text)
    if kind(text) == "object":
        for name, value in members(text):
            if name == key:
                found = value
    return found


@BODIES("json_array_element")
def element(text: str, place: int) -> str | None:
    """json -> integer; negative places count from the end."""
    _check_escapes(text)
    if kind(text) != "array":
        return None
    found = list(elements(text))
    return found[place] if -len(found) <= place < len(found) else None


def _shown(value: str | None) -> str | None:
    return None if value is None else as_text(value)


BODIES.add("json_object_field_text", lambda text, key: _shown(field(text, key)))
BODIES.add("json_array_element_text", lambda text, place: _shown(element(text, place)))


def place_of(step: str) -> int | None:
    """A path step as an array subscript."""
    try:
        return int(step) if step.lstrip("+-").isdigit() and step.isascii() else None
    except ValueError:
        return None


@BODIES("json_extract_path")
def extract(text: str, path: Array) -> str | None:
    """json #> text[]."""
    found: str | None = text
    for step in path.elements:
        if step is None or found is None:
            return None
        if kind(found) == "object":
            found = field(found, step)
        else:
            place = place_of(step)
            found = None if place is None else element(found, place)
    return found


BODIES.add("json_extract_path_text", lambda text, path: _shown(extract(text.strip(" \t\n\r"), path)))
BODIES.add("json_typeof", kind)


@BODIES("json_array_length")
def length(text: str) -> int:
    """The number of elements."""
    found = kind(text)
    if found != "array":
        raise bad_parameter(f"cannot get array length of a {'non-array' if found == 'object' else 'scalar'}")
    return sum(1 for _ in elements(text))


def _members_of(text: str) -> Iterator[tuple[str, str]]:
    found = kind(text)
    if found != "object":
        raise bad_parameter("cannot deconstruct " + ("an array as an object" if found == "array" else "a scalar"))
    return members(text)


@BODIES("json_object_keys")
def keys(text: str) -> Iterator[str]:
    """The keys, duplicates included."""
    found = kind(text)
    if found != "object":
        raise bad_parameter(f"cannot call json_object_keys on {'an array' if found == 'array' else 'a scalar'}")
    return (name for name, _ in members(text))


BODIES.add("json_each", _members_of)
BODIES.add("json_each_text", lambda text: ((name, as_text(value)) for name, value in _members_of(text)))


def _elements_of(function: str, text: str) -> Iterator[str]:
    found = kind(text)
    if found != "array":
        raise bad_parameter(f"cannot call {function} on a {'non-array' if found == 'object' else 'scalar'}")
    return elements(text)


BODIES.add("json_array_elements", lambda text: _elements_of("json_array_elements", text))
BODIES.add(
    "json_array_elements_text", lambda text: (as_text(v) for v in _elements_of("json_array_elements_text", text))
)


@BODIES("json_strip_nulls")
def strip_nulls(text: str) -> str:
    """Without object members that are null, however deep; compact."""
    found = kind(text)
    if found == "object":
        kept = [f"{quote(name)}:{strip_nulls(value)}" for name, value in members(text) if value != "null"]
        return "{" + ",".join(kept) + "}"
    if found == "array":
        return "[" + ",".join(strip_nulls(value) for value in elements(text)) + "]"
    if found == "string":
        return quote(as_text(text.strip()) or "")
    return text.strip(" \t\n\r")


def write_or_null(write: JsonWriter) -> Callable[[EvaluationContext, Value], str]:
    """A writer for values that may be NULL."""
    return lambda context, value: "null" if value is None else write(value, context.format_settings)


@BODIES.for_types("to_json")
def _to_json(types: CallTypes) -> Body:
    write = json_writer(types.arguments[0], types.types)
    return Body(lambda context, value: write(value, context.format_settings), takes_context=True)


@BODIES.for_types("array_to_json", "array_to_json_pretty")
def _array_to_json(types: CallTypes) -> Body:
    write = json_writer(types.arguments[0], types.types)
    item = json_writer(types.types.element(types.arguments[0]), types.types)

    def call(context: EvaluationContext, value: Array, pretty: bool = False) -> str:
        settings = context.format_settings
        if not pretty or not value.lengths:
            return write(value, settings)
        width = len(value.elements) // value.lengths[0]
        if len(value.lengths) == 1:
            rows = ["null" if e is None else item(e, settings) for e in value.elements]
        else:
            parts = [value.elements[at : at + width] for at in range(0, len(value.elements), width)]
            rows = [write(Array(part, value.lengths[1:], value.lower_bounds[1:]), settings) for part in parts]
        return "[" + ",\n ".join(rows) + "]"

    return Body(call, takes_context=True)


@BODIES.for_types("row_to_json", "row_to_json_pretty")
def _row_to_json(types: CallTypes) -> Body:
    by_class: dict[type, tuple[JsonWriter, JsonWriter]] = {}

    def call(context: EvaluationContext, value: tuple[Any, ...], pretty: bool = False) -> str:
        shape = type(value)
        writers = by_class.get(shape)
        if writers is None:
            writers = by_class[shape] = (_row_writer(types, shape, ","), _row_writer(types, shape, ",\n "))
        return writers[pretty](value, context.format_settings)

    return Body(call, takes_context=True)


def _row_writer(types: CallTypes, shape: type, separator: str) -> JsonWriter:
    """Writes rows of the call's type; an anonymous one says in its class what its columns are."""
    if issubclass(shape, Record):
        return members_writer(zip(shape.names, shape.types, strict=True), types.types, separator)
    columns = [(attribute.name, attribute.type) for attribute in types.types.attributes(types.arguments[0])]
    return members_writer(columns, types.types, separator) if columns else record_json


def argument_types(types: CallTypes, count: int) -> list[int]:
    """The types of `count` values of a VARIADIC "any" call."""
    if types.variadic:
        return [types.types.element(types.arguments[-1])] * count
    return list(types.arguments)


def spread(types: CallTypes, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of a VARIADIC "any" call, also when they came as an array."""
    if types.variadic:
        return values[-1].elements if values[-1] is not None else ()
    return values


_STRUCTURED = "key value must be scalar, not array, composite, or json"


def key_text(value: Value, oid: int, types: CallTypes, context: EvaluationContext) -> str:
    """A value as an object key; raises 22023 for structured ones."""
    lookup = types.types
    if lookup.element(oid) or lookup.kind(oid) == "c" or oid in (oids.JSON, oids.JSONB, oids.RECORD):
        raise bad_parameter(_STRUCTURED)
    if oid == oids.BOOL:
        return "true" if value else "false"
    return output_text(value, oid, (), lookup, context.format_settings, context) or ""


def check_pairs(count: int, function: str) -> None:
    """Raises 22023 for an odd number of arguments."""
    if count % 2:
        raise bad_parameter(
            "argument list must have even number of elements",
            hint=f"The arguments of {function}() must consist of alternating keys and values.",
        )


@BODIES.for_types("json_build_object")
def _build_object(types: CallTypes) -> Body:
    def call(context: EvaluationContext, *given: Value) -> str | None:
        if types.variadic and given[-1] is None:
            return None
        values = spread(types, given)
        check_pairs(len(values), "json_build_object")
        kinds = argument_types(types, len(values))
        parts = []
        for place in range(0, len(values), 2):
            if values[place] is None:
                raise bad_parameter(f"argument {place + 1} cannot be null", hint="Object keys should be text.")
            name = quote(key_text(values[place], kinds[place], types, context))
            value = values[place + 1]
            write = json_writer(kinds[place + 1], types.types)
            parts.append(f"{name} : {'null' if value is None else write(value, context.format_settings)}")
        return "{" + ", ".join(parts) + "}"

    return Body(call, takes_context=True)


@BODIES.for_types("json_build_array")
def _build_array(types: CallTypes) -> Body:
    def call(context: EvaluationContext, *given: Value) -> str | None:
        if types.variadic and given[-1] is None:
            return None
        values = spread(types, given)
        parts = [
            write_or_null(json_writer(oid, types.types))(context, value)
            for value, oid in zip(values, argument_types(types, len(values)), strict=True)
        ]
        return "[" + ", ".join(parts) + "]"

    return Body(call, takes_context=True)


BODIES.add("json_build_object_noargs", lambda: "{}")
BODIES.add("json_build_array_noargs", lambda: "[]")


def pairs_of(array: Array) -> list[tuple[str, str | None]]:
    """Keys and values of json_object(text[]): alternating, or two columns."""
    found = array.elements
    if len(array.lengths) == 1 and len(found) % 2:
        raise DatacaveError("array must have even number of elements", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
    if len(array.lengths) == 2 and array.lengths[1] != 2:
        raise DatacaveError("array must have two columns", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
    if len(array.lengths) > 2:
        raise _wrong_subscripts()
    return _checked([(found[at], found[at + 1]) for at in range(0, len(found), 2)])


def pairs_of_two(names: Array, values: Array) -> list[tuple[str, str | None]]:
    """Keys and values of json_object(text[], text[])."""
    if len(names.lengths) > 1 or len(names.lengths) != len(values.lengths):
        raise _wrong_subscripts()
    if len(names.elements) != len(values.elements):
        raise DatacaveError("mismatched array dimensions", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
    return _checked(list(zip(names.elements, values.elements, strict=True)))


def _wrong_subscripts() -> DatacaveError:
    return DatacaveError("wrong number of array subscripts", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)


def _checked(pairs: list[tuple[Any, Any]]) -> list[tuple[str, str | None]]:
    if any(name is None for name, _ in pairs):
        raise DatacaveError("null value not allowed for object key", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    return pairs


def _object_text(pairs: list[tuple[str, str | None]]) -> str:
    parts = [f"{quote(name)} : {'null' if value is None else quote(value)}" for name, value in pairs]
    return "{" + ", ".join(parts) + "}"


BODIES.add("json_object", lambda array: _object_text(pairs_of(array)))
BODIES.add("json_object_two_arg", lambda names, values: _object_text(pairs_of_two(names, values)))


def _append(state: list[Any], value: Any) -> list[Any]:
    state.append(value)
    return state


def _extend(state: list[Any], values: Any) -> list[Any]:
    state.extend(values)
    return state


def _append_pair(state: list[Any], name: Any, value: Any) -> list[Any]:
    if name is None:
        raise bad_parameter("field name must not be null")
    state.append((name, value))
    return state


@AGGREGATES.for_types("json_agg(2283)")
def _agg(types: CallTypes) -> AggregateBody:
    oid = types.types.base(types.arguments[0])
    write = write_or_null(json_writer(oid, types.types))
    structured = bool(types.types.element(oid)) or types.types.kind(oid) == "c" or oid == oids.RECORD

    def final(context: EvaluationContext, state: list[Any]) -> str | None:
        if not state:
            return None
        parts = [write(context, value) for value in paused(state)]
        if structured:
            parts[1:] = ["\n " + part if v is not None else part for part, v in zip(parts[1:], state[1:], strict=True)]
        return "[" + ", ".join(parts) + "]"

    return AggregateBody(
        initial=list,
        step=_append,
        batch=_extend,
        final=final,
        strict=False,
        combine=_extend,
        takes_context=True,
        order_matters=True,
    )


@AGGREGATES.for_types("json_object_agg(2276 2276)")
def _object_agg(types: CallTypes) -> AggregateBody:
    key_oid, value_oid = types.arguments
    write = write_or_null(json_writer(value_oid, types.types))

    def final(context: EvaluationContext, state: list[Any]) -> str | None:
        if not state:
            return None
        parts = [
            f"{quote(key_text(key, key_oid, types, context))} : {write(context, value)}" for key, value in paused(state)
        ]
        return "{ " + ", ".join(parts) + " }"

    return AggregateBody(
        initial=list,
        step=_append_pair,
        final=final,
        strict=False,
        combine=_extend,
        takes_context=True,
        order_matters=True,
    )
