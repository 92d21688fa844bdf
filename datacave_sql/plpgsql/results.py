"""ResultRows: what RETURN NEXT and RETURN QUERY have given; more than work_mem of it waits in a temporary file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.row_store import RowStore
from datacave_sql.exec.suspension import run_inside, wait_inside


class ResultRows:
    """Values in the order in which they came, read once."""

    __slots__ = ("_context", "_last", "_store")

    def __init__(self, context: ExecutionContext) -> None:
        self._context = context
        self._last: list[Any] = []
        self._store: RowStore | None = None

    def append(self, value: Any) -> None:
        """One more."""
        self._last.append(value)
        if len(self._last) >= BATCH_ROWS:
            self._put_aside()

    def extend(self, values: Iterable[Any]) -> int:
        """More of them; how many."""
        count = 0
        for value in values:
            self._last.append(value)
            count += 1
            if len(self._last) >= BATCH_ROWS:
                self._put_aside()
        return count

    def _put_aside(self) -> None:
        if self._store is None:
            self._store = RowStore(self._context)
        run_inside(self._store.add([(value,) for value in self._last]))
        self._last = []

    def __iter__(self) -> Iterator[Any]:
        store = self._store
        if store is not None:
            try:
                for part in store.rows():
                    if isinstance(part, Wait):
                        wait_inside(part)
                    else:
                        yield from (row[0] for row in part)
            finally:
                store.close()
        yield from self._last
