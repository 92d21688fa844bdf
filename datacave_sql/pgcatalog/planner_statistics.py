"""pg_statistic and pg_stats: what ANALYZE has stored about columns; row counts of pg_class.

Values are arrays of the texts of their elements, since anyarray has no representation of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from datacave_core.catalog import Column, Table
from datacave_core.types import DEFAULT_SETTINGS, oids
from datacave_core.values import Array, Row
from datacave_sql.functions.registry import operators_named
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.pgcatalog.activity import maker
from datacave_sql.pgcatalog.relation import CatalogRelation
from datacave_sql.pgcatalog.snapshot import CatalogRows
from datacave_sql.table.column_statistics import ColumnStatistics, TableStatistics

_MCV, _HISTOGRAM, _CORRELATION = 1, 2, 3
_BYTES_PER_PAGE = 8192


def _analyzed(session: Any, rows: CatalogRows) -> Iterator[tuple[Table, TableStatistics]]:
    known = session.database.sizes.records()
    for oid in sorted(known):
        table = rows.catalog.tables.get(oid)
        if table is not None:
            yield table, known[oid]


def _columns(session: Any, rows: CatalogRows) -> Iterator[tuple[Table, Column, ColumnStatistics]]:
    for table, record in _analyzed(session, rows):
        for column in table.live_columns:
            found = record.columns.get(column.number)
            if found is not None and found.type_oid == column.type_oid:
                yield table, column, found


def _array(types: TypeLookup, type_oid: int, values: Sequence[Any]) -> Array | None:
    if not values:
        return None
    if not (types.array(type_oid) or types.array(types.base(type_oid))):
        return None
    write = types.io(type_oid).output
    return Array.of([write(value, DEFAULT_SETTINGS) for value in values])


def _frequencies(found: ColumnStatistics) -> Array | None:
    return Array.of(found.frequencies) if found.frequencies else None


def stats_view(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stats: columns that the user may read."""
    make = maker("pg_stats", inherited=False)
    may = session.evaluation.catalog.has_privilege
    for table, column, found in _columns(session, rows):
        if not may("column", None, (table.oid, column.number), "select"):
            continue
        yield make(
            schemaname=rows.schema_name(table.schema_oid),
            tablename=table.name,
            attname=column.name,
            null_frac=found.null_fraction,
            avg_width=found.width,
            n_distinct=found.distinct,
            most_common_vals=_array(rows.types, column.type_oid, found.common),
            most_common_freqs=_frequencies(found),
            histogram_bounds=_array(rows.types, column.type_oid, found.bounds),
            correlation=found.correlation,
        )


def statistic_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_statistic: slots for common values, histogram and correlation, as far as there are such."""
    make = maker("pg_statistic", stainherit=False, **_empty_slots())
    for table, column, found in _columns(session, rows):
        slots: dict[str, Any] = {}
        number = 0
        equals, less = _operators(rows.types.base(column.type_oid))
        for kind, operator, numbers, values in (
            (_MCV, equals, _frequencies(found), _array(rows.types, column.type_oid, found.common)),
            (_HISTOGRAM, less, None, _array(rows.types, column.type_oid, found.bounds)),
            (_CORRELATION, less, None if found.correlation is None else Array.of((found.correlation,)), None),
        ):
            if numbers is None and values is None:
                continue
            number += 1
            slots |= {
                f"stakind{number}": kind,
                f"staop{number}": operator,
                f"stacoll{number}": column.collation,
                f"stanumbers{number}": numbers,
                f"stavalues{number}": values,
            }
        yield make(
            starelid=table.oid,
            staattnum=column.number,
            stanullfrac=found.null_fraction,
            stawidth=found.width,
            stadistinct=found.distinct,
            **slots,
        )


def _empty_slots() -> dict[str, Any]:
    return {f"{name}{number}": 0 for number in range(1, 6) for name in ("stakind", "staop", "stacoll")}


def _operators(type_oid: int) -> tuple[int, int]:
    """The oids of = and < of a type; 0 where it has none of its own."""
    if type_oid == oids.VARCHAR:
        type_oid = oids.TEXT
    found = {name: one.oid for name in "=<" for one in operators_named(name) if one.left == one.right == type_oid}
    return found.get("=", 0), found.get("<", 0)


class CountedRelation(CatalogRelation):
    """pg_class with the row counts of the last ANALYZE."""

    __slots__ = ()

    def rows(self, context: Any) -> Iterable[Row]:
        return self._counted(context, super().rows(context))

    def lookup(self, attribute: int, values: Sequence[Any], context: Any) -> Iterable[Row]:
        return self._counted(context, super().lookup(attribute, values, context))

    def _counted(self, context: Any, rows: Iterable[Row]) -> Iterable[Row]:
        known: dict[int, TableStatistics] = context.session.database.sizes.records()
        if not known:
            return rows
        slots = {column.name: column.number - 1 for column in self.shape.columns}
        return [_with_counts(row, known, slots) for row in rows]


def _with_counts(row: Row, known: dict[int, TableStatistics], slots: dict[str, int]) -> Row:
    record = known.get(row[0])
    if record is None:
        return row
    changed = list(row)
    width = sum(column.width for column in record.columns.values()) + 28
    changed[slots["reltuples"]] = record.rows
    changed[slots["relpages"]] = int(-(-record.rows * width // _BYTES_PER_PAGE))
    return tuple(changed)
