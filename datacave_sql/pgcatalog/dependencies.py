"""pg_depend and pg_rewrite: what hangs on what, as dropping with CASCADE follows it.

Built-in objects are pinned and have no entries, as in PostgreSQL. A view's query is a rule; rules and defaults have
oids computed from their table (attributes.default_oid).
"""

from __future__ import annotations

from datacave_core.catalog import FIRST_USER_OID, Sequence, Table, TypeDefinition
from datacave_core.values import Row
from datacave_sql.pgcatalog.attributes import default_oid
from datacave_sql.pgcatalog.snapshot import CatalogRows

CLASS = 1259
TYPE = 1247
CONSTRAINT = 2606
DEFAULT = 2604
REWRITE = 2618
TRIGGER = 2620
NAMESPACE = 2615
PROCEDURE = 1255
NORMAL, AUTOMATIC, INTERNAL = "n", "a", "i"
EVENT_TYPES = {"u": "2", "i": "3", "d": "4"}
"""Numbers of events in pg_rewrite."""


def depend_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_depend."""
    catalog = rows.catalog
    found = rows.per_object("depend.sequence", catalog.sequences.items(), _of_sequence)
    found += rows.per_object("depend.type", catalog.types.items(), lambda r, t: _of_type(t))
    found += [
        (PROCEDURE, oid, 0, TYPE, one.type_oid, 0, INTERNAL) for oid, one in catalog.routines.items() if one.type_oid
    ]
    # What a view names may change its kind from table to sequence only by changing its oid.
    found += rows.per_object("depend.table", catalog.tables.items(), _of_table)
    return found


def _of_sequence(rows: CatalogRows, sequence: Sequence) -> list[Row]:
    found: list[Row] = [(CLASS, sequence.oid, 0, NAMESPACE, sequence.schema_oid, 0, NORMAL)]
    if sequence.owned_by_table_oid:
        kind = INTERNAL if sequence.identity else AUTOMATIC
        found.append((CLASS, sequence.oid, 0, CLASS, sequence.owned_by_table_oid, sequence.owned_by_column, kind))
        if not sequence.identity:
            rule = default_oid(sequence.owned_by_table_oid, sequence.owned_by_column)
            found.append((DEFAULT, rule, 0, CLASS, sequence.oid, 0, NORMAL))
    return found


def _of_type(definition: TypeDefinition) -> list[Row]:
    found: list[Row] = [(TYPE, definition.oid, 0, NAMESPACE, definition.schema_oid, 0, NORMAL)]
    if definition.array_oid:
        found.append((TYPE, definition.array_oid, 0, TYPE, definition.oid, 0, INTERNAL))
    if definition.kind == "m":
        found.append((TYPE, definition.oid, 0, TYPE, definition.base_type_oid, 0, INTERNAL))
    elif definition.base_type_oid >= FIRST_USER_OID:
        found.append((TYPE, definition.oid, 0, TYPE, definition.base_type_oid, 0, NORMAL))
    found += ((CONSTRAINT, check.oid, 0, TYPE, definition.oid, 0, AUTOMATIC) for check in definition.checks)
    for column in definition.attributes:
        if column.type_oid >= FIRST_USER_OID and not column.dropped:
            found.append((CLASS, definition.oid, column.number, TYPE, column.type_oid, 0, NORMAL))
    return found


def _of_table(rows: CatalogRows, table: Table) -> list[Row]:
    found: list[Row] = [(CLASS, table.oid, 0, NAMESPACE, table.schema_oid, 0, NORMAL)]
    if table.row_type_oid:
        found.append((TYPE, table.row_type_oid, 0, CLASS, table.oid, 0, INTERNAL))
    if table.row_array_type_oid:
        found.append((TYPE, table.row_array_type_oid, 0, TYPE, table.row_type_oid, 0, INTERNAL))
    for column in table.live_columns:
        if column.type_oid >= FIRST_USER_OID:
            found.append((CLASS, table.oid, column.number, TYPE, column.type_oid, 0, NORMAL))
        if column.default is not None:
            found.append(
                (DEFAULT, default_oid(table.oid, column.number), 0, CLASS, table.oid, column.number, AUTOMATIC)
            )
    for index in table.indexes:
        if index.constraint_oid:
            found.append((CLASS, index.oid, 0, CONSTRAINT, index.constraint_oid, 0, INTERNAL))
        else:
            places = {key.column for key in index.keys if key.column} | set(index.included)
            found += ((CLASS, index.oid, 0, CLASS, table.oid, place, AUTOMATIC) for place in sorted(places) or (0,))
    for constraint in table.constraints:
        places = set(constraint.columns)
        found += (
            (CONSTRAINT, constraint.oid, 0, CLASS, table.oid, place, AUTOMATIC) for place in sorted(places) or (0,)
        )
        if constraint.kind == "f":
            found += (
                (CONSTRAINT, constraint.oid, 0, CLASS, constraint.referenced_table_oid, place, NORMAL)
                for place in constraint.referenced_columns
            )
            found.append((CONSTRAINT, constraint.oid, 0, CLASS, constraint.index_oid, 0, NORMAL))
    if table.view_query is not None:
        rule = default_oid(table.oid, 0)
        found.append((REWRITE, rule, 0, CLASS, table.oid, 0, INTERNAL))
        found.append((REWRITE, rule, 0, CLASS, table.oid, 0, NORMAL))
        for oid in table.depends_on:
            if oid >= FIRST_USER_OID:
                found.append((REWRITE, rule, 0, _kind(rows, oid), oid, 0, NORMAL))
    for trigger in table.triggers:
        found.append((TRIGGER, trigger.oid, 0, CLASS, table.oid, 0, AUTOMATIC))
        if trigger.function_oid >= FIRST_USER_OID:
            found.append((TRIGGER, trigger.oid, 0, PROCEDURE, trigger.function_oid, 0, NORMAL))
    for one in table.rules:
        found.append((REWRITE, one.oid, 0, CLASS, table.oid, 0, AUTOMATIC))
        for oid in one.depends_on:
            if oid >= FIRST_USER_OID:
                found.append((REWRITE, one.oid, 0, _kind(rows, oid), oid, 0, NORMAL))
    return found


def _kind(rows: CatalogRows, oid: int) -> int:
    """The catalog that an object which a rule names is in."""
    catalog = rows.catalog
    if catalog.relation_by_oid(oid) is not None:
        return CLASS
    if oid in catalog.routines:
        return PROCEDURE
    return TYPE if oid in catalog.types else CONSTRAINT


def rewrite_rows(rows: CatalogRows) -> list[Row]:
    """pg_rewrite: the rule `_RETURN` of every view, and rules; their parse trees are not shown."""
    found: list[Row] = []
    for table in rows.catalog.tables.values():
        if table.view_query is not None:
            found.append((default_oid(table.oid, 0), "_RETURN", table.oid, "1", "O", True, "<>", "<>"))
        for rule in table.rules:
            letter = EVENT_TYPES[rule.event]
            found.append((rule.oid, rule.name, table.oid, letter, rule.enabled, rule.instead, "<>", "<>"))
    return found
