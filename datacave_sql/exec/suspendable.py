"""Suspendable: the root of a plan whose expressions may wait; to all others it looks like its child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.suspension import suspendable


@dataclass(slots=True)
class Suspendable:
    """The root of a plan whose expressions may wait."""

    child: Operator
    columns: tuple[int, ...]
    not_null: frozenset[int]

    def open(self, context: ExecutionContext) -> Batches:
        return suspendable(self.child.open(context))

    def children(self) -> Sequence[Operator]:
        return self.child.children()

    def label(self) -> str:
        return self.child.label()

    def details(self) -> Sequence[str]:
        return self.child.details()
