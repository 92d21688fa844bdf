"""KeyGuard: foreign keys of the rows that one statement writes, in both directions.

The writer tells the guard about every row; the guard looks at the keys when the statement has written everything, as
PostgreSQL does, so that rows of one statement may refer to each other. Who refers locks the row it refers to FOR KEY
SHARE; who deletes that row or changes its key has it locked FOR UPDATE, so one of the two waits and then sees what the
other has done. Checks of deferred constraints run before the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Constraint, Table
from datacave_core.errors import DatacaveError
from datacave_core.transaction import KEY_SHARE, TableLockMode
from datacave_core.values import Row
from datacave_core.wait import Steps, wait_for
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.disclosure import may_show
from datacave_sql.exec.newest_rows import KeyedRow, newest_pairs, newest_rows
from datacave_sql.table.access import IndexAccess, TableAccess

Key = tuple[Any, ...]
Writer = Any
"""A RowWriter; that module makes guards, so it cannot be named here."""


def guard_for(
    context: ExecutionContext, access: TableAccess, make_writer: Callable[[ExecutionContext, TableAccess], Writer]
) -> KeyGuard | None:
    """The guard of a table's writer; None for tables without foreign keys in either direction."""
    outgoing = [one for one in access.table.constraints if one.kind == "f"]
    incoming = context.session.catalog_snapshot.foreign_keys_to(access.table.oid)
    if not outgoing and not incoming:
        return None
    return KeyGuard(context, access, make_writer, outgoing, incoming)


class KeyGuard:
    """What one statement's writer has done to keys."""

    __slots__ = ("_access", "_context", "_gone", "_incoming", "_make_writer", "_new", "_outgoing")

    def __init__(
        self,
        context: ExecutionContext,
        access: TableAccess,
        make_writer: Callable[[ExecutionContext, TableAccess], Writer],
        outgoing: list[Constraint],
        incoming: tuple[tuple[Table, Constraint], ...],
    ) -> None:
        self._context = context
        self._access = access
        self._make_writer = make_writer
        self._outgoing = outgoing
        self._incoming = incoming
        self._new: dict[int, dict[Key, None]] = {}  # constraint -> keys that rows refer to now
        self._gone: dict[int, dict[Key, Key | None]] = {}  # constraint -> keys that are gone; what they became

    def inserted(self, row: Row) -> None:
        """A new row."""
        for constraint in self._outgoing:
            self._refers(constraint, row)

    def updated(self, old: Row, new: Row) -> None:
        """A changed row."""
        for constraint in self._outgoing:
            columns = constraint.columns
            if any(old[number - 1] != new[number - 1] for number in columns):
                self._refers(constraint, new)
        for _, constraint in self._incoming:
            before = _values(old, constraint.referenced_columns)
            after = _values(new, constraint.referenced_columns)
            if before != after and None not in before:
                self._gone.setdefault(constraint.oid, {})[before] = after

    def deleted(self, row: Row) -> None:
        """A deleted row."""
        for _, constraint in self._incoming:
            key = _values(row, constraint.referenced_columns)
            if None not in key:
                self._gone.setdefault(constraint.oid, {})[key] = None

    def _refers(self, constraint: Constraint, row: Row) -> None:
        key = _values(row, constraint.columns)
        if None in key:
            if constraint.match == "f" and any(value is not None for value in key):
                raise mixed_key(self._context, self._access.table, constraint)
            return
        self._new.setdefault(constraint.oid, {})[key] = None

    def finish(self) -> Steps[None]:
        """Carries out what follows from the written rows. Raises 23503."""
        for referring, constraint in self._incoming:
            gone = self._gone.pop(constraint.oid, None)
            if gone:
                yield from self._follow(referring, constraint, gone)
        for constraint in self._outgoing:
            keys = self._new.pop(constraint.oid, None)
            if keys:
                if is_deferred(self._context.session, constraint):
                    self._defer(constraint, self._access.table.oid, keys, inserting=True)
                else:
                    yield from check_present(self._context, self._access.table, constraint, keys)

    def _defer(self, constraint: Constraint, referring_oid: int, keys: Iterable[Key], *, inserting: bool) -> None:
        hook = DeferredCheck(self._context.session, constraint.oid, referring_oid, set(keys), inserting)
        self._context.transaction.before_commit.append(hook)

    def _follow(self, referring: Table, constraint: Constraint, gone: dict[Key, Key | None]) -> Steps[None]:
        deleted: dict[Key, Key | None] = {key: None for key, after in gone.items() if after is None}
        changed: dict[Key, Key | None] = {key: after for key, after in gone.items() if after is not None}
        for action, keys in ((constraint.on_delete, deleted), (constraint.on_update, changed)):
            if not keys:
                continue
            if action == "a" and is_deferred(self._context.session, constraint):
                self._defer(constraint, referring.oid, keys, inserting=False)
            elif action in "ar":
                yield from check_unreferenced(self._context, referring, constraint, keys, restrict=action == "r")
            else:
                yield from self._carry(referring, constraint, action, keys)

    def _carry(self, referring: Table, constraint: Constraint, action: str, keys: dict[Key, Key | None]) -> Steps[None]:
        """CASCADE, SET NULL and SET DEFAULT on the referring rows."""
        context = self._context
        wait = context.transaction.lock_table(referring.oid, TableLockMode.ROW_EXCLUSIVE)
        if wait is not None:
            yield from wait_for(wait)
        access = context.session.catalog_state.access(referring)
        writer = self._make_writer(context, access)
        numbers = constraint.delete_set_columns or constraint.columns
        given: dict[int, Any] = dict.fromkeys(numbers)
        if action == "d":
            state = context.session.catalog_state
            given = {number: state.column_default(referring, number)(context)() for number in numbers}
        found = [pair for batch in referring_rows(context, access, constraint, keys) for pair in batch]
        for key, _ in found:
            old = yield from writer.lock_row(key)
            if old is None:
                continue
            values = _values(old, constraint.columns)
            if values not in keys:
                continue
            after = keys[values]
            if action == "c" and after is None:
                writer.delete(key, old)
                continue
            new = list(old)
            if action == "c" and after is not None:
                for number, value in zip(constraint.columns, after, strict=True):
                    new[number - 1] = value
            else:
                for number, value in given.items():
                    new[number - 1] = value
            row = tuple(new)
            writer.check_not_null(row)
            yield from writer.update(key, old, row)
        yield from writer.finish()
        if action == "d":
            # The defaults may be the very key that is gone.
            yield from check_unreferenced(context, referring, constraint, keys, restrict=False)


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

    __slots__ = ("_inserting", "_keys", "_referring_oid", "_session", "constraint_oid")

    def __init__(self, session: Any, constraint_oid: int, referring_oid: int, keys: set[Key], inserting: bool) -> None:
        self._session = session
        self.constraint_oid = constraint_oid
        self._referring_oid = referring_oid
        self._keys = keys
        self._inserting = inserting

    def __call__(self) -> Steps[None]:
        session = self._session
        referring = session.catalog_snapshot.tables.get(self._referring_oid)
        constraint = (
            next((one for one in referring.constraints if one.oid == self.constraint_oid), None)
            if (referring is not None)
            else None
        )
        if constraint is None:
            return
        context = ExecutionContext(session, session.transaction, ())
        if not self._inserting:
            yield from check_unreferenced(context, referring, constraint, self._keys, restrict=False)
            return
        # Rows that refer to nothing may be gone again.
        access = session.catalog_state.access(referring)
        still = {
            _values(row, constraint.columns)
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


def _values(row: Row, columns: Iterable[int]) -> Key:
    return tuple([row[number - 1] for number in columns])


def _referenced(context: ExecutionContext, constraint: Constraint) -> tuple[Table, TableAccess, IndexAccess]:
    session = context.session
    table = session.catalog_snapshot.tables[constraint.referenced_table_oid]
    access = session.catalog_state.access(table)
    index = next(one for one in access.indexes if one.index.oid == constraint.index_oid)
    return table, access, index


def check_present(
    context: ExecutionContext, referring: Table, constraint: Constraint, keys: Iterable[Key]
) -> Steps[None]:
    """Locks the rows that keys refer to, so that they stay. Raises 23503 for a key that is not there."""
    transaction = context.transaction
    table, _, index = _referenced(context, constraint)
    wait = transaction.lock_table(table.oid, TableLockMode.ROW_SHARE)
    if wait is not None:
        yield from wait_for(wait)
    for key in keys:
        if not (yield from _lock_referenced(context, constraint, index, key)):
            raise DatacaveError(
                f'insert or update on table "{referring.name}" violates foreign key constraint "{constraint.name}"',
                sqlstate=sqlstate.FOREIGN_KEY_VIOLATION,
                detail=f"Key{_shown(context, referring, constraint.columns, key)} is not present in table"
                f' "{table.name}".',
                schema=context.catalog.schema_name(referring.schema_oid),
                table=referring.name,
                constraint=constraint.name,
            )


def _lock_referenced(context: ExecutionContext, constraint: Constraint, index: IndexAccess, key: Key) -> Steps[bool]:
    transaction = context.transaction
    entry = _entry(constraint, index, key)
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


def _entry(constraint: Constraint, index: IndexAccess, key: Key) -> bytes:
    """The key of the referenced row's entry; the columns of the index may come in another order."""
    by_column = dict(zip(constraint.referenced_columns, key, strict=True))
    return index.codec.encode([by_column[slot + 1] for slot in index.slots])


def check_unreferenced(
    context: ExecutionContext, referring: Table, constraint: Constraint, keys: Iterable[Key], *, restrict: bool
) -> Steps[None]:
    """Raises 23503 if a row still refers to a key that is gone. Without `restrict` the key may have come back."""
    transaction = context.transaction
    table, _, index = _referenced(context, constraint)
    wait = transaction.lock_table(referring.oid, TableLockMode.ROW_SHARE)
    if wait is not None:
        yield from wait_for(wait)
    gone = {key for key in keys if restrict or transaction.get_latest(_entry(constraint, index, key)) is None}
    if not gone:
        return
    access = context.session.catalog_state.access(referring)
    for batch in referring_rows(context, access, constraint, gone):
        for _, row in batch:
            key = _values(row, constraint.columns)
            referring, constraint = _whole(context, referring, constraint)
            raise DatacaveError(
                f'update or delete on table "{table.name}" violates foreign key constraint "{constraint.name}"'
                f' on table "{referring.name}"',
                sqlstate=sqlstate.FOREIGN_KEY_VIOLATION,
                detail=f"Key{_shown(context, table, constraint.referenced_columns, key)} is still referenced from"
                f' table "{referring.name}".',
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
            found = [pair for pair in batch if _values(pair[1], constraint.columns) in wanted]
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


def _whole(context: ExecutionContext, table: Table, constraint: Constraint) -> tuple[Table, Constraint]:
    """The foreign key that a partition's is a part of, as messages name it."""
    while constraint.parent_oid and table.parents:
        table = context.session.catalog_snapshot.tables[table.parents[0]]
        constraint = next(one for one in table.constraints if one.oid == constraint.parent_oid)
    return table, constraint


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
