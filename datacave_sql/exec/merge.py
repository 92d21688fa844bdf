"""Merge: every row of the child is a row of the source, with the target's row that it matches or with none.

All rows of the child are read before the first one is written. A matched row is locked before it is written; one that
has changed since the snapshot is judged again, and counts as not matched where it no longer matches or is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.disposal import discard
from datacave_core.errors import DatacaveError
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.transaction import NO_KEY_UPDATE, UPDATE
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.modify import collected
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.routed_insert import RoutedInsert, RoutedRun
from datacave_sql.exec.row_writer import RowWriter
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.table.access import TableAccess


@dataclass(slots=True)
class MergeBranch:
    """One WHEN. kind: "update", "insert", "delete", "nothing"; `make_condition(c)(child_row)`; `make_insert(c)
    (child_row)` gives the complete row that an insert makes."""

    matched: bool
    kind: str
    make_condition: Factory | None
    make_insert: Factory | None


@dataclass(slots=True)
class MergeUpdate:
    """What an "update" does to the rows of one table: `make_new(c)(child_row)` gives the complete new row.

    `make_secured(c)(new_row)` names what row security does not let pass. `assigned` are the columns that it names,
    `changes_key` says whether some of them are in a unique index.
    """

    make_new: Factory
    make_secured: Factory | None
    assigned: frozenset[int]
    changes_key: bool


@dataclass(slots=True)
class MergeTarget:
    """One of the tables with rows of the target. The factories are Update's; `updates` are by the places of their
    branches, and so is what row security asks of the row that a branch writes over; `make_secured` is for new rows."""

    access: TableAccess
    updates: Mapping[int, MergeUpdate]
    make_existing: Mapping[int, Factory | None]
    make_secured: Factory | None
    make_fresh: Factory
    make_check: Factory | None
    make_generated: Factory | None
    make_stays: Factory | None = None
    make_moving: Factory | None = None


@dataclass(slots=True)
class Merge:
    """`targets` are by key prefix; new rows go to the one of `own_prefix`, or through the router of a partitioned
    table; those that leave their partition go through `mover`, if there is one. `make_recheck` is Update's;
    `make_unmatched(c)(child_row)` is the row without the target's values."""

    table: Table
    child: Operator
    key_slot: int
    row_slot: int
    branches: tuple[MergeBranch, ...]
    targets: Mapping[bytes, MergeTarget]
    own_prefix: bytes
    router: RoutedInsert | None
    mover: RoutedInsert | None
    make_unmatched: Factory
    make_recheck: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        source: list[Row] = []
        yield from collected(context, self.child, source)
        run = MergeRun(self, context)
        frozen = context.transaction.freeze_reads()
        try:
            for found in source:
                yield from run.row(found)
                if context.slice_over():
                    yield TURN
            yield from run.finish()
        finally:
            if frozen:
                context.transaction.thaw_reads()
            discard(source)

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return f"Merge on {self.table.name}"

    def details(self) -> Sequence[str]:
        return ()


class TargetRun:
    """What one execution writes one of the tables with."""

    __slots__ = ("check", "existing", "fresh", "moving", "news", "regenerate", "secured", "stays", "updated", "writer")

    def __init__(self, context: ExecutionContext, target: MergeTarget) -> None:
        self.writer = RowWriter(context, target.access)
        self.news: dict[int, Any] = {place: one.make_new(context) for place, one in target.updates.items()}
        self.updated = _running(context, {place: one.make_secured for place, one in target.updates.items()})
        self.existing = _running(context, target.make_existing)
        self.secured = target.make_secured(context) if target.make_secured is not None else None
        self.fresh = target.make_fresh(context)
        self.check = target.make_check(context) if target.make_check is not None else None
        self.regenerate = target.make_generated(context) if target.make_generated is not None else None
        self.stays = target.make_stays(context) if target.make_stays is not None else None
        self.moving = target.make_moving(context) if target.make_moving is not None else None

    def allow(self, secured: Any, row: Row) -> None:
        """Raises 42501 for a row that row security does not let pass; `secured` None asks nothing."""
        if secured is not None and (violated := secured(row)) is not None:
            raise self.writer.check_failed(violated, row)

    def test(self, row: Row) -> None:
        """Raises 23502 and 23514."""
        self.writer.check_not_null(row)
        if self.check is not None and (violated := self.check(row)) is not None:
            raise self.writer.check_failed(violated, row)


def _running(context: ExecutionContext, factories: Mapping[int, Factory | None]) -> dict[int, Any]:
    return {place: make(context) for place, make in factories.items() if make is not None}


class MergeRun:
    """One execution."""

    def __init__(self, merge: Merge, context: ExecutionContext) -> None:
        self.context = context
        self._merge = merge
        self._conditions = [
            branch.make_condition(context) if branch.make_condition is not None else None for branch in merge.branches
        ]
        self._inserts = [
            branch.make_insert(context) if branch.make_insert is not None else None for branch in merge.branches
        ]
        self._runs: dict[bytes, TargetRun] = {}
        self._router = RoutedRun(context, merge.router) if merge.router is not None else None
        self._mover = RoutedRun(context, merge.mover) if merge.mover is not None else self._router
        self._unmatched = merge.make_unmatched(context)
        self._recheck = merge.make_recheck(context) if merge.make_recheck is not None else None

    def _run(self, prefix: bytes) -> TargetRun:
        run = self._runs.get(prefix)
        if run is None:
            run = self._runs[prefix] = TargetRun(self.context, self._merge.targets[prefix])
        return run

    def finish(self) -> Steps[None]:
        """Called when all rows are written."""
        if self._router is not None:
            yield from self._router.finish()
        if self._mover is not None and self._mover is not self._router:
            yield from self._mover.finish()
        for run in self._runs.values():
            yield from run.writer.finish()

    def row(self, found: Row) -> Steps[None]:
        """Does what the first branch whose condition holds says. Raises 21000 for a row that was written before."""
        key: bytes | None = found[self._merge.key_slot]
        newest = False
        while key is not None:
            place = self._chosen(True, found)
            if place is None or self._merge.branches[place].kind == "nothing":
                return
            if self.context.transaction.written_since_freeze(key):
                raise DatacaveError(
                    "MERGE command cannot affect row a second time",
                    sqlstate=sqlstate.CARDINALITY_VIOLATION,
                    hint="Ensure that not more than one source row matches any one target row.",
                )
            prefix = key[:PREFIX_LENGTH]
            run = self._run(prefix)
            update = self._merge.targets[prefix].updates.get(place)
            mode = NO_KEY_UPDATE if update is not None and not update.changes_key else UPDATE
            locked = yield from run.writer.lock_newest(key, mode)
            old = None
            if locked is not None:
                key, old = locked
            if old is not None and (newest or old == found[self._merge.row_slot]):
                yield from self._write(run, update, place, key, old, found)
                return
            if old is not None:
                found = run.fresh(found, old)
                newest = True
                if self._recheck is None or self._recheck(found):
                    continue
            key = None
        place = self._chosen(False, self._unmatched(found))
        if place is None or (make := self._inserts[place]) is None:
            return
        if self._router is not None:
            yield from self._router.write([make(found)], None)
        else:
            yield from self._insert(self._run(self._merge.own_prefix), make(found))

    def _insert(self, run: TargetRun, row: Row) -> Steps[None]:
        triggers = run.writer.triggers
        if triggers is not None:
            given = yield from triggers.before_insert(row, run.regenerate)
            if given is None:
                return
            row = given
        run.allow(run.secured, row)
        run.test(row)
        yield from run.writer.insert(row)
        if triggers is not None:
            triggers.after("i", None, row)
        self.context.rows_changed += 1

    def _chosen(self, matched: bool, found: Row) -> int | None:
        """The place of the branch whose condition holds first."""
        for place, branch in enumerate(self._merge.branches):
            condition = self._conditions[place]
            if branch.matched == matched and (condition is None or condition(found)):
                return place
        return None

    def _write(
        self, run: TargetRun, update: MergeUpdate | None, place: int, key: bytes, old: Row, found: Row
    ) -> Steps[None]:
        writer = run.writer
        triggers = writer.triggers
        run.allow(run.existing.get(place), old)
        new: Row | None = run.news[place](found) if update is not None else None
        if triggers is not None:
            triggers.assigned = update.assigned if update is not None else frozenset()
            given = yield from triggers.before_write(
                writer, key, UPDATE, old, new, run.regenerate, "updated or deleted"
            )
            if given is None:
                return
            new = given if new is not None else None
        if new is not None:
            run.allow(run.updated.get(place), new)
        if new is None:
            writer.delete(key, old)
        elif run.stays is not None and not run.stays(new):
            if self._mover is None or run.moving is None:
                raise writer.partition_failed(new)
            if triggers is not None and (yield from triggers.before_write(writer, key, UPDATE, old, None)) is None:
                return
            moving = run.moving(new)
            writer.move(key, old, moving, self._merge.table)
            if triggers is not None:
                triggers.after("d", old, None)
            # The insert counts the row.
            yield from self._mover.write([moving], None)
            return
        else:
            run.test(new)
            yield from writer.update(key, old, new)
        if triggers is not None:
            triggers.after("d" if new is None else "u", old, new)
        self.context.rows_changed += 1
