"""Numeric templates: `FM9,990.00`, `S999`, `9.99EEEE`, read into tokens and the counts that formatting needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported

KEYWORDS = (
    "EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", "rn", "th", ",", ".", "0", "9", "B", "C", "D", "G", "L",
    "S", "V",
)  # fmt: skip
_LOWER = {"b", "c", "d", "g", "l", "s", "v", "eeee", "fm", "mi", "pl", "pr", "sg", "sp"}


@dataclass(slots=True)
class NumberTemplate:
    """`tokens` are (keyword, "") or ("", literal). Counts and flags are named after what they count."""

    tokens: list[tuple[str, str]] = field(default_factory=list)
    pre: int = 0
    post: int = 0
    multi: int = 0
    zero_start: int = 0
    zero_end: int = 0
    sign_place: str = ""  # "", "pre" or "post": where S stands
    sign_pre_digits: int = 0
    zero: bool = False
    blank: bool = False
    decimal: bool = False
    fill: bool = False
    minus: bool = False
    plus: bool = False
    bracket: bool = False
    roman: bool = False
    shifted: bool = False
    scientific: bool = False


def _error(message: str, detail: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.SYNTAX_ERROR, detail=detail)


@lru_cache(maxsize=256)
def number_template(text: str) -> NumberTemplate:
    """Reads a template; raises 42601 for keywords that do not go together. The result must not be changed."""
    template = NumberTemplate()
    at = 0
    while at < len(text):
        keyword = _keyword(text, at)
        if keyword is not None:
            at += len(keyword)
            name = keyword if keyword in ("rn", "th") else keyword.upper()
            _note(template, name)
            template.tokens.append((name, ""))
        elif text[at] == '"':
            at += 1
            while at < len(text) and text[at] != '"':
                if text[at] == "\\" and at + 1 < len(text):
                    at += 1
                template.tokens.append(("", text[at]))
                at += 1
            at += 1
        else:
            if text.startswith('\\"', at):
                at += 1
            template.tokens.append(("", text[at]))
            at += 1
    return template


def _keyword(text: str, at: int) -> str | None:
    for word in KEYWORDS:
        found = text[at : at + len(word)]
        if found == word or (found in _LOWER and found.upper() == word):
            return found
    return None


def _note(t: NumberTemplate, word: str) -> None:
    """Counts a keyword and checks that it may stand where it does."""
    if t.scientific and word != "EEEE":
        raise _error('"EEEE" must be the last pattern used')
    if word in ("9", "0"):
        _note_digit(t, word)
    elif word == "B":
        t.blank = t.blank or (t.pre == 0 and t.post == 0 and not t.zero)
    elif word in ("D", "."):
        if t.decimal:
            raise _error("multiple decimal points")
        if t.shifted:
            raise _error('cannot use "V" and decimal point together')
        t.decimal = True
    elif word == "FM":
        t.fill = True
    elif word in ("S", "MI", "PL", "SG", "PR"):
        _note_sign(t, word)
    elif word in ("RN", "rn"):
        t.roman = True
    elif word == "V":
        if t.decimal:
            raise _error('cannot use "V" and decimal point together')
        t.shifted = True
    elif word == "EEEE":
        if t.scientific:
            raise _error('cannot use "EEEE" twice')
        if t.blank or t.fill or t.sign_place or t.bracket or t.minus or t.plus or t.roman or t.shifted:
            raise _error(
                '"EEEE" is incompatible with other formats',
                '"EEEE" may only be used together with digit and decimal point patterns.',
            )
        t.scientific = True


def _note_digit(t: NumberTemplate, word: str) -> None:
    if t.bracket:
        raise _error(f'"{word}" must be ahead of "PR"')
    if word == "9" and t.shifted:
        t.multi += 1
        return
    if word == "0" and not t.zero and not t.decimal:
        t.zero, t.zero_start = True, t.pre + 1
    if t.decimal:
        t.post += 1
    else:
        t.pre += 1
    if word == "0":
        t.zero_end = t.pre + t.post


def _note_sign(t: NumberTemplate, word: str) -> None:
    if word == "S":
        if t.sign_place:
            raise _error('cannot use "S" twice')
        if t.plus or t.minus or t.bracket:
            raise _error('cannot use "S" and "PL"/"MI"/"SG"/"PR" together')
        t.sign_place, t.sign_pre_digits = ("post", t.sign_pre_digits) if t.decimal else ("pre", t.pre)
    elif word == "PR":
        if t.sign_place or t.plus or t.minus:
            raise _error('cannot use "PR" and "S"/"PL"/"MI"/"SG" together')
        t.bracket = True
    else:
        if t.sign_place:
            raise _error(f'cannot use "S" and "{word}" together')
        t.minus = t.minus or word in ("MI", "SG")
        t.plus = t.plus or word in ("PL", "SG")


def refuse_input(word: str) -> FeatureNotSupported:
    """to_number cannot read these."""
    return FeatureNotSupported(f'"{word}" not supported for input')
