"""pg_class: tables, views, sequences, indexes, composite types, and the system relations themselves.

Not known here, and shown as PostgreSQL shows what was never analyzed: pages 0, rows -1. A composite type made by
CREATE TYPE has the relation oid of the type itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from datacave_core.catalog import ADMIN_ROLE_OID, Index, Table, TypeDefinition
from datacave_core.catalog import Sequence as CatalogSequence
from datacave_core.values import Array, Row
from datacave_sql.pgcatalog.facts import relation_shapes
from datacave_sql.pgcatalog.named_objects import ACCESS_METHODS
from datacave_sql.pgcatalog.operator_classes import BTREE
from datacave_sql.pgcatalog.partitions import bound_text
from datacave_sql.pgcatalog.privileges import acl_array, system_acl
from datacave_sql.pgcatalog.snapshot import CatalogRows

HEAP_METHOD: Final = 2
_WITH_ROWS: Final = "rmtp"


def options_array(options: Sequence[tuple[str, str]]) -> Array | None:
    """`name=value` texts; NULL where there are none."""
    return Array.of(tuple(f"{name}={value}" for name, value in options)) if options else None


def class_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_class."""
    catalog = rows.catalog
    found = rows.per_object("class.system", ((0, catalog.schemas),), lambda r, _: _system_rows(r))
    # What other tables say of a table changes without the table itself.
    special = catalog.referring_tables.keys() | catalog.child_tables.keys()
    groups: dict[tuple[bool, bool], list[tuple[int, Table]]] = {
        (False, False): [pair for pair in catalog.tables.items() if pair[0] not in special]
    }
    for oid in special & catalog.tables.keys():
        group = (oid in catalog.referring_tables, oid in catalog.child_tables)
        groups.setdefault(group, []).append((oid, catalog.tables[oid]))
    for (referenced, parent), tables in groups.items():
        found += rows.per_object(
            f"class.table.{referenced:d}{parent:d}",
            tables,
            partial(_table_rows, referenced=referenced, parent=parent),
        )
    found += rows.per_object("class.sequence", catalog.sequences.items(), lambda r, s: (_sequence_row(r, s),))
    found += rows.per_object(
        "class.type", ((t.oid, t) for t in catalog.types.values() if t.kind == "c"), lambda r, t: (_composite_row(t),)
    )
    return found


def class_of_oid(rows: CatalogRows, oid: int) -> Sequence[Row]:
    """The row of one relation."""
    catalog = rows.catalog
    table = catalog.tables.get(catalog.index_tables.get(oid, oid))
    if table is not None:
        return [row for row in _of_table(rows, table) if row[0] == oid]
    sequence = catalog.sequences.get(oid)
    if sequence is not None:
        return rows.of_object("class.sequence", oid, sequence, lambda r, s: (_sequence_row(r, s),))
    definition = catalog.types.get(oid)
    if definition is not None and definition.kind == "c":
        return (_composite_row(definition),)
    found: Sequence[Row] = rows.once("class.system by oid", lambda r: hash_system(r, 0)).get(oid, ())
    return found


def classes_named(rows: CatalogRows, name: str) -> Sequence[Row]:
    """The rows of the relations of a name, in all schemas."""
    catalog = rows.catalog
    found: list[Row] = list(rows.once("class.system by name", lambda r: hash_system(r, 1)).get(name, ()))
    for schema in catalog.schemas:
        oid = catalog.relation_names.get((schema, name))
        definition = catalog.types.get(catalog.type_names.get((schema, name), 0))
        if oid is not None:
            found += class_of_oid(rows, oid)
        if definition is not None and definition.kind == "c":
            found.append(_composite_row(definition))
    return found


def class_of_row_type(rows: CatalogRows, oid: int) -> Sequence[Row]:
    """The row of the relation with a row type; the rows of those without one for 0."""
    if not oid:
        return [row for row in class_rows(rows) if not row[3]]
    table = rows.catalog.table_of_row_type(oid)
    if table is not None:
        return class_of_oid(rows, table.oid)
    definition = rows.catalog.types.get(oid)
    if definition is not None:
        return [_composite_row(definition)] if definition.kind == "c" else []
    found: Sequence[Row] = rows.once("class.system by row type", lambda r: hash_system(r, 3)).get(oid, ())
    return found


def hash_system(rows: CatalogRows, slot: int) -> dict[Any, list[Row]]:
    """The rows of system relations by one of their values."""
    found: dict[Any, list[Row]] = {}
    for row in rows.of_object("class.system", 0, rows.catalog.schemas, lambda r, _: _system_rows(r)):
        found.setdefault(row[slot], []).append(row)
    return found


def _of_table(rows: CatalogRows, table: Table) -> Sequence[Row]:
    referenced, parent = table.oid in rows.catalog.referring_tables, table.oid in rows.catalog.child_tables
    make = partial(_table_rows, referenced=referenced, parent=parent)
    return rows.of_object(f"class.table.{referenced:d}{parent:d}", table.oid, table, make)


def _row(
    oid: int, name: str, schema: int, kind: str, owner: int, columns: int, *, row_type: int = 0, method: int = 0,
    has_index: bool = False, shared: bool = False, persistence: str = "p", checks: int = 0, rules: bool = False,
    triggers: bool = False, populated: bool = True, identity: str = "n", acl: Array | None = None,
    options: Array | None = None, parent: bool = False, partition: bool = False, bound: str | None = None,
    row_security: bool = False, forced: bool = False, of_type: int = 0,
) -> Row:  # fmt: skip
    stored = kind not in "vcfpI"
    counted = -1.0 if kind in _WITH_ROWS else 0.0
    return (
        oid, name, schema, row_type, of_type, owner, method, oid if stored else 0, 0, 0, counted, 0, 0, has_index,
        shared, persistence, kind, columns, checks, rules, triggers, parent, row_security, forced, populated, identity,
        partition, 0, 0, 0, acl, options, bound,
    )  # fmt: skip


def _system_rows(rows: CatalogRows) -> list[Row]:
    found = []
    for shape in relation_shapes().values():
        found.append(
            _row(
                shape.oid, shape.name, shape.schema_oid, shape.kind, ADMIN_ROLE_OID, max(1, len(shape.columns)),
                row_type=shape.row_type_oid, method=shape.access_method, has_index=shape.has_index,
                shared=shape.shared, rules=shape.kind == "v", identity=shape.replica_identity,
                acl=system_acl(rows, shape.public_privileges),
            )
        )  # fmt: skip
    return found


def _table_rows(rows: CatalogRows, table: Table, referenced: bool, parent: bool) -> list[Row]:
    """A table and its indexes. Foreign keys count as triggers on both of their tables."""
    triggers = referenced or bool(table.triggers) or any(c.kind == "f" for c in table.constraints)
    view = table.kind == "v"
    found = [
        _row(
            table.oid, table.name, table.schema_oid, table.kind, table.owner_oid, len(table.columns),
            row_type=table.row_type_oid, method=HEAP_METHOD if table.kind in "rm" else 0,
            has_index=bool(table.indexes), persistence=table.persistence,
            checks=sum(constraint.kind == "c" for constraint in table.constraints),
            rules=view or table.kind == "m" or bool(table.rules),
            triggers=triggers, populated=table.populated,
            identity="n" if view or table.kind == "c" else table.replica_identity,
            acl=acl_array(rows, table.privileges), options=options_array(table.options), parent=parent,
            partition=table.partition_bound is not None, of_type=table.of_type_oid,
            bound=bound_text(rows, table) if table.partition_bound is not None else None,
            row_security=table.row_security, forced=table.force_row_security,
        )
    ]  # fmt: skip
    found += (_index_row(table, index, parent) for index in table.indexes)
    return found


def _index_row(table: Table, index: Index, parent: bool) -> Row:
    divided = table.kind == "p"
    return _row(
        index.oid, index.name, table.schema_oid, "I" if divided else "i", table.owner_oid,
        len(index.keys) + len(index.included), method=ACCESS_METHODS.get(index.method, BTREE),
        persistence=table.persistence, options=options_array(index.options), parent=divided and parent,
        partition=bool(index.parent_oid),
    )  # fmt: skip


def _sequence_row(rows: CatalogRows, sequence: CatalogSequence) -> Row:
    return _row(
        sequence.oid, sequence.name, sequence.schema_oid, "S", sequence.owner_oid, 3,
        persistence=sequence.persistence, acl=acl_array(rows, sequence.privileges),
    )  # fmt: skip


def _composite_row(definition: TypeDefinition) -> Row:
    return _row(
        definition.oid, definition.name, definition.schema_oid, "c", definition.owner_oid,
        len(definition.attributes), row_type=definition.oid,
    )  # fmt: skip
