"""Replay: reads the log after a start, oldest segment first.

A write cut short by a crash can only lie at the very end of what was written; such a torn tail is cut off, so that it
is not taken for damage at the next start. Segments behind it may have been begun, even out of order, since a header
and a name become durable with the first record only. Anything else that cannot be read refuses to start:
DataCorrupted, naming segment and offset.
"""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core.errors import DataCorrupted
from datacave_core.ports import File, FileSystem
from datacave_lsm.format import HEADER_BYTES, FileKind, Opener, Seals, read_exactly, write_all
from datacave_lsm.format.header import RESTORE
from datacave_lsm.wal.entry import AnyEntry, EntryDecoder
from datacave_lsm.wal.record import Tail, damaged, read_records
from datacave_lsm.wal.segment import FOLDER, segment_name, segment_numbers

COPY_BYTES = 1024 * 1024


def replay(
    files: FileSystem, seals: Seals, first_number: int, closed: tuple[int, int]
) -> Iterator[tuple[int, AnyEntry | None]]:
    """Every entry with the number of its segment, from segment `first_number` on; (number, None) ends each segment.

    `closed` is the last segment and its length as the manifest recorded them at an orderly close, or (0, 0).
    Raises DataCorrupted, MasterKeyError, OSError.
    """
    numbers = {number for number in segment_numbers(files) if number >= first_number}
    decoder = EntryDecoder()
    torn: tuple[int, int] | None = None
    newest: tuple[int, int] | None = None
    for number in range(first_number, max([closed[0], first_number, *numbers]) + 1):
        name = segment_name(number)
        if number not in numbers:
            if number == first_number or number <= closed[0]:
                raise _missing(name)
            torn = torn or (number, 0)
            continue
        file = files.open(name)
        try:
            size = file.size()
            if number == closed[0] and size != closed[1]:
                raise DataCorrupted(f'file "{name}" has {size} bytes; {closed[1]} were written', hint=RESTORE)
            opener = _opener(file, name, number, seals)
            tail = Tail(0, True)
            if opener is not None:
                tail = Tail()
                for offset, payload in read_records(file, name, opener, tail):
                    if torn is not None:
                        lost = segment_name(torn[0])
                        raise damaged(lost, torn[1]) if torn[0] in numbers else _missing(lost)
                    try:
                        for entry in decoder.decode(payload):
                            yield number, entry
                    except ValueError as error:
                        raise DataCorrupted(f'file "{name}" holds no entry at byte {offset}: {error}') from error
            if tail.end > HEADER_BYTES:
                newest = (number, tail.end)
            if tail.torn:
                if number <= closed[0]:
                    raise damaged(name, tail.end)
                torn = torn or (number, tail.end)
        finally:
            file.close()
        yield number, None
    if torn is not None:
        _cut(files, *torn)
    if newest is not None and newest[0] > closed[0]:
        _make_durable(files, *newest)


def _missing(name: str) -> DataCorrupted:
    return DataCorrupted(f'file "{name}" of the write-ahead log is missing', hint=RESTORE)


def _cut(files: FileSystem, number: int, end: int) -> None:
    """Takes a torn tail away, and segments behind it, which hold nothing."""
    for later in reversed(segment_numbers(files)):
        if later > number or (later == number and not end):
            files.remove(segment_name(later))
    if end:
        file = files.open(segment_name(number))
        try:
            file.truncate(end)
            file.sync()
        finally:
            file.close()
    files.sync_folder(FOLDER)


def _make_durable(files: FileSystem, number: int, end: int) -> None:
    """Writes the newest segment with records afresh: its last records may have been read from memory only.

    They may never have been synced, or their sync may have failed, after which no later one would write them.
    """
    name = segment_name(number)
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


def _opener(file: File, name: str, number: int, seals: Seals) -> Opener | None:
    """None for a segment without records whose header did not reach the disk before the crash."""
    header = file.read_at(0, HEADER_BYTES)
    try:
        return seals.resume(header, FileKind.WAL, name, file_id=number)[1]
    except DataCorrupted:
        if file.size() > HEADER_BYTES:
            raise
        return None
