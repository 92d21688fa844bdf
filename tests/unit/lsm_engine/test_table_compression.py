"""Are new files of a table compressed as was chosen for it, whoever writes them, and does the choice stay?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from datacave_core.compression import Compression, TableCompression
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.rowbatch import ColumnVector
from datacave_core.wait import TURN, Steps, Wait
from datacave_lsm import Engine, EngineOptions, perform_merge
from datacave_lsm.compressions import Compressions
from datacave_lsm.format import Seals
from datacave_lsm.inspect import inspect_file

TABLES = NONE, LZ4, ZSTD, PLAIN = [bytes((0, 0, 0, number)) for number in (1, 2, 3, 4)]
CHOICES = {
    NONE: TableCompression(Compression.NONE),
    LZ4: TableCompression(Compression.LZ4),
    ZSTD: TableCompression(Compression.ZSTD, 19),
}
LAYOUT = Layout(1, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.TEXT)))
OPTIONS = EngineOptions(ingest_rows_min=200, zstd_level_min=1, row_cache_bytes=0)


def text(number: int) -> str:
    return f"the {number}th of many texts that look like one another, {number * 7919}"


class Node:
    """An engine on a simulated disk; with `elsewhere` a worker does the merges."""

    def __init__(self, options: EngineOptions = OPTIONS, *, elsewhere: bool = False) -> None:
        self.options = options
        self.worker = self if elsewhere else None
        self.files = MemoryFileSystem()
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.open()

    def open(self) -> None:
        self.engine = Engine.open(
            self.files,
            self.scheduler.clock,
            self.scheduler,
            SeededRandomness(0),
            self.options,
            None,
            self.worker,
        )
        for table in TABLES:
            self.engine.set_layout(table + b"\0\0", LAYOUT)

    def submit(self, request: bytes, done: Callable[[bytes | None, BaseException | None], None]) -> Callable[[], None]:
        self.scheduler.run(lambda: perform_merge(self.files, SeededRandomness(1), None, request), done)
        return lambda: None

    def settle(self, event: Wait) -> None:
        self.scheduler.run_for(1)
        assert event.done
        event.raise_error()

    def finish(self, steps: Steps[Any]) -> Any:
        while True:
            try:
                event = next(steps)
            except StopIteration as stop:
                return stop.value
            if event is not TURN and not event.done:
                self.settle(event)

    def choose(self) -> None:
        for table, choice in CHOICES.items():
            self.engine.set_compression(table, choice)

    def put(self, first: int, count: int) -> None:
        numbers = range(first, first + count)
        self.engine.commit({table + b"\0\0%05d" % n: (n, text(n)) for table in TABLES for n in numbers})

    def flush(self) -> None:
        self.settle(self.engine.flush())

    def compact(self) -> None:
        self.settle(self.engine.compact())

    def found(self) -> dict[bytes, set[str]]:
        """How the texts of each table are compressed."""
        found: dict[bytes, set[str]] = {}
        for name in self.files.list("tables"):
            facts = inspect_file(self.files, f"tables/{name}", Seals(), records=True)
            for group in facts["groups"]:
                found.setdefault(bytes.fromhex(group["first_key"])[:4], set()).add(group["compression"][1])
        return found

    def check(self, numbers: range) -> None:
        for table in TABLES:
            rows = [row for batch in self.engine.scan_rows(table + b"\0\0", table + b"\0\1", 2**62) for row in batch]
            assert rows == [(n, text(n)) for n in numbers]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])
def test_flushes_and_merges_obey(elsewhere: bool) -> None:
    node = Node(elsewhere=elsewhere)
    node.choose()
    node.put(0, 150)
    node.flush()
    assert node.found() == {NONE: {"none"}, LZ4: {"lz4"}, ZSTD: {"zstd"}, PLAIN: {"lz4"}}
    node.put(150, 150)
    node.flush()
    node.compact()
    assert node.found() == {NONE: {"none"}, LZ4: {"lz4"}, ZSTD: {"zstd"}, PLAIN: {"zstd"}}
    node.check(range(300))


def test_rows_that_go_straight_into_files_obey() -> None:
    node = Node()
    node.choose()
    prepared = node.finish(node.engine.prepare({t + b"\0\0%05d" % n: (n, text(n)) for t in TABLES for n in range(300)}))
    node.engine.commit({}, prepared=prepared)
    for table in TABLES:
        load = node.engine.begin_load(table + b"\0\0")
        assert load is not None
        numbers = list(range(300, 600))
        columns = [vector_of(numbers), ColumnVector([text(n) for n in numbers])]
        assert node.finish(load.add([table + b"\0\0%05d" % n for n in numbers], columns))
        node.finish(load.finish())
        node.engine.commit({}, loads=[load])
    # The other table has what the level says that its files come to.
    assert node.found() == {NONE: {"none"}, LZ4: {"lz4"}, ZSTD: {"zstd"}, PLAIN: {"zstd"}}
    node.check(range(600))


def vector_of(numbers: list[int]) -> ColumnVector:
    return ColumnVector(np.array(numbers, np.int64))


def test_a_choice_counts_for_files_that_are_written_from_then_on() -> None:
    node = Node(replace(OPTIONS, compression=False))
    node.put(0, 150)
    node.flush()
    node.engine.set_compression(ZSTD, CHOICES[ZSTD])
    assert set().union(*node.found().values()) == {"none"}
    node.compact()
    node.put(150, 150)
    node.flush()
    node.compact()
    assert node.found() == {NONE: {"none"}, LZ4: {"none"}, ZSTD: {"zstd"}, PLAIN: {"none"}}
    node.engine.set_compression(ZSTD, None)
    node.put(300, 100)
    node.flush()
    node.compact()
    assert node.found()[ZSTD] == {"none"}


def test_higher_levels_of_zstd_make_smaller_files() -> None:
    sizes = []
    for level in (1, 19):
        node = Node()
        node.engine.set_compression(ZSTD, TableCompression(Compression.ZSTD, level))
        chance = Random(1)
        words = [f"{chance.randrange(2**40):x}" for _ in range(500)]
        rows = [(n, " ".join(chance.choices(words, k=9))) for n in range(2_000)]
        node.engine.commit({ZSTD + b"\0\0%05d" % row[0]: row for row in rows})
        node.flush()
        sizes.append(node.engine.statistics()["level_bytes"][0])
    assert sizes[1] < sizes[0]


def test_choices_survive_a_restart_and_go_when_they_are_taken_back() -> None:
    node = Node()
    node.choose()
    node.scheduler.run_for(1)
    node.scheduler = SimulatedScheduler(node.scheduler.clock)  # what was under way is gone
    node.files.disk.locks.clear()
    node.open()
    assert node.engine.compressions() == CHOICES
    node.engine.set_compression(NONE, None)
    node.settle(node.engine.close())
    node.open()
    assert node.engine.compressions() == {table: CHOICES[table] for table in (LZ4, ZSTD)}
    node.put(0, 150)
    node.flush()
    assert node.found() == {NONE: {"lz4"}, LZ4: {"lz4"}, ZSTD: {"zstd"}, PLAIN: {"lz4"}}


def test_the_manifest_hears_of_choices_only_while_there_are_any() -> None:
    compressions = Compressions({})
    assert compressions.edit_fields() == {}
    assert compressions.set(LZ4, CHOICES[LZ4]) and not compressions.set(LZ4, CHOICES[LZ4])
    assert compressions.edit_fields() == {"compressions": ((LZ4, CHOICES[LZ4]),)}
    assert compressions.set(LZ4, None) and not compressions.set(LZ4, None)
    # The edit that says so may fail.
    assert [compressions.edit_fields() for _ in range(2)] == [{"compressions": ()}] * 2
    with pytest.raises(ValueError, match="4 bytes"):
        compressions.set(b"short", None)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("none", TableCompression(Compression.NONE)),
        (" LZ4 ", TableCompression(Compression.LZ4)),
        ("zstd", TableCompression(Compression.ZSTD, 3)),
        ("Zstd:22", TableCompression(Compression.ZSTD, 22)),
    ],
)
def test_choices_are_read(text: str, choice: TableCompression) -> None:
    assert TableCompression.parse(text) == choice


@pytest.mark.parametrize("text", ["", "gzip", "zstd:", "zstd:0", "zstd:23", "zstd:-1", "zstd:3:3", "lz4:1", "zstd:²"])
def test_what_is_no_choice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no "):
        TableCompression.parse(text)
