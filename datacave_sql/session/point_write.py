# cython: language_level=3, annotation_typing=False
"""PointUpdate, PointInsert: writes of single rows in a READ COMMITTED transaction, run without a generator.

What would have to wait (a row or a table that somebody else has locked) and what is not plain (other isolation levels,
constraints beyond NOT NULL, CHECK and the table's key) goes the long way. After an error nothing
has been written by the statement; the caller ends the transaction, or spoils its block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from datacave_core.transaction import NO_KEY_UPDATE, UPDATE, Isolation, TableLockMode, Transaction
from datacave_sql.exec.modify import Insert, Update
from datacave_sql.exec.row_writer import RowWriter
from datacave_sql.exec.table_scan import KeyLookup
from datacave_sql.exec.values import ValuesRows
from datacave_sql.session.compiled import CompiledQuery
from datacave_sql.session.point import PointStatement

ROW_EXCLUSIVE = int(TableLockMode.ROW_EXCLUSIVE)


class PointUpdate(PointStatement):
    """An UPDATE of one row by its key, of columns without indexes."""

    __slots__ = ("_counts", "_find", "_found", "_keys", "_table_oid", "_update")

    def __init__(self, session: Any, compiled: CompiledQuery, update: Update, find: KeyLookup) -> None:
        super().__init__(session, compiled)
        self._update = update
        self._find = find.make
        self._keys = find.make_keys
        self._table_oid = update.access.table.oid
        self._counts = session.counts.of(self._table_oid)
        self._found = session.counts.of(find.counted_oid)

    def run(self, parameters: Sequence[Any]) -> int | None:
        """How many rows it has changed. Raises what the statement raises."""
        transaction = self._writable()
        if transaction is None:
            return None
        context = self._renewed(parameters)
        context.transaction = transaction
        keys = self._keys(context)()
        if len(keys) != 1:
            return 0 if not keys else None
        key = keys[0]
        if not transaction.lock_at_once(key, NO_KEY_UPDATE):
            return None
        number = transaction.number
        found = self._found
        if found.number != number:
            found.begin(number)
        found.scans += 1
        newest = transaction.get_latest(key)
        if newest is None:
            return 0
        found.fetched += 1
        rows = self._find(context)([(key, newest)])
        if not rows:
            return 0
        update = self._update
        access = update.access
        new = update.make_new(context)(rows[0])
        for slot in access.not_null_slots:
            if new[slot] is None:
                RowWriter(context, access).check_not_null(new)
        if update.make_check is not None and (violated := update.make_check(context)(new)) is not None:
            raise RowWriter(context, access).check_failed(violated, new)
        transaction.put(key, new if access.to_physical is None else access.to_physical(new))
        counts = self._counts
        if counts.number != number:
            counts.begin(number)
        counts.updated += 1
        counts.updated_hot += 1
        return 1

    def _writable(self) -> Transaction | None:
        return _writable(self._transaction(), self._table_oid)


class PointInsert(PointStatement):
    """An INSERT of one row that is written out in the statement, into a table with at most its own key to mind."""

    __slots__ = ("_counts", "_insert", "_make_source", "_row_id", "_table_oid")

    def __init__(self, session: Any, compiled: CompiledQuery, insert: Insert, source: ValuesRows) -> None:
        super().__init__(session, compiled)
        self._insert = insert
        self._make_source = source.make
        table = insert.access.table
        self._row_id: Callable[[], int] = session.database.row_ids.allocator(table.storage_id)
        self._table_oid = table.oid
        self._counts = session.counts.of(table.oid)

    def run(self, parameters: Sequence[Any]) -> int | None:
        """1, or None with nothing done where the key is there already. Raises what the statement raises."""
        transaction = _writable(self._transaction(), self._table_oid)
        if transaction is None:
            return None
        context = self._renewed(parameters)
        context.transaction = transaction
        insert = self._insert
        access = insert.access
        (row,) = insert.make_rows(context)(self._make_source(context)())
        for slot in access.not_null_slots:
            if row[slot] is None:
                RowWriter(context, access).check_not_null(row)
        key = access.row_key(row, self._row_id)
        if access.clustered is not None:
            if not transaction.lock_at_once(key, UPDATE):
                return None
            if (there := transaction.get_latest_version(key)) is not None:
                if there.row is not None:
                    raise RowWriter(context, access).unique_violation(access.clustered, row)
                transaction.moved.append((key, key))
        transaction.put(key, row if access.to_physical is None else access.to_physical(row))
        counts = self._counts
        if counts.number != transaction.number:
            counts.begin(transaction.number)
        counts.inserted += 1
        return 1


PointWrite: TypeAlias = PointUpdate | PointInsert


def point_write(session: Any, compiled: CompiledQuery) -> PointWrite | None:
    """The short way of a plan that writes; None for plans that have none."""
    operator = compiled.operator
    if compiled.returns_rows or len(compiled.written) != 1 or compiled.locked:
        return None
    if type(operator) is Update:
        find = operator.point_lookup()
        if (
            find is None
            or operator.changes_indexed
            or operator.changes_key
            or operator.access.table.oid not in compiled.written
        ):
            return None
        return PointUpdate(session, compiled, operator, find)
    if type(operator) is Insert:
        source = operator.child
        access = operator.plain_target()
        if access is None or type(source) is not ValuesRows or source.row_count != 1:
            return None
        table = access.table
        if any(one.kind == "f" for one in table.constraints) or compiled.catalog.foreign_keys_to(table.oid):
            return None
        return PointInsert(session, compiled, operator, source)
    return None


def _writable(transaction: Any, table_oid: int) -> Transaction | None:
    """The transaction, if it may write the table right now."""
    if transaction is None or transaction.read_only or transaction.isolation is not Isolation.READ_COMMITTED:
        return None
    if not transaction.lock_table_at_once(table_oid, ROW_EXCLUSIVE):
        return None
    transaction.statement_snapshot()
    found: Transaction = transaction
    return found
