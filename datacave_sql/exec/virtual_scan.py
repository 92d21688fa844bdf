"""Virtual scan: rows that are computed from the catalog, for pg_catalog and information_schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from datacave_core.rowbatch import BATCH_ROWS
from datacave_core.wait import TURN
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class VirtualScan:
    """`relation.rows(context)` gives complete rows; `make(c)(rows)` filters and projects them.

    With a `lookup` (attribute number, `make(c)()` giving values) only `relation.lookup(..)`'s rows are read.
    """

    relation: Any
    name: str
    alias: str
    make: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    filters: tuple[str, ...] = ()
    lookup: tuple[int, Factory] | None = None
    lookup_text: str = ""

    def open(self, context: ExecutionContext) -> Batches:
        run = self.make(context)
        if self.lookup is not None:
            attribute, make_values = self.lookup
            rows = iter(self.relation.lookup(attribute, make_values(context)(), context))
        else:
            rows = iter(self.relation.rows(context))
        while batch := list(islice(rows, BATCH_ROWS)):
            if found := run(batch):
                yield found
            if context.slice_over():
                yield TURN

    def children(self) -> Sequence[Operator]:
        return ()

    def label(self) -> str:
        kind = "Seq Scan" if self.lookup is None else "Lookup"
        return f"{kind} on {self.name}" + (f" {self.alias}" if self.alias != self.name else "")

    def details(self) -> Sequence[str]:
        condition = (f"Lookup Cond: {self.lookup_text}",) if self.lookup_text else ()
        return condition + tuple(f"Filter: {text}" for text in self.filters)
