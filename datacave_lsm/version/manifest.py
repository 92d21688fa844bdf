"""Manifest: the log of version edits. `CURRENT` names the one in force.

A manifest begins with one edit that holds the whole state, and is never continued after a restart: opening writes a new
one and switches `CURRENT` by rename. An edit is in force once its record is synced.
"""

from __future__ import annotations

from dataclasses import dataclass

import xxhash

from datacave_core.compression import TableCompression
from datacave_core.errors import DataCorrupted
from datacave_core.ports import FileSystem
from datacave_lsm.format import HEADER_BYTES, FileKind, Seals, read_exactly, write_all
from datacave_lsm.horizons import TableHorizon
from datacave_lsm.version.edit import VersionEdit
from datacave_lsm.version.levels import Levels
from datacave_lsm.wal.record import Head, RecordWriter, Tail, damaged, read_records

CURRENT = "CURRENT"
_FRAGMENT_BYTES_MAX = 16 * 1024 * 1024


def manifest_name(number: int) -> str:
    """The file name of a manifest."""
    return f"MANIFEST-{number:010d}"


@dataclass(slots=True)
class ManifestState:
    """The sum of a manifest's edits."""

    levels: Levels
    log_number: int = 1
    next_number: int = 1
    horizon: int = 0
    timestamp: int = 0
    closed: tuple[int, int] = (0, 0)
    ingested: int = 0
    horizons: tuple[tuple[bytes, TableHorizon], ...] = ()
    compressions: tuple[tuple[bytes, TableCompression], ...] = ()

    def apply(self, edit: VersionEdit) -> None:
        """Adds one edit; raises ValueError if it contradicts the state."""
        if edit.removed or edit.added:
            self.levels = self.levels.change(edit.removed, edit.added)
        if edit.log_number is not None:
            # Edits of two jobs may come in either order; what is in tables stays there.
            self.log_number = max(self.log_number, edit.log_number)
        if edit.next_number is not None:
            self.next_number = max(self.next_number, edit.next_number)
        if edit.horizon is not None:
            self.horizon = max(self.horizon, edit.horizon)
        if edit.timestamp is not None:
            self.timestamp = max(self.timestamp, edit.timestamp)
        if edit.closed is not None:
            self.closed = edit.closed
        if edit.ingested is not None:
            self.ingested = max(self.ingested, edit.ingested)
        if edit.horizons is not None:
            self.horizons = edit.horizons
        if edit.compressions is not None:
            self.compressions = edit.compressions

    def snapshot(self) -> VersionEdit:
        """One edit that leads from nothing to this state."""
        added = tuple([(level, file) for level, files in enumerate(self.levels.files) for file in files])
        return VersionEdit(
            self.log_number,
            self.next_number,
            self.horizon,
            self.timestamp,
            frozenset(),
            added,
            self.closed,
            self.ingested or None,
            self.horizons or None,
            self.compressions or None,
        )


class Manifest:
    """The manifest that is being written. Its methods do blocking I/O and raise OSError."""

    __slots__ = ("_file", "_files", "_writer", "name", "number")

    def __init__(self, files: FileSystem, seals: Seals, number: int, snapshot: VersionEdit) -> None:
        """Writes a new manifest with one edit and puts it in force."""
        self._files = files
        self.number = number
        self.name = manifest_name(number)
        header, sealer = seals.begin(FileKind.MANIFEST, number, self.name)
        self._writer = RecordWriter(sealer, _FRAGMENT_BYTES_MAX)
        if files.exists(self.name):
            files.remove(self.name)
        self._file = files.create(self.name)
        write_all(self._file, header)
        self.append(snapshot)
        files.sync_folder()
        _switch_current(files, self.name)

    @property
    def size_bytes(self) -> int:
        """The length so far."""
        return self._writer.offset

    def append(self, edit: VersionEdit) -> None:
        """Adds an edit and makes it durable."""
        write_all(self._file, self._writer.encode(edit.encode()))
        self._file.sync()
        self._writer.synced = self._writer.offset

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def current_manifest(files: FileSystem) -> str | None:
    """The name of the manifest in force; None in a directory without a database. Raises DataCorrupted."""
    if not files.exists(CURRENT):
        return None
    file = files.open(CURRENT)
    try:
        name, _, checksum = file.read_at(0, 256).decode("ascii", "replace").partition(" ")
    finally:
        file.close()
    if checksum != _checksum(name) + "\n":
        raise DataCorrupted(f'file "{CURRENT}" is damaged: its checksum does not match')
    return name


def read_manifest(files: FileSystem, name: str, seals: Seals, level_count: int) -> ManifestState:
    """The state a manifest describes. Raises DataCorrupted, MasterKeyError, OSError."""
    if not files.exists(name):
        raise DataCorrupted(f'file "{name}", which {CURRENT} names, is missing')
    file = files.open(name)
    try:
        _, opener = seals.resume(
            read_exactly(file, 0, HEADER_BYTES, name),
            FileKind.MANIFEST,
            name,
            file_id=int(name.rpartition("-")[2]),
        )
        state = ManifestState(Levels.empty(level_count))
        edits = 0
        for offset, payload in read_records(file, name, Head(opener), Tail()):
            try:
                state.apply(VersionEdit.decode(payload))
            except ValueError as error:
                raise DataCorrupted(f'file "{name}" contradicts itself at byte {offset}: {error}') from error
            edits += 1
        if not edits:
            raise damaged(name, HEADER_BYTES)
        return state
    finally:
        file.close()


def _switch_current(files: FileSystem, name: str) -> None:
    temporary = f"{CURRENT}.tmp"
    if files.exists(temporary):
        files.remove(temporary)
    file = files.create(temporary)
    try:
        write_all(file, f"{name} {_checksum(name)}\n".encode("ascii"))
        file.sync()
    finally:
        file.close()
    files.rename(temporary, CURRENT)
    files.sync_folder()


def _checksum(name: str) -> str:
    return str(xxhash.xxh3_64_hexdigest(name.encode("ascii", "replace")))
