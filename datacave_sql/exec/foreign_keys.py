"""KeyGuard: foreign keys of the rows that one statement writes, in both directions.

The writer tells the guard about every row; the guard looks at the keys when the statement has written everything, as
PostgreSQL does, so that rows of one statement may refer to each other. Who refers locks the row it refers to FOR KEY
SHARE; who deletes that row or changes its key has it locked FOR UPDATE, so one of the two waits and then sees what the
other has done. Checks of deferred constraints run before the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import (
    REFERENCED_DELETE,
    REFERENCED_UPDATE,
    REFERRING_INSERT,
    REFERRING_UPDATE,
    Constraint,
    Table,
    key_firing,
    whole_key,
)
from datacave_core.errors import DatacaveError, FeatureNotSupported, SerializationFailure
from datacave_core.transaction import KEY_SHARE, UPDATE, Isolation, TableLockMode, Transaction
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, wait_for
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.disclosure import may_show
from datacave_sql.exec.newest_rows import KeyedRow, newest_pairs, newest_rows
from datacave_sql.exec.referenced_keys import Key, Place, ReferencedKeys, key_values
from datacave_sql.exec.suspension import suspendable
from datacave_sql.table.access import IndexAccess, TableAccess

Writer = Any
"""A RowWriter; that module makes guards, so it cannot be named here."""


def guard_for(
    context: ExecutionContext, access: TableAccess, make_writer: Callable[[ExecutionContext, TableAccess], Writer]
) -> KeyGuard | None:
    """The guard of a table's writer; None for tables without foreign keys in either direction, or with none whose
    triggers fire: ALTER TABLE DISABLE TRIGGER ALL switches them off, and where session_replication_role is replica,
    which has seen to the keys already, only those fire that were switched to it."""
    table = access.table
    outgoing = [one for one in table.constraints if one.kind == "f"]
    incoming = context.session.catalog_snapshot.references_to(table)
    if not outgoing and not incoming:
        return None
    replica = context.session.settings.value("session_replication_role") == "replica"
    guard = KeyGuard(context, access, make_writer, outgoing, incoming)
    if table.key_switches or replica:
        return guard if guard.keep_firing(key_firing(table, replica)) else None
    return guard


class KeyGuard:
    """What one statement's writer has done to keys."""

    __slots__ = (
        "_access", "_context", "_gone", "_incoming", "_make_writer", "_new", "_outgoing", "_when_deleted",
        "_when_inserted", "_when_rekeyed", "_when_updated",
    )  # fmt: skip

    def __init__(
        self,
        context: ExecutionContext,
        access: TableAccess,
        make_writer: Callable[[ExecutionContext, TableAccess], Writer],
        outgoing: list[Constraint],
        incoming: tuple[tuple[Table, Constraint, tuple[int, ...]], ...],
    ) -> None:
        self._context = context
        self._access = access
        self._make_writer = make_writer
        self._outgoing = outgoing
        # The rows of partitioned tables are in their partitions, which have parts of the constraint.
        self._incoming = [one for one in incoming if one[0].kind != "p"]
        self._when_inserted = self._when_updated = outgoing
        self._when_deleted = self._when_rekeyed = self._incoming
        self._new: dict[int, dict[Key, None]] = {}  # constraint -> keys that rows refer to now
        self._gone: dict[int, dict[Key, Key | None]] = {}  # constraint -> keys that are gone; what they became

    def keep_firing(self, fires: Callable[[int, int], bool]) -> bool:
        """Leaves alone what triggers that do not fire would see to; whether anything is left. `fires` is asked with
        constraints and places of their triggers."""
        catalog = self._context.session.catalog_snapshot
        wholes = [(one, whole_key(catalog, one[0], one[1])[1].oid) for one in self._incoming]
        self._when_inserted = [one for one in self._outgoing if fires(one.oid, REFERRING_INSERT)]
        self._when_updated = [one for one in self._outgoing if fires(one.oid, REFERRING_UPDATE)]
        self._when_deleted = [one for one, oid in wholes if fires(oid, REFERENCED_DELETE)]
        self._when_rekeyed = [one for one, oid in wholes if fires(oid, REFERENCED_UPDATE)]
        return bool(self._when_inserted or self._when_updated or self._when_deleted or self._when_rekeyed)

    def inserted(self, row: Row) -> None:
        """A new row."""
        for constraint in self._when_inserted:
            self._refers(constraint, row)

    def updated(self, old: Row, new: Row) -> None:
        """A changed row."""
        for constraint in self._when_updated:
            columns = constraint.columns
            if any(old[number - 1] != new[number - 1] for number in columns):
                self._refers(constraint, new)
        for _, constraint, numbers in self._when_rekeyed:
            before, after = key_values(old, numbers), key_values(new, numbers)
            if before != after and None not in before:
                self._gone.setdefault(constraint.oid, {})[before] = after

    def deleted(self, row: Row) -> None:
        """A deleted row."""
        for _, constraint, numbers in self._when_deleted:
            key = key_values(row, numbers)
            if None not in key:
                self._gone.setdefault(constraint.oid, {})[key] = None

    def moved(self, row: Row, new: Row, whole: Table) -> None:
        """A row that leaves for another partition of `whole`, whose columns the new row has. Raises 0A000."""
        catalog = self._context.session.catalog_snapshot
        above = {whole.oid}
        upper = whole
        while upper.partition_bound is not None and upper.parents:
            upper = catalog.tables[upper.parents[0]]
            above.add(upper.oid)
        for _, constraint, numbers in self._when_rekeyed:
            key = key_values(row, numbers)
            if None in key:
                continue
            after = None
            if constraint.referenced_table_oid in above:
                own = self._access.table
                names = [own.column(number).name for number in numbers]
                after = key_values(new, [whole.columns_by_name[name].number for name in names])
            elif constraint.referenced_table_oid != self._access.table.oid:
                referenced = catalog.tables[constraint.referenced_table_oid]
                raise FeatureNotSupported(
                    "cannot move tuple across partitions when a non-root ancestor of the source partition is directly "
                    "referenced in a foreign key",
                    detail=f'A foreign key points to ancestor "{referenced.name}" but not the root ancestor '
                    f'"{whole.name}".',
                    hint=f'Consider defining the foreign key on table "{whole.name}".',
                )
            if after != key:
                self._gone.setdefault(constraint.oid, {})[key] = after

    def _refers(self, constraint: Constraint, row: Row) -> None:
        key = key_values(row, constraint.columns)
        if None in key:
            if constraint.match == "f" and any(value is not None for value in key):
                raise mixed_key(self._context, self._access.table, constraint)
            return
        self._new.setdefault(constraint.oid, {})[key] = None

    def finish(self) -> Steps[None]:
        """Carries out what follows from the written rows. Raises 23503."""
        for referring, constraint, _ in self._incoming:
            gone = self._gone.pop(constraint.oid, None)
            if gone:
                yield from self._follow(ReferencedKeys(self._context, referring, constraint), referring, gone)
        for constraint in self._outgoing:
            keys = self._new.pop(constraint.oid, None)
            if keys:
                if is_deferred(self._context.session, constraint):
                    self._defer(constraint, self._access.table.oid, keys, inserting=True)
                else:
                    yield from check_present(self._context, self._access.table, constraint, keys)

    def _defer(self, constraint: Constraint, referring_oid: int, keys: Iterable[Key], *, inserting: bool) -> None:
        table_oid = self._access.table.oid
        hook = DeferredCheck(self._context.session, constraint.oid, referring_oid, table_oid, set(keys), inserting)
        self._context.transaction.before_commit.append(hook)

    def _follow(self, keys: ReferencedKeys, referring: Table, gone: dict[Key, Key | None]) -> Steps[None]:
        constraint = keys.constraint
        deleted: dict[Key, Key | None] = {key: None for key, after in gone.items() if after is None}
        changed: dict[Key, Key | None] = {key: after for key, after in gone.items() if after is not None}
        for action, found in ((constraint.on_delete, deleted), (constraint.on_update, changed)):
            if not found:
                continue
            if action == "a" and is_deferred(self._context.session, constraint):
                self._defer(constraint, referring.oid, found, inserting=False)
            elif action in "ar":
                yield from self._check_unreferenced(referring, constraint, found, restrict=action == "r")
            else:
                yield from self._carry(keys, referring, action, found)

    def _check_unreferenced(
        self, referring: Table, constraint: Constraint, keys: Iterable[Key], *, restrict: bool
    ) -> Steps[None]:
        table = self._access.table
        yield from check_unreferenced(self._context, referring, constraint, keys, table, restrict=restrict)

    def _carry(
        self, referenced: ReferencedKeys, referring: Table, action: str, keys: dict[Key, Key | None]
    ) -> Steps[None]:
        """CASCADE, SET NULL and SET DEFAULT on the referring rows."""
        context, constraint = self._context, referenced.constraint
        wait = context.transaction.lock_table(referring.oid, TableLockMode.ROW_EXCLUSIVE)
        if wait is not None:
            yield from wait_for(wait)
        access = context.session.catalog_state.access(referring)
        wanted = {own: key for key in keys if (own := referenced.referring_key(key)) is not None}
        locked: set[bytes] = set()
        # While one waits for rows, others may give them other keys; what has been locked stays as it is.
        while True:
            found: dict[bytes, Row] = {}
            for batch in referring_rows(context, access, constraint, wanted):
                found.update(pair for pair in batch if pair[0] not in locked)
                if context.slice_over():
                    yield TURN
            if not found:
                break
            locked.update(found)
            if action == "c" and all(after is None for after in keys.values()):
                yield from self._delete(access, constraint, found, wanted)
            else:
                yield from self._rewrite(referenced, referring, action, found, keys, wanted)
        if action == "d":
            # The defaults may be the very key that is gone.
            yield from self._check_unreferenced(referring, constraint, keys, restrict=False)

    def _delete(
        self, access: TableAccess, constraint: Constraint, found: Iterable[bytes], wanted: Mapping[Key, Key]
    ) -> Steps[None]:
        writer = self._make_writer(self._context, access)
        for place in found:
            old = yield from writer.lock_row(place)
            if old is not None and key_values(old, constraint.columns) in wanted:
                triggers = writer.triggers
                if triggers is not None:
                    if (yield from triggers.before_write(writer, place, UPDATE, old, None)) is None:
                        continue
                    triggers.after("d", old, None)
                writer.delete(place, old)
            if self._context.slice_over():
                yield TURN
        yield from writer.finish()

    def _rewrite(
        self,
        referenced: ReferencedKeys,
        referring: Table,
        action: str,
        found: Mapping[bytes, Row],
        keys: Mapping[Key, Key | None],
        wanted: Mapping[Key, Key],
    ) -> Steps[None]:
        context, constraint = self._context, referenced.constraint
        rows: dict[Key, list[bytes]] = {}
        for place, row in found.items():
            rows.setdefault(key_values(row, constraint.columns), []).append(place)
        whole, part = whole_key(context.session.catalog_snapshot, referring, constraint)
        deleted = all(after is None for after in keys.values())
        operator = context.session.catalog_state.referential_update(context.session, whole, part, action, deleted)
        changes = []
        for own, places in rows.items():
            after = keys[wanted[own]]
            given = referenced.assigned_key(after) if action == "c" and after is not None else ()
            changes.append((ExecutionContext(context.session, context.transaction, (*given, *own)), places))
        yield from suspendable(operator.rewrite(changes))


def mixed_key(context: ExecutionContext, table: Table, constraint: Constraint) -> DatacaveError:
    """The error of a key that is NULL in part under MATCH FULL."""
    return DatacaveError(
        f'insert or update on table "{table.name}" violates foreign key constraint "{constraint.name}"',
        sqlstate=sqlstate.FOREIGN_KEY_VIOLATION,
        detail="MATCH FULL does not allow mixing of null and nonnull key values.",
        schema=context.catalog.schema_name(table.schema_oid),
        table=table.name,
        constraint=constraint.name,
    )


class DeferredCheck:
    """A check that waits for the commit (Transaction.before_commit) or for SET CONSTRAINTS IMMEDIATE."""

    __slots__ = ("_inserting", "_keys", "_session", "constraint_oid", "referring_oid", "table_oid")

    def __init__(
        self,
        session: Any,
        constraint_oid: int,
        referring_oid: int,
        table_oid: int,
        keys: set[Key],
        inserting: bool,
    ) -> None:
        """`table_oid` is the table that has been written."""
        self._session = session
        self.constraint_oid = constraint_oid
        self.referring_oid = referring_oid
        self.table_oid = table_oid
        self._keys = keys
        self._inserting = inserting

    def __call__(self) -> Steps[None]:
        session = self._session
        referring = session.catalog_snapshot.tables.get(self.referring_oid)
        table = session.catalog_snapshot.tables.get(self.table_oid)
        constraint = (
            next((one for one in referring.constraints if one.oid == self.constraint_oid), None)
            if (referring is not None)
            else None
        )
        if constraint is None or table is None:
            return
        context = ExecutionContext(session, session.transaction, ())
        if not self._inserting:
            yield from check_unreferenced(context, referring, constraint, self._keys, table, restrict=False)
            return
        # Rows that refer to nothing may be gone again.
        access = session.catalog_state.access(referring)
        still = {
            key_values(row, constraint.columns)
            for batch in referring_rows(context, access, constraint, self._keys)
            for _, row in batch
        }
        yield from check_present(context, referring, constraint, self._keys & still)


def is_deferred(session: Any, constraint: Constraint) -> bool:
    """Whether a constraint is checked at the commit of the running transaction."""
    if not constraint.deferrable:
        return False
    modes: dict[int, bool] = session.evaluation.constraint_modes
    return modes.get(constraint.oid, modes.get(0, constraint.initially_deferred))


def check_present(
    context: ExecutionContext,
    referring: Table,
    constraint: Constraint,
    keys: Iterable[Key],
    *,
    snapshot_counts: bool = True,
) -> Steps[None]:
    """Locks the rows that keys refer to, so that they stay. Raises 23503 for a key that is not there.

    With one snapshot for the whole transaction (if `snapshot_counts`) only rows that it shows can be referred to, as in
    PostgreSQL; raises 40001 for one that others have taken away since.
    """
    transaction = context.transaction
    referenced = ReferencedKeys(context, referring, constraint)
    wait = transaction.lock_table(referenced.table.oid, TableLockMode.ROW_SHARE)
    if wait is not None:
        yield from wait_for(wait)
    snapshot_counts = snapshot_counts and transaction.isolation is not Isolation.READ_COMMITTED
    for key in keys:
        place = referenced.place(key)
        there = False
        if place is not None:
            there = yield from _lock_referenced(context, place)
            if snapshot_counts:
                there = _may_refer(transaction, place, there, partitioned=referenced.table.kind == "p")
            elif not there and place[0].index.index_number == 0:
                transaction.place_of(place[1])  # raises 40001 for one that has gone to another partition
        if not there:
            raise DatacaveError(
                f'insert or update on table "{referring.name}" violates foreign key constraint "{constraint.name}"',
                sqlstate=sqlstate.FOREIGN_KEY_VIOLATION,
                detail=f"Key{_shown(context, referring, constraint.columns, key)} is not present in table"
                f' "{referenced.table.name}".',
                schema=context.catalog.schema_name(referring.schema_oid),
                table=referring.name,
                constraint=constraint.name,
            )


def _lock_referenced(context: ExecutionContext, place: Place) -> Steps[bool]:
    transaction = context.transaction
    index, entry = place
    if index.index.index_number == 0:
        wait = transaction.lock(entry, KEY_SHARE)
        if wait is not None:
            yield from wait_for(wait)
        return transaction.get_latest(entry) is not None
    while True:
        found = transaction.get_latest(entry)
        if found is None:
            return False
        wait = transaction.lock(found[0], KEY_SHARE)
        if wait is not None:
            yield from wait_for(wait)
        if transaction.get_latest(entry) == found:
            return True


def _may_refer(transaction: Transaction, place: Place, there: bool, *, partitioned: bool) -> bool:
    """Whether a locked entry that is there now, or not, is one that the transaction's snapshot shows.

    PostgreSQL looks for keys of partitioned tables as they stand at the moment; here a SERIALIZABLE transaction that
    refers to what it does not see cannot commit. Raises SerializationFailure.
    """
    index, entry = place
    if entry in transaction.writes:
        return there
    shown = transaction.get(entry)
    if shown is None:
        if there and partitioned:
            transaction.note_read(entry)
            return True
        return False
    holder = entry if index.index.index_number == 0 else shown[0]
    if not there or transaction.place_of(holder) is None:
        raise SerializationFailure("could not serialize access due to concurrent update")
    return True


def check_unreferenced(
    context: ExecutionContext,
    referring: Table,
    constraint: Constraint,
    keys: Iterable[Key],
    source: Table,
    *,
    restrict: bool,
) -> Steps[None]:
    """Raises 23503 if a row still refers to a key that is gone from `source`, the referenced table or a partition of
    it. Rows that others are taking away are waited for. Without `restrict` the key may have come back."""
    transaction = context.transaction
    wait = transaction.lock_table(referring.oid, TableLockMode.ROW_SHARE)
    if wait is not None:
        yield from wait_for(wait)
    referenced = ReferencedKeys(context, referring, constraint)

    def is_there(key: Key) -> bool:
        place = referenced.own_place(key)
        return place is not None and transaction.get_latest(place[1]) is not None

    gone = {
        own: key
        for key in keys
        if (restrict or not is_there(key)) and (own := referenced.referring_key(key)) is not None
    }
    if not gone:
        return
    access = context.session.catalog_state.access(referring)
    while True:
        found = next((pair for batch in referring_rows(context, access, constraint, gone) for pair in batch), None)
        if found is None:
            return
        place, row = found
        if transaction.could_lock(place, KEY_SHARE):
            transaction.note_read(place)
            raise _still_referenced(context, referring, constraint, gone[key_values(row, constraint.columns)], source)
        # Somebody else is about to take the row away.
        wait = transaction.lock(place, KEY_SHARE)
        if wait is not None:
            yield from wait_for(wait)
        if transaction.isolation is not Isolation.READ_COMMITTED:
            version = transaction.get_latest_version(place)
            if version is not None and version.timestamp > transaction.snapshot:
                raise SerializationFailure("could not serialize access due to concurrent update")


def removed_key(
    context: ExecutionContext, referring: Table, constraint: Constraint, key: Key, partition: Table
) -> DatacaveError:
    """23503 of DETACH PARTITION."""
    whole, part = whole_key(context.session.catalog_snapshot, referring, constraint)
    shown = _shown(context, referring, constraint.columns, key)
    return DatacaveError(
        f'removing partition "{partition.name}" violates foreign key constraint "{part.name}"',
        sqlstate=sqlstate.FOREIGN_KEY_VIOLATION,
        detail=f'Key{shown} is still referenced from table "{whole.name}".',
        schema=context.catalog.schema_name(whole.schema_oid),
        table=whole.name,
        constraint=part.name,
    )


def _still_referenced(
    context: ExecutionContext, referring: Table, constraint: Constraint, key: Key, source: Table
) -> DatacaveError:
    numbers = constraint.referenced_columns
    referenced = context.session.catalog_snapshot.tables[constraint.referenced_table_oid]
    referring, constraint = whole_key(context.session.catalog_snapshot, referring, constraint)
    return DatacaveError(
        f'update or delete on table "{source.name}" violates foreign key constraint "{constraint.name}"'
        f' on table "{referring.name}"',
        sqlstate=sqlstate.FOREIGN_KEY_VIOLATION,
        detail=f'Key{_shown(context, referenced, numbers, key)} is still referenced from table "{referring.name}".',
        schema=context.catalog.schema_name(referring.schema_oid),
        table=referring.name,
        constraint=constraint.name,
    )


def referring_rows(
    context: ExecutionContext, access: TableAccess, constraint: Constraint, keys: Iterable[Key]
) -> Iterator[list[KeyedRow]]:
    """The newest rows that refer to one of the keys: through an index that begins with the columns, or by a scan."""
    wanted = set(keys)
    width = len(constraint.columns)
    slots = {number - 1 for number in constraint.columns}
    index = next(
        (one for one in access.indexes if one.is_plain and len(one.slots) >= width and set(one.slots[:width]) == slots),
        None,
    )
    if index is None:
        for batch in newest_rows(context.transaction, access):
            found = [pair for pair in batch if key_values(pair[1], constraint.columns) in wanted]
            if found:
                yield found
        return
    for key in wanted:
        by_column = dict(zip(constraint.columns, key, strict=True))
        low, high = index.codec.key_range([by_column[slot + 1] for slot in index.slots[:width]])
        for batch in newest_pairs(context.transaction, low, high):
            yield _rows_of(context, access, index, batch)


def _rows_of(
    context: ExecutionContext, access: TableAccess, index: IndexAccess, batch: list[KeyedRow]
) -> list[KeyedRow]:
    if index.index.index_number:
        get = context.transaction.get_latest
        batch = [(row[0], found) for _, row in batch if (found := get(row[0])) is not None]
    convert = access.from_physical
    return batch if convert is None else [(key, convert(row)) for key, row in batch]


def _shown(context: ExecutionContext, table: Table, columns: tuple[int, ...], key: Key) -> str:
    """The columns and values of a key in an error's detail; nothing of what the role may not read."""
    if not may_show(context.session, table, columns):
        return ""
    settings = context.session.format_settings
    types = context.session.catalog_state.types
    found = [table.column(number) for number in columns]
    names = ", ".join(column.name for column in found)
    values = ", ".join(
        "null" if value is None else types.io(column.type_oid).output(value, settings)
        for column, value in zip(found, key, strict=True)
    )
    return f" ({names})=({values})"
