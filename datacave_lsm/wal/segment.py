"""Segment: one file of the log, numbered without gaps, written once and never continued after a restart."""

from __future__ import annotations

import errno

from datacave_core.errors import DiskFull
from datacave_core.ports import File, FileSystem
from datacave_lsm.format import FileKind, Seals, write_all
from datacave_lsm.wal.record import RecordWriter

FOLDER = "wal"
SUFFIX = ".log"
NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT))


def segment_name(number: int) -> str:
    """The file name of a segment."""
    return f"{FOLDER}/{number:010d}{SUFFIX}"


def segment_numbers(files: FileSystem) -> list[int]:
    """The numbers of the segments that exist, ascending."""
    return sorted(
        int(name.removesuffix(SUFFIX))
        for name in files.list(FOLDER)
        if name.endswith(SUFFIX) and name.removesuffix(SUFFIX).isdecimal()
    )


def disk_full(what: str, error: OSError) -> DiskFull:
    """The error of a write that there is no room for."""
    return DiskFull(f"could not extend {what}: {error.strerror}", hint="Free some space; writes resume by themselves.")


class Segment:
    """A segment that is being written. Only one write job at a time touches it.

    The header reaches the disk before the first record is written, so that a broken header in front of records is
    damage, never a torn write.
    """

    __slots__ = ("_files", "_fresh", "file", "name", "number", "writer")

    def __init__(self, files: FileSystem, number: int, file: File, writer: RecordWriter) -> None:
        self._files = files
        self._fresh = True
        self.number = number
        self.name = segment_name(number)
        self.file = file
        self.writer = writer

    @classmethod
    def create(cls, files: FileSystem, seals: Seals, number: int, room_bytes: int, fragment_bytes_max: int) -> Segment:
        """A new segment with space reserved for `room_bytes`; raises DiskFull, or OSError for other failures."""
        name = segment_name(number)
        header, sealer = seals.begin(FileKind.WAL, number, name)
        file = None
        try:
            file = files.create(name)
            file.allocate(len(header) + room_bytes)
            write_all(file, header)
        except OSError as error:
            if file is not None:
                file.close()
                files.remove(name)
            if error.errno in NO_SPACE:
                raise disk_full(f'write-ahead log with file "{name}"', error) from error
            raise
        return cls(files, number, file, RecordWriter(sealer, fragment_bytes_max))

    def append(self, payload: bytes) -> None:
        """Writes one payload; not yet durable. Raises OSError."""
        self.make_header_durable()
        write_all(self.file, self.writer.encode(payload))

    @property
    def fresh(self) -> bool:
        """Whether the header is not yet durable: the first append takes a while."""
        return self._fresh

    def was_synced(self) -> None:
        """Called once everything written is durable by somebody else's sync."""
        self.writer.synced = self.writer.offset

    def make_header_durable(self) -> None:
        """Syncs the header and the folder once."""
        if self._fresh:
            self.file.sync()
            self._files.sync_folder(FOLDER)
            self._fresh = False

    def sync(self) -> None:
        """Makes all that was written durable. Raises OSError."""
        self.make_header_durable()
        self.file.sync()
        self.writer.synced = self.writer.offset
