"""Is a table file under its name only when it is whole and on disk?"""

from __future__ import annotations

import pytest

from datacave_core.layout import RAW_LAYOUT
from datacave_core.ports import Version
from datacave_lsm.format import Seals
from datacave_lsm.table import SegmentCache, TableReader, write_table

NAME = "tables/000001.sst"


def fill(writer):
    writer.add_many([(b"key %d" % n, 5, (b"value",)) for n in range(10)])


def write(files, work=fill):
    return write_table(files, NAME, 1, lambda prefix: RAW_LAYOUT, Seals(), work)


def test_it_is_synced_before_it_gets_its_name_and_the_folder_after(new_files):
    files = new_files()
    properties = write(files)
    assert [step for step in files.diary if step != "write"] == [
        f"create {NAME}.tmp",
        "sync",
        f"rename {NAME}.tmp {NAME}",
        "sync_folder 'tables'",
    ]
    assert "write" not in files.diary[files.diary.index("sync") :]
    file = files.names[NAME]
    assert file.synced == len(file.content) == properties.bytes
    assert file.closed
    reader = TableReader.open(files, NAME, Seals(), SegmentCache(0), file_id=1)
    assert reader.get(b"key 3", 9) == Version(5, (b"value",))


def test_a_failure_at_any_step_leaves_no_half_file(new_files):
    steps = len(new_files_diary(new_files))
    for fail_at in range(1, steps + 1):
        files = new_files(fail_at)
        with pytest.raises(OSError, match="planned failure"):
            write(files)
        if fail_at < steps:
            assert files.names == {}
        else:  # the folder sync alone failed: whole, but the caller knows it may not survive
            TableReader.open(files, NAME, Seals(), SegmentCache(0)).verify()


def new_files_diary(new_files):
    files = new_files()
    write(files)
    return files.diary


def test_a_failing_source_leaves_nothing(new_files):
    files = new_files()

    def broken(writer):
        fill(writer)
        raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError):
        write(files, broken)
    assert files.names == {}


def test_a_leftover_of_a_crash_is_replaced(new_files):
    files = new_files()
    files.create(f"{NAME}.tmp").write(b"half a file")
    write(files)
    assert list(files.names) == [NAME]
    TableReader.open(files, NAME, Seals(), SegmentCache(0)).verify()


def test_a_damaged_file_is_closed_again(new_files):
    files = new_files()
    write(files)
    files.names[NAME].content[-1] ^= 1
    files.names[NAME].closed = False
    with pytest.raises(Exception, match="damaged"):
        TableReader.open(files, NAME, Seals(), SegmentCache(0))
    assert files.names[NAME].closed
