"""Layouts in files: a Layout as a msgpack value and back, so that table files describe themselves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from datacave_core.layout import Layout, PhysicalColumn, PhysicalType


def layout_to_record(layout: Layout) -> list[Any]:
    """[version, [[type, nullable, scale, missing, added], ...]]; a Decimal `missing` as its text, no `added` of 0."""
    columns = [
        [
            int(column.type),
            column.nullable,
            column.scale,
            str(column.missing) if isinstance(column.missing, Decimal) else column.missing,
            *((column.added,) if column.added else ()),
        ]
        for column in layout.columns
    ]
    return [layout.version, columns]


def layout_from_record(record: list[Any]) -> Layout:
    """The Layout of such a value; raises ValueError or TypeError when it is none."""
    version, columns = record
    return Layout(version, tuple(_column(*fields) for fields in columns))


def _column(number: int, nullable: bool, scale: int, missing: Any, added: int = 0) -> PhysicalColumn:
    column_type = PhysicalType(number)
    if column_type is PhysicalType.DECIMAL64 and missing is not None:
        missing = Decimal(missing)
    return PhysicalColumn(column_type, nullable, scale, missing, added)
