"""Rule events: which rules a statement fires, and what a WITH query or COPY may make of them."""

from __future__ import annotations

from datacave_core.catalog import Rule, Table
from datacave_core.errors import FeatureNotSupported
from datacave_sql.bind import relations
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast

EVENTS: dict[type, str] = {ast.Insert: "i", ast.Update: "u", ast.Delete: "d"}
_FIRING = "OA"
"""Letters of rules that fire in ordinary sessions: origin and always."""


def rules_for(table: Table, event: str) -> list[Rule]:
    """The rules that an INSERT (i), UPDATE (u) or DELETE (d) of a relation fires, by name."""
    return sorted(
        (rule for rule in table.rules if rule.event == event and rule.enabled in _FIRING), key=lambda rule: rule.name
    )


def runs_itself(rules: list[Rule]) -> bool:
    """Whether the statement itself runs beside the actions of these rules."""
    return not any(rule.instead and rule.condition is None for rule in rules)


def check_one_statement(b: Binding, statement: ast.Insert | ast.Update | ast.Delete, *, copied: bool = False) -> None:
    """Raises 0A000 for a WITH query, or a statement of COPY, whose rules make anything but one statement of it."""
    place = "COPY" if copied else "data-modifying statements in WITH"
    table = relations.find_relation(b, statement.table.name, statement.table.position)
    if not isinstance(table, Table) or not table.rules:
        return
    rules = rules_for(table, EVENTS[type(statement)])
    actions = [(rule, action) for rule in rules for action in rule.actions]
    count = len(actions) + runs_itself(rules)
    if count == 1:
        if actions and actions[0][1].startswith("NOTIFY "):
            if copied:
                raise FeatureNotSupported("COPY query must not be a utility command")
            raise _unsupported("DO INSTEAD NOTIFY", place)
        return
    if not count:
        raise _unsupported("DO INSTEAD NOTHING", place)
    for rule, _ in actions:
        if not rule.instead:
            raise _unsupported("DO ALSO", place)
        if rule.condition is not None:
            raise _unsupported("conditional DO INSTEAD", place)
    raise _unsupported("multi-statement DO INSTEAD", place)


def _unsupported(words: str, place: str) -> FeatureNotSupported:
    return FeatureNotSupported(f"{words} rules are not supported for {place}")
