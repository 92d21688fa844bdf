"""RowWriter: puts, replaces and deletes rows of one table in a transaction, with constraints and index entries.

Order for every row, as the transaction asks: lock the key, look at its newest version, decide, write. Uniqueness is
checked against the newest committed state under the lock, so two sessions cannot both pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError
from datacave_core.keycode import key_successor
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.transaction import ELSEWHERE, KEY_SHARE, UPDATE, Transaction
from datacave_core.values import Row
from datacave_core.wait import Steps, wait_for
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.disclosure import may_show, readable_columns
from datacave_sql.exec.exclusion import exclusion_violation, find_excluded
from datacave_sql.exec.foreign_keys import guard_for
from datacave_sql.exec.late_checks import LateChecks
from datacave_sql.exec.triggers import row_triggers
from datacave_sql.table.access import IndexAccess, TableAccess
from datacave_sql.table.exclusion import ExclusionAccess


class ViewCheck(str):
    """The name of a view whose check option a row does not meet."""

    __slots__ = ()


class RowWriter:
    """Writes rows of one table for one statement."""

    def __init__(self, context: ExecutionContext, access: TableAccess) -> None:
        self.context = context
        self.access = access
        self.transaction: Transaction = context.transaction
        self._row_id: Callable[[], int] = context.session.database.row_ids.allocator(access.table.storage_id)
        self._guard = guard_for(context, access, RowWriter)
        self._later = LateChecks(context, access, self.unique_violation)
        self.triggers = row_triggers(context, access)
        self._counts = context.counts(access.table.oid)

    @property
    def guarded(self) -> bool:
        """Whether foreign keys ask for each row that is written."""
        return self._guard is not None

    def check_not_null(self, row: Row) -> None:
        """Raises 23502 for a NULL in a NOT NULL column."""
        for slot in self.access.not_null_slots:
            if row[slot] is None:
                name = self.access.table.columns[slot].name
                raise DatacaveError(
                    f'null value in column "{name}" of relation "{self.access.table.name}"'
                    " violates not-null constraint",
                    sqlstate=sqlstate.NOT_NULL_VIOLATION,
                    detail=self._failing(row),
                    schema=self._schema(),
                    table=self.access.table.name,
                    column=name,
                )

    def check_all_not_null(self, rows: list[Row]) -> None:
        """The same for many rows."""
        for slot in self.access.not_null_slots:
            for row in rows:
                if row[slot] is None:
                    self.check_not_null(row)

    def partition_failed(self, row: Row) -> DatacaveError:
        """The error of a row that belongs to another partition."""
        return DatacaveError(
            f'new row for relation "{self.access.table.name}" violates partition constraint',
            sqlstate=sqlstate.CHECK_VIOLATION,
            detail=self._failing(row),
            schema=self._schema(),
            table=self.access.table.name,
        )

    def check_failed(self, name: str | tuple[str, str, str], row: Row) -> DatacaveError:
        """The error of a violated CHECK constraint, of row security (three words, see the plan's CheckName), or of the
        check option of a view; without a name, of the bound of a partition."""
        if isinstance(name, tuple):
            place, policy, table = name
            row_word = "target" if place == "target" else "new"
            named = f' "{policy}"' if policy else ""
            using = " (USING expression)" if place in ("existing", "target") else ""
            return DatacaveError(
                f'{row_word} row violates row-level security policy{named}{using} for table "{table}"',
                sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            )
        if not name:
            return self.partition_failed(row)
        if isinstance(name, ViewCheck):
            return DatacaveError(
                f'new row violates check option for view "{name}"',
                sqlstate=sqlstate.WITH_CHECK_OPTION_VIOLATION,
                detail=self._failing(row),
            )
        return DatacaveError(
            f'new row for relation "{self.access.table.name}" violates check constraint "{name}"',
            sqlstate=sqlstate.CHECK_VIOLATION,
            detail=self._failing(row),
            schema=self._schema(),
            table=self.access.table.name,
            constraint=name,
        )

    def _schema(self) -> str | None:
        name: str | None = self.context.catalog.schema_name(self.access.table.schema_oid)
        return name

    def _failing(self, row: Row) -> str | None:
        """The detail that shows a row, as far as the current role could have read it."""
        whole, columns = readable_columns(self.context.session, self.access.table)
        if not columns:
            return None
        texts = []
        for column in columns:
            value = row[column.number - 1]
            texts.append("null" if value is None else self._text(column.type_oid, value))
        names = "" if whole else f"({', '.join(column.name for column in columns)}) = "
        return f"Failing row contains {names}({', '.join(texts)})."

    def _text(self, type_oid: int, value: Any) -> str:
        return self.access.types.io(type_oid).output(value, self.context.session.format_settings)

    def conflict_key(self, index: IndexAccess, row: Row) -> bytes | None:
        """The unique key of a row in an index (the row's own key for the clustered one)."""
        return index.unique_key(row)

    def find_conflict(self, index: IndexAccess, row: Row) -> Steps[bytes | None]:
        """Locks the row's unique key; the key of the table row that has it already, or None."""
        if isinstance(index, ExclusionAccess):
            excluded = yield from find_excluded(self.context, self.access, index, row)
            return excluded[0] if excluded is not None else None
        key = index.unique_key(row)
        if key is None:
            return None
        wait = self.transaction.lock(key, UPDATE)
        if wait is not None:
            yield from wait_for(wait)
        return (yield from self._holder(index, key))

    def _holder(self, index: IndexAccess, key: bytes) -> Steps[bytes | None]:
        """The key of the table row that has a locked unique key, or None. A row that somebody else is about to take
        away, or to give another value, is waited for."""
        transaction = self.transaction
        while True:
            version = transaction.get_latest_version(key)
            if version is None:
                return None
            if version.row is None:
                transaction.check_vacant(key, version)
                if index.index.index_number == 0:
                    transaction.moved.append((key, key))
                return None
            holder: bytes = key if index.index.index_number == 0 else version.row[0]
            if holder == key or transaction.could_lock(holder, KEY_SHARE):
                return holder
            wait = transaction.lock(holder, KEY_SHARE)
            if wait is not None:
                yield from wait_for(wait)

    def find_present(self, index: IndexAccess, row: Row) -> bytes | None:
        """The same without a lock, where it is certain: somebody has the value, and nobody is about to change that."""
        key = None if isinstance(index, ExclusionAccess) else index.unique_key(row)
        transaction = self.transaction
        if key is None or not transaction.could_lock(key, KEY_SHARE):
            return None
        found = transaction.get_latest(key)
        if found is None:
            return None
        holder: bytes = key if index.index.index_number == 0 else found[0]
        return holder if holder == key or transaction.could_lock(holder, KEY_SHARE) else None

    def unique_violation(self, index: IndexAccess, row: Row) -> DatacaveError:
        """The error of a value that a unique index has already; raises 40001 where SERIALIZABLE transactions have
        read that there is no such row, because then another one has come in between. The error tells the transaction
        of a row, so that counts as a read."""
        key = index.unique_key(row)
        if key is not None:
            self.transaction.meet_readers(key)
            self.transaction.meet_readers(self.access.row_key(row, self._row_id))
            self.transaction.note_read(key)
        values = index.values(row)
        names, types = self.access.describe_key(index.index)
        visible = may_show(self.context.session, self.access.table, [key.column for key in index.index.keys])
        shown = ", ".join(
            "null" if value is None else self._text(type_oid, value)
            for value, type_oid in zip(values, types, strict=True)
        )
        return DatacaveError(
            f'duplicate key value violates unique constraint "{index.index.name}"',
            sqlstate=sqlstate.UNIQUE_VIOLATION,
            detail=f"Key ({names})=({shown}) already exists." if visible else None,
            schema=self._schema(),
            table=self.access.table.name,
            constraint=index.index.name,
        )

    def check_excluded(self, index: ExclusionAccess, row: Row, own: bytes | None = None) -> Steps[None]:
        """Raises 23P01 for a row that an exclusion constraint does not allow beside another."""
        found = yield from find_excluded(self.context, self.access, index, row, own)
        if found is not None:
            self.transaction.note_read(found[0])
            raise exclusion_violation(self.context, self.access, index, row, found[1], creating=False)

    def unfit_arbiter(self, index: IndexAccess) -> DatacaveError:
        """The error of an ON CONFLICT that a constraint which is checked later would have to decide."""
        return DatacaveError(
            "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters",
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            schema=self._schema(),
            table=self.access.table.name,
            constraint=index.index.name,
        )

    def insert(self, row: Row) -> Steps[bytes]:
        """Inserts a complete row whose constraints other than uniqueness hold; returns its key. Raises 23505."""
        access, transaction = self.access, self.transaction
        for index in access.indexes:
            if index.index.deferrable:
                self._later.note(index, row)
            elif isinstance(index, ExclusionAccess):
                yield from self.check_excluded(index, row)
            elif index.index.unique and (yield from self.find_conflict(index, row)) is not None:
                raise self.unique_violation(index, row)
        key = access.row_key(row, self._row_id)
        transaction.put(key, row if access.to_physical is None else access.to_physical(row))
        for index in access.secondary:
            entry = index.entry_key(row, key)
            if entry is not None:
                transaction.put(entry, (key,))
        for inverted in access.inverted:
            transaction.put_all(dict.fromkeys(inverted.entry_keys(row, key), (key,)))
        self._counts.inserted += 1
        if self._guard is not None:
            self._guard.inserted(row)
        return key

    def insert_many(self, rows: list[Row]) -> Steps[None]:
        """Inserts complete rows whose other constraints hold. Raises 23505, then some of them may be written.

        Keys are encoded, locked and checked for all rows of a unique index at once: where nothing lies between the
        least and the greatest new key, as for rows that come in order, no row has to be looked up.
        """
        access, transaction = self.access, self.transaction
        store = transaction.manager.store
        unique = {}
        if any(
            (one.index.unique and not one.is_plain) or one.index.deferrable or one.index.exclusion
            for one in access.indexes
        ):
            for row in rows:
                yield from self.insert(row)
            return
        for index in access.indexes:
            if not index.index.unique:
                continue
            slots = [slot for slot in index.slots if slot not in access.not_null_slots]
            if not index.index.nulls_not_distinct and any(row[slot] is None for slot in slots for row in rows):
                for row in rows:
                    yield from self.insert(row)
                return
            keys = index.encode_rows(rows)
            unique[index.index.index_number] = keys
            wait = transaction.lock_all(keys, UPDATE)
            while wait is not None:
                yield from wait_for(wait)
                wait = transaction.lock_all(keys, UPDATE)
            low, high = min(keys), key_successor(max(keys))
            written = transaction.writes
            own = bool(written) and not written.keys().isdisjoint(keys)
            if len(set(keys)) != len(keys) or own or store.newest_in_range(low, high, 0) is not None:
                seen: set[bytes] = set()
                for key, row in zip(keys, rows, strict=True):
                    if key in seen or (yield from self._holder(index, key)) is not None:
                        raise self.unique_violation(index, row)
                    seen.add(key)
        row_keys = unique[0] if access.clustered is not None else [access.row_key(row, self._row_id) for row in rows]
        convert = access.rows.to_physical_rows
        transaction.put_all(dict(zip(row_keys, rows if convert is None else convert(rows), strict=True)))
        self._counts.inserted += len(rows)
        for index in access.secondary:
            entries = unique.get(index.index.index_number)
            holders = row_keys
            if entries is None:
                held = rows
                if not index.is_plain:
                    places = [place for place, row in enumerate(rows) if index.covers(row)]
                    held = [rows[place] for place in places]
                    holders = [row_keys[place] for place in places]
                entries = [
                    entry + key[PREFIX_LENGTH:] for entry, key in zip(index.encode_rows(held), holders, strict=True)
                ]
            transaction.put_all({entry: (key,) for entry, key in zip(entries, holders, strict=True)})
        for inverted in access.inverted:
            transaction.put_all(
                {
                    entry: (key,)
                    for key, row in zip(row_keys, rows, strict=True)
                    for entry in inverted.entry_keys(row, key)
                }
            )
        if self._guard is not None:
            for row in rows:
                self._guard.inserted(row)

    def lock_row(self, key: bytes, mode: int = UPDATE) -> Steps[Row | None]:
        """Locks a row for writing and gives its newest SQL row; None if it has been deleted meanwhile.

        Raises 40001 at REPEATABLE READ and above if another transaction changed it since the snapshot.
        """
        transaction = self.transaction
        wait = transaction.lock(key, mode)
        if wait is not None:
            yield from wait_for(wait)
        transaction.check_write(key)
        version = transaction.get_latest_version(key)
        if version is None or version.row is None:
            return None
        return version.row if self.access.from_physical is None else self.access.from_physical(version.row)

    def lock_newest(self, key: bytes, mode: int = UPDATE, *, seen: bool = True) -> Steps[tuple[bytes, Row] | None]:
        """The same for a row that the snapshot shows, following it where it has got another key since; its key and row.

        A row that has been inserted under the key of a deleted one is another row; one that is not `seen` in the
        snapshot, but found among the newest rows, is whichever has the key.
        """
        transaction = self.transaction
        if not seen:
            row = yield from self.lock_row(key, mode)
            return (key, row) if row is not None else None
        place: bytes | None = key
        while place is not None:
            row = yield from self.lock_row(place, mode)
            now = transaction.place_of(key)
            if now == place:
                return (place, row) if row is not None else None
            place = now
        return None

    def update(self, key: bytes, old: Row, new: Row) -> Steps[bytes]:
        """Replaces a locked row; moves it if its key columns have changed. Raises 23505."""
        access, transaction = self.access, self.transaction
        new_key = key
        moved = False
        indexed = False
        clustered = access.clustered
        if clustered is not None and clustered.values(new) != clustered.values(old):
            if (yield from self.find_conflict(clustered, new)) is not None:
                raise self.unique_violation(clustered, new)
            new_key = access.row_key(new, self._row_id)
            moved = True
        for index in access.secondary:
            if not moved and index.is_plain and index.values(old) == index.values(new):
                continue
            old_entry = index.entry_key(old, key)
            new_entry = index.entry_key(new, new_key)
            # Entries of exclusion constraints do not show all values.
            changed = new_entry != old_entry or (index.index.exclusion and index.values(old) != index.values(new))
            if changed:
                if index.index.deferrable:
                    self._later.note(index, new)
                elif isinstance(index, ExclusionAccess):
                    yield from self.check_excluded(index, new, key)
                elif index.index.unique:
                    holder = yield from self.find_conflict(index, new)
                    if holder is not None and holder != key:
                        raise self.unique_violation(index, new)
                indexed = True
                if old_entry is not None and new_entry != old_entry:
                    transaction.delete(old_entry)
            if new_entry is not None and (moved or new_entry != old_entry):
                transaction.put(new_entry, (new_key,))
        for inverted in access.inverted:
            before, after = inverted.entry_keys(old, key), inverted.entry_keys(new, new_key)
            indexed = indexed or before != after
            for entry in before - after:
                transaction.delete(entry)
            # The entries of a row that moves lie elsewhere, since they end with its key.
            transaction.put_all(dict.fromkeys(after - before, (new_key,)))
        written = new if access.to_physical is None else access.to_physical(new)
        if moved:
            transaction.move(key, new_key, written)
        else:
            transaction.put(new_key, written)
        self._counts.updated += 1
        if not (moved or indexed):
            self._counts.updated_hot += 1
        if self._guard is not None:
            self._guard.updated(old, new)
        return new_key

    def delete(self, key: bytes, row: Row) -> None:
        """Deletes a locked row and its index entries."""
        self._remove(key, row)
        if self._guard is not None:
            self._guard.deleted(row)

    def move(self, key: bytes, row: Row, new: Row, whole: Table | None) -> None:
        """Deletes a locked row that leaves for another partition of `whole`, where it will be `new`. Raises 0A000."""
        self._remove(key, row)
        self.transaction.moved.append((key, ELSEWHERE))
        if self._guard is not None and whole is not None:
            self._guard.moved(row, new, whole)

    def _remove(self, key: bytes, row: Row) -> None:
        transaction = self.transaction
        transaction.delete(key)
        self._counts.deleted += 1
        for index in self.access.secondary:
            entry = index.entry_key(row, key)
            if entry is not None:
                transaction.delete(entry)
        for inverted in self.access.inverted:
            for entry in inverted.entry_keys(row, key):
                transaction.delete(entry)

    def finish(self) -> Steps[None]:
        """Called when the statement has written all its rows: what was left for its end is checked and followed.

        Raises 23505, 23P01, 23503.
        """
        if self._later.pending:
            yield from self._later.finish()
        if self._guard is not None:
            yield from self._guard.finish()
