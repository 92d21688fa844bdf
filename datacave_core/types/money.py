"""money: an int, hundredths of the currency, printed as the locale C prints it: -$1,234.56."""

from __future__ import annotations

import re
from struct import Struct
from typing import Final

from datacave_core.types.codec import TypeIO, bad_length, invalid_input, out_of_range
from datacave_core.types.settings import FormatSettings

_BINARY: Final = Struct("!q")
_AMOUNT: Final = re.compile(
    r"\s*\$?\s*([-(+]?)\s*\$?\s*((?:[0-9]|,)*)(?:\.,*((?:[0-9],*){0,2}))?([0-9]?)[0-9]*([\s)\-+$]*)", re.ASCII
)


def parse_money(text: str) -> int:
    """A currency sign, thousands separators, and parentheses for a negative amount are allowed; 22P02, 22003."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise invalid_input("money", text)
    sign, whole, fraction, following, tail = found.groups()
    digits = (fraction or "").replace(",", "")
    value = int(whole.replace(",", "") + digits or "0")
    if following >= "5":
        value += 1
    value *= (100, 10, 1)[len(digits)]
    if (sign in ("-", "(") and sign) or "-" in tail:
        value = -value
    if not -(2**63) <= value < 2**63:
        raise out_of_range("money", text)
    return value


def format_money(value: int) -> str:
    """Two places, commas between thousands."""
    whole, cents = divmod(abs(value), 100)
    return f"{'-' if value < 0 else ''}${whole:,}.{cents:02d}"


def _input(text: str, typmod: int, settings: FormatSettings) -> int:
    return parse_money(text)


def _output(value: int, settings: FormatSettings) -> str:
    return format_money(value)


def _receive(data: bytes) -> int:
    if len(data) != 8:
        raise bad_length(data, 8)
    return int.from_bytes(data, "big", signed=True)


MONEY_IO: Final = TypeIO(_input, _output, _receive, _BINARY.pack)
