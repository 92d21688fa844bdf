"""ExecutionContext: what the operators of one running statement share.

It is also the EvaluationContext of functions (functions/context.py): what they ask is passed on to the session's
`evaluation`. One context serves one execution of one plan; subqueries share it, so that they see the same snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

from datacave_core.rowbatch import RowBatch
from datacave_core.transaction import Transaction
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait
from datacave_sql.exec.relation_counts import RelationCounts
from datacave_sql.exec.suspension import SLICE_SECONDS, run_inside, wait_inside
from datacave_sql.exec.work_memory import StatementMemory, WorkMemory


class ExecutionContext:
    """The running statement. `session` answers what functions ask; see functions/context.py."""

    __slots__ = (
        "common_tables",
        "findings",
        "given_rows",
        "hashed_rows",
        "outer",
        "parameters",
        "rows_changed",
        "session",
        "slice_end",
        "subquery_results",
        "transaction",
    )

    def __init__(self, session: Any, transaction: Transaction, parameters: Sequence[Any]) -> None:
        self.session = session
        self.transaction = transaction
        self.parameters = parameters
        self.outer: dict[int, Any] = {}
        self.common_tables: dict[int, Any] = {}
        self.subquery_results: dict[int, Any] = {}
        self.hashed_rows: dict[int, Any] = {}
        """By the number of a HashedRows: how often it has scanned, then its dictionary."""
        self.rows_changed = 0
        self.given_rows: Sequence[Row] = ()
        """Rows that come with the execution (literal VALUES lists, COPY)."""
        self.findings: dict[int, dict[str, Any]] | None = None
        """For EXPLAIN ANALYZE: what operators tell of their work, by their id."""
        self.slice_end = perf_counter() + SLICE_SECONDS

    def slice_over(self) -> bool:
        """Whether the statement should yield TURN now; starts the next slice if so."""
        now = perf_counter()
        if now < self.slice_end or now < TURN.resumed_at + SLICE_SECONDS:
            return False
        self.slice_end = now + SLICE_SECONDS
        return True

    def counts(self, oid: int) -> RelationCounts:
        """Where the use of a table or index by this statement is counted."""
        counts: RelationCounts = self.session.counts.within(oid, self.transaction.number)
        return counts

    def statement_memory(self) -> StatementMemory:
        """What the session's statements hold."""
        memory: StatementMemory = self.session.memory
        return memory

    def work_memory(self, *, hashed: bool = False) -> WorkMemory:
        """Counts what an operator that starts now holds; work_mem bounds it, more generously what is hashed."""
        settings = self.session.settings
        limit = settings.hash_mem_bytes if hashed else settings.work_mem_bytes
        return WorkMemory(self.session.memory, limit)

    def tell(self, operator: object, facts: dict[str, Any]) -> None:
        """Notes what EXPLAIN ANALYZE shows of an operator's work."""
        if self.findings is not None:
            self.findings[id(operator)] = facts

    def forget_results(self) -> None:
        """Makes the context ready for another execution of its plan."""
        self.outer.clear()
        self.common_tables.clear()
        self.subquery_results.clear()

    def collect_inline(self, batches: Iterator[RowBatch | Wait], limit: int | None = None) -> list[Row]:
        """Runs a subquery to its end (or `limit` rows) in the middle of an expression."""
        rows: list[Row] = []
        for batch in batches:
            if isinstance(batch, Wait):
                wait_inside(batch)
                continue
            rows += batch
            if limit is not None and len(rows) >= limit:
                break
        return rows

    def run_inside(self, steps: Steps[Any]) -> Any:
        """Runs what has to wait in the middle of an expression; its value."""
        return run_inside(steps)

    def pause(self) -> None:
        """Called in long loops where no yield is possible: lets others have a turn if it is theirs."""
        if self.slice_over():
            wait_inside(TURN)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session.evaluation, name)
