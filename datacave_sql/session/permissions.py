"""Permissions: whether the current role may run a statement; asked once per compiled plan, which belongs to its role.

Superusers may do everything. Others need privileges on the relations that a statement names (those inside a view are
the view's business), on their schemas, and must own what they alter or drop. Letters are those of aclitem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import (
    ADMIN_ROLE_OID,
    CastDefinition,
    Catalog,
    Extension,
    Index,
    NamedObject,
    OperatorClass,
    OperatorDefinition,
    OperatorFamily,
    Role,
    Routine,
    Schema,
    Sequence,
    Table,
    TypeDefinition,
    allows,
    allows_on,
    has_privileges_of,
    is_member,
)
from datacave_core.errors import DatacaveError
from datacave_sql.bind import statements as s
from datacave_sql.bind import table_changes
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.bound_named import AlterNamed, CreateNamed
from datacave_sql.bind.bound_privileges import ChangePolicies
from datacave_sql.bind.bound_routines import AlterRoutine, CreateCast, CreateOperator, CreateRoutine
from datacave_sql.bind.bound_rules import ChangeRules, ChangeStatistics, ChangeTriggers
from datacave_sql.bind.named_objects import kind_of as named_kind
from datacave_sql.pgcatalog.facts import fixed_rows
from datacave_sql.session.copying.server_side import check_may_copy

_RELATION_CLASS = 1259
_TYPE_CLASS = 1247
_ROLE_CLASS = 1260
_LANGUAGE_CLASS = 2612

_KINDS = {"r": "table", "v": "view", "m": "materialized view", "f": "foreign table", "p": "table", "c": "type"}


def check_permissions(session: Any, bound: Any) -> None:
    """Raises 42501 for a statement that the current role may not run."""
    role: Role = session.evaluation.current_role
    if isinstance(bound, s.BoundQuery):
        check_query(session, bound)
        return
    if role.superuser and not isinstance(bound, _WITH_QUERY):
        return
    check = _CHECKS.get(type(bound))
    if check is not None:
        check(_Asker(session.catalog_snapshot, role, session), bound)


class _Asker:
    """A role with its questions."""

    def __init__(self, catalog: Catalog, role: Role, session: Any) -> None:
        self.catalog = catalog
        self.role = role
        self.session = session

    def owns(self, owner_oid: int) -> bool:
        return has_privileges_of(self.catalog, self.role.oid, owner_oid)

    def has(self, kind: str, item: Any, letter: str) -> bool:
        return allows_on(self.catalog, self.role.oid, kind, item, letter)

    def create_in(self, schema_oid: int) -> None:
        schema = self.catalog.schemas.get(schema_oid)
        if schema is not None and not self._temporary(schema) and not self.has("schema", schema, "C"):
            raise denied("schema", schema.name)

    def _temporary(self, schema: Schema) -> bool:
        return bool(schema.name == self.session.evaluation.temporary_schema)

    def use_types(self, type_oids: Iterable[int]) -> None:
        """Raises 42501 for a type that columns may not be made of; an array stands for its elements."""
        catalog = self.catalog
        for oid in type_oids:
            oid = catalog.array_types.get(oid, oid)
            definition = catalog.types.get(oid)
            if definition is not None:
                allowed, name = self.has("type", definition, "U"), definition.name
            else:
                given = catalog.system_privileges.get((_TYPE_CLASS, oid))
                if given is None:
                    continue
                allowed = allows(catalog, self.role.oid, "type", ADMIN_ROLE_OID, given.privileges, "U")
                name = self.session.catalog_state.types.name(oid)
            if not allowed:
                raise denied("type", name)

    def use_language(self, name: str) -> None:
        """Raises 42501 for a language that routines may not be written in."""
        for row in fixed_rows("pg_language"):
            given = self.catalog.system_privileges.get((_LANGUAGE_CLASS, row[0])) if row[1] == name else None
            if given is not None and not allows(
                self.catalog, self.role.oid, "language", ADMIN_ROLE_OID, given.privileges, "U"
            ):
                raise denied("language", name)

    def call_routines(self, oids: Iterable[int]) -> None:
        """Raises 42501 for a routine of a user that may not be called; oids of 0 mean none."""
        for oid in oids:
            routine = self.catalog.routines.get(oid)
            if routine is not None and not self.has("function", routine, "X"):
                raise denied(kind_of(routine), routine.name)

    def need(self, relation: Table | Sequence, letter: str) -> None:
        if not self.has("sequence" if isinstance(relation, Sequence) else "table", relation, letter):
            raise denied(kind_of(relation), relation.name)

    def need_columns(self, table: Table, letter: str, numbers: Iterable[int] | None) -> None:
        """The same, where privileges on all the columns in question will do; None: some column."""
        if not may_use_columns(self.catalog, self.role.oid, table, letter, numbers):
            raise denied(kind_of(table), table.name)

    def must_own(self, item: Any) -> None:
        if isinstance(item, tuple):
            table, index = item
            if not self.owns(table.owner_oid):
                raise not_owner("index", index.name)
        elif isinstance(item, CastDefinition):
            self._must_own_an_end(item)
        elif not self.owns(item.owner_oid):
            raise not_owner(kind_of(item), item.name)

    def _must_own_an_end(self, cast: CastDefinition) -> None:
        ends = cast.source_oid, cast.target_oid
        types = self.catalog.types
        if not any(self.owns(types[oid].owner_oid if oid in types else ADMIN_ROLE_OID) for oid in ends):
            source, target = (self.session.catalog_state.types.name(oid) for oid in ends)
            raise DatacaveError(
                f"must be owner of type {source} or type {target}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
            )


def may_use_columns(catalog: Catalog, role_oid: int, table: Table, letter: str, numbers: Iterable[int] | None) -> bool:
    """Whether a role has a privilege on a table, or on all columns in question; None or none: on some column."""
    if allows_on(catalog, role_oid, "table", table, letter):
        return True
    allowed = {
        column.number
        for column in table.live_columns
        if column.privileges and allows(catalog, role_oid, "column", table.owner_oid, column.privileges, letter)
    }
    wanted = set(numbers or ())
    # System columns have no privileges of their own.
    return bool(allowed) and wanted <= allowed


def kind_of(item: Any) -> str:
    """The kind of an object as messages name it."""
    if isinstance(item, Table):
        return _KINDS[item.kind]
    if isinstance(item, Sequence):
        return "sequence"
    if isinstance(item, NamedObject):
        return named_kind(item)
    if isinstance(item, OperatorDefinition | CastDefinition | Extension):
        return {OperatorDefinition: "operator", CastDefinition: "cast"}.get(type(item), "extension")
    if isinstance(item, Routine):
        return {"p": "procedure", "a": "aggregate"}.get(item.kind, "function")
    if isinstance(item, Schema):
        return "schema"
    if isinstance(item, OperatorDefinition):
        return "operator"
    return "index" if isinstance(item, Index) else "type" if isinstance(item, TypeDefinition) else "database"


def denied(kind: str, name: str) -> DatacaveError:
    """42501 for a lack of privileges."""
    return DatacaveError(f"permission denied for {kind} {name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def not_owner(kind: str, name: str) -> DatacaveError:
    """42501 for what only the owner may do."""
    return DatacaveError(f"must be owner of {kind} {name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def check_query(session: Any, bound: s.BoundQuery) -> None:
    """Raises 42501 for relations that may not be used and routines that may not be called."""
    check_uses(session, bound.uses)
    catalog: Catalog = session.rights_catalog
    if not catalog.routines:
        return
    for oid in bound.dependencies:
        routine = catalog.routines.get(oid)
        if routine is not None and not allows_on(
            catalog, session.evaluation.current_role.oid, "function", routine, "X"
        ):
            raise denied(kind_of(routine), routine.name)


def check_uses(session: Any, uses: Iterable[RelationUse]) -> None:
    """Raises 42501 for the first relation that may not be used in this way, in the order they are mentioned."""
    catalog = session.rights_catalog
    current = catalog.roles.get(session.evaluation.current_role.oid)
    for use in uses:
        role = catalog.roles.get(use.role_oid) if use.role_oid else current
        if role is None:
            raise DatacaveError("the role does not exist any more", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
        if not role.superuser:
            _check_use(catalog, role.oid, use)


def _check_use(catalog: Catalog, role_oid: int, use: RelationUse) -> None:
    relation = use.relation
    if isinstance(relation, Table | Sequence):
        # What is read may be a relation of the past: it is as open as it is now, if it is still there.
        relation = catalog.relation_by_oid(relation.oid) or relation
    if isinstance(relation, Table):
        wanted: list[tuple[str, Iterable[int] | None]] = [(letter, None) for letter in use.letters]
        if any(not allows_on(catalog, role_oid, "table", relation, letter) for letter in use.letters):
            raise denied(kind_of(relation), relation.name)
        wanted = []
        if use.selects or use.read:
            wanted.append(("r", use.read))
        if use.inserted is not None:
            wanted.append(("a", use.inserted))
        if use.updated is not None:
            wanted.append(("w", use.updated))
        if use.locks:
            wanted.append(("w", None))
        for letter, numbers in wanted:
            if not may_use_columns(catalog, role_oid, relation, letter, numbers):
                raise denied(kind_of(relation), relation.name)
    elif isinstance(relation, Sequence):
        if not allows_on(catalog, role_oid, "sequence", relation, "r"):
            raise denied("sequence", relation.name)
    elif not may_read_system(catalog, role_oid, relation):
        raise denied("view" if relation.shape.kind == "v" else "table", relation.shape.name)


def may_read_system(catalog: Catalog, role_oid: int, relation: Any) -> bool:
    """Whether a role may read a relation of pg_catalog or information_schema."""
    shape = getattr(relation, "shape", None)
    if shape is None or "r" in (shape.public_privileges or ""):
        return True
    given = catalog.system_privileges.get((_RELATION_CLASS, shape.oid))
    grants = given.privileges if given is not None else ()
    return allows(catalog, role_oid, "table", ADMIN_ROLE_OID, grants, "r")


def _query(asker: _Asker, bound: s.BoundQuery) -> None:
    check_query(asker.session, bound)


def _create_table(asker: _Asker, bound: s.CreateTable) -> None:
    if bound.table.persistence != "t":
        asker.create_in(bound.table.schema_oid)
    if bound.table.of_type_oid:
        asker.use_types((bound.table.of_type_oid,))
    asker.use_types(column.type_oid for column in bound.table.columns)
    for constraint in bound.table.constraints:
        _may_refer(asker, constraint)
    _may_inherit(asker, bound.table.parents)


def _may_inherit(asker: _Asker, parents: Iterable[int]) -> None:
    for oid in parents:
        asker.must_own(asker.catalog.tables[oid])


def _may_refer(asker: _Asker, constraint: Any) -> None:
    target = asker.catalog.tables.get(constraint.referenced_table_oid)
    if constraint.kind == "f" and target is not None:
        asker.need_columns(target, "x", constraint.referenced_columns)


def _rename(asker: _Asker, bound: s.RenameObject) -> None:
    target = bound.target
    if isinstance(target, Role):
        # Renaming a role asks for itself.
        return
    asker.must_own(target)
    schema_oid = getattr(target, "schema_oid", 0)
    if bound.member is None and schema_oid:
        asker.create_in(schema_oid)


def _set_schema(asker: _Asker, bound: s.SetObjectSchema) -> None:
    asker.must_own(bound.target)
    asker.create_in(bound.schema.oid)


def _new_owner(asker: _Asker, item: Any, role_oid: int) -> None:
    """Who gives an object away must be able to become the new owner, who must be able to make it."""
    if item.owner_oid == role_oid:
        return
    if not is_member(asker.catalog, asker.role.oid, role_oid):
        name = asker.catalog.roles[role_oid].name
        raise DatacaveError(f'must be member of role "{name}"', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
    schema = asker.catalog.schemas.get(getattr(item, "schema_oid", 0))
    if schema is not None and not allows_on(asker.catalog, role_oid, "schema", schema, "C"):
        raise denied("schema", schema.name)


def _change_policies(asker: _Asker, bound: ChangePolicies) -> None:
    if not asker.owns(bound.table.owner_oid):
        raise not_owner("relation" if bound.tag == "DROP POLICY" else "table", bound.table.name)


def _change_rules(asker: _Asker, bound: ChangeRules) -> None:
    if not asker.owns(bound.table.owner_oid):
        raise not_owner(_KINDS[bound.table.kind], bound.table.name)


def _change_statistics(asker: _Asker, bound: ChangeStatistics) -> None:
    if bound.tag == "CREATE STATISTICS":
        asker.must_own(bound.changes[0][0])
    for one in bound.subjects:
        if not asker.owns(one.owner_oid):
            raise not_owner("statistics object", one.name)
    if bound.schema is not None:
        asker.create_in(bound.schema.oid)


def _change_triggers(asker: _Asker, bound: ChangeTriggers) -> None:
    table = bound.table
    if bound.tag != "CREATE TRIGGER":
        if not asker.owns(table.owner_oid):
            raise not_owner(_KINDS[table.kind], table.name)
        return
    asker.need(table, "t")
    routine = asker.catalog.routines.get(bound.function_oid)
    if routine is not None and not asker.has("function", routine, "X"):
        raise denied("function", routine.name)


def _change_owner(asker: _Asker, bound: s.ChangeOwner) -> None:
    asker.must_own(bound.target)
    _new_owner(asker, bound.target, bound.role_oid)


def _alter_table(asker: _Asker, bound: table_changes.AlterTable) -> None:
    asker.must_own(bound.table)
    for action in bound.actions:
        if isinstance(action, table_changes.AddColumn):
            asker.use_types((action.column.type_oid,))
        if isinstance(action, table_changes.AlterColumnTypes):
            asker.use_types(one.column.type_oid for one in action.changes)
        if isinstance(action, table_changes.SetOwner):
            _new_owner(asker, bound.table, action.role_oid)
        if isinstance(action, table_changes.AddConstraint):
            _may_refer(asker, action.constraint)
        if isinstance(action, table_changes.ReplaceParts) and action.parents is not None:
            _may_inherit(asker, set(action.parents) - set(bound.table.parents))
    for one in bound.below:
        _alter_table(asker, one)


def _create_type(asker: _Asker, bound: s.CreateType | s.AlterType) -> None:
    definition = bound.definition
    if definition.oid:
        asker.must_own(definition)
    else:
        asker.create_in(definition.schema_oid)
        if isinstance(bound, s.CreateType) and bound.multirange is not None:
            asker.create_in(bound.multirange.schema_oid)
    asker.use_types((definition.base_type_oid, *(one.type_oid for one in definition.attributes)))


def _create_as(asker: _Asker, bound: s.CreateTableAs) -> None:
    if bound.table.persistence != "t":
        asker.create_in(bound.table.schema_oid)
    asker.use_types(column.type_oid for column in bound.table.columns)
    if bound.query is not None:
        _query(asker, bound.query)


def _create_view(asker: _Asker, bound: s.CreateView) -> None:
    if bound.replaces is not None:
        asker.must_own(bound.replaces)
    else:
        asker.create_in(bound.table.schema_oid)


def _drop(asker: _Asker, bound: s.DropObjects) -> None:
    for item in bound.objects:
        schema_oid = getattr(item, "schema_oid", 0)
        schema = asker.catalog.schemas.get(schema_oid)
        if schema is None or not asker.owns(schema.owner_oid):
            asker.must_own(item)


def _create_routine(asker: _Asker, bound: CreateRoutine) -> None:
    routine = bound.routine
    asker.create_in(routine.schema_oid)
    asker.use_language(routine.language)
    asker.use_types(argument.type_oid for argument in routine.arguments)
    asker.use_types((routine.return_type_oid, *(part.state_type_oid for part in routine.parts)))
    for part in routine.parts:
        asker.call_routines((part.transition_oid, part.final_oid, part.combine_oid))
    if bound.replaces is not None:
        asker.must_own(bound.replaces)


def _create_operator(asker: _Asker, bound: CreateOperator) -> None:
    definition = bound.definition
    asker.create_in(definition.schema_oid)
    asker.use_types((definition.left_oid, definition.right_oid))
    asker.call_routines((definition.function_oid,))
    asker.use_types((definition.result_oid,))


def _create_named(asker: _Asker, bound: CreateNamed) -> None:
    for item in bound.objects:
        if item.oid:
            asker.must_own(item)
        else:
            asker.create_in(item.schema_oid)
    if isinstance(bound.objects[-1], OperatorClass | OperatorFamily) and not asker.role.superuser:
        # An index by a class whose functions contradict each other is a broken one.
        kind = kind_of(bound.objects[-1])
        raise DatacaveError(f"must be superuser to create an {kind}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def _alter_named(asker: _Asker, bound: AlterNamed) -> None:
    asker.must_own(bound.definition)
    if isinstance(bound.definition, OperatorFamily) and not asker.role.superuser:
        raise DatacaveError("must be superuser to alter an operator family", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def _create_cast(asker: _Asker, bound: CreateCast) -> None:
    asker.must_own(bound.definition)
    asker.use_types((bound.definition.source_oid, bound.definition.target_oid))
    if bound.definition.method == "b":
        # It makes the bytes of one type values of another, unchecked.
        raise DatacaveError(
            "must be superuser to create a cast WITHOUT FUNCTION", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
        )


def _reindex(asker: _Asker, bound: s.Reindex) -> None:
    if bound.schema is not None:
        asker.must_own(bound.schema)
    if bound.whole_database:
        asker.must_own(asker.catalog.databases[asker.session.evaluation.database_oid])
    for table in bound.tables:
        asker.must_own(table)
    for pair in bound.indexes:
        asker.must_own(pair)


def _copy_from(asker: _Asker, bound: s.CopyFrom) -> None:
    check_may_copy(asker.catalog, asker.role.oid, bound)
    asker.need_columns(bound.table, "a", [column.number for column in bound.columns])


def _copy_to(asker: _Asker, bound: s.CopyTo) -> None:
    check_may_copy(asker.catalog, asker.role.oid, bound)
    _query(asker, bound.query)


def _create_schema(asker: _Asker, bound: s.CreateSchema) -> None:
    database = asker.catalog.databases.get(asker.session.evaluation.database_oid)
    if not is_member(asker.catalog, asker.role.oid, bound.owner_oid):
        name = asker.catalog.roles[bound.owner_oid].name
        raise DatacaveError(f'must be member of role "{name}"', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
    if database is not None and not asker.has("database", database, "C"):
        raise denied("database", database.name)


def _lock_tables(asker: _Asker, bound: s.LockTable) -> None:
    letters = "r" if bound.mode == "access share" else "awdD" if bound.mode == "row exclusive" else "wdD"
    for table in bound.tables:
        if table.oid not in bound.members and not any(asker.has("table", table, letter) for letter in letters):
            raise denied(kind_of(table), table.name)


def _truncate(asker: _Asker, bound: s.Truncate) -> None:
    for table in bound.tables:
        if table.oid not in bound.members:
            asker.need(table, "D")


def _owner_of(*names: str) -> Callable[[_Asker, Any], None]:
    def check(asker: _Asker, bound: Any) -> None:
        for name in names:
            target = getattr(bound, name)
            if target is not None:
                asker.must_own(target)

    return check


def _create_in_schema(name: str) -> Callable[[_Asker, Any], None]:
    def check(asker: _Asker, bound: Any) -> None:
        item = getattr(bound, name)
        if getattr(item, "persistence", "p") != "t":
            asker.create_in(item.schema_oid)

    return check


_WITH_QUERY = (s.DeclareCursor, s.CopyTo, s.Explain, s.CreateTableAs)
"""Statements that a superuser too may be refused, for what a view in them does in its owner's name."""


def _comment_on(asker: _Asker, bound: s.CommentOn) -> None:
    """Comments are for owners; on roles for who may make them."""
    catalog, oid = asker.catalog, bound.object_oid
    if oid in catalog.roles and bound.class_oid == _ROLE_CLASS:
        if catalog.roles[oid].superuser:
            raise DatacaveError("must be superuser", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
        if not asker.role.create_role:
            raise DatacaveError("must have CREATEROLE privilege", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
        return
    maps: tuple[Any, ...] = (
        catalog.tables, catalog.sequences, catalog.schemas, catalog.types, catalog.databases, catalog.routines,
        catalog.extensions,
    )  # fmt: skip
    is_part = bound.sub_id != 0
    item: Any = next((found for one in maps if (found := one.get(oid)) is not None), None)
    if item is None and (indexed := catalog.index_by_oid(oid)) is not None:
        item = indexed
    if item is None:
        item = catalog.table_of_part(oid)
        is_part = item is not None
    if is_part and not asker.owns(item.owner_oid):
        raise not_owner("relation", item.name)
    if item is None or (not hasattr(item, "owner_oid") and not isinstance(item, tuple)):
        raise DatacaveError("must be superuser to comment on this object", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
    asker.must_own(item)


_CHECKS: dict[type, Callable[[_Asker, Any], None]] = {
    s.BoundQuery: _query,
    s.DeclareCursor: lambda asker, bound: _query(asker, bound.query),
    s.CopyTo: _copy_to,
    s.CopyFrom: _copy_from,
    s.Explain: lambda asker, bound: check_permissions(asker.session, bound.target),
    s.CreateTable: _create_table,
    s.CreateTableAs: _create_as,
    s.CreateView: _create_view,
    s.CreateIndex: _owner_of("table"),
    s.AlterIndex: _owner_of("table"),
    table_changes.AlterTable: _alter_table,
    s.RefreshMaterializedView: _owner_of("table"),
    s.CommentOn: _comment_on,
    ChangePolicies: _change_policies,
    ChangeRules: _change_rules,
    ChangeStatistics: _change_statistics,
    ChangeTriggers: _change_triggers,
    s.Truncate: _truncate,
    s.LockTable: _lock_tables,
    s.DropObjects: _drop,
    s.CreateSchema: _create_schema,
    s.CreateSequence: _create_in_schema("sequence"),
    s.AlterSequence: _owner_of("sequence"),
    CreateRoutine: _create_routine,
    s.Reindex: _reindex,
    AlterRoutine: _owner_of("routine"),
    CreateNamed: _create_named,
    AlterNamed: _alter_named,
    CreateOperator: _create_operator,
    CreateCast: _create_cast,
    s.CreateType: _create_type,
    s.AlterType: _create_type,
    s.RenameObject: _rename,
    s.SetObjectSchema: _set_schema,
    s.ChangeOwner: _change_owner,
}
