"""Are writers slowed down the more there is to do, and does every one of them go on after a pause?"""

from __future__ import annotations

import pytest

from datacave_core.memory import SimulatedClock, SimulatedScheduler
from datacave_lsm import EngineOptions
from datacave_lsm.pressure import Pressure

OPTIONS = EngineOptions(level0_slow_files=12, level0_stop_files=24, frozen_memtables_max=2)


def made() -> tuple[Pressure, SimulatedScheduler]:
    scheduler = SimulatedScheduler(SimulatedClock())
    return Pressure(scheduler.clock, scheduler, OPTIONS), scheduler


def commits(pressure: Pressure, scheduler: SimulatedScheduler, files: int, seconds: float, clients: int = 8) -> int:
    """How many commits of half a millisecond clients make that wait as long as they are asked to."""
    done = 0
    end = scheduler.clock.monotonic() + seconds
    while scheduler.clock.monotonic() < end:
        for _ in range(clients):
            if pressure.delay(0, files, 0.0, 0.0, None) is None:
                done += 1
        scheduler.run_for(0.0005)
    return done


def test_a_writer_that_has_paused_goes_on() -> None:
    pressure, scheduler = made()
    assert pressure.delay(0, 11, 0.9, 0.0, None) is None
    slow = pressure.delay(0, 13, 0.0, 0.0, None)
    assert slow is not None
    assert pressure.delay(0, 13, 0.0, 0.0, None) is slow
    scheduler.run_for(0.0021)
    assert slow.done
    assert pressure.delay(0, 13, 0.0, 0.0, None) is None
    scheduler.run_for(0.003)
    assert pressure.delay(0, 13, 0.0, 0.0, None) not in (None, slow)
    assert (pressure.slowdowns, pressure.stalls) == (2, 0)


def test_the_more_files_the_fewer_commits_and_never_none() -> None:
    rates = []
    for files in range(11, 24):
        pressure, scheduler = made()
        rates.append(commits(pressure, scheduler, files, 1.0))
    assert rates == sorted(rates, reverse=True)
    assert rates[0] >= 16_000
    assert rates[1] > 8_000
    assert rates[-1] > 1_000


def test_a_memtable_that_fills_up_behind_another_one_slows_down_in_time() -> None:
    pressure, _ = made()
    assert [pressure.pause_seconds(1, 0, filled, 0.0) for filled in (0.0, 0.5, 0.75, 1.0, 2.0)] == [
        0,
        0,
        0.005,
        0.01,
        0.01,
    ]
    assert pressure.pause_seconds(0, 0, 1.0, 0.0) == 0
    assert pressure.pause_seconds(1, 20, 0.9, 0.9) == pytest.approx(0.009)


def test_a_flush_that_keeps_up_lets_writers_go_on() -> None:
    pressure, _ = made()
    pauses = [pressure.pause_seconds(1, 0, 0.8, flushed) for flushed in (0.0, 0.7, 0.75, 0.8, 0.9)]
    assert pauses == pytest.approx([0.006, 0.004, 0.002, 0.0, 0.0])
    assert pressure.pause_seconds(1, 0, 1.0, 0.9) == pytest.approx(0.004)  # the file is being completed
    assert pressure.pause_seconds(1, 0, 0.4, 0.0) == 0
