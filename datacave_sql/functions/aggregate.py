"""Aggregate: the running state of an aggregate function.

For every group: `state = initial()`; rows go in one by one through `step` or many at a time through `batch`; `final`
turns the state into the value. The executor applies DISTINCT, ORDER BY and FILTER before, and leaves out rows with a
NULL argument where `strict` says so. Bodies are made per call for its types, so `final` of array_agg knows its element.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datacave_sql.functions.body import CallTypes


@dataclass(frozen=True, slots=True)
class AggregateBody:
    """One aggregate for one call's types.

    `step(state, *args) -> state`; `batch(state, values) -> state` takes a list of values of a one-argument aggregate
    (non-NULL ones if `strict`) and equals repeated steps; None where there is none. For `count(*)` the list is any
    sized sequence of the rows. `final(state, *direct) -> value`, where `direct` are the direct arguments of an
    ordered-set aggregate, whose input must arrive sorted. `takes_context`: `final` gets the EvaluationContext first.
    `combine(state, other) -> state` merges two partial states, or None. `inverse(state, *args) -> state` takes the
    oldest row out again for moving frames, or None. `order_matters` says that the order of the
    input rows shows in the result. `hypothetical`: `final(rows, direct, key)`, see ordered_set.py.
    `late` makes the body that a running statement (an EvaluationContext) uses, for functions that need one.
    """

    initial: Callable[[], Any]
    step: Callable[..., Any]
    final: Callable[..., Any]
    strict: bool = True
    batch: Callable[[Any, Any], Any] | None = None
    combine: Callable[[Any, Any], Any] | None = None
    inverse: Callable[..., Any] | None = None
    takes_context: bool = False
    order_matters: bool = False
    hypothetical: bool = False
    late: Callable[[Any], AggregateBody] | None = None

    def within(self, context: Any) -> AggregateBody:
        """The body for one execution."""
        return self if self.late is None else self.late(context)


AggregateMaker = Callable[[CallTypes], AggregateBody]


class Aggregates:
    """The aggregates of one family by symbol, e.g. "sum(23)"."""

    def __init__(self) -> None:
        self.entries: dict[str, AggregateMaker] = {}

    def add(self, symbols: tuple[str, ...], body: AggregateBody) -> None:
        """One body, whatever the types."""
        for symbol in symbols:
            self.put(symbol, lambda types: body)

    def for_types(self, *symbols: str) -> Callable[[AggregateMaker], AggregateMaker]:
        """Decorates a function from CallTypes to the body."""

        def keep(make: AggregateMaker) -> AggregateMaker:
            for symbol in symbols:
                self.put(symbol, make)
            return make

        return keep

    def put(self, symbol: str, make: AggregateMaker) -> None:
        if symbol in self.entries:
            raise AssertionError(f"{symbol} has two bodies")
        self.entries[symbol] = make
