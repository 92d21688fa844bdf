"""ANALYZE: samples the rows of a table and stores what is found out about its columns."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from datacave_core.catalog import Column, Table, statistics_key
from datacave_core.packing import pack_value
from datacave_core.types import oids
from datacave_core.wait import TURN, Steps
from datacave_sql.exec.column_scan import ScannedColumn, sql_vector
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.session.progress import Progress
from datacave_sql.table.access import TableAccess
from datacave_sql.table.column_statistics import SAMPLE_ROWS, TableStatistics, column_statistics
from datacave_sql.vectors.vector import sql_values

_WIDTHS = {oids.BOOL: 1, oids.INT2: 2, oids.INT4: 4, oids.OID: 4, oids.DATE: 4, oids.FLOAT4: 4, oids.UUID: 16}
_FIXED_EIGHT = frozenset(
    {oids.INT8, oids.FLOAT8, oids.TIME, oids.TIMESTAMP, oids.TIMESTAMPTZ, oids.MONEY}
)  # fmt: skip


def analyze_table(session: Any, table: Table) -> Steps[None]:
    """Takes new statistics of a table, as of the transaction's snapshot; they count once it commits."""
    try:
        yield from _analyze(session, table, session.progress.begin("ANALYZE", table.oid))
    finally:
        session.progress.end()


def _analyze(session: Any, table: Table, progress: Progress) -> Steps[None]:
    progress.phase = "acquiring sample rows"
    context = ExecutionContext(session, session.transaction, ())
    access: TableAccess = session.catalog_state.access(table)
    low, high = access.table_range
    transaction = session.transaction
    total = 0
    for batch in transaction.scan_columns(low, high, ()):
        total += batch.row_count
        if context.slice_over():
            yield TURN
    columns = table.live_columns
    scanned = [
        ScannedColumn(column.number - 1, column.number, column.type_oid, access.column_reader(column.number))
        for column in columns
    ]
    samples: list[list[Any]] = [[] for _ in columns]
    share = SAMPLE_ROWS / total if total > SAMPLE_ROWS else 1.0
    chance = np.random.default_rng(table.oid)
    for batch in transaction.scan_columns(low, high, [column.slot for column in scanned]):
        chosen = None if share == 1.0 else np.flatnonzero(chance.random(batch.row_count) < share)
        for sample, column, stored in zip(samples, scanned, batch.columns, strict=True):
            vector = sql_vector(stored, column)
            sample += sql_values(vector if chosen is None else vector.take(chosen), column.type)
        if context.slice_over():
            yield TURN
    progress.phase = "computing statistics"
    found = {}
    for definition, sample in zip(columns, samples, strict=True):
        steps = _of_column(session, definition, sample, total)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found[definition.number] = end.value
                break
            if context.slice_over():
                yield TURN
    record = TableStatistics(float(total), found, session.database.clock.now_microseconds())
    transaction.put(statistics_key(table.oid), (record.pack(),))
    session.after_commit(lambda: session.database.statistics_changed(table))
    session.evaluation.statistics.note_analyze(table.oid)


def _of_column(session: Any, column: Column, sample: Sequence[Any], total: int) -> Generator[None, None, Any]:
    types = session.catalog_state.types
    base = types.base(column.type_oid)
    fixed = 8 if base in _FIXED_EIGHT else _WIDTHS.get(base)

    def width(value: Any) -> int:
        if fixed is not None:
            return fixed
        if isinstance(value, str):
            return len(value.encode()) + 1
        if isinstance(value, Decimal):
            # PostgreSQL keeps four digits in two bytes.
            return 3 + 2 * -(-len(value.as_tuple().digits) // 4)
        return len(pack_value(value)) + 1

    io = types.io(column.type_oid)
    found = yield from column_statistics(sample, total, io.comparison_key, width, io.comparable)
    return replace(found, type_oid=column.type_oid)
