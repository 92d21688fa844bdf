"""Portals: bound statements and cursors, run piece by piece.

A portal runs its statement when rows are first asked for and keeps what has been produced and not yet fetched. A
scrollable or held cursor keeps all its rows, in a RowStore.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import isgenerator
from typing import Any

from datacave_core.values import Row
from datacave_core.wait import Steps, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.row_store import RowStore
from datacave_sql.session.compiled import CompiledQuery, CompiledUtility
from datacave_sql.session.replies import Complete, Reply, Suspended


class Portal:
    """One portal. `columns` describes its rows, None if it returns none; `cache` is the wire's."""

    def __init__(
        self,
        session: Any,
        name: str,
        compiled: CompiledQuery | CompiledUtility | None,
        parameters: Sequence[Any],
        *,
        cursor: bool = False,
        holdable: bool = False,
        scrollable: bool = False,
        binary: bool = False,
        text: str = "",
        created_at: int = 0,
        keys: Sequence[tuple[int, int]] = (),
        locks_rows: bool = False,
    ) -> None:
        self.name = name
        self.compiled = compiled
        self.parameters = parameters
        self.cursor = cursor
        self.holdable = holdable
        self.scrollable = scrollable
        self.binary = binary
        self.text = text
        self.created_at = created_at
        self.keys = keys
        """Places of the keys of table rows behind the columns of a row, by table oid."""
        self.locks_rows = locks_rows
        self.cache: Any = None
        self._session = session
        self._transaction = session.transaction
        self._steps: Iterator[Reply | Wait] | None = None
        self._rows: list[Row] = []
        self._complete: Complete | None = None
        self._kept: RowStore | None = None
        self.current: Row | None = None
        """Of a cursor: the row it stands on."""
        self._committed_with = False
        self.position = 0  # of a scrollable cursor: the row it stands on, 0 before the first

    @property
    def returns_rows(self) -> bool:
        """Whether Execute gives rows."""
        compiled = self.compiled
        if isinstance(compiled, CompiledQuery):
            return compiled.returns_rows
        return compiled is not None and compiled.columns is not None

    def execute(self, row_limit: int) -> Iterator[Reply | Wait]:
        """Up to `row_limit` rows (0: all), then Suspended or Complete."""
        if self.compiled is None:
            return
        if self._kept is not None:
            yield from self._from_position(self._kept, row_limit)
            return
        if self._complete is not None and not self._rows:
            # Run to its end before: no more rows, and nothing is done twice.
            yield Complete(self._complete.tag.split(" ")[0] + " 0" if self.returns_rows else self._complete.tag)
            return
        steps = self._steps
        if steps is None and row_limit and isinstance(self.compiled, CompiledQuery) and self.compiled.written:
            # What writes is done whole, however little of its rows is asked for.
            yield from self.materialise()
            assert self._kept is not None
            yield from self._from_position(self._kept, row_limit)
            return
        if steps is None:
            steps = self._steps = iter(self._session.execute(self.compiled, self.parameters))
        else:
            self._session.statement_interrupted()
        sent = 0
        while True:
            if self._rows:
                rows = self._rows
                if row_limit and len(rows) > row_limit - sent:
                    cut = row_limit - sent
                    self._rows = rows[cut:]
                    yield rows[:cut]
                    yield Suspended()
                    return
                self._rows = []
                sent += len(rows)
                yield rows
                if row_limit and sent == row_limit:
                    # PostgreSQL suspends at the limit even if no row is left.
                    yield Suspended()
                    return
            # Not self._steps: a COMMIT closes its own portal.
            step = next(steps, None)
            if step is None:
                return
            if type(step) is list:
                self._rows = step
            elif isinstance(step, Complete):
                self._complete = step
                if row_limit or sent:
                    tag = step.tag
                    if self.returns_rows and tag.startswith("SELECT "):
                        yield Complete(f"SELECT {sent}")
                        return
                yield step
                return
            else:
                yield step

    def _from_position(self, kept: RowStore, row_limit: int) -> Iterator[Reply | Wait]:
        """The same for a portal that FETCH or MOVE has been at."""
        start, total = self.position, len(kept)
        stop = min(start + row_limit, total) if row_limit else total
        cut = bool(row_limit) and stop - start == row_limit
        for part in kept.part(start, stop):
            yield part if isinstance(part, Wait) else self.shown(part)
        yield from self.move_to(stop if cut else total + 1)
        if cut:
            yield Suspended()
            return
        tag = self._complete.tag if self._complete is not None else ""
        yield Complete(f"SELECT {max(stop - start, 0)}" if not tag or tag.startswith("SELECT ") else tag)

    def move_to(self, position: int) -> Steps[None]:
        """Stands on a row from now on, before the first, or after the last one."""
        kept = yield from self.kept_rows()
        self.position = position
        self.current = (yield from kept.row(position - 1)) if 1 <= position <= len(kept) else None

    def materialise(self) -> Steps[None]:
        """Runs to the end and keeps the rows, so that the portal outlives its transaction."""
        if self._kept is not None:
            return
        kept = self._kept = RowStore(ExecutionContext(self._session, self._session.transaction, ()))
        if self._rows:
            rows, self._rows = self._rows, []
            yield from kept.add(rows)
        if self._steps is None:
            self._steps = iter(self._session.execute(self.compiled, self.parameters))
        else:
            self._session.statement_interrupted()
        for step in self._steps:
            if isinstance(step, Wait):
                yield step
            elif type(step) is list:
                yield from kept.add(step)
            elif isinstance(step, Complete):
                self._complete = step

    def shown(self, rows: list[Row]) -> list[Row]:
        """Rows as clients get them."""
        if not self.keys:
            return rows
        width = self.keys[0][1]
        return [row[:width] for row in rows]

    @property
    def is_held(self) -> bool:
        """Whether it is left from a transaction that has ended."""
        return self.holdable and self._session.transaction is not self._transaction

    def current_key(self, table_oid: int) -> tuple[bool, bytes | None]:
        """(whether it stands on a row, the key of the row of a table in it)."""
        if self.current is None:
            return False, None
        return True, self.current[dict(self.keys)[table_oid]]

    def kept_rows(self) -> Steps[RowStore]:
        """All rows, for scrolling."""
        yield from self.materialise()
        assert self._kept is not None
        return self._kept

    @property
    def survived(self) -> bool:
        """Whether the transaction it was opened in has committed."""
        return self._committed_with

    def transaction_ended(self, committed: bool) -> bool:
        """Whether it outlives the transaction that ends now: a held cursor whose own transaction commits or has."""
        if committed and self.holdable and self._kept is not None:
            self._committed_with = True
        return self._committed_with

    def close(self) -> None:
        """Stops the statement."""
        steps, self._steps = self._steps, None
        # A COMMIT that runs in this very portal ends it while it runs.
        if isgenerator(steps) and not steps.gi_running:
            self._session.statement_interrupted()
            steps.close()
        self._rows = []
        if self._kept is not None:
            self._kept.close()
