"""pg_depend and pg_rewrite: what hangs on what, as dropping with CASCADE follows it.

Built-in objects are pinned and have no entries, as in PostgreSQL. A view's query is a rule; rules and defaults have
oids computed from their table (attributes.default_oid). Types: n normal, a automatic, i internal, P and S of the parts
of partitioned things, e members of extensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from datacave_core.catalog import FIRST_USER_OID, Constraint, Index, Sequence, Table, Trigger, TypeDefinition
from datacave_core.values import Row
from datacave_sql.pgcatalog.attributes import default_oid
from datacave_sql.pgcatalog.internal_triggers import (
    all_constraints,
    copied_triggers,
    depends_on_others,
    is_reference_part,
    triggers_of_constraints,
)
from datacave_sql.pgcatalog.named_columns import columns_named, row_columns_named
from datacave_sql.pgcatalog.references import CLASS, PROCEDURE, TYPE, Reference
from datacave_sql.pgcatalog.routine_dependencies import routine_depend_rows
from datacave_sql.pgcatalog.snapshot import CatalogRows

CONSTRAINT: Final = 2606
DEFAULT: Final = 2604
REWRITE: Final = 2618
TRIGGER: Final = 2620
NAMESPACE: Final = 2615
POLICY: Final = 3256
STATISTICS: Final = 3381
DEFAULT_ACL: Final = 826
COLLATION: Final = 3456
NORMAL, AUTOMATIC, INTERNAL, PRIMARY_PART, SECONDARY_PART = "n", "a", "i", "P", "S"
EVENT_TYPES = {"u": "2", "i": "3", "d": "4"}
"""Numbers of events in pg_rewrite."""


def depend_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_depend."""
    catalog = rows.catalog
    found = rows.per_object("depend.sequence", catalog.sequences.items(), _of_sequence)
    found += rows.per_object("depend.type", catalog.types.items(), _of_type)
    found += routine_depend_rows(rows)
    found += (
        (DEFAULT_ACL, one.oid, 0, NAMESPACE, one.schema_oid, 0, AUTOMATIC)
        for one in catalog.default_privileges.values()
        if one.schema_oid
    )
    # What a text names may change its kind from table to sequence only by changing its oid.
    found += rows.per_object("depend.table", catalog.tables.items(), _of_table)
    alone = ((oid, table) for oid, table in catalog.tables.items() if not depends_on_others(catalog, table))
    found += rows.per_object("depend.derived", alone, _derived)
    for table in catalog.tables.values():
        if depends_on_others(catalog, table):
            found += _derived(rows, table)
    return found


def _of_sequence(rows: CatalogRows, sequence: Sequence) -> list[Row]:
    found: list[Row] = [(CLASS, sequence.oid, 0, NAMESPACE, sequence.schema_oid, 0, NORMAL)]
    if sequence.owned_by_table_oid:
        kind = INTERNAL if sequence.identity else AUTOMATIC
        found.append((CLASS, sequence.oid, 0, CLASS, sequence.owned_by_table_oid, sequence.owned_by_column, kind))
    return found


def _of_type(rows: CatalogRows, definition: TypeDefinition) -> list[Row]:
    found: list[Row] = [(TYPE, definition.oid, 0, NAMESPACE, definition.schema_oid, 0, NORMAL)]
    if definition.array_oid:
        found.append((TYPE, definition.array_oid, 0, TYPE, definition.oid, 0, INTERNAL))
    if definition.kind == "m":
        found.append((TYPE, definition.oid, 0, TYPE, definition.base_type_oid, 0, INTERNAL))
    elif definition.base_type_oid >= FIRST_USER_OID:
        found.append((TYPE, definition.oid, 0, TYPE, definition.base_type_oid, 0, NORMAL))
    if definition.kind == "c":
        found.append((CLASS, definition.oid, 0, TYPE, definition.oid, 0, INTERNAL))
    found += ((CONSTRAINT, check.oid, 0, TYPE, definition.oid, 0, AUTOMATIC) for check in definition.checks)
    if definition.default is not None:
        references = rows.references(definition.default, None, definition.base_type_oid)
        found += _refer(TYPE, definition.oid, references, NORMAL)
    found += (
        (CLASS, definition.oid, column.number, TYPE, column.type_oid, 0, NORMAL)
        for column in definition.attributes
        if column.type_oid >= FIRST_USER_OID and not column.dropped
    )
    return found


def _refer(catalog: int, oid: int, references: list[Reference], kind: str) -> Iterator[Row]:
    return ((catalog, oid, 0, *reference, kind) for reference in references)


def _of_table(rows: CatalogRows, table: Table) -> list[Row]:
    """What is stored with a table, but for its constraints and triggers."""
    found: list[Row] = [(CLASS, table.oid, 0, NAMESPACE, table.schema_oid, 0, NORMAL)]
    if table.row_type_oid:
        found.append((TYPE, table.row_type_oid, 0, CLASS, table.oid, 0, INTERNAL))
    if table.row_array_type_oid:
        found.append((TYPE, table.row_array_type_oid, 0, TYPE, table.row_type_oid, 0, INTERNAL))
    if table.of_type_oid:
        found.append((CLASS, table.oid, 0, TYPE, table.of_type_oid, 0, NORMAL))
    kind = AUTOMATIC if table.partition_bound is not None else NORMAL
    found += ((CLASS, table.oid, 0, CLASS, parent, 0, kind) for parent in table.parents)
    found += _of_partition_key(rows, table)
    for column in table.live_columns:
        if column.type_oid >= FIRST_USER_OID:
            found.append((CLASS, table.oid, column.number, TYPE, column.type_oid, 0, NORMAL))
        if column.default is not None:
            oid = default_oid(table.oid, column.number)
            kind = INTERNAL if column.generated else AUTOMATIC
            found.append((DEFAULT, oid, 0, CLASS, table.oid, column.number, kind))
            owner = table if column.generated else None
            found += _refer(DEFAULT, oid, rows.references(column.default, owner, column.type_oid), NORMAL)
    for index in table.indexes:
        found += _of_index(rows, table, index)
    for constraint in table.constraints:
        if constraint.kind == "c" and constraint.expression is not None:
            found += _refer(CONSTRAINT, constraint.oid, rows.references(constraint.expression, table), NORMAL)
    if table.view_query is not None:
        rule = default_oid(table.oid, 0)
        found.append((REWRITE, rule, 0, CLASS, table.oid, 0, INTERNAL))
        found.append((REWRITE, rule, 0, CLASS, table.oid, 0, NORMAL))
        found += _refer(REWRITE, rule, rows.view_references(table), NORMAL)
    for one in table.rules:
        found.append((REWRITE, one.oid, 0, CLASS, table.oid, 0, AUTOMATIC))
        acted = {number for action in one.actions for number in row_columns_named(table, action)}
        named = [(CLASS, table.oid, number) for number in sorted(acted) or (0,)]
        found += _refer(REWRITE, one.oid, [*named, *rows.rule_references(table, one)], NORMAL)
        if one.condition is not None:
            named = [(CLASS, table.oid, number) for number in columns_named(table, one.condition)]
            found += _refer(REWRITE, one.oid, named, NORMAL)
    for statistics in table.statistics:
        found.append((STATISTICS, statistics.oid, 0, NAMESPACE, statistics.schema_oid, 0, NORMAL))
        found += ((STATISTICS, statistics.oid, 0, CLASS, table.oid, one, AUTOMATIC) for one in statistics.columns)
    for policy in table.policies:
        found.append((POLICY, policy.oid, 0, CLASS, table.oid, 0, AUTOMATIC))
        needed = [one for text in (policy.using, policy.check) if text for one in rows.references(text, table)]
        found += _refer(POLICY, policy.oid, list(dict.fromkeys(needed)), NORMAL)
    return found


def _of_partition_key(rows: CatalogRows, table: Table) -> Iterator[Row]:
    if table.partition_key is None:
        return
    numbers = {part.column for part in table.partition_key.parts if part.column}
    for part in table.partition_key.parts:
        if part.expression is not None:
            for catalog, oid, number in rows.references(part.expression, table):
                if oid == table.oid:
                    numbers.add(number)
                else:
                    yield CLASS, table.oid, 0, catalog, oid, number, NORMAL
    for number in sorted(numbers):
        yield CLASS, table.oid, number, CLASS, table.oid, 0, INTERNAL


def _of_index(rows: CatalogRows, table: Table, index: Index) -> list[Row]:
    found: list[Row] = []
    numbers = {key.column for key in index.keys if key.column} | set(index.included)
    if index.constraint_oid:
        found.append((CLASS, index.oid, 0, CONSTRAINT, index.constraint_oid, 0, INTERNAL))
    else:
        found += ((CLASS, index.oid, 0, CLASS, table.oid, number, AUTOMATIC) for number in sorted(numbers) or (0,))
    expressions = [key.expression for key in index.keys if not key.column and key.expression]
    for texts in (expressions, [index.predicate] if index.predicate else []):
        named = dict.fromkeys(one for text in texts for one in rows.references(text, table))
        for reference in named:
            kind = AUTOMATIC if reference[1] == table.oid else NORMAL
            found.append((CLASS, index.oid, 0, *reference, kind))
    if index.parent_oid:
        found.append((CLASS, index.oid, 0, CLASS, index.parent_oid, 0, PRIMARY_PART))
        found.append((CLASS, index.oid, 0, CLASS, table.oid, 0, SECONDARY_PART))
    return found


def _derived(rows: CatalogRows, table: Table) -> list[Row]:
    """Constraints and triggers, with those that are derived."""
    catalog = rows.catalog
    found: list[Row] = []
    for constraint in all_constraints(catalog, table):
        found += _of_constraint(table, constraint)
    for trigger in table.triggers:
        found += _of_trigger(rows, table, trigger.oid, trigger, 0)
    for copy in copied_triggers(catalog, table):
        found += _of_trigger(rows, copy.table, copy.trigger.oid, copy.trigger, copy.parent_oid)
    for one in triggers_of_constraints(catalog, table):
        assert one.constraint is not None
        found.append((TRIGGER, one.trigger.oid, 0, CONSTRAINT, one.constraint.oid, 0, INTERNAL))
    return found


def _of_constraint(table: Table, one: Constraint) -> list[Row]:
    if one.kind == "t":
        return [
            (CONSTRAINT, one.oid, 0, TRIGGER, one.index_oid, 0, INTERNAL),
            (CONSTRAINT, one.oid, 0, CLASS, table.oid, 0, AUTOMATIC),
        ]
    places = sorted(set(one.columns)) or (0,)
    found: list[Row] = [(CONSTRAINT, one.oid, 0, CLASS, table.oid, place, AUTOMATIC) for place in places]
    if one.kind == "f":
        target = one.referenced_table_oid
        found += ((CONSTRAINT, one.oid, 0, CLASS, target, place, NORMAL) for place in one.referenced_columns)
        found.append((CONSTRAINT, one.oid, 0, CLASS, one.index_oid, 0, NORMAL))
    if one.parent_oid and is_reference_part(one):
        found.append((CONSTRAINT, one.oid, 0, CONSTRAINT, one.parent_oid, 0, INTERNAL))
    elif one.parent_oid:
        found.append((CONSTRAINT, one.oid, 0, CONSTRAINT, one.parent_oid, 0, PRIMARY_PART))
        found.append((CONSTRAINT, one.oid, 0, CLASS, table.oid, 0, SECONDARY_PART))
    return found


def _of_trigger(rows: CatalogRows, table: Table, oid: int, trigger: Trigger, parent: int) -> list[Row]:
    found: list[Row] = [(TRIGGER, oid, 0, CLASS, table.oid, 0, AUTOMATIC)]
    if trigger.function_oid >= FIRST_USER_OID:
        found.append((TRIGGER, oid, 0, PROCEDURE, trigger.function_oid, 0, NORMAL))
    if trigger.referenced_oid:
        found.append((TRIGGER, oid, 0, CLASS, trigger.referenced_oid, 0, AUTOMATIC))
    named = [(CLASS, table.oid, number) for number in trigger.update_columns]
    if trigger.condition is not None:
        named += ((CLASS, table.oid, number) for number in columns_named(table, trigger.condition))
        named += rows.trigger_references(table, trigger.condition)
    found += _refer(TRIGGER, oid, list(dict.fromkeys(named)), NORMAL)
    if parent:
        found.append((TRIGGER, oid, 0, TRIGGER, parent, 0, PRIMARY_PART))
        found.append((TRIGGER, oid, 0, CLASS, table.oid, 0, SECONDARY_PART))
    return found


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
