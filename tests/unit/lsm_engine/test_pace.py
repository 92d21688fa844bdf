"""Does a merge keep to its bytes a second, in the loop and in a process of its own?"""

from __future__ import annotations

from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, EngineOptions, perform_merge
from datacave_lsm.compaction.pace import Pace
from datacave_lsm.inline import InlineScheduler, run_inline

PREFIX = b"\0\0\0\1\0\0"


def test_pauses_add_up_to_the_limit() -> None:
    slept: list[float] = []
    pace = Pace(InlineScheduler(slept.append), 1_000_000)
    for written in range(0, 500_001, 1000):
        run_inline(pace.follow(written))
    for written in range(0, 500_001, 1000):  # a new file
        run_inline(pace.follow(written))
    assert 0.98 < sum(slept) < 1.01
    assert min(slept) >= 0.01


def test_no_limit_no_pause() -> None:
    run_inline(Pace(InlineScheduler(), 0).follow(1 << 40))


def seconds_of_a_merge(bytes_per_second: int, outside: bool) -> tuple[float, float]:
    """Simulated seconds of a merge in the loop, or seconds slept in the worker."""
    clock = SimulatedClock()
    scheduler = SimulatedScheduler(clock)
    files = MemoryFileSystem()
    slept: list[float] = []

    class Worker:
        def submit(self, request, done):
            answer = perform_merge(files, SeededRandomness(1), None, request, slept.append)
            scheduler.call_soon(lambda: done(answer, None))
            return lambda: None

    options = EngineOptions(merge_bytes_per_second_max=bytes_per_second, retention_seconds=0.0, group_rows_max=64)
    engine = Engine.open(files, clock, scheduler, SeededRandomness(1), options, None, Worker() if outside else None)
    for part in range(3):
        engine.commit({PREFIX + b"%06d" % number: (b"%d" % (number * 7919),) for number in range(part, 3000, 2)})
        flushed = engine.flush()
        scheduler.run_for(5)
        assert flushed.done
    start = clock.monotonic()
    compacted = engine.compact()
    while not compacted.done:
        scheduler.run_for(0.01)
    compacted.raise_error()
    return clock.monotonic() - start, sum(slept)


def test_a_merge_in_the_loop_takes_its_time() -> None:
    assert seconds_of_a_merge(0, False)[0] < 0.1
    assert seconds_of_a_merge(20_000, False)[0] > 0.5


def test_a_merge_in_another_process_takes_its_time() -> None:
    assert seconds_of_a_merge(0, True)[1] == 0
    assert seconds_of_a_merge(20_000, True)[1] > 0.5
