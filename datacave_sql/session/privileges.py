"""What the has_*_privilege functions and pg_has_role answer; decided by the catalog (core's privileges.py)."""

from __future__ import annotations

from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.catalog import (
    ADMIN_ROLE_OID,
    Catalog,
    Grant,
    Sequence,
    Table,
    allows,
    has_privileges_of,
    is_admin_of,
    is_member,
)
from datacave_core.errors import DatacaveError
from datacave_core.types import find_type, oids
from datacave_sql.bind.names import SYSTEM_COLUMNS
from datacave_sql.functions.registered import registered_value
from datacave_sql.functions.registry import function
from datacave_sql.pgcatalog.facts import fixed_rows, relation_shapes

_LETTERS: Final = {
    "select": "r", "insert": "a", "update": "w", "delete": "d", "truncate": "D", "references": "x", "trigger": "t",
    "usage": "U", "create": "C", "connect": "c", "temporary": "T", "temp": "T", "execute": "X", "set": "s",
    "alter system": "A", "rule": "",
}  # fmt: skip
_WORDS: Final = {
    "table": ("select", "insert", "update", "delete", "truncate", "references", "trigger", "rule"),
    "column": ("select", "insert", "update", "references"),
    "any_column": ("select", "insert", "update", "references"),
    "sequence": ("usage", "select", "update"),
    "database": ("create", "temporary", "temp", "connect"),
    "function": ("execute",),
    "language": ("usage",),
    "schema": ("create", "usage"),
    "tablespace": ("create",),
    "type": ("usage",),
    "foreign_data_wrapper": ("usage",),
    "server": ("usage",),
    "parameter": ("set", "alter system"),
}
SIGNAL_ROLE_OID: Final = 4200
_SIGNALLED: Final = {
    "cancel": ("cancel superuser query", "query is being canceled"),
    "terminate": ("terminate superuser process", "process is being terminated"),
}
_CLASSES: Final = {"relation": 1259, "function": 1255, "language": 2612, "type": 1247}

Found = tuple[str, int, tuple[Grant, ...]]
"""Kind, owner and list of privileges of an object."""


def has_privilege(
    session: Any, view: Any, kind: str, role: str | int | None, target: Any, privilege: str
) -> bool | None:
    """Whether a role (None: the current user) has one of the privileges, a list separated by commas."""
    catalog: Catalog = session.catalog_snapshot
    who = _role(session, catalog, role)
    if kind == "role":
        return _has_role(session, catalog, who, target, privilege)
    wanted = [_wanted(kind, word) for word in privilege.split(",")]
    if kind == "function" and isinstance(target, str):
        target = registered_value(oids.REGPROCEDURE, target, session.evaluation)
    found = _object(catalog, view, kind, target)
    if found is None:
        return None
    return any(
        letter and any(allows(catalog, who, *one, letter, grantable=grantable) for one in found)
        for letter, grantable in wanted
    )


def _wanted(kind: str, word: str) -> tuple[str, bool]:
    """(letter, whether the right to grant it is asked for). Raises 22023."""
    name = " ".join(word.lower().split())
    grantable = name.endswith(" with grant option")
    plain = name.removesuffix(" with grant option")
    if plain not in _WORDS.get(kind, ()):
        raise DatacaveError(f'unrecognized privilege type: "{word.strip()}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
    return _LETTERS[plain], grantable


def _role(session: Any, catalog: Catalog, role: str | int | None) -> int:
    if role is None:
        current: int = session.evaluation.current_role.oid
        return current
    if isinstance(role, int):
        return role
    if role == "public":
        return 0
    return _named_role(catalog, role)


def _named_role(catalog: Catalog, name: str) -> int:
    found = catalog.role_named(name)
    if found is None:
        raise DatacaveError(f'role "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return found.oid


def _has_role(session: Any, catalog: Catalog, who: int, target: str | int, privilege: str) -> bool | None:
    of = _named_role(catalog, target) if isinstance(target, str) else target
    answer = False
    for word in privilege.split(","):
        name = " ".join(word.lower().split())
        if name in ("member with admin option", "usage with admin option") or (
            name in ("member with grant option", "usage with grant option")
        ):
            role = catalog.roles.get(who)
            answer = answer or (role is not None and is_admin_of(catalog, role, of))
        elif name == "member":
            answer = answer or is_member(catalog, who, of)
        elif name == "usage":
            answer = answer or has_privileges_of(catalog, who, of)
        else:
            raise DatacaveError(
                f'unrecognized privilege type: "{word.strip()}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
            )
    return answer


def _object(catalog: Catalog, view: Any, kind: str, target: Any) -> list[Found] | None:
    """The object, and for columns its table too; None for an oid that is unknown. Raises for unknown names."""
    if kind == "schema":
        oid = catalog.schema_names.get(target) if isinstance(target, str) else target
        schema = catalog.schemas.get(oid) if oid is not None else None
        if schema is None and isinstance(target, str):
            raise DatacaveError(f'schema "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_SCHEMA)
        return [("schema", schema.owner_oid, schema.privileges)] if schema is not None else None
    if kind == "database":
        database = catalog.database_named(target) if isinstance(target, str) else catalog.databases.get(target)
        if database is None and isinstance(target, str):
            raise DatacaveError(f'database "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_DATABASE)
        return [("database", database.owner_oid, database.privileges)] if database is not None else None
    if kind == "column" and isinstance(target, tuple):
        return _column(catalog, view, *target)
    if kind in ("table", "sequence", "any_column"):
        return _relation(catalog, view, kind, target)
    if kind == "type":
        return _type(catalog, view, target)
    if kind == "function":
        return _function(catalog, target)
    if kind == "language":
        return _language(catalog, target)
    return [(kind if kind in ("tablespace", "parameter") else "foreign server", ADMIN_ROLE_OID, ())]


def _system(catalog: Catalog, class_name: str, oid: int, default: tuple[Grant, ...] = ()) -> tuple[Grant, ...]:
    given = catalog.system_privileges.get((_CLASSES[class_name], oid))
    return given.privileges if given is not None else default


def _relation(catalog: Catalog, view: Any, kind: str, target: str | int) -> list[Found] | None:
    oid = view.relation_oid(target) if isinstance(target, str) else target
    if oid is None:
        raise DatacaveError(f'relation "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE)
    relation = catalog.relation_by_oid(oid)
    if kind == "sequence" and not isinstance(relation, Sequence):
        if relation is None and view.relation_name(oid) is None:
            return None
        name = target if isinstance(target, str) else view.relation_name(oid)[1]
        raise DatacaveError(f'"{name}" is not a sequence', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if relation is None:
        return _system_relation(catalog, view, oid)
    own = ("sequence" if isinstance(relation, Sequence) else "table", relation.owner_oid, relation.privileges)
    if kind == "any_column" and isinstance(relation, Table):
        return [own, *(("column", relation.owner_oid, c.privileges) for c in relation.live_columns if c.privileges)]
    return [own]


def _system_relation(catalog: Catalog, view: Any, oid: int) -> list[Found] | None:
    shape = relation_shapes().get(oid)
    if shape is None:
        return [("table", ADMIN_ROLE_OID, ())] if view.relation_name(oid) is not None else None
    public = shape.public_privileges
    default = (Grant(ADMIN_ROLE_OID, ADMIN_ROLE_OID, "arwdDxt"), Grant(0, ADMIN_ROLE_OID, public)) if public else ()
    return [("table", ADMIN_ROLE_OID, _system(catalog, "relation", oid, default))]


def _has_column(oid: int, column: str | int) -> bool:
    """Whether a relation of pg_catalog or information_schema has a column; True for others. Raises 42703 for a name."""
    shape = relation_shapes().get(oid)
    if shape is None:
        return True
    if isinstance(column, int):
        return -len(SYSTEM_COLUMNS) <= column <= len(shape.columns) and column != 0
    if column not in {one.name for one in shape.columns} | set(SYSTEM_COLUMNS):
        raise DatacaveError(
            f'column "{column}" of relation "{shape.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
        )
    return True


def _column(catalog: Catalog, view: Any, target: str | int, column: str | int) -> list[Found] | None:
    oid = view.relation_oid(target) if isinstance(target, str) else target
    if oid is None:
        raise DatacaveError(f'relation "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE)
    table = catalog.tables.get(oid)
    if table is None:
        return _system_relation(catalog, view, oid) if _has_column(oid, column) else None
    if isinstance(column, str):
        found = table.columns_by_name.get(column)
        if found is None:
            raise DatacaveError(
                f'column "{column}" of relation "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
            )
    else:
        found = next((one for one in table.live_columns if one.number == column), None)
        if found is None:
            return None
    own: list[Found] = [("table", table.owner_oid, table.privileges)]
    return [*own, ("column", table.owner_oid, found.privileges)] if found.privileges else own


def _type(catalog: Catalog, view: Any, target: str | int) -> list[Found] | None:
    oid = view.type_oid(target) if isinstance(target, str) else target
    if oid is None:
        raise DatacaveError(f'type "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    oid = catalog.array_types.get(oid, oid)
    definition = catalog.types.get(oid)
    if definition is not None:
        return [("type", definition.owner_oid, definition.privileges)]
    builtin = find_type(oid)
    if builtin is None:
        return None
    return [("type", ADMIN_ROLE_OID, _system(catalog, "type", builtin.element_oid or oid))]


def _function(catalog: Catalog, oid: int) -> list[Found] | None:
    routine = catalog.routines.get(oid)
    if routine is not None:
        return [("function", routine.owner_oid, routine.privileges)]
    try:
        function(oid)
    except KeyError:
        return None
    return [("function", ADMIN_ROLE_OID, _system(catalog, "function", oid))]


def _language(catalog: Catalog, target: str | int) -> list[Found] | None:
    for row in fixed_rows("pg_language"):
        if target in (row[0], row[1]):
            return [("language", ADMIN_ROLE_OID, _system(catalog, "language", row[0]))]
    if isinstance(target, str):
        raise DatacaveError(f'language "{target}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT)
    return None


def check_may_signal(session: Any, other: Any, verb: str) -> None:
    """Raises 42501 for who may not cancel or terminate what another session does."""
    catalog: Catalog = session.catalog_snapshot
    own = session.evaluation.current_role
    target = catalog.role_named(other.user)
    if target is None or own.superuser:
        return
    superuser, words = _SIGNALLED[verb]
    if target.superuser:
        raise DatacaveError(f"must be a superuser to {superuser}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
    if not any(has_privileges_of(catalog, own.oid, oid) for oid in (target.oid, SIGNAL_ROLE_OID)):
        raise DatacaveError(
            f"must be a member of the role whose {words} or member of pg_signal_backend",
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
        )
