"""pg_constraint: checks, unique and primary keys, foreign keys, and the checks of domains."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from datacave_core.catalog import INFORMATION_SCHEMA_OID, Constraint, Table, TypeDefinition
from datacave_core.values import Array, Row
from datacave_sql.functions import registry
from datacave_sql.pgcatalog.facts import domain_shapes, index_shapes, relation_shapes
from datacave_sql.pgcatalog.snapshot import CatalogRows

_TEXT: Final = 25
_VARCHAR: Final = 1043


def constraint_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_constraint."""
    found = list(_system_rows())
    found += rows.per_object("constraint", rows.catalog.tables.items(), _of_table)
    found += rows.per_object(
        "constraint.domain", ((t.oid, t) for t in rows.catalog.types.values() if t.checks), lambda r, t: _checks(t)
    )
    return found


def constraints_of(rows: CatalogRows, relation: int) -> Sequence[Row]:
    """The rows of one table's constraints; relation 0 is that of the domains' checks."""
    table = rows.catalog.tables.get(relation)
    if table is not None:
        return rows.of_object("constraint", relation, table, _of_table)
    if not relation:
        return [row for row in constraint_rows(rows) if not row[7]]
    return [row for row in _system_rows() if row[7] == relation]


def _of_table(rows: CatalogRows, table: Table) -> list[Row]:
    return [_row(rows, table, one) for one in table.constraints]


def _make(
    oid: int, name: str, schema: int, kind: str, *, relation: int = 0, domain: int = 0, index: int = 0,
    deferrable: bool = False, deferred: bool = False, validated: bool = True, referenced: int = 0, update: str = " ",
    delete: str = " ", match: str = " ", no_inherit: bool = True, key: tuple[int, ...] = (),
    referenced_key: tuple[int, ...] = (), equality: tuple[int, ...] = (), set_columns: tuple[int, ...] = (),
    expression: str | None = None, parent: int = 0, local: bool = True, inherited: int = 0,
) -> Row:  # fmt: skip
    operators = Array.of(equality) if equality else None
    return (
        oid, name, schema, kind, deferrable, deferred, validated, relation, domain, index, parent, referenced, update,
        delete, match, local, inherited, no_inherit, Array.of(key) if key else None,
        Array.of(referenced_key) if referenced_key else None, operators, operators, operators,
        Array.of(set_columns) if set_columns else None, None, expression,
    )  # fmt: skip


@cache
def _system_rows() -> tuple[Row, ...]:
    shapes = relation_shapes()
    found = [
        _make(
            s.constraint_oid, shapes[s.oid].name, shapes[s.relation_oid].schema_oid, "p" if s.primary else "u",
            relation=s.relation_oid, index=s.oid, key=s.keys,
        )
        for s in index_shapes().values()
        if s.constraint_oid
    ]  # fmt: skip
    found += (
        _make(
            d.constraint_oid, d.constraint_name, INFORMATION_SCHEMA_OID, "c", domain=d.oid, no_inherit=False,
            expression=check_expression(d.definition),
        )
        for d in domain_shapes().values()
        if d.constraint_oid
    )  # fmt: skip
    return tuple(found)


def constraint_owners(rows: CatalogRows) -> dict[int, Table | TypeDefinition]:
    """Tables and domains by the oids of their constraints."""
    found: dict[int, Table | TypeDefinition] = {}
    for table in rows.catalog.tables.values():
        found.update((constraint.oid, table) for constraint in table.constraints)
    for definition in rows.catalog.types.values():
        found.update((check.oid, definition) for check in definition.checks)
    return found


def check_expression(definition: str) -> str:
    """What stands inside `CHECK (...)`."""
    return definition.removeprefix("CHECK (").removesuffix(")")


@cache
def _equality(one: int, other: int) -> int:
    """The oid of `=` between two types; 0 where there is none."""
    left, right = (_TEXT if oid == _VARCHAR else oid for oid in (one, other))
    for operator in registry.operators_named("="):
        if (operator.left, operator.right) == (left, right):
            return operator.oid
    return _equality(left, left) if left != right else 0


def _row(rows: CatalogRows, table: Table, constraint: Constraint) -> Row:
    c = constraint
    if c.kind == "f":
        target = rows.catalog.tables.get(c.referenced_table_oid)
        equality: tuple[int, ...] = ()
        if target is not None:
            base = rows.types.base
            equality = tuple(
                _equality(base(target.column(there).type_oid), base(table.column(here).type_oid))
                for here, there in zip(c.columns, c.referenced_columns, strict=True)
            )
        return _make(
            c.oid, c.name, table.schema_oid, "f", relation=table.oid, index=c.index_oid, deferrable=c.deferrable,
            deferred=c.initially_deferred, validated=c.validated, referenced=c.referenced_table_oid,
            update=c.on_update, delete=c.on_delete, match=c.match, key=c.columns, referenced_key=c.referenced_columns,
            equality=equality, set_columns=c.delete_set_columns, parent=c.parent_oid, local=c.is_local,
            inherited=c.inherit_count,
        )  # fmt: skip
    return _make(
        c.oid, c.name, table.schema_oid, c.kind, relation=table.oid, index=c.index_oid, deferrable=c.deferrable,
        deferred=c.initially_deferred, validated=c.validated, key=c.columns,
        no_inherit=c.no_inherit if c.kind == "c" else not c.parent_oid, expression=c.expression, parent=c.parent_oid,
        local=c.is_local, inherited=c.inherit_count,
    )  # fmt: skip


def _checks(definition: TypeDefinition) -> list[Row]:
    return [
        _make(
            check.oid, check.name, definition.schema_oid, "c", domain=definition.oid, validated=check.validated,
            no_inherit=False, expression=check.expression,
        )
        for check in definition.checks
    ]  # fmt: skip
