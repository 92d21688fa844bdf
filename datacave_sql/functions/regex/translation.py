"""Turns parsed regular expressions into Python's.

PostgreSQL takes the longest (or, where the first quantifier says so, the shortest) match of the whole expression;
Python tries alternatives and quantifiers in order. The translation brings the two together as far as it can: all
quantifiers of a sequence follow its preference, and an alternative that begins with another literal one stands
before it. What remains different: captures of alternatives that overlap in less obvious ways.
"""

from __future__ import annotations

import re

from datacave_core.errors import FeatureNotSupported
from datacave_sql.functions.regex.nodes import (
    Alternatives,
    Anchor,
    AnyCharacter,
    BackReference,
    CharacterSet,
    Group,
    Literal,
    Look,
    Node,
    Repeat,
    Sequence,
    prefers_longest,
)
from datacave_sql.functions.regex.parser import Options

_ANCHORS = {
    "text_start": r"\A",
    "text_end": r"\Z",
    "word_start": r"\b(?=\w)",
    "word_end": r"\b(?<=\w)",
    "word_edge": r"\b",
    "word_inside": r"\B",
}
_CLASSES = {
    "alpha": r"[^\W\d_]",
    "alnum": r"[^\W_]",
    "upper": r"(?-i:[A-Z\u00c0-\u00d6\u00d8-\u00de\u0391-\u03a9\u0410-\u042f])",
    "lower": r"(?-i:[a-z\u00df-\u00f6\u00f8-\u00ff\u03b1-\u03c9\u0430-\u044f])",
}


def translate(node: Node, options: Options) -> str:
    """The Python pattern; options other than case are worked in."""
    return Translator(options).write(node, prefers_longest(node) is not False)


class Translator:
    """Writes a pattern, part by part."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def write(self, node: Node, greedy: bool) -> str:
        """A part; `greedy`: whether its quantifiers want much."""
        if isinstance(node, Literal):
            return re.escape(node.character)
        if isinstance(node, AnyCharacter):
            return r"[^\n]" if self.options.newline_stops else r"(?s:.)"
        if isinstance(node, CharacterSet):
            return self._set(node)
        if isinstance(node, Anchor):
            return self._anchor(node.kind)
        if isinstance(node, BackReference):
            return f"(?:\\{node.number})"
        if isinstance(node, Sequence):
            return "".join(self.write(part, greedy) for part in node.parts)
        if isinstance(node, Alternatives):
            return "|".join(self.write(branch, greedy) for branch in _ordered(node.branches))
        if isinstance(node, Group):
            return f"{self._open(node.number)}{self.write(node.body, greedy)})"
        if isinstance(node, Look):
            return self._look(node)
        return self._repeat(node, greedy)

    def _open(self, number: int) -> str:
        return "(" if number else "(?:"

    def _repeat(self, node: Repeat, greedy: bool) -> str:
        body = self.write(node.body, greedy)
        if len(body) > 1 and not isinstance(node.body, Group | CharacterSet | AnyCharacter | BackReference | Literal):
            body = f"(?:{body})"
        bounds = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((node.low, node.high))
        if bounds is None:
            if node.low == node.high:
                return f"{body}{{{node.low}}}"
            bounds = f"{{{node.low},{'' if node.high is None else node.high}}}"
        return body + bounds + ("" if greedy else "?")

    def _set(self, node: CharacterSet) -> str:
        body, *classes = node.body.split("\0")
        if not classes:
            if node.negated and self.options.newline_stops:
                body += r"\n"
            if body.startswith("^"):
                body = "\\" + body
            return f"[{'^' if node.negated else ''}{body}]"
        choices = [_CLASSES[name] for name in classes] + ([f"[{body}]"] if body else [])
        if not node.negated:
            return choices[0] if len(choices) == 1 else f"(?:{'|'.join(choices)})"
        newline = r"(?!\n)" if self.options.newline_stops else ""
        return f"(?:{newline}(?!{'|'.join(choices)})(?s:.))"

    def _anchor(self, kind: str) -> str:
        if kind == "start":
            return r"(?m:^)" if self.options.newline_anchors else r"\A"
        if kind == "end":
            return r"(?m:$)" if self.options.newline_anchors else r"\Z"
        return _ANCHORS[kind]

    def _look(self, node: Look) -> str:
        body = self.write(node.body, True)
        if node.ahead:
            return f"(?{'!' if node.negated else '='}{body})"
        found = f"(?<{'!' if node.negated else '='}{body})"
        try:
            re.compile(found)
        except re.error as error:
            raise FeatureNotSupported(
                "lookbehind of variable width is not supported",
                hint="Use a lookbehind whose alternatives all have one fixed length.",
            ) from error
        return found


def _width(node: Node) -> int | None:
    """How many characters a part matches, where that is one number."""
    if isinstance(node, Literal | AnyCharacter | CharacterSet):
        return 1
    if isinstance(node, Anchor | Look):
        return 0
    if isinstance(node, Group):
        return _width(node.body)
    if isinstance(node, Repeat):
        inner = _width(node.body)
        return None if inner is None or node.low != node.high else inner * node.low
    if isinstance(node, Sequence | Alternatives):
        widths = [_width(part) for part in (node.parts if isinstance(node, Sequence) else node.branches)]
        if any(width is None for width in widths):
            return None
        known = [width for width in widths if width is not None]
        if isinstance(node, Sequence):
            return sum(known)
        return known[0] if len(set(known)) == 1 else None
    return None


def _ordered(branches: tuple[Node, ...]) -> tuple[Node, ...]:
    """Branches of known widths by falling width, so that the longest that fits is taken."""
    widths = [_width(branch) for branch in branches]
    if any(width is None for width in widths):
        return branches
    return tuple(branch for _, branch in sorted(zip(widths, branches, strict=True), key=lambda pair: -(pair[0] or 0)))
