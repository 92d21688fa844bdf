"""information_schema: what of each view a role sees that is no superuser, as PostgreSQL defines the views.

Objects show to their owners and to those with a privilege on them; views of what others use show to owners only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from datacave_core.catalog import ADMIN_ROLE_OID, Table, allows, allows_on, has_privileges_of
from datacave_core.values import Row
from datacave_sql.pgcatalog.facts import RelationShape, domain_shapes, relation_shapes
from datacave_sql.pgcatalog.routines import proc_rows
from datacave_sql.pgcatalog.snapshot import CatalogRows

_ANY: Final = "rawdDxt"
CHANGE: Final = "awdDxt"
"""What one may do with a table but read it."""
_OF_COLUMNS: Final = "rawx"
_RELATION_CLASS: Final = 1259
_TYPE_CLASS: Final = 1247
_ROUTINE_CLASS: Final = 1255

Named = Mapping[str, Any]
Rule = Callable[["Viewer", Named], bool]


class Viewer:
    """A role that looks at the catalog."""

    __slots__ = ("_catalog", "_role_oid", "_rows", "_schemas")

    def __init__(self, rows: CatalogRows, role_oid: int) -> None:
        self._rows = rows
        self._catalog = rows.catalog
        self._role_oid = role_oid
        self._schemas = {schema.name: schema for schema in rows.catalog.schemas.values()}

    def owns(self, owner_oid: int) -> bool:
        """Whether the role has the rights of an owner."""
        return has_privileges_of(self._catalog, self._role_oid, owner_oid)

    def is_enabled(self, role: str) -> bool:
        """Whether the role has the rights of a role of that name."""
        oid = self._catalog.role_names.get(role)
        return oid is not None and self.owns(oid)

    def owns_relation(self, schema: str, name: str) -> bool:
        """Whether a table, view or sequence is the role's."""
        found = self._relation(schema, name)
        return self.owns(ADMIN_ROLE_OID if isinstance(found, RelationShape) or found is None else found.owner_oid)

    def may_use(self, schema: str, name: str, letters: str) -> bool:
        """Whether the role owns a table or has one of the privileges on it or on one of its columns."""
        found = self._relation(schema, name)
        return found is not None and self.may_use_table(found, letters)

    def may_use_table(self, table: Any, letters: str) -> bool:
        """The same of a table at hand."""
        if self._on_table(table, letters):
            return True
        return isinstance(table, Table) and any(self._on_column(table, one, letters) for one in table.live_columns)

    def may_use_column(self, schema: str, name: str, column: Any, letters: str) -> bool:
        """Whether the role owns a table or has one of the privileges on a column, given by name or by number."""
        found = self._relation(schema, name)
        if found is None or self._on_table(found, letters):
            return found is not None
        return isinstance(found, Table) and any(
            self._on_column(found, one, letters) for one in found.live_columns if column in (one.name, str(one.number))
        )

    def may_use_sequence(self, schema: str, name: str) -> bool:
        """Whether the role owns a sequence or has some privilege on it."""
        found = self._relation(schema, name)
        return found is not None and any(
            self.owns(found.owner_oid) or allows_on(self._catalog, self._role_oid, "sequence", found, letter)
            for letter in "rwU"
        )

    def may_use_schema(self, name: str) -> bool:
        """Whether the role owns a schema or has some privilege on it."""
        schema = self._schemas[name]
        return self.owns(schema.owner_oid) or any(
            allows_on(self._catalog, self._role_oid, "schema", schema, letter) for letter in "CU"
        )

    def owns_type(self, schema: str, name: str) -> bool:
        """Whether a type is the role's; row types are their relation's owner's."""
        definition = self._type(schema, name)
        return self.owns_relation(schema, name) if definition is None else self.owns(definition.owner_oid)

    def may_use_type(self, schema: str, name: str) -> bool:
        """Whether the role owns a type or may use it."""
        definition = self._type(schema, name)
        if definition is not None:
            return self.owns(definition.owner_oid) or allows_on(self._catalog, self._role_oid, "type", definition, "U")
        domain = next((one for one in domain_shapes().values() if one.name == name), None)
        given = self._catalog.system_privileges.get((_TYPE_CLASS, domain.oid if domain is not None else 0))
        grants = given.privileges if given is not None else ()
        return allows(self._catalog, self._role_oid, "type", ADMIN_ROLE_OID, grants, "U")

    def owns_routine(self, specific_name: str) -> bool:
        """Whether a routine is the role's."""
        routine = self._catalog.routines.get(_oid(specific_name))
        return self.owns(routine.owner_oid if routine is not None else self._builtin_owner(_oid(specific_name)))

    def may_call(self, specific_name: str) -> bool:
        """Whether the role owns a routine or may call it."""
        oid = _oid(specific_name)
        routine = self._catalog.routines.get(oid)
        if routine is not None:
            owner, grants = routine.owner_oid, routine.privileges
        else:
            given = self._catalog.system_privileges.get((_ROUTINE_CLASS, oid))
            owner, grants = self._builtin_owner(oid), given.privileges if given is not None else ()
        return self.owns(owner) or allows(self._catalog, self._role_oid, "function", owner, grants, "X")

    def _builtin_owner(self, oid: int) -> int:
        owners: dict[int, int] = self._rows.once(
            "owners of routines", lambda rows: {row[0]: row[3] for row in proc_rows(rows)}
        )
        return owners.get(oid, ADMIN_ROLE_OID)

    def _relation(self, schema: str, name: str) -> Any:
        place = self._schemas.get(schema)
        oid = self._catalog.relation_names.get((place.oid, name)) if place is not None else None
        if oid is not None:
            return self._catalog.tables.get(oid) or self._catalog.sequences.get(oid)
        shapes: dict[tuple[str, str], RelationShape] = self._rows.once(
            "system relations by name", lambda _: {(one.schema, one.name): one for one in relation_shapes().values()}
        )
        return shapes.get((schema, name))

    def _type(self, schema: str, name: str) -> Any:
        place = self._schemas.get(schema)
        oid = self._catalog.type_names.get((place.oid, name), 0) if place is not None else 0
        return self._catalog.types.get(oid)

    def _on_table(self, table: Any, letters: str) -> bool:
        if isinstance(table, RelationShape):
            given = self._catalog.system_privileges.get((_RELATION_CLASS, table.oid))
            if given is None and any(letter in letters for letter in table.public_privileges or ""):
                return True
            owner, grants = ADMIN_ROLE_OID, given.privileges if given is not None else ()
        else:
            owner, grants = table.owner_oid, table.privileges
        return self.owns(owner) or any(
            allows(self._catalog, self._role_oid, "table", owner, grants, letter) for letter in letters
        )

    def _on_column(self, table: Table, column: Any, letters: str) -> bool:
        return bool(column.privileges) and any(
            allows(self._catalog, self._role_oid, "column", table.owner_oid, column.privileges, letter)
            for letter in letters
            if letter in _OF_COLUMNS
        )


def _oid(specific_name: str) -> int:
    return int(specific_name.rpartition("_")[2])


def _relation_rule(letters: str, prefix: str = "table_schema", name: str = "table_name") -> Rule:
    return lambda viewer, row: viewer.may_use(row[prefix], row[name], letters)


def _owned_relation(kind: str = "table") -> Rule:
    return lambda viewer, row: viewer.owns_relation(row[f"{kind}_schema"], row[f"{kind}_name"])


def _column_rule(letters: str, kind: str = "table", name: str = "table_name", column: str = "column_name") -> Rule:
    return lambda viewer, row: viewer.may_use_column(row[f"{kind}_schema"], row[name], row[column], letters)


def _owned_type(kind: str) -> Rule:
    return lambda viewer, row: viewer.owns_type(row[f"{kind}_schema"], row[f"{kind}_name"])


def _type_rule(kind: str) -> Rule:
    return lambda viewer, row: viewer.may_use_type(row[f"{kind}_schema"], row[f"{kind}_name"])


def _granted(viewer: Viewer, row: Named) -> bool:
    return row["grantee"] == "PUBLIC" or _between_own_roles(viewer, row)


def _between_own_roles(viewer: Viewer, row: Named) -> bool:
    return viewer.is_enabled(row["grantee"]) or viewer.is_enabled(row["grantor"])


def _typed(viewer: Viewer, row: Named) -> bool:
    schema, name, kind = row["object_schema"], row["object_name"], row["object_type"]
    if kind == "TABLE":
        number = row["collection_type_identifier"] if "collection_type_identifier" in row else row["dtd_identifier"]
        return viewer.may_use_column(schema, name, number, _OF_COLUMNS)
    return viewer.may_call(name) if kind == "ROUTINE" else viewer.may_use_type(schema, name)


RULES: Final[dict[str, Rule]] = {
    "administrable_role_authorizations": lambda viewer, row: viewer.is_enabled(row["grantee"]),
    "applicable_roles": lambda viewer, row: viewer.is_enabled(row["grantee"]),
    "attributes": _type_rule("udt"),
    "column_column_usage": _owned_relation(),
    "column_domain_usage": _owned_type("domain"),
    "column_privileges": _granted,
    "column_udt_usage": _owned_type("udt"),
    "columns": _column_rule(_OF_COLUMNS),
    "constraint_column_usage": _owned_relation(),
    "constraint_table_usage": _owned_relation(),
    "data_type_privileges": _typed,
    "domain_constraints": _type_rule("domain"),
    "domain_udt_usage": _owned_type("udt"),
    "domains": _type_rule("domain"),
    "element_types": _typed,
    "enabled_roles": lambda viewer, row: viewer.is_enabled(row["role_name"]),
    "key_column_usage": _column_rule(_OF_COLUMNS),
    "parameters": lambda viewer, row: viewer.may_call(row["specific_name"]),
    "role_column_grants": _between_own_roles,
    "role_routine_grants": _between_own_roles,
    "role_table_grants": _between_own_roles,
    "role_udt_grants": _between_own_roles,
    "role_usage_grants": _between_own_roles,
    "routine_privileges": _granted,
    "routine_routine_usage": lambda viewer, row: viewer.owns_routine(row["routine_name"]),
    "routine_sequence_usage": _owned_relation("sequence"),
    "routine_table_usage": _owned_relation(),
    "routines": lambda viewer, row: viewer.may_call(row["specific_name"]),
    "schemata": lambda viewer, row: viewer.may_use_schema(row["schema_name"]),
    "sequences": lambda viewer, row: viewer.may_use_sequence(row["sequence_schema"], row["sequence_name"]),
    "table_constraints": _relation_rule(CHANGE),
    "table_privileges": _granted,
    "tables": _relation_rule(_ANY),
    "triggered_update_columns": _column_rule("awx", "event_object", "event_object_table", "event_object_column"),
    "triggers": _relation_rule(CHANGE, "event_object_schema", "event_object_table"),
    "udt_privileges": _granted,
    "usage_privileges": _granted,
    "user_defined_types": _type_rule("user_defined_type"),
    "view_column_usage": _owned_relation(),
    "view_routine_usage": lambda viewer, row: viewer.owns_routine(row["specific_name"]),
    "view_table_usage": _owned_relation(),
    "views": _relation_rule(_ANY),
}
"""Which rows of a view a role sees."""

OWNERS_ONLY: Final[dict[str, tuple[str, Rule]]] = {
    "parameters": ("parameter_default", lambda viewer, row: viewer.owns_routine(row["specific_name"])),
    "routines": ("routine_definition", lambda viewer, row: viewer.owns_routine(row["specific_name"])),
    "triggers": (
        "action_condition",
        lambda viewer, row: viewer.owns_relation(row["event_object_schema"], row["event_object_table"]),
    ),
    "views": ("view_definition", _owned_relation()),
}
"""Columns that are NULL in rows about objects of others."""


def seen(viewer: Viewer, shape: RelationShape, rows: list[Row]) -> list[Row]:
    """The rows of a view that a role sees, as it sees them."""
    rule = RULES.get(shape.name)
    if rule is None:
        return rows
    names = [column.name for column in shape.columns]
    column, is_owner = OWNERS_ONLY.get(shape.name, (None, None))
    found = []
    for row in rows:
        named = dict(zip(names, row, strict=True))
        if rule(viewer, named):
            if is_owner is not None and named[column or ""] is not None and not is_owner(viewer, named):
                named[column or ""] = None
                row = tuple(named.values())
            found.append(row)
    return found
