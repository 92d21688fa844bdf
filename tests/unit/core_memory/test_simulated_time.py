"""Do the clock, the scheduler and chance do the same again for the same seed?"""

from __future__ import annotations

import pytest

from datacave_core.memory import SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.memory import scheduler as scheduler_module
from datacave_core.ports import Clock, Randomness, Scheduler


def test_time_stands_still_until_it_is_moved() -> None:
    clock = SimulatedClock()
    port: Clock = clock
    before = port.now_microseconds()
    clock.advance(1.5)
    assert (port.now_microseconds() - before, port.monotonic()) == (1_500_000, 1.5)
    clock.jump_wall(-10)
    assert (port.now_microseconds() - before, port.monotonic()) == (-8_500_000, 1.5)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


def test_chance_repeats_itself() -> None:
    first: Randomness = SeededRandomness(7)
    assert first.token_bytes(8) + first.token_bytes(8) == SeededRandomness(7).token_bytes(16)
    assert SeededRandomness(8).token_bytes(16) != SeededRandomness(7).token_bytes(16)


def order_of_twenty(seed: int | None) -> list[int]:
    scheduler = SimulatedScheduler(seed=seed)
    ran: list[int] = []
    for number in range(20):
        scheduler.call_soon(lambda number=number: ran.append(number))  # type: ignore[misc]
    scheduler.run_ready()
    assert not scheduler.step()
    return ran


def test_the_order_is_the_seed() -> None:
    assert order_of_twenty(None) == list(range(20))
    assert order_of_twenty(1) == order_of_twenty(1) != order_of_twenty(2)
    assert sorted(order_of_twenty(1)) == list(range(20))


def test_timers_run_in_their_time() -> None:
    scheduler = SimulatedScheduler()
    port: Scheduler = scheduler
    ran: list[tuple[str, float]] = []

    def note(name: str) -> None:
        ran.append((name, scheduler.clock.monotonic()))

    port.call_later(2, lambda: note("second"))

    def plan_another() -> None:
        port.call_later(0.5, lambda: note("nested"))

    port.call_later(1, plan_another)
    port.call_later(-5, lambda: note("at once"))
    take_back = port.call_later(1, lambda: note("never"))
    take_back()
    port.call_later(10, lambda: note("late"))
    scheduler.run_for(3)
    assert ran == [("at once", 0.0), ("nested", 1.5), ("second", 2.0)]
    assert scheduler.clock.monotonic() == 3
    scheduler.run_until_idle()
    assert ran[-1] == ("late", 10.0)
    take_back()


def test_threads_hand_back_results_and_errors() -> None:
    scheduler = SimulatedScheduler()
    got: list[tuple[int | None, BaseException | None]] = []
    error = OSError("broken")

    def fail() -> int:
        raise error

    scheduler.run(lambda: 7, lambda result, problem: got.append((result, problem)))
    scheduler.run(fail, lambda result, problem: got.append((result, problem)))
    assert got == []
    scheduler.run_ready()
    assert got == [(7, None), (None, error)]


def test_endless_work_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler_module, "STEPS_MAX", 100)
    scheduler = SimulatedScheduler()

    def again() -> None:
        scheduler.call_soon(again)

    again()
    with pytest.raises(RuntimeError, match="busy"):
        scheduler.run_ready()
