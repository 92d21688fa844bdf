"""Comparison of everything but numbers: operators, btree support functions, larger and smaller.

Most values compare as Python objects do; the others through the comparison keys of core's types. text compares by
code point (collation "C"). Not here: date against timestamp with time zone (zoned.py), ranges and networks.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from struct import pack
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import GREATEST
from datacave_core.types.jsonb import jsonb_key
from datacave_core.values import Array, Interval, TimeTz, Value
from datacave_sql.functions.body import Bodies, Body, CallTypes

BODIES = Bodies()

Key = Callable[[Value], Any]

_PLAIN = {
    "eq": (lambda a, b: a == b, "{0} == {1}"),
    "ne": (lambda a, b: a != b, "{0} != {1}"),
    "lt": (lambda a, b: a < b, "{0} < {1}"),
    "le": (lambda a, b: a <= b, "{0} <= {1}"),
    "gt": (lambda a, b: a > b, "{0} > {1}"),
    "ge": (lambda a, b: a >= b, "{0} >= {1}"),
}


def compare(a: Any, b: Any) -> int:
    """-1, 0 or 1."""
    return 1 if a > b else -1 if a < b else 0


def plain(symbol: str) -> None:
    """The six operators of values that compare as they are; `{}` in the symbol stands for eq, lt and so on."""
    for word, (call, template) in _PLAIN.items():
        BODIES.add(symbol.format(word), call, template)


def _operations(key: Key) -> dict[str, Callable[[Any, Any], bool]]:
    return {
        "eq": lambda a, b: key(a) == key(b),
        "ne": lambda a, b: key(a) != key(b),
        "lt": lambda a, b: key(a) < key(b),
        "le": lambda a, b: key(a) <= key(b),
        "gt": lambda a, b: key(a) > key(b),
        "ge": lambda a, b: key(a) >= key(b),
    }


def by_key(symbol: str, key: Key, template: str | None = None, larger: str = "", smaller: str = "") -> None:
    """The six operators through a key; `template` inlines the key of `{0}`."""
    for word, call in _operations(key).items():
        inline = None
        if template is not None:
            operator = _PLAIN[word][1].split()[1]
            inline = f"{template} {operator} {template.replace('{0}', '{1}')}"
        BODIES.add(symbol.format(word), call, inline)
    if larger:
        BODIES.add(larger, lambda a, b: a if key(a) > key(b) else b)
    if smaller:
        BODIES.add(smaller, lambda a, b: a if key(a) < key(b) else b)


plain("name{}")
for _symbol in (
    "char{}", "date_{}", "time_{}", "timestamp_{}", "uuid_{}", "bytea{}", "pg_lsn_{}", "xid8{}", "oidvector{}",
    "name{}text", "text{}name", "cash_{}", "tid{}",
):  # fmt: skip
    plain(_symbol)
for _word, (_call, _template) in _PLAIN.items():
    BODIES.add(f"text{_word}" if _word in ("eq", "ne") else f"text_{_word}", _call, _template)
    BODIES.add(f"bool{_word}", _call, _template)
    if _word not in ("eq", "ne"):
        BODIES.add(f"text_pattern_{_word}", _call, _template)
BODIES.add("xideq cideq", lambda a, b: a == b, "{0} == {1}")
BODIES.add("xidneq", lambda a, b: a != b, "{0} != {1}")
BODIES.add("btcharcmp", lambda a, b: compare(_char(a), _char(b)))
BODIES.add(
    "btboolcmp btnamecmp bttextcmp btnametextcmp bttextnamecmp bttext_pattern_cmp date_cmp time_cmp timestamp_cmp "
    "uuid_cmp byteacmp pg_lsn_cmp xid8cmp btoidvectorcmp cash_cmp bttidcmp",
    compare,
)
for _type in ("text", "date", "time", "timestamp", "pg_lsn", "xid8"):
    BODIES.add(f"{_type}_larger", max, "({0} if {0} > {1} else {1})")
    BODIES.add(f"{_type}_smaller", min, "({0} if {0} < {1} else {1})")
BODIES.add("cashlarger tidlarger", max)
BODIES.add("cashsmaller tidsmaller", min)


def _char(value: str) -> int:
    return ord(value) if value else 0


def blank_free(value: str) -> str:
    """A char(n) without the padding that comparison ignores."""
    return value.rstrip(" ")


by_key("bpchar{}", blank_free, "{0}.rstrip(' ')", "bpchar_larger", "bpchar_smaller")
for _word, _operation in _operations(blank_free).items():
    if _word not in ("eq", "ne"):
        BODIES.add(f"bpchar_pattern_{_word}", _operation)
BODIES.add("bpcharcmp btbpchar_pattern_cmp", lambda a, b: compare(blank_free(a), blank_free(b)))

DAY_MICROSECONDS = 86_400_000_000


def interval_key(value: Interval) -> int:
    """The length of an interval with months of 30 and days of 24 hours."""
    return (value.months * 30 + value.days) * DAY_MICROSECONDS + value.microseconds


def timetz_key(value: TimeTz) -> tuple[int, int]:
    """The moment in UTC, then the zone."""
    return value.microseconds + value.zone_seconds * 1_000_000, value.zone_seconds


by_key("interval_{}", interval_key, None, "interval_larger", "interval_smaller")
by_key("timetz_{}", timetz_key, None, "timetz_larger", "timetz_smaller")
by_key("jsonb_{}", jsonb_key)
BODIES.add("interval_cmp", lambda a, b: compare(interval_key(a), interval_key(b)))
BODIES.add("timetz_cmp", lambda a, b: compare(timetz_key(a), timetz_key(b)))
BODIES.add("jsonb_cmp", lambda a, b: compare(jsonb_key(a), jsonb_key(b)))


def record_key(value: Value) -> Any:
    """A key for a field of a record whose type is not at hand, by the kind of value."""
    if value is None:
        return GREATEST
    if isinstance(value, float | Decimal):
        return value if value == value else GREATEST
    if isinstance(value, Interval):
        return interval_key(value)
    if isinstance(value, TimeTz):
        return timetz_key(value)
    if isinstance(value, Array):
        return tuple(map(record_key, value.elements)), value.lengths, value.lower_bounds
    if isinstance(value, tuple):
        return tuple(map(record_key, value))
    return value


def _uncomparable(types: CallTypes, type_oid: int, what: str = "an equality operator") -> DatacaveError:
    """42883 of a type without equality, or without an order."""
    inner = types.types.element(type_oid) or type_oid
    return DatacaveError(
        f"could not identify {what} for type {types.types.name(inner)}", sqlstate=sqlstate.UNDEFINED_FUNCTION
    )


def _is_uncomparable(types: CallTypes, type_oid: int) -> bool:
    """Whether a type is known to lack equality; of a pseudo-type, as in IS DISTINCT FROM, nothing is known."""
    return types.types.kind(type_oid) != "p" and not types.types.io(type_oid).comparable


def _missing(word: str) -> str:
    return "an equality operator" if word in ("eq", "ne") else "a comparison function"


def _record_operation(word: str, *, image: bool) -> Callable[[CallTypes], Body]:
    operation: Callable[[Any, Any], bool] = _PLAIN[word][0]

    def specialise(types: CallTypes) -> Body:
        keys = record_keys(types, key=_image_key) if image else record_keys(types, _missing(word))
        return Body(lambda a, b: operation(*keys(a, b)))

    return specialise


def _record_order(types: CallTypes) -> Body:
    keys = record_keys(types, _missing("cmp"))
    return Body(lambda a, b: compare(*keys(a, b)))


def _image_order(types: CallTypes) -> Body:
    keys = record_keys(types, key=_image_key)
    return Body(lambda a, b: compare(*keys(a, b)))


def _image_key(value: Value) -> Any:
    """A key by the bytes of a field: numbers as unsigned ones, so that negative ones come last."""
    if isinstance(value, int):
        return value % 2**64
    if isinstance(value, float):
        return int.from_bytes(pack("!d", value), "big")
    return tuple(map(_image_key, value)) if type(value) is tuple else record_key(value)


def record_keys(
    types: CallTypes, missing: str = "", key: Callable[[Value], Any] = record_key
) -> Callable[[Any, Any], tuple[Any, Any]]:
    """The keys of two records, up to the first fields that differ where their types are not alike.

    Raises 42804 when the comparison gets to fields of unlike types, or to the end of one record only, and 42883 when
    it gets to values of a type that lacks what is `missing` to compare them.
    """
    left, right = ([one.type for one in types.types.attributes(oid)] for oid in types.arguments[:2])
    bare = {oid for oid in left if missing and not types.types.io(oid).comparable}
    if left and left == right and not bare:
        return lambda a, b: (key(a), key(b))

    def keys(a: Any, b: Any) -> tuple[Any, Any]:
        place = 0
        for place, (x, y) in enumerate(zip(a, b, strict=False)):
            if left and right and left[place] != right[place]:
                names = types.types.name(left[place]), types.types.name(right[place])
                raise _unlike(place, f"column types {names[0]} and {names[1]}")
            if bare and left[place] in bare:
                raise _uncomparable(types, left[place], missing)
            first, second = key(x), key(y)
            if x is not None and y is not None and _kind(first) is not _kind(second):
                raise _unlike(place, "column types")
            if first != second:
                return first, second
        if len(a) != len(b):
            raise DatacaveError(
                "cannot compare record types with different numbers of columns", sqlstate=sqlstate.DATATYPE_MISMATCH
            )
        return 0, 0

    return keys


def _kind(key: Any) -> type:
    """Numbers compare with one another, and so does the greatest value with everything."""
    return int if isinstance(key, int | float | Decimal) or key is GREATEST else type(key)


def _unlike(place: int, what: str) -> DatacaveError:
    return DatacaveError(
        f"cannot compare dissimilar {what} at record column {place + 1}", sqlstate=sqlstate.DATATYPE_MISMATCH
    )


for _symbol in ("record", "record_image"):
    for _word in _PLAIN:
        BODIES.for_types(f"{_symbol}_{_word}")(_record_operation(_word, image=_symbol == "record_image"))
BODIES.for_types("btrecordcmp")(_record_order)
BODIES.for_types("btrecordimagecmp")(_image_order)


def _itself(value: Value) -> Value:
    return value


def key_of(type_oid: int, types: CallTypes) -> Key:
    """The comparison key of a type, the identity where values compare as they are.

    That of a type without equality raises 42883.
    """
    if _is_uncomparable(types, type_oid):
        return _no_key(types, type_oid, "an equality operator")
    return types.types.comparison_key(type_oid) or _itself


def _no_key(types: CallTypes, type_oid: int, what: str) -> Key:
    def key(value: Value) -> Any:
        raise _uncomparable(types, type_oid, what)

    return key


def _ordered_key(types: CallTypes) -> Key:
    type_oid = types.arguments[0]
    if _is_uncomparable(types, type_oid):
        return _no_key(types, type_oid, "a comparison function")
    return key_of(type_oid, types)


def _array_operation(word: str) -> Callable[[CallTypes], Body]:
    if word in ("eq", "ne"):
        return lambda types: Body(_operations(key_of(types.arguments[0], types))[word])
    return lambda types: Body(_operations(_ordered_key(types))[word])


def _chooser(*, larger: bool) -> Callable[[CallTypes], Body]:
    def specialise(types: CallTypes) -> Body:
        key = _ordered_key(types)
        if larger:
            return Body(lambda a, b: a if key(a) > key(b) else b)
        return Body(lambda a, b: a if key(a) < key(b) else b)

    return specialise


def _three_way(types: CallTypes) -> Body:
    key = _ordered_key(types)
    return Body(lambda a, b: compare(key(a), key(b)))


for _prefix in ("array", "enum"):
    for _word in _PLAIN:
        BODIES.for_types(f"{_prefix}_{_word}")(_array_operation(_word))
    BODIES.for_types(f"{_prefix}_larger")(_chooser(larger=True))
    BODIES.for_types(f"{_prefix}_smaller")(_chooser(larger=False))
BODIES.for_types("btarraycmp", "enum_cmp")(_three_way)
