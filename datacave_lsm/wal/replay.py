"""Replay: reads the log after a start, oldest segment first.

Each segment's opening says where the one before it ends, so that all but the newest are read to the byte. A write cut
short by a crash can only lie at the end of the newest one: what follows its last readable record is left out when it is
written afresh. Anything else that cannot be read refuses to start: DataCorrupted, naming segment and offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from datacave_core.errors import DataCorrupted
from datacave_core.ports import FileSystem
from datacave_lsm.format import HEADER_BYTES, FileHeader, FileKind, Seals, read_exactly, write_all
from datacave_lsm.wal.entry import AnyEntry, EntryDecoder
from datacave_lsm.wal.record import Tail, damaged, read_records
from datacave_lsm.wal.segment import FOLDER, read_head, segment_name, segment_numbers

COPY_BYTES = 1024 * 1024


@dataclass(slots=True)
class LogEnd:
    """Where the log ends: the newest segment (0: there is none) and its length."""

    number: int = 0
    bytes: int = 0


def replay(
    files: FileSystem, seals: Seals, first_number: int, closed: tuple[int, int], end: LogEnd
) -> Iterator[tuple[int, AnyEntry | None, int]]:
    """Every entry with the number of its segment and a length, from segment `first_number` on.

    The length is the whole record's for its first entry, 0 for others; (number, None, 0) ends each segment. `closed` is
    the last segment and its length as the manifest recorded them at an orderly close, or (0, 0). Fills `end` when all
    is read. Raises DataCorrupted, MasterKeyError, OSError.
    """
    last = newest_begun(files, seals, first_number, closed)
    end.number = last
    decoder = EntryDecoder()
    for number in range(first_number, last + 1):
        name = segment_name(number)
        known = known_end(files, seals, number, last, closed)
        tail = Tail()
        file = files.open(name)
        try:
            head = read_head(file, name, number, seals)
            if head is None:
                raise damaged(name, HEADER_BYTES)
            for offset, payload in read_records(file, name, head, tail, known):
                try:
                    size = len(payload)
                    for entry in decoder.decode(payload):
                        yield number, entry, size
                        size = 0
                except ValueError as error:
                    raise DataCorrupted(f'file "{name}" holds no entry at byte {offset}: {error}') from error
        finally:
            file.close()
        end.bytes = tail.end
        if known is None and tail.end > head.start:
            _make_durable(files, name, tail.end)
        yield number, None, 0


def newest_begun(files: FileSystem, seals: Seals, first_number: int, closed: tuple[int, int]) -> int:
    """The newest segment that has anything in it, or may have had: at most the newest of all was not begun.

    Of format version 1 there may be several that were not: they got their names before their headers were durable.
    Raises DataCorrupted, MasterKeyError, OSError.
    """
    last = max([closed[0], first_number, *segment_numbers(files)])
    while last > closed[0] and files.exists(segment_name(last)):
        version = _begun_version(files, seals, last, first_number)
        if version:
            return last
        last -= 1
        if version is None:
            return last
    return last


def _begun_version(files: FileSystem, seals: Seals, number: int, first_number: int) -> int | None:
    """The format version of a segment that was begun; None for one that was not, or 0 if that was version 1."""
    name = segment_name(number)
    file = files.open(name)
    try:
        head = file.read_at(0, HEADER_BYTES)
        try:
            version = seals.resume(head, FileKind.WAL, name, file_id=number)[0].format_version
        except DataCorrupted:
            if file.size() > HEADER_BYTES or not _is_first_version(files, number - 1, first_number):
                raise
            return 0
        found = read_head(file, name, number, seals)
        if version > 1:
            return version if found is not None else None
        if number <= first_number:
            return version
        assert found is not None
        return version if next(read_records(file, name, found, Tail()), None) is not None else 0
    finally:
        file.close()


def _is_first_version(files: FileSystem, number: int, first_number: int) -> bool:
    """Whether the newest segment up to `number` that has more than a header, or a whole one, is of version 1."""
    name = segment_name(number)
    if number < first_number:
        return False
    if not files.exists(name):
        return _is_first_version(files, number - 1, first_number)
    file = files.open(name)
    try:
        return FileHeader.decode(file.read_at(0, HEADER_BYTES), name).format_version == 1
    except DataCorrupted:
        return file.size() <= HEADER_BYTES and _is_first_version(files, number - 1, first_number)
    finally:
        file.close()


def known_end(files: FileSystem, seals: Seals, number: int, last: int, closed: tuple[int, int]) -> int | None:
    """Where the records of a segment end if anything says so; `last` is the newest that was begun, `closed` as before.

    Raises DataCorrupted if the segment or its successor is missing, or the successor's head is damaged.
    """
    name = segment_name(number)
    if not files.exists(name):
        raise DataCorrupted(f'file "{name}" of the write-ahead log is missing')
    told = closed[1] if number == closed[0] else None
    if number == last:
        return told
    follower = segment_name(number + 1)
    if not files.exists(follower):
        raise DataCorrupted(f'file "{follower}" of the write-ahead log is missing')
    file = files.open(follower)
    try:
        head = read_head(file, follower, number + 1, seals)
    finally:
        file.close()
    if head is None:
        raise damaged(follower, HEADER_BYTES)
    known = head.previous_bytes
    if known is None:  # format version 1: files are as long as what was written
        file = files.open(name)
        try:
            known = file.size()
        finally:
            file.close()
    if told is not None and told != known:
        raise DataCorrupted(f'file "{name}" has {known} bytes; {told} were written')
    return known


def _make_durable(files: FileSystem, name: str, end: int) -> None:
    """Writes the newest segment with records afresh: its last records may have been read from memory only.

    They may never have been synced, or their sync may have failed, after which no later one would write them.
    """
    temporary = f"{name}.tmp"
    if files.exists(temporary):
        files.remove(temporary)
    source, copy = files.open(name), files.create(temporary)
    try:
        for offset in range(0, end, COPY_BYTES):
            write_all(copy, read_exactly(source, offset, min(COPY_BYTES, end - offset), name))
        copy.sync()
    finally:
        source.close()
        copy.close()
    files.rename(temporary, name)
    files.sync_folder(FOLDER)
