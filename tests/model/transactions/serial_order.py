"""Serial order: is there an order in which SERIALIZABLE transactions, run one by one, give what they gave?

A search with one rule that keeps it short: a transaction that was answered before another one began comes before it,
so that at each place only those can come that were under way together. What was tried in vain is remembered by the
transactions placed and the state they have left.
"""

from __future__ import annotations

from tests.model.transactions.judge import GIVEN_UP, Watched
from tests.model.transactions.statements import UNIQUE, Own, Reading, State, evaluate

_UNFIT = frozenset((*GIVEN_UP, "40001"))


def run_alone(watched: Watched, state: State, constraint: str) -> State | None:
    """The state that a transaction leaves if it runs alone on another one; None if it would not have seen what it
    saw."""
    own: Own = {}
    marks: dict[str, Own] = {}
    events = list(watched.undone)
    for place, (statement, outcome, number) in enumerate([*watched.steps, (None, None, ())]):
        while events and events[0][1] == place:
            what, _, name = events.pop(0)[0].rpartition(" ")
            if what == "savepoint":
                marks[name] = own
            else:
                own = marks[name]
        if statement is None or outcome is None or outcome.error in _UNFIT:
            continue
        expected = evaluate(statement, Reading(state, state, own, True, constraint), number)
        if statement.policy == "SKIP LOCKED":
            expected = expected.without_skipped(outcome.rows)
        if not outcome.fits(expected):
            return None
        own = expected.own or own
    if not own:
        return state
    left = dict(state)
    for identity, row in own.items():
        if row is None:
            left.pop(identity, None)
        else:
            left[identity] = (row, 0)
    return left


def serial_order(
    transactions: list[Watched], first: State, last: list[tuple[object, ...]], constraint: str = UNIQUE
) -> list[int] | None:
    """The numbers of committed transactions, given in the order of their commits, in a serial order that ends in the
    rows `last`; None if there is none."""
    tried: set[tuple[frozenset[int], frozenset[object]]] = set()
    order: list[int] = []

    def place(rest: list[Watched], state: State) -> bool:
        if not rest:
            return sorted(row for row, _ in state.values()) == last
        known = (frozenset(one.number for one in rest), frozenset(row for row, _ in state.values()))
        if known in tried:
            return False
        tried.add(known)
        soonest_end = min(one.ended_at for one in rest)
        for candidate in rest:
            if candidate.began_at > soonest_end:
                continue
            left = run_alone(candidate, state, constraint)
            if left is not None:
                order.append(candidate.number)
                if place([one for one in rest if one is not candidate], left):
                    return True
                order.pop()
        return False

    return order if place(transactions, first) else None
