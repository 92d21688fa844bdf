"""Suspension: waiting in the middle of an expression.

Operators are generators, so they wait by yielding. Subqueries that are no joins, functions written in SQL and functions
that wait (pg_sleep, pg_advisory_lock) are called by generated code, which cannot yield; plans with such calls run
inside a greenlet of their own (suspendable.py), and a Wait that is met there leaves it through `wait_inside`, between
two rows of the plan, as if an operator had yielded it. An error that is thrown in comes out of `wait_inside`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

from datacave_core.errors import FeatureNotSupported
from datacave_core.wait import TURN, Steps, Turn, Wait

_END = object()
LONG_CHARACTERS_MIN = 20_000
"""Statements from this length on take their time to be read and planned."""

SLICE_SECONDS = 0.004
"""How long a statement may hold the event loop before it lets others have a turn."""

T = TypeVar("T")


class _Worker(greenlet):  # type: ignore[misc]
    """A greenlet whose parent takes Waits."""


def suspendable(source: Iterator[Any]) -> Iterator[Any]:
    """The items of a generator, and the Waits that `wait_inside` meets while it makes them."""

    def work() -> Any:
        items: Any = source
        item = next(items, _END)
        while item is not _END:
            try:
                getcurrent().parent.switch(item)
            except GreenletExit:
                items.close()
                raise
            except BaseException as error:
                item = items.throw(error)
            else:
                item = next(items, _END)
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


def pause_inside() -> None:
    """Lets others have a turn, if it is theirs, in the middle of a function whose plan is suspendable."""
    if perf_counter() > TURN.resumed_at + SLICE_SECONDS:
        wait_inside(TURN)


def paused(items: Iterable[T], every: int = 256) -> Iterator[T]:
    """The items of something long, with pauses."""
    for number, item in enumerate(items, 1):
        yield item
        if number % every == 0:
            pause_inside()


def suspended(call: Callable[[], T]) -> Steps[T]:
    """Calls what may wait where it cannot yield; its Waits and its value."""
    if isinstance(getcurrent(), _Worker):
        return call()

    def once() -> Iterator[Any]:
        yield [call()]

    result: Any = None
    for item in suspendable(once()):
        if isinstance(item, Wait):
            yield item
        else:
            result = item[0]
    return result  # type: ignore[no-any-return]


def in_turns(text: str, call: Callable[[], T]) -> Steps[T]:
    """Calls what reads a statement; where its text is long, with pauses."""
    if len(text) < LONG_CHARACTERS_MIN:
        return call()
    return (yield from suspended(call))


def run_inside(steps: Steps[Any]) -> Any:
    """Runs what has to wait where no yield is possible; its value."""
    while True:
        try:
            wait = next(steps)
        except StopIteration as end:
            return end.value
        wait_inside(wait)
