"""Merge: every row of the child is a row of the source, with the target's row that it matches or with none.

All rows of the child are read before the first one is written. A matched row is locked before it is written; one that
has changed since the snapshot is judged again, and counts as not matched where it no longer matches or is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.transaction import NO_KEY_UPDATE, UPDATE
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.modify import collected
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.row_writer import RowWriter
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.table.access import TableAccess


@dataclass(slots=True)
class MergeBranch:
    """One WHEN. kind: "update", "insert", "delete", "nothing"; `make_condition(c)(child_row)`, `make_new(c)(child_row)`
    gives the complete new row of an update or insert."""

    matched: bool
    kind: str
    make_condition: Factory | None
    make_new: Factory | None
    changes_key: bool
    assigned: frozenset[int] = frozenset()


@dataclass(slots=True)
class Merge:
    """`make_fresh` and `make_recheck` are Update's; `unmatched(child_row)` is the row without the target's values."""

    access: TableAccess
    child: Operator
    key_slot: int
    row_slot: int
    branches: tuple[MergeBranch, ...]
    make_fresh: Factory
    make_unmatched: Factory
    make_recheck: Factory | None
    make_check: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]
    make_generated: Factory | None = None

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
            yield from run.writer.finish()
        finally:
            if frozen:
                context.transaction.thaw_reads()

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return f"Merge on {self.access.table.name}"

    def details(self) -> Sequence[str]:
        return ()


class MergeRun:
    """One execution."""

    def __init__(self, merge: Merge, context: ExecutionContext) -> None:
        self.context = context
        self.writer = RowWriter(context, merge.access)
        self._merge = merge
        self._branches: list[tuple[MergeBranch, Any, Any]] = [
            (
                branch,
                branch.make_condition(context) if branch.make_condition is not None else None,
                branch.make_new(context) if branch.make_new is not None else None,
            )
            for branch in merge.branches
        ]
        self._fresh = merge.make_fresh(context)
        self._regenerate = merge.make_generated(context) if merge.make_generated is not None else None
        self._unmatched = merge.make_unmatched(context)
        self._recheck = merge.make_recheck(context) if merge.make_recheck is not None else None
        self._check = merge.make_check(context) if merge.make_check is not None else None

    def row(self, found: Row) -> Steps[None]:
        """Does what the first branch whose condition holds says. Raises 21000 for a row that was written before."""
        key: bytes | None = found[self._merge.key_slot]
        newest = False
        while key is not None:
            chosen = self._chosen(True, found)
            if chosen is None or chosen[0].kind == "nothing":
                return
            branch, _, make_new = chosen
            if self.context.transaction.written_since_freeze(key):
                raise DatacaveError(
                    "MERGE command cannot affect row a second time",
                    sqlstate=sqlstate.CARDINALITY_VIOLATION,
                    hint="Ensure that not more than one source row matches any one target row.",
                )
            mode = NO_KEY_UPDATE if branch.kind == "update" and not branch.changes_key else UPDATE
            locked = yield from self.writer.lock_newest(key, mode)
            old = None
            if locked is not None:
                key, old = locked
            if old is not None and (newest or old == found[self._merge.row_slot]):
                yield from self._write(branch, key, old, found, make_new)
                return
            if old is not None:
                found = self._fresh(found, old)
                newest = True
                if self._recheck is None or self._recheck(found):
                    continue
            key = None
        chosen = self._chosen(False, self._unmatched(found))
        if chosen is not None and chosen[0].kind == "insert":
            row = chosen[2](found)
            triggers = self.writer.triggers
            if triggers is not None:
                given = yield from triggers.before_insert(row, self._regenerate)
                if given is None:
                    return
                row = given
            self._test(row)
            yield from self.writer.insert(row)
            if triggers is not None:
                triggers.after("i", None, row)
            self.context.rows_changed += 1

    def _chosen(self, matched: bool, found: Row) -> tuple[MergeBranch, Any, Any] | None:
        for item in self._branches:
            branch, condition, _ = item
            if branch.matched == matched and (condition is None or condition(found)):
                return item
        return None

    def _write(self, branch: MergeBranch, key: bytes, old: Row, found: Row, make_new: Any) -> Steps[None]:
        triggers = self.writer.triggers
        new: Row | None = make_new(found) if branch.kind != "delete" else None
        if triggers is not None:
            triggers.assigned = branch.assigned
            given = yield from triggers.before_write(
                self.writer, key, UPDATE, old, new, self._regenerate, "updated or deleted"
            )
            if given is None:
                return
            new = given if new is not None else None
        if new is None:
            self.writer.delete(key, old)
        else:
            self._test(new)
            yield from self.writer.update(key, old, new)
        if triggers is not None:
            triggers.after("d" if new is None else "u", old, new)
        self.context.rows_changed += 1

    def _test(self, row: Row) -> None:
        self.writer.check_not_null(row)
        if self._check is not None and (violated := self._check(row)) is not None:
            raise self.writer.check_failed(violated, row)
