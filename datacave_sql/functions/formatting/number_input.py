"""to_number: picks the digits, the point and the sign out of a text, at the places a template names."""

from __future__ import annotations

from datacave_sql.functions.formatting.number_template import NumberTemplate, number_template, refuse_input

_DATA = "0123456789.,+-"


class _Reader:
    """The text being read; `sign` is a blank until one is found."""

    def __init__(self, t: NumberTemplate, text: str) -> None:
        self.t = t
        self.text = text
        self.at = 0
        self.sign = " "
        self.digits: list[str] = []
        self.whole_count = 0
        self.fraction_count = 0
        self.in_fraction = False

    def current(self) -> str:
        return self.text[self.at : self.at + 1]

    def over(self) -> bool:
        return self.at >= len(self.text)

    def skip_other(self, count: int) -> None:
        """Passes over up to `count` characters that are no part of a number."""
        while count > 0 and not self.over() and self.current() not in _DATA:
            self.at += 1
            count -= 1

    def digit(self, word: str) -> bool:
        """One 9, 0 or point; False when the cursor must stay where it is."""
        if self.current() == " ":
            self.at += 1
        if self.over():
            return True
        if self.sign == " " and word in ("9", "0") and not self.whole_count + self.fraction_count:
            self._leading_sign()
        if self.over():
            return True
        read = False
        character = self.current()
        if "0" <= character <= "9":
            if self.in_fraction and self.fraction_count == self.t.post:
                return True
            self.digits.append(character)
            if self.in_fraction:
                self.fraction_count += 1
            else:
                self.whole_count += 1
            read = True
        elif self.t.decimal and not self.in_fraction and character == ".":
            self.digits.append(".")
            self.in_fraction = True
            read = True
        if self.sign == " " and self.whole_count + self.fraction_count > 0:
            self._trailing_sign(read)
        return True

    def _leading_sign(self) -> None:
        character = self.current()
        if character == "-" or (self.t.bracket and not self.t.sign_place and character == "<"):
            self.sign = "-"
            self.at += 1
        elif character == "+":
            self.sign = "+"
            self.at += 1

    def _trailing_sign(self, read: bool) -> None:
        following = self.text[self.at + 1 : self.at + 2]
        if self.t.sign_place:
            if read and following and following in "+-":
                self.sign = following
                self.at += 1
        elif not read and (self.t.plus or self.t.minus) and self.current() in ("-", "+"):
            self.sign = self.current()

    def result(self) -> str:
        digits = "".join(self.digits)
        return self.sign + digits.removesuffix(".")


def read_number(text: str, template: str) -> tuple[str, int, int, int]:
    """The number's text, the precision and scale the template allows, and how far V shifts the point."""
    t = number_template(template)
    if t.scientific:
        raise refuse_input("EEEE")
    if t.roman:
        raise refuse_input("RN")
    reader = _Reader(t, text)
    for word, literal in t.tokens:
        if reader.over():
            break
        if literal:
            reader.at += 1
        elif word in ("9", "0", ".", "D"):
            reader.digit(word)
            reader.at += 1
        elif word in (",", "G"):
            if t.fill:
                continue
            if reader.current() == ",":
                reader.at += 1
        elif word == "L":
            reader.skip_other(1)
        elif word in ("TH", "th"):
            reader.skip_other(2)
        elif word in ("MI", "PL", "SG"):
            found = reader.current()
            if (found == "-" and word != "PL") or (found == "+" and word != "MI"):
                reader.sign = found
                reader.at += 1
            else:
                reader.skip_other(1)
    scale = reader.fraction_count
    return reader.result(), t.pre + t.multi + scale, scale, t.multi
