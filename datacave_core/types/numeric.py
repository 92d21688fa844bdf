"""numeric: a Decimal whose exponent is never positive and whose negated exponent is PostgreSQL's display scale.

Invariants of every value made here: zero has no sign; exponent <= 0; at most 131,072 digits before the point and
16,383 after it; NaN and the infinities are Decimal's own. Not here: the arithmetic itself (the SQL layer's functions),
though its rules of scale, rounding and overflow are.
"""

from __future__ import annotations

import decimal
import re
from decimal import Decimal
from struct import Struct
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import (
    GREATEST,
    Decoder,
    Encoder,
    TypeIO,
    bad_length,
    decode_utf8,
    invalid_input,
)
from datacave_core.types.settings import FormatSettings
from datacave_core.types.typmod import numeric_modifier

SCALE_MAX: Final = 16383
WHOLE_DIGITS_MAX: Final = 131072
DISPLAY_SCALE_MAX: Final = 1000
SIGNIFICANT_DIGITS_MIN: Final = 16

EXACT: Final = decimal.Context(
    prec=400_000,
    rounding=decimal.ROUND_HALF_UP,
    Emin=-999_999_999,
    Emax=999_999_999,
    traps=[],
)
"""For additions, subtractions, multiplications and quantize, which are exact in it; rounds half away from zero.

No condition traps: NaN and infinities combine as PostgreSQL's do, and errors (division by zero) are the caller's to
raise.
"""

NAN: Final = Decimal("NaN")
INFINITY: Final = Decimal("Infinity")

_NUMBER: Final = re.compile(
    r"[ \t\n\v\f\r]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE][ \t\n\v\f\r]*([+-]?[0-9]+))?[ \t\n\v\f\r]*"
)
_SPECIAL: Final = re.compile(r"[ \t\n\v\f\r]*(nan|[+-]?inf(?:inity)?)[ \t\n\v\f\r]*", re.IGNORECASE | re.ASCII)
_EXPONENT_MAX: Final = (2**31 - 1) // 2
_HEAD: Final = Struct("!HhHH")
_POSITIVE, _NEGATIVE, _NAN, _PLUS_INFINITY, _MINUS_INFINITY = 0x0000, 0x4000, 0xC000, 0xD000, 0xF000
_SCALE_OF_INFINITY: Final = 0x20
"""What PostgreSQL sends as the display scale of infinities: a bit of their sign."""


def quantum(scale: int) -> Decimal:
    """10 ** -scale, the second argument of Decimal.quantize."""
    return _QUANTA[scale] if 0 <= scale < 64 else Decimal((0, (1,), -scale))


_QUANTA: Final = tuple(Decimal((0, (1,), -scale)) for scale in range(64))


def parse_numeric(text: str) -> Decimal:
    """The number that text names, with the display scale that its digits and exponent give; raises 22P02, 22003."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        special = _SPECIAL.fullmatch(text)
        if special is not None:
            return Decimal(special[1])
        found = _NUMBER.match(text)
        if found is not None and found[2] is not None and _is_huge(found[2]):
            raise numeric_overflow()
        raise invalid_input("numeric", text)
    exponent = found[2]
    if exponent is None:
        value = Decimal(found[1])
    else:
        if _is_huge(exponent):
            raise numeric_overflow()
        value = _shifted(Decimal(found[1]), int(exponent))
    if len(text) > SCALE_MAX:
        check_numeric(value)
    return value if value else value.copy_abs()


def read_literal(digits: str) -> Decimal:
    """The numeric of digits with a point among them, perhaps behind a minus; there is no negative zero."""
    value = Decimal(digits)
    return value if value else value.copy_abs()


def _is_huge(exponent: str) -> bool:
    digits = exponent.lstrip("+-").lstrip("0")
    return len(digits) > 10 or int(digits or 0) >= _EXPONENT_MAX


def _shifted(value: Decimal, power: int) -> Decimal:
    """value * 10**power; the scale shrinks to 0 at most, and zeros fill the place of a positive exponent."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    exponent += power
    if not value:
        result = Decimal((0, (0,), min(exponent, 0)))
    elif exponent > 0:
        if exponent + len(digits) > WHOLE_DIGITS_MAX:
            raise numeric_overflow()
        result = Decimal((sign, digits + (0,) * exponent, 0))
    else:
        result = Decimal((sign, digits, exponent))
    check_numeric(result)
    return result


def numeric_overflow() -> DatacaveError:
    """22003: more digits than the type can hold."""
    return DatacaveError("value overflows numeric format", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)


def check_numeric(value: Decimal) -> Decimal:
    """Returns the value; raises 22003 when it has more digits than numeric can hold."""
    if value.is_finite() and ((value and value.adjusted() >= WHOLE_DIGITS_MAX) or _exponent(value) < -SCALE_MAX):
        raise numeric_overflow()
    return value


def normal_numeric(value: Decimal) -> Decimal:
    """Brings a result of Decimal arithmetic into this module's invariants: no signed zero, no positive exponent."""
    if not value.is_finite():
        return NAN if value.is_nan() else value
    if _exponent(value) > 0:
        value = value.quantize(_QUANTA[0], context=EXACT) if value else _QUANTA_ZERO
    if not value:
        value = value.copy_abs()
    return check_numeric(value)


_QUANTA_ZERO: Final = Decimal(0)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def display_scale(value: Decimal) -> int:
    """The number of digits shown after the point; 0 for NaN and infinities."""
    return -_exponent(value)


def round_numeric(value: Decimal, scale: int) -> Decimal:
    """Rounds half away from zero to `scale` places; a negative scale rounds before the point and shows none."""
    if not value.is_finite():
        return value
    if scale < 0:
        if value.adjusted() + 1 < -scale:
            return _QUANTA_ZERO
        value = value.quantize(quantum(scale), context=EXACT).quantize(_QUANTA[0], context=EXACT)
    else:
        value = value.quantize(quantum(scale), context=EXACT)
    return value if value else value.copy_abs()


def apply_numeric_typmod(value: Decimal, typmod: int, explicit: bool) -> Decimal:
    """Rounds to the declared scale and checks the precision; raises 22003 `numeric field overflow`."""
    modifier = numeric_modifier(typmod)
    if modifier is None:
        return value
    precision, scale = modifier
    if not value.is_finite():
        if value.is_nan():
            return value
        raise _field_overflow(f"A field with precision {precision}, scale {scale} cannot hold an infinite value.")
    value = round_numeric(value, scale)
    whole_digits = precision - scale
    if value and value.adjusted() >= whole_digits:
        bound = f"10^{whole_digits}" if whole_digits else "1"
        raise _field_overflow(
            f"A field with precision {precision}, scale {scale} must round to an absolute value less than {bound}."
        )
    return value


def _field_overflow(detail: str) -> DatacaveError:
    return DatacaveError("numeric field overflow", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE, detail=detail)


def select_div_scale(dividend: Decimal, divisor: Decimal) -> int:
    """The display scale of a quotient: at least 16 significant digits, estimated from base-10000 weights."""
    weight1, first1 = _leading_group(dividend)
    weight2, first2 = _leading_group(divisor)
    weight = weight1 - weight2 - (first1 <= first2)
    scale = max(SIGNIFICANT_DIGITS_MIN - weight * 4, display_scale(dividend), display_scale(divisor), 0)
    return min(scale, DISPLAY_SCALE_MAX)


def _leading_group(value: Decimal) -> tuple[int, int]:
    """The weight and value of the first base-10000 digit; (0, 0) for zero."""
    if not value:
        return 0, 0
    weight = value.adjusted() // 4
    return weight, int(value.copy_abs().scaleb(-4 * weight, EXACT))


def format_numeric(value: Decimal) -> str:
    """All digits of the display scale, never an exponent."""
    text = str(value)
    return f"{value:f}" if "E" in text else text


def numeric_key(value: Decimal) -> object:
    """NaN equals itself and is greater than every other value."""
    return GREATEST if value.is_nan() else value


def send_numeric(value: Decimal) -> bytes:
    """Binary form: number of base-10000 digits, weight, sign, display scale, the digits."""
    if not value.is_finite():
        code = _NAN if value.is_nan() else _PLUS_INFINITY if value > 0 else _MINUS_INFINITY
        return _HEAD.pack(0, 0, code, 0 if code == _NAN else _SCALE_OF_INFINITY)
    text = str(value)
    if "E" in text:
        text = f"{value:f}"
    sign = _POSITIVE
    if text[0] == "-":
        sign = _NEGATIVE
        text = text[1:]
    whole, _, fraction = text.partition(".")
    scale = len(fraction)
    lead = -len(whole) % 4
    weight = (len(whole) + lead) // 4 - 1
    digits = "000"[:lead] + whole + fraction + "000"[: -scale % 4]
    groups = [int(digits[at : at + 4]) for at in range(0, len(digits), 4)]
    if not groups[0] or not groups[-1]:
        while groups and not groups[-1]:
            groups.pop()
        start = 0
        while start < len(groups) and not groups[start]:
            start += 1
        groups = groups[start:]
        weight = weight - start if groups else 0
    count = len(groups)
    pack = _GROUPS[count].pack if count < len(_GROUPS) else Struct(f"!HhHH{count}H").pack
    return pack(count, weight, sign, scale, *groups)


_GROUPS: Final = tuple([Struct(f"!HhHH{count}H") for count in range(32)])


def receive_numeric(data: bytes) -> Decimal:
    """The reverse of send_numeric; digits beyond the display scale are cut off, as PostgreSQL does."""
    if len(data) < 8:
        raise bad_length(data, 8)
    count, weight, sign, scale = _HEAD.unpack_from(data)
    if sign not in (_POSITIVE, _NEGATIVE, _NAN, _PLUS_INFINITY, _MINUS_INFINITY):
        raise _bad_binary("sign")
    if scale > SCALE_MAX:
        raise _bad_binary("scale")
    if len(data) != 8 + 2 * count:
        raise bad_length(data, 8 + 2 * count)
    groups = Struct(f"!{count}H").unpack_from(data, 8)
    for group in groups:
        if group > 9999:
            raise _bad_binary("digit")
    if sign not in (_POSITIVE, _NEGATIVE):
        return NAN if sign == _NAN else INFINITY if sign == _PLUS_INFINITY else -INFINITY
    power = (weight - count + 1) * 4
    if count <= 8 and -60 < power < 60 and scale <= 60:
        number = 0
        for group in groups:
            number = number * 10000 + group
        number = number * 10 ** (power + scale) if power >= -scale else number // 10 ** (-scale - power)
        return Decimal(f"{'-' if sign and number else ''}{number}E-{scale}")
    digits = "".join([f"{group:04d}" for group in groups]) or "0"
    value = Decimal(f"{digits}E{power}").quantize(quantum(scale), rounding=decimal.ROUND_DOWN, context=EXACT)
    return check_numeric(value.copy_negate() if sign == _NEGATIVE and value else value)


def _bad_binary(part: str) -> DatacaveError:
    return DatacaveError(f'invalid {part} in external "numeric" value', sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION)


def _input(text: str, typmod: int, settings: FormatSettings) -> Decimal:
    value = parse_numeric(text)
    return value if typmod < 0 else apply_numeric_typmod(value, typmod, False)


def _output(value: Decimal, settings: FormatSettings) -> str:
    return format_numeric(value)


def _text_encoder(settings: FormatSettings) -> Encoder:
    def encode(value: Decimal) -> bytes:
        text = str(value)
        return (f"{value:f}" if "E" in text else text).encode()

    return encode


def _text_decoder(settings: FormatSettings, typmod: int) -> Decoder:
    def decode(data: bytes) -> Decimal:
        """Short plain digits skip the pattern."""
        text = decode_utf8(data)
        digits = text[1:] if text[:1] == "-" else text
        if len(text) < 64 and digits.replace(".", "", 1).isdecimal() and text.isascii():
            value = Decimal(text)
            if not value:
                value = value.copy_abs()
        else:
            value = parse_numeric(text)
        return value if typmod < 0 else apply_numeric_typmod(value, typmod, False)

    return decode


NUMERIC_IO: Final = TypeIO(
    input=_input,
    output=_output,
    receive=receive_numeric,
    send=send_numeric,
    apply_typmod=apply_numeric_typmod,
    comparison_key=numeric_key,
    text_encoder=_text_encoder,
    text_decoder=_text_decoder,
)
