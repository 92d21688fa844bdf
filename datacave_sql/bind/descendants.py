"""Descendants: the tables that are read and written where a parent or a partitioned table is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datacave_core.catalog import Catalog, Table
from datacave_sql.bind import row_rules
from datacave_sql.bind.partition_bounds import ordered_partitions
from datacave_sql.bind.state import Binding
from datacave_sql.plan import logical as l


def members_of(b: Binding, table: Table) -> list[Table] | None:
    """The tables with rows that belong to `table`, itself included; None for a table that stands alone."""
    if table.kind == "p":
        return leaves_of(b, table)
    if table.kind != "r" or not b.catalog.children_of(table.oid):
        return None
    return [table, *(one for one in b.catalog.descendants_of(table.oid) if one.kind == "r")]


def leaves_of(b: Binding, table: Table) -> list[Table]:
    """The partitions that hold the rows of a partitioned table, in the order of their bounds."""
    found: list[Table] = []
    for part in ordered_partitions(b, table):
        found += leaves_of(b, part) if part.kind == "p" else [part]
    return found


def attribute_map(parent: Table, child: Table) -> tuple[int, ...]:
    """For each attribute number of the parent (from 1) that of the child; 0 for dropped ones."""
    if parent.oid == child.oid:
        return tuple(column.number for column in parent.columns)
    numbers = child.columns_by_name
    return tuple(
        0 if column.dropped or column.name not in numbers else numbers[column.name].number for column in parent.columns
    )


def append(plan: l.Scan, members: Sequence[Table]) -> l.Append:
    """The scan of a parent as one over its members, with the same columns."""
    scans = []
    for place, member in enumerate(members):
        numbers = attribute_map(plan.table, member)
        columns = tuple(
            replace(
                column,
                table_oid=member.oid,
                attribute=numbers[column.attribute - 1] if column.attribute > 0 else column.attribute,
            )
            for column in plan.columns
        )
        alias = plan.alias if member.oid == plan.table.oid else f"{plan.alias}_{place or 1}"
        scans.append(l.Scan(member, columns, alias, plan.as_of))
    return l.Append(plan.table, tuple(scans), plan.columns, plan.alias)


def written_members(b: Binding, parent: Table, members: Sequence[Table]) -> tuple[l.WrittenMember, ...]:
    """What UPDATE and DELETE of a parent need to know about each table with its rows."""
    found = []
    for member in members:
        row = row_rules.row_columns(b, member)
        found.append(
            l.WrittenMember(
                member,
                attribute_map(parent, member),
                row_rules.generated_values(b, member, row),
                row_rules.checks(b, member, row),
                row,
            )
        )
    return tuple(found)


def is_below(catalog: Catalog, table: Table, ancestor_oid: int) -> bool:
    """Whether a table inherits from another, directly or not."""
    return any(one.oid == ancestor_oid for one in catalog.ancestors_of(table))
