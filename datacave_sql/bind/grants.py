"""GRANT and REVOKE on objects: privileges as the letters of aclitem."""

from __future__ import annotations

from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Sequence, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import renames
from datacave_sql.bind import statements as s
from datacave_sql.bind.objects import role_oid
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast

LETTERS = {
    "insert": "a",
    "select": "r",
    "update": "w",
    "delete": "d",
    "truncate": "D",
    "references": "x",
    "trigger": "t",
    "execute": "X",
    "usage": "U",
    "create": "C",
    "connect": "c",
    "temporary": "T",
    "temp": "T",
}
ALL = {
    "table": "arwdDxt",
    "sequence": "rwU",
    "database": "CTc",
    "schema": "UC",
    "type": "U",
    "domain": "U",
}
_PLURALS = {"tables": "table", "sequences": "sequence"}


def bind_grant(b: Binding, statement: ast.Grant, entries: object) -> s.BoundStatement:
    """GRANT or REVOKE. Raises 0LP01 for privileges that a kind of object has not, 42704, 42P01."""
    kind = _PLURALS.get(statement.kind, statement.kind)
    if kind not in ALL:
        raise FeatureNotSupported(
            f"privileges on a {kind} are not supported", hint="Grant them on tables, sequences and schemas."
        )
    targets = _targets(b, statement, kind)
    letters = ""
    columns: list[tuple[str, tuple[str, ...]]] = []
    for privilege in statement.privileges:
        letter = LETTERS.get(privilege.name)
        if letter is None:
            raise DatacaveError(f'unrecognized privilege type "{privilege.name}"', sqlstate=sqlstate.SYNTAX_ERROR)
        if letter not in ALL[kind]:
            raise DatacaveError(
                f"invalid privilege type {privilege.name.upper()} for {'relation' if kind == 'table' else kind}",
                sqlstate=sqlstate.INVALID_GRANT_OPERATION,
            )
        if privilege.columns:
            _check_columns(targets, privilege)
            columns.append((letter, privilege.columns))
        elif letter not in letters:
            letters += letter
    if not statement.privileges:
        letters = ALL[kind]
    grantees = tuple(0 if name == "public" else role_oid(b, name) for name in statement.grantees)
    return s.GrantPrivileges(
        statement.revoke,
        kind,
        targets,
        letters,
        tuple(columns),
        grantees,
        statement.grant_option,
        statement.cascade,
    )


def _check_columns(targets: tuple[Any, ...], privilege: ast.Privilege) -> None:
    for table in targets:
        for name in privilege.columns:
            if not isinstance(table, Table) or name not in table.columns_by_name:
                raise DatacaveError(
                    f'column "{name}" of relation "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
                )


def _targets(b: Binding, statement: ast.Grant, kind: str) -> tuple[Any, ...]:
    if not statement.all_in_schema:
        return tuple(renames.find_object(b, kind, name, statement.position) for name in statement.names)
    found: list[Any] = []
    for name in statement.names:
        schema = renames.find_object(b, "schema", name, statement.position)
        every: list[Table | Sequence] = (
            list(b.catalog.sequences.values())
            if kind == "sequence"
            else [table for table in b.catalog.tables.values() if table.kind != "c"]
        )
        found += [item for item in every if item.schema_oid == schema.oid]
    return tuple(found)
