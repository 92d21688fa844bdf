"""Regular expressions as PostgreSQL means them, with bounded running time.

A pattern is parsed by PostgreSQL's rules. Where no quantified part contains a quantifier without limit it runs on
Python's engine; where quantifiers are nested, and backtracking could explode, on the machine of machine.py.
"""

from __future__ import annotations

import re
from functools import lru_cache

from datacave_sql.functions.regex.machine import Machine, Spans
from datacave_sql.functions.regex.nodes import Alternatives, Group, Look, Node, Repeat, Sequence
from datacave_sql.functions.regex.parser import Options, Parser, options_of, regex_error
from datacave_sql.functions.regex.translation import translate

__all__ = ["Options", "Regex", "compile_regex", "options_of", "regex_error"]

UNBOUNDED_MIN = 16
"""A quantifier with a higher limit than this counts as one without limit."""

NEIGHBOURS_MAX = 4
"""More quantifiers without limit than this in one pattern make backtracking too slow as well."""


class Regex:
    """A compiled pattern. `groups` is the number of capturing groups."""

    __slots__ = ("_machine", "_pattern", "groups")

    def __init__(self, node: Node, groups: int, options: Options) -> None:
        self.groups = groups
        self._machine: Machine | None = None
        self._pattern: re.Pattern[str] | None = None
        if _is_risky(node):
            self._machine = Machine(node, groups, options)
        else:
            self._pattern = re.compile(translate(node, options), re.IGNORECASE if options.ignore_case else 0)

    def search(self, text: str, start: int = 0) -> Spans | None:
        """The first match at or after `start`: spans of the whole and of the groups."""
        if self._pattern is None:
            assert self._machine is not None
            return self._machine.search(text, start)
        found = self._pattern.search(text, start)
        return None if found is None else found.regs

    def matches(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text."""
        if self._pattern is not None:
            return self._pattern.search(text) is not None
        return self.search(text) is not None


@lru_cache(maxsize=512)
def compile_regex(pattern: str, options: Options = Options()) -> Regex:  # noqa: B008 - an immutable value
    """Parses and compiles; raises 2201B."""
    parser = Parser(pattern, options)
    node = parser.parse()
    return Regex(node, parser.groups, parser.options)


def _unbounded(node: Node) -> int:
    """The number of quantifiers without limit."""
    if isinstance(node, Repeat):
        own = node.high is None or node.high > UNBOUNDED_MIN
        return _unbounded(node.body) + own
    if isinstance(node, Sequence):
        return sum(map(_unbounded, node.parts))
    if isinstance(node, Alternatives):
        return sum(map(_unbounded, node.branches))
    return _unbounded(node.body) if isinstance(node, Group | Look) else 0


def _is_risky(node: Node) -> bool:
    return _nested(node) or _unbounded(node) > NEIGHBOURS_MAX


def _variable(node: Node) -> bool:
    """Whether there is more than one way through: any quantifier that is not exact, or alternatives."""
    if isinstance(node, Repeat):
        return node.low != node.high or _variable(node.body)
    if isinstance(node, Alternatives):
        return True
    if isinstance(node, Sequence):
        return any(map(_variable, node.parts))
    return _variable(node.body) if isinstance(node, Group | Look) else False


def _nested(node: Node) -> bool:
    if isinstance(node, Repeat):
        repeated = node.high is None or node.high > 1
        return (repeated and _variable(node.body)) or _nested(node.body)
    if isinstance(node, Sequence):
        return any(map(_nested, node.parts))
    if isinstance(node, Alternatives):
        return any(map(_nested, node.branches))
    return _nested(node.body) if isinstance(node, Group | Look) else False
