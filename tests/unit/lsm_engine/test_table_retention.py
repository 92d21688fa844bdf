"""Does each table keep its versions as long as was set for it, and does nobody read what is gone?"""

from __future__ import annotations

import pytest

from datacave_core.errors import SnapshotTooOld
from datacave_core.memory import MemoryFileSystem, SeededRandomness, SimulatedClock, SimulatedScheduler
from datacave_core.ports import KeptFor
from datacave_core.wait import Wait
from datacave_lsm import Engine, EngineOptions
from datacave_lsm.horizons import Horizons, TableHorizon, horizon_records, horizons_of
from datacave_lsm.retention import Retention, Retentions

LONG, SHORT, PLAIN = (bytes((0, 0, 0, number)) for number in (1, 2, 3))
SECOND = 1_000_000
NOW = 2**62


class Node:
    """An engine on a simulated disk that keeps versions for a minute by default; each put goes to three tables."""

    def __init__(self) -> None:
        self.files = MemoryFileSystem()
        self.scheduler = SimulatedScheduler(SimulatedClock())
        self.engine = self.open()

    def open(self) -> Engine:
        clock, options = self.scheduler.clock, EngineOptions(retention_seconds=60)
        self.engine = Engine.open(self.files, clock, self.scheduler, SeededRandomness(0), options)
        return self.engine

    def settle(self, event: Wait) -> None:
        self.scheduler.run_for(1)
        assert event.done
        event.raise_error()

    def put(self, value: bytes) -> int:
        stamp = self.engine.commit({table + b"\0\0k": (value,) for table in (LONG, SHORT, PLAIN)}).timestamp
        self.scheduler.run_for(10)
        return stamp

    def merge(self) -> None:
        self.settle(self.engine.flush())
        self.settle(self.engine.compact())

    def values(self, table: bytes) -> list[bytes]:
        found = self.engine.history(table, table + b"\xff", 0, NOW)
        return [version.row[0] for _, version in found if version.row is not None]

    def reopen(self) -> None:
        self.settle(self.engine.close())
        self.open()


def test_tables_keep_versions_longer_and_shorter_than_the_default() -> None:
    node = Node()
    node.engine.set_retention(LONG, KeptFor(600 * SECOND))
    node.engine.set_retention(SHORT, KeptFor(15 * SECOND))
    stamps = [node.put(b"%d" % number) for number in range(10)]
    node.merge()
    assert node.values(LONG) == [b"%d" % number for number in reversed(range(10))]
    assert node.values(PLAIN) == [b"9", b"8", b"7", b"6", b"5", b"4"]
    assert node.values(SHORT) == [b"9", b"8"]
    for table, oldest in ((LONG, stamps[0]), (PLAIN, stamps[5]), (SHORT, stamps[9])):
        assert node.engine.get(table + b"\0\0k", oldest) is not None
    for table in (PLAIN, SHORT):
        earliest = node.engine.oldest_readable(table)
        assert stamps[1] < earliest
        for read in (
            lambda table=table: node.engine.get(table + b"\0\0k", stamps[1]),
            lambda table=table: node.engine.scan(table, table + b"\xff", stamps[1]),
            lambda table=table: node.engine.scan_rows(table + b"\0\0", table[:3] + bytes([table[3] + 1]), stamps[1]),
        ):
            with pytest.raises(SnapshotTooOld, match="no longer kept") as caught:
                read()
            assert f"commit timestamp {earliest}" in str(caught.value.detail)
    with pytest.raises(SnapshotTooOld):
        node.engine.scan(LONG, None, stamps[1])  # goes on into the others
    assert len(list(node.engine.scan(LONG, SHORT, stamps[1]))) == 1


@pytest.mark.parametrize("levels", [1, 2], ids=["in place", "over levels"])
def test_a_shorter_retention_drops_what_is_obsolete_by_then(levels: int) -> None:
    node = Node()
    node.engine.set_retention(LONG, KeptFor(600 * SECOND))
    for number in range(10):
        node.put(b"%d" % number)
        if levels == 2 and number == 4:
            node.merge()
    node.merge() if levels == 1 else node.settle(node.engine.flush())
    assert len(node.values(LONG)) == 10
    merges = node.engine.statistics()["merges"]
    node.engine.set_retention(LONG, KeptFor(700 * SECOND))
    node.engine.set_retention(PLAIN, None)
    node.scheduler.run_for(1)
    assert node.engine.statistics()["merges"] == merges
    node.engine.set_retention(LONG, KeptFor(25 * SECOND))
    node.scheduler.run_for(1)
    assert node.values(LONG) == [b"9", b"8", b"7"]
    assert node.engine.statistics()["merges"] == merges + 1
    node.engine.set_retention(LONG, KeptFor(1))
    node.engine.set_retention(LONG, KeptFor(24 * SECOND))  # within one turn only the last one counts
    node.scheduler.run_for(1)
    assert node.values(LONG)[:2] == [b"9", b"8"]


def test_a_shorter_retention_of_a_table_without_old_versions_merges_nothing() -> None:
    node = Node()
    node.put(b"0")
    node.merge()
    merges = node.engine.statistics()["merges"]
    node.engine.set_retention(SHORT, KeptFor(50 * SECOND))
    node.scheduler.run_for(1)
    assert node.engine.statistics()["merges"] == merges


def test_horizons_and_settings_survive_a_restart() -> None:
    node = Node()
    node.engine.set_retention(LONG, KeptFor(600 * SECOND))
    node.engine.set_retention(SHORT, KeptFor(15 * SECOND, NOW))
    first = node.put(b"0")
    node.put(b"1")
    node.scheduler.run_for(30)
    node.put(b"1")
    node.scheduler.run_for(30)
    node.put(b"1")
    node.merge()
    before = [node.engine.oldest_readable(table) for table in (LONG, SHORT, PLAIN)]
    assert before[0] < first < before[2] < before[1]
    node.reopen()
    assert [node.engine.oldest_readable(table) for table in (LONG, SHORT, PLAIN)] == before
    assert node.engine.retentions() == {LONG: KeptFor(600 * SECOND), SHORT: KeptFor(15 * SECOND, NOW)}
    node.scheduler.run_for(100)
    node.put(b"2")
    node.merge()
    assert node.values(LONG) == [b"2", b"1", b"1", b"1", b"0"]
    node.engine.set_retention(LONG, None)
    node.merge()
    node.reopen()
    assert node.engine.retentions() == {SHORT: KeptFor(15 * SECOND, NOW)}


def test_a_table_without_a_setting_any_more_returns_to_the_default_when_that_has_overtaken_it() -> None:
    horizons = Horizons(60, 0, {})
    assert horizons.set(LONG, KeptFor(600)) and horizons.set(SHORT, KeptFor(10)) and not horizons.set(PLAIN, None)
    assert horizons.advance(1_000, NOW) == Retentions(
        Retention((940,)), {LONG: Retention((400,)), SHORT: Retention((990,))}
    )
    horizons.set(LONG, None)
    horizons.set(SHORT, None)
    assert horizons.settings() == {} and len(horizons.edit_fields()["horizons"]) == 2
    horizons.advance(1_010, NOW)
    assert (horizons.earliest(LONG), horizons.earliest(SHORT), horizons.earliest()) == (950, 990, 950)
    assert not horizons.is_readable(989, SHORT + b"key")
    horizons.advance(1_060, NOW)
    # The edit that says so may fail.
    assert [horizons.edit_fields() for _ in range(2)] == [{"horizon": 1_000, "horizons": ()}] * 2


def test_what_a_table_had_before_its_first_setting_is_gone() -> None:
    horizons = Horizons(60, 0, {})
    horizons.advance(1_000, NOW)
    horizons.set(LONG, KeptFor(600))
    assert horizons.advance(1_000, NOW).of(LONG + b"key").horizon == 940
    assert horizons.advance(2_000, NOW).of(LONG + b"key").horizon == 1_400


def test_a_setting_ends_by_itself() -> None:
    horizons = Horizons(60, 0, {LONG: TableHorizon(KeptFor(600, until=1_500), 0)})
    assert horizons.advance(1_400, NOW).of(LONG).horizon == 800
    assert horizons.advance(1_501, NOW).own == {}
    assert horizons.earliest(LONG) == 1_441


def test_pins_keep_what_could_be_read_when_they_were_made_and_nothing_else() -> None:
    horizons = Horizons(60, 0, {LONG: TableHorizon(KeptFor(600), 0), SHORT: TableHorizon(KeptFor(10), 0)})
    horizons.advance(1_000, NOW)
    release = horizons.pin(970, False)
    horizons.advance(3_000, NOW)
    assert horizons.is_readable(970, LONG) and horizons.is_readable(970, PLAIN) and not horizons.is_readable(970, SHORT)
    assert horizons.retentions().of(PLAIN) == Retention((970, 2_940))
    horizons.set(PLAIN, KeptFor(600))
    assert horizons.is_readable(970, PLAIN)
    horizons.set(SHORT, None)
    horizons.advance(4_000, NOW)
    assert not horizons.is_readable(970, SHORT)
    late = horizons.pin(3_500, False)
    horizons.set(b"\0\0\0\x09", KeptFor(600))
    assert horizons.is_readable(3_500, LONG) and not horizons.is_readable(3_500, b"\0\0\0\x09")
    release()
    late()
    assert not horizons.is_readable(970, PLAIN)
    with pytest.raises(SnapshotTooOld):
        horizons.pin(970, False)
    horizons.pin(970, True)
    assert horizons.is_readable(970, SHORT)


def test_runs_of_keys_share_a_retention() -> None:
    own = Retention((5,))
    keys = [PLAIN + b"a", PLAIN + b"b", SHORT + b"a"]
    assert list(Retentions(own).runs(keys)) == [(keys, own)]
    mixed = Retentions(own, {PLAIN: Retention((7,))})
    ascending = sorted(keys)
    assert list(mixed.runs(ascending)) == [([SHORT + b"a"], own), ([PLAIN + b"a", PLAIN + b"b"], Retention((7,)))]
    assert Retentions.from_fields(*mixed.fields()) == mixed


def test_records_of_horizons_survive_the_way_to_the_manifest() -> None:
    own = ((LONG, TableHorizon(KeptFor(5, 9), 3)), (SHORT, TableHorizon(None, 4)), (PLAIN, TableHorizon(KeptFor(1), 2)))
    assert horizons_of(horizon_records(own)) == own


def test_a_prefix_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        Horizons(60, 0, {}).set(b"abc", KeptFor(1))
