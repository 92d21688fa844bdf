"""pg_inherits and pg_partitioned_table, and how bounds of partitions are written."""

from __future__ import annotations

from datacave_core.catalog import PartitionKeyPart, Table
from datacave_core.types import oids
from datacave_core.values import Array, Row
from datacave_sql.pgcatalog.operator_classes import BTREE, HASH, named_class, operator_class
from datacave_sql.pgcatalog.snapshot import CatalogRows


def inherits_rows(rows: CatalogRows) -> list[Row]:
    """pg_inherits: tables and indexes that are parts of others."""
    return rows.per_object("inherits", ((t.oid, t) for t in rows.catalog.tables.values() if t.parents), _of_table)


def _of_table(rows: CatalogRows, table: Table) -> list[Row]:
    found: list[Row] = [(table.oid, parent, number, False) for number, parent in enumerate(table.parents, 1)]
    found += ((index.oid, index.parent_oid, 1, False) for index in table.indexes if index.parent_oid)
    return found


def partitioned_rows(rows: CatalogRows) -> list[Row]:
    """pg_partitioned_table."""
    found: list[Row] = []
    for table in rows.catalog.tables.values():
        key = table.partition_key
        if key is None:
            continue
        default = next(
            (
                child.oid
                for child in rows.catalog.children_of(table.oid)
                if child.partition_bound is not None and child.partition_bound.kind == "d"
            ),
            0,
        )
        expressions = [part.expression for part in key.parts if part.expression is not None]
        found.append(
            (
                table.oid, key.strategy, len(key.parts), default,
                Array.of(tuple(part.column for part in key.parts)),
                Array.of(tuple(key_class(rows, key.strategy, part) for part in key.parts)),
                Array.of(tuple(part.collation for part in key.parts)),
                ", ".join(expressions) if expressions else None,
            )
        )  # fmt: skip
    return found


def key_class(rows: CatalogRows, strategy: str, part: PartitionKeyPart) -> int:
    """The operator class of one column of a partition key."""
    method = HASH if strategy == "h" else BTREE
    return named_class(rows, method, part.operator_class) or operator_class(rows, method, part.type_oid)


def bound_text(rows: CatalogRows, table: Table) -> str:
    """The bound of a partition as pg_get_expr writes it."""
    bound = table.partition_bound
    parent = rows.catalog.tables[table.parents[0]]
    assert bound is not None and parent.partition_key is not None
    types = [part.type_oid for part in parent.partition_key.parts]
    if bound.kind == "d":
        return "DEFAULT"
    if bound.kind == "h":
        return f"FOR VALUES WITH (modulus {bound.modulus}, remainder {bound.remainder})"
    if bound.kind == "l":
        return f"FOR VALUES IN ({', '.join(constant(value, types[0]) for value in bound.values)})"
    lower, upper = (
        ", ".join(_limit(kind, text, oid) for (kind, text), oid in zip(side, types, strict=True))
        for side in (bound.lower, bound.upper)
    )
    return f"FOR VALUES FROM ({lower}) TO ({upper})"


def _limit(kind: str, text: str, type_oid: int) -> str:
    return {"-": "MINVALUE", "+": "MAXVALUE"}.get(kind) or constant(text, type_oid)


def constant(text: str | None, type_oid: int) -> str:
    """A value of a bound as a literal."""
    if text is None:
        return "NULL"
    if type_oid == oids.BOOL:
        return "true" if text in ("t", "true") else "false"
    plain = text[:1].isdigit()
    if type_oid == oids.INT4 and plain:
        return text
    if type_oid == oids.NUMERIC and plain and any(letter in text for letter in "eE."):
        # Without a point it would be read as an integer.
        return text
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
