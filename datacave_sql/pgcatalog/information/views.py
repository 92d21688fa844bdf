"""The relations of information_schema that have rows, and their kind: computed once per snapshot, database and role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import RelationShape
from datacave_sql.pgcatalog.information import constraints, elements, privileges, routines, tables, usage
from datacave_sql.pgcatalog.information.visibility import Viewer, seen
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


OF_VIEWER: Final[dict[str, Callable[[CatalogRows, str, RowMaker, Viewer], Iterator[Row]]]] = {
    "check_constraints": constraints.check_constraints,
    "referential_constraints": constraints.referential_constraints,
}
"""Views whose rows do not name what decides about who sees them."""


OF_TABLE: Final[dict[str, tuple[str, Callable[[CatalogRows, str, RowMaker, str], list[Row]]]]] = {
    "columns": ("table_name", tables.columns_of_tables_named),
}
"""Views whose rows are found by the name of their table without making all."""


class InformationRelation(SystemRelation):
    """A view of the standard."""

    __slots__ = ("_make", "_maker", "_snapshots")

    def __init__(self, shape: RelationShape, make: MakeRows, snapshots: SnapshotCache) -> None:
        super().__init__(shape)
        self._make = make
        self._maker = RowMaker(shape)
        self._snapshots = snapshots

    def _rows(self, snapshot: CatalogRows, database: str, viewer_oid: int) -> list[Row]:
        """All rows that a role sees; 0 stands for superusers, who see everything."""
        make, maker = self._make, self._maker

        def compute(rows: CatalogRows) -> list[Row]:
            if not viewer_oid:
                return list(make(rows, database, maker))
            viewer = Viewer(rows, viewer_oid)
            own = OF_VIEWER.get(self.name)
            if own is not None:
                return list(own(rows, database, maker, viewer))
            return seen(viewer, self.shape, self._rows(rows, database, 0))

        found: list[Row] = snapshot.once((self.oid, database, "of", viewer_oid), compute)
        return found

    def rows(self, context: Any) -> Iterable[Row]:
        session = context.session
        return self._rows(self._snapshots.of(session.catalog_state), session.database_name, _viewer_oid(session))

    def lookup(self, attribute: int, values: Sequence[Any], context: Any) -> Iterable[Row]:
        session = context.session
        snapshot = self._snapshots.of(session.catalog_state)
        database, viewer_oid = session.database_name, _viewer_oid(session)
        column, find = OF_TABLE.get(self.name, ("", None))
        if find is not None and len(values) <= FOUND_SINGLY_MAX and self.columns[attribute - 1][0] == column:
            names = [name for name in dict.fromkeys(values) if name is not None]
            found = [row for name in names for row in find(snapshot, database, self._maker, name)]
            return seen(Viewer(snapshot, viewer_oid), self.shape, found) if viewer_oid else found
        table = snapshot.once(
            (self.oid, database, attribute, viewer_oid),
            lambda rows: hash_rows(self._rows(rows, database, viewer_oid), attribute),
        )
        return found_rows(table, values)


def _viewer_oid(session: Any) -> int:
    role = session.evaluation.current_role
    return 0 if role.superuser else role.oid
