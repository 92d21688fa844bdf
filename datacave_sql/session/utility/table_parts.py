"""Rules, triggers and policies of a table as statements leave them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core.wait import Wait
from datacave_sql.bind.bound_privileges import ChangePolicies
from datacave_sql.bind.bound_rules import ChangeRules, ChangeStatistics, ChangeTriggers
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.warnings import notice, warn

Steps = Iterator[Reply | Wait]


def change_rules(session: Any, bound: ChangeRules) -> Steps:
    """The relation with its rules as they will be."""
    yield from session.lock_table(bound.table.oid)
    yield _change(session, bound.table.oid, "rules", bound.rules, bound.tag)


def change_triggers(session: Any, bound: ChangeTriggers) -> Steps:
    """The relation with its triggers as they will be; its lock has been taken (definition_locks.py)."""
    yield _change(session, bound.table.oid, "triggers", bound.triggers, bound.tag)


def change_policies(session: Any, bound: ChangePolicies) -> Steps:
    """The table with its policies as they will be."""
    for message, code in bound.warnings:
        warn(session, message, code)
    yield from session.lock_table(bound.table.oid)
    yield _change(session, bound.table.oid, "policies", bound.policies, bound.tag)


def change_statistics(session: Any, bound: ChangeStatistics) -> Steps:
    """The tables with their statistics objects as they will be."""
    for message, code in bound.notices:
        notice(session, message, code)
    for table, statistics in bound.changes:
        owned = tuple(
            one if one.owner_oid else replace(one, owner_oid=session.evaluation.current_role.oid) for one in statistics
        )
        yield from session.lock_table(table.oid)
        _change(session, table.oid, "statistics", owned, bound.tag)
    yield Complete(bound.tag)


def _change(session: Any, table_oid: int, field: str, parts: tuple[Any, ...], tag: str) -> Complete:
    """Puts the parts into a field of the table: new ones get oids, comments of dropped ones go."""
    numbers = Numbers(session.catalog_snapshot)
    table = numbers.catalog.tables[table_oid]
    numbered = tuple(one if one.oid else replace(one, oid=numbers.take()) for one in parts)
    changes: dict[str, Any] = {field: numbered}
    catalog = numbers.catalog.with_table(replace(table, **changes))
    gone = {one.oid for one in getattr(table, field)} - {one.oid for one in numbered}
    comments = [catalog.comments[key] for oid in sorted(gone) for key in catalog.comment_keys.get(oid, ())]
    session.set_catalog(catalog.without(*comments) if comments else catalog)
    return Complete(tag)
