"""Does the checker see planted anomalies, and call each by its name?"""

from __future__ import annotations

import pytest

from tests.histories.checker import (
    READ_COMMITTED,
    REPEATABLE_READ,
    SERIALIZABLE,
    Key,
    Transaction,
    anomalies,
    check,
)


def transaction(
    number: int,
    reads: list[tuple[Key, int]] | None = None,
    writes: list[tuple[Key, int]] | None = None,
    outcome: str = "committed",
    began: float = 0.0,
    ended: float = 100.0,
) -> Transaction:
    return Transaction(number, outcome, began, ended, reads or [], writes or [])


PLANTED = {
    # Two writers of two keys, each first at one of them.
    "G0": [transaction(1, writes=[("x", 1), ("y", 2)]), transaction(2, writes=[("x", 2), ("y", 1)])],
    "G1a": [transaction(1, writes=[("x", 1)], outcome="aborted"), transaction(2, [("x", 1)])],
    "G1b": [transaction(1, writes=[("x", 1), ("x", 2)]), transaction(2, [("x", 1)])],
    "G1c": [transaction(1, [("y", 1)], [("x", 1)]), transaction(2, [("x", 1)], [("y", 1)])],
    # Read skew: one sees the other's x, but not its y.
    "G-SI": [transaction(1, writes=[("x", 1), ("y", 1)]), transaction(2, [("x", 1), ("y", 0)])],
    # Write skew: each reads what the other writes.
    "G2": [transaction(1, [("x", 0), ("y", 0)], [("x", 1)]), transaction(2, [("x", 0), ("y", 0)], [("y", 1)])],
    # A stale read: the write was answered before the reader began.
    "not strict": [transaction(1, writes=[("x", 1)], ended=1.0), transaction(2, [("x", 0)], began=2.0)],
    "unstable read": [
        transaction(1, writes=[("x", 1)]),
        transaction(2, [("x", 0), ("x", 1)]),
    ],
    "torn order": [transaction(1, writes=[("x", 1)]), transaction(2, writes=[("x", 1)])],
    "internal": [Transaction(1, "committed", own_reads=[("x", 1, 2)], writes=[("x", 2)])],
}

FIRST_FORBIDDEN_AT = {
    "G0": READ_COMMITTED, "G1a": READ_COMMITTED, "G1b": READ_COMMITTED, "G1c": READ_COMMITTED,
    "torn order": READ_COMMITTED, "internal": READ_COMMITTED,
    "G-SI": REPEATABLE_READ, "unstable read": REPEATABLE_READ,
    "G2": SERIALIZABLE, "not strict": SERIALIZABLE,
}  # fmt: skip
LEVELS = [READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE]


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_anomalies_are_seen_at_the_levels_that_forbid_them(kind: str) -> None:
    history = PLANTED[kind]
    assert kind in {one.kind for one in anomalies(history)}
    first = LEVELS.index(FIRST_FORBIDDEN_AT[kind])
    for place, level in enumerate(LEVELS):
        found = {one.kind for one in check(history, level)}
        assert (kind in found) == (place >= first), (level, found)


def test_three_may_close_a_cycle_that_two_do_not() -> None:
    # The reader makes an order visible in which the first two cannot have run.
    history = [
        transaction(1, [("x", 0)], [("y", 1)]),
        transaction(2, [("y", 0)], [("z", 1)]),
        transaction(3, [("z", 0)], [("x", 1)]),
    ]
    assert {one.kind for one in anomalies(history)} == {"G2", "not strict"}
    assert check(history, REPEATABLE_READ) == []


def test_serial_histories_are_clean() -> None:
    history = []
    for number in range(1, 500):
        key = number % 7
        version = (number - 1) // 7 + (1 if key else 0)
        reads = [(key, version - 1)] if version else []
        history.append(
            transaction(number, reads, [(key, version)] if version else [], began=number, ended=number + 0.5)
        )
    assert list(anomalies(history)) == []


def test_lost_writes_and_writes_that_nobody_has_answered() -> None:
    history = [transaction(1, writes=[("x", 1)]), transaction(2, writes=[("y", 1)], outcome="unknown")]
    assert [one.kind for one in anomalies(history, {"x": 0, "y": 0})] == ["lost"]
    assert list(anomalies(history, {"x": 1, "y": 1})) == []
    # It was not answered, but it has happened: then it takes part in cycles.
    history = [
        transaction(1, [("y", 0)], [("x", 1)]),
        transaction(2, [("x", 0)], [("y", 1)], outcome="unknown"),
    ]
    assert list(anomalies(history, {"x": 1, "y": 0})) == []
    assert "G2" in {one.kind for one in anomalies(history, {"x": 1, "y": 1})}


def test_what_was_lost_with_the_server_may_be_written_again_by_somebody_else() -> None:
    lost = transaction(1, writes=[("x", 1), ("y", 1)], outcome="unknown")
    later = transaction(2, [("y", 0)], [("x", 1)])
    for history in ([lost, later], [later, lost]):
        assert check(history, SERIALIZABLE, {"x": 1, "y": 0}) == []
