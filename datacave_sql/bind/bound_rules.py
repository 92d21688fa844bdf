"""Bound statements about rewrite rules and triggers."""

from __future__ import annotations

from dataclasses import dataclass

from datacave_core.catalog import Rule, Table, Trigger


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """CREATE, ALTER, DROP RULE: the rules a relation will have; new ones have an oid of 0."""

    table: Table
    rules: tuple[Rule, ...]
    tag: str


@dataclass(frozen=True, slots=True)
class ChangeTriggers:
    """CREATE, ALTER, DROP TRIGGER: the triggers a relation will have; new ones have an oid of 0."""

    table: Table
    triggers: tuple[Trigger, ...]
    tag: str
    function_oid: int = 0
    """The function that a new one calls."""
