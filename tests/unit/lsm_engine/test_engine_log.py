"""What does the write-ahead log survive, what does it refuse, and how does it group commits?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from datacave_core.errors import DatacaveError, DataCorrupted, StorageStopped
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import Disk, MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.wait import Wait
from datacave_lsm import DirectoryInUse, Engine, EngineOptions, KeyRing
from datacave_lsm.format import HEADER_BYTES, Seals
from datacave_lsm.inspect import inspect_file
from datacave_lsm.wal import EntryDecoder, EntryEncoder
from datacave_lsm.wal.replay import newest_begun
from datacave_lsm.wal.segment import segment_name

PREFIX = b"\0\0\0\1\0\0"
RING = KeyRing({"k": bytes(range(32))}, "k")


class Node:
    """A disk with at most one engine on it, whose loop turns when the test says so."""

    def __init__(self, options: EngineOptions | None = None, ring: KeyRing | None = None, disk_seed: int = 1) -> None:
        self.disk = Disk(disk_seed)
        self.options = options or EngineOptions(log_segment_bytes=100_000)
        self.ring = ring
        self.seals = Seals(ring, SeededRandomness(0) if ring else None)
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.engine = self.open()

    def open(self) -> Engine:
        self.engine = Engine.open(
            MemoryFileSystem(self.disk),
            self.scheduler.clock,
            self.scheduler,
            SeededRandomness(self.disk.generation),
            self.options,
            self.ring,
        )
        return self.engine

    def close(self) -> None:
        self.settle(self.engine.close())

    def kill(self) -> None:
        """The process dies; what it wrote stays."""
        self.scheduler = SimulatedScheduler(self.scheduler.clock)
        self.disk.locks.clear()

    def settle(self, event: Wait) -> None:
        self.scheduler.run_for(1)
        assert event.done
        event.raise_error()

    def put(self, *numbers: int, wait_durable: bool = True) -> Wait:
        writes = {PREFIX + b"%06d" % number: (b"value %d" % number,) for number in numbers}
        return self.engine.commit(writes, wait_durable=wait_durable).durable

    def numbers(self) -> list[int]:
        """What a reader of the newest state finds."""
        batches: Iterator[list[tuple[bytes, tuple[bytes]]]] = self.engine.scan(PREFIX, None, 2**62)
        found = [(int(key[6:]), row[0]) for batch in batches for key, row in batch]
        assert all(value == b"value %d" % number for number, value in found)
        return [number for number, _ in found]

    def log_bytes(self, number: int = 1) -> bytearray:
        return self.disk.inode(segment_name(number)).current

    def written(self, number: int = 1) -> int:
        """The length of what is in use of a segment."""
        length: int = inspect_file(MemoryFileSystem(self.disk), segment_name(number), self.seals)["readable_bytes"]
        return length

    def newest(self) -> int:
        """The number of the newest segment that was begun."""
        return newest_begun(MemoryFileSystem(self.disk), self.seals, 1, (0, 0))

    def cut(self, number: int, length: int) -> None:
        inode = self.disk.inode(segment_name(number))
        del inode.current[length:]
        del inode.durable[length:]


def test_commits_of_one_turn_share_one_sync() -> None:
    node = Node()
    before = node.engine.statistics()["log_syncs"]
    waits = [node.put(number) for number in range(50)]
    assert not any(wait.done for wait in waits)
    node.scheduler.run_ready()
    assert all(wait.done for wait in waits)
    assert node.engine.statistics()["log_syncs"] == before + 1


def test_commits_that_arrive_during_a_sync_share_the_next_one() -> None:
    node = Node(EngineOptions())
    before = node.engine.statistics()["log_syncs"]
    first = [node.put(number) for number in range(3)]
    node.scheduler.step()  # the end of the turn hands the sync to a thread
    second = [node.put(number) for number in range(3, 9)]
    node.scheduler.run_ready()
    assert all(wait.done for wait in first + second)
    assert node.engine.statistics()["log_syncs"] == before + 2


def test_a_sync_that_is_asked_for_counts_no_commit() -> None:
    node = Node()
    node.put(0)
    node.settle(node.engine.flush())
    node.put(1)
    node.put(2)
    node.scheduler.run_ready()
    found = node.engine.statistics()
    assert found["log_synced_commits"] == 3
    assert sum(found["log_batch_counts"]) == found["log_syncs"]
    assert found["log_batch_counts"][1] == 1


def test_waits_finish_in_commit_order_and_after_the_rows_are_visible() -> None:
    node = Node()
    order = []
    for number in range(5):
        commit = node.engine.commit({PREFIX + b"%d" % number: (b"",)})

        def finished(timestamp: int = commit.timestamp) -> None:
            assert node.engine.visible_timestamp >= timestamp
            order.append(timestamp)

        commit.durable.subscribe(finished)
        assert node.engine.visible_timestamp < commit.timestamp
    node.scheduler.run_ready()
    assert order == sorted(order)
    assert len(order) == 5


def test_a_commit_that_nobody_waits_for_is_visible_at_once_and_durable_within_the_delay() -> None:
    node = Node()
    wait = node.put(1, wait_durable=False)
    assert node.engine.visible_timestamp == node.engine.newest_timestamp
    node.scheduler.run_ready()
    assert not wait.done
    node.scheduler.run_for(0.25)
    assert wait.done
    node.disk.crash()
    node.kill()
    node.open()
    assert node.numbers() == [1]


def test_a_commit_that_nobody_waits_for_does_not_show_an_earlier_one_that_is_not_durable() -> None:
    node = Node()
    before = node.engine.visible_timestamp
    node.put(1)
    node.put(2, wait_durable=False)
    assert node.engine.visible_timestamp == before
    node.scheduler.run_ready()
    assert node.engine.visible_timestamp == node.engine.newest_timestamp


def test_timestamps_follow_the_clock_and_never_go_back() -> None:
    node = Node()
    first = node.engine.commit({PREFIX: (b"",)}).timestamp
    assert first == node.scheduler.clock.now_microseconds()
    node.scheduler.clock.jump_wall(-3600)
    second = node.engine.commit({PREFIX: (b"",)}).timestamp
    assert second == first + 1
    node.close()
    node.open()
    assert node.engine.commit({PREFIX: (b"",)}).timestamp == second + 1


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
def test_a_torn_tail_of_any_length_is_cut(ring: KeyRing | None) -> None:
    lengths = []
    node = Node(ring=ring)
    for number in range(3):
        node.put(number)
        node.scheduler.run_ready()
        lengths.append(node.written())
    whole = bytes(node.log_bytes())
    for length in range(lengths[0], lengths[2] + 1):
        node = Node(ring=ring)
        for number in range(3):
            node.put(number)
            node.scheduler.run_ready()
        assert len(node.log_bytes()) == len(whole)
        node.kill()
        node.cut(1, length)
        node.open()
        assert node.numbers() == [number for number in range(3) if lengths[number] <= length]
        # The cut is for good: another start finds no damage.
        node.kill()
        node.open()
        assert len(node.numbers()) == sum(each <= length for each in lengths)


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
def test_every_flipped_byte_of_a_closed_log_is_noticed(ring: KeyRing | None) -> None:
    node = Node(ring=ring)
    for number in range(3):
        node.put(number)
        node.scheduler.run_ready()
    node.close()
    for offset in range(len(node.log_bytes())):
        node.disk.rot(segment_name(1), offset, 0x10)
        with pytest.raises(DatacaveError, match=segment_name(1)):
            node.open()
        node.disk.rot(segment_name(1), offset, 0x10)
    node.open()
    assert node.numbers() == [0, 1, 2]


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
def test_damage_before_the_last_record_of_a_killed_server_is_no_torn_tail(ring: KeyRing | None) -> None:
    node = Node(ring=ring)
    lengths = []
    for number in range(3):
        node.put(number)
        node.scheduler.run_ready()
        lengths.append(node.written())
    node.kill()
    for offset in range(lengths[1]):
        node.disk.rot(segment_name(1), offset)
        with pytest.raises(DatacaveError, match=segment_name(1)):
            node.open()
        node.disk.rot(segment_name(1), offset)
    with pytest.raises(DataCorrupted, match=rf"record at byte {lengths[0]}"):
        node.disk.rot(segment_name(1), lengths[0] + 30)
        node.open()


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
def test_a_log_that_had_a_quiet_second_knows_damage_to_its_newest_record_from_a_write_cut_short(
    ring: KeyRing | None,
) -> None:
    node = Node(ring=ring)
    for number in range(3):
        node.put(number)
        node.scheduler.run_ready()
    before, length, syncs = node.disk.changes, node.written(), node.engine.statistics()["log_syncs"]
    node.scheduler.run_for(10)
    # One write that nobody waits for and nobody syncs, and then nothing more.
    assert node.disk.changes == before + 1
    assert node.engine.statistics()["log_syncs"] == syncs
    assert node.written() > length
    node.kill()
    for offset in range(length):
        node.disk.rot(segment_name(1), offset)
        with pytest.raises(DatacaveError, match=segment_name(1)):
            node.open()
        node.disk.rot(segment_name(1), offset)
    # The mark may be torn or lost itself.
    node.disk.rot(segment_name(1), node.written() - 1)
    node.open()
    assert node.numbers() == [0, 1, 2]
    node.put(3)
    node.close()
    node.open()
    assert node.numbers() == [0, 1, 2, 3]


def test_a_mark_that_cannot_be_written_stops_the_engine_as_any_failed_write_of_the_log() -> None:
    node = Node()
    node.put(0)
    node.scheduler.run_ready()
    node.disk.fail_at(node.disk.changes + 1)
    node.scheduler.run_for(5)
    with pytest.raises(StorageStopped, match=segment_name(1)):
        node.put(1)
    node.kill()
    node.open()
    assert node.numbers() == [0]


def test_a_missing_segment_is_named() -> None:
    node = Node(EngineOptions(log_segment_bytes=300))
    for number in range(20):
        node.put(number)
        node.scheduler.run_ready()
    node.kill()
    files = MemoryFileSystem(node.disk)
    assert len(files.list("wal")) > 4
    for number in (1, 3):
        saved = node.disk.names.pop(segment_name(number))
        with pytest.raises(DataCorrupted, match=rf"{segment_name(number)}.* is missing"):
            node.open()
        node.disk.names[segment_name(number)] = saved
    node.open()
    assert node.numbers() == list(range(20))


@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
def test_records_of_an_earlier_segment_in_the_same_file_are_never_taken_for_new_ones(ring: KeyRing | None) -> None:
    node = Node(EngineOptions(log_segment_bytes=2_000), ring)
    for number in range(100):
        node.put(number)
        node.scheduler.run_ready()
    node.settle(node.engine.flush())
    count = 100
    ends: dict[int, int] = {}  # of the newest segment: how many were put when it was as long
    while node.engine.statistics()["log_segments_recycled"] < 2 or len(ends) < 5:
        node.put(count)
        node.scheduler.run_ready()
        count += 1
        if node.engine.statistics()["log_segments_recycled"] == 2:
            ends[node.written(node.newest())] = count
    newest = node.newest()
    whole, end = bytes(node.log_bytes(newest)), max(ends)
    assert whole[end : end + 16] == bytes(16)
    assert whole.count(b"\xdc\x1e", end) > 5, "the file holds records of an earlier segment"
    assert ring is not None or b"value" in whole[end:]
    # Whatever of the newest records is lost, the older ones in the file do not come instead.
    for end, count in ends.items():
        node.kill()
        saved = dict(node.disk.names)
        node.log_bytes(newest)[:] = (whole[:end] + whole[max(ends) + 16 :] + whole)[: len(whole)]
        node.open()
        assert node.numbers() == list(range(count))
        node.kill()
        node.disk.names = saved


@pytest.mark.parametrize("lost", ["zeros", "stale"])
def test_a_lost_record_in_the_middle_is_damage_whatever_is_in_its_place(lost: str) -> None:
    node = Node(EngineOptions(log_segment_bytes=100_000))
    lengths = []
    for number in range(3):
        node.put(number)
        node.scheduler.run_ready()
        lengths.append(node.written())
    node.kill()
    content = node.log_bytes()
    length = lengths[1] - lengths[0]
    content[lengths[0] : lengths[1]] = bytes(length) if lost == "zeros" else bytes(range(256))[:length]
    with pytest.raises(DataCorrupted, match=rf"record at byte {lengths[0]}"):
        node.open()


def test_the_next_segment_is_ready_before_it_is_needed_and_nobody_misses_it() -> None:
    node = Node(EngineOptions(log_segment_bytes=2_000))
    for number in range(20):
        node.put(number)
        node.scheduler.run_ready()
    newest = node.newest()
    waiting = segment_name(newest + 1)
    assert inspect_file(MemoryFileSystem(node.disk), waiting, node.seals)["begun"] is False
    node.kill()
    saved = node.disk.names
    for there in (True, False):
        node.disk.names = dict(saved)
        if not there:
            del node.disk.names[waiting]
        node.open()
        assert node.numbers() == list(range(20))
        node.kill()
    # One with a durable record but no opening is damaged; and so is one that was begun before another one.
    node.disk.names = dict(saved)
    node.log_bytes(newest)[HEADER_BYTES : HEADER_BYTES + 16] = bytes(16)
    with pytest.raises(DataCorrupted, match=rf"{segment_name(newest)}.*record at byte {HEADER_BYTES}"):
        node.open()


def test_a_segment_that_lost_its_end_is_noticed_by_the_next_one() -> None:
    node = Node(EngineOptions(log_segment_bytes=300))
    for number in range(20):
        node.put(number)
        node.scheduler.run_ready()
    node.kill()
    end = node.written(2)
    record = node.log_bytes(2).rindex(b"\xdc\x1e", 0, end)
    node.log_bytes(2)[record:] = bytes(len(node.log_bytes(2)) - record)
    with pytest.raises(DataCorrupted, match=rf"{segment_name(2)}.*record at byte {record}"):
        node.open()


def test_a_log_cut_after_an_orderly_close_is_noticed() -> None:
    node = Node()
    node.put(1)
    node.scheduler.run_ready()
    length = node.written()
    node.put(2)
    node.close()
    node.cut(1, length)
    with pytest.raises(DataCorrupted, match="were written"):
        node.open()


def test_a_batch_larger_than_segment_and_fragment_is_atomic() -> None:
    options = EngineOptions(log_segment_bytes=2_000, log_fragment_bytes_max=700)
    node = Node(options)
    node.put(0)
    node.scheduler.run_ready()
    node.put(*range(1, 500))
    node.scheduler.run_ready()
    node.kill()
    node.open()
    assert node.numbers() == list(range(500))
    numbers = [int(name[:-4]) for name in MemoryFileSystem(node.disk).list("wal")]
    large = max(numbers, key=node.written)
    whole = node.written(large)
    assert whole > 10_000
    node.kill()
    node.cut(large, whole - 1)
    for number in numbers:
        if number > large:
            del node.disk.names[segment_name(number)]
    node.open()
    assert node.numbers() == [0]


def test_entries_keep_every_physical_value() -> None:
    row = (1, -(2**63), 2**63 - 1, 1.5, float("inf"), True, None, "é\n", b"\0\xff", Decimal("12.30"), Decimal("NaN"))
    writes = {b"a": row, b"b": None, b"c": ()}
    payload = EntryEncoder().encode((7, writes))
    (timestamp, decoded), (later, nothing) = EntryDecoder().decode(payload + EntryEncoder().encode((8, {})))
    assert (later, nothing) == (8, {})
    assert timestamp == 7
    assert str(decoded) == str(writes)


def test_a_failed_sync_stops_the_engine_for_good() -> None:
    node = Node()
    node.put(1)
    node.scheduler.run_ready()
    visible = node.engine.visible_timestamp
    node.disk.fail_at(node.disk.changes + 2)  # write, then sync
    wait = node.put(2)
    later = node.put(3)
    node.scheduler.run_ready()
    assert isinstance(wait.error, StorageStopped)
    assert isinstance(later.error, StorageStopped)
    assert segment_name(1) in str(wait.error)
    assert node.engine.visible_timestamp == visible
    with pytest.raises(StorageStopped):
        node.put(4)
    with pytest.raises(StorageStopped):
        node.engine.get(PREFIX, visible)
    with pytest.raises(StorageStopped):
        node.engine.scan(PREFIX, None, visible)
    with pytest.raises(StorageStopped):
        node.close()
    # Nobody was told what became of the others; if they come back, they come back for good.
    node.kill()
    node.open()
    found = node.numbers()
    assert found[0] == 1
    node.put(9)
    node.scheduler.run_ready()
    node.disk.crash()
    node.kill()
    node.open()
    assert node.numbers() == [*found, 9]


def test_what_a_killed_server_had_not_synced_is_durable_once_it_was_recovered() -> None:
    for seed in range(10):
        node = Node(disk_seed=seed)
        node.put(1, wait_durable=False)
        node.scheduler.run_ready()
        node.kill()
        node.open()
        assert node.numbers() == [1]
        node.put(2)
        node.scheduler.run_ready()
        node.disk.crash()
        node.kill()
        node.open()
        assert node.numbers() == [1, 2]


def test_a_second_server_on_the_directory_is_refused() -> None:
    node = Node()
    with pytest.raises(DirectoryInUse, match="in use"):
        node.open()
    node.close()
    node.open()


def test_a_refused_start_releases_the_directory() -> None:
    node = Node()
    node.put(1)
    node.close()
    node.disk.rot("CURRENT", 3)
    for _ in range(2):
        with pytest.raises(DataCorrupted, match="CURRENT"):
            node.open()
    node.disk.rot("CURRENT", 3)
    node.open()
    assert node.numbers() == [1]


def test_data_without_its_current_file_is_refused() -> None:
    node = Node()
    node.put(1)
    node.close()
    del node.disk.names["CURRENT"]
    with pytest.raises(DataCorrupted, match=r"CURRENT.* is missing"):
        node.open()


def test_layouts_in_the_log_let_rows_be_flushed_before_anybody_registers_them() -> None:
    node = Node()
    layout = Layout(1, (PhysicalColumn(PhysicalType.INT64), PhysicalColumn(PhysicalType.DECIMAL64, scale=2)))
    wider = Layout(2, (*layout.columns, PhysicalColumn(PhysicalType.TEXT, missing="new")))
    node.engine.set_layout(PREFIX, layout)
    node.engine.commit({PREFIX + b"a": (1, Decimal("1.50"))})
    node.engine.set_layout(PREFIX, wider)
    assert node.engine.get(PREFIX + b"a", 2**62) == (1, Decimal("1.50"), "new")
    node.scheduler.run_for(1)
    node.kill()
    node.open()
    node.settle(node.engine.flush())
    assert node.engine.get(PREFIX + b"a", 2**62) == (1, Decimal("1.50"), "new")
    node.close()
