"""Rows of tables as the store keeps them: the physical layout of a table, and conversions where values differ.

    smallint integer bigint oid money date time timestamp[tz]    INT64
    real, double precision                                       FLOAT64
    numeric(p <= 18, s)                                          DECIMAL64, scale s
    numeric otherwise                                            TEXT, its digits
    boolean                                                      BOOL
    text varchar char(n) name "char" json jsonb xml, enums       TEXT
    uuid, bytea                                                  BYTES
    everything else                                              BYTES, see packing.py

Domains lie as their base type does. Only unlimited numerics and "everything else" differ from the values in values.py,
so that most tables need no conversion at all; for the others one function per table is generated.
Invariants: slot i belongs to column number i + 1 for ever; a dropped column keeps its slot and is written as NULL;
an existing column's physical type never changes under one storage id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from datacave_core.catalog.objects import Column, Table, TypeDefinition
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.packing import pack_value, unpack_value
from datacave_core.types import oids
from datacave_core.values import Row

DECIMAL64_DIGITS_MAX = 18

_KEPT_AS_TEXT = ("e", "b")
"""Kinds of types of the catalog whose values are str: enums, and what extensions bring."""

_PHYSICAL: dict[int, PhysicalType] = {
    **dict.fromkeys((oids.INT2, oids.INT4, oids.INT8, oids.OID, oids.MONEY), PhysicalType.INT64),
    **dict.fromkeys((oids.DATE, oids.TIME, oids.TIMESTAMP, oids.TIMESTAMPTZ), PhysicalType.INT64),
    **dict.fromkeys((oids.FLOAT4, oids.FLOAT8), PhysicalType.FLOAT64),
    **dict.fromkeys((oids.TEXT, oids.VARCHAR, oids.BPCHAR, oids.NAME, oids.CHAR), PhysicalType.TEXT),
    **dict.fromkeys((oids.JSON, oids.JSONB, oids.XML), PhysicalType.TEXT),
    oids.BOOL: PhysicalType.BOOL,
    oids.UUID: PhysicalType.BYTES,
    oids.BYTEA: PhysicalType.BYTES,
}

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class RowCodec:
    """How the rows of one table get into the store and out of it. None means: as they are.

    The four functions convert one row or a list of rows. `to_physical_slots` and `from_physical_slots` hold, for each
    slot, a conversion of values that are not NULL, or None.
    """

    layout: Layout
    to_physical: Callable[[Sequence[Any]], Row] | None
    from_physical: Callable[[Row], Row] | None
    to_physical_rows: Callable[[Sequence[Sequence[Any]]], list[Row]] | None
    from_physical_rows: Callable[[Sequence[Row]], list[Row]] | None
    to_physical_slots: tuple[Convert | None, ...]
    from_physical_slots: tuple[Convert | None, ...]


def layout_of(table: Table, types: Mapping[int, TypeDefinition] | None = None) -> Layout:
    """The physical layout of a table's rows. `types` are the catalog's, to resolve domains and enums."""
    return columns_layout(table.columns, types)


def columns_layout(columns: Sequence[Column], types: Mapping[int, TypeDefinition] | None = None) -> Layout:
    """The physical layout of rows of these columns (entries of an index, results kept in files)."""
    return Layout(len(columns), tuple(_physical_column(column, types or {})[0] for column in columns))


def row_codec(columns: Sequence[Column], types: Mapping[int, TypeDefinition] | None = None) -> RowCodec:
    """The conversions for rows of these columns."""
    found = [_physical_column(column, types or {}) for column in columns]
    layout = Layout(len(columns), tuple(physical for physical, _, _ in found))
    to_slots = tuple(to for _, to, _ in found)
    from_slots = tuple(back for _, _, back in found)
    dropped = tuple(column.dropped for column in columns)
    to_row, to_rows = _compile(to_slots, dropped)
    from_row, from_rows = _compile(from_slots, (False,) * len(dropped))
    return RowCodec(layout, to_row, from_row, to_rows, from_rows, to_slots, from_slots)


def physical_type(
    type_oid: int, typmod: int, types: Mapping[int, TypeDefinition] | None = None
) -> tuple[PhysicalType, int, Convert | None, Convert | None]:
    """Physical type, scale, and conversions to and from it for values of a type that are not NULL."""
    definition = types.get(type_oid) if types else None
    while definition is not None and definition.kind == "d":
        type_oid, typmod = definition.base_type_oid, definition.typmod
        definition = types.get(type_oid) if types else None
    if definition is not None and definition.kind in _KEPT_AS_TEXT:
        return PhysicalType.TEXT, 0, None, None
    plain = _PHYSICAL.get(type_oid)
    if plain is not None:
        return plain, 0, None, None
    if type_oid == oids.NUMERIC:
        precision, scale = _numeric_typmod(typmod)
        if 0 < precision <= DECIMAL64_DIGITS_MAX and 0 <= scale <= DECIMAL64_DIGITS_MAX:
            return PhysicalType.DECIMAL64, scale, None, None
        return PhysicalType.TEXT, 0, str, Decimal
    return PhysicalType.BYTES, 0, pack_value, unpack_value


def lasting_type(type_oid: int, typmod: int, types: Mapping[int, TypeDefinition]) -> tuple[int, int]:
    """The built-in type and typmod whose values lie as those of a type do, also once that type is gone."""
    definition = types.get(type_oid)
    while definition is not None and definition.kind == "d":
        type_oid, typmod = definition.base_type_oid, definition.typmod
        definition = types.get(type_oid)
    if definition is None:
        return type_oid, typmod
    return (oids.TEXT, -1) if definition.kind in _KEPT_AS_TEXT else (oids.RECORD, -1)


def _physical_column(
    column: Column, types: Mapping[int, TypeDefinition]
) -> tuple[PhysicalColumn, Convert | None, Convert | None]:
    kind, scale, to, back = physical_type(column.type_oid, column.typmod, types)
    missing = column.missing
    if missing is not None and to is not None:
        missing = to(missing)
    return PhysicalColumn(kind, True, scale, missing, column.added), to, back


def _numeric_typmod(typmod: int) -> tuple[int, int]:
    """Precision and scale of a numeric; precision 0 if unconstrained. The scale is 11 bits and signed."""
    if typmod < 4:
        return 0, 0
    packed = typmod - 4
    return packed >> 16 & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024


def _compile(
    conversions: Sequence[Convert | None], dropped: Sequence[bool]
) -> tuple[Callable[[Sequence[Any]], Row] | None, Callable[[Sequence[Sequence[Any]]], list[Row]] | None]:
    """Functions for one row and for many, or None where nothing has to be done."""
    if not any(dropped) and not any(conversions):
        return None, None
    names: dict[str, Any] = {}
    places: list[str] = []
    for slot, convert in enumerate(conversions):
        if dropped[slot]:
            places.append("None")
        elif convert is None:
            places.append(f"row[{slot}]")
        else:
            names[f"convert{slot}"] = convert
            places.append(f"(None if row[{slot}] is None else convert{slot}(row[{slot}]))")
    row = f"({', '.join(places)},)"
    # Only slot numbers enter the source.
    source = f"def one(row):\n    return {row}\ndef many(rows):\n    return [{row} for row in rows]\n"
    exec(compile(source, "<row conversion>", "exec"), names)
    return names["one"], names["many"]
