"""Regular expressions as PostgreSQL means them, with bounded running time.

A pattern is parsed by PostgreSQL's rules. Python's engine searches texts of a length at which backtracking cannot take
long, however it goes (ways.py); longer ones are for RE2 (linear.py), which takes linear time. What RE2 lacks is
done by backtracking with an end to it (bounded.py), and where that is met by the machine of machine.py, which is slow
but linear; back references and lookarounds, which that does not know either, get an error then.
"""

from __future__ import annotations

import re
from functools import lru_cache

from datacave_sql.functions.regex.bounded import Bounded, TooComplex
from datacave_sql.functions.regex.linear import Linear, Unfit
from datacave_sql.functions.regex.machine import Machine, Spans
from datacave_sql.functions.regex.nodes import Node
from datacave_sql.functions.regex.parser import Options, Parser, options_of, regex_error
from datacave_sql.functions.regex.translation import translate
from datacave_sql.functions.regex.ways import length_max, needs_backtracking

__all__ = ["Options", "Regex", "compile_regex", "options_of", "regex_error"]


class Regex:
    """A compiled pattern. `groups` is the number of capturing groups."""

    __slots__ = ("_bounded", "_length_max", "_linear", "_machine", "_node", "_options", "_pattern", "groups")

    def __init__(self, node: Node, groups: int, options: Options) -> None:
        self.groups = groups
        self._node = node
        self._options = options
        self._length_max = length_max(node)
        self._linear: Linear | None = None
        self._bounded: Bounded | None = None
        self._machine: Machine | None = None
        self._pattern: re.Pattern[str] | None = None
        if self._length_max >= 0:
            self._pattern = re.compile(translate(node, options), re.IGNORECASE if options.ignore_case else 0)
        try:
            self._linear = Linear(node, options)
        except Unfit:
            self._prepare()

    def _prepare(self) -> None:
        """Makes what does without RE2: the machine never where backtracking is needed, and only where it fails else."""
        if needs_backtracking(self._node) or self._pattern is not None:
            self._bounded = Bounded(translate(self._node, self._options), self._options.ignore_case)
        if self._bounded is None:
            self._machine = Machine(self._node, self.groups, self._options)

    def search(self, text: str, start: int = 0) -> Spans | None:
        """The first match at or after `start`: spans of the whole and of the groups. Raises 54001 where a pattern that
        needs backtracking takes too long."""
        if self._pattern is not None and len(text) <= self._length_max:
            found = self._pattern.search(text, start)
            return None if found is None else found.regs
        if self._linear is not None:
            try:
                return self._linear.search(text, start)
            except Unfit:
                pass
        if self._bounded is None and self._machine is None:
            self._prepare()
        if self._bounded is not None:
            try:
                return self._bounded.search(text, start)
            except TooComplex:
                if needs_backtracking(self._node):
                    raise
        if self._machine is None:
            self._machine = Machine(self._node, self.groups, self._options)
        return self._machine.search(text, start)

    def matches(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text."""
        if self._pattern is not None and len(text) <= self._length_max:
            return self._pattern.search(text) is not None
        if self._linear is not None:
            try:
                return self._linear.matches(text)
            except Unfit:
                pass
        return self.search(text) is not None


@lru_cache(maxsize=512)
def compile_regex(pattern: str, options: Options = Options()) -> Regex:  # noqa: B008 - an immutable value
    """Parses and compiles; raises 2201B."""
    parser = Parser(pattern, options)
    node = parser.parse()
    return Regex(node, parser.groups, parser.options)
