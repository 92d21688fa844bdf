"""hstore: looking into values, putting them together, and turning them into arrays, rows and JSON and back."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.hstore import HSTORE_IO, check_part, hstore_key, hstore_pairs, hstore_text
from datacave_core.types.jsonb import canonical_jsonb
from datacave_core.types.record import Record
from datacave_core.types.settings import DEFAULT_SETTINGS
from datacave_core.values import Array, Value
from datacave_sql.functions.body import Bodies, Body, CallTypes
from datacave_sql.functions.context import EvaluationContext

BODIES = Bodies()

VERSION_DIAGNOSIS: Final = 2
"""What hstore_version_diag answers for a value of today's format."""

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def _compared(operation: Callable[[Any, Any], bool]) -> Callable[[str, str], bool]:
    return lambda a, b: operation(hstore_key(a), hstore_key(b))


for _word in ("eq", "ne", "lt", "le", "gt", "ge"):
    BODIES.add(f"hstore_{_word}", _compared(getattr(operator, _word)))


@BODIES("hstore_cmp")
def compare(a: str, b: str) -> int:
    """-1, 0 or 1."""
    low, high = hstore_key(a), hstore_key(b)
    return (low > high) - (low < high)


def _keys(words: Array) -> list[str]:
    return [word for word in words.elements if word is not None]


BODIES.add("hstore_in", lambda text: HSTORE_IO.input(text, -1, DEFAULT_SETTINGS))
BODIES.add("hstore_out", lambda value: value)
BODIES.add("hstore_send", lambda value: HSTORE_IO.send(value))
BODIES.add("hstore_version_diag", lambda value: VERSION_DIAGNOSIS)
BODIES.add("hstore_fetchval", lambda value, key: hstore_pairs(value).get(key))
BODIES.add("hstore_exists", lambda value, key: key in hstore_pairs(value))
BODIES.add("hstore_defined", lambda value, key: hstore_pairs(value).get(key) is not None)
BODIES.add("hstore_exists_any", lambda value, keys: any(key in hstore_pairs(value) for key in _keys(keys)))
BODIES.add("hstore_exists_all", lambda value, keys: all(key in hstore_pairs(value) for key in _keys(keys)))
BODIES.add("hstore_akeys", lambda value: Array.of(list(hstore_pairs(value))))
BODIES.add("hstore_avals", lambda value: Array.of(list(hstore_pairs(value).values())))
BODIES.add("hstore_skeys", lambda value: iter(list(hstore_pairs(value))))
BODIES.add("hstore_svals", lambda value: iter(list(hstore_pairs(value).values())))
BODIES.add("hstore_each", lambda value: iter(list(hstore_pairs(value).items())))
BODIES.add("hstore_concat", lambda a, b: hstore_text({**hstore_pairs(a), **hstore_pairs(b)}))
BODIES.add("hstore_contains", lambda a, b: hstore_pairs(b).items() <= hstore_pairs(a).items())
BODIES.add("hstore_contained", lambda a, b: hstore_pairs(a).items() <= hstore_pairs(b).items())


@BODIES("hstore_delete")
def delete(value: str, key: str) -> str:
    """The value without a key."""
    return hstore_text({name: one for name, one in hstore_pairs(value).items() if name != key})


@BODIES("hstore_delete_array")
def delete_keys(value: str, keys: Array) -> str:
    """The value without some keys."""
    gone = set(_keys(keys))
    return hstore_text({name: one for name, one in hstore_pairs(value).items() if name not in gone})


@BODIES("hstore_delete_hstore")
def delete_pairs(value: str, other: str) -> str:
    """The value without the pairs of another one."""
    gone = hstore_pairs(other).items()
    return hstore_text({name: one for name, one in hstore_pairs(value).items() if (name, one) not in gone})


@BODIES("hstore_slice_to_hstore")
def sliced(value: str, keys: Array) -> str:
    """The pairs of some keys."""
    pairs = hstore_pairs(value)
    return hstore_text({key: pairs[key] for key in _keys(keys) if key in pairs})


@BODIES("hstore_slice_to_array")
def values_of(value: str, keys: Array) -> Array:
    """The values of some keys, in the shape of their array; NULL for keys that are not there."""
    pairs = hstore_pairs(value)
    found = tuple(None if key is None else pairs.get(key) for key in keys.elements)
    return keys._replace(elements=found)


@BODIES("hstore_to_array")
def flat(value: str) -> Array:
    """Keys and values by turns."""
    return Array.of([part for pair in hstore_pairs(value).items() for part in pair])


@BODIES("hstore_to_matrix")
def matrix(value: str) -> Array:
    """A row of two for each pair."""
    pairs = hstore_pairs(value)
    if not pairs:
        return Array(())
    return Array(tuple(part for pair in pairs.items() for part in pair), (len(pairs), 2), (1, 1))


def _made(pairs: list[tuple[str | None, str | None]]) -> str:
    for key, value in pairs:
        if key is None:
            raise DatacaveError("null value not allowed for hstore key", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
        check_part(key, "key")
        check_part(value, "value")
    return hstore_text([(key, value) for key, value in pairs if key is not None])


@BODIES("hstore_from_text")
def from_text(key: str | None, value: str | None) -> str | None:
    """One pair."""
    return None if key is None else _made([(key, value)])


@BODIES("hstore_from_array")
def from_array(parts: Array) -> str:
    """Pairs from keys and values by turns, or from rows of two."""
    count = len(parts.lengths)
    if not count:
        return ""
    if count > 2:
        raise _subscripts("wrong number of array subscripts")
    if count == 1 and len(parts.elements) % 2:
        raise _subscripts("array must have even number of elements")
    if count == 2 and parts.lengths[1] != 2:
        raise _subscripts("array must have two columns")
    return _made(list(zip(parts.elements[::2], parts.elements[1::2], strict=True)))


@BODIES("hstore_from_arrays")
def from_arrays(keys: Array | None, values: Array | None) -> str | None:
    """Pairs from an array of keys and one of values; without values all are NULL."""
    if keys is None:
        return None
    if not keys.lengths:
        return ""
    if len(keys.lengths) > 1:
        raise _subscripts("wrong number of array subscripts")
    if values is None:
        return _made([(key, None) for key in keys.elements])
    if (values.lengths, values.lower_bounds) != (keys.lengths, keys.lower_bounds):
        raise _subscripts("arrays must have same bounds")
    return _made(list(zip(keys.elements, values.elements, strict=True)))


def _subscripts(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR)


_json_string = partial(json.dumps, ensure_ascii=False)


def _loose(text: str) -> str:
    if text in ("t", "f"):
        return "true" if text == "t" else "false"
    return text if _NUMBER.fullmatch(text) else _json_string(text)


def _json(shown: Callable[[str], str], value: str) -> str:
    pairs = hstore_pairs(value).items()
    return "{" + ", ".join(f"{_json_string(k)}: {'null' if one is None else shown(one)}" for k, one in pairs) + "}"


BODIES.add("hstore_to_json", partial(_json, _json_string))
BODIES.add("hstore_to_json_loose", partial(_json, _loose))
BODIES.add("hstore_to_jsonb", lambda value: canonical_jsonb(_json(_json_string, value)))
BODIES.add("hstore_to_jsonb_loose", lambda value: canonical_jsonb(_json(_loose, value)))


@BODIES.for_types("hstore_from_record")
def from_record(call: CallTypes) -> Body:
    """A pair for each field of a row, by its text."""
    types = call.types
    columns = [(field.name, field.type) for field in types.attributes(types.base(call.arguments[0]))]

    def run(context: EvaluationContext, row: Any) -> str:
        settings = context.format_settings
        own = list(zip(row.names, row.types, strict=True)) if isinstance(row, Record) else columns
        values = row if row is not None else (None,) * len(own)
        return hstore_text(
            [
                (name, None if value is None else types.io(type_oid).output(value, settings))
                for (name, type_oid), value in zip(own, values, strict=True)
            ]
        )

    return Body(run, takes_context=True)


@BODIES.for_types("hstore_populate_record")
def populate_record(call: CallTypes) -> Body:
    """The row with the fields that the hstore has a key for."""
    types = call.types
    base = types.base(call.arguments[0])
    fields = types.attributes(base)

    def run(context: EvaluationContext, row: Any, value: str | None) -> Value:
        if types.kind(base) != "c":
            raise DatacaveError("first argument must be a rowtype", sqlstate=sqlstate.DATATYPE_MISMATCH)
        if value is None:
            return row
        return tuple(_fields(context, row, hstore_pairs(value)))

    def _fields(context: EvaluationContext, row: Any, pairs: dict[str, str | None]) -> Iterator[Value]:
        settings = context.format_settings
        for place, field in enumerate(fields):
            if field.name not in pairs:
                yield None if row is None else row[place]
                continue
            text = pairs[field.name]
            read = types.io(field.type).input
            found = None if text is None else read(text, field.typmod, settings)
            yield context.domain_value(field.type, found) if types.kind(field.type) == "d" else found

    return Body(run, takes_context=True)
