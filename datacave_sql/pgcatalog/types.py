"""pg_type, pg_enum, pg_range: built-in types, row types, and those that users made, each with its array type.

Not here: how values of types are read and written (core, functions/usertypes.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from datacave_core.catalog import ADMIN_ROLE_OID, INFORMATION_SCHEMA_OID, PG_CATALOG_OID, Table, TypeDefinition
from datacave_core.types import find_type
from datacave_core.types.registry import BUILTIN_TYPES, RANGES
from datacave_core.types.sqltype import SqlType
from datacave_core.values import Array, Row
from datacave_sql.pgcatalog.facts import domain_shapes, fixed_rows, function_oid, relation_shapes
from datacave_sql.pgcatalog.operator_classes import BTREE, operator_class
from datacave_sql.pgcatalog.privileges import acl_array
from datacave_sql.pgcatalog.snapshot import CatalogRows

_ARRAY: Final = ("array_in", "array_out", "array_recv", "array_send")
_RECORD: Final = ("record_in", "record_out", "record_recv", "record_send")
_SUBSCRIPT, _INPUT = 12, 15
"""Places in a row of pg_type."""
_ENUM: Final = ("enum_in", "enum_out", "enum_recv", "enum_send")


def type_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_type."""
    catalog = rows.catalog
    found = list(_builtin_rows())
    found += rows.per_object("type.table", catalog.tables.items(), _row_types)
    found += rows.per_object("type.user", catalog.types.items(), _defined)
    return found


def type_of_oid(rows: CatalogRows, oid: int) -> Sequence[Row]:
    """The row of one type."""
    catalog = rows.catalog
    oid_of_owner = catalog.array_types.get(oid, oid)
    table = catalog.table_of_row_type(oid_of_owner)
    definition = catalog.types.get(oid_of_owner)
    if table is not None:
        found = rows.of_object("type.table", table.oid, table, _row_types)
    elif definition is not None:
        found = rows.of_object("type.user", definition.oid, definition, _defined)
    else:
        return _builtin_rows_by_oid().get(oid, ())
    return [row for row in found if row[0] == oid]


@cache
def _builtin_rows_by_oid() -> dict[int, tuple[Row, ...]]:
    return {row[0]: (row,) for row in _builtin_rows()}


def _row(
    oid: int, name: str, schema: int, owner: int, length: int, by_value: bool, kind: str, category: str, relation: int,
    element: int, array: int, functions: tuple[str, str, str, str], align: str, storage: str, *,
    preferred: bool = False, defined: bool = True, delimiter: str = ",", subscript: str = "-",
    modifiers: tuple[str, str] = ("-", "-"), analyze: str = "-", not_null: bool = False, base: int = 0,
    typmod: int = -1, dimensions: int = 0, collation: int = 0, default: str | None = None, acl: Array | None = None,
) -> Row:  # fmt: skip
    call = function_oid
    return (
        oid, name, schema, owner, length, by_value, kind, category, preferred, defined, delimiter, relation,
        call(subscript), element, array, call(functions[0]), call(functions[1]), call(functions[2]),
        call(functions[3]), call(modifiers[0]), call(modifiers[1]), call(analyze), align, storage, not_null, base,
        typmod, dimensions, collation, None if kind != "d" else default, default, acl,
    )  # fmt: skip


def _array_row(
    oid: int, name: str, schema: int, owner: int, element: int, like: SqlType | None, domain: bool = False
) -> Row:
    """The array type over an element type, which `like` describes."""
    modifiers = (
        (like.typmod_in, like.typmod_out) if like is not None and like.kind == "b" and not domain else ("-", "-")
    )
    return _row(
        oid, name, schema, owner, -1, False, "b", "A", 0, element, 0, _ARRAY,
        "d" if like is not None and like.align == "d" else "i", "x", subscript="array_subscript_handler",
        delimiter=like.delimiter if like is not None else ",", modifiers=modifiers, analyze="array_typanalyze",
        collation=like.collation_oid if like is not None else 0,
    )  # fmt: skip


def _of_row_type(oid: int, array: int, name: str, schema: int, owner: int, relation: int, array_name: str) -> list[Row]:
    found = [_row(oid, name, schema, owner, -1, False, "c", "C", relation, 0, array, _RECORD, "d", "x")]
    if array:
        found.append(
            _row(
                array, array_name, schema, owner, -1, False, "b", "A", 0, oid, 0, _ARRAY, "d", "x",
                subscript="array_subscript_handler", analyze="array_typanalyze",
            )
        )  # fmt: skip
    return found


@cache
def _builtin_rows() -> tuple[Row, ...]:
    found = []
    for t in BUILTIN_TYPES.values():
        found.append(
            _row(
                t.oid, t.name, PG_CATALOG_OID, ADMIN_ROLE_OID, t.length, t.by_value, t.kind, t.category,
                t.relation_oid, t.element_oid, t.array_oid, (t.input, t.output, t.receive, t.send), t.align, t.storage,
                preferred=t.preferred, defined=t.defined, delimiter=t.delimiter, subscript=t.subscript,
                modifiers=(t.typmod_in, t.typmod_out), analyze=t.analyze, not_null=t.not_null, base=t.base_oid,
                typmod=t.base_typmod, dimensions=t.dimensions, collation=t.collation_oid, default=t.default,
            )
        )  # fmt: skip
    for shape in relation_shapes().values():
        if shape.row_type_oid:
            found += _of_row_type(
                shape.row_type_oid, shape.array_type_oid, shape.name, shape.schema_oid, ADMIN_ROLE_OID, shape.oid,
                "_" + shape.name,
            )  # fmt: skip
    for domain in domain_shapes().values():
        base = find_type(domain.base_oid)
        assert base is not None
        found.append(
            _domain_row(
                domain.oid, domain.name, INFORMATION_SCHEMA_OID, ADMIN_ROLE_OID, domain.array_oid, base,
                domain.base_oid, domain.typmod, False, None, domain.collation, None,
            )
        )  # fmt: skip
        found.append(
            _array_row(domain.array_oid, "_" + domain.name, INFORMATION_SCHEMA_OID, ADMIN_ROLE_OID, domain.oid, base)
        )
    return tuple(found)


def _domain_row(
    oid: int, name: str, schema: int, owner: int, array: int, base: SqlType, base_oid: int, typmod: int, not_null: bool,
    default: str | None, collation: int, acl: Array | None,
) -> Row:  # fmt: skip
    output, send = (_RECORD[1], _RECORD[3]) if base.kind == "c" else (base.output, base.send)
    functions = ("domain_in", output, "domain_recv", send)
    return _row(
        oid, name, schema, owner, base.length, base.by_value, "d", base.category, 0, 0, array, functions, base.align,
        base.storage, delimiter=base.delimiter, analyze=base.analyze, not_null=not_null, base=base_oid, typmod=typmod,
        dimensions=1 if base.is_array else 0, collation=collation or base.collation_oid, default=default, acl=acl,
    )  # fmt: skip


def _row_types(rows: CatalogRows, table: Table) -> list[Row]:
    if not table.row_type_oid:
        return []
    return _of_row_type(
        table.row_type_oid, table.row_array_type_oid, table.name, table.schema_oid, table.owner_oid, table.oid,
        "_" + table.name,
    )  # fmt: skip


def _defined(rows: CatalogRows, definition: TypeDefinition) -> list[Row]:
    d = definition
    array_name = d.array_name or "_" + d.name
    acl = acl_array(rows, d.privileges)
    if d.kind == "c":
        return _of_row_type(d.oid, d.array_oid, d.name, d.schema_oid, d.owner_oid, d.oid, array_name)
    like: SqlType | None = None
    if d.kind in ("r", "m"):
        like = rows.types.type(d.oid)
        found = [
            _row(
                d.oid, d.name, d.schema_oid, d.owner_oid, -1, False, d.kind, "R", 0, 0, d.array_oid,
                (like.input, like.output, like.receive, like.send), like.align, "x", analyze=like.analyze, acl=acl,
            )
        ]  # fmt: skip
    elif d.kind == "e":
        found = [
            _row(
                d.oid, d.name, d.schema_oid, d.owner_oid, 4, True, "e", "E", 0, 0, d.array_oid, _ENUM, "i", "p",
                acl=acl,
            )
        ]  # fmt: skip
    elif d.kind == "b":
        like = rows.types.type(d.oid)
        found = [_brought(rows, d, like, acl)]
    else:
        like = rows.types.type(d.base_type_oid)
        brought = rows.catalog.types.get(rows.types.base(d.oid))
        own = _brought_functions(rows, brought) if brought is not None else {}
        row = _domain_row(
            d.oid, d.name, d.schema_oid, d.owner_oid, d.array_oid, replace(like, output="-", send="-") if own else like,
            d.base_type_oid, d.typmod, d.not_null,
            rows.expression(d.default, None, d.base_type_oid) if d.default is not None else None, d.collation, acl,
        )  # fmt: skip
        if own:
            row = (
                *row[: _INPUT + 1],
                own.get(like.output, 0),
                row[_INPUT + 2],
                own.get(like.send, 0),
                *row[_INPUT + 4 :],
            )
        found = [row]
    if d.array_oid:
        found.append(_array_row(d.array_oid, array_name, d.schema_oid, d.owner_oid, d.oid, like, d.kind == "d"))
    return found


def _brought_functions(rows: CatalogRows, d: TypeDefinition) -> dict[str, int]:
    """The oids of the functions that came with a type, by name; empty for types that no extension has brought."""
    if not d.extension_oid:
        return {}
    routines = rows.catalog.routines.values()
    return {routine.name: routine.oid for routine in routines if routine.extension_oid == d.extension_oid}


def _brought(rows: CatalogRows, d: TypeDefinition, like: SqlType, acl: Array | None) -> Row:
    """A base type of an extension, whose functions are among the routines."""
    own = _brought_functions(rows, d)
    row = list(
        _row(
            d.oid, d.name, d.schema_oid, d.owner_oid, -1, False, "b", like.category, 0, 0, d.array_oid,
            ("-", "-", "-", "-"), like.align, like.storage, collation=like.collation_oid, acl=acl,
        )
    )  # fmt: skip
    row[_SUBSCRIPT] = own.get(like.subscript, 0)
    row[_INPUT : _INPUT + 4] = (own.get(name, 0) for name in (like.input, like.output, like.receive, like.send))
    return tuple(row)


def enum_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_enum."""
    return rows.per_object(
        "enum",
        ((t.oid, t) for t in rows.catalog.types.values() if t.kind == "e"),
        lambda r, t: [(label.oid, t.oid, label.sort_order, label.label) for label in t.labels],
    )


def range_rows(rows: CatalogRows) -> list[Row]:
    """All of pg_range; the operator class is the default one of the subtype for btree."""
    found = list(_builtin_ranges())
    found += [
        (
            t.oid, t.base_type_oid, t.multirange_oid, t.collation, operator_class(rows, BTREE, t.base_type_oid), 0,
            t.subtype_difference_oid,
        )
        for _, t in sorted(rows.catalog.types.items())
        if t.kind == "r"
    ]  # fmt: skip
    return found


@cache
def _builtin_ranges() -> tuple[Row, ...]:
    classes = {row[6]: row[0] for row in fixed_rows("pg_opclass") if row[1] == 403 and row[7]}
    return tuple(
        (
            r.range_oid, r.subtype_oid, r.multirange_oid, r.collation_oid, classes.get(r.subtype_oid, 0),
            function_oid(r.canonical), function_oid(r.subtype_difference),
        )
        for r in RANGES.values()
    )  # fmt: skip
