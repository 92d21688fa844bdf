"""Exclusion constraints at work: rows that conflict with one that is written."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.transaction import SHARE, UPDATE
from datacave_core.values import Row
from datacave_core.wait import Steps, wait_for
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.newest_rows import KeyedRow, newest_pairs
from datacave_sql.table.access import TableAccess
from datacave_sql.table.exclusion import ExclusionAccess

TOLD_MAX = 100


def find_excluded(
    context: ExecutionContext, access: TableAccess, index: ExclusionAccess, row: Row, own: bytes | None = None
) -> Steps[KeyedRow | None]:
    """The key and row of one that conflicts with a row, but for the one with the key `own`; locks out other writers."""
    lock = index.lock_key(row)
    if lock is None:
        return None
    transaction = context.transaction
    wait = transaction.lock(lock, UPDATE)
    if wait is not None:
        yield from wait_for(wait)
    while True:
        # They come last first; the first of them is the one to tell of, unless there are very many.
        found = deque(islice(conflicting(context, access, index, row, own), TOLD_MAX), maxlen=1)
        if not found or transaction.could_lock(found[0][0], SHARE):
            if not found and transaction.serial is not None:
                meet_excluded(context, access, index, row, own)
            return found[0] if found else None
        # Somebody else is about to take it away, or to give it other values.
        wait = transaction.lock(found[0][0], SHARE)
        if wait is not None:
            yield from wait_for(wait)


def conflicting(
    context: ExecutionContext, access: TableAccess, index: ExclusionAccess, row: Row, own: bytes | None = None
) -> Iterator[KeyedRow]:
    """The newest rows that conflict with a row."""
    transaction = context.transaction
    convert = access.from_physical
    for low, high in reversed(index.candidates(row)):
        for batch in newest_pairs(transaction, low, high, reverse=True):
            for _, entry in batch:
                key = entry[0]
                found = transaction.get_latest(key)
                if found is None or key == own:
                    continue
                other = found if convert is None else convert(found)
                if index.conflicts(row, other):
                    yield key, other
                if index.is_before(other, row):
                    return


def meet_excluded(
    context: ExecutionContext, access: TableAccess, index: ExclusionAccess, row: Row, own: bytes | None = None
) -> None:
    """Called for a row that conflicts with none of the newest ones: the transaction comes after those who have made
    way since its snapshot. Raises SerializationFailure if it cannot (SERIALIZABLE)."""
    transaction = context.transaction
    convert = access.from_physical
    for key in _candidates_before(context, access, index, row):
        if key != own and any(
            index.conflicts(row, other if convert is None else convert(other)) for other in transaction.rows_before(key)
        ):
            transaction.come_after()
            return


def _candidates_before(
    context: ExecutionContext, access: TableAccess, index: ExclusionAccess, row: Row
) -> Iterator[bytes]:
    """Keys of rows that the snapshot shows, or that have come since, and that may have conflicted with a row."""
    transaction = context.transaction
    convert = access.from_physical
    for low, high in reversed(index.candidates(row)):
        for _, entry in transaction.rows_since(low, high):
            yield entry[0]
        for batch in transaction.scan_shown(low, high, reverse=True):
            for _, entry in batch:
                yield entry[0]
                shown = transaction.manager.store.get(entry[0], transaction.snapshot)
                if shown is not None and index.is_before(shown if convert is None else convert(shown), row):
                    return


def exclusion_violation(
    context: ExecutionContext, access: TableAccess, index: ExclusionAccess, row: Row, other: Row, *, creating: bool
) -> DatacaveError:
    """23P01 of a row that conflicts with another."""
    names, types = access.describe_key(index.index)
    settings = context.session.format_settings

    def shown(one: Row) -> str:
        return ", ".join(
            "null" if value is None else access.types.io(type_oid).output(value, settings)
            for value, type_oid in zip(index.values(one), types, strict=True)
        )

    name = index.index.name
    middle = "conflicts with key" if creating else "conflicts with existing key"
    return DatacaveError(
        f'could not create exclusion constraint "{name}"'
        if creating
        else f'conflicting key value violates exclusion constraint "{name}"',
        sqlstate=sqlstate.EXCLUSION_VIOLATION,
        detail=f"Key ({names})=({shown(row)}) {middle} ({names})=({shown(other)}).",
        schema=context.catalog.schema_name(access.table.schema_oid),
        table=access.table.name,
        constraint=name,
    )
