"""AuditedDatabase: a database that records every committed change of schema, roles and privileges.

What is recorded is the difference of two catalogs, not statement texts: it is the same for every way to change
something, and no password can be in it. Values are shown for privileges and memberships only; of other changes the
names of the changed properties. Temporary objects concern nobody else and are left out.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

from datacave_core.catalog import CastDefinition, Catalog, DefaultPrivileges, Role, SystemPrivileges
from datacave_server.audit import AuditLog
from datacave_sql import Database, NamedDatabase

KINDS = {
    "tables": "table",
    "sequences": "sequence",
    "schemas": "schema",
    "types": "type",
    "roles": "role",
    "databases": "database",
    "routines": "routine",
    "operators": "operator",
    "casts": "cast",
    "system_privileges": "privileges of a built-in object",
    "default_privileges": "default privileges",
}
SHOWN = ("privileges", "memberships", "policies", "row_security")
# Bookkeeping that follows from other changes.
SILENT = frozenset(("oid", "storage_id", "next_index_number", "row_type_oid", "row_array_type_oid", "depends_on"))

logger = logging.getLogger(__name__)


class AuditedDatabase(Database):
    """Set `audit` after opening; without one nothing is recorded."""

    audit: AuditLog | None = None

    def install_catalog(self, home: NamedDatabase, catalog: Catalog) -> None:
        """Makes a committed catalog the current one and records what it changes."""
        before = home.catalog
        user = next((each.user for each in self.sessions.values() if each.catalog_snapshot is catalog), None)
        super().install_catalog(home, catalog)
        if self.audit is not None:
            try:
                for change in catalog_changes(before, catalog):
                    self.audit.record("change", user=user, **change)
            except OSError:
                # The change is committed already: nobody can be refused any more, only the operator told.
                logger.exception("a change of the catalog could not be recorded in the audit log")


def catalog_changes(before: Catalog, after: Catalog) -> Iterator[dict[str, Any]]:
    """The differences of two catalogs, kind by kind, as fields of audit records."""
    for maps, kind in KINDS.items():
        old_items, new_items = getattr(before, maps), getattr(after, maps)
        if old_items is new_items:
            continue
        for oid, new in new_items.items():
            old = old_items.get(oid)
            if old is not new and _is_lasting(new):
                changed = _changed_fields(old, new) if old is not None else {}
                if old is None or changed:
                    action = "create" if old is None else "alter"
                    if old is None and isinstance(new, SystemPrivileges | DefaultPrivileges):
                        changed = {"privileges": _plain(new.privileges)}
                    yield {"action": action, "kind": kind, "name": _name(new, after), **changed}
        for oid, old in old_items.items():
            if oid not in new_items and _is_lasting(old):
                yield {"action": "drop", "kind": kind, "name": _name(old, before)}


def _changed_fields(old: Any, new: Any) -> dict[str, Any]:
    names = [
        field.name
        for field in dataclasses.fields(new)
        if field.name not in SILENT and getattr(old, field.name) != getattr(new, field.name)
    ]
    shown = {name: _plain(getattr(new, name)) for name in names if name in SHOWN}
    return {"changed": names, **shown} if names else {}


def _plain(value: Any) -> Any:
    return [dataclasses.asdict(part) for part in value] if isinstance(value, tuple) else value


def _is_lasting(item: Any) -> bool:
    return getattr(item, "persistence", "p") != "t"


def _name(item: Any, catalog: Catalog) -> str:
    if isinstance(item, SystemPrivileges):
        return f"{item.class_oid}.{item.object_oid}"
    if isinstance(item, DefaultPrivileges):
        role, schema = catalog.roles.get(item.role_oid), catalog.schemas.get(item.schema_oid)
        place = f" in {schema.name}" if schema is not None else ""
        return f"{item.kind}s of {role.name if role is not None else item.role_oid}{place}"
    if isinstance(item, CastDefinition):
        return f"{item.source_oid} as {item.target_oid}"
    schema = catalog.schemas.get(getattr(item, "schema_oid", 0))
    return f"{schema.name}.{item.name}" if schema is not None and not isinstance(item, Role) else str(item.name)
