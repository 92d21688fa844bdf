"""Changes of the catalog become audit records that name what changed and show no secret."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from datacave_core.catalog import (
    ADMIN_ROLE_OID,
    Catalog,
    DefaultPrivileges,
    Grant,
    Membership,
    Policy,
    Role,
    SystemPrivileges,
    Table,
    initial_catalog,
)
from datacave_core.memory import MemoryStore
from datacave_server.audit import AuditLog, verify_audit
from datacave_server.audited_database import AuditedDatabase, catalog_changes
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.files import OsFileSystem
from datacave_sql import DatabaseOptions

BEFORE = initial_catalog()
PUBLIC = next(oid for oid, schema in BEFORE.schemas.items() if schema.name == "public")
ANN = Role(20000, "ann", login=True)
SHOP = Table(20001, PUBLIC, "shop", (), owner_oid=20000)


def changes(before: Catalog, after: Catalog) -> list[dict[str, object]]:
    return list(catalog_changes(before, after))


def test_what_is_made_changed_and_dropped_is_named() -> None:
    made = BEFORE.with_objects([ANN, SHOP])
    assert changes(BEFORE, made) == [
        {"action": "create", "kind": "table", "name": "public.shop"},
        {"action": "create", "kind": "role", "name": "ann"},
    ]
    renamed = made.with_objects([dataclasses.replace(SHOP, name="store")])
    assert changes(made, renamed) == [{"action": "alter", "kind": "table", "name": "public.store", "changed": ["name"]}]
    assert changes(made, made.without(SHOP)) == [{"action": "drop", "kind": "table", "name": "public.shop"}]
    assert changes(made, made) == []


def test_privileges_and_memberships_are_shown() -> None:
    made = BEFORE.with_objects([ANN, SHOP])
    granted = made.with_objects(
        [
            dataclasses.replace(SHOP, privileges=(Grant(ANN.oid, ADMIN_ROLE_OID, "r"),)),
            dataclasses.replace(ANN, memberships=(Membership(4544),)),
        ]
    )
    table, role = changes(made, granted)
    assert table["changed"] == ["privileges"]
    assert "'r'" in str(table["privileges"])
    assert str(ANN.oid) in str(table["privileges"])
    assert "4544" in str(role["memberships"])


def test_a_password_change_is_recorded_and_the_password_is_not() -> None:
    made = BEFORE.with_objects([ANN])
    (change,) = changes(made, made.with_objects([dataclasses.replace(ANN, password="SCRAM-SHA-256$secret")]))
    assert change == {"action": "alter", "kind": "role", "name": "ann", "changed": ["password"]}


def test_temporary_and_internal_changes_are_left_out() -> None:
    made = BEFORE.with_objects([SHOP])
    temporary = dataclasses.replace(SHOP, oid=20002, name="scratch", persistence="t")
    assert changes(made, made.with_objects([temporary])) == []
    assert changes(made.with_objects([temporary]), made) == []
    assert changes(made, made.with_objects([dataclasses.replace(SHOP, storage_id=99)])) == []


def test_a_statement_that_changes_the_catalog_is_recorded_with_its_user(tmp_path: Path) -> None:
    files = OsFileSystem(tmp_path / "audit")
    database = AuditedDatabase(MemoryStore(SystemClock()), SystemClock(), SystemRandomness(), DatabaseOptions())
    database.audit = AuditLog(files, "a", SystemClock())
    session = database.connect("admin")
    for statement in ("CREATE TABLE shop (id int PRIMARY KEY)", "INSERT INTO shop VALUES (1)", "DROP TABLE shop"):
        assert list(session.simple_query(statement))
    database.audit.close()
    lines = (files.root / "a").read_text().splitlines()
    assert ['"action": "create", "kind": "table", "name": "public.shop"' in line for line in lines] == [True, False]
    assert all('"event": "change", "user": "admin"' in line for line in lines)
    assert verify_audit(files, "a") == []


def test_rights_on_built_in_objects_and_on_objects_to_come_are_recorded() -> None:
    grant = Grant(ANN.oid, ADMIN_ROLE_OID, "U")
    system = SystemPrivileges(1247, 23, (grant,))
    default = DefaultPrivileges(20002, ANN.oid, PUBLIC, "table", (grant,))
    made = BEFORE.with_objects([ANN])
    changed = changes(made, made.with_objects([system, default]))
    shown = [dataclasses.asdict(grant)]
    assert {(one["action"], one["kind"], one["name"]) for one in changed} == {
        ("create", "privileges of a built-in object", "1247.23"),
        ("create", "default privileges", "tables of ann in public"),
    }
    assert all(one["privileges"] == shown for one in changed)


def test_row_security_is_shown() -> None:
    made = BEFORE.with_objects([SHOP])
    policy = Policy(20003, "own", using="(who = CURRENT_USER)")
    (change,) = changes(made, made.with_objects([dataclasses.replace(SHOP, row_security=True, policies=(policy,))]))
    assert change["row_security"] is True
    assert "CURRENT_USER" in str(change["policies"])
