"""Is every damaged byte of a table file noticed, wherever it is?"""

from __future__ import annotations

from decimal import Decimal

import pytest

from datacave_core.errors import DatacaveError, DataCorrupted
from datacave_core.layout import RAW_LAYOUT
from datacave_lsm.crypto import MasterKeyError
from datacave_lsm.format import HEADER_BYTES, Seals
from datacave_lsm.table import SegmentCache, TableOptions, TableReader, TableWriter

NAME = "000007.sst"


def key_of(number):
    return b"\0\0\0\1\0\1" + number.to_bytes(8, "big")


@pytest.fixture
def entries():
    rows = [
        (n, n / 3, Decimal(n).scaleb(-2), n % 2 == 0, b"bytes %d" % n, "few" if n % 2 else "one " * n)
        for n in range(12)
    ]
    rows[5] = (None,) * 6
    return [(key_of(n), 100 + n, None if n == 3 else row) for n, row in enumerate(rows)]


@pytest.fixture
def content(seals, new_file, mixed_layout, entries):
    file = new_file()
    writer = TableWriter(file, 7, lambda prefix: mixed_layout, seals, TableOptions(group_rows_max=5), name=NAME)
    writer.add_many(entries)
    writer.finish()
    return bytes(file.content)


def read_everything(file, seals):
    reader = TableReader(file, NAME, seals, SegmentCache(0), file_id=7)
    found = []
    for group in reader.groups():
        stamps, operations = group.timestamps().tolist(), group.operations().tolist()
        found += [
            (key, stamp, None if operation else row)
            for key, stamp, operation, row in zip(group.keys(), stamps, operations, group.rows(), strict=True)
        ]
    return found


def test_the_undamaged_file_reads(content, seals, new_file, entries):
    assert read_everything(new_file(content), seals) == entries


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_every_flipped_byte_is_noticed_on_reading_everything(content, seals, new_file, mask):
    file = new_file(content)
    for at in range(len(content)):
        file.content[at] ^= mask
        with pytest.raises(DataCorrupted, match=NAME):
            read_everything(file, seals)
        with pytest.raises(DataCorrupted, match=NAME):
            TableReader(file, NAME, seals, SegmentCache(0)).verify()
        file.content[at] ^= mask


def test_every_cut_and_every_extension_is_noticed(content, seals, new_file):
    for length in range(len(content)):
        with pytest.raises(DataCorrupted, match=NAME):
            read_everything(new_file(content[:length]), seals)
    for more in (b"\0", content[-1:], content[-80:]):
        with pytest.raises(DataCorrupted, match=NAME):
            read_everything(new_file(content + more), seals)


def test_a_point_read_notices_damage_in_what_it_reads(content, seals, new_file, entries):
    file = new_file(content)
    reader = TableReader(file, NAME, seals, SegmentCache(0), file_id=7)
    group = next(reader.groups())
    for at in range(HEADER_BYTES, HEADER_BYTES + group.stored_bytes):
        file.content[at] ^= 0x10
        with pytest.raises(DataCorrupted) as caught:
            reader.get(entries[0][0], 1000)
        assert "group 0, column" in caught.value.message
        assert "at byte" in caught.value.message
        file.content[at] ^= 0x10
    assert reader.get(entries[0][0], 1000).row == entries[0][2]


def test_swapped_segments_are_noticed(seals, new_file):
    """Two groups of the same shape exchange their bytes; every segment is whole, none is in its place."""
    file = new_file()
    writer = TableWriter(file, 7, lambda prefix: RAW_LAYOUT, seals, TableOptions(group_rows_max=2), name=NAME)
    writer.add_many([(key_of(n), 5, (b"%d" % n,)) for n in range(4)])
    writer.finish()
    reader = TableReader(file, NAME, seals, SegmentCache(0))
    one, two = reader.groups()
    size = one.stored_bytes
    assert size == two.stored_bytes
    start, middle = HEADER_BYTES, HEADER_BYTES + size
    first, second = file.content[start:middle], file.content[middle : middle + size]
    file.content[start : middle + size] = second + first
    for group in reader.groups():
        for work in (group.keys, group.timestamps, lambda group=group: group.column(0)):
            with pytest.raises(DataCorrupted):
                work()


def test_segments_of_another_file_are_noticed(seals, new_file):
    contents = []
    for file_id in (7, 8):
        file = new_file()
        writer = TableWriter(file, file_id, lambda prefix: RAW_LAYOUT, seals, name=NAME)
        writer.add_many([(key_of(n), 5, (b"%d" % (n + file_id),)) for n in range(4)])
        writer.finish()
        contents.append(bytes(file.content))
    with pytest.raises(DataCorrupted, match="file id 8, not 7"):
        read_everything(new_file(contents[1]), seals)
    mixed = contents[0][:HEADER_BYTES] + contents[1][HEADER_BYTES:]
    with pytest.raises(DataCorrupted):
        read_everything(new_file(mixed), seals)


def test_a_sealed_table_shows_neither_keys_nor_values(new_file, ring_of):
    file = new_file()
    writer = TableWriter(file, 7, lambda prefix: RAW_LAYOUT, ring_of("k1"), name=NAME)
    writer.add_many([(b"tablexmarker-key-%02d" % n, 5, (b"marker-value-%d" % n,)) for n in range(50)])
    writer.finish()
    for marker in (b"marker-key", b"marker-value", b"smallest_key"):
        assert marker not in file.content


def test_a_missing_key_refuses_the_file(new_file, ring_of):
    file = new_file()
    writer = TableWriter(file, 7, lambda prefix: RAW_LAYOUT, ring_of("k1"), name=NAME)
    writer.add(b"key", 5, (b"value",))
    writer.finish()
    for seals in (Seals(), ring_of("k2")):
        with pytest.raises(MasterKeyError, match='"k1"'):
            TableReader(file, NAME, seals, SegmentCache(0))


def test_a_failing_disk_is_an_error_that_names_the_file(content, seals, new_file):
    file = new_file(content)
    reader = TableReader(file, NAME, seals, SegmentCache(0), file_id=7)

    def broken(offset, length):
        raise OSError(5, "Input/output error")

    file.read_at = broken
    with pytest.raises(
        DatacaveError, match=f'could not read file "{NAME}" at byte [0-9]+: Input/output error'
    ) as caught:
        reader.get(key_of(1), 1000)
    assert caught.value.sqlstate == "58030"
