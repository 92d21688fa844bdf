"""Permissions: whether the current role may run a statement; asked once per compiled plan, which belongs to its role.

Superusers may do everything. Others need privileges on the relations that a statement names (those inside a view are
the view's business), on their schemas, and must own what they alter or drop. Letters are those of aclitem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Catalog, Grant, Index, Role, Schema, Sequence, Table, TypeDefinition
from datacave_core.errors import DatacaveError
from datacave_sql.bind import statements as s
from datacave_sql.plan import logical as l
from datacave_sql.session.privileges import allows
from datacave_sql.session.transaction_parameters import is_member

_KINDS = {"r": "table", "v": "view", "m": "materialized view", "f": "foreign table", "p": "table", "c": "type"}


def check_permissions(session: Any, bound: Any) -> None:
    """Raises 42501 for a statement that the current role may not run."""
    role: Role = session.evaluation.current_role
    if role.superuser:
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
        return is_member(self.catalog, self.role.oid, owner_oid)

    def has(self, item: Any, letter: str, grants: Iterable[Grant] | None = None) -> bool:
        given = item.privileges if grants is None else grants
        return allows(self.catalog, self.role, item.owner_oid, given, letter)

    def use_schema(self, schema_oid: int) -> None:
        schema = self.catalog.schemas.get(schema_oid)
        if schema is not None and not self._temporary(schema) and not self.has(schema, "U"):
            raise denied("schema", schema.name)

    def create_in(self, schema_oid: int) -> None:
        schema = self.catalog.schemas.get(schema_oid)
        if schema is not None and not self._temporary(schema) and not self.has(schema, "C"):
            raise denied("schema", schema.name)

    def _temporary(self, schema: Schema) -> bool:
        return bool(schema.name == self.session.evaluation.temporary_schema)

    def need(self, relation: Table | Sequence, letter: str) -> None:
        self.use_schema(relation.schema_oid)
        if not self.has(relation, letter):
            raise denied(kind_of(relation), relation.name)

    def need_columns(self, table: Table, letter: str, numbers: Iterable[int] | None) -> None:
        """The same, where privileges on all the columns in question will do; None: some column."""
        self.use_schema(table.schema_oid)
        if self.has(table, letter):
            return
        allowed = {
            column.number
            for column in table.live_columns
            if self.has(table, letter, (*column.privileges,) or (_NOBODY,))
        }
        if numbers is None or not allowed or not set(numbers) <= allowed:
            raise denied(kind_of(table), table.name)

    def must_own(self, item: Any) -> None:
        if isinstance(item, tuple):
            table, index = item
            if not self.owns(table.owner_oid):
                raise not_owner("index", index.name)
        elif not self.owns(item.owner_oid):
            raise not_owner(kind_of(item), item.name)


_SECRET = frozenset({"pg_authid", "pg_shadow", "pg_statistic", "pg_user_mapping", "pg_hba_file_rules"})
"""System relations that only superusers read."""

_NOBODY = Grant(2**32 - 1, 0, "")


def kind_of(item: Any) -> str:
    """The kind of an object as messages name it."""
    if isinstance(item, Table):
        return _KINDS[item.kind]
    if isinstance(item, Sequence):
        return "sequence"
    if isinstance(item, Schema):
        return "schema"
    return "index" if isinstance(item, Index) else "type" if isinstance(item, TypeDefinition) else "database"


def denied(kind: str, name: str) -> DatacaveError:
    """42501 for a lack of privileges."""
    return DatacaveError(f"permission denied for {kind} {name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def not_owner(kind: str, name: str) -> DatacaveError:
    """42501 for what only the owner may do."""
    return DatacaveError(f"must be owner of {kind} {name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)


def _query(asker: _Asker, bound: s.BoundQuery) -> None:
    written, read, locked = _touched(bound.plan)
    catalog = asker.catalog
    for oid, letters in written.items():
        table = catalog.tables.get(oid)
        if table is not None:
            for letter, columns in letters.items():
                asker.need_columns(table, letter, columns)
    for oid in bound.dependencies:
        relation = catalog.relation_by_oid(oid)
        if relation is None:
            continue
        if isinstance(relation, Sequence):
            # Its functions ask for themselves when they run.
            if oid in read:
                asker.need(relation, "r")
        elif oid in read or oid not in written:
            asker.need_columns(relation, "r", read.get(oid))
            if oid in locked:
                asker.need_columns(relation, "w", None)


def _touched(
    plan: l.LogicalPlan,
) -> tuple[dict[int, dict[str, set[int] | None]], dict[int, set[int]], set[int]]:
    """What a plan writes (table, letter, columns), which columns of which tables it reads, and which it locks."""
    written: dict[int, dict[str, set[int] | None]] = {}
    read: dict[int, set[int]] = {}
    locked: set[int] = set()
    scans: list[tuple[int, dict[int, int]]] = []
    used: set[int] = set()

    def visit(node: Any) -> None:
        if isinstance(node, l.Insert):
            written.setdefault(node.table.oid, {})["a"] = set(node.targets)
            if node.on_conflict is not None and node.on_conflict.assignments:
                written[node.table.oid]["w"] = {number for number, _ in node.on_conflict.assignments}
        elif isinstance(node, l.Update):
            written.setdefault(node.table.oid, {})["w"] = {number for number, _ in node.assignments}
        elif isinstance(node, l.Delete):
            written.setdefault(node.table.oid, {})["d"] = None
        elif isinstance(node, l.Merge):
            letters = written.setdefault(node.table.oid, {})
            for action in node.actions:
                letter = {"insert": "a", "update": "w", "delete": "d"}.get(action.kind)
                numbers = {number for number, _ in action.assignments}
                if letter is not None:
                    letters[letter] = None if letter == "d" else (letters.get(letter) or set()) | numbers
        elif isinstance(node, l.Scan):
            scans.append((node.table.oid, {column.id: column.attribute for column in node.columns}))
        elif isinstance(node, l.VirtualScan):
            if getattr(node.relation, "name", "") in _SECRET:
                raise denied("table", node.relation.name)
            read.setdefault(node.relation.oid, set())
        elif isinstance(node, l.LockRows):
            locked.update(one.table.oid for one in node.tables)
        reference = getattr(node, "column", None)
        if isinstance(reference, int) and type(node).__name__ == "ColumnReference":
            used.add(reference)
        if hasattr(node, "__slots__") and hasattr(node, "__dataclass_fields__"):
            for name in node.__dataclass_fields__:
                visit(getattr(node, name))
        elif isinstance(node, tuple | list | frozenset):
            for item in node:
                visit(item)

    visit(plan)
    shown = {column.id for column in getattr(plan, "columns", ())}
    for oid, columns in scans:
        numbers = {number for column, number in columns.items() if number > 0 and (column in used or column in shown)}
        if numbers or oid not in written:
            read.setdefault(oid, set()).update(numbers)
    return written, read, locked


def _create_table(asker: _Asker, bound: s.CreateTable) -> None:
    if bound.table.persistence != "t":
        asker.create_in(bound.table.schema_oid)
    for constraint in bound.table.constraints:
        _may_refer(asker, constraint)


def _may_refer(asker: _Asker, constraint: Any) -> None:
    target = asker.catalog.tables.get(constraint.referenced_table_oid)
    if constraint.kind == "f" and target is not None:
        asker.need_columns(target, "x", constraint.referenced_columns)


def _alter_table(asker: _Asker, bound: s.AlterTable) -> None:
    asker.must_own(bound.table)
    for action in bound.actions:
        if isinstance(action, s.AddConstraint):
            _may_refer(asker, action.constraint)


def _create_as(asker: _Asker, bound: s.CreateTableAs) -> None:
    if bound.table.persistence != "t":
        asker.create_in(bound.table.schema_oid)
    if bound.query is not None:
        _query(asker, bound.query)


def _create_view(asker: _Asker, bound: s.CreateView) -> None:
    if bound.replaces is not None:
        asker.must_own(bound.replaces)
    else:
        asker.create_in(bound.table.schema_oid)
    for oid in bound.table.depends_on:
        relation = asker.catalog.relation_by_oid(oid)
        if relation is not None:
            asker.need(relation, "r")


def _drop(asker: _Asker, bound: s.DropObjects) -> None:
    for item in bound.objects:
        schema_oid = getattr(item, "schema_oid", 0)
        schema = asker.catalog.schemas.get(schema_oid)
        if schema is None or not asker.owns(schema.owner_oid):
            asker.must_own(item)


def _copy_from(asker: _Asker, bound: s.CopyFrom) -> None:
    asker.need_columns(bound.table, "a", [column.number for column in bound.columns])


def _create_schema(asker: _Asker, bound: s.CreateSchema) -> None:
    database = asker.catalog.databases.get(asker.session.evaluation.database_oid)
    if database is not None and not asker.has(database, "C"):
        raise denied("database", database.name)


def _lock_tables(asker: _Asker, bound: s.LockTable) -> None:
    letters = "r" if bound.mode == "access share" else "awdD" if bound.mode == "row exclusive" else "wdD"
    for table in bound.tables:
        if not any(asker.has(table, letter) for letter in letters):
            raise denied(kind_of(table), table.name)


def _truncate(asker: _Asker, bound: s.Truncate) -> None:
    for table in bound.tables:
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


_CHECKS: dict[type, Callable[[_Asker, Any], None]] = {
    s.BoundQuery: _query,
    s.DeclareCursor: lambda asker, bound: _query(asker, bound.query),
    s.CopyTo: lambda asker, bound: _query(asker, bound.query),
    s.CopyFrom: _copy_from,
    s.Explain: lambda asker, bound: check_permissions(asker.session, bound.target),
    s.CreateTable: _create_table,
    s.CreateTableAs: _create_as,
    s.CreateView: _create_view,
    s.CreateIndex: _owner_of("table"),
    s.AlterIndex: _owner_of("table"),
    s.AlterTable: _alter_table,
    s.RefreshMaterializedView: _owner_of("table"),
    s.Truncate: _truncate,
    s.LockTable: _lock_tables,
    s.DropObjects: _drop,
    s.CreateSchema: _create_schema,
    s.CreateSequence: _create_in_schema("sequence"),
    s.AlterSequence: _owner_of("sequence"),
    s.CreateType: _create_in_schema("definition"),
    s.AlterType: _owner_of("definition"),
    s.RenameObject: _owner_of("target"),
    s.SetObjectSchema: _owner_of("target"),
    s.ChangeOwner: _owner_of("target"),
}
