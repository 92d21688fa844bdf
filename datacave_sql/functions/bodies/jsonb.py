"""jsonb: access, containment, changing, taking apart, building. Values are canonical texts; work is done on trees.

Trees come from a small cache, because one row's document is often asked for several members; they are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.jsonb import JsonTree, format_jsonb, jsonb_object, jsonb_tree, parse_jsonb
from datacave_core.types.numeric import format_numeric
from datacave_core.values import Array, Value
from datacave_sql.exec.suspension import paused
from datacave_sql.functions.aggregate import AggregateBody, Aggregates
from datacave_sql.functions.bodies.floats import double_of_numeric, single_of_numeric
from datacave_sql.functions.bodies.integer import check_int2, check_int4, check_int8
from datacave_sql.functions.bodies.json import (
    argument_types,
    check_pairs,
    key_text,
    pairs_of,
    pairs_of_two,
    place_of,
    spread,
)
from datacave_sql.functions.bodies.numerics import round_to
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.errors import bad_parameter
from datacave_sql.functions.jsontext import json_writer, quote

BODIES = Bodies()
AGGREGATES = Aggregates()

tree = lru_cache(maxsize=64)(jsonb_tree)
"""The tree of a value; shared, so it must not be changed."""

MISSING = object()
LONG_LIST = 64
"""Shorter ones are gone through without pauses."""


def text_of(found: JsonTree) -> str | None:
    """What ->> gives."""
    if found is None or isinstance(found, str):
        return found
    if isinstance(found, Decimal):
        return format_numeric(found)
    return format_jsonb(found)


def member(found: JsonTree, key: str) -> Any:
    """The member of an object, or MISSING."""
    return found.get(key, MISSING) if isinstance(found, dict) else MISSING


def item(found: JsonTree, place: int) -> Any:
    """The element of an array, negative places from the end, or MISSING."""
    if not isinstance(found, list | dict) and place in (0, -1):
        return found  # a scalar at the top is kept as an array of one
    if isinstance(found, list) and -len(found) <= place < len(found):
        return found[place]
    return MISSING


def step(found: JsonTree, name: str | None) -> Any:
    """One path step, or MISSING."""
    if name is None:
        return MISSING
    if isinstance(found, dict):
        return found.get(name, MISSING)
    place = place_of(name)
    return MISSING if place is None or not isinstance(found, list) else item(found, place)


def _value(found: Any) -> str | None:
    return None if found is MISSING else format_jsonb(found)


def _text(found: Any) -> str | None:
    return None if found is MISSING else text_of(found)


BODIES.add("jsonb_object_field", lambda value, key: _value(member(tree(value), key)))
BODIES.add("jsonb_object_field_text", lambda value, key: _text(member(tree(value), key)))
BODIES.add("jsonb_array_element", lambda value, place: _value(item(tree(value), place)))
BODIES.add("jsonb_array_element_text", lambda value, place: _text(item(tree(value), place)))


def _follow(value: str, path: Array) -> Any:
    found = tree(value)
    for name in path.elements:
        found = step(found, name)
        if found is MISSING:
            break
    return found


BODIES.add("jsonb_extract_path", lambda value, path: _value(_follow(value, path)))
BODIES.add("jsonb_extract_path_text", lambda value, path: _text(_follow(value, path)))


@BODIES("jsonb_exists")
def exists(value: str, key: str) -> bool:
    """jsonb ? text: a key of an object, a string of an array, or the string itself."""
    found = tree(value)
    if isinstance(found, dict):
        return key in found
    if isinstance(found, list):
        return any(isinstance(element, str) and element == key for element in found)
    return isinstance(found, str) and found == key


BODIES.add("jsonb_exists_any", lambda v, keys: any(k is not None and exists(v, k) for k in keys.elements))
BODIES.add("jsonb_exists_all", lambda v, keys: all(k is None or exists(v, k) for k in keys.elements))


def _kind(found: JsonTree) -> str:
    if found is None:
        return "null"
    if isinstance(found, bool):
        return "boolean"
    if isinstance(found, int | Decimal):
        return "number"
    return "string" if isinstance(found, str) else "array" if isinstance(found, list) else "object"


def _same_scalar(a: JsonTree, b: JsonTree) -> bool:
    return _kind(a) == _kind(b) and bool(a == b)


def contains_tree(whole: JsonTree, part: JsonTree) -> bool:
    """Whether the part's structure and values are all found in the whole."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and contains_tree(whole[key], value) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(
            any(contains_tree(candidate, wanted) for candidate in _paused(whole)) for wanted in part
        )
    return not isinstance(whole, dict | list) and _same_scalar(whole, part)


def _paused(elements: list[Any]) -> Iterable[Any]:
    return elements if len(elements) < LONG_LIST else paused(elements)


@BODIES("jsonb_contains")
def contains(whole: str, part: str) -> bool:
    """jsonb @> jsonb; at the top an array contains a scalar that is one of its elements."""
    first, second = tree(whole), tree(part)
    if isinstance(first, list) and not isinstance(second, dict | list):
        return any(contains_tree(candidate, second) for candidate in _paused(first))
    return contains_tree(first, second)


BODIES.add("jsonb_contained", lambda part, whole: contains(whole, part))
BODIES.add("jsonb_typeof", lambda value: _kind(tree(value)))


@BODIES("jsonb_array_length")
def length(value: str) -> int:
    """The number of elements."""
    found = tree(value)
    if not isinstance(found, list):
        raise bad_parameter(f"cannot get array length of a {'non-array' if isinstance(found, dict) else 'scalar'}")
    return len(found)


@BODIES("jsonb_object_keys")
def keys(value: str) -> Iterator[str]:
    """The keys in canonical order."""
    found = tree(value)
    if not isinstance(found, dict):
        word = "an array" if isinstance(found, list) else "a scalar"
        raise bad_parameter(f"cannot call jsonb_object_keys on {word}")
    return iter(found)


def _each(function: str, show: Callable[[Any], str | None]) -> Callable[[str], Iterator[tuple[str, str | None]]]:
    def each(value: str) -> Iterator[tuple[str, str | None]]:
        found = tree(value)
        if not isinstance(found, dict):
            raise bad_parameter(f"cannot call {function} on a non-object")
        return ((key, show(inner)) for key, inner in found.items())

    return each


BODIES.add("jsonb_each", _each("jsonb_each", format_jsonb))
BODIES.add("jsonb_each_text", _each("jsonb_each_text", text_of))


def _elements(show: Callable[[Any], str | None]) -> Callable[[str], Iterator[str | None]]:
    def each(value: str) -> Iterator[str | None]:
        found = tree(value)
        if not isinstance(found, list):
            word = "an object" if isinstance(found, dict) else "a scalar"
            raise bad_parameter(f"cannot extract elements from {word}")
        return map(show, found)

    return each


BODIES.add("jsonb_array_elements", _elements(format_jsonb))
BODIES.add("jsonb_array_elements_text", _elements(text_of))


@BODIES("jsonb_concat")
def concatenate(a: str, b: str) -> str:
    """jsonb || jsonb: objects merge, everything else becomes one array."""
    first, second = tree(a), tree(b)
    if isinstance(first, dict) and isinstance(second, dict):
        return format_jsonb(jsonb_object([*first.items(), *second.items()]))
    left = first if isinstance(first, list) else [first]
    right = second if isinstance(second, list) else [second]
    return format_jsonb([*left, *right])


def _no_scalar(found: JsonTree, doing: str) -> None:
    if not isinstance(found, dict | list):
        raise bad_parameter(f"cannot {doing} scalar")


def _without(found: JsonTree, names: tuple[Any, ...]) -> JsonTree:
    if isinstance(found, dict):
        return {key: value for key, value in found.items() if key not in names}
    return [element for element in found if not (isinstance(element, str) and element in names)]


@BODIES("jsonb_delete")
def delete(value: str, key: str) -> str:
    """jsonb - text."""
    found = tree(value)
    _no_scalar(found, "delete from")
    return format_jsonb(_without(found, (key,)))


@BODIES("jsonb_delete_array")
def delete_all(value: str, names: Array) -> str:
    """jsonb - text[]."""
    found = tree(value)
    if len(names.lengths) > 1:
        raise DatacaveError("wrong number of array subscripts", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
    _no_scalar(found, "delete from")
    return format_jsonb(_without(found, names.elements))


@BODIES("jsonb_delete_idx")
def delete_place(value: str, place: int) -> str:
    """jsonb - integer."""
    found = tree(value)
    _no_scalar(found, "delete from")
    if isinstance(found, dict):
        raise bad_parameter("cannot delete from object using integer index")
    if not -len(found) <= place < len(found):
        return value
    kept = list(found)
    del kept[place]
    return format_jsonb(kept)


def _path(path: Array) -> tuple[Any, ...]:
    if len(path.lengths) > 1:
        raise DatacaveError("wrong number of array subscripts", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)
    return path.elements


_DELETE, _REPLACE, _CREATE, _INSERT_BEFORE, _INSERT_AFTER = 1, 2, 4, 8, 16


def _change(found: JsonTree, path: tuple[Any, ...], level: int, new: JsonTree, operation: int) -> JsonTree:
    """The tree with one place deleted, replaced or filled."""
    name = path[level]
    if name is None:
        raise DatacaveError(f"path element at position {level + 1} is null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
    last = level == len(path) - 1
    if isinstance(found, dict):
        return _change_object(found, path, level, new, operation, last)
    if isinstance(found, list):
        return _change_array(found, path, level, new, operation, last)
    return found


def _change_object(
    found: dict[str, JsonTree], path: tuple[Any, ...], level: int, new: JsonTree, operation: int, last: bool
) -> JsonTree:
    name = path[level]
    if name not in found:
        if last and operation & (_CREATE | _INSERT_BEFORE | _INSERT_AFTER):
            return jsonb_object([*found.items(), (name, new)])
        return found
    if not last:
        return {**found, name: _change(found[name], path, level + 1, new, operation)}
    if operation & _DELETE:
        return {key: value for key, value in found.items() if key != name}
    if operation & (_INSERT_BEFORE | _INSERT_AFTER):
        raise bad_parameter(
            "cannot replace existing key", hint="Try using the function jsonb_set to replace key value."
        )
    return {**found, name: new}


def _change_array(
    found: list[JsonTree], path: tuple[Any, ...], level: int, new: JsonTree, operation: int, last: bool
) -> JsonTree:
    place = place_of(path[level])
    if place is None or not -(2**31) <= place < 2**31:
        raise DatacaveError(
            f'path element at position {level + 1} is not an integer: "{path[level]}"',
            sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION,
        )
    count = len(found)
    filling = operation & (_CREATE | _INSERT_BEFORE | _INSERT_AFTER)
    if place < 0:
        place = place + count if -place <= count else -(2**31)
    if place >= count or place < 0:
        if not last or not filling:
            return found
        return [new, *found] if place < 0 else [*found, new]
    changed = list(found)
    if not last:
        changed[place] = _change(found[place], path, level + 1, new, operation)
    elif operation & _DELETE:
        del changed[place]
    elif operation & _INSERT_BEFORE:
        changed.insert(place, new)
    elif operation & _INSERT_AFTER:
        changed.insert(place + 1, new)
    else:
        changed[place] = new
    return changed


@BODIES("jsonb_delete_path")
def delete_path(value: str, path: Array) -> str:
    """jsonb #- text[]."""
    found = tree(value)
    steps = _path(path)
    _no_scalar(found, "delete path in")
    if not steps or not found:
        return value
    return format_jsonb(_change(found, steps, 0, None, _DELETE))


@BODIES("jsonb_set")
def set_path(value: str, path: Array, new: str, create: bool) -> str:
    """The value with the place replaced, or added when `create`."""
    found = tree(value)
    steps = _path(path)
    _no_scalar(found, "set path in")
    if (not found and not create) or not steps:
        return value
    return format_jsonb(_change(found, steps, 0, tree(new), _CREATE if create else _REPLACE))


@BODIES("jsonb_insert")
def insert(value: str, path: Array, new: str, after: bool) -> str:
    """The value with a new element or member."""
    found = tree(value)
    steps = _path(path)
    _no_scalar(found, "set path in")
    if not steps:
        return value
    return format_jsonb(_change(found, steps, 0, tree(new), _INSERT_AFTER if after else _INSERT_BEFORE))


@BODIES("jsonb_set_lax")
def set_lax(
    value: str | None, path: Array | None, new: str | None, create: bool | None, treatment: str | None
) -> str | None:
    """jsonb_set, with a choice of what NULL as the new value means."""
    if value is None or path is None or create is None:
        return None
    if treatment is None:
        raise bad_parameter(
            'null_value_treatment must be "delete_key", "return_target", "use_json_null", or "raise_exception"'
        )
    if new is not None:
        return set_path(value, path, new, create)
    if treatment == "raise_exception":
        raise DatacaveError(
            "JSON value must not be null",
            sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED,
            detail='Exception was raised because null_value_treatment is "raise_exception".',
            hint="To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.",
        )
    if treatment == "use_json_null":
        return set_path(value, path, "null", create)
    if treatment == "delete_key":
        return delete_path(value, path)
    if treatment == "return_target":
        return value
    raise bad_parameter(
        'null_value_treatment must be "delete_key", "return_target", "use_json_null", or "raise_exception"'
    )


def _stripped(found: JsonTree) -> JsonTree:
    if isinstance(found, dict):
        return {key: _stripped(value) for key, value in found.items() if value is not None}
    return [_stripped(element) for element in found] if isinstance(found, list) else found


BODIES.add("jsonb_strip_nulls", lambda value: format_jsonb(_stripped(tree(value))))


def _pretty(found: JsonTree, depth: int) -> str:
    indent = "    " * (depth + 1)
    if isinstance(found, dict):
        lines = [f"{indent}{quote(key)}: {_pretty(value, depth + 1)}" for key, value in found.items()]
        opening, closing = "{", "}"
    elif isinstance(found, list):
        lines = [f"{indent}{_pretty(value, depth + 1)}" for value in _paused(found)]
        opening, closing = "[", "]"
    else:
        return format_jsonb(found)
    body = ",\n".join(lines) + "\n" if lines else ""
    return f"{opening}\n{body}{'    ' * depth}{closing}"


BODIES.add("jsonb_pretty", lambda value: _pretty(tree(value), 0))


def to_tree(oid: int, types: CallTypes) -> Callable[[EvaluationContext, Value], JsonTree]:
    """A function from values of a type, NULL included, to trees."""
    lookup = types.types
    base = lookup.base(oid)
    if base == oids.JSONB:
        return lambda context, value: None if value is None else tree(value)
    if base in (oids.TEXT, oids.VARCHAR, oids.BPCHAR, oids.NAME, oids.UNKNOWN, oids.BOOL, oids.INT4, oids.INT8):
        return lambda context, value: value
    write = json_writer(base, lookup)
    return lambda context, value: None if value is None else parse_jsonb(write(value, context.format_settings))


@BODIES.for_types("to_jsonb")
def _to_jsonb(types: CallTypes) -> Body:
    convert = to_tree(types.arguments[0], types)
    return Body(lambda context, value: format_jsonb(convert(context, value)), takes_context=True)


@BODIES.for_types("jsonb_build_object")
def _build_object(types: CallTypes) -> Body:
    def call(context: EvaluationContext, *given: Value) -> str | None:
        if types.variadic and given[-1] is None:
            return None
        values = spread(types, given)
        check_pairs(len(values), "jsonb_build_object")
        kinds = argument_types(types, len(values))
        pairs = []
        for place in range(0, len(values), 2):
            if values[place] is None:
                raise bad_parameter(f"argument {place + 1}: key must not be null")
            name = key_text(values[place], kinds[place], types, context)
            pairs.append((name, to_tree(kinds[place + 1], types)(context, values[place + 1])))
        return format_jsonb(jsonb_object(pairs))

    return Body(call, takes_context=True)


@BODIES.for_types("jsonb_build_array")
def _build_array(types: CallTypes) -> Body:
    def call(context: EvaluationContext, *given: Value) -> str | None:
        if types.variadic and given[-1] is None:
            return None
        values = spread(types, given)
        kinds = argument_types(types, len(values))
        return format_jsonb([to_tree(oid, types)(context, v) for v, oid in zip(values, kinds, strict=True)])

    return Body(call, takes_context=True)


BODIES.add("jsonb_build_object_noargs", lambda: "{}")
BODIES.add("jsonb_build_array_noargs", lambda: "[]")
BODIES.add("jsonb_object", lambda array: format_jsonb(jsonb_object(pairs_of(array))))
BODIES.add("jsonb_object_two_arg", lambda names, values: format_jsonb(jsonb_object(pairs_of_two(names, values))))


def _cast_error(found: JsonTree, target: str) -> DatacaveError:
    kind = _kind(found)
    word = {"null": "null", "string": "string", "boolean": "boolean", "number": "numeric"}.get(kind, "array or object")
    if kind in ("array", "object"):
        word = kind
    return bad_parameter(f"cannot cast jsonb {word} to type {target}")


@BODIES("jsonb_bool")
def to_boolean(value: str) -> bool:
    """jsonb to boolean."""
    found = tree(value)
    if not isinstance(found, bool):
        raise _cast_error(found, "boolean")
    return found


def _number(value: str, target: str) -> Decimal:
    found = tree(value)
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        raise _cast_error(found, target)
    return Decimal(found)


def _to_integer(target: str, check: Callable[[int], int]) -> Callable[[str], int]:
    return lambda value: check(int(round_to(_number(value, target))))


BODIES.add("jsonb_numeric", lambda value: _number(value, "numeric"))
BODIES.add("jsonb_int2", _to_integer("smallint", check_int2))
BODIES.add("jsonb_int4", _to_integer("integer", check_int4))
BODIES.add("jsonb_int8", _to_integer("bigint", check_int8))
BODIES.add("jsonb_float4", lambda value: single_of_numeric(_number(value, "real")))
BODIES.add("jsonb_float8", lambda value: double_of_numeric(_number(value, "double precision")))


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


@AGGREGATES.for_types("jsonb_agg(2283)")
def _agg(types: CallTypes) -> AggregateBody:
    convert = to_tree(types.arguments[0], types)

    def final(context: EvaluationContext, state: list[Any]) -> str | None:
        if len(state) < LONG_LIST:
            return format_jsonb([convert(context, value) for value in state]) if state else None
        return f"[{', '.join([format_jsonb(convert(context, value)) for value in paused(state)])}]"

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


@AGGREGATES.for_types("jsonb_object_agg(2276 2276)")
def _object_agg(types: CallTypes) -> AggregateBody:
    key_oid, value_oid = types.arguments
    convert = to_tree(value_oid, types)

    def final(context: EvaluationContext, state: list[Any]) -> str | None:
        if not state:
            return None
        pairs = [(key_text(key, key_oid, types, context), convert(context, value)) for key, value in paused(state)]
        found = jsonb_object(pairs)
        return f"{{{', '.join([f'{quote(key)}: {format_jsonb(value)}' for key, value in paused(found.items())])}}}"

    return AggregateBody(
        initial=list,
        step=_append_pair,
        final=final,
        strict=False,
        combine=_extend,
        takes_context=True,
        order_matters=True,
    )
