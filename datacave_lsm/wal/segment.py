"""Segment: one file of the log, numbered without gaps, written once and never continued after a restart.

    spare (a segment nobody needs any more), or a new file, as long as a segment gets
        -> header and opening written and synced -> the segment's name -> records, each write followed by END

A sync of a write into a file that is long enough already has no metadata to write, which halves it. What a spare held
before was sealed for another file id, and if there is a key ring with another data key, so it opens as nothing.
Since a segment gets its name when its head is durable, a broken head is always damage, and so is a gap.
"""

from __future__ import annotations

import errno

from datacave_core.errors import DiskFull
from datacave_core.ports import File, FileSystem
from datacave_lsm.format import HEADER_BYTES, FileKind, Seals, write_all_at
from datacave_lsm.wal.record import END, OPENING_BYTES_MAX, Head, RecordWriter, read_opening

FOLDER = "wal"
SUFFIX = ".log"
SPARE_SUFFIX = ".spare"
NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT))


def segment_name(number: int) -> str:
    """The file name of a segment."""
    return f"{FOLDER}/{number:010d}{SUFFIX}"


def spare_name(number: int) -> str:
    """The file name of what was segment `number` and waits to become another one."""
    return f"{FOLDER}/{number:010d}{SPARE_SUFFIX}"


def segment_numbers(files: FileSystem) -> list[int]:
    """The numbers of the segments that exist, ascending."""
    return sorted(
        int(name.removesuffix(SUFFIX))
        for name in files.list(FOLDER)
        if name.endswith(SUFFIX) and name.removesuffix(SUFFIX).isdecimal()
    )


def segment_bytes(room_bytes: int) -> int:
    """The length of a file with room for so many bytes of records."""
    return HEADER_BYTES + OPENING_BYTES_MAX + room_bytes + len(END)


def read_head(file: File, name: str, number: int, seals: Seals) -> Head:
    """What stands in front of a segment's payloads. Raises DataCorrupted, MasterKeyError, OSError."""
    header, opener = seals.resume(file.read_at(0, HEADER_BYTES), FileKind.WAL, name, file_id=number)
    return Head(opener) if header.format_version == 1 else read_opening(file, name, opener)


def disk_full(what: str, error: OSError) -> DiskFull:
    """The error of a write that there is no room for."""
    return DiskFull(f"could not extend {what}: {error.strerror}", hint="Free some space; writes resume by themselves.")


class Segment:
    """A segment that is being written. Only one write job at a time touches it."""

    __slots__ = ("_files", "_header", "_previous", "_temporary", "file", "file_bytes", "name", "number", "writer")

    def __init__(
        self,
        files: FileSystem,
        number: int,
        file: File,
        file_bytes: int,
        temporary: str,
        header: bytes,
        writer: RecordWriter,
        previous: Segment | int,
    ) -> None:
        self._files = files
        self._header = header
        self._previous = previous
        self._temporary = temporary
        self.number = number
        self.name = segment_name(number)
        self.file = file
        self.file_bytes = file_bytes
        self.writer = writer

    @classmethod
    def create(
        cls,
        files: FileSystem,
        seals: Seals,
        number: int,
        room_bytes: int,
        fragment_bytes_max: int,
        previous: Segment | int = 0,
        spare: str = "",
    ) -> Segment:
        """A segment with space for `room_bytes`, in a `spare` file or a new one; it gets its name with `begin`.

        `previous` is the segment before it, or its length. Raises DiskFull, or OSError for other failures.
        """
        name = segment_name(number)
        header, sealer = seals.begin(FileKind.WAL, number, name)
        size = segment_bytes(room_bytes)
        temporary = spare or f"{name}.tmp"
        file = None
        try:
            if spare:
                file = files.open(spare, in_place=True)
            else:
                file = files.create(temporary, in_place=True)
                file.allocate(size)
        except OSError as error:
            if file is not None:
                file.close()
                files.remove(temporary)
            if error.errno in NO_SPACE:
                raise disk_full(f'write-ahead log with file "{name}"', error) from error
            raise
        writer = RecordWriter(sealer, fragment_bytes_max)
        return cls(files, number, file, size, temporary, header, writer, previous)

    def append(self, payload: bytes) -> None:
        """Writes one payload; not yet durable. Raises OSError."""
        self.begin()
        writer = self.writer
        offset = writer.offset
        write_all_at(self.file, offset, writer.encode(payload) + END)

    @property
    def fresh(self) -> bool:
        """Whether the segment has no name yet: the first append takes a while."""
        return self._temporary != ""

    def was_synced(self) -> None:
        """Called once everything written is durable by somebody else's sync."""
        self.writer.synced = self.writer.offset

    def begin(self) -> None:
        """Makes header and opening durable and gives the segment its name, once. Raises OSError."""
        if not self._temporary:
            return
        previous = self._previous
        previous_bytes = previous if isinstance(previous, int) else previous.writer.offset
        write_all_at(self.file, 0, self._header + self.writer.opening(previous_bytes) + END)
        self.file.sync()
        self._files.rename(self._temporary, self.name)
        self._files.sync_folder(FOLDER)
        self.writer.synced = self.writer.offset
        self._temporary, self._previous = "", 0

    def sync(self) -> None:
        """Makes all that was written durable. Raises OSError."""
        self.begin()
        self.file.sync()
        self.writer.synced = self.writer.offset
