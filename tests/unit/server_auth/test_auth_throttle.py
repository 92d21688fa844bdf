"""Guessing is slowed down to five tries a second, for the guessed user from the guessing address only."""

from __future__ import annotations

from datacave_server.throttle import ENTRIES_MAX, FORGET_SECONDS, FREE_FAILURES, FailureThrottle


def failing(throttle: FailureThrottle, count: int, now: float = 0.0, user: str = "ann") -> None:
    for _ in range(count):
        throttle.failed(user, "10.0.0.1", now)


def test_the_first_failures_are_free() -> None:
    throttle = FailureThrottle()
    for _ in range(FREE_FAILURES):
        assert throttle.delay_seconds("ann", "10.0.0.1", 0.0, 10) == 0
        throttle.failed("ann", "10.0.0.1", 0.0)
    assert throttle.delay_seconds("ann", "10.0.0.1", 0.0, 10) > 0


def test_a_guesser_gets_five_tries_a_second() -> None:
    throttle = FailureThrottle()
    failing(throttle, FREE_FAILURES)
    now, tries = 0.0, 0
    while now < 10:
        now += throttle.delay_seconds("ann", "10.0.0.1", now, 10)
        throttle.failed("ann", "10.0.0.1", now)
        tries += 1
    assert 45 <= tries <= 51


def test_tries_at_the_same_time_queue_up() -> None:
    throttle = FailureThrottle()
    failing(throttle, FREE_FAILURES)
    delays = [throttle.delay_seconds("ann", "10.0.0.1", 1.0, 10) for _ in range(6)]
    assert [round(delay, 3) for delay in delays] == [0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_a_try_that_would_wait_too_long_takes_no_turn() -> None:
    throttle = FailureThrottle()
    failing(throttle, FREE_FAILURES)
    for _ in range(1000):
        throttle.delay_seconds("ann", "10.0.0.1", 1.0, 2.0)
    assert 2.0 < throttle.delay_seconds("ann", "10.0.0.1", 1.0, 2.0) < 2.5


def test_others_are_not_slowed_down() -> None:
    throttle = FailureThrottle()
    failing(throttle, 100)
    assert throttle.delay_seconds("bob", "10.0.0.1", 0.0, 10) == 0
    assert throttle.delay_seconds("ann", "10.0.0.2", 0.0, 10) == 0


def test_success_and_time_forget() -> None:
    throttle = FailureThrottle()
    failing(throttle, 100)
    throttle.succeeded("ann", "10.0.0.1")
    assert throttle.delay_seconds("ann", "10.0.0.1", 0.0, 10) == 0
    failing(throttle, 100)
    assert throttle.delay_seconds("ann", "10.0.0.1", FORGET_SECONDS + 1, 10) == 0


def test_the_table_is_bounded() -> None:
    throttle = FailureThrottle()
    for number in range(ENTRIES_MAX + 100):
        failing(throttle, 1, user=f"user{number}")
    assert len(throttle._entries) == ENTRIES_MAX
