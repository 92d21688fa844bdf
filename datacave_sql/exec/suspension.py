"""Suspension: waiting in the middle of an expression.

Operators are generators, so they wait by yielding. A function written in SQL is called by generated code, which cannot
yield; plans that call one run inside a greenlet of their own, and a Wait met by the function's statements leaves it
through `wait_inside`, between two rows of the plan, as if an operator had yielded it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from greenlet import getcurrent, greenlet

from datacave_core.errors import FeatureNotSupported
from datacave_core.wait import Turn, Wait
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator

_END = object()


class _Worker(greenlet):  # type: ignore[misc]
    """A greenlet whose parent takes Waits."""


def suspendable(source: Iterator[Any]) -> Iterator[Any]:
    """The items of a generator, and the Waits that `wait_inside` meets while it makes them."""

    def work() -> Any:
        for item in source:
            getcurrent().parent.switch(item)
        return _END

    worker = _Worker(work)
    try:
        worker.parent = getcurrent()
        item = worker.switch()
        while item is not _END:
            try:
                yield item
            except GeneratorExit:
                raise
            except BaseException as error:
                worker.parent = getcurrent()
                item = worker.throw(error)
            else:
                worker.parent = getcurrent()
                item = worker.switch()
    finally:
        if not worker.dead:
            worker.parent = getcurrent()
            worker.throw()


def wait_inside(wait: Wait) -> None:
    """Waits where no yield is possible. Raises 0A000 outside of `suspendable`, if there is anything to wait for."""
    current = getcurrent()
    if isinstance(current, _Worker):
        current.parent.switch(wait)
    elif isinstance(wait, Turn):
        return
    elif wait.done:
        wait.raise_error()
    else:
        raise FeatureNotSupported(
            "a function cannot wait for a lock in this place", hint="Call it in the select list of a query."
        )


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
