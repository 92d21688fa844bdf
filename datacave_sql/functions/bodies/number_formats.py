"""to_char for numbers and to_number."""

from __future__ import annotations

from decimal import Decimal

from datacave_core.types.numeric import apply_numeric_typmod, parse_numeric
from datacave_core.types.typmod import numeric_typmod
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.formatting.number_input import read_number
from datacave_sql.functions.formatting.number_output import format_bigint, format_decimal, format_float, format_integer

BODIES = Bodies()

BODIES.add("numeric_to_char", format_decimal)
BODIES.add("int4_to_char", format_integer)
BODIES.add("int8_to_char", format_bigint)
BODIES.add("float8_to_char", format_float)
BODIES.add("float4_to_char", lambda value, template: format_float(value, template, 6))


@BODIES("numeric_to_number")
def to_number(text: str, template: str) -> Decimal | None:
    """The number that the text holds at the template's places."""
    if not template:
        return None
    digits, precision, scale, shift = read_number(text, template)
    value = parse_numeric(digits)
    if 1 <= precision <= 1000:
        value = apply_numeric_typmod(value, numeric_typmod(precision, scale), False)
    return value.scaleb(-shift) if shift else value
