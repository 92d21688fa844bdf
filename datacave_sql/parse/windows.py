"""WindowGrammar: WINDOW clauses, window specifications and frames."""

from __future__ import annotations

from typing import Literal

from datacave_core import sqlstate
from datacave_sql.parse.ast import Expression, FrameBound, WindowDefinition, WindowFrame
from datacave_sql.parse.from_clause import FromGrammar
from datacave_sql.parse.keywords import COLUMN_ID

Exclusion = Literal["", "current row", "group", "ties"]
_FRAME_MODES = frozenset(["range", "rows", "groups"])


class WindowGrammar(FromGrammar):
    """window_clause and window_specification."""

    __slots__ = ()

    def window_clause(self) -> tuple[WindowDefinition, ...]:
        """WINDOW name AS (..), .. or nothing."""
        if not self.accept("window"):
            return ()
        found: list[WindowDefinition] = []
        while True:
            name = self.column_id()
            self.expect("as")
            found.append(self.window_specification(name))
            if not self.accept(","):
                return tuple(found)

    def window_specification(self, name: str | None) -> WindowDefinition:
        position = self.position()
        self.expect("(")
        kind = self.kinds[self.index]
        reference = None
        if kind in COLUMN_ID and kind not in _FRAME_MODES and kind != "partition":
            reference = self.column_id()
        partition_by: tuple[Expression, ...] = ()
        if self.accept("partition"):
            self.expect("by")
            partition_by = self.expressions()
        order_by = self.order_by()
        frame = self._frame()
        self.expect(")")
        return WindowDefinition(position, name, reference, partition_by, order_by, frame)

    def _frame(self) -> WindowFrame | None:
        kind = self.kinds[self.index]
        if kind not in _FRAME_MODES:
            return None
        position = self.position()
        self.index += 1
        if self.accept("between"):
            start = self._bound()
            self.expect("and")
            end = self._bound()
            self._check(start, end)
        else:
            start = self._bound()
            if start.kind == "unbounded following":
                self._refuse_frame("frame start cannot be UNBOUNDED FOLLOWING", start)
            if start.kind == "following":
                self._refuse_frame("frame starting from following row cannot end with current row", start)
            end = FrameBound(start.position, "current row")
        mode: Literal["range", "rows", "groups"]
        mode = "range" if kind == "range" else "rows" if kind == "rows" else "groups"
        return WindowFrame(position, mode, start, end, self._exclusion())

    def _bound(self) -> FrameBound:
        position = self.position()
        if self.kinds[self.index] == "unbounded" and self.kinds[self.index + 1] in ("preceding", "following"):
            self.index += 2
            before = self.kinds[self.index - 1] == "preceding"
            return FrameBound(position, "unbounded preceding" if before else "unbounded following")
        if self.accept_words("current", "row"):
            return FrameBound(position, "current row")
        offset = self.expression()
        before = self.choose("preceding", "following") == "preceding"
        return FrameBound(position, "preceding" if before else "following", offset)

    def _check(self, start: FrameBound, end: FrameBound) -> None:
        if start.kind == "unbounded following":
            self._refuse_frame("frame start cannot be UNBOUNDED FOLLOWING", start)
        if end.kind == "unbounded preceding":
            self._refuse_frame("frame end cannot be UNBOUNDED PRECEDING", end)
        if start.kind == "current row" and end.kind == "preceding":
            self._refuse_frame("frame starting from current row cannot have preceding rows", end)
        if start.kind == "following" and end.kind in ("preceding", "current row"):
            self._refuse_frame("frame starting from following row cannot have preceding rows", end)

    def _refuse_frame(self, message: str, bound: FrameBound) -> None:
        self.refuse(message, bound.position, sqlstate.WINDOWING_ERROR)

    def _exclusion(self) -> Exclusion:
        if not self.accept("exclude"):
            return ""
        if self.accept("group"):
            return "group"
        if self.accept("ties"):
            return "ties"
        if self.accept("no"):
            self.expect("others")
            return ""
        self.expect_words("current", "row")
        return "current row"
