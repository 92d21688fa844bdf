"""SystemRelations: every relation of pg_catalog and information_schema by name.

A relation of PostgreSQL 15 that has no rows here exists all the same, empty and with all its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from datacave_core.catalog import Sequence as CatalogSequence
from datacave_core.values import Row
from datacave_sql.bind.definitions import Definitions
from datacave_sql.pgcatalog import (
    activity,
    attributes,
    classes,
    constraints,
    dependencies,
    globals,
    indexes,
    listings,
    named_rows,
    partitions,
    progress,
    routines,
    triggers,
    types,
)
from datacave_sql.pgcatalog.constraints import constraint_of_oid
from datacave_sql.pgcatalog.extended_statistics import statistic_ext_rows
from datacave_sql.pgcatalog.facts import RelationShape, fixed_rows, index_shapes, relation_shapes
from datacave_sql.pgcatalog.index_properties import column_property, index_property
from datacave_sql.pgcatalog.information.typefacts import type_place
from datacave_sql.pgcatalog.information.views import VIEWS, InformationRelation
from datacave_sql.pgcatalog.named_objects import ACCESS_METHODS
from datacave_sql.pgcatalog.operator_classes import BTREE
from datacave_sql.pgcatalog.planner_statistics import CountedRelation, statistic_rows, stats_view
from datacave_sql.pgcatalog.privileges import (
    default_acl_rows,
    initial_privilege_rows,
    policies_view,
    policy_rows,
)
from datacave_sql.pgcatalog.relation import CatalogRelation, LiveRelation, SystemRelation
from datacave_sql.pgcatalog.sequences import SequenceRelation, sequence_rows, sequences_view
from datacave_sql.pgcatalog.settings import build_rows, setting_rows
from datacave_sql.pgcatalog.shared_dependencies import shared_depend_rows
from datacave_sql.pgcatalog.snapshot import CatalogRows, SnapshotCache
from datacave_sql.pgcatalog.statistics import STATISTICS

BY_CATALOG: dict[str, Callable[[CatalogRows], Sequence[Row]]] = {
    "pg_range": types.range_rows,
    "pg_proc": routines.proc_rows,
    "pg_extension": routines.extension_rows,
    "pg_available_extensions": routines.available_extensions,
    "pg_available_extension_versions": routines.available_versions,
    "pg_cast": routines.cast_rows,
    "pg_operator": routines.operator_rows,
    "pg_aggregate": routines.aggregate_rows,
    "pg_class": classes.class_rows,
    "pg_attribute": attributes.attribute_rows,
    "pg_attrdef": attributes.default_rows,
    "pg_type": types.type_rows,
    "pg_enum": types.enum_rows,
    "pg_index": indexes.index_rows,
    "pg_constraint": constraints.constraint_rows,
    "pg_inherits": partitions.inherits_rows,
    "pg_partitioned_table": partitions.partitioned_rows,
    "pg_namespace": globals.namespace_rows,
    "pg_database": globals.database_rows,
    "pg_authid": globals.authid_rows,
    "pg_roles": globals.roles_view,
    "pg_shadow": globals.shadow_view,
    "pg_user": globals.user_view,
    "pg_group": globals.group_view,
    "pg_auth_members": globals.member_rows,
    "pg_db_role_setting": globals.role_setting_rows,
    "pg_description": globals.description_rows,
    "pg_shdescription": globals.shared_description_rows,
    "pg_sequence": sequence_rows,
    "pg_depend": dependencies.depend_rows,
    "pg_init_privs": initial_privilege_rows,
    "pg_default_acl": default_acl_rows,
    "pg_policy": policy_rows,
    "pg_statistic_ext": statistic_ext_rows,
    "pg_policies": policies_view,
    "pg_rewrite": dependencies.rewrite_rows,
    "pg_ts_config": named_rows.configuration_rows,
    "pg_ts_config_map": named_rows.mapping_rows,
    "pg_ts_dict": named_rows.dictionary_rows,
    "pg_opfamily": named_rows.family_rows,
    "pg_opclass": named_rows.class_rows,
    "pg_amop": named_rows.amop_rows,
    "pg_amproc": named_rows.amproc_rows,
    "pg_conversion": named_rows.conversion_rows,
    "pg_tables": listings.tables_view,
    "pg_views": listings.views_view,
    "pg_rules": listings.rules_view,
    "pg_trigger": triggers.trigger_rows,
    "pg_matviews": listings.materialized_views_view,
    "pg_indexes": listings.indexes_view,
}
"""Rows computed from the catalog."""

OWNERS: dict[str, tuple[str, Callable[[CatalogRows, int], Sequence[Row]]]] = {
    "pg_attribute": ("attrelid", attributes.attributes_of),
    "pg_attrdef": ("adrelid", attributes.defaults_of),
    "pg_index": ("indrelid", indexes.indexes_of),
    "pg_constraint": ("conrelid", constraints.constraints_of),
    "pg_trigger": ("tgrelid", triggers.triggers_of),
}
"""Relations whose rows belong to a relation, and how those of one relation are found without making all."""

FINDERS: dict[str, dict[str, Callable[[CatalogRows, Any], Sequence[Row]]]] = {
    "pg_type": {"oid": types.type_of_oid},
    "pg_index": {"indexrelid": indexes.index_of_oid},
    "pg_class": {"oid": classes.class_of_oid, "relname": classes.classes_named, "reltype": classes.class_of_row_type},
}
"""Relations whose rows are found by these columns without making all."""

LIVE: dict[str, Callable[[Any, CatalogRows], Iterable[Row]]] = {
    "pg_config": build_rows,
    "pg_settings": setting_rows,
    "pg_shdepend": shared_depend_rows,
    "pg_sequences": sequences_view,
    "pg_stat_activity": activity.activity_view,
    "pg_locks": activity.locks_view,
    "pg_prepared_xacts": activity.prepared_transactions_view,
    "pg_prepared_statements": activity.prepared_statements_view,
    "pg_cursors": activity.cursors_view,
    "pg_stats": stats_view,
    "pg_statistic": statistic_rows,
    **STATISTICS,
    **progress.PROGRESS,
}
"""Rows that show the running server."""


@cache
def _index_oids() -> dict[str, int]:
    shapes = relation_shapes()
    return {shapes[oid].name: oid for oid in index_shapes() if shapes[oid].schema == "pg_catalog"}


class SystemRelations:
    """The relations by schema and name, made on first use; one per database."""

    __slots__ = ("_made", "_names", "_snapshots", "definitions")

    def __init__(self) -> None:
        self.definitions = Definitions()
        self._snapshots = SnapshotCache(self.definitions, self)
        self._names = {(s.schema, s.name): s for s in relation_shapes().values() if s.kind != "i"}
        self._made: dict[int, SystemRelation] = {}

    def lookup(self, schema: str, name: str) -> SystemRelation | None:
        """The relation schema.name, or None."""
        shape = self._names.get((schema, name))
        if shape is None:
            return None
        found = self._made.get(shape.oid)
        if found is None:
            found = self._made[shape.oid] = self._make(shape)
        return found

    def of_sequence(self, sequence: CatalogSequence) -> SequenceRelation:
        """The relation with the one row of a sequence."""
        return SequenceRelation(sequence)

    def _make(self, shape: RelationShape) -> SystemRelation:
        if shape.schema == "pg_catalog":
            by_catalog = BY_CATALOG.get(shape.name)
            if by_catalog is not None:
                kind = CountedRelation if shape.name == "pg_class" else CatalogRelation
                return kind(shape, by_catalog, self._snapshots, OWNERS.get(shape.name), FINDERS.get(shape.name))
            live = LIVE.get(shape.name)
            if live is not None:
                return LiveRelation(shape, live, self._snapshots)
            return SystemRelation(shape, lambda: fixed_rows(shape.name))
        standard = VIEWS.get(shape.name)
        return InformationRelation(shape, standard, self._snapshots) if standard is not None else SystemRelation(shape)

    def name_of(self, oid: int) -> tuple[str, str] | None:
        """(schema, name) of a system relation or index."""
        shape = relation_shapes().get(oid)
        return (shape.schema, shape.name) if shape is not None else None

    def constraint(self, state: Any, oid: int) -> Any:
        """(table or domain, constraint) of a constraint in a catalog state, or None."""
        return constraint_of_oid(self._snapshots.of(state), oid)

    def type_place(self, state: Any, oid: int) -> tuple[str, str]:
        """(schema, name) of a type in a catalog state."""
        return type_place(self._snapshots.of(state), oid)

    def index_oid(self, name: str) -> int | None:
        """The oid of an index of pg_catalog, or None."""
        return _index_oids().get(name)

    def index_property(self, state: Any, oid: int, column: int, name: str) -> bool | None:
        """A property of an index, or of a column of it (from 1; 0: the whole), in a catalog state."""
        rows = self._snapshots.of(state)
        indexed = rows.catalog.index_by_oid(oid)
        shape = index_shapes().get(oid)
        if indexed is not None:
            method, table_oid = ACCESS_METHODS.get(indexed[1].method, BTREE), indexed[0].oid
        elif shape is not None:
            method, table_oid = BTREE, shape.relation_oid
        else:
            return None
        if column == 0:
            return index_property(method, name)
        row = next(row for row in indexes.indexes_of(rows, table_oid) if row[0] == oid)
        return column_property(row, method, column, name)

    def index_definition(self, oid: int) -> str | None:
        """The CREATE INDEX of a system index."""
        index = index_shapes().get(oid)
        return index.definition if index is not None else None
