"""Version scan: every kept version of rows that was live in a span of time, with when it began and ended.

A version begins with the commit that wrote it and ends with the next one of its key; the present one has no end.
What ended before the earliest readable time is left out, because versions next to it may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datacave_core.values import Row
from datacave_core.wait import TURN
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.moment import EPOCH_MICROSECONDS
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory

FOREVER = 2**63 - 1
VERSIONS_PER_BATCH = 1024

KeptVersion = tuple[bytes, Row, int, int | None, int]
"""Key, physical row, begin and end (microseconds since 2000; None: still live), commit timestamp."""


@dataclass(slots=True)
class VersionScan:
    """`make_ranges(c)()` gives key ranges, `make_start(c)()` and `make_end(c)()` the ends of the span, if it has any.

    `kind` is "all", "between" or "from"; `make(c)(versions)` gives the finished rows.
    """

    name: str
    alias: str
    kind: str
    make_ranges: Factory
    make_start: Factory | None
    make_end: Factory | None
    make: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    conditions: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()

    def open(self, context: ExecutionContext) -> Batches:
        run = self.make(context)
        start: int = self.make_start(context)() if self.make_start is not None else 0
        end: int = self.make_end(context)() if self.make_end is not None else FOREVER
        if end < start:
            return
        # BETWEEN includes its end, FROM .. TO does not.
        until = end - 1 if self.kind == "from" else end
        for low, high in self.make_ranges(context)():
            if self.kind != "all":
                context.transaction.manager.check_kept(start, low)
            pending: list[KeptVersion] = []
            for version in self._versions(context, low, high, start, until):
                pending.append(version)
                if len(pending) >= VERSIONS_PER_BATCH:
                    if rows := run(pending):
                        yield rows
                    pending = []
                    if context.slice_over():
                        yield TURN
            if pending and (rows := run(pending)):
                yield rows

    @staticmethod
    def _versions(
        context: ExecutionContext, low: bytes, high: bytes | None, start: int, until: int
    ) -> Iterator[KeptVersion]:
        transaction = context.transaction
        oldest, newest = transaction.kept_span(low)
        floor = max(start, oldest)
        previous: bytes | None = None
        ended: int | None = None
        # Newest first within a key: the end of a version is the beginning of the one before it here.
        for key, version in transaction.history(low, high, newest):
            begin = version.timestamp
            if key != previous:
                previous, ended = key, None
            if version.row is not None and begin <= until and (ended is None or ended > floor):
                finish = None if ended is None else ended - EPOCH_MICROSECONDS
                yield key, version.row, begin - EPOCH_MICROSECONDS, finish, begin
            ended = begin

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        return f"Version Scan on {self.name}" + (f" {self.alias}" if self.alias != self.name else "")

    def details(self) -> Sequence[str]:
        lines = [f"Index Cond: {text}" for text in self.conditions]
        lines += [f"Filter: {text}" for text in self.filters]
        return lines
