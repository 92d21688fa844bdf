"""to_char for numbers: digits laid into a template from left to right.

`write` gets the rounded digits without sign; leading places the number does not fill become blanks or zeros, and the
sign is written right before the first digit unless the template says where.
"""

from __future__ import annotations

import math
from decimal import Decimal

from datacave_core.types.numeric import EXACT, format_numeric, round_numeric
from datacave_sql.functions.bodies.integer import check_int4, check_int8
from datacave_sql.functions.bodies.numerics import multiply, to_int4
from datacave_sql.functions.formatting.number_template import NumberTemplate, number_template

_ONES = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_TENS = ("", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC")
_HUNDREDS = ("", "C", "CC", "CCC", "CD", "D", "DC", "DCC", "DCCC", "CM")


def roman(number: int) -> str:
    """The Roman numeral; hash signs outside 1 to 3999."""
    if not 1 <= number <= 3999:
        return "#" * 15
    thousands, rest = divmod(number, 1000)
    return "M" * thousands + _HUNDREDS[rest // 100] + _TENS[rest // 10 % 10] + _ONES[rest % 10]


class _Layout:
    """The state of one number on its way into a template."""

    def __init__(self, t: NumberTemplate, digits: str, sign: str, post: int, pre: int, blanks: int) -> None:
        self.t = t
        self.digits = digits
        self.at = 0
        self.sign = sign
        self.post = post
        self.blanks = blanks
        self.out: list[str] = []
        self.inside = False
        self.place = 0
        self.zero_start = t.zero_start - 1 if t.zero_start else 0
        self.bracket = t.bracket
        self.sign_place = t.sign_place
        if t.plus or t.minus:
            self.sign_written = not (t.plus and not t.minus)
        else:
            if sign != "-" and t.bracket and t.fill:
                self.bracket = False
            self.sign_written = sign == "+" and t.fill and not t.sign_place
            if t.sign_place == "pre" and pre == t.sign_pre_digits:
                self.sign_place = "post"
        if t.roman:
            self.sign_place, self.bracket = "", False
        self.count = post + pre - 1
        self.last_relevant = self._last_relevant() if t.fill and t.decimal else None
        if not self.sign_written and blanks == 0:
            self.count += 1

    def _last_relevant(self) -> int | None:
        """The index of the last digit that FM keeps; the point itself when the fraction is all zeros."""
        point = self.digits.find(".")
        if point < 0:
            return None
        last = max((i for i in range(point + 1, len(self.digits)) if self.digits[i] != "0"), default=point)
        if self.t.zero_end > self.blanks:
            last = max(last, min(len(self.digits) - 1, self.t.zero_end - self.blanks))
        return last

    def _character(self) -> str:
        return self.digits[self.at : self.at + 1]

    def _leading_zero(self) -> bool:
        """A zero before the point that a template without 0 leaves blank."""
        return not self.t.zero and self.at == 0 and self.digits[:1] == "0" and self.post != 0

    def _relevant_is_point(self) -> bool:
        return self.last_relevant is not None and self.digits[self.last_relevant] == "."

    def _write_sign(self) -> None:
        started = self.place >= self.blanks or (self.t.zero and self.zero_start == self.place)
        if self.sign_written or not started or (self._leading_zero() and not self._relevant_is_point()):
            return
        if self.sign_place:
            if self.sign_place == "pre":
                self.out.append("-" if self.sign == "-" else "+")
                self.sign_written = True
        elif self.bracket:
            self.out.append("<" if self.sign == "-" else " ")
            self.sign_written = True
        elif self.sign == "+":
            if not self.t.fill:
                self.out.append(" ")
            self.sign_written = True
        elif self.sign == "-":
            self.out.append("-")
            self.sign_written = True

    def digit(self, word: str) -> None:
        """One 9, 0 or decimal point of the template."""
        self.inside = False
        self._write_sign()
        t = self.t
        if self.place < self.blanks and (self.zero_start > self.place or not t.zero):
            if not t.fill:
                self.out.append(" ")
        elif t.zero and self.place < self.blanks:
            self.out.append("0")
            self.inside = True
        else:
            self._own_character(word)
        end = self.count + (1 if self.blanks else 0) + (1 if t.decimal else 0)
        if self.last_relevant is not None and self.last_relevant == self.at:
            end = self.place
        if self.place + 1 == end:
            if self.sign_written and self.bracket:
                self.out.append(">" if self.sign == "-" else " ")
            elif self.sign_place == "post":
                self.out.append("-" if self.sign == "-" else "+")
        self.place += 1

    def _own_character(self, word: str) -> None:
        character = self._character()
        if character == ".":
            if not self._relevant_is_point() or self.t.fill:
                self.out.append(".")
        elif self.last_relevant is not None and self.at > self.last_relevant and word != "0":
            pass
        elif self._leading_zero():
            if not self.t.fill:
                self.out.append(" ")
            elif self._relevant_is_point():
                self.out.append("0")
        elif character:
            self.out.append(character)
            self.inside = True
        if character:
            self.at += 1


def _write(t: NumberTemplate, digits: str, sign: str, post: int, pre: int, blanks: int) -> str:
    layout = _Layout(t, digits, sign, post, pre, blanks)
    out = layout.out
    for word, literal in t.tokens:
        if literal:
            out.append(literal)
        elif word in ("9", "0", ".", "D"):
            if not t.roman:
                layout.digit(word)
        elif word in (",", "G"):
            if layout.inside:
                out.append(",")
            elif not t.fill:
                out.append(" ")
        elif word == "L":
            out.append(" ")
        elif word in ("RN", "rn"):
            numeral = digits.lower() if word == "rn" else digits
            out.append(numeral if t.fill else numeral.rjust(15))
        elif word in ("TH", "th"):
            if not (t.roman or digits.startswith("#") or sign == "-" or t.decimal):
                ending = _ordinal(digits)
                out.append(ending if word == "th" else ending.upper())
        elif word == "MI":
            if sign == "-" or not t.fill:
                out.append("-" if sign == "-" else " ")
        elif word == "PL":
            if sign == "+" or not t.fill:
                out.append("+" if sign == "+" else " ")
        elif word == "SG":
            out.append(sign)
    return "".join(out)


def _ordinal(digits: str) -> str:
    if digits[-2:-1] == "1":
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(digits[-1:], "th")


def _fill(t: NumberTemplate, digits: str, sign: str, post: int) -> str:
    """Lays out a decimal text, or hash signs when it has too many digits."""
    pre = t.pre + t.multi
    whole = digits.find(".")
    width = whole if whole >= 0 else len(digits)
    if width > pre:
        digits = "#" * pre + "." + "#" * post
        width = pre
    return _write(t, digits, sign, post, pre, pre - width)


def format_decimal(value: Decimal, text: str) -> str:
    """to_char(numeric, text)."""
    t = number_template(text)
    if t.roman:
        return _write(t, roman(to_int4(value)), "", 0, 0, 0)
    if t.scientific:
        return _scientific_decimal(value, t)
    if t.multi:
        value = multiply(value, Decimal(10) ** t.multi)
    shown = format_numeric(round_numeric(value, t.post))
    negative = shown.startswith("-")
    return _fill(t, shown.lstrip("-"), "-" if negative else "+", t.post)


def _hashes(t: NumberTemplate) -> str:
    return " " + "#" * t.pre + "." + "#" * (t.post + 4)


def _scientific_decimal(value: Decimal, t: NumberTemplate) -> str:
    if not value.is_finite():
        return _hashes(t)
    if not value:
        mantissa, exponent = Decimal(0), 0
    else:
        exponent = value.adjusted()
        mantissa = round_numeric(value.scaleb(-exponent, EXACT), t.post)
        if abs(mantissa) >= 10:
            exponent += 1
            mantissa = round_numeric(value.scaleb(-exponent, EXACT), t.post)
    shown = format_numeric(round_numeric(mantissa, t.post))
    sign = "-" if exponent < 0 else "+"
    result = f"{shown}e{sign}{abs(exponent):02d}"
    return result if result.startswith("-") else " " + result


def format_bigint(value: int, text: str) -> str:
    """to_char(bigint, text)."""
    t = number_template(text)
    return _format_integer(check_int8(value * 10**t.multi) if not t.roman and not t.scientific else value, t)


def format_integer(value: int, text: str) -> str:
    """to_char(integer, text); what V shifts beyond 32 bits is lost, as in PostgreSQL."""
    t = number_template(text)
    if t.multi and not t.roman and not t.scientific:
        value = (value * 10**t.multi + 2**31) % 2**32 - 2**31
    return _format_integer(value, t)


def _format_integer(value: int, t: NumberTemplate) -> str:
    if t.roman:
        return _write(t, roman(check_int4(value)), "", 0, 0, 0)
    if t.scientific:
        return f"{value: .{t.post}e}" if abs(value) < 2**31 else _scientific_decimal(Decimal(value), t)
    digits = str(abs(value)) + ("." + "0" * t.post if t.post else "")
    return _fill(t, digits, "-" if value < 0 else "+", t.post)


def format_float(value: float, text: str, digits_max: int = 15) -> str:
    """to_char(double precision, text), or real with 6 digits."""
    t = number_template(text)
    finite = math.isfinite(value)
    if t.roman:
        return _write(t, roman(round(value)) if finite else "#" * 15, "", 0, 0, 0)
    if t.scientific:
        return f"{value: .{t.post}e}" if finite else _hashes(t)
    if t.multi:
        value = value * 10.0**t.multi
    if not finite:
        shown = "NaN" if value != value else "Infinity"
        return _fill_special(t, shown, "-" if value < 0 else "+", digits_max)
    width = len(f"{abs(value):.0f}")
    post = 0 if width >= digits_max else min(t.post, digits_max - width)
    shown = f"{value:.{post}f}"
    negative = shown.startswith("-")
    return _fill(t, shown.lstrip("-"), "-" if negative else "+", post)


def _fill_special(t: NumberTemplate, shown: str, sign: str, digits_max: int) -> str:
    width = len(shown)
    post = 0 if width >= digits_max else min(t.post, digits_max - width)
    return _fill(t, shown, sign, post)
