"""Lookup join: for every left row, the one row of a table whose primary key the left row names.

Kinds: inner, left, semi, anti.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core.wait import TURN, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory


@dataclass(slots=True)
class LookupJoin:
    """`make_keys(c)(rows)` gives one key, or None, per left row; `make_join(c)(rows, keys, found)` the joined rows."""

    kind: str
    child: Operator
    table_name: str
    alias: str
    index_name: str
    make_keys: Factory
    make_join: Factory
    columns: tuple[int, ...]
    not_null: frozenset[int]
    conditions: tuple[str, ...]
    filters: tuple[str, ...] = ()
    counted_oid: int = 0

    def open(self, context: ExecutionContext) -> Batches:
        keys_of = self.make_keys(context)
        join = self.make_join(context)
        get = context.transaction.get
        counts = context.counts(self.counted_oid)
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            keys = keys_of(batch)
            found = [None if key is None else get(key) for key in keys]
            counts.scans += len(keys) - keys.count(None)
            counts.fetched += len(found) - found.count(None)
            if rows := join(batch, keys, found):
                yield rows
            if context.slice_over():
                yield TURN

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return lookup_label(self.kind, self.index_name, self.table_name, self.alias)

    def details(self) -> Sequence[str]:
        return lookup_details(self.conditions, self.filters)


_KINDS = {"inner": "", "left": " Left Join", "semi": " Semi Join", "anti": " Anti Join"}


def lookup_label(kind: str, index: str, table: str, alias: str) -> str:
    """A lookup join's line in EXPLAIN."""
    shown = f" {alias}" if alias != table else ""
    return f"Nested Loop{_KINDS[kind]} using {index} on {table}{shown}"


def lookup_details(conditions: Sequence[str], filters: Sequence[str]) -> list[str]:
    """What EXPLAIN says below it."""
    lines = ["Index Cond: " + " AND ".join(conditions)]
    if filters:
        lines.append("Join Filter: " + " AND ".join(filters))
    return lines
