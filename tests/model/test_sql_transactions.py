"""Do SQL sessions under way together see what their isolation levels allow? Short runs of tests.model.transactions, and
whether their judge notices histories that are not allowed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model.transactions.judge import (
    LEVELS,
    READ_COMMITTED,
    REPEATABLE_READ,
    SERIALIZABLE,
    Judge,
    Outcome,
    Violation,
    Watched,
)
from tests.model.transactions.serial_order import serial_order
from tests.model.transactions.statements import (
    ACTIONS,
    DEFERRABLE,
    EVERYTHING,
    EXCLUSION,
    UNIQUE,
    Assignment,
    Row,
    Statement,
    Where,
)
from tests.model.transactions.world import RULES, World

SEEDS = range(9001, 9004)
ROWS: list[Row] = [(1, None, 0, 10), (2, 7, 1, 20)]
SUM = Statement("sum", EVERYTHING)
KEY_ONE = Where("key", 1)
INCREMENT = Statement("update", KEY_ONE, assignment=Assignment("v", step=1))


@pytest.mark.parametrize("engine", [False, True], ids=["memory", "engine"])
@pytest.mark.parametrize("level", RULES)
def test_random_transactions_see_what_their_level_allows(level: str, engine: bool) -> None:
    for seed in SEEDS:
        World(seed, level, engine=engine).run()


@pytest.mark.parametrize("constraint", [DEFERRABLE, EXCLUSION])
@pytest.mark.parametrize("level", RULES)
def test_deferrable_and_exclusion_constraints_keep_to_the_levels_too(level: str, constraint: str) -> None:
    for seed in SEEDS:
        World(seed, level, engine=False, constraint=constraint).run()


@pytest.mark.parametrize("action", ACTIONS)
def test_foreign_keys_keep_to_the_levels_too(action: str) -> None:
    for number, level in enumerate(RULES):
        World(9001 + number, level, engine=False, constraint=action).run()


@pytest.mark.parametrize("seed", [416, 437])
def test_an_error_about_a_row_that_the_snapshot_does_not_show_does_not_break_the_serial_order(seed: int) -> None:
    World(seed, SERIALIZABLE, engine=False).run()


def test_a_seed_repeats_every_event() -> None:
    first, second = (World(17, "mixed", engine=True) for _ in range(2))
    first.run()
    second.run()
    assert first.trace == second.trace
    assert first.hash.hexdigest() == second.hash.hexdigest()


class Played:
    """A history that is told to a judge."""

    def __init__(self, level: str, constraint: str = UNIQUE, rows: list[Row] = ROWS) -> None:
        self.judge = Judge(rows, constraint)
        self.level = level

    def begin(self, number: int) -> Watched:
        return self.judge.begin(number, self.level)

    def see(self, watched: Watched, statement: Statement, *rows: Any, error: str = "") -> None:
        self.judge.start(watched)
        self.judge.outcome(watched, statement, Outcome(error=error) if error else Outcome(tuple(rows)))

    def commit(self, watched: Watched, *, wrote: bool = True) -> None:
        self.judge.answered(watched, self.judge.commit(watched, wrote=wrote))


@pytest.mark.parametrize("level", LEVELS)
def test_a_dirty_read_is_noticed(level: str) -> None:
    played = Played(level)
    writer, reader = played.begin(1), played.begin(2)
    played.see(writer, INCREMENT, (1, None, 0, 11))
    with pytest.raises(Violation, match="no snapshot explains"):
        played.see(reader, Statement("select", KEY_ONE), (1, None, 0, 11))


def test_a_stale_read_is_noticed() -> None:
    played = Played(REPEATABLE_READ)
    writer = played.begin(1)
    played.see(writer, INCREMENT, (1, None, 0, 11))
    played.commit(writer)
    with pytest.raises(Violation, match="no snapshot explains"):
        played.see(played.begin(2), Statement("select", KEY_ONE), (1, None, 0, 10))


def test_a_read_that_does_not_repeat_is_noticed_at_repeatable_read() -> None:
    for level, allowed in ((READ_COMMITTED, True), (REPEATABLE_READ, False)):
        played = Played(level)
        reader, writer = played.begin(1), played.begin(2)
        played.see(reader, SUM, (2, 30))
        played.see(writer, INCREMENT, (1, None, 0, 11))
        played.commit(writer)
        if allowed:
            played.see(reader, SUM, (2, 31))
        else:
            with pytest.raises(Violation, match="no snapshot explains"):
                played.see(reader, SUM, (2, 31))


@pytest.mark.parametrize("level", LEVELS)
def test_a_lost_update_is_noticed(level: str) -> None:
    played = Played(level)
    first, second = played.begin(1), played.begin(2)
    played.see(first, INCREMENT, (1, None, 0, 11))
    with pytest.raises(Violation):
        played.see(second, INCREMENT, (1, None, 0, 11))
        played.commit(first)
        played.commit(second)


def test_an_update_under_the_lock_of_another_is_noticed() -> None:
    played = Played(READ_COMMITTED)
    locker, writer = played.begin(1), played.begin(2)
    played.see(locker, Statement("lock", KEY_ONE, mode="share"), (1, None, 0, 10))
    played.see(writer, INCREMENT, (1, None, 0, 11))
    with pytest.raises(Violation, match="under the lock"):
        played.commit(writer)


def test_a_key_that_is_there_twice_is_noticed() -> None:
    played = Played(READ_COMMITTED)
    insert = Statement("insert", rows=((3, None, 0, 1),))
    for number in (1, 2):
        played.see(played.begin(number), insert, (3, None, 0, 1))
    first, second = played.judge.active.values()
    played.commit(first)
    with pytest.raises(Violation, match="twice"):
        played.commit(second)


def test_errors_without_a_cause_are_noticed() -> None:
    for level, error in (
        (READ_COMMITTED, "40001"),
        (REPEATABLE_READ, "40001"),
        (SERIALIZABLE, "40001"),
        (READ_COMMITTED, "40P01"),
    ):
        played = Played(level)
        with pytest.raises(Violation):
            played.see(played.begin(1), INCREMENT, error=error)
    played = Played(READ_COMMITTED)
    with pytest.raises(Violation, match="23505"):
        played.see(played.begin(1), Statement("insert", rows=((3, None, 0, 1),)), error="23505")


def test_a_rolled_back_savepoint_that_leaves_something_is_noticed() -> None:
    played = Played(READ_COMMITTED)
    watched = played.begin(1)
    played.judge.savepoint(watched, "s")
    played.see(watched, INCREMENT, (1, None, 0, 11))
    played.judge.rollback_to(watched, "s")
    with pytest.raises(Violation):
        played.see(watched, SUM, (2, 31))


REFERRING_ROW: Row = (1000, 1, 0, 5)
DELETE_ONE = Statement("delete", KEY_ONE)
REFER_TO_ONE = Statement("insert", rows=((1001, 1, 0, 6),), table="r")


def test_a_cascade_that_leaves_rows_behind_is_noticed() -> None:
    for action, left in (("cascade", 0), ("set null", 1)):
        played = Played(READ_COMMITTED, action, [*ROWS, REFERRING_ROW])
        writer = played.begin(1)
        played.see(writer, DELETE_ONE, ROWS[0])
        count = Statement("sum", EVERYTHING, table="r")
        with pytest.raises(Violation, match="no snapshot explains"):
            played.see(writer, count, (1 - left, 5 * (1 - left)))
        played.see(writer, count, (left, 5 * left))


def test_a_row_that_goes_though_others_refer_to_it_is_noticed() -> None:
    for action in ("no action", "restrict"):
        played = Played(READ_COMMITTED, action, [*ROWS, REFERRING_ROW])
        with pytest.raises(Violation, match="23503"):
            played.see(played.begin(1), DELETE_ONE, ROWS[0])


def test_a_reference_to_a_row_that_another_takes_away_is_noticed() -> None:
    played = Played(READ_COMMITTED, "no action")
    refers, deletes = played.begin(1), played.begin(2)
    played.see(refers, REFER_TO_ONE, REFER_TO_ONE.rows[0])
    played.see(deletes, DELETE_ONE, ROWS[0])
    with pytest.raises(Violation, match="under the lock"):
        played.commit(deletes)
    played.commit(refers)
    assert (1001, 1, 0, 6) in played.judge.rows()


def test_a_reference_to_nothing_is_noticed() -> None:
    played = Played(READ_COMMITTED, "no action", ROWS[1:])
    with pytest.raises(Violation, match="23503"):
        played.see(played.begin(1), REFER_TO_ONE, REFER_TO_ONE.rows[0])


def test_a_free_row_that_is_skipped_is_noticed() -> None:
    lock = Statement("lock", EVERYTHING, policy="SKIP LOCKED")
    played = Played(READ_COMMITTED)
    with pytest.raises(Violation, match="no snapshot explains"):
        played.see(played.begin(1), lock, ROWS[1])
    other = played.begin(2)
    played.see(other, lock, ROWS[1])


def skew(level: str, *, both_write: bool) -> Played:
    """Two transactions each of which reads what the other one writes."""
    played = Played(level)
    first, second = played.begin(1), played.begin(2)
    for watched, key in ((first, 1), (second, 2)):
        played.see(watched, SUM, (2, 30))
        if key == 1 or both_write:
            row: Row = (1, None, 0, 99) if key == 1 else (2, 7, 1, 99)
            statement = Statement("update", Where("key", key), assignment=Assignment("v", 99))
            played.see(watched, statement, row)
    played.commit(first)
    played.commit(second, wrote=both_write)
    return played


def test_write_skew_has_no_serial_order() -> None:
    for both_write, ordered in ((True, None), (False, [2, 1])):
        judge = skew(SERIALIZABLE, both_write=both_write).judge
        assert serial_order(judge.committed, judge.states[0], list(judge.rows())) == ordered


def test_an_order_against_the_answers_is_none() -> None:
    played = Played(SERIALIZABLE)
    writer = played.begin(1)
    played.see(writer, INCREMENT, (1, None, 0, 11))
    played.commit(writer)
    reader = played.begin(2)
    played.judge.acknowledged = 0  # as if the answer had not come yet
    played.see(reader, SUM, (2, 30))
    played.commit(reader, wrote=False)
    assert serial_order(played.judge.committed, played.judge.states[0], list(played.judge.rows())) is None
