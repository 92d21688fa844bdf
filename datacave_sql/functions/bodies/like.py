"""LIKE and ILIKE, and the translation of SIMILAR TO patterns.

A pattern becomes a compiled Python pattern in which a wildcard is never followed by a quantified group, so that the
time is bounded by pattern length times text length per `%`. Patterns of the simple shapes `abc`, `abc%`, `%abc`,
`%abc%` need no pattern at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.functions.body import Bodies

BODIES = Bodies()


def _bad_escape(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_ESCAPE_SEQUENCE)


ANY_CHARACTER = "\0_"
DANGLING = "\0\\"


def tokens(pattern: str) -> list[str | None]:
    """The pattern as literal texts, ANY_CHARACTER for `_`, None for `%`, and DANGLING for an escape at the end."""
    parts: list[str | None] = []
    literal: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "\\":
            if at == len(pattern):
                parts += ["".join(literal)] if literal else []
                return [*parts, DANGLING]
            literal.append(pattern[at])
            at += 1
            continue
        if character not in "%_":
            literal.append(character)
            continue
        if literal:
            parts.append("".join(literal))
            literal.clear()
        parts.append(None if character == "%" else ANY_CHARACTER)
    if literal:
        parts.append("".join(literal))
    return parts


Matcher = Callable[[str], bool]


@lru_cache(maxsize=512)
def like_matcher(pattern: str) -> Matcher:
    """A function that says whether a text matches a LIKE pattern. Raises 22025 for a dangling escape."""
    parts = tokens(pattern)
    if DANGLING not in parts:
        return _matcher(parts)
    # The end of the pattern only matters to a text that gets there with characters left.
    reaches = _matcher([*parts[:-1], ANY_CHARACTER, None])

    def match(text: str) -> bool:
        if reaches(text):
            raise _bad_escape("LIKE pattern must not end with escape character")
        return False

    return match


def _matcher(parts: list[str | None]) -> Matcher:
    if ANY_CHARACTER not in parts:
        literals = [part for part in parts if part is not None]
        if not literals:
            return (lambda text: not text) if not parts else (lambda text: True)
        if len(literals) == 1:
            word = literals[0]
            if parts[0] is not None:
                return word.__eq__ if len(parts) == 1 else (lambda text: text.startswith(word))
            if parts[-1] is not None:
                return lambda text: text.endswith(word)
            return lambda text: word in text
    return _segments(parts)


def _segments(parts: list[str | None]) -> Matcher:
    """Matches segments between `%` from left to right, each at its first place: linear in practice, never worse
    than pattern length times text length."""
    groups: list[list[str]] = [[]]
    for part in parts:
        if part is None:
            groups.append([])
        else:
            groups[-1].append(part)
    sources = ["".join("." if piece == ANY_CHARACTER else re.escape(piece) for piece in group) for group in groups]
    patterns = [re.compile(source, re.DOTALL) for source in sources]
    lengths = [sum(1 if piece == ANY_CHARACTER else len(piece) for piece in group) for group in groups]
    if len(patterns) == 1:
        whole = patterns[0].fullmatch
        return lambda text: whole(text) is not None
    first, last, tail = patterns[0], patterns[-1], lengths[-1]
    middle: list[str | re.Pattern[str]] = []
    for group, pattern in zip(groups[1:-1], patterns[1:-1], strict=True):
        if group:
            middle.append(pattern if ANY_CHARACTER in group else "".join(group))

    def match(text: str) -> bool:
        found = first.match(text)
        if found is None:
            return False
        at = found.end()
        for part in middle:
            if isinstance(part, str):
                at = text.find(part, at)
                if at < 0:
                    return False
                at += len(part)
            else:
                found = part.search(text, at)
                if found is None:
                    return False
                at = found.end()
        start = len(text) - tail
        return start >= at and last.fullmatch(text, start) is not None

    return match


def like(text: str, pattern: str) -> bool:
    """text LIKE pattern, with backslash as escape."""
    return like_matcher(pattern)(text)


def ilike(text: str, pattern: str) -> bool:
    """text ILIKE pattern."""
    return like_matcher(pattern.lower())(text.lower())


BODIES.inline(like_matcher=like_matcher)
BODIES.add("textlike namelike", like, "like_matcher({1})({0})")
BODIES.add("textnlike namenlike", lambda text, pattern: not like(text, pattern), "not like_matcher({1})({0})")
BODIES.add("texticlike nameiclike", ilike)
BODIES.add("texticnlike nameicnlike", lambda text, pattern: not ilike(text, pattern))


@BODIES("bytealike")
def bytes_like(value: bytes, pattern: bytes) -> bool:
    """LIKE over bytes."""
    return like(value.decode("latin-1"), pattern.decode("latin-1"))


BODIES.add("byteanlike", lambda value, pattern: not bytes_like(value, pattern))


@BODIES("like_escape")
def with_escape(pattern: str, escape: str) -> str:
    """The pattern with its own escape character replaced by the backslash."""
    if escape == "\\":
        return pattern
    if not escape:
        return pattern.replace("\\", "\\\\")
    if len(escape) != 1:
        raise DatacaveError(
            "invalid escape string",
            sqlstate=sqlstate.INVALID_ESCAPE_SEQUENCE,
            hint="Escape string must be empty or one character.",
        )
    parts = []
    after_escape = False
    for character in pattern:
        if character == escape and not after_escape:
            parts.append("\\")
            after_escape = True
        else:
            parts.append("\\\\" if character == "\\" and not after_escape else character)
            after_escape = False
    return "".join(parts)


@BODIES("like_escape_bytea")
def bytes_with_escape(pattern: bytes, escape: bytes) -> bytes:
    """The same over bytes."""
    return with_escape(pattern.decode("latin-1"), escape.decode("latin-1")).encode("latin-1")
