"""Do merges get along with deletes of rows whose layout nobody has registered any more?"""

from __future__ import annotations

import pytest

from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions

PREFIX = b"\0\0\0\1\0\0"
OTHER = b"\0\0\0\2\0\0"
NOW = 2**62

LAYOUTS = {
    "one column": Layout(1, (PhysicalColumn(PhysicalType.INT64),)),
    "two columns": Layout(2, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.TEXT))),
    "text first": Layout(2, (PhysicalColumn(PhysicalType.TEXT), PhysicalColumn(PhysicalType.FLOAT64))),
}
ROWS = {"one column": (7,), "two columns": (7, "x"), "text first": ("x", 0.5)}


@pytest.mark.parametrize("kept", ["nothing", "some rows"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_deletes_after_a_restart_merge_with_the_rows_of_a_dropped_table(name: str, kept: str) -> None:
    scheduler = SimulatedScheduler(SimulatedClock())
    files = MemoryFileSystem()

    def open_engine() -> Engine:
        return Engine.open(files, scheduler.clock, scheduler, SeededRandomness(0), EngineOptions())

    def settle(event: Wait) -> None:
        scheduler.run_for(1)
        assert event.done
        event.raise_error()

    engine = open_engine()
    engine.set_layout(PREFIX, LAYOUTS[name])
    keys = [PREFIX + b"%03d" % number for number in range(50)]
    first = engine.commit(dict.fromkeys(keys, ROWS[name]))
    scheduler.run_ready()
    settle(engine.flush())
    settle(engine.close())
    # The log of that time, which knows the layout, is gone.
    engine = open_engine()
    engine.commit({OTHER + b"a": (b"1",)})
    scheduler.run_ready()
    settle(engine.flush())
    settle(engine.close())
    engine = open_engine()
    gone = keys if kept == "nothing" else keys[10:]
    engine.commit(dict.fromkeys(gone))
    scheduler.run_ready()
    settle(engine.flush())
    settle(engine.compact())
    assert [key for batch in engine.scan(PREFIX, OTHER, NOW) for key, _ in batch] == keys[: len(keys) - len(gone)]
    assert [row for batch in engine.scan(PREFIX, OTHER, first.timestamp) for _, row in batch] == [ROWS[name]] * 50
    settle(engine.close())
