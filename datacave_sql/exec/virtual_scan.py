"""Virtual scan: rows that are computed from the catalog, for pg_catalog and information_schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

    With a `lookup` (attribute number, `make(c)()`: values, None for all) only what `relation.lookup` gives is read.
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
    found_by: tuple[tuple[int, int], ...] = ()  # (column id, attribute) by which `found` finds rows

    def open(self, context: ExecutionContext) -> Batches:
        if self.lookup is not None:
            attribute, make_values = self.lookup
            values = make_values(context)()
        if self.lookup is not None and values is not None:
            rows = iter(self.relation.lookup(attribute, values, context))
        else:
            rows = iter(self.relation.rows(context))
        yield from self._batches(rows, context)

    def found(self, attribute: int, values: Sequence[Any], context: ExecutionContext) -> Batches:
        """The same, of the rows alone whose column has one of these values."""
        yield from self._batches(iter(self.relation.lookup(attribute, values, context)), context)

    def _batches(self, rows: Iterator[Any], context: ExecutionContext) -> Batches:
        run = self.make(context)
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
