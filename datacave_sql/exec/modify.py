"""Insert, update, delete: the operators that write. They count rows and, with RETURNING, yield them.

All rows of the child are read before the first one is written, so that a statement never meets its own rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.disposal import discard
from datacave_core.errors import DatacaveError
from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.transaction import NO_KEY_UPDATE, UPDATE, Isolation
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait, wait_for
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.row_writer import RowWriter
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.exec.sort import batches_of
from datacave_sql.exec.table_scan import KeyLookup
from datacave_sql.exec.triggers import moved_by_trigger
from datacave_sql.table.access import IndexAccess, TableAccess

CheckFunction = Callable[[Row], str | tuple[str, str, str] | None]


def collected(context: ExecutionContext, child: Operator, rows: list[Row]) -> Batches:
    """Appends all rows of a child to `rows`; yields only Waits."""
    for batch in child.open(context):
        if isinstance(batch, Wait):
            yield batch
        else:
            rows += batch
            if context.slice_over():
                yield TURN


@dataclass(slots=True)
class ConflictAction:
    """ON CONFLICT: the arbiter indexes, and for DO UPDATE the generated functions over (existing row, proposed row).

    `make_update(c)(old, new)` gives the changed row; `make_condition(c)(old, new)` says whether to update.
    `make_existing_check` and `make_check` name what the row in the way and the changed row violate.
    """

    index_numbers: tuple[int, ...]
    make_update: Factory | None
    make_condition: Factory | None
    make_existing_check: Factory | None = None
    make_check: Factory | None = None
    assigned: frozenset[int] = frozenset()
    """The columns that DO UPDATE names."""
    changes_key: bool = False
    """Whether some of them are in a unique index."""


@dataclass(slots=True)
class Insert:
    """`make_rows(c)(rows)` completes child rows to table rows; `make_check(c)(row)` names a violated CHECK or None;
    `make_returning(c)(rows)` computes RETURNING from table rows."""

    access: TableAccess
    child: Operator
    make_rows: Factory
    make_check: Factory | None
    make_returning: Factory | None
    conflict: ConflictAction | None
    columns: tuple[int, ...]
    not_null: frozenset[int]
    make_generated: Factory | None = None
    """`make_generated(c)(row)` computes generated columns anew, where triggers may change rows."""
    marks_updates: bool = False
    """Whether RETURNING gets a transaction's number behind the values of rows that ON CONFLICT has updated."""

    def open(self, context: ExecutionContext) -> Batches:
        source: list[Row] = []
        returned: list[Row] = []
        try:
            yield from collected(context, self.child, source)
            run = InsertRun(context, self)
            yield from run.write(source, returned)
            yield from run.writer.finish()
            if self.make_returning is not None and returned:
                yield from batches_of(self.make_returning(context)(returned))
        finally:
            discard(source, returned)

    def plain_target(self) -> TableAccess | None:
        """The table, where new rows have to be NOT NULL and unique in the key of the table and nothing else."""
        access = self.access
        if access.fires:
            return None
        if self.make_check is not None or self.make_returning is not None or self.conflict is not None:
            return None
        if access.secondary or access.inverted or (access.clustered is not None and access.clustered.index.deferrable):
            return None
        return access

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return f"Insert on {self.access.table.name}"

    def details(self) -> Sequence[str]:
        return ()


class InsertRun:
    """One execution of an Insert: what it writes with, and the rows it has touched."""

    __slots__ = ("_check", "_complete", "_context", "_insert", "_regenerate", "_touched", "_updated", "writer")

    def __init__(self, context: ExecutionContext, insert: Insert) -> None:
        self._context = context
        self._insert = insert
        self._complete = insert.make_rows(context)
        self._check: CheckFunction | None = insert.make_check(context) if insert.make_check is not None else None
        self._regenerate = insert.make_generated(context) if insert.make_generated is not None else None
        self._touched: set[bytes] = set()
        self._updated = False
        self.writer = RowWriter(context, insert.access)

    def write(self, source: Sequence[Row], returned: list[Row]) -> Steps[None]:
        """Completes rows and writes them; where RETURNING wants them, `returned` gets them as written."""
        context, writer, check = self._context, self.writer, self._check
        conflict = self._insert.conflict
        keeps = self._insert.make_returning is not None
        triggers = writer.triggers
        for start in range(0, len(source), BATCH_ROWS):
            rows: list[Row] = self._complete(source[start : start + BATCH_ROWS])
            if conflict is None and len(rows) > 1 and triggers is None:
                writer.check_all_not_null(rows)
                if check is not None:
                    for row in rows:
                        if (violated := check(row)) is not None:
                            raise writer.check_failed(violated, row)
                yield from writer.insert_many(rows)
                context.rows_changed += len(rows)
                if keeps:
                    returned += rows
                if context.slice_over():
                    yield TURN
                continue
            for row in rows:
                if triggers is not None and triggers.of_view:
                    written = yield from triggers.instead("i", None, row)
                    if written is not None:
                        context.rows_changed += 1
                        returned += [written] if keeps else []
                    continue
                if triggers is not None:
                    given = yield from triggers.before_insert(row, self._regenerate)
                    if given is None:
                        continue
                    if given is not row and check is not None and check(given) == "":
                        raise moved_by_trigger()
                    row = given
                writer.check_not_null(row)
                if check is not None and (violated := check(row)) is not None:
                    raise writer.check_failed(violated, row)
                if conflict is not None:
                    written = yield from self._insert_or(conflict, row)
                    if written is None:
                        continue
                    row = written
                    if self._updated and self._insert.marks_updates:
                        row = (*row, context.transaction.number & 0xFFFFFFFF or 1)
                else:
                    yield from writer.insert(row)
                    if triggers is not None:
                        triggers.after("i", None, row)
                context.rows_changed += 1
                if keeps:
                    returned.append(row)
            if context.slice_over():
                yield TURN

    def _in_the_way(
        self, conflict: ConflictAction, index: IndexAccess, row: Row
    ) -> Steps[tuple[bytes, Row | None] | None]:
        """The key of the row that has a value of the proposed one, and for DO UPDATE that row, which is locked then."""
        writer = self.writer
        mode = UPDATE if conflict.changes_key or writer.triggers is not None else NO_KEY_UPDATE
        while True:
            holder = writer.find_present(index, row)
            if holder is None:
                holder = yield from writer.find_conflict(index, row)
            if holder is None:
                return None
            if conflict.make_update is None:
                return holder, None
            old = yield from writer.lock_row(holder, mode)
            # Whoever was waited for may have taken the value away.
            if old is not None and (index.index.exclusion or index.unique_key(old) == index.unique_key(row)):
                return holder, old

    def _insert_or(self, conflict: ConflictAction, row: Row) -> Steps[Row | None]:
        """The row as it has been written, or None where one that was there before stays as it is."""
        self._updated = False
        context, writer, touched = self._context, self.writer, self._touched
        arbiters: list[IndexAccess] = [
            index
            for index in self._insert.access.indexes
            if (index.index.unique or index.index.exclusion)
            and (not conflict.index_numbers or index.index.index_number in conflict.index_numbers)
        ]
        for index in arbiters:
            if index.index.deferrable:
                raise writer.unfit_arbiter(index)
            found = yield from self._in_the_way(conflict, index, row)
            if found is None:
                continue
            holder, old = found
            if conflict.make_update is None or old is None:
                # A row that the snapshot does not show must not decide anything in silence.
                writer.transaction.check_write(holder)
                writer.transaction.note_read(holder)
                return None
            if holder in touched:
                raise DatacaveError(
                    "ON CONFLICT DO UPDATE command cannot affect row a second time",
                    sqlstate=sqlstate.CARDINALITY_VIOLATION,
                    hint="Ensure that no rows proposed for insertion within the same command have"
                    " duplicate constrained values.",
                )
            if context.transaction.written_since_freeze(holder):
                # Another part of the statement has written the row, which is final.
                return None
            if conflict.make_existing_check is not None:
                violated = conflict.make_existing_check(context)(old)
                if violated is not None:
                    raise writer.check_failed(violated, old)
            if conflict.make_condition is not None and not conflict.make_condition(context)(old, row):
                writer.transaction.note_read(holder)
                return None
            changed: Row = conflict.make_update(context)(old, row)
            if writer.triggers is not None:
                writer.triggers.assigned = conflict.assigned
                given = yield from writer.triggers.before_write(writer, holder, UPDATE, old, changed, self._regenerate)
                if given is None:
                    return None
                changed = given
            writer.check_not_null(changed)
            if conflict.make_check is not None:
                violated = conflict.make_check(context)(changed)
                if violated is not None:
                    raise writer.check_failed(violated, changed)
            key = yield from writer.update(holder, old, changed)
            touched.add(key)
            if writer.triggers is not None:
                writer.triggers.after("u", old, changed)
            self._updated = True
            return changed
        key = yield from writer.insert(row)
        touched.add(key)
        if writer.triggers is not None:
            writer.triggers.after("i", None, row)
        return row


@dataclass(slots=True)
class Update:
    """The child gives the row's key, its row, and what the assignments use.

    `make_new(c)(child_row)` gives the new table row. When the row has changed since the snapshot, `make_fresh(c)
    (child_row, newest)` puts the newest values into the child row, and `make_recheck(c)(child_row)` says whether it
    still qualifies. `make_returning(c)(new_row, child_row)` computes one RETURNING row.
    """

    access: TableAccess
    child: Operator
    key_slot: int
    row_slot: int
    make_new: Factory
    make_fresh: Factory
    make_recheck: Factory | None
    make_check: Factory | None
    make_returning: Factory | None
    key_slots: tuple[int, ...]
    """Slots of assigned columns that are in a unique index: only where their values change does a row get another
    key, and the stronger lock."""
    changes_indexed: bool
    reads_one_row: bool
    columns: tuple[int, ...]
    not_null: frozenset[int]
    make_stays: Factory | None = None
    """`make_stays(c)(new_row)` says whether a row stays in its partition."""
    make_moving: Factory | None = None
    """`make_moving(c)(new_row)` is the row as the partitioned table has it, to be inserted there; None: it may not
    leave."""
    make_generated: Factory | None = None
    """As Insert's."""
    assigned: frozenset[int] = frozenset()
    """The columns that the statement names."""
    make_moved_returning: Factory | None = None
    """`make_returning` of a row that has moved: as the partitioned table has it, and the oid of its new partition."""

    def open(self, context: ExecutionContext) -> Batches:
        if context.transaction.isolation is Isolation.READ_COMMITTED and (find := self.point_lookup()) is not None:
            return self._open_point(context, find)
        return _written(self, context)

    def point_lookup(self) -> KeyLookup | None:
        """What finds the rows, where nothing but those is read and they are named by key."""
        child = self.child
        if self.reads_one_row and self.make_stays is None and isinstance(child, KeyLookup) and not self._moves_rows:
            return child
        return None

    @property
    def _moves_rows(self) -> bool:
        """Whether rows get other keys: one of them may come to a key that the statement names too."""
        clustered = self.access.clustered
        return clustered is not None and any(slot in clustered.slots for slot in self.key_slots)

    def _open_point(self, context: ExecutionContext, child: KeyLookup) -> Batches:
        """A statement that reads nothing but the rows it names by key: they are locked first and read once.

        That is as if the statement's snapshot had been taken after the lock, which READ COMMITTED leaves open. A row
        that somebody else has locked is looked at first: one that the snapshot does not show is not waited for.
        """
        transaction = context.transaction
        access = self.access
        find = child.make(context)
        new_row = self.make_new(context)
        writer: RowWriter | None = None
        returned: list[Row] = []
        read = context.counts(child.counted_oid)
        for key in child.make_keys(context)():
            read.scans += 1
            mode = NO_KEY_UPDATE
            if not transaction.lock_at_once(key, NO_KEY_UPDATE):
                shown = transaction.get(key)
                source = find([(key, shown)]) if shown is not None else []
                writer = yield from self.write(context, source, returned, writer=writer)
                continue
            known: tuple[Row, Row, Row] | None = None  # of the unlocked row: stored, found, new
            if self.key_slots:
                known = self._point_row(transaction.get_latest(key), key, find, new_row)
                if known is not None and self._gets_other_key(known[1][self.row_slot], known[2]):
                    mode = UPDATE
            while True:
                wait = transaction.lock(key, mode)
                if wait is not None:
                    yield from wait_for(wait)
                newest = transaction.get_latest(key)
                if known is None or known[0] is not newest:
                    known = self._point_row(newest, key, find, new_row)
                if mode == UPDATE or known is None or not self._gets_other_key(known[1][self.row_slot], known[2]):
                    break
                mode = UPDATE
            if known is None:
                continue
            read.fetched += 1
            _, found, new = known
            for slot in access.not_null_slots:
                if new[slot] is None:
                    RowWriter(context, access).check_not_null(new)
            if self.make_check is not None and (violated := self.make_check(context)(new)) is not None:
                raise RowWriter(context, access).check_failed(violated, new)
            if self.changes_indexed:
                writer = writer or RowWriter(context, access)
                yield from writer.update(key, found[self.row_slot], new)
            else:
                transaction.put(key, new if access.to_physical is None else access.to_physical(new))
                counts = context.counts(access.table.oid)
                counts.updated += 1
                counts.updated_hot += 1
            context.rows_changed += 1
            if self.make_returning is not None:
                returned.append(self.make_returning(context)(new, found))
        if writer is not None:
            yield from writer.finish()
        yield from batches_of(returned)

    @property
    def changes_key(self) -> bool:
        """Whether columns are assigned that are in a unique index."""
        return bool(self.key_slots)

    def _gets_other_key(self, old: Row, new: Row) -> bool:
        return any(old[slot] != new[slot] for slot in self.key_slots)

    @staticmethod
    def _point_row(
        stored: Row | None, key: bytes, find: Callable[[list[Any]], list[Row]], new_row: Callable[[Row], Row]
    ) -> tuple[Row, Row, Row] | None:
        """A stored row, the row of the child and the new one; None if it is not there or does not qualify."""
        if stored is None:
            return None
        rows = find([(key, stored)])
        return (stored, rows[0], new_row(rows[0])) if rows else None

    def rewrite(self, changes: Iterable[tuple[ExecutionContext, Sequence[bytes]]]) -> Steps[None]:
        """Updates rows by their keys, as far as they still qualify: what a foreign key does, with the parameters of
        each context in turn."""
        writer: RowWriter | None = None
        for context, keys in changes:
            writer = yield from self.write(context, self.rows_of_keys(keys), [], again=True, writer=writer)
        if writer is not None:
            yield from writer.finish()

    def rows_of_keys(self, keys: Sequence[bytes]) -> list[Row]:
        """Child rows that have a key and nothing else: their values are read once they are locked."""
        blank: list[Any] = [None] * len(self.child.columns)
        found = []
        for key in keys:
            blank[self.key_slot] = key
            found.append(tuple(blank))
        return found

    def write(
        self,
        context: ExecutionContext,
        source: Sequence[Row],
        returned: list[Row],
        move: Callable[[list[Row], list[Row]], Steps[None]] | None = None,
        whole: Table | None = None,
        *,
        again: bool = False,
        writer: RowWriter | None = None,
    ) -> Steps[RowWriter]:
        """Updates the rows that the child has found; RETURNING rows go to `returned`. Those that leave their partition
        of `whole`, `move` puts into another and tells what they are there. With `again` also rows that the statement
        has written before. The writer, which may be that of an earlier call, is not finished."""
        stays = self.make_stays(context) if self.make_stays is not None else None
        new_row = self.make_new(context)
        fresh = self.make_fresh(context)
        recheck = self.make_recheck(context) if self.make_recheck is not None else None
        check: CheckFunction | None = self.make_check(context) if self.make_check is not None else None
        returning = self.make_returning(context) if self.make_returning is not None else None
        moved_returning = self.make_moved_returning(context) if self.make_moved_returning is not None else None
        writer = writer or RowWriter(context, self.access)
        seen: set[bytes] = set()
        written = context.transaction.written_since_freeze
        triggers = writer.triggers
        regenerate = self.make_generated(context) if self.make_generated is not None else None
        if triggers is not None:
            triggers.assigned = self.assigned
        for found in source:
            if triggers is not None and triggers.of_view:
                made = yield from triggers.instead("u", tuple(found[self.row_slot]), new_row(found))
                if made is not None:
                    context.rows_changed += 1
                    returned += [returning(made, found)] if returning is not None else []
                continue
            key: bytes = found[self.key_slot]
            if context.slice_over():
                yield TURN
            if key in seen or (written(key) and not again):
                continue
            new: Row | None = None
            mode = NO_KEY_UPDATE
            if self.key_slots:
                new = new_row(found) if not again and triggers is None else None
                if new is None or self._gets_other_key(found[self.row_slot], new):
                    mode = UPDATE
            locked = yield from writer.lock_newest(key, mode, seen=not again)
            if locked is None:
                continue
            key, old = locked
            if old != found[self.row_slot]:
                found = fresh(found, old)
                if recheck is not None and not recheck(found):
                    continue
                new = None
            seen.add(key)
            if new is None:
                new = new_row(found)
                if mode != UPDATE and self._gets_other_key(old, new):
                    yield from writer.lock_row(key, UPDATE)
            if triggers is not None:
                given = yield from triggers.before_write(writer, key, mode, old, new, regenerate)
                if given is None:
                    continue
                new = given
            if stays is not None and not stays(new):
                if move is None or self.make_moving is None:
                    raise writer.partition_failed(new)
                if triggers is not None and (yield from triggers.before_write(writer, key, mode, old, None)) is None:
                    continue
                moving = self.make_moving(context)(new)
                writer.move(key, old, moving, whole)
                if triggers is not None:
                    triggers.after("d", old, None)
                written_there: list[Row] = []
                yield from move([moving], written_there)
                if moved_returning is not None:
                    returned += [moved_returning(row, found) for row in written_there]
                continue
            writer.check_not_null(new)
            if check is not None and (violated := check(new)) is not None:
                raise writer.check_failed(violated, new)
            yield from writer.update(key, old, new)
            if triggers is not None:
                triggers.after("u", old, new)
            context.rows_changed += 1
            if returning is not None:
                returned.append(returning(new, found))
        return writer

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return f"Update on {self.access.table.name}"

    def details(self) -> Sequence[str]:
        return ()


@dataclass(slots=True)
class Delete:
    """The child gives the row's key and row; the other fields are Update's. RETURNING reads the child row."""

    access: TableAccess
    child: Operator
    key_slot: int
    row_slot: int
    make_fresh: Factory
    make_recheck: Factory | None
    make_returning: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        return _written(self, context)

    def write(self, context: ExecutionContext, source: Sequence[Row], returned: list[Row]) -> Steps[RowWriter]:
        """Deletes the rows that the child has found; RETURNING rows go to `returned`. The writer is not finished."""
        fresh = self.make_fresh(context)
        recheck = self.make_recheck(context) if self.make_recheck is not None else None
        returning = self.make_returning(context) if self.make_returning is not None else None
        writer = RowWriter(context, self.access)
        seen: set[bytes] = set()
        written = context.transaction.written_since_freeze
        triggers = writer.triggers
        for found in source:
            if triggers is not None and triggers.of_view:
                if (yield from triggers.instead("d", tuple(found[self.row_slot]), None)) is not None:
                    context.rows_changed += 1
                    returned += [returning(found)] if returning is not None else []
                continue
            key: bytes = found[self.key_slot]
            if key in seen or written(key):
                continue
            locked = yield from writer.lock_newest(key)
            if locked is None:
                continue
            key, old = locked
            if old != found[self.row_slot]:
                found = fresh(found, old)
                if recheck is not None and not recheck(found):
                    continue
            seen.add(key)
            if triggers is not None:
                if (yield from triggers.before_write(writer, key, UPDATE, old, None)) is None:
                    continue
                triggers.after("d", old, None)
            writer.delete(key, old)
            context.rows_changed += 1
            if returning is not None:
                returned.append(returning(found))
            if context.slice_over():
                yield TURN
        return writer

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return f"Delete on {self.access.table.name}"

    def details(self) -> Sequence[str]:
        return ()


def _written(operator: Update | Delete, context: ExecutionContext) -> Batches:
    """Changes all rows that the child has found, and gives what is returned of them."""
    source: list[Row] = []
    returned: list[Row] = []
    try:
        yield from collected(context, operator.child, source)
        writer = yield from operator.write(context, source, returned)
        yield from writer.finish()
        yield from batches_of(returned)
    finally:
        discard(source, returned)
