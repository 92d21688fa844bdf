"""bit and bit varying: strings of 0 and 1, their comparison, logic, shifts, parts and conversions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.bit import apply_bit_typmod, apply_varbit_typmod
from datacave_sql.functions.aggregate import AggregateBody, Aggregates
from datacave_sql.functions.bodies.comparison import compare
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import bad_parameter, overflow_int4, overflow_int8

BODIES = Bodies()
AGGREGATES = Aggregates()

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "cmp": compare,
}
for _word, _operation in _COMPARISONS.items():
    BODIES.add(f"bit{_word}", _operation)

BODIES.add("bit", apply_bit_typmod)
BODIES.add("varbit", apply_varbit_typmod)
_FLIP = str.maketrans("01", "10")

BODIES.add("bitlength", len, "len({0})")
BODIES.add("bit_length(1560)", len, "len({0})")
BODIES.add("bitoctetlength", lambda value: (len(value) + 7) // 8)
BODIES.add("bitcat", lambda a, b: a + b, "{0} + {1}")
BODIES.add("bit_bit_count", lambda value: value.count("1"))
BODIES.add("bitnot", lambda value: value.translate(_FLIP))


def _logic(operation: Callable[[int, int], int], word: str) -> Callable[[str, str], str]:
    def compute(a: str, b: str) -> str:
        if len(a) != len(b):
            raise DatacaveError(
                f"cannot {word} bit strings of different sizes", sqlstate=sqlstate.STRING_DATA_LENGTH_MISMATCH
            )
        return f"{operation(int(a, 2), int(b, 2)):0{len(a)}b}" if a else ""

    return compute


_AND = _logic(lambda a, b: a & b, "AND")
_OR = _logic(lambda a, b: a | b, "OR")
_XOR = _logic(lambda a, b: a ^ b, "XOR")
BODIES.add("bit_and", _AND)
BODIES.add("bit_or", _OR)
BODIES.add("bitxor", _XOR)


def _aggregate(logical: Callable[[str, str], str]) -> AggregateBody:
    def step(state: str | None, value: str) -> str:
        return value if state is None else logical(state, value)

    def batch(state: str | None, values: Sequence[str]) -> str | None:
        return reduce(step, values, state)

    def final(state: str | None) -> str | None:
        return state

    return AggregateBody(initial=lambda: None, step=step, batch=batch, final=final)


for _name, _logical in (("bit_and", _AND), ("bit_or", _OR), ("bit_xor", _XOR)):
    AGGREGATES.add((f"{_name}(1560)",), _aggregate(_logical))


@BODIES("bitshiftleft")
def shift_left(value: str, count: int) -> str:
    """The length stays; zeros come in."""
    if count < 0:
        return shift_right(value, min(-count, len(value)))
    return value[count:] + "0" * min(count, len(value))


@BODIES("bitshiftright")
def shift_right(value: str, count: int) -> str:
    """The length stays; zeros come in."""
    if count < 0:
        return shift_left(value, min(-count, len(value)))
    return "0" * min(count, len(value)) + value[: max(len(value) - count, 0)]


@BODIES("bitposition")
def position(value: str, part: str) -> int:
    """Where the part begins, from 1; 0 for nowhere."""
    return value.find(part) + 1 if value else 0


@BODIES("bitsubstr")
def substring(value: str, start: int, length: int) -> str:
    """As for text."""
    if length < 0:
        raise DatacaveError("negative substring length not allowed", sqlstate=sqlstate.SUBSTRING_ERROR)
    return value[max(start, 1) - 1 : max(start + length, 1) - 1]


BODIES.add("bitsubstr_no_len", lambda value, start: value[max(start, 1) - 1 :])


@BODIES("bitoverlay")
def overlay(value: str, new: str, start: int, length: int) -> str:
    """As for text."""
    if start <= 0:
        raise DatacaveError("negative substring length not allowed", sqlstate=sqlstate.SUBSTRING_ERROR)
    if start + length > 2**31 - 1:
        overflow_int4()
    return value[: start - 1] + new + value[max(start + length - 1, 0) :]


BODIES.add("bitoverlay_no_len", lambda value, new, start: overlay(value, new, start, len(new)))


def _check_index(value: str, place: int) -> None:
    if not 0 <= place < len(value):
        raise DatacaveError(
            f"bit index {place} out of valid range (0..{len(value) - 1})", sqlstate=sqlstate.ARRAY_SUBSCRIPT_ERROR
        )


@BODIES("bitgetbit")
def get_bit(value: str, place: int) -> int:
    """Bit `place` from the left, from 0."""
    _check_index(value, place)
    return int(value[place])


@BODIES("bitsetbit")
def set_bit(value: str, place: int, bit: int) -> str:
    """The value with one bit changed."""
    _check_index(value, place)
    if bit not in (0, 1):
        raise bad_parameter("new bit must be 0 or 1")
    return value[:place] + str(bit) + value[place + 1 :]


def _of_integer(width: int) -> Callable[[int, int], str]:
    def convert(value: int, length: int) -> str:
        length = length if length > 0 else 1
        bits = f"{value & ((1 << width) - 1):0{width}b}"
        if length <= width:
            return bits[width - length :]
        return ("1" if value < 0 else "0") * (length - width) + bits

    return convert


BODIES.add("bitfromint4", _of_integer(32))
BODIES.add("bitfromint8", _of_integer(64))


@BODIES("bittoint4")
def to_int4(value: str) -> int:
    """At most 32 bits, the first of 32 being the sign."""
    if len(value) > 32:
        overflow_int4()
    number = int(value or "0", 2)
    return number - 2**32 if number >= 2**31 else number


@BODIES("bittoint8")
def to_int8(value: str) -> int:
    """At most 64 bits."""
    if len(value) > 64:
        overflow_int8()
    number = int(value or "0", 2)
    return number - 2**64 if number >= 2**63 else number
