"""Bound statements about rewrite rules, triggers and statistics objects."""

from __future__ import annotations

from dataclasses import dataclass

from datacave_core.catalog import ExtendedStatistics, Rule, Schema, Table, Trigger


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


@dataclass(frozen=True, slots=True)
class ChangeStatistics:
    """CREATE, ALTER, DROP STATISTICS: what tables will have; a new one has an oid and an owner of 0.

    `schema` is where something gets a new name, `subjects` are the objects that were there before.
    """

    changes: tuple[tuple[Table, tuple[ExtendedStatistics, ...]], ...]
    tag: str
    schema: Schema | None = None
    subjects: tuple[ExtendedStatistics, ...] = ()
    notices: tuple[tuple[str, str], ...] = ()
