"""CREATE SCHEMA, and what every kind of object can go through: renaming, another schema, another owner, comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

from datacave_core import sqlstate
from datacave_core.catalog import (
    Catalog,
    Column,
    Comment,
    Constraint,
    Database,
    DomainCheck,
    Index,
    Role,
    Routine,
    Schema,
    Sequence,
    Table,
    TextSearchConfiguration,
    TypeDefinition,
)
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.wait import Wait
from datacave_sql.bind.statements import ChangeOwner, CommentOn, CreateSchema, RenameObject, SetObjectSchema
from datacave_sql.session.definition_locks import SHARE_UPDATE_EXCLUSIVE
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.databases import check_rename
from datacave_sql.session.utility.dependencies import Collector
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.utility.owned import handed_over
from datacave_sql.session.utility.roles import rename_role
from datacave_sql.session.utility.stored_names import Renaming, rename_in_texts

Steps = Iterator[Reply | Wait]
Member: TypeAlias = Column | Constraint | DomainCheck


def create_schema(session: Any, bound: CreateSchema) -> Steps:
    """CREATE SCHEMA; its elements are run by who runs statements."""
    if bound.name.startswith("pg_"):
        raise DatacaveError(
            f'unacceptable schema name "{bound.name}"',
            sqlstate=sqlstate.RESERVED_NAME,
            detail='The prefix "pg_" is reserved for system schemas.',
        )
    yield from ()
    numbers = Numbers(session.catalog_snapshot)
    schema = numbers.schema(bound.name, bound.owner_oid, session.evaluation.database_oid)
    session.set_catalog(numbers.catalog.with_objects((schema,)))
    yield Complete("CREATE SCHEMA")


def rename(session: Any, bound: RenameObject) -> Steps:
    """ALTER .. RENAME: of an object, or of a column, constraint or attribute of it."""
    catalog = session.catalog_snapshot
    target = bound.target
    name = bound.new_name
    if isinstance(target, tuple):
        table, index = target
        yield from session.lock_table(table.oid, SHARE_UPDATE_EXCLUSIVE)
        catalog = catalog.with_objects((_rename_index(catalog.tables[table.oid], index, name),))
    elif bound.member is not None:
        changing = (*bound.below, target)
        tables = tuple(one for one in changing if isinstance(one, Table))
        for table in tables:
            yield from session.lock_table(table.oid)
        old = bound.member.name
        changed = catalog.with_objects(
            [_rename_member(one, _member_named(one, bound.member, old), name) for one in changing]
        )
        if isinstance(bound.member, Column):
            for table in tables:
                renaming = Renaming(catalog)
                renaming.rename_column(table, old, name)
                changed = rename_in_texts(session, renaming, changed, check=table is target)
        catalog = changed
    else:
        if isinstance(target, Database):
            check_rename(session, target, name)
        if isinstance(target, Role):
            session.set_catalog(rename_role(session, target, name))
            yield Complete("ALTER ROLE")
            return
        if isinstance(target, Table) and target.storage_id:
            yield from session.lock_table(target.oid)
        _refuse_named_in_texts(catalog, target)
        renaming = Renaming(catalog)
        if isinstance(target, Table | Sequence):
            renaming.relation(target, catalog.schemas[target.schema_oid].name, name)
        elif isinstance(target, TypeDefinition):
            renaming.type(target, catalog.schemas[target.schema_oid].name, name)
        elif isinstance(target, Schema):
            renaming.schema(target.oid, name)
        elif isinstance(target, Routine):
            renaming.routine(target, catalog.schemas[target.schema_oid].name, name)
        catalog = rename_in_texts(session, renaming, catalog.with_objects((replace(target, name=name),)))
    session.set_catalog(catalog)
    yield Complete(bound.tag)


def _refuse_named_in_texts(catalog: Catalog, target: Any) -> None:
    """Raises 0A000 for a text search configuration whose name stands in stored expressions."""
    if not isinstance(target, TextSearchConfiguration):
        return
    collector = Collector(catalog)
    collector.add(target)
    for dependent, _ in collector.removal.told:
        raise FeatureNotSupported(
            f'text search configuration "{target.name}" cannot get another name while {dependent} depends on it',
            hint="Drop what depends on it, and make it again.",
        )


def _member_named(item: Any, member: Member, name: str) -> Member:
    """The member of the same name; of the object that was named, the member itself."""
    if isinstance(item, Table):
        members = item.live_columns if isinstance(member, Column) else item.constraints
        found: Member = next(one for one in members if one.name == name)
        return found
    return member


def _rename_index(table: Table, index: Index, name: str) -> Table:
    return replace(
        table,
        indexes=tuple(replace(one, name=name) if one.oid == index.oid else one for one in table.indexes),
        constraints=tuple(
            replace(one, name=name) if one.oid == index.constraint_oid else one for one in table.constraints
        ),
    )


def _rename_member(target: Any, member: Member, name: str) -> Any:
    if isinstance(member, Column):
        if isinstance(target, TypeDefinition):
            return replace(target, attributes=_renamed(target.attributes, member, name))
        if name in target.columns_by_name:
            raise DatacaveError(
                f'column "{name}" of relation "{target.name}" already exists', sqlstate=sqlstate.DUPLICATE_COLUMN
            )
        return replace(target, columns=_renamed(target.columns, member, name))
    if isinstance(target, TypeDefinition):
        return replace(
            target, checks=tuple(replace(one, name=name) if one.oid == member.oid else one for one in target.checks)
        )
    if any(one.name == name for one in target.constraints):
        raise DatacaveError(
            f'constraint "{name}" for relation "{target.name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT
        )
    return replace(
        target,
        constraints=tuple(replace(one, name=name) if one.oid == member.oid else one for one in target.constraints),
        indexes=tuple(replace(one, name=name) if one.constraint_oid == member.oid else one for one in target.indexes),
    )


def _renamed(columns: tuple[Column, ...], member: Column, name: str) -> tuple[Column, ...]:
    return tuple(replace(one, name=name) if one.number == member.number else one for one in columns)


def set_schema(session: Any, bound: SetObjectSchema) -> Steps:
    """ALTER .. SET SCHEMA; the sequences of a table's columns move with it."""
    catalog = session.catalog_snapshot
    target = bound.target
    _refuse_named_in_texts(catalog, target)
    moved = [replace(target, schema_oid=bound.schema.oid)]
    if isinstance(target, Table):
        if target.storage_id:
            yield from session.lock_table(target.oid)
        moved += [replace(one, schema_oid=bound.schema.oid) for one in catalog.sequences_owned_by(target.oid)]
    renaming = Renaming(catalog)
    for item in moved:
        before = catalog.types.get(item.oid) or catalog.relation_by_oid(item.oid)
        if isinstance(item, Routine):
            renaming.routine(target, bound.schema.name, target.name)
            continue
        if isinstance(before, TypeDefinition):
            renaming.type(before, bound.schema.name, before.name)
        elif before is not None:
            renaming.relation(before, bound.schema.name, before.name)
    session.set_catalog(rename_in_texts(session, renaming, catalog.with_objects(moved)))
    yield Complete(bound.tag)


def change_owner(session: Any, bound: ChangeOwner) -> Steps:
    """ALTER .. OWNER TO; the sequences of a table's columns follow it."""
    yield from ()
    catalog = session.catalog_snapshot
    target = bound.target
    new = bound.role_oid
    moved = [target, *(catalog.sequences_owned_by(target.oid) if isinstance(target, Table) else ())]
    changed: list[Any] = [
        replace(one, owner_oid=new, privileges=handed_over(one.privileges, one.owner_oid, new))
        if hasattr(one, "privileges")
        else replace(one, owner_oid=new)
        for one in moved
    ]
    session.set_catalog(catalog.with_objects(changed))
    yield Complete(bound.tag)


def comment_on(session: Any, bound: CommentOn) -> Steps:
    """COMMENT ON."""
    yield from ()
    catalog = session.catalog_snapshot
    if bound.text:
        changed = catalog.with_objects((Comment(bound.class_oid, bound.object_oid, bound.sub_id, bound.text),))
        session.set_catalog(changed)
    else:
        found = catalog.comments.get((bound.class_oid, bound.object_oid, bound.sub_id))
        if found is not None:
            session.set_catalog(catalog.without(found))
    yield Complete("COMMENT")
