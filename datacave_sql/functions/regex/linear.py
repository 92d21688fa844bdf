"""Linear: RE2 behind our patterns; its time is bounded by pattern size times text length, whatever the pattern.

RE2 works on bytes and prefers what backtracking prefers, so spans agree with Python's engine. It has no back references
and no lookarounds, and its word edges know ASCII only: patterns with the former have no Linear, texts for which the
latter would matter are refused.
Source: github.com/google/re2, wiki/Syntax.
"""

from __future__ import annotations

import re

import re2

from datacave_sql.functions.regex.nodes import BackReference, CharacterSet, Look, Node, prefers_longest
from datacave_sql.functions.regex.parser import Options
from datacave_sql.functions.regex.translation import Translator

Spans = tuple[tuple[int, int], ...]
"""(start, end) of the whole match and of every group; (-1, -1) for a group that took no part."""

_ANCHORS = {"text_start": r"\A", "text_end": r"\z", "word_edge": r"\b", "word_inside": r"\B"}
_CLASSES = {
    "alpha": r"\p{L}\p{Nl}\p{No}",
    "alnum": r"\p{L}\p{N}",
    "upper": r"A-Z\x{c0}-\x{d6}\x{d8}-\x{de}\x{391}-\x{3a9}\x{410}-\x{42f}",
    "lower": r"a-z\x{df}-\x{f6}\x{f8}-\x{ff}\x{3b1}-\x{3c9}\x{430}-\x{44f}",
}
_WORD = r"\p{L}\p{N}_"
ENCODED_MAX = 4
"""Texts that are gone through at the same time without being encoded again and again."""

_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|.)", re.DOTALL)


class Unfit(Exception):
    """The pattern, or the text, is not for RE2."""


class Linear:
    """A compiled pattern. Raises Unfit."""

    __slots__ = ("_ascii_only", "_count", "_last", "_pattern", "_plain")

    def __init__(self, node: Node, options: Options) -> None:
        translator = _LinearTranslator(options)
        settings = re2.Options()
        settings.log_errors = False
        settings.case_sensitive = not options.ignore_case
        greedy = prefers_longest(node) is not False
        try:
            self._pattern = re2.compile(translator.write(node, greedy).encode(), settings)
            translator.captures = False
            self._plain = re2.compile(translator.write(node, greedy).encode(), settings)
        except (re2.error, UnicodeEncodeError) as error:
            raise Unfit from error
        self._count = self._pattern.groups + 1
        self._ascii_only = translator.ascii_only
        self._last: list[_Encoded] = []

    def matches(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text. Raises Unfit."""
        if self._ascii_only and not text.isascii():
            raise Unfit
        return self._plain.search(text.encode()) is not None

    def search(self, text: str, start: int) -> Spans | None:
        """The first match at or after `start`. Raises Unfit."""
        last = next((one for one in self._last if one.text is text), None)
        if last is None:
            if self._ascii_only and not text.isascii():
                raise Unfit
            last = _Encoded(text)
            self._last = [last, *self._last[: ENCODED_MAX - 1]]
        found = self._pattern.search(last.data, last.place(start))
        if found is None:
            self._last.remove(last)  # the last one of a series: the text need not be kept
            return None
        return last.spans(tuple(found.span(number) for number in range(self._count)))


class _Encoded:
    """A text as RE2 wants it; places in both are told from each other going forward from the last one."""

    __slots__ = ("_ascii", "_byte", "_character", "data", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode()
        self._ascii = len(self.data) == len(text)
        self._byte = self._character = 0

    def place(self, start: int) -> int:
        """The byte at which a character begins."""
        if self._ascii:
            return start
        if start < self._character:
            self._byte = self._character = 0
        self._byte += len(self.text[self._character : start].encode())
        self._character = start
        return self._byte

    def spans(self, found: Spans) -> Spans:
        """Spans of bytes as spans of characters; none of them begins before the last `place`."""
        if self._ascii:
            return found
        places = sorted({place for span in found for place in span if place >= 0})
        known: dict[int, int] = {-1: -1}
        byte, character = self._byte, self._character
        for place in places:
            character += len(self.data[byte:place].decode())
            byte = place
            known[place] = character
        return tuple((known[low], known[high]) for low, high in found)


class _LinearTranslator(Translator):
    """Writes RE2's syntax; `captures`: groups are told."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.captures = True
        self.ascii_only = False

    def write(self, node: Node, greedy: bool) -> str:
        if isinstance(node, BackReference | Look):
            raise Unfit
        return super().write(node, greedy)

    def _open(self, number: int) -> str:
        return "(" if number and self.captures else "(?:"

    def _anchor(self, kind: str) -> str:
        if kind in ("start", "end") and self.options.newline_anchors:
            return "(?m:^)" if kind == "start" else "(?m:$)"
        kind = {"start": "text_start", "end": "text_end"}.get(kind, kind)
        if kind not in _ANCHORS:
            raise Unfit
        self.ascii_only = self.ascii_only or kind.startswith("word")
        return _ANCHORS[kind]

    def _set(self, node: CharacterSet) -> str:
        body, *classes = node.body.split("\0")
        if self.options.ignore_case and ("upper" in classes or "lower" in classes):
            raise Unfit
        if body.startswith("^"):
            body = "\\" + body
        inside = _ESCAPE.sub(_escaped, body) + "".join(_CLASSES[name] for name in classes)
        if node.negated and self.options.newline_stops:
            inside += r"\n"
        return f"[{'^' if node.negated else ''}{inside}]"


def _escaped(found: re.Match[str]) -> str:
    escape = found[1]
    if escape == "w":
        return _WORD
    return f"\\x{{{escape[1:]}}}" if len(escape) > 1 else found[0]
