"""Does the lock table grant what PostgreSQL grants, in fair order, and never leave anyone waiting for nothing?"""

from __future__ import annotations

import random
from itertools import product

import pytest

from datacave_core.errors import DeadlockDetected
from datacave_core.transaction import KEY_SHARE, NO_KEY_UPDATE, SHARE, UPDATE, LockOwner, LockTable, LockWait

MODES = (KEY_SHARE, SHARE, NO_KEY_UPDATE, UPDATE)
# PostgreSQL 15, table 13.3 (conflicting row-level locks).
CONFLICTS = {
    (KEY_SHARE, UPDATE),
    (SHARE, NO_KEY_UPDATE),
    (SHARE, UPDATE),
    (NO_KEY_UPDATE, SHARE),
    (NO_KEY_UPDATE, NO_KEY_UPDATE),
    (NO_KEY_UPDATE, UPDATE),
    (UPDATE, KEY_SHARE),
    (UPDATE, SHARE),
    (UPDATE, NO_KEY_UPDATE),
    (UPDATE, UPDATE),
}


def owners(count: int) -> list[LockOwner]:
    return [LockOwner(process_id) for process_id in range(1, count + 1)]


def wait_of(wait: LockWait | None) -> LockWait:
    assert wait is not None and not wait.done
    return wait


@pytest.mark.parametrize(("held", "asked"), list(product(MODES, MODES)))
def test_conflicts_are_those_of_postgresql(held: int, asked: int) -> None:
    table = LockTable()
    a, b = owners(2)
    assert table.acquire(a, b"k", held) is None
    conflict = (held, asked) in CONFLICTS
    assert table.try_acquire(b, b"k", asked) != conflict
    if conflict:
        wait = wait_of(table.acquire(b, b"k", asked))
        table.release_all(a)
        assert wait.done and table.held_mode(b, b"k") == asked


def test_a_stronger_mode_includes_weaker_ones() -> None:
    table = LockTable()
    (a,) = owners(1)
    for mode in (SHARE, UPDATE, KEY_SHARE, NO_KEY_UPDATE):
        assert table.acquire(a, b"k", mode) is None
    assert table.held_mode(a, b"k") == UPDATE
    table.release_all(a)
    assert table.locks() == []


def test_waiters_are_served_in_order_and_not_overtaken() -> None:
    table = LockTable()
    a, b, c, d = owners(4)
    assert table.acquire(a, b"k", SHARE) is None
    writer = wait_of(table.acquire(b, b"k", UPDATE))
    reader = wait_of(table.acquire(c, b"k", SHARE))  # would get along with a, but b was first
    assert not table.try_acquire(d, b"k", SHARE)
    late = wait_of(table.acquire(d, b"k", SHARE))
    table.release_all(a)
    assert writer.done and not reader.done and not late.done
    table.release_all(b)
    assert reader.done and late.done  # both together


def test_a_request_that_harms_no_waiter_is_granted() -> None:
    table = LockTable()
    a, b, c = owners(3)
    assert table.acquire(a, b"k", NO_KEY_UPDATE) is None
    waiting = wait_of(table.acquire(b, b"k", NO_KEY_UPDATE))
    assert table.acquire(c, b"k", KEY_SHARE) is None
    table.release_all(a)
    assert waiting.done


def test_a_holder_who_wants_more_goes_first() -> None:
    table = LockTable()
    a, b, c = owners(3)
    assert table.acquire(a, b"k", SHARE) is None
    assert table.acquire(b, b"k", SHARE) is None
    newcomer = wait_of(table.acquire(c, b"k", UPDATE))
    upgrade = wait_of(table.acquire(a, b"k", UPDATE))
    table.release_all(b)
    assert upgrade.done and not newcomer.done
    table.release_all(a)
    assert newcomer.done


def test_a_sole_holder_strengthens_past_waiters() -> None:
    table = LockTable()
    a, b = owners(2)
    assert table.acquire(a, b"k", SHARE) is None
    waiting = wait_of(table.acquire(b, b"k", UPDATE))
    assert table.acquire(a, b"k", UPDATE) is None
    table.release_all(a)
    assert waiting.done


def test_two_upgrades_are_a_deadlock() -> None:
    table = LockTable()
    a, b = owners(2)
    assert table.acquire(a, b"k", SHARE) is None
    assert table.acquire(b, b"k", SHARE) is None
    waiting = wait_of(table.acquire(a, b"k", UPDATE))
    with pytest.raises(DeadlockDetected):
        table.acquire(b, b"k", UPDATE)
    table.release_all(b)
    assert waiting.done


def test_the_last_of_a_cycle_is_the_victim_and_hears_why() -> None:
    table = LockTable()
    a, b, c = owners(3)
    for number, owner in enumerate((a, b, c), 500):
        owner.transaction_number = number
    for owner, key in ((a, b"1"), (b, b"2"), (c, b"3")):
        assert table.acquire(owner, key, UPDATE) is None
    first = wait_of(table.acquire(a, b"2", UPDATE))
    second = wait_of(table.acquire(b, b"3", UPDATE))
    with pytest.raises(DeadlockDetected) as caught:
        table.acquire(c, b"1", UPDATE)
    error = caught.value
    assert (error.sqlstate, error.message) == ("40P01", "deadlock detected")
    assert error.detail == (
        "Process 3 waits for ShareLock on transaction 500; blocked by process 1.\n"
        "Process 1 waits for ShareLock on transaction 501; blocked by process 2.\n"
        "Process 2 waits for ShareLock on transaction 502; blocked by process 3."
    )
    assert c.waiting is None and table.deadlocks == 1
    assert not first.done and not second.done
    table.release_all(c)
    assert second.done and not first.done


def test_a_cycle_through_the_queue_is_broken_by_its_order() -> None:
    # a waits behind b (who only queues on k), b waits for c's lock on k, c wants what a holds: a goes ahead of b.
    table = LockTable()
    a, b, c = owners(3)
    assert table.acquire(c, b"k", SHARE) is None
    assert table.acquire(a, b"m", UPDATE) is None
    wait_of(table.acquire(b, b"k", UPDATE))
    let_on = wait_of(table.acquire(a, b"k", SHARE))
    waiting = wait_of(table.acquire(c, b"m", UPDATE))
    assert let_on.done and not waiting.done
    table.release_all(a)
    assert waiting.done


def test_a_long_chain_of_waits_is_followed() -> None:
    table = LockTable()
    many = owners(3000)
    for number, owner in enumerate(many):
        assert table.acquire(owner, b"%d" % number, UPDATE) is None
    for number, owner in enumerate(many[:-1]):
        wait_of(table.acquire(owner, b"%d" % (number + 1), UPDATE))
    with pytest.raises(DeadlockDetected):
        table.acquire(many[-1], b"0", UPDATE)


def test_giving_up_a_wait_lets_others_pass() -> None:
    table = LockTable()
    a, b, c = owners(3)
    assert table.acquire(a, b"k", SHARE) is None
    given_up = wait_of(table.acquire(b, b"k", UPDATE))
    behind = wait_of(table.acquire(c, b"k", SHARE))
    assert table.blockers(c) == [b]
    table.cancel_wait(b)
    assert behind.done and not given_up.done and b.waiting is None
    assert table.blockers(b) == []


def test_rolling_back_to_a_savepoint_releases_and_weakens() -> None:
    table = LockTable()
    a, b = owners(2)
    assert table.acquire(a, b"early", KEY_SHARE) is None
    mark = len(a.acquired)
    assert table.acquire(a, b"early", UPDATE) is None
    assert table.acquire(a, b"late", UPDATE) is None
    early = wait_of(table.acquire(b, b"early", SHARE))
    table.release_to(a, mark, 0)
    assert early.done and table.held_mode(a, b"early") == KEY_SHARE
    assert table.held_mode(a, b"late") == 0
    assert sorted(table.locks(), key=lambda lock: lock[1].process_id) == [
        (b"early", a, KEY_SHARE, True),
        (b"early", b, SHARE, True),
    ]


@pytest.mark.parametrize("seed", range(60))
def test_random_locking_keeps_the_invariants(seed: int) -> None:
    chance = random.Random(seed)
    table = LockTable()
    everyone = owners(6)
    keys = [b"x", b"y", b"z"]
    for _ in range(300):
        owner = chance.choice(everyone)
        if owner.waiting is not None:
            if chance.random() < 0.2:
                table.cancel_wait(owner)
        elif chance.random() < 0.2:
            table.release_all(owner)
        elif chance.random() < 0.15 and owner.acquired:
            table.release_to(owner, chance.randrange(len(owner.acquired)), 0)
        else:
            key, mode = chance.choice(keys), chance.choice(MODES)
            held = table.held_mode(owner, key)
            try:
                wait = table.acquire(owner, key, mode)
            except DeadlockDetected:
                assert table.held_mode(owner, key) == held
                table.release_all(owner)
            else:
                assert (wait is None) == (table.held_mode(owner, key) >= mode)
        check(table, keys)
    for owner in everyone:
        table.release_all(owner)
    assert table.locks() == [] and all(owner.waiting is None and not owner.acquired for owner in everyone)


def check(table: LockTable, keys: list[bytes]) -> None:
    """Holders get along; whoever waits has someone to wait for; and the waits lead to someone who does not wait."""
    locks = table.locks()
    for key in keys:
        holders = [(owner, mode) for each, owner, mode, granted in locks if each == key and granted]
        assert not any(
            first is not second and (mode, other) in CONFLICTS for first, mode in holders for second, other in holders
        )
    for _, owner, _, granted in locks:
        if granted:
            continue
        seen = set()
        front = {owner}
        while front:
            current = front.pop()
            seen.add(current)
            blockers = table.blockers(current)
            assert bool(blockers) == (current.waiting is not None)
            front |= set(blockers) - seen
        assert any(each.waiting is None for each in seen)


def test_who_waits_only_behind_others_goes_ahead_rather_than_dying() -> None:
    table = LockTable()
    first, second, third = owners(3)
    assert table.acquire(first, b"x", UPDATE) is None
    assert table.acquire(second, b"y", SHARE) is None
    behind = table.acquire(second, b"x", SHARE)
    blocked = table.acquire(third, b"y", UPDATE)
    assert behind is not None and blocked is not None
    # It gets along with the holder of y; only the one who came first stands in its way, and waits for it in the end.
    assert table.acquire(first, b"y", SHARE) is None
    assert table.deadlocks == 0
    assert not blocked.done
    table.release_all(first)
    assert behind.done
    table.release_all(second)
    assert blocked.done
