"""Descendants: the tables that are read and written where a parent or a partitioned table is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datacave_core.catalog import Catalog, PartitionBound, Table
from datacave_sql.bind import partitions, relations, row_rules, table_changes
from datacave_sql.bind.partition_bounds import ordered_partitions
from datacave_sql.bind.state import Binding
from datacave_sql.plan import logical as l


def members_of(b: Binding, table: Table) -> list[Table] | None:
    """The tables with rows that belong to `table`, itself included; None for a table that stands alone."""
    if table.kind == "p":
        return leaves_of(b, table)
    if table.kind != "r" or not b.catalog.children_of(table.oid):
        return None
    return [table, *(one for one in own_descendants(b, table) if one.kind == "r")]


def own_descendants(b: Binding, table: Table) -> list[Table]:
    """The tables below one, without the temporary ones of other sessions, whose rows are nobody else's."""
    found = b.catalog.descendants_of(table.oid)
    if all(child.persistence != "t" for child in found):
        return found
    b.shareable = False
    schema = b.environment.temporary_schema
    return [one for one in found if one.persistence != "t" or relations.schema_of(b, one.schema_oid) == schema]


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


def append(b: Binding, plan: l.Scan, members: Sequence[Table]) -> l.Append:
    """The scan of a parent as one over its members, with the same columns."""
    scans = []
    for place, member in enumerate(members, 1):
        numbers = attribute_map(plan.table, member)
        columns = tuple(
            replace(
                column,
                table_oid=member.oid,
                attribute=numbers[column.attribute - 1] if column.attribute > 0 else column.attribute,
            )
            for column in plan.columns
        )
        scans.append(l.Scan(member, columns, f"{plan.alias}_{place}", plan.as_of))
    divided = None
    if plan.table.kind == "p" and members:
        by_number = {column.attribute: column.id for column in plan.columns}
        row = tuple(
            l.OutputColumn(by_number.get(c.number, 0), c.name, c.type_oid, c.typmod) for c in plan.table.columns
        )
        scope = row_rules.row_scope(b, plan.table, row, plan.table.name, "partition keys")
        divided = partitions.partitioning(
            b, plan.table, scope, {member.oid: place for place, member in enumerate(members)}
        )
    return l.Append(plan.table, tuple(scans), plan.columns, plan.alias, divided)


def written_members(b: Binding, parent: Table, members: Sequence[Table]) -> tuple[l.WrittenMember, ...]:
    """What writing the rows of a parent needs to know about each table with its rows."""
    found = []
    for member in members:
        row = row_rules.row_columns(b, member)
        scope = row_rules.row_scope(b, member, row, member.name, "partition bounds")
        found.append(
            l.WrittenMember(
                member,
                attribute_map(parent, member),
                row_rules.generated_values(b, member, row),
                row_rules.checks(b, member, row),
                row,
                partitions.partition_tests(b, member, scope),
            )
        )
    return tuple(found)


def routing(b: Binding, table: Table) -> l.Routing | None:
    """Where the rows of a partitioned table go; None for a table that keeps its rows."""
    if table.kind != "p":
        return None
    leaves = leaves_of(b, table)
    row = row_rules.row_columns(b, table)
    scope = row_rules.row_scope(b, table, row, table.name, "partition keys")
    places = {leaf.oid: place for place, leaf in enumerate(leaves)}
    return l.Routing(partitions.partitioning(b, table, scope, places), row, written_members(b, table, leaves))


def check_default(
    b: Binding, parent: Table, default: Table, bounds: tuple[PartitionBound | None, ...], place: int
) -> table_changes.CheckDefault:
    """The look at the rows of the default partition that a new partition asks for."""
    leaves = []
    for leaf in leaves_of(b, default) if default.kind == "p" else [default]:
        rows = row_rules.row_columns(b, leaf)
        scope = row_rules.row_scope(b, leaf, rows, leaf.name, "partition bounds")
        keys = partitions.key_expressions(b, parent, scope)
        leaves.append((leaf, (l.PartitionTest(parent, keys, bounds, place),), rows))
    return table_changes.CheckDefault(
        tuple(leaves),
        f'updated partition constraint for default partition "{default.name}" would be violated by some row',
    )


def with_arbiters(b: Binding, found: l.Routing | None, table: Table, action: l.OnConflict | None) -> l.Routing | None:
    """The routing with the indexes of the leaves that are parts of the arbiter indexes of the table."""
    if found is None or action is None or not action.index_numbers:
        return found
    wanted = {index.oid for index in table.indexes if index.index_number in action.index_numbers}
    return replace(found, arbiters=tuple(_parts_of(b, leaf.table, wanted) for leaf in found.leaves))


def _parts_of(b: Binding, leaf: Table, wanted: set[int]) -> tuple[int, ...]:
    numbers = []
    for index in leaf.indexes:
        oid = index.parent_oid
        while oid and oid not in wanted:
            above = b.catalog.index_by_oid(oid)
            oid = above[1].parent_oid if above is not None else 0
        if oid:
            numbers.append(index.index_number)
    return tuple(numbers)


def tests_of(b: Binding, table: Table, row: tuple[l.OutputColumn, ...]) -> tuple[l.PartitionTest, ...]:
    """What complete rows of a table must fulfil to be in their partition."""
    if table.partition_bound is None:
        return ()
    return partitions.partition_tests(b, table, row_rules.row_scope(b, table, row, table.name, "partition bounds"))


def is_below(catalog: Catalog, table: Table, ancestor_oid: int) -> bool:
    """Whether a table inherits from another, directly or not."""
    return any(one.oid == ancestor_oid for one in catalog.ancestors_of(table))
