"""RuleGrammar: CREATE RULE."""

from __future__ import annotations

from typing import Literal

from datacave_sql.parse.ast import CreateRule, Statement
from datacave_sql.parse.operators import OperatorGrammar

RuleEvent = Literal["select", "insert", "update", "delete"]
_EVENTS: dict[str, RuleEvent] = {"select": "select", "insert": "insert", "update": "update", "delete": "delete"}
_ACTIONS = frozenset(["select", "values", "table", "with", "insert", "update", "delete", "notify"])


class RuleGrammar(OperatorGrammar):
    """RuleStmt."""

    __slots__ = ()

    def create_rule(self, position: int, or_replace: bool) -> Statement:
        """The current token follows RULE."""
        name = self.column_id()
        self.expect_words("as", "on")
        event = _EVENTS[self.choose(*_EVENTS)]
        self.expect("to")
        at = self.position()
        table = self.qualified_name()
        condition = self.expression() if self.accept("where") else None
        self.expect("do")
        instead = self.accept("instead")
        if not instead:
            self.accept("also")
        return CreateRule(position, name, event, table, at, condition, instead, self._rule_actions(), or_replace)

    def _rule_actions(self) -> tuple[Statement, ...]:
        if self.accept("nothing"):
            return ()
        if not self.accept("("):
            return (self._rule_action(),)
        found: list[Statement] = []
        while True:
            if self.kinds[self.index] not in (";", ")"):
                found.append(self._rule_action())
            if not self.accept(";"):
                break
        self.expect(")")
        return tuple(found)

    def _rule_action(self) -> Statement:
        if self.kinds[self.index] not in _ACTIONS:
            raise self.syntax_error()
        if self.kinds[self.index] == "notify":
            return self.notify()
        return self.preparable_statement()
