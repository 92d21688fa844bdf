"""Row security policies: CREATE, ALTER and DROP POLICY put a table's new ones in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core.wait import Wait
from datacave_sql.bind.bound_privileges import ChangePolicies
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.warnings import warn

Steps = Iterator[Reply | Wait]


def change_policies(session: Any, bound: ChangePolicies) -> Steps:
    """The table with its policies as they will be; new ones get oids, comments of dropped ones go."""
    for message, code in bound.warnings:
        warn(session, message, code)
    yield from session.lock_table(bound.table.oid)
    numbers = Numbers(session.catalog_snapshot)
    table = numbers.catalog.tables[bound.table.oid]
    policies = tuple(one if one.oid else replace(one, oid=numbers.take()) for one in bound.policies)
    catalog = numbers.catalog.with_table(replace(table, policies=policies))
    gone = {one.oid for one in table.policies} - {one.oid for one in policies}
    comments = [one for one in catalog.comments.values() if one.object_oid in gone]
    session.set_catalog(catalog.without(*comments) if comments else catalog)
    yield Complete(bound.tag)
