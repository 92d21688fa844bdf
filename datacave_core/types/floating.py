"""real and double precision: a Python float; a real is always already rounded to single precision.

Text output is the shortest decimal that reads back to the same value and lies strictly inside its rounding interval,
which is why 1e23 prints as 9.999999999999999e+22 here and not as Python's repr does.
"""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal
from struct import Struct
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import GREATEST, Decoder, Encoder, TypeIO, bad_length, decode_utf8, invalid_input
from datacave_core.types.settings import FormatSettings

_SINGLE: Final = Struct("!f")
_DOUBLE: Final = Struct("!d")
_BITS32: Final = Struct("!i")
_BITS64: Final = Struct("!q")
_NUMBER: Final = re.compile(
    r"[ \t\n\v\f\r]*"
    r"([+-]?(?:(0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?)"
    r"|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|((?:infinity|inf|nan(?:\([0-9a-z_]*\))?))))"
    r"[ \t\n\v\f\r]*",
    re.IGNORECASE | re.ASCII,
)
_NONZERO: Final = re.compile("[1-9]")
_NONZERO_HEX: Final = re.compile("[1-9a-fA-F]")
_SINGLE_NORMAL_MIN: Final = 2.0**-126
_SINGLE_SAFE_MAX: Final = 3e38
_BOUNDARY_LOW: Final = 2.0**53
_BOUNDARY_HIGH: Final = 1e45


def parse_float8(text: str) -> float:
    """The double that text names; raises 22P02 and 22003 with PostgreSQL's words."""
    return _parse(text, "double precision", single=False)


def parse_float4(text: str) -> float:
    """The single-precision value nearest to the decimal text (not to its double)."""
    return _parse(text, "real", single=True)


def _parse(text: str, type_name: str, single: bool) -> float:
    found = _NUMBER.match(text)
    if found is None:
        raise invalid_input(type_name, text)
    complete = found.end() == len(text)
    if found[3] is not None and not complete:
        raise invalid_input(type_name, text)
    value = _number(found, type_name, text if single else found[1], single)
    if not complete:
        raise invalid_input(type_name, text)
    return value


def scan_float8(text: str, at: int, type_name: str) -> tuple[float, int]:
    """The double that stands at a place of a longer text with the blanks around it, and where it ends.

    Raises 22P02 in the name of the type whose text it is, and 22003.
    """
    found = _NUMBER.match(text, at)
    if found is None:
        raise invalid_input(type_name, text)
    return _number(found, "double precision", found[1], single=False), found.end()


def _number(found: re.Match[str], type_name: str, shown: str, single: bool) -> float:
    number = found[1]
    if found[3] is not None:
        return math.nan if "nan" in number.lower() else float(number)
    try:
        value = float.fromhex(number) if found[2] is not None else float(number)
        if single and value:
            value = _round_to_single(value, number, found[2] is not None)
    except OverflowError:
        value = math.inf
    if value - value != 0 or (value == 0 and _has_digits(number, found[2] is not None)):
        raise DatacaveError(
            f'"{shown}" is out of range for type {type_name}', sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE
        )
    return value


def _has_digits(number: str, hexadecimal: bool) -> bool:
    if hexadecimal:
        return _NONZERO_HEX.search(re.split("[pP]", number)[0].lstrip("+-")[2:]) is not None
    return _NONZERO.search(re.split("[eE]", number)[0]) is not None


def _round_to_single(value: float, number: str, hexadecimal: bool) -> float:
    single = float(_SINGLE.unpack(_SINGLE.pack(value))[0])
    if single == value or hexadecimal:
        return single
    other = _neighbour(single, up=value > single)
    if value - single == other - value:
        # The double lies exactly between two singles: the digits behind it decide.
        exact = Decimal(number)
        middle = Decimal(value)
        if exact != middle and (exact > middle) == (other > single):
            if other - other != 0:
                raise OverflowError
            return other
    return single


def _neighbour(single: float, up: bool) -> float:
    """The next single above or below; beyond the largest, the value that would follow it without a limit."""
    bits = _BITS32.unpack(_SINGLE.pack(single))[0]
    if single == 0:
        return 2.0**-149 if up else -(2.0**-149)
    step = 1 if (single > 0) == up else -1
    neighbour = float(_SINGLE.unpack(_BITS32.pack(bits + step))[0])
    return math.copysign(2.0**128, single) if math.isinf(neighbour) else neighbour


def to_single(value: float) -> float:
    """A double rounded to single precision; raises 22003 when it is too large or vanishes, as the cast does."""
    try:
        single = float(_SINGLE.unpack(_SINGLE.pack(value))[0])
    except OverflowError:
        raise DatacaveError("value out of range: overflow", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE) from None
    if single == 0 and value != 0:
        raise DatacaveError("value out of range: underflow", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)
    return single


def format_float8(value: float) -> str:
    """The shortest text; exponents from 15 on and below -4 are written with e."""
    text = repr(value)
    if -1e15 < value < 1e15:
        return text[:-2] if text.endswith(".0") else text
    if value - value != 0:
        return _special(value)
    magnitude = abs(value)
    if _BOUNDARY_LOW <= magnitude < _BOUNDARY_HIGH and _on_boundary(value, text):
        for digits in range(15, 17):
            text = f"{value:.{digits}e}"
            if float(text) == value and not _on_boundary(value, text):
                break
    return _scientific(text)


def _on_boundary(value: float, text: str) -> bool:
    shown, exact = int(Decimal(text)), int(value)
    if shown == exact:
        return False
    neighbour = math.nextafter(value, math.inf if shown > exact else -math.inf)
    return 2 * shown == exact + int(neighbour)


def _scientific(text: str) -> str:
    """Rewrites a decimal of at least 1e15 as mantissa and exponent."""
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text)
    mantissa, _, exponent = digits.partition("e")
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent or 0) + len(whole) - 1
    tail = (whole[1:] + fraction).rstrip("0")
    return f"{sign}{whole[0]}.{tail}e+{power:02d}" if tail else f"{sign}{whole[0]}e+{power:02d}"


def format_float4(value: float) -> str:
    """The shortest text that reads back as the same single; exponents from 6 on and below -4 are written with e."""
    if value - value != 0:
        return _special(value)
    if value == 0:
        return repr(value)[:-2]
    for digits in range(6 if abs(value) >= _SINGLE_NORMAL_MIN else 1, 10):
        text = f"{value:.{digits}g}"
        number = float(text)
        if _SINGLE.unpack(_SINGLE.pack(number))[0] == value and not _single_boundary(value, number):
            break
        if math.frexp(value)[0] in (0.5, -0.5):
            # Above a power of two the interval is twice as wide as below: the next decimal up may still lie in it.
            above = Context(prec=digits).next_plus(Decimal(text).copy_abs())
            upper = f"{math.copysign(float(above), value):.{digits}g}"
            number = float(upper)
            if _SINGLE.unpack(_SINGLE.pack(number))[0] == value:
                text = upper
                break
    if digits <= 6 or "e" in text or abs(value) < 1e6:
        return text
    return _scientific_single(text)


def _single_boundary(value: float, number: float) -> bool:
    return number != value and 2 * number == value + _neighbour(value, up=number > value)


def _scientific_single(text: str) -> str:
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text)
    whole, _, fraction = digits.partition(".")
    tail = (whole[1:] + fraction).rstrip("0")
    power = len(whole) - 1
    return f"{sign}{whole[0]}.{tail}e+{power:02d}" if tail else f"{sign}{whole[0]}e+{power:02d}"


def _special(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def output_float8(value: float, settings: FormatSettings) -> str:
    """The text of a double under a session's extra_float_digits."""
    if settings.extra_float_digits > 0:
        return format_float8(value)
    return _special(value) if value - value != 0 else f"{value:.{max(15 + settings.extra_float_digits, 1)}g}"


def _output4(value: float, settings: FormatSettings) -> str:
    if settings.extra_float_digits > 0:
        return format_float4(value)
    return _special(value) if value - value != 0 else f"{value:.{max(6 + settings.extra_float_digits, 1)}g}"


def _input8(text: str, typmod: int, settings: FormatSettings) -> float:
    return parse_float8(text)


def _input4(text: str, typmod: int, settings: FormatSettings) -> float:
    return parse_float4(text)


def _decode8(data: bytes) -> float:
    """What float() reads to a finite nonzero number is that number; all else goes through the pattern."""
    try:
        value = float(data)
    except ValueError:
        return parse_float8(decode_utf8(data))
    if value and value - value == 0 and b"_" not in data:
        return value
    return parse_float8(decode_utf8(data))


def _decode4(data: bytes) -> float:
    """The same, unless the double lies halfway between two singles, where its digits must be looked at."""
    try:
        value = float(data)
        if _SINGLE_NORMAL_MIN < value < _SINGLE_SAFE_MAX and b"_" not in data:
            (bits,) = _BITS64.unpack(_DOUBLE.pack(value))
            if bits & 0x1FFFFFFF != 0x10000000:
                return float(_SINGLE.unpack(_SINGLE.pack(value))[0])
    except ValueError:
        pass  # read again below, to name the fault
    return parse_float4(decode_utf8(data))


def _text_decoder4(settings: FormatSettings, typmod: int) -> Decoder:
    return _decode4


def _text_decoder8(settings: FormatSettings, typmod: int) -> Decoder:
    return _decode8


def _text_encoder8(settings: FormatSettings) -> Encoder:
    if settings.extra_float_digits <= 0:
        return lambda value: output_float8(value, settings).encode()

    def encode(value: float) -> bytes:
        return format_float8(value).encode()

    return encode


def _receive4(data: bytes) -> float:
    if len(data) != 4:
        raise bad_length(data, 4)
    (value,) = _SINGLE.unpack(data)
    return float(value)


def _receive8(data: bytes) -> float:
    if len(data) != 8:
        raise bad_length(data, 8)
    (value,) = _DOUBLE.unpack(data)
    return float(value)


def float_key(value: float) -> object:
    """NaN equals itself and is greater than every other value."""
    return value if value == value else GREATEST


FLOAT4_IO: Final = TypeIO(
    input=_input4,
    output=_output4,
    receive=_receive4,
    send=_SINGLE.pack,
    comparison_key=float_key,
    text_decoder=_text_decoder4,
)
FLOAT8_IO: Final = TypeIO(
    input=_input8,
    output=output_float8,
    receive=_receive8,
    send=_DOUBLE.pack,
    comparison_key=float_key,
    text_encoder=_text_encoder8,
    text_decoder=_text_decoder8,
)
