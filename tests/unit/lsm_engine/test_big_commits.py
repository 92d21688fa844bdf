"""Does a big commit stay unseen until it is made, and whole from then on, whatever happens between its parts?"""

from __future__ import annotations

from itertools import chain

import pytest

from datacave_core.errors import DataCorrupted
from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.ports import Prepared
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait
from datacave_lsm import Engine, EngineOptions
from datacave_lsm.wal import EntryEncoder, batch_entry

PREFIX = b"\0\0\0\1\0\0"
OPTIONS = EngineOptions(memtable_bytes_max=20_000, batch_bytes_min=20_000, log_segment_bytes=2_000, slice_rows=10)


class House:
    """An engine on a simulated disk that can be opened again."""

    def __init__(self) -> None:
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.files = MemoryFileSystem()
        self.open()

    def open(self) -> None:
        self.engine = Engine.open(self.files, self.scheduler.clock, self.scheduler, SeededRandomness(1), OPTIONS)

    def settle(self, event: Wait) -> None:
        while not event.done:
            self.scheduler.run_for(0.3)
        event.raise_error()

    def reopen(self) -> None:
        self.settle(self.engine.close())
        self.open()

    def finish(self, steps: Steps[Prepared]) -> Prepared:
        try:
            while True:
                wait = next(steps)
                if wait is not TURN:
                    self.settle(wait)
        except StopIteration as end:
            prepared: Prepared = end.value
            return prepared

    def found(self) -> dict[bytes, Row]:
        return dict(chain.from_iterable(self.engine.scan(PREFIX, None, self.engine.newest_timestamp)))


def rows_of(count: int, mark: bytes) -> dict[bytes, Row | None]:
    return {PREFIX + b"%04d" % (number * 37 % count): (mark,) for number in range(count)}


@pytest.mark.parametrize("count", [30, 300], ids=["into the memtable", "a memtable of its own"])
def test_rows_appear_with_the_commit_and_stay(count: int) -> None:
    house = House()
    house.settle(house.engine.commit(rows_of(count, b"old")).durable)
    before = house.engine.newest_timestamp
    writes = rows_of(count, b"new")
    steps = house.engine.prepare(writes)
    next(steps)
    # Others commit, and are flushed and removed from the log, between the parts.
    house.settle(house.engine.commit({PREFIX + b"other": (b"1",)}).durable)
    house.settle(house.engine.flush())
    prepared = house.finish(steps)
    assert house.found() == rows_of(count, b"old") | {PREFIX + b"other": (b"1",)}
    timestamp = house.engine.commit(writes, prepared=prepared).timestamp
    everything = rows_of(count, b"new") | {PREFIX + b"other": (b"1",)}
    assert house.found() == everything
    assert house.engine.get(PREFIX + b"0007", timestamp) == (b"new",)
    assert house.engine.get(PREFIX + b"0007", before) == (b"old",)
    house.reopen()
    assert house.found() == everything
    house.settle(house.engine.flush())
    house.reopen()
    assert house.found() == everything
    history = list(house.engine.history(PREFIX, None, before, timestamp))
    assert [version.timestamp for key, version in history].count(timestamp) == count
    assert len(history) == count + 1


def test_segments_stay_for_a_commit_that_is_being_prepared() -> None:
    house = House()
    writes = rows_of(300, b"x")
    steps = house.engine.prepare(writes)
    for _ in range(20):
        next(steps)
    for number in range(200):
        house.settle(house.engine.commit({PREFIX + b"s%03d" % number: (b"y" * 50,)}).durable)
    house.settle(house.engine.flush())
    prepared = house.finish(steps)
    house.settle(house.engine.commit(writes, prepared=prepared).durable)
    house.reopen()
    assert len(house.found()) == 500
    assert len(list(house.engine.history(PREFIX, None, 0, house.engine.newest_timestamp))) == 500


def test_what_is_given_up_or_never_committed_is_forgotten() -> None:
    house = House()
    house.finish(house.engine.prepare(rows_of(100, b"a"))).give_up()
    unfinished = house.engine.prepare(rows_of(100, b"b"))
    next(unfinished)
    house.finish(house.engine.prepare(rows_of(100, b"c")))
    assert house.found() == {}
    house.reopen()
    assert house.found() == {}


def test_a_commit_without_all_its_rows_is_damage() -> None:
    house = House()
    payload = EntryEncoder().encode(batch_entry(house.scheduler.clock.now_microseconds(), 77, 5))
    house.engine._log.append(payload, house.engine.commit({PREFIX: (b"",)}), False)
    with pytest.raises(
        DataCorrupted, match=r'"wal/0000000001.log" ends batch 77 with 5 rows, of which the write-ahead log holds 0'
    ):
        house.reopen()
