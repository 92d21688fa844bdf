"""fuzzystrmatch: how far texts are from each other by edits, and by how English names sound."""

from __future__ import annotations

from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.functions.body import Bodies

BODIES = Bodies()

LENGTH_MAX: Final = 255
SOUNDEX_LENGTH: Final = 4
_SOUNDS: Final = {
    letter: code
    for code, letters in {"1": "BFPV", "2": "CGJKQSXZ", "3": "DT", "4": "L", "5": "MN", "6": "R"}.items()
    for letter in letters
}


def _checked(*texts: str) -> None:
    if any(len(text) > LENGTH_MAX for text in texts):
        raise DatacaveError(
            f"levenshtein argument exceeds maximum length of {LENGTH_MAX} characters",
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
        )


@BODIES("levenshtein", "levenshtein_with_costs")
def levenshtein(source: str, target: str, insert: int = 1, delete: int = 1, substitute: int = 1) -> int:
    """The least cost of edits that turn one text into the other. Raises 22023 for long texts."""
    _checked(source, target)
    above = [place * insert for place in range(len(target) + 1)]
    for row, letter in enumerate(source, 1):
        line = [row * delete]
        for place, other in enumerate(target, 1):
            kept = above[place - 1] + (0 if letter == other else substitute)
            line.append(min(above[place] + delete, line[-1] + insert, kept))
        above = line
    return above[-1]


@BODIES("levenshtein_less_equal")
def levenshtein_less_equal(source: str, target: str, limit: int) -> int:
    """The same, or some number above the limit where it is above."""
    return _limited(levenshtein(source, target), limit)


@BODIES("levenshtein_less_equal_with_costs")
def levenshtein_less_equal_with_costs(
    source: str, target: str, insert: int, delete: int, substitute: int, limit: int
) -> int:
    """The same with costs."""
    return _limited(levenshtein(source, target, insert, delete, substitute), limit)


def _limited(distance: int, limit: int) -> int:
    return distance if limit < 0 or distance <= limit else limit + 1


@BODIES("soundex")
def soundex(text: str) -> str:
    """The first letter of a name and three digits for the sounds that follow; "" without letters."""
    letters = [letter for letter in text.upper() if letter.isascii()]
    start = next((place for place, letter in enumerate(letters) if letter.isalpha()), None)
    if start is None:
        return ""
    found = letters[start]
    for before, letter in zip(letters[start:], letters[start + 1 :], strict=False):
        code = _SOUNDS.get(letter)
        if code is not None and code != _SOUNDS.get(before):
            found += code
            if len(found) == SOUNDEX_LENGTH:
                break
    return found.ljust(SOUNDEX_LENGTH, "0")


@BODIES("difference")
def difference(a: str, b: str) -> int:
    """How many places of the sounds of two names agree."""
    return sum(x == y for x, y in zip(soundex(a).ljust(4), soundex(b).ljust(4), strict=True))
