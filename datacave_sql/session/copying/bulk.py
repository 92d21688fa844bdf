"""BulkLoad: a big COPY into a table that asks little of its rows goes by columns, straight into table files.

Little: primary key or none, NOT NULL, no other index, no check, no foreign key; rows come in the order of the key, all
columns as they stand in the table. A load locks no rows, so that whoever comes in between is found when it commits:
within a block, where the commit may be far, the table's rows have to be out of sight of others. Until it is clear that
there are many rows they are only gathered. Whatever does not fit sends what is there, and all that comes, along the way
of single rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datacave_core.errors import DatacaveError
from datacave_core.keycode import make_batch_encoder
from datacave_core.layout import PhysicalType
from datacave_core.ports import Load
from datacave_core.rowbatch import ColumnVector
from datacave_core.transaction.loads import insert_all
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps
from datacave_sql.bind.statements import CopyFrom
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.modify import Insert
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.row_writer import RowWriter
from datacave_sql.exec.virtual_scan import VirtualScan
from datacave_sql.session.copying.columns import Fields, Reader
from datacave_sql.session.copying.text_format import Lines
from datacave_sql.session.copying.vectors import vector_reader
from datacave_sql.table.access import ROW_ID_BYTES, TableAccess

LOAD_ROWS_MIN = 32_768
"""Rows from which on a load is worth a file of its own."""


def bulk_load(
    context: ExecutionContext,
    bound: CopyFrom,
    operator: Operator,
    types: Sequence[tuple[int, int]],
    readers: list[Reader],
) -> BulkLoad | None:
    """The load of a COPY, if its table and columns allow one."""
    access = operator.plain_target() if isinstance(operator, Insert) and type(operator.child) is VirtualScan else None
    table = bound.table
    if access is None or access.table is not table or table.persistence == "t":
        return None
    if any(column.dropped for column in table.columns) or list(bound.columns) != list(table.columns):
        return None
    writes = context.transaction.writes
    if RowWriter(context, access).guarded:
        return None
    known = context.session.home.catalog.tables.get(table.oid)
    if context.session.in_block and known is not None and known.storage_id == table.storage_id:
        return None
    if len(writes) > LOAD_ROWS_MIN or any(key.startswith(access.prefix) for key in writes):
        return None
    return BulkLoad(context, access, types, readers)


class BulkLoad:
    """`gathered` are stretches of lines, each with its first line's number, that have not been looked at."""

    def __init__(
        self,
        context: ExecutionContext,
        access: TableAccess,
        types: Sequence[tuple[int, int]],
        readers: list[Reader],
    ) -> None:
        self.gathered: list[tuple[Lines, int]] = []
        self.rows = 0
        self._context = context
        self._access = access
        self._load: Load | None = None
        codec = access.rows
        self._readers = readers
        self._vectors = [
            vector_reader(oid, typmod, column, convert, read)
            for (oid, typmod), column, convert, read in zip(
                types, codec.layout.columns, codec.to_physical_slots, readers, strict=True
            )
        ]
        clustered = access.clustered
        self._key_slots = () if clustered is None else clustered.slots
        self._encode = None if clustered is None else make_batch_encoder(clustered.codec)
        self._row_id = context.session.database.row_ids.allocator(access.table.storage_id)

    @property
    def started(self) -> bool:
        """Whether rows are gathered no longer, but taken."""
        return self._load is not None

    def gather(self, lines: Lines, first_line: int) -> bool:
        """Keeps lines for later; whether there are enough of them now for a load."""
        self.gathered.append((lines, first_line))
        return sum(lines.count for lines, _ in self.gathered) >= LOAD_ROWS_MIN

    def begin(self) -> bool:
        """Begins to take rows; False where the store has no way for it, or has rows in their place already."""
        self._load = self._context.transaction.manager.store.begin_load(self._access.prefix)
        return self._load is not None

    def take(self, columns: Sequence[Fields]) -> Steps[bool]:
        """Takes rows from their fields, column by column; False, with nothing taken, where rows do not fit.

        Raises DiskFull and StorageStopped.
        """
        assert self._load is not None
        try:
            vectors = [read(fields) for read, fields in zip(self._vectors, columns, strict=True)]
        except DatacaveError:
            return False  # found again row by row, with its line and column
        for slot in self._access.not_null_slots:
            nulls = vectors[slot].nulls
            if nulls is not None and nulls.any():
                return False
        keys = self._keys(columns, vectors)
        store = self._context.transaction.manager.store
        if not self.rows and store.newest_in_range(keys[0], max(keys) + b"\0", 0) is not None:
            return False
        taken = yield from self._load.add(keys, vectors)
        if taken:
            self.rows += len(keys)
        if self._context.slice_over():
            yield TURN
        return taken

    def _keys(self, columns: Sequence[Fields], vectors: list[ColumnVector]) -> list[bytes]:
        if self._encode is None:
            prefix, row_id = self._access.prefix, self._row_id
            return [prefix + row_id().to_bytes(ROW_ID_BYTES, "big") for _ in columns[0]]
        values = []
        for slot in self._key_slots:
            vector = vectors[slot]
            found = vector.values
            whole = self._access.rows.layout.columns[slot].type is PhysicalType.INT64
            values.append(
                self._readers[slot](columns[slot]) if isinstance(found, list) or not whole else found.tolist()
            )
        return self._encode(zip(*values, strict=True))

    def end(self) -> Steps[bool]:
        """Hands the load to the transaction; False if it is in the way of others, and so has to go row by row."""
        load, transaction = self._load, self._context.transaction
        if load is None or not self.rows:
            return True
        yield from load.finish()
        transaction.add_load(load, self._insert)
        self._context.counts(self._access.table.oid).inserted += self.rows
        assert transaction.loads is not None
        if transaction.loads.conflict(load):
            transaction.loads.take_back(load)
            self._context.counts(self._access.table.oid).inserted -= self.rows
            return False
        self._load = None
        return True

    def insert_instead(self, insert: Any) -> Steps[None]:
        """Gives the rows taken so far to `insert(rows)`, as SQL sees them, and forgets the load."""
        load, self._load = self._load, None
        if load is not None:
            yield from insert_all(load, lambda rows: insert(self._values(rows)))

    def give_up(self) -> None:
        """Forgets a load that has not been handed over."""
        if self._load is not None:
            self._load.give_up()

    def _values(self, rows: list[Row]) -> list[Row]:
        back = self._access.rows.from_physical_rows
        return rows if back is None else back(rows)

    def _insert(self, rows: list[Row]) -> Steps[None]:
        """What a transaction does with rows of a load that it cannot commit as they are."""
        # They have been counted already.
        self._context.counts(self._access.table.oid).inserted -= len(rows)
        yield from RowWriter(self._context, self._access).insert_many(self._values(rows))
