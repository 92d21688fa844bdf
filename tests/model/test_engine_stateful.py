"""The engine as a state machine against a dictionary of versions: Hypothesis looks for short stories that break it."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_lsm import Engine, EngineOptions, KeyRing
from tests.model.long_run import run_seed

PREFIX = b"\0\0\0\1\0\0"
KEYS = st.integers(0, 12).map(lambda number: PREFIX + b"%02d" % number)
VALUES = st.none() | st.binary(max_size=12).map(lambda value: (value,))
RING = KeyRing({"k": bytes(32)}, "k")
NEW_RING = KeyRing({"k": bytes(32), "n": bytes([1]) * 32}, "n")


class EngineMachine(RuleBasedStateMachine):
    """`history` holds every version by key, newest last."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.files = MemoryFileSystem()
        self.history: dict[bytes, list[tuple[int, object]]] = {}
        self.stamps = [0]
        self.checkpoints = 0

    @initialize(
        sealed=st.booleans(),
        retention=st.sampled_from((0.0, 3600.0)),
        slice_rows=st.sampled_from((1, 3, 100)),
        group_rows=st.sampled_from((1, 4, 100)),
        trigger=st.integers(1, 3),
    )
    def begin(self, sealed: bool, retention: float, slice_rows: int, group_rows: int, trigger: int) -> None:
        self.ring = RING if sealed else None
        self.options = EngineOptions(
            memtable_bytes_max=3_000,
            log_segment_bytes=400,
            log_fragment_bytes_max=50,
            table_bytes_max=600,
            level0_trigger_files=trigger,
            level1_bytes=1_000,
            level_growth=2,
            level_count=4,
            retention_seconds=retention,
            slice_rows=slice_rows,
            group_rows_max=group_rows,
            manifest_bytes_max=300,
        )
        self.engine = self.open()

    def open(self) -> Engine:
        clock = self.scheduler.clock
        return Engine.open(self.files, clock, self.scheduler, SeededRandomness(0), self.options, self.ring)

    def settle(self, event) -> None:
        self.scheduler.run_for(2)
        assert event.done
        event.raise_error()

    @rule(writes=st.dictionaries(KEYS, VALUES, min_size=1, max_size=8), durable=st.booleans())
    def commit(self, writes, durable: bool) -> None:
        stamp = self.engine.commit(writes, wait_durable=durable).timestamp
        assert stamp > self.stamps[-1]
        self.stamps.append(stamp)
        for key, row in writes.items():
            self.history.setdefault(key, []).append((stamp, row))

    @rule(steps=st.integers(1, 10))
    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.scheduler.step()

    @rule(seconds=st.floats(0.01, 2))
    def wait(self, seconds: float) -> None:
        self.scheduler.run_for(seconds)

    @rule()
    def flush(self) -> None:
        self.engine.flush()

    @rule()
    def compact(self) -> None:
        self.engine.compact()

    @rule()
    def reopen(self) -> None:
        self.settle(self.engine.close())
        self.engine = self.open()
        assert self.engine.newest_timestamp >= self.stamps[-1]

    @rule()
    def checkpoint(self) -> None:
        self.checkpoints += 1
        self.engine.checkpoint(f"checkpoints/{self.checkpoints}").finished.subscribe(lambda: None)
        self.scheduler.run_for(2)

    @rule()
    def rotate(self) -> None:
        if self.ring is not None:
            self.ring = NEW_RING
            self.settle(self.engine.rotate_key(NEW_RING).finished)

    def expected(self, key: bytes, stamp: int) -> object:
        return next((row for when, row in reversed(self.history.get(key, [])) if when <= stamp), None)

    @rule(place=st.integers(0, 10), reverse=st.booleans(), batch_rows=st.sampled_from((1, 3, 100)), keys=st.sets(KEYS))
    def read(self, place: int, reverse: bool, batch_rows: int, keys: set[bytes]) -> None:
        stamp = max(self.stamps[-1 - min(place, len(self.stamps) - 1)], self.engine.oldest_readable())
        for key in keys:
            assert self.engine.get(key, stamp) == self.expected(key, stamp)
        low, high = (min(keys), max(keys)) if len(keys) > 1 else (PREFIX, None)
        batches = self.engine.scan(low, high, stamp, reverse=reverse, batch_rows=batch_rows)
        rows = [pair for batch in batches for pair in batch]
        known = sorted((key for key in self.history if low <= key and (high is None or key < high)), reverse=reverse)
        assert rows == [(key, row) for key in known if (row := self.expected(key, stamp)) is not None]

    @invariant()
    def newest_rows_are_there(self) -> None:
        if self.history:
            key = next(reversed(self.history))
            assert self.engine.get(key, self.stamps[-1]) == self.expected(key, self.stamps[-1])


EngineMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEngine = EngineMachine.TestCase


def test_a_quick_sample_of_the_long_run() -> None:
    """All of it: python -m tests.model.long_run."""
    assert sum(run_seed(seed, 250) for seed in (11, 12)) > 1_000
