"""Bounded backtracking: for back references and lookarounds, which no automaton knows, with an end to the trying.

The module `regex` takes what Python's `re` takes, and can be told how long.
"""

from __future__ import annotations

import regex
from datacave_core import sqlstate
from datacave_core.errors import DatacaveError

SECONDS_MAX = 0.04
"""Processor time of one search: meanwhile the server does nothing else."""

Spans = tuple[tuple[int, int], ...]


class TooComplex(DatacaveError):
    """A text takes too long."""

    sqlstate = sqlstate.STATEMENT_TOO_COMPLEX


class Bounded:
    """A compiled pattern."""

    __slots__ = ("_pattern",)

    def __init__(self, pattern: str, ignore_case: bool) -> None:
        self._pattern = regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)

    def search(self, text: str, start: int) -> Spans | None:
        """The first match at or after `start`. Raises TooComplex."""
        try:
            found = self._pattern.search(text, start, timeout=SECONDS_MAX)
        except TimeoutError:
            raise TooComplex(
                "regular expression is too complex for this text",
                detail=f"Back references and lookarounds are tried for {SECONDS_MAX * 1000:.0f} ms at most.",
                hint="Use fewer quantifiers, or split the text.",
            ) from None
        return None if found is None else found.regs
