"""CREATE TABLE and CREATE TABLE AS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from datacave_core.catalog import Comment, Sequence, Table
from datacave_core.wait import Wait
from datacave_sql.bind.statements import CreateTable
from datacave_sql.session.comment_classes import CLASS_OIDS
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.table_rows import check_partition_rows
from datacave_sql.session.utility.temporary import follow_on_commit, in_temporary_schema
from datacave_sql.session.warnings import notice

Steps = Iterator[Reply | Wait]


def create_table(session: Any, bound: CreateTable) -> Steps:
    """CREATE TABLE: the table, its indexes and constraints, and the sequences of its columns, in one change."""
    for message in bound.notices:
        notice(session, message)
    yield from ()
    numbers = Numbers(session.catalog_snapshot)
    sequences = [one.sequence for one in bound.sequences]
    table, owned = add_table(session, numbers, bound.table, sequences, [one.column for one in bound.sequences])
    catalog = numbers.catalog.with_objects((table, *owned))
    if bound.like_comments:
        catalog = catalog.with_objects(
            Comment(CLASS_OIDS["pg_class"], table.oid, number, text) for number, text in bound.like_comments
        )
    if bound.part_comments:
        catalog = catalog.with_objects(_part_comments(table, bound))
    session.set_catalog(catalog)
    session.database.register_layouts((table,), catalog)
    if bound.check_default is not None:
        for leaf, tests, row_columns in bound.check_default.leaves:
            yield from check_partition_rows(session, leaf, tests, row_columns, bound.check_default.message)
    follow_on_commit(session, table, bound.on_commit)
    yield Complete("CREATE TABLE")


def _part_comments(table: Table, bound: CreateTable) -> list[Comment]:
    parts: dict[str, tuple[Any, ...]] = {
        "pg_class": table.indexes,
        "pg_constraint": table.constraints,
        "pg_statistic_ext": table.statistics,
    }
    return [
        Comment(CLASS_OIDS[kind], part.oid, 0, text)
        for kind, name, text in bound.part_comments
        for part in parts[kind]
        if part.name == name
    ]


def add_table(
    session: Any, numbers: Numbers, described: Table, sequences: list[Sequence], columns: list[int]
) -> tuple[Table, list[Sequence]]:
    """Numbers a new table and its sequences; temporary ones go to the session's own schema."""
    owner = session.evaluation.current_role.oid
    table = numbers.table(in_temporary_schema(session, numbers, described), owner)
    owned = [
        replace(
            numbers.sequence(sequence, owner),
            schema_oid=table.schema_oid,
            persistence=table.persistence,
            owned_by_table_oid=table.oid,
            owned_by_column=column,
        )
        for sequence, column in zip(sequences, columns, strict=True)
    ]
    return table, owned
