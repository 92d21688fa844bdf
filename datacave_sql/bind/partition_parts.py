"""Partition parts: what a partition gets of its parent: indexes, keys and foreign keys, and what a parent may have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Constraint, Index, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import relations
from datacave_sql.bind.object_names import free_name
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast


def find_parent(b: Binding, name: ast.QualifiedName, position: int, persistence: str) -> Table:
    """The partitioned table of PARTITION OF. Raises 42P01, 42809."""
    parent = relations.require_table(b, name, position)
    if parent.partition_key is None:
        raise DatacaveError(f'"{parent.name}" is not partitioned', sqlstate=sqlstate.INVALID_OBJECT_DEFINITION)
    check_persistence(parent, persistence, "create")
    return parent


def check_persistence(parent: Table, persistence: str, verb: str) -> None:
    """Raises 42809 where one of the two is temporary and the other is not."""
    if (parent.persistence == "t") == (persistence == "t"):
        return
    words = ("temporary", "permanent") if persistence == "t" else ("permanent", "temporary")
    raise DatacaveError(
        f'cannot {verb} a {words[0]} relation as partition of {words[1]} relation "{parent.name}"',
        sqlstate=sqlstate.WRONG_OBJECT_TYPE,
    )


def copy_parts(b: Binding, draft: Any, parent: Table) -> None:
    """Puts the indexes, keys and foreign keys of the parent into the draft of a partition."""
    own = {column.name: column.number for column in draft.columns}
    numbers = {column.number: own[column.name] for column in parent.live_columns}

    def taken(name: str) -> bool:
        return name in draft.names or (draft.schema.oid, name) in b.catalog.relation_names

    for index in parent.indexes:
        words = [draft.columns[numbers[key.column] - 1].name if key.column else "expr" for key in index.keys]
        made = part_of_index(index, numbers, index_name(draft.name, index, words, taken))
        draft.names.add(made.name)
        if index.constraint_oid:
            constraint = next(one for one in parent.constraints if one.oid == index.constraint_oid)
            draft.made.append((part_of_constraint(constraint, numbers, made.name), made))
        else:
            draft.indexes.append(made)
    for constraint in parent.constraints:
        if constraint.kind == "f":
            draft.made.append((part_of_constraint(constraint, numbers, constraint.name), None))


def index_name(table: str, index: Index, words: list[str], taken: Any) -> str:
    """The name that the part of an index gets."""
    if index.primary:
        return free_name(table, "", "pkey", taken)
    return free_name(table, "_".join(words), "key" if index.constraint_oid else "idx", taken)


def part_of_index(index: Index, numbers: dict[int, int], name: str) -> Index:
    """The index of a partition that is a part of one of its parent."""
    keys = tuple(replace(key, column=numbers[key.column] if key.column else 0) for key in index.keys)
    included = tuple(numbers[number] for number in index.included)
    return replace(
        index, oid=0, index_number=0, name=name, keys=keys, included=included, constraint_oid=0, parent_oid=index.oid
    )


def part_of_constraint(constraint: Constraint, numbers: dict[int, int], name: str) -> Constraint:
    """The constraint of a partition that is a part of one of its parent."""
    return replace(
        constraint,
        oid=0,
        name=name,
        columns=tuple(numbers[number] for number in constraint.columns),
        delete_set_columns=tuple(numbers[number] for number in constraint.delete_set_columns),
        index_oid=constraint.index_oid if constraint.kind == "f" else 0,
        inherit_count=1,
        is_local=False,
        parent_oid=constraint.oid,
    )


def check_constraints(table: Table) -> None:
    """Raises 0A000, 42P16 for constraints that a partitioned table cannot have."""
    for constraint in table.constraints:
        if constraint.kind == "c" and constraint.no_inherit:
            raise DatacaveError(
                f'cannot add NO INHERIT constraint to partitioned table "{table.name}"',
                sqlstate=sqlstate.INVALID_TABLE_DEFINITION,
            )
    for index in table.indexes:
        check_unique(table, index)


def no_exclusion() -> FeatureNotSupported:
    """0A000 of EXCLUDE on a partitioned table."""
    return FeatureNotSupported(
        "exclusion constraints are not supported on partitioned tables", hint="Add the constraint to the partitions."
    )


def check_unique(table: Table, index: Index) -> None:
    """Raises 0A000 for a unique index without all columns of the partition key, which no partition could check."""
    key = table.partition_key
    if key is None or not (index.unique or index.exclusion):
        return
    if index.exclusion:
        raise no_exclusion()
    word = "PRIMARY KEY" if index.primary else "UNIQUE"
    columns = {part.column for part in index.keys}
    for part in key.parts:
        if not part.column:
            raise FeatureNotSupported(
                f"unsupported {word} constraint with partition key definition",
                detail=f"{word} constraints cannot be used when partition keys include expressions.",
            )
        if part.column not in columns:
            lacking = table.column(part.column).name
            raise FeatureNotSupported(
                "unique constraint on partitioned table must include all partitioning columns",
                detail=f'{word} constraint on table "{table.name}" lacks column "{lacking}" which is part of the '
                "partition key.",
            )


def is_part(index: Index, other: Index, numbers: dict[int, int]) -> bool:
    """Whether an index of a partition can be the part of an index of its parent."""
    if other.parent_oid or (index.unique, index.primary) != (other.unique, other.primary):
        return False
    if bool(index.constraint_oid) and not other.constraint_oid:
        return False
    ours = [(numbers[k.column] if k.column else 0, k.expression, k.descending, k.nulls_first) for k in index.keys]
    theirs = [(k.column, k.expression, k.descending, k.nulls_first) for k in other.keys]
    return ours == theirs and index.predicate == other.predicate and index.method == other.method


def same_reference(part: Constraint, other: Constraint) -> bool:
    """Whether a foreign key of a partition is what one of its parent would be there."""
    return (
        other.kind == "f"
        and not other.parent_oid
        and (part.columns, part.referenced_table_oid, part.referenced_columns, part.on_update, part.on_delete,
             part.match, part.deferrable, part.initially_deferred)
        == (other.columns, other.referenced_table_oid, other.referenced_columns, other.on_update, other.on_delete,
            other.match, other.deferrable, other.initially_deferred)
    )  # fmt: skip
