"""pg_attribute and pg_attrdef: the columns of every relation and their defaults.

Dropped columns stay as rows, as in PostgreSQL, so that numbers have gaps. System columns have no rows. Defaults have
no oid of their own in the catalog; theirs is computed from table and column (`default_oid`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from datacave_core.catalog import Column, Table, TypeDefinition
from datacave_core.types import DEFAULT_SETTINGS, SqlType, find_type
from datacave_core.values import Array, Row
from datacave_sql.bind.index_keys import expression_word, free_word
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.pgcatalog.classes import options_array
from datacave_sql.pgcatalog.facts import base_type, relation_shapes
from datacave_sql.pgcatalog.privileges import acl_array
from datacave_sql.pgcatalog.snapshot import CatalogRows

_INT8: Final = 20
_BOOL: Final = 16
_DERIVED_OIDS: Final = 0x8000_0000
_COLUMNS_MAX: Final = 1600

Layout = tuple[int, bool, str, str, int]


def default_oid(table_oid: int, column: int) -> int:
    """The oid of a column's default in pg_attrdef, and with column 0 of a view's rule in pg_rewrite."""
    return _DERIVED_OIDS | (table_oid * _COLUMNS_MAX + column) & 0x7FFF_FFFF


def _layout(found: SqlType | None) -> Layout:
    """(length, by value, alignment, storage, collation) of a type."""
    if found is None:
        return -1, False, "i", "x", 0
    return found.length, found.by_value, found.align, found.storage, found.collation_oid


def _row(
    relation: int, name: str, type_oid: int, number: int, layout: Layout, *, typmod: int = -1, dimensions: int = 0,
    not_null: bool = False, default: bool = False, identity: str = "", generated: str = "", dropped: bool = False,
    collation: int | None = None, acl: Array | None = None, column: Column | None = None,
    missing: Array | None = None, statistics: int = -1,
) -> Row:  # fmt: skip
    length, by_value, align, storage, own_collation = layout
    compression, local, inherited = "", True, 0
    options = None
    if column is not None:
        storage = column.storage or storage
        compression, statistics = column.compression, column.statistics_target
        local, inherited = column.is_local, column.inherit_count
        options = options_array(column.options)
    return (
        relation, name, type_oid, 0 if dropped else statistics, length, number, dimensions, -1, typmod, by_value, align,
        storage, compression, not_null, default, missing is not None, identity, generated, dropped, local, inherited,
        own_collation if collation is None else collation, acl, options, None, missing,
    )  # fmt: skip


def attribute_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_attribute."""
    catalog = rows.catalog
    found = rows.per_object("attribute.system", ((0, None),), lambda r, _: _system_rows())
    found += rows.per_object("attribute.table", catalog.tables.items(), _table_rows)
    found += rows.per_object("attribute.sequence", catalog.sequences.items(), lambda r, s: _sequence_rows(s.oid))
    found += rows.per_object(
        "attribute.type", ((t.oid, t) for t in catalog.types.values() if t.kind == "c"), _composite_rows
    )
    return found


def attributes_of(rows: CatalogRows, relation: int) -> Sequence[Row]:
    """The rows of one relation."""
    catalog = rows.catalog
    table = catalog.tables.get(catalog.index_tables.get(relation, relation))
    if table is not None:
        found = rows.of_object("attribute.table", table.oid, table, _table_rows)
        return [row for row in found if row[0] == relation]
    if relation in catalog.sequences:
        return _sequence_rows(relation)
    definition = catalog.types.get(relation)
    if definition is not None and definition.kind == "c":
        return _composite_rows(rows, definition)
    return _system_rows_by_relation().get(relation, ())


@cache
def _system_rows_by_relation() -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in _system_rows():
        found.setdefault(row[0], []).append(row)
    return found


_SYSTEM_COLUMNS = (("ctid", 27, -1), ("xmin", 28, -2), ("cmin", 29, -3), ("xmax", 28, -4), ("cmax", 29, -5),
                   ("tableoid", 26, -6))  # fmt: skip


def _system_columns(relation: int) -> list[Row]:
    """The columns that every row of a stored relation has besides its own."""
    found = []
    for name, type_oid, number in _SYSTEM_COLUMNS:
        row = list(_row(relation, name, type_oid, number, _layout(find_type(type_oid)), not_null=True))
        row[3] = 0
        found.append(tuple(row))
    return found


@cache
def _system_rows() -> tuple[Row, ...]:
    found = []
    for shape in relation_shapes().values():
        if shape.kind == "r":
            found += _system_columns(shape.oid)
        for column in shape.columns:
            layout = _layout(find_type(base_type(column.type_oid)))
            found.append(
                _row(
                    shape.oid, column.name, column.type_oid, column.number, layout, typmod=column.typmod,
                    dimensions=column.dimensions, not_null=column.not_null, collation=column.collation,
                )
            )  # fmt: skip
    return tuple(found)


def _column_row(rows: CatalogRows, relation: int, column: Column, typed: bool = False) -> Row:
    if column.dropped:
        # As PostgreSQL does: the place stays, with a name nobody chooses and no type.
        name = f"........pg.dropped.{column.number}........"
        layout = _layout(rows.types.find(column.type_oid))
        return _row(relation, name, 0, column.number, layout, typmod=column.typmod, dropped=True)
    found = rows.types.find(column.type_oid)
    layout = _layout(found)
    collation = column.collation or layout[4]
    # What a table has from the type that it is of says nothing about dimensions.
    dimensions = 1 if found is not None and found.is_array and found.kind != "d" and not typed else 0
    return _row(
        relation, column.name, column.type_oid, column.number, layout, typmod=column.typmod, dimensions=dimensions,
        not_null=column.not_null, default=column.default is not None, identity=column.identity,
        generated=column.generated, collation=collation, acl=acl_array(rows, column.privileges), column=column,
        missing=_missing(rows, column),
    )  # fmt: skip


def _missing(rows: CatalogRows, column: Column) -> Array | None:
    """The value of rows that are older than the column, as anyarray holds it."""
    if column.missing is None:
        return None
    return Array.of([rows.types.io(column.type_oid).output(column.missing, DEFAULT_SETTINGS)])


def _table_rows(rows: CatalogRows, table: Table) -> list[Row]:
    found = [_column_row(rows, table.oid, column, bool(table.of_type_oid)) for column in table.columns]
    if table.kind in "rmp":
        found += _system_columns(table.oid)
    find = rows.types.find
    for index in table.indexes:
        names: list[str] = []
        for number, key in enumerate(index.keys, 1):
            if key.column:
                column = table.column(key.column)
                name, type_oid, typmod = column.name, column.type_oid, column.typmod
            else:
                name = free_word(expression_word(expression_tree(key.expression or "")), names)
                type_oid, typmod = key.type_oid or 25, -1
            names.append(name)
            layout = _layout(find(type_oid))
            found.append(
                _row(
                    index.oid, name, type_oid, number, layout, typmod=typmod, collation=key.collation or layout[4],
                    statistics=key.statistics_target,
                )
            )  # fmt: skip
        for number, place in enumerate(index.included, len(index.keys) + 1):
            column = table.column(place)
            found.append(
                _row(index.oid, column.name, column.type_oid, number, _layout(find(column.type_oid)),
                     typmod=column.typmod)
            )  # fmt: skip
    return found


def _sequence_rows(oid: int) -> list[Row]:
    long, truth = _layout(find_type(_INT8)), _layout(find_type(_BOOL))
    return [
        _row(oid, "last_value", _INT8, 1, long, not_null=True),
        _row(oid, "log_cnt", _INT8, 2, long, not_null=True),
        _row(oid, "is_called", _BOOL, 3, truth, not_null=True),
        *_system_columns(oid),
    ]


def _composite_rows(rows: CatalogRows, definition: TypeDefinition) -> list[Row]:
    return [_column_row(rows, definition.oid, column) for column in definition.attributes]


_NODE = re.compile(r"\{EXPR :resulttype (\d+) :text (.*)\}", re.DOTALL)


def default_node(type_oid: int, stored: str) -> str:
    """adbin: the stored text with the type it is assigned to, opaque to clients as PostgreSQL's trees are."""
    return f"{{EXPR :resulttype {type_oid} :text {stored}}}"


def default_parts(node: str) -> tuple[int, str]:
    """(type oid, stored text) of what `default_node` made; (0, text) of any other stored text."""
    match = _NODE.fullmatch(node)
    return (int(match[1]), match[2]) if match is not None else (0, node)


def default_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_attrdef."""
    return rows.per_object("attrdef", rows.catalog.tables.items(), _defaults)


def defaults_of(rows: CatalogRows, relation: int) -> Sequence[Row]:
    """The rows of one table."""
    table = rows.catalog.tables.get(relation)
    return rows.of_object("attrdef", relation, table, _defaults) if table is not None else ()


def _defaults(rows: CatalogRows, table: Table) -> list[Row]:
    return [
        (
            default_oid(table.oid, column.number),
            table.oid,
            column.number,
            default_node(column.type_oid, column.default),
        )
        for column in table.columns
        if column.default is not None and not column.dropped
    ]
