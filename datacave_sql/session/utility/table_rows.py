"""Stored rows as changes of definitions see them: the newest ones, by a transaction that keeps all writers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import lt
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Index, Table
from datacave_core.errors import DatacaveError
from datacave_core.keycode import prefix_end
from datacave_core.transaction import Isolation
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, wait_for
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.exclusion import exclusion_violation, find_excluded
from datacave_sql.exec.newest_rows import newest_pairs, newest_rows
from datacave_sql.exec.rowfunction import compile_factory, tuple_text
from datacave_sql.expr.nodes import Expression
from datacave_sql.plan.logical import OutputColumn, PartitionTest
from datacave_sql.plan.physical import PLANNERS
from datacave_sql.plan.planning import Planner, scope_of
from datacave_sql.plan.routing import stays_function
from datacave_sql.plan.subqueries import plan_subquery
from datacave_sql.session.progress import Progress
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.table.access import IndexAccess, TableAccess
from datacave_sql.table.exclusion import ExclusionAccess
from datacave_sql.table.inverted_access import InvertedAccess


def row_function(
    session: Any, expressions: Sequence[Expression], row_columns: Sequence[OutputColumn]
) -> Callable[[Row], Row]:
    """A function from a row (its slots are the attributes of `row_columns`) to the values of expressions."""
    planner = Planner(session.database.environment(session.catalog_state), PLANNERS, plan_subquery)
    generator = planner.generator(scope_of([column.id for column in row_columns], (), "r"), "r")
    values = tuple_text([generator.value(one).text for one in expressions])
    make = compile_factory(generator, "r", [f"return {values}"])
    made: Callable[[Row], Row] = make(ExecutionContext(session, session.transaction, ()))
    return made


def check_partition_rows(
    session: Any,
    table: Table,
    tests: Sequence[PartitionTest],
    row_columns: Sequence[OutputColumn],
    message: str,
) -> Steps[None]:
    """Raises 23514 with the message for a row that does not pass."""
    if not table.storage_id:
        return
    planner = Planner(session.database.environment(session.catalog_state), PLANNERS, plan_subquery)
    make = stays_function(planner, tests, row_columns)
    if make is None:
        return
    context = ExecutionContext(session, session.transaction, ())
    stays = make(context)
    for batch in newest_rows(session.transaction, session.catalog_state.access(table)):
        if not all(stays(row) for _, row in batch):
            raise DatacaveError(message, sqlstate=sqlstate.CHECK_VIOLATION, table=table.name)
        if context.slice_over():
            yield TURN


class _UniqueKeys:
    """The keys of a unique index in the making. As long as they come in order, comparing neighbours is enough."""

    def __init__(self, session: Any, index: IndexAccess) -> None:
        self._session = session
        self._index = index
        self._last = b""
        self._seen: set[bytes] | None = None

    def add(self, keys: list[bytes]) -> int | None:
        """Takes the next keys; the place of the first one that was there before, or None."""
        if not keys:
            return None
        if self._seen is None:
            if keys[0] > self._last and all(map(lt, keys, keys[1:])):
                self._last = keys[-1]
                return None
            self._seen = self._written() if self._last else set()
        seen = self._seen
        if seen.isdisjoint(keys) and len(set(keys)) == len(keys):
            seen.update(keys)
            return None
        for place, key in enumerate(keys):
            if key in seen:
                return place
            seen.add(key)
        return None

    def _written(self) -> set[bytes]:
        """The keys that have been written so far."""
        prefix = self._index.codec.prefix
        return {
            key for batch in newest_pairs(self._session.transaction, prefix, prefix_end(prefix)) for key, _ in batch
        }


def build_index(session: Any, access: TableAccess, index: IndexAccess, command: str = "CREATE INDEX") -> Steps[None]:
    """Writes the entries of a new index for the rows that are there. Raises 23505."""
    progress = session.progress.begin(command, access.table.oid, index.index.oid)
    progress.phase = "building index"
    progress.tuples_total = int(session.database.sizes.row_count(access.table))
    try:
        yield from _build(session, access, index, progress)
    finally:
        session.progress.end()


def _build(session: Any, access: TableAccess, index: IndexAccess, progress: Progress) -> Steps[None]:
    context = ExecutionContext(session, session.transaction, ())
    known = _UniqueKeys(session, index) if index.index.unique else None
    for batch in newest_rows(session.transaction, access):
        progress.tuples_done += len(batch)
        if isinstance(index, InvertedAccess):
            session.transaction.put_all({entry: (key,) for key, row in batch for entry in index.entry_keys(row, key)})
            if context.slice_over():
                yield TURN
            continue
        if not index.is_plain:
            batch = [pair for pair in batch if index.covers(pair[1])]
        found = [(entry, key, row) for key, row in batch if (entry := index.entry_key(row, key)) is not None]
        if known is not None:
            compared = _compared_keys(index, found)
            if (repeated := known.add(compared)) is not None:
                raise duplicate(access, index, found[repeated][2], session)
        if isinstance(index, ExclusionAccess):
            yield from _write_excluding(context, access, index, found)
        else:
            entries: dict[bytes, Row | None] = {entry: (key,) for entry, key, _ in found}
            session.transaction.put_all(entries)
        if context.slice_over():
            yield TURN


def _write_excluding(
    context: ExecutionContext, access: TableAccess, index: ExclusionAccess, found: Sequence[tuple[bytes, bytes, Row]]
) -> Steps[None]:
    """Writes entries of an exclusion constraint one by one, each checked against those before. Raises 23P01."""
    for entry, key, row in found:
        other = yield from find_excluded(context, access, index, row)
        if other is not None:
            raise exclusion_violation(context, access, index, row, other[1], creating=True)
        context.transaction.put(entry, (key,))
        if context.slice_over():
            yield TURN


def _compared_keys(index: IndexAccess, found: Sequence[tuple[bytes, bytes, Row]]) -> list[bytes]:
    """The keys by which the rows of a unique index must differ."""
    if index.has_own_entries:
        return [entry for entry, _, _ in found]
    # Entries of a deferrable constraint always differ, their values must not.
    return [index.unique_key(row) or entry for entry, _, row in found]


def rewrite_table(
    session: Any, old: TableAccess, new: TableAccess, convert: Callable[[list[Row]], list[Row]] | None
) -> Steps[None]:
    """Writes all rows again under the storage id of the new definition, with all index entries. Raises 23505.

    Nobody else knows that storage id before the catalog is committed, so at READ COMMITTED, where later statements see
    newer commits, the rows go straight to the store in pieces, and memory does not limit the table.
    """
    context = ExecutionContext(session, session.transaction, ())
    direct = session.transaction.isolation is Isolation.READ_COMMITTED
    store, manager = session.database.store, session.database.transactions
    storage_id = new.table.storage_id
    session.after_rollback(lambda: session.database.reclaimer.add((storage_id,)))
    next_row_id = session.database.row_ids.allocator(new.table.storage_id)
    unique = {one.index.oid: _UniqueKeys(session, one) for one in new.indexes if one.index.unique}
    for batch in newest_rows(session.transaction, old):
        rows = [row for _, row in batch]
        if convert is not None:
            rows = convert(rows)
        if new.clustered is not None:
            keys = new.clustered.encode_rows(rows)
        else:
            keys = [new.row_key(row, next_row_id) for row in rows]
        physical = new.rows.to_physical_rows
        written: dict[bytes, Row | None] = dict(zip(keys, rows if physical is None else physical(rows), strict=True))
        for index in new.indexes:
            known = unique.get(index.index.oid)
            if not index.index.index_number:
                if known is not None and (repeated := known.add(keys)) is not None:
                    raise duplicate(new, index, rows[repeated], session)
                continue
            if isinstance(index, InvertedAccess):
                pairs = zip(keys, rows, strict=True)
                written.update({entry: (key,) for key, row in pairs for entry in index.entry_keys(row, key)})
                continue
            found = [
                (entry, key, row)
                for row, key in zip(rows, keys, strict=True)
                if (entry := index.entry_key(row, key)) is not None
            ]
            if known is not None and (repeated := known.add(_compared_keys(index, found))) is not None:
                raise duplicate(new, index, found[repeated][2], session)
            written.update({entry: (key,) for entry, key, _ in found})
        if direct:
            while (delay := store.write_delay()) is not None:
                yield from wait_for(delay)
            manager.write_now(written, wait_durable=False)
        else:
            session.transaction.put_all(written)
        if context.slice_over():
            yield TURN


def rewrite(session: Any, old: Table, new: Table, convert: Callable[[list[Row]], list[Row]] | None) -> Steps[None]:
    """Makes `new`, with a storage id of its own, the present definition and writes the rows of `old` as its rows."""
    old_access = session.catalog_state.access(old)
    numbers = Numbers(session.catalog_snapshot)
    # All rows get all columns, so that none has to be completed any more.
    columns = tuple(replace(one, missing=None, added=0) if one.added else one for one in new.columns)
    new = replace(new, storage_id=numbers.take(), columns=columns)
    catalog = numbers.catalog.with_table(new)
    session.set_catalog(catalog)
    session.database.register_layouts((new,), catalog)
    yield from rewrite_table(session, old_access, session.catalog_state.access(new), convert)
    old_storage = old.storage_id
    session.after_commit(lambda: session.database.reclaimer.add((old_storage,)))


def check_primary_key(rows: list[Row], table: Table, index: Index) -> None:
    """Raises 23502 for a NULL in a column of a primary key."""
    for key in index.keys:
        slot = key.column - 1
        if any(row[slot] is None for row in rows):
            raise contains_nulls(table, table.column(key.column).name)


def contains_nulls(table: Table, column: str) -> DatacaveError:
    """23502 of ALTER TABLE."""
    return DatacaveError(
        f'column "{column}" of relation "{table.name}" contains null values',
        sqlstate=sqlstate.NOT_NULL_VIOLATION,
        table=table.name,
        column=column,
    )


def duplicate(access: TableAccess, index: IndexAccess, row: Row, session: Any) -> DatacaveError:
    """23505 of a new unique index."""
    values = index.values(row)
    names, types = access.describe_key(index.index)
    settings = session.format_settings
    shown = ", ".join(
        "null" if value is None else access.types.io(oid).output(value, settings)
        for value, oid in zip(values, types, strict=True)
    )
    return DatacaveError(
        f'could not create unique index "{index.index.name}"',
        sqlstate=sqlstate.UNIQUE_VIOLATION,
        detail=f"Key ({names})=({shown}) is duplicated.",
        schema=session.evaluation.catalog.schema_name(access.table.schema_oid),
        table=access.table.name,
        constraint=index.index.name,
    )
