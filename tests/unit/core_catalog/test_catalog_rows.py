"""Do rows go into the store and come out as they were, at no cost where nothing has to change?"""

from __future__ import annotations

from decimal import Decimal

import pytest

from datacave_core.catalog import Column, Table, TypeDefinition, columns_layout, layout_of, row_codec
from datacave_core.layout import PhysicalColumn, PhysicalType
from datacave_core.types import oids
from datacave_core.values import Array, Interval, TimeTz


def numeric_typmod(precision: int, scale: int) -> int:
    return (precision << 16 | scale & 0x7FF) + 4


@pytest.mark.parametrize(
    ("type_oid", "typmod", "expected", "scale"),
    [
        (oids.INT2, -1, PhysicalType.INT64, 0),
        (oids.OID, -1, PhysicalType.INT64, 0),
        (oids.TIMESTAMPTZ, -1, PhysicalType.INT64, 0),
        (oids.DATE, -1, PhysicalType.INT64, 0),
        (oids.FLOAT4, -1, PhysicalType.FLOAT64, 0),
        (oids.NUMERIC, numeric_typmod(18, 4), PhysicalType.DECIMAL64, 4),
        (oids.NUMERIC, numeric_typmod(19, 4), PhysicalType.TEXT, 0),
        (oids.NUMERIC, numeric_typmod(5, -2), PhysicalType.TEXT, 0),
        (oids.NUMERIC, -1, PhysicalType.TEXT, 0),
        (oids.BOOL, -1, PhysicalType.BOOL, 0),
        (oids.BPCHAR, 8, PhysicalType.TEXT, 0),
        (oids.JSONB, -1, PhysicalType.TEXT, 0),
        (oids.UUID, -1, PhysicalType.BYTES, 0),
        (oids.INTERVAL, -1, PhysicalType.BYTES, 0),
        (oids.INT4_ARRAY, -1, PhysicalType.BYTES, 0),
        (20000, -1, PhysicalType.DECIMAL64, 2),  # a domain over a domain over numeric(10, 2)
        (20002, -1, PhysicalType.TEXT, 0),  # an enum
        (20003, -1, PhysicalType.BYTES, 0),  # a composite type
    ],
)
def test_physical_types(type_oid: int, typmod: int, expected: PhysicalType, scale: int) -> None:
    types = {
        20000: TypeDefinition(20000, 0, 2200, "outer", "d", base_type_oid=20001),
        20001: TypeDefinition(20001, 0, 2200, "inner", "d", base_type_oid=oids.NUMERIC, typmod=numeric_typmod(10, 2)),
        20002: TypeDefinition(20002, 0, 2200, "mood", "e"),
        20003: TypeDefinition(20003, 0, 2200, "pair", "c"),
    }
    (column,) = columns_layout([Column(1, "a", type_oid, typmod)], types).columns
    assert (column.type, column.scale) == (expected, scale)


def test_most_rows_need_no_conversion() -> None:
    codec = row_codec([Column(1, "a", oids.INT8), Column(2, "b", oids.TEXT), Column(3, "c", oids.BOOL)])
    assert codec.to_physical is None and codec.from_physical is None
    assert codec.to_physical_rows is None and codec.from_physical_rows is None
    assert codec.to_physical_slots == codec.from_physical_slots == (None, None, None)


def test_converted_rows_come_back() -> None:
    columns = [
        Column(1, "a", oids.INT8),
        Column(2, "b", oids.NUMERIC),
        Column(3, "gone", oids.TEXT, dropped=True),
        Column(4, "c", oids.INTERVAL),
        Column(5, "d", oids.INT4_ARRAY),
        Column(6, "e", oids.TIMETZ),
        Column(7, "f", oids.RECORD),
    ]
    codec = row_codec(columns)
    assert codec.to_physical and codec.from_physical and codec.to_physical_rows and codec.from_physical_rows
    row = (
        1,
        Decimal("1.500"),
        None,
        Interval(1, -2, 3),
        Array((1, None, 2**70, "x"), (2, 2), (1, 0)),
        TimeTz(5, -3600),
        (1, (Decimal("NaN"), b"\0"), 2**63),
    )
    physical = codec.to_physical(row)
    assert [type(value) for value in physical] == [int, str, type(None), bytes, bytes, bytes, bytes]
    assert repr(codec.from_physical(physical)) == repr(row)
    nulls = (None,) * 7
    assert codec.to_physical_rows([row, nulls]) == [physical, nulls]
    assert repr(codec.from_physical_rows([physical, nulls])) == repr([row, nulls])
    assert codec.to_physical((1, None, "left over", None, None, None, None))[2] is None


def test_limited_numerics_are_stored_as_they_are() -> None:
    codec = row_codec([Column(1, "a", oids.NUMERIC, numeric_typmod(5, 2))])
    assert codec.from_physical is None and codec.to_physical is None


def test_missing_values_are_physical() -> None:
    columns = (Column(1, "a", oids.INT4), Column(2, "b", oids.NUMERIC, missing=Decimal("1.0")))
    layout = layout_of(Table(1, 2200, "t", columns))
    assert layout.version == 2
    assert layout.columns[1] == PhysicalColumn(PhysicalType.TEXT, True, 0, "1.0")


def test_what_is_no_value_is_refused() -> None:
    codec = row_codec([Column(1, "a", oids.INT4_ARRAY)])
    assert codec.to_physical is not None
    with pytest.raises(TypeError, match="set"):
        codec.to_physical(({1},))
