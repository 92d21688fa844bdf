"""Date and time templates: `FMDay, DD "de" Month YYYY`, read into tokens."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

KEYWORDS = (
    "A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "CC", "DAY", "DDD", "DD", "DY", "Day", "Dy", "D", "FF1", "FF2", "FF3",
    "FF4", "FF5", "FF6", "FX", "HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I", "J", "MI", "MM",
    "MONTH", "MON", "MS", "Month", "Mon", "OF", "P.M.", "PM", "Q", "RM", "SSSSS", "SSSS", "SS", "TZH", "TZM", "TZ",
    "US", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY", "Y",
    "a.d.", "a.m.", "ad", "am", "b.c.", "bc", "cc", "day", "ddd", "dd", "dy", "d", "ff1", "ff2", "ff3", "ff4", "ff5",
    "ff6", "fx", "hh24", "hh12", "hh", "iddd", "id", "iw", "iyyy", "iyy", "iy", "i", "j", "mi", "mm", "month", "mon",
    "ms", "of", "p.m.", "pm", "q", "rm", "sssss", "ssss", "ss", "tzh", "tzm", "tz", "us", "ww", "w", "y,yyy", "yyyy",
    "yyy", "yy", "y",
)  # fmt: skip
_SPELLED = frozenset(
    {"A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "P.M.", "PM", "DAY", "Day", "DY", "Dy", "MONTH", "Month", "MON", "Mon",
     "RM", "TZ", "a.d.", "a.m.", "ad", "am", "b.c.", "bc", "p.m.", "pm", "day", "dy", "month", "mon", "rm", "tz"}
)  # fmt: skip
"""Keywords whose case shows in the output; all others are the same in either case."""

_BY_FIRST: dict[str, list[str]] = {}
for _word in sorted(KEYWORDS, key=len, reverse=True):
    _BY_FIRST.setdefault(_word[0], []).append(_word)

_NUMERIC = frozenset(
    {"CC", "DDD", "DD", "D", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY",
     "IYY", "IY", "I", "J", "MI", "MM", "MS", "Q", "SSSSS", "SSSS", "SS", "US", "WW", "W", "Y,YYY", "YYYY", "YYY",
     "YY", "Y"}
)  # fmt: skip


class Token(NamedTuple):
    """A keyword with its modifiers, or one literal character (`word` is "").

    `kind` of a literal: "space", "separator" or "text" (quoted, or a letter or digit).
    """

    word: str
    literal: str = ""
    kind: str = ""
    fill: bool = False
    translate: bool = False
    ordinal: str = ""  # th or TH

    @property
    def is_numeric(self) -> bool:
        """Whether the keyword stands for digits."""
        return self.word in _NUMERIC


@lru_cache(maxsize=256)
def date_template(text: str) -> tuple[Token, ...]:
    """Reads a template; anything that is no keyword is literal."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        start = at
        fill = translate = False
        while text[at : at + 2] in ("FM", "fm", "TM"):
            fill = fill or text[at] in "Ff"
            translate = translate or text[at] == "T"
            at += 2
        word = next((w for w in _BY_FIRST.get(text[at : at + 1], ()) if text.startswith(w, at)), None)
        if word is not None:
            at += len(word)
            ordinal = text[at : at + 2] if text[at : at + 2] in ("TH", "th") else ""
            at += len(ordinal)
            if text[at : at + 2] in ("SP", "sp"):
                at += 2
            tokens.append(Token(word if word in _SPELLED else word.upper(), "", "", fill, translate, ordinal))
        elif start != at:
            continue
        elif text[at] == '"':
            at += 1
            while at < len(text) and text[at] != '"':
                if text[at] == "\\" and at + 1 < len(text):
                    at += 1
                tokens.append(Token("", text[at], "text"))
                at += 1
            at += 1
        else:
            if text.startswith('\\"', at):
                at += 1
            tokens.append(Token("", text[at], _kind(text[at])))
            at += 1
    return tuple(tokens)


def _kind(character: str) -> str:
    if character.isspace():
        return "space"
    if character.isascii() and character.isprintable() and not character.isalnum():
        return "separator"
    return "text"
