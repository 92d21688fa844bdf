"""pg_constraint: checks, unique and primary keys, foreign keys, constraint triggers, and the checks of domains."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from datacave_core.catalog import INFORMATION_SCHEMA_OID, Constraint, DomainCheck, Table, TypeDefinition
from datacave_core.values import Array, Row
from datacave_sql.functions import registry
from datacave_sql.pgcatalog.facts import domain_shapes, index_shapes, relation_shapes
from datacave_sql.pgcatalog.indexes import key_type
from datacave_sql.pgcatalog.internal_triggers import all_constraints, depends_on_others, is_derived
from datacave_sql.pgcatalog.snapshot import CatalogRows

_TEXT: Final = 25
_VARCHAR: Final = 1043
_ANY_ARRAY: Final = 2277
_GENERIC: Final = {"r": 3831, "e": 3500, "m": 4537}
"""The pseudo-types that operators of ranges, enums and multiranges are declared over."""


def constraint_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_constraint."""
    found = list(_system_rows())
    catalog = rows.catalog
    alone = ((oid, table) for oid, table in catalog.tables.items() if not depends_on_others(catalog, table))
    found += rows.per_object("constraint", alone, _of_table)
    for table in catalog.tables.values():
        if depends_on_others(catalog, table):
            found += _of_table(rows, table)
    found += rows.per_object(
        "constraint.domain", ((t.oid, t) for t in rows.catalog.types.values() if t.checks), lambda r, t: _checks(t)
    )
    return found


def constraints_of(rows: CatalogRows, relation: int) -> Sequence[Row]:
    """The rows of one table's constraints; relation 0 is that of the domains' checks."""
    table = rows.catalog.tables.get(relation)
    if table is not None:
        if depends_on_others(rows.catalog, table):
            return _of_table(rows, table)
        return rows.of_object("constraint", relation, table, _of_table)
    if not relation:
        return [row for row in constraint_rows(rows) if not row[7]]
    return [row for row in _system_rows() if row[7] == relation]


def _of_table(rows: CatalogRows, table: Table) -> list[Row]:
    return [_row(rows, table, one) for one in all_constraints(rows.catalog, table)]


def _make(
    oid: int, name: str, schema: int, kind: str, *, relation: int = 0, domain: int = 0, index: int = 0,
    deferrable: bool = False, deferred: bool = False, validated: bool = True, referenced: int = 0, update: str = " ",
    delete: str = " ", match: str = " ", no_inherit: bool = True, key: tuple[int, ...] = (),
    referenced_key: tuple[int, ...] = (), equality: tuple[int, ...] = (), set_columns: tuple[int, ...] = (),
    expression: str | None = None, parent: int = 0, local: bool = True, inherited: int = 0,
    excluding: tuple[int, ...] = (),
) -> Row:  # fmt: skip
    operators = Array.of(equality) if equality else None
    return (
        oid, name, schema, kind, deferrable, deferred, validated, relation, domain, index, parent, referenced, update,
        delete, match, local, inherited, no_inherit, Array.of(key) if key else None,
        Array.of(referenced_key) if referenced_key else None, operators, operators, operators,
        Array.of(set_columns) if set_columns else None, Array.of(excluding) if excluding else None, expression,
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


Owned = tuple[Table, Constraint] | tuple[TypeDefinition, DomainCheck]


def constraint_of_oid(rows: CatalogRows, oid: int) -> Owned | None:
    """A constraint with its table or domain. Those that are derived are looked for only where the oid is one's."""
    table = rows.catalog.table_of_part(oid)
    if table is not None:
        return next(((table, one) for one in table.constraints if one.oid == oid), None)
    checks: dict[int, Owned] = rows.once("domain checks", _domain_checks)
    found = checks.get(oid)
    if found is None and is_derived(oid):
        derived: dict[int, Owned] = rows.once("derived constraints", _derived)
        found = derived.get(oid)
    return found


def _derived(rows: CatalogRows) -> dict[int, Owned]:
    return {
        constraint.oid: (table, constraint)
        for table in rows.catalog.tables.values()
        for constraint in all_constraints(rows.catalog, table)
        if is_derived(constraint.oid)
    }


def _domain_checks(rows: CatalogRows) -> dict[int, Owned]:
    found: dict[int, Owned] = {}
    for definition in rows.catalog.types.values():
        found.update((check.oid, (definition, check)) for check in definition.checks)
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
            inherited=c.inherit_count, no_inherit=table.kind != "p" and not c.parent_oid,
        )  # fmt: skip
    return _make(
        c.oid, c.name, table.schema_oid, c.kind, relation=table.oid, index=0 if c.kind == "t" else c.index_oid,
        deferrable=c.deferrable, deferred=c.initially_deferred, validated=c.validated, key=c.columns,
        no_inherit=c.no_inherit if c.kind == "c" else not c.parent_oid,
        expression=c.expression, parent=c.parent_oid, local=c.is_local, inherited=c.inherit_count,
        excluding=_excluding(rows, table, c) if c.kind == "x" else (),
    )  # fmt: skip


def _excluding(rows: CatalogRows, table: Table, constraint: Constraint) -> tuple[int, ...]:
    """The operators of an exclusion constraint."""
    index = next((one for one in table.indexes if one.oid == constraint.index_oid), None)
    if index is None:
        return ()
    found = []
    for key, name in zip(index.keys, index.exclusion, strict=True):
        type_oid = rows.types.base(key_type(table, key)[0])
        generic = _GENERIC.get(rows.types.kind(type_oid), _ANY_ARRAY if rows.types.type(type_oid).is_array else 0)
        candidates = {operator.left: operator for operator in registry.operators_named(name)}
        operator = candidates.get(_TEXT if type_oid == _VARCHAR else type_oid) or candidates.get(generic)
        made = rows.catalog.operators.values()
        users = next((o.oid for o in made if o.name == name and type_oid in (o.left_oid, o.right_oid)), 0)
        found.append(operator.oid if operator is not None else users)
    return tuple(found)


def _checks(definition: TypeDefinition) -> list[Row]:
    return [
        _make(
            check.oid, check.name, definition.schema_oid, "c", domain=definition.oid, validated=check.validated,
            no_inherit=False, expression=check.expression,
        )
        for check in definition.checks
    ]  # fmt: skip
