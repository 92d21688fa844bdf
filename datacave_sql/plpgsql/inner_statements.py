"""Inner statements: running the statements of a routine inside the statement that calls it.

A volatile routine's statements read what is committed and written when each of them begins; the statement outside goes
on reading what it read before. Other routines read what the statement outside reads, and may not write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Row
from datacave_core.wait import Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.suspension import wait_inside
from datacave_sql.session.compiled import CompiledQuery
from datacave_sql.session.touched_tables import check_may_write


def check_read_only(kind: str) -> DatacaveError:
    """The error of a write in a routine that is not volatile."""
    return DatacaveError(f"{kind} is not allowed in a non-volatile function", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED)


class InnerQuery:
    """One execution of a query inside a routine; `batches` gives its rows, `rows_changed` counts them."""

    __slots__ = ("_context", "_query", "_read_only", "_session")

    def __init__(self, session: Any, query: CompiledQuery, parameters: Sequence[Any], *, read_only: bool) -> None:
        self._session = session
        self._query = query
        self._read_only = read_only
        self._context = ExecutionContext(session, session.transaction, parameters)

    @property
    def rows_changed(self) -> int:
        """How many rows it has written."""
        return self._context.rows_changed

    def batches(self) -> Iterator[list[Row]]:
        """The rows, as they are asked for. Raises 0A000 for a write where none may be."""
        session, query = self._session, self._query
        transaction = session.transaction
        if query.written or query.locked:
            if self._read_only:
                raise check_read_only(query.kind.upper())
            if transaction.read_only:
                check_may_write(query)
        while (wait := transaction.lock_tables(query.tables)) is not None:
            wait_inside(wait)
        moved = not self._read_only
        outside = transaction.enter_statement() if moved else None
        entered = moved
        items = query.operator.open(self._context)
        try:
            while True:
                try:
                    item = next(items)
                except StopIteration:
                    return
                if isinstance(item, Wait):
                    wait_inside(item)
                    continue
                if outside is None:
                    yield item
                    continue
                inside = transaction.leave_statement(outside)
                entered = False
                yield item
                outside = transaction.leave_statement(inside)
                entered = True
        finally:
            if entered and outside is not None:
                transaction.leave_statement(outside)


def run_steps(session: Any, steps: Iterator[Any]) -> list[Any]:
    """Runs steps of the session inside the statement at hand; everything they yield apart from Waits."""
    found = []
    transaction = session.transaction
    outside = transaction.enter_statement()
    try:
        for step in steps:
            if isinstance(step, Wait):
                wait_inside(step)
            else:
                found.append(step)
    finally:
        if not transaction.ended:
            transaction.leave_statement(outside)
    return found
