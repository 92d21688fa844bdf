"""Rewrite rules and triggers: CREATE, ALTER and DROP put a relation's new ones in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core.wait import Wait
from datacave_sql.bind.bound_rules import ChangeRules, ChangeTriggers
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers

Steps = Iterator[Reply | Wait]


def change_rules(session: Any, bound: ChangeRules) -> Steps:
    """The relation with its rules as they will be; new ones get oids, comments of dropped ones go."""
    yield from session.lock_table(bound.table.oid)
    numbers = Numbers(session.catalog_snapshot)
    table = numbers.catalog.tables[bound.table.oid]
    rules = tuple(one if one.oid else replace(one, oid=numbers.take()) for one in bound.rules)
    catalog = numbers.catalog.with_table(replace(table, rules=rules))
    gone = {one.oid for one in table.rules} - {one.oid for one in rules}
    comments = [one for one in catalog.comments.values() if one.object_oid in gone]
    session.set_catalog(catalog.without(*comments) if comments else catalog)
    yield Complete(bound.tag)


def change_triggers(session: Any, bound: ChangeTriggers) -> Steps:
    """The relation with its triggers as they will be; new ones get oids, comments of dropped ones go."""
    yield from ()
    numbers = Numbers(session.catalog_snapshot)
    table = numbers.catalog.tables[bound.table.oid]
    triggers = tuple(one if one.oid else replace(one, oid=numbers.take()) for one in bound.triggers)
    catalog = numbers.catalog.with_table(replace(table, triggers=triggers))
    gone = {one.oid for one in table.triggers} - {one.oid for one in triggers}
    comments = [one for one in catalog.comments.values() if one.object_oid in gone]
    session.set_catalog(catalog.without(*comments) if comments else catalog)
    yield Complete(bound.tag)
