"""The relations of information_schema that have rows, and their kind: computed once per snapshot and database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from datacave_core.catalog import Catalog, has_privileges_of
from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import RelationShape
from datacave_sql.pgcatalog.information import constraints, elements, privileges, routines, tables, usage
from datacave_sql.pgcatalog.relation import FOUND_SINGLY_MAX, RowMaker, SystemRelation, found_rows, hash_rows
from datacave_sql.pgcatalog.snapshot import CatalogRows, SnapshotCache
from datacave_sql.pgcatalog.triggers import information_triggers

MakeRows = Callable[[CatalogRows, str, RowMaker], Iterator[Row]]

VIEWS: Final[dict[str, MakeRows]] = {
    "administrable_role_authorizations": privileges.administrable_role_authorizations,
    "applicable_roles": privileges.applicable_roles,
    "attributes": tables.attributes,
    "character_sets": tables.character_sets,
    "check_constraints": constraints.check_constraints,
    "column_column_usage": usage.column_column_usage,
    "column_domain_usage": usage.column_domain_usage,
    "column_privileges": privileges.column_privileges,
    "column_udt_usage": usage.column_udt_usage,
    "columns": tables.columns,
    "constraint_column_usage": constraints.constraint_column_usage,
    "constraint_table_usage": constraints.constraint_table_usage,
    "data_type_privileges": elements.data_type_privileges,
    "domain_constraints": constraints.domain_constraints,
    "domain_udt_usage": usage.domain_udt_usage,
    "domains": tables.domains,
    "element_types": elements.element_types,
    "enabled_roles": privileges.enabled_roles,
    "information_schema_catalog_name": tables.catalog_name,
    "key_column_usage": constraints.key_column_usage,
    "parameters": routines.parameters,
    "referential_constraints": constraints.referential_constraints,
    "role_column_grants": privileges.column_privileges,
    "role_routine_grants": privileges.routine_privileges,
    "role_table_grants": privileges.table_privileges,
    "role_udt_grants": privileges.udt_privileges,
    "role_usage_grants": privileges.usage_privileges,
    "routine_privileges": privileges.routine_privileges,
    "routine_routine_usage": usage.routine_routine_usage,
    "routine_sequence_usage": usage.routine_sequence_usage,
    "routine_table_usage": usage.routine_table_usage,
    "routines": routines.routines,
    "schemata": tables.schemata,
    "sequences": tables.sequences,
    "table_constraints": constraints.table_constraints,
    "table_privileges": privileges.table_privileges,
    "tables": tables.tables,
    "triggered_update_columns": usage.triggered_update_columns,
    "triggers": information_triggers,
    "udt_privileges": privileges.udt_privileges,
    "usage_privileges": privileges.usage_privileges,
    "user_defined_types": tables.user_defined_types,
    "view_column_usage": usage.view_column_usage,
    "view_routine_usage": usage.view_routine_usage,
    "view_table_usage": usage.view_table_usage,
    "views": tables.views,
}


OF_TABLE: Final[dict[str, tuple[str, Callable[[CatalogRows, str, RowMaker, str], list[Row]]]]] = {
    "columns": ("table_name", tables.columns_of_tables_named),
}
"""Views whose rows are found by the name of their table without making all."""


_OF_ROLES: Final = frozenset({"administrable_role_authorizations", "applicable_roles", "enabled_roles"})
"""Views whose first column names a role: one sees those whose privileges one has."""
_OF_GRANTS: Final = frozenset(
    name for name in VIEWS if name.endswith("_grants") or (name.endswith("_privileges") and name[:4] != "data")
)
"""Views that begin with a grantor and a grantee: one sees what such roles have granted or been granted."""


class InformationRelation(SystemRelation):
    """A view of the standard."""

    __slots__ = ("_make", "_maker", "_snapshots")

    def __init__(self, shape: RelationShape, make: MakeRows, snapshots: SnapshotCache) -> None:
        super().__init__(shape)
        self._make = make
        self._maker = RowMaker(shape)
        self._snapshots = snapshots

    def _rows(self, snapshot: CatalogRows, database: str) -> list[Row]:
        found: list[Row] = snapshot.once(
            (self.oid, database), lambda rows: list(self._make(rows, database, self._maker))
        )
        return found

    def rows(self, context: Any) -> Iterable[Row]:
        session = context.session
        return self._seen(session, self._rows(self._snapshots.of(session.catalog_state), session.database_name))

    def _seen(self, session: Any, rows: Iterable[Row]) -> Iterable[Row]:
        """The rows that the current role may see."""
        role = session.evaluation.current_role
        if role.superuser or not (self.name in _OF_ROLES or self.name in _OF_GRANTS):
            return rows
        catalog: Catalog = session.catalog_snapshot
        enabled = {one.name for one in catalog.roles.values() if has_privileges_of(catalog, role.oid, one.oid)}
        if self.name in _OF_ROLES:
            return [row for row in rows if row[0] in enabled]
        if self.name.endswith("_privileges"):
            return [row for row in rows if row[0] in enabled or row[1] in enabled or row[1] == "PUBLIC"]
        return [row for row in rows if row[0] in enabled or row[1] in enabled]

    def lookup(self, attribute: int, values: Sequence[Any], context: Any) -> Iterable[Row]:
        return self._seen(context.session, self._found(attribute, values, context))

    def _found(self, attribute: int, values: Sequence[Any], context: Any) -> Iterable[Row]:
        session = context.session
        snapshot = self._snapshots.of(session.catalog_state)
        database = session.database_name
        column, find = OF_TABLE.get(self.name, ("", None))
        if find is not None and len(values) <= FOUND_SINGLY_MAX and self.columns[attribute - 1][0] == column:
            names = [name for name in dict.fromkeys(values) if name is not None]
            return [row for name in names for row in find(snapshot, database, self._maker, name)]
        table = snapshot.once(
            (self.oid, database, attribute), lambda rows: hash_rows(self._rows(rows, database), attribute)
        )
        return found_rows(table, values)
