"""Does a merge done by another process give the same files, and what if that process is lost?"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from datacave_core.errors import DataCorrupted
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions, KeyRing, perform_merge
from datacave_lsm.compaction.remote import MergeRequest
from datacave_lsm.retention import Retention, Retentions

PREFIX = b"\0\0\0\1\0\0"
RETENTIONS = Retentions(Retention((5, 9)), {b"abcd": Retention((7,))})
LAYOUT = Layout(
    3,
    (
        PhysicalColumn(PhysicalType.INT64),
        PhysicalColumn(PhysicalType.DECIMAL64, scale=2, missing=Decimal("1.25")),
        PhysicalColumn(PhysicalType.TEXT, nullable=False, missing="m"),
    ),
)
RING = KeyRing({"k": bytes(range(32))}, "k")


class Node:
    """An engine whose merges go to this very object, which works, loses them, or never answers."""

    def __init__(self, behaviour: str, ring: KeyRing | None = None) -> None:
        self.behaviour = behaviour
        self.ring = ring
        self.disk = Disk()
        self.files = MemoryFileSystem(self.disk)
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.requests = 0
        self.engine = self.open()

    def open(self) -> Engine:
        self.engine = Engine.open(
            self.files,
            self.scheduler.clock,
            self.scheduler,
            SeededRandomness(0),
            EngineOptions(table_bytes_max=4_000, group_rows_max=50),
            self.ring,
            self,
        )
        self.engine.set_layout(PREFIX, LAYOUT)
        return self.engine

    def submit(self, request: bytes, done: Callable[[bytes | None, BaseException | None], None]) -> Callable[[], None]:
        self.requests += 1
        if self.behaviour == "silent":
            return lambda: done(None, RuntimeError("killed"))

        def work() -> bytes:
            answer = perform_merge(self.files, SeededRandomness(self.requests), self.ring, request)
            if self.behaviour == "lost":
                raise EOFError
            return answer

        self.scheduler.run(work, done)
        return lambda: None

    def fill(self) -> None:
        for part in range(3):
            writes = {
                PREFIX + b"%05d" % number: (number, Decimal(part), f"value {number} {part}")
                for number in range(part, 3_000, part + 1)
            }
            self.engine.commit(writes)
            self.settle(self.engine.flush())

    def settle(self, event: Wait) -> None:
        self.scheduler.run_for(1)
        assert event.done
        event.raise_error()

    def rows(self) -> list[tuple[bytes, tuple[object, ...]]]:
        return [pair for batch in self.engine.scan(PREFIX, None, 2**62) for pair in batch]


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
@pytest.mark.parametrize("behaviour", ["works", "lost"])
def test_a_merge_elsewhere_leaves_the_same_rows(behaviour: str, ring: KeyRing | None) -> None:
    node = Node(behaviour, ring)
    node.fill()
    before = node.rows()
    node.settle(node.engine.compact())
    statistics = node.engine.statistics()
    assert node.requests == 1
    assert statistics["merges"] == 1
    assert statistics["merges_lost"] == (behaviour == "lost")
    assert statistics["level_files"][1] > 2
    assert node.rows() == before
    assert len(node.files.list("tables")) == statistics["level_files"][1]
    node.settle(node.engine.close())
    node.open()
    assert node.rows() == before


def test_closing_ends_a_merge_elsewhere() -> None:
    node = Node("silent")
    node.fill()
    before = node.rows()
    compacted = node.engine.compact()
    node.scheduler.run_ready()
    assert node.requests == 1
    node.settle(node.engine.close())
    assert compacted.error is not None
    node.open()
    assert node.rows() == before


def test_file_numbers_of_a_lost_worker_are_never_used_again() -> None:
    node = Node("silent")
    node.fill()
    node.engine.compact()
    node.scheduler.run_ready()
    used = set(node.files.list("tables"))
    node.scheduler = SimulatedScheduler(node.scheduler.clock)
    node.disk.locks.clear()
    late = "tables/0000000012.sst"
    assert late.removeprefix("tables/") not in used
    node.behaviour = "works"
    node.open()
    node.fill()
    node.settle(node.engine.compact())
    assert not node.files.exists(late)


def test_damage_found_elsewhere_is_told() -> None:
    node = Node("works")
    node.fill()
    name = f"tables/{node.files.list('tables')[0]}"
    node.disk.rot(name, 200)
    with pytest.raises(DataCorrupted, match=name):
        node.settle(node.engine.compact())


def test_requests_survive_the_way() -> None:
    request = MergeRequest(
        [[3], [2, 1]],
        True,
        RETENTIONS,
        10,
        4,
        {PREFIX: LAYOUT},
        100,
        7,
        False,
    )
    decoded = MergeRequest.decode(request.encode())
    assert decoded.layouts == {PREFIX: LAYOUT}
    assert [list(part) for part in decoded.inputs] == [[3], [2, 1]]
    assert (decoded.bottom, decoded.retentions, decoded.first_number, decoded.number_count) == (
        True,
        RETENTIONS,
        10,
        4,
    )
    assert (decoded.table_bytes_max, decoded.group_rows_max, decoded.compression) == (100, 7, False)
