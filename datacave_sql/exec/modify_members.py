"""ModifyMembers: UPDATE and DELETE of a parent table, whose rows lie in several tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from datacave_core.catalog import Table
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.values import Row
from datacave_core.wait import Steps
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.modify import Delete, Update, collected
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.routed_insert import RoutedInsert, RoutedRun
from datacave_sql.exec.row_writer import RowWriter
from datacave_sql.exec.sort import batches_of


@dataclass(slots=True)
class ModifyMembers:
    """The child finds the rows of all tables; which one a row is of, its key tells. `members` are by key prefix."""

    name: str
    child: Operator
    key_slot: int
    members: Mapping[bytes, Update | Delete]
    columns: tuple[int, ...]
    not_null: frozenset[int]
    router: RoutedInsert | None = None
    """Where rows go that leave their partition."""
    table: Table | None = None
    """The table that is named."""

    def open(self, context: ExecutionContext) -> Batches:
        source: list[Row] = []
        yield from collected(context, self.child, source)
        slot = self.key_slot
        groups: dict[bytes, list[Row]] = {}
        for row in source:
            groups.setdefault(row[slot][:PREFIX_LENGTH], []).append(row)
        returned: list[Row] = []
        yield from self._write(context, groups, returned)
        yield from batches_of(returned)

    def rewrite(self, changes: Iterable[tuple[ExecutionContext, Sequence[bytes]]]) -> Steps[None]:
        """Updates rows by their keys, as far as they still qualify: what a foreign key does, with the parameters of
        each context in turn."""
        writers: dict[bytes, RowWriter] = {}
        mover: RoutedRun | None = None
        for context, keys in changes:
            mover = mover or self._mover(context)
            by_prefix: dict[bytes, list[bytes]] = {}
            for key in keys:
                by_prefix.setdefault(key[:PREFIX_LENGTH], []).append(key)
            for prefix, own in by_prefix.items():
                member = self.members[prefix]
                assert isinstance(member, Update)
                writers[prefix] = yield from member.write(
                    context,
                    member.rows_of_keys(own),
                    [],
                    _moving(mover),
                    self.table,
                    again=True,
                    writer=writers.get(prefix),
                )
        yield from _finish(mover, writers.values())

    def _mover(self, context: ExecutionContext) -> RoutedRun | None:
        return RoutedRun(context, self.router) if self.router is not None else None

    def _write(self, context: ExecutionContext, groups: Mapping[bytes, list[Row]], returned: list[Row]) -> Steps[None]:
        writers = []
        mover = self._mover(context)
        for prefix, rows in groups.items():
            member = self.members[prefix]
            if isinstance(member, Update):
                writer = yield from member.write(context, rows, returned, _moving(mover), self.table)
            else:
                writer = yield from member.write(context, rows, returned)
            writers.append(writer)
        yield from _finish(mover, writers)

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return self.name

    def details(self) -> Sequence[str]:
        return tuple(member.label() for member in self.members.values())


def _moving(mover: RoutedRun | None) -> Callable[[list[Row], list[Row]], Steps[None]] | None:
    return mover.write if mover is not None else None


def _finish(mover: RoutedRun | None, writers: Iterable[RowWriter]) -> Steps[None]:
    if mover is not None:
        yield from mover.finish()
    # Only now are all rows gone, and those with new keys in their new places.
    for writer in writers:
        yield from writer.finish()
