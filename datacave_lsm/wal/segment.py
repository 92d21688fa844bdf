"""Segment: one file of the log, numbered without gaps, written once and never continued after a restart.

    spare (a segment nobody needs any more), or a new file, as long as a segment gets
        -> header written and synced -> the segment's name, synced -> opening, records, each write followed by END

All up to the name is done while the segment before is in use: a folder's sync may wait for whatever else the disk has
to write. A sync of a write into a file that is long enough already has no metadata to write, which halves it. What a
spare held before was sealed for another file id, and if there is a key ring with another data key, so it opens as
nothing. Since a segment gets its name when its header is durable, a broken header is always damage, and so is a gap.
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
FILL_BYTES = 1 << 20
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


def read_head(file: File, name: str, number: int, seals: Seals) -> Head | None:
    """What stands in front of a segment's payloads; None for a segment that was not begun, the newest at most.

    Raises DataCorrupted, MasterKeyError, OSError.
    """
    header, opener = seals.resume(file.read_at(0, HEADER_BYTES), FileKind.WAL, name, file_id=number)
    return Head(opener) if header.format_version == 1 else read_opening(file, name, opener)


def disk_full(what: str, error: OSError) -> DiskFull:
    """The error of a write that there is no room for."""
    return DiskFull(f"could not extend {what}: {error.strerror}", hint="Free some space; writes resume by themselves.")


class Segment:
    """A segment that is being written. Only one write job at a time touches it."""

    __slots__ = (
        "_files",
        "_header",
        "_new",
        "_temporary",
        "file",
        "file_bytes",
        "fresh",
        "key_id",
        "name",
        "number",
        "writer",
    )

    def __init__(
        self,
        files: FileSystem,
        number: int,
        file: File,
        file_bytes: int,
        temporary: str,
        header: bytes,
        writer: RecordWriter,
        key_id: str,
    ) -> None:
        self._files = files
        self._header = header
        self._temporary = temporary
        self._new = not temporary.endswith(SPARE_SUFFIX)
        self.fresh = True
        """Whether it has not been begun."""
        self.key_id = key_id
        self.number = number
        self.name = segment_name(number)
        self.file = file
        self.file_bytes = file_bytes
        self.writer = writer

    @property
    def named(self) -> bool:
        """Whether it has its name."""
        return not self._temporary

    @classmethod
    def create(
        cls,
        files: FileSystem,
        seals: Seals,
        number: int,
        room_bytes: int,
        fragment_bytes_max: int,
        spare: str = "",
    ) -> Segment:
        """A segment with space for `room_bytes`, in a `spare` file or a new one, without its name.

        Raises DiskFull, or OSError for other failures.
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
        key_id = seals.ring.current if seals.ring is not None else ""
        return cls(files, number, file, size, temporary, header, writer, key_id)

    def append(self, payload: bytes) -> None:
        """Writes one payload; not yet durable. Raises OSError."""
        writer = self.writer
        offset = writer.offset
        write_all_at(self.file, offset, writer.encode(payload) + END)

    def was_synced(self) -> None:
        """Called once everything written is durable by somebody else's sync."""
        self.writer.synced = self.writer.offset

    def get_ready(self) -> None:
        """Writes zeros to all of a new file, so that no write has to be the first in its place, then takes the name.

        What is only reserved costs a sync the file system's own log, and with it whatever others have written.
        """
        for offset in range(0, self.file_bytes if self._new else 0, FILL_BYTES):
            write_all_at(self.file, offset, bytes(min(FILL_BYTES, self.file_bytes - offset)))
        self.take_name()

    def take_name(self) -> None:
        """Makes the header durable and gives the segment its name, once; waits for the disk. Raises OSError."""
        if not self._temporary:
            return
        write_all_at(self.file, 0, self._header + END)
        self.file.sync()
        self._files.rename(self._temporary, self.name)
        self._files.sync_folder(FOLDER)
        self._temporary = ""

    def begin(self, previous_bytes: int) -> None:
        """Writes the opening, once: the segment before it is complete and durable. Raises OSError."""
        if self.fresh:
            self.take_name()
            write_all_at(self.file, HEADER_BYTES, self.writer.opening(previous_bytes) + END)
            self.fresh = False

    def sync(self) -> None:
        """Makes all that was written durable. Raises OSError."""
        self.file.sync()
        self.was_synced()

    def give_up(self) -> None:
        """Removes a segment that was not begun. Raises OSError."""
        self.file.close()
        self._files.remove(self._temporary or self.name)
