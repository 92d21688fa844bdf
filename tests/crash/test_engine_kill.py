"""Does the engine survive kill -9 under load? A sample of tests.crash.kill_rounds, and of its judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedScheduler
from datacave_lsm import Engine
from tests.crash.kill_rounds import LAYOUT, PREFIX, Rounds, judge, rows_of, writes_of


def test_nothing_acknowledged_is_lost_by_kills(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path / "database", seed=4, sealed=True)
    rounds.run(3)
    assert rounds.rounds == 3
    assert sum(rounds.acknowledged) > 0


@pytest.mark.parametrize("fault", ["none", "lost", "part", "phantom", "wrong"])
def test_the_judge_sees_planted_faults(fault: str) -> None:
    scheduler = SimulatedScheduler()
    engine = Engine.open(MemoryFileSystem(), scheduler.clock, scheduler, SeededRandomness(0))
    engine.set_layout(PREFIX, LAYOUT)
    for number in range(1, 30):
        if fault != "lost" or number != 25:
            engine.commit(writes_of(3, number))
    key = PREFIX + b"\3" + b"%08d.%03d" % (28, rows_of(28) - 1)
    if fault == "part":
        engine.commit({key: None})
    if fault == "phantom":
        engine.commit({PREFIX + b"\3" + b"%08d.%03d" % (30, 0): (30, "")})
    if fault == "wrong":
        engine.commit({key: (28, "other")})
    if fault == "none":
        assert judge(engine, 3) == 29
        return
    with pytest.raises(AssertionError, match="writer 3"):
        judge(engine, 3)
