"""Bound statements about rewrite rules."""

from __future__ import annotations

from dataclasses import dataclass

from datacave_core.catalog import Rule, Table


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """CREATE, ALTER, DROP RULE: the rules a relation will have; new ones have an oid of 0."""

    table: Table
    rules: tuple[Rule, ...]
    tag: str
