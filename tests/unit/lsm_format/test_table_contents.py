"""Does a table file give back exactly the versions that were written, by point, by range and by column?"""

from __future__ import annotations

import random
from bisect import bisect_left
from decimal import Decimal

import numpy as np
import pytest

from datacave_core.layout import RAW_LAYOUT, Layout, PhysicalColumn, PhysicalType
from datacave_core.ports import Version
from datacave_core.rowbatch import ColumnVector
from datacave_lsm.table import Compression, SegmentCache, TableOptions, TableReader, TableWriter, key_hash

SMALL = TableOptions(group_rows_max=16, group_bytes_target=1 << 20)


def key_of(table, number):
    return table.to_bytes(4, "big") + b"\0\1" + number.to_bytes(8, "big")


def random_row(rng):
    row = (
        rng.randrange(-(10**6), 10**12),
        rng.random(),
        Decimal(rng.randrange(10**6)).scaleb(-2),
        rng.random() < 0.5,
        rng.randbytes(rng.randrange(20)),
        rng.choice(["", "few", "välues", str(rng.random())]),
    )
    return tuple(None if rng.random() < 0.1 else value for value in row)


def random_entries(seed, count, tables=1, versions=3):
    rng = random.Random(seed)
    entries = []
    for table in range(1, tables + 1):
        for number in sorted(rng.sample(range(count * 3), count)):
            stamps = sorted(rng.sample(range(1, 1000), rng.randint(1, versions)), reverse=True)
            for stamp in stamps:
                entries.append((key_of(table, number), stamp, None if rng.random() < 0.2 else random_row(rng)))
    return entries


def build(entries, layout, seals, file, options=SMALL, file_id=7):
    writer = TableWriter(file, file_id, lambda prefix: layout, seals, options, name="t.sst")
    writer.add_many(entries)
    return writer.finish()


def reopen(file, seals, cache_bytes=1 << 20):
    return TableReader(file, "t.sst", seals, SegmentCache(cache_bytes), file_id=7)


def entries_of(groups, low=None, high=None, layout=None):
    found = []
    for group in groups:
        start, stop = group.span(low, high)
        found += [
            (key, stamp, None if operation else row)
            for key, stamp, operation, row in zip(
                group.keys(start, stop),
                group.timestamps(start, stop).tolist(),
                group.operations(start, stop).tolist(),
                group.rows(None, layout, start, stop),
                strict=True,
            )
        ]
    return found


@pytest.mark.parametrize("compression", list(Compression))
def test_everything_comes_back(seals, new_file, mixed_layout, compression):
    file = new_file()
    entries = random_entries(1, 400, tables=3)
    properties = build(entries, mixed_layout, seals, file, TableOptions(group_rows_max=64, compression=compression))
    reader = reopen(file, seals)
    assert entries_of(reader.groups()) == entries
    assert reader.properties == properties
    reader.verify()


def test_properties_say_what_was_written(seals, new_file, mixed_layout):
    file = new_file()
    entries = random_entries(2, 50)
    properties = build(entries, mixed_layout, seals, file)
    assert properties.file_id == 7
    assert (properties.smallest_key, properties.largest_key) == (entries[0][0], entries[-1][0])
    stamps = [stamp for _, stamp, _ in entries]
    assert (properties.min_timestamp, properties.max_timestamp) == (min(stamps), max(stamps))
    assert properties.entries == len(entries)
    assert properties.tombstones == sum(row is None for _, _, row in entries)
    assert properties.bytes == len(file.content)
    assert properties.layouts == (mixed_layout,)
    assert properties.key_id == ("k1" if seals.ring else "")


@pytest.mark.parametrize("cache_bytes", [0, 3000, 1 << 20])
def test_point_reads_agree_with_a_sorted_list(seals, new_file, mixed_layout, cache_bytes):
    file = new_file()
    entries = random_entries(3, 60, versions=40)
    build(entries, mixed_layout, seals, file)
    reader = reopen(file, seals, cache_bytes)
    rng = random.Random(4)
    order = [(key, -stamp) for key, stamp, _ in entries]
    for _ in range(1500):
        key, stamp = key_of(1, rng.randrange(200)), rng.randrange(1001)
        at = bisect_left(order, (key, -stamp))
        want = Version(entries[at][1], entries[at][2]) if at < len(entries) and entries[at][0] == key else None
        assert reader.get(key, stamp) == want


def test_ranges_agree_with_a_sorted_list(seals, new_file, mixed_layout):
    file = new_file()
    entries = random_entries(5, 100, tables=2)
    build(entries, mixed_layout, seals, file)
    reader = reopen(file, seals)
    rng = random.Random(6)
    bounds = [None, b"", b"\xff" * 20, *(key_of(rng.randrange(4), rng.randrange(300)) for _ in range(40))]
    for _ in range(200):
        low, high = rng.choice(bounds), rng.choice(bounds)
        want = [entry for entry in entries if (low or b"") <= entry[0] and (high is None or entry[0] < high)]
        assert entries_of(reader.groups(low, high), low, high) == want
        backward = list(reader.groups(low, high, reverse=True))
        assert entries_of(reversed(backward), low, high) == want


def test_absent_keys_mostly_stop_at_the_filter_and_present_ones_never(seals, new_file, mixed_layout):
    file = new_file()
    entries = random_entries(7, 2000, versions=1)
    build(entries, mixed_layout, seals, file)
    reader = reopen(file, seals)
    assert all(reader.may_contain(key) for key, _, _ in entries)
    assert all(reader.may_contain_hash(key_hash(key)) for key, _, _ in entries)
    passed = sum(reader.may_contain(key_of(2, number)) for number in range(5000))
    assert passed < 150  # about 1 % at ten bits per key


def test_without_a_filter_every_key_may_be_there(new_file, mixed_layout, seals):
    file = new_file()
    build(random_entries(7, 5), mixed_layout, seals, file, TableOptions(filter_bits_per_key=0))
    assert reopen(file, seals).may_contain(b"anything")


def test_a_file_written_in_short_writes_is_the_same(new_file, mixed_layout, seals):
    whole, pieces = new_file(), new_file(write_max=7)
    entries = random_entries(8, 20)
    build(entries, mixed_layout, seals, whole)
    build(entries, mixed_layout, seals, pieces)
    assert len(whole.content) == len(pieces.content)
    assert entries_of(reopen(pieces, seals).groups()) == entries


@pytest.mark.parametrize("batch", [1, 5, 37, 10_000])
def test_rows_and_columns_build_the_same_file(new_file, mixed_layout, ring_of, batch):
    entries = random_entries(9, 100)
    want, one_by_one, by_columns = new_file(), new_file(), new_file()
    seals = reader_seals = type(ring_of("k1"))()
    build(entries, mixed_layout, seals, want)
    writer = TableWriter(one_by_one, 7, lambda prefix: mixed_layout, seals, SMALL)
    for entry in entries:
        writer.add(*entry)
    assert writer.entries == len(entries)
    writer.finish()
    assert one_by_one.content == want.content
    source = reopen(want, reader_seals)
    writer = TableWriter(by_columns, 7, lambda prefix: mixed_layout, seals, SMALL)
    for group in source.groups():
        for start in range(0, group.row_count, batch):
            stop = min(start + batch, group.row_count)
            writer.add_columns(
                group.keys(start, stop),
                group.timestamps(start, stop),
                group.operations(start, stop),
                [group.column(number, None, start, stop) for number in range(len(mixed_layout.columns))],
                mixed_layout,
            )
    writer.finish()
    assert by_columns.content == want.content


def test_a_point_read_opens_what_a_scan_of_columns_left_closed(new_file, mixed_layout, seals):
    entries = [(key, stamp, row) for key, stamp, row in random_entries(12, 40, versions=1) if row is not None]
    file = new_file()
    build([*entries, (key_of(9, 1), 5, None)], mixed_layout, seals, file)
    for group in reopen(file, seals).groups():
        group.operations()
        for number in range(len(mixed_layout.columns)):
            group.column(number)
        key = group.first_key
        newest = next((stamp, row) for found, stamp, row in [*entries, (key_of(9, 1), 5, None)] if found == key)
        assert group.get(key, 1 << 60) == Version(*newest)


def test_a_long_column_batch_is_cut_into_groups(new_file, seals):
    layout = Layout(1, (PhysicalColumn(PhysicalType.INT64),))
    file = new_file()
    writer = TableWriter(file, 7, lambda prefix: layout, seals, SMALL)
    keys = [key_of(1, number) for number in range(100)]
    values = ColumnVector(np.arange(100, dtype=np.int64))
    writer.add_columns(keys, np.ones(100, np.int64), np.zeros(100, np.uint8), [values], layout)
    writer.finish()
    groups = list(reopen(file, seals).groups())
    assert [group.row_count for group in groups] == [16] * 6 + [4]
    assert entries_of(groups) == [(key, 1, (number,)) for number, key in enumerate(keys)]


def test_groups_hold_one_prefix_and_one_layout(new_file, seals):
    numbers = Layout(1, (PhysicalColumn(PhysicalType.INT64),))
    layouts = {key_of(1, 0)[:6]: numbers, key_of(2, 0)[:6]: numbers}
    entries = [(key_of(1, n), 5, (n,)) for n in range(3)]
    entries += [(key_of(2, n), 5, (n,)) for n in range(2)]
    entries += [(key_of(3, n), 5, (b"raw",)) for n in range(2)]
    entries += [(b"\0\0\0\4", 5, (b"short key",)), (b"\0\0\0\4\0", 5, (b"another",)), (b"\xff" * 9, 5, (None,))]
    file = new_file()
    writer = TableWriter(file, 7, lambda prefix: layouts.get(prefix, RAW_LAYOUT), seals)
    writer.add_many(entries)
    properties = writer.finish()
    reader = reopen(file, seals)
    assert [(group.row_count, group.layout) for group in reader.groups()] == [
        (3, numbers),
        (2, numbers),
        (2, RAW_LAYOUT),
        (1, RAW_LAYOUT),
        (1, RAW_LAYOUT),
        (1, RAW_LAYOUT),
    ]
    assert properties.layouts == (numbers, RAW_LAYOUT)
    assert entries_of(reader.groups()) == entries
    for key, _, row in entries:
        assert reader.get(key, 5) == Version(5, row)


def test_wide_rows_make_small_groups(new_file, seals):
    file = new_file()
    entries = [(key_of(1, n), 1, (bytes([n]) * (200_000 if n % 10 == 3 else 10),)) for n in range(40)]
    writer = TableWriter(file, 7, lambda prefix: RAW_LAYOUT, seals, TableOptions(group_bytes_target=100_000))
    writer.add_many(entries)
    writer.finish()
    reader = reopen(file, seals)
    assert all(sum(len(row[0]) for row in group.rows()) <= 400_000 for group in reader.groups())
    assert reader.group_count >= 4
    assert entries_of(reader.groups()) == entries


def test_older_rows_are_completed_with_what_the_newer_layout_says(new_file, seals, mixed_layout):
    old = Layout(1, mixed_layout.columns[:2])
    file = new_file()
    build([(key_of(1, 1), 9, (5, 0.5)), (key_of(1, 2), 9, None)], old, seals, file)
    reader = reopen(file, seals)
    row = (5, 0.5, Decimal("0.00"), None, None, "none")
    assert reader.get(key_of(1, 1), 9) == Version(9, (5, 0.5))
    assert reader.get(key_of(1, 1), 9, mixed_layout) == Version(9, row)
    assert reader.get(key_of(1, 2), 9, mixed_layout) == Version(9, None)
    (group,) = reader.groups()
    assert group.rows(None, mixed_layout)[0] == row
    assert group.rows([5, 0], mixed_layout, 0, 1) == [("none", 5)]
    assert group.column(2, mixed_layout).values.tolist() == [0, 0]
    assert group.column(3, mixed_layout).nulls.tolist() == [True, True]
    assert group.statistics(5) is None
    with pytest.raises(IndexError):
        group.column(2)


def test_shorter_rows_are_completed_when_they_are_written(new_file, seals, mixed_layout):
    file = new_file()
    build([(key_of(1, 1), 9, (5,)), (key_of(1, 2), 9, ())], mixed_layout, seals, file)
    rest = (None, Decimal("0.00"), None, None, "none")
    assert reopen(file, seals).get(key_of(1, 1), 9) == Version(9, (5, *rest))
    assert reopen(file, seals).get(key_of(1, 2), 9) == Version(9, (None, *rest))


def test_statistics_bound_the_values_of_a_group(new_file, seals, mixed_layout):
    file = new_file()
    build(random_entries(11, 200), mixed_layout, seals, file)
    for group in reopen(file, seals).groups():
        rows = group.rows()
        for number in range(len(mixed_layout.columns)):
            statistics = group.statistics(number)
            values = [row[number] for row in rows]
            present = [value for value in values if value is not None]
            assert statistics.null_count == values.count(None)
            if number == 2:
                present = [int(value.scaleb(2)) for value in present]
            assert (statistics.minimum, statistics.maximum) == (min(present), max(present))


def test_reading_one_column_reads_one_segment(new_file, seals, mixed_layout):
    file = new_file()
    build(random_entries(12, 5), mixed_layout, seals, file)
    reader = reopen(file, seals)
    (group,) = reader.groups()
    file.reads = 0
    group.column(0)
    assert file.reads == 1
    group.column(0)
    group.rows([0])
    assert file.reads == 1
    group.rows([0, 3])
    assert file.reads == 2


def test_a_cached_group_is_read_once_and_a_dropped_file_again(new_file, seals, mixed_layout):
    file = new_file()
    entries = random_entries(13, 5)
    build(entries, mixed_layout, seals, file)
    reader = reopen(file, seals)
    file.reads = 0
    for key, stamp, row in entries * 2:
        assert reader.get(key, stamp) == Version(stamp, row)
    assert file.reads == 1
    reader.cache.drop_file(7)
    assert reader.cache.bytes_used == 0
    reader.get(entries[0][0], 1000)
    assert file.reads == 2
    reader.close()
    assert file.closed


@pytest.mark.parametrize(
    "entries",
    [
        [(b"b", 1, (b"",)), (b"a", 1, (b"",))],
        [(b"a", 1, (b"",)), (b"a", 1, (b"",))],
        [(b"a", 1, (b"",)), (b"a", 2, (b"",))],
    ],
)
def test_versions_out_of_order_are_refused(new_file, seals, entries):
    for split in (True, False):
        writer = TableWriter(new_file(), 7, lambda prefix: RAW_LAYOUT, seals)
        with pytest.raises(ValueError, match="does not follow"):
            for part in [entries[:1], entries[1:]] if split else [entries]:
                writer.add_many(part)


def test_rows_that_do_not_fit_their_layout_are_refused(new_file, seals):
    for row in [(b"", b""), ("text",)]:
        writer = TableWriter(new_file(), 7, lambda prefix: RAW_LAYOUT, seals)
        writer.add(b"a", 1, row)
        with pytest.raises(ValueError, match=r"more columns|fit"):
            writer.finish()


def test_an_empty_table_is_refused(new_file, seals):
    with pytest.raises(ValueError, match="at least one entry"):
        TableWriter(new_file(), 7, lambda prefix: RAW_LAYOUT, seals).finish()


def test_columns_that_do_not_line_up_are_refused(new_file, seals):
    writer = TableWriter(new_file(), 7, lambda prefix: RAW_LAYOUT, seals)
    one = np.ones(1, np.int64)
    with pytest.raises(ValueError, match="line up"):
        writer.add_columns([b"a"], one, one.astype(np.uint8), [ColumnVector([b"", b""])], RAW_LAYOUT)
    with pytest.raises(ValueError, match="line up"):
        writer.add_columns([b"a"], one, one.astype(np.uint8), [], RAW_LAYOUT)
    with pytest.raises(ValueError, match="one key prefix"):
        two = np.ones(2, np.int64)
        columns = [ColumnVector([b"", b""])]
        writer.add_columns([b"aaaaaa", b"bbbbbb"], two, two.astype(np.uint8), columns, RAW_LAYOUT)
