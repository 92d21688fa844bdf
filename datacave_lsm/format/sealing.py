"""Sealing: how every segment of every file is protected, by checksum or by AES-256-GCM.

A segment is a run of bytes at a position (group, column) of a file. For WAL and manifest the group is the record's
number and the column 0; tables count row groups and columns. Plain files append xxh3_64 of the payload, seeded with the
position; sealed files encrypt it and append the GCM tag, with file id, kind and position as associated data. So a
segment that was swapped, replayed from another place or file, or flipped in a bit is noticed either way.

Invariant: positions ascend strictly within a file, hence the position can be the nonce, and it is unique under the
file's fresh data key. A file that was closed or survived a crash is never appended to: write a new file instead.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Protocol

from xxhash import xxh3_64_digest, xxh3_64_intdigest

from datacave_core.errors import DataCorrupted
from datacave_core.ports import FileSystem, Randomness
from datacave_lsm.crypto import KEY_BYTES, TAG_BYTES, DataKey, KeyRing, MasterKeyError, SealBroken
from datacave_lsm.format.header import FOREIGN, HEADER_BYTES, FileHeader, FileKind
from datacave_lsm.format.transfer import read_exactly, write_all

CHECKSUM_BYTES = 8

_FILE = struct.Struct("<BxH4xQ")  # kind, format version, file id
_POSITION = struct.Struct("<QI")  # group, column
_NONCE = struct.Struct(">QI")  # group, column
_GROUP_FACTOR = 0x9E3779B97F4A7C15  # odd, so that distinct positions get distinct seeds
_COLUMN_FACTOR = 0xC2B2AE3D27D4EB4F
_MASK = 2**64 - 1

_COPY_BYTES = 1 << 20


class Sealer(Protocol):
    """Turns payloads into segments, in ascending order of position."""

    overhead: int
    """Bytes that a segment is longer than its payload."""

    def seal(self, group: int, column: int, payload: bytes) -> bytes:
        """The segment for a position above every earlier one; raises ValueError for any other position."""


class Opener(Protocol):
    """Verifies segments and gives their payloads back."""

    overhead: int

    def open(self, group: int, column: int, segment: bytes | memoryview, offset: int) -> bytes:
        """The payload; raises DataCorrupted naming the file, the position and the byte offset it was read from."""


class _Place:
    """What both sides know: the file, and that positions ascend."""

    __slots__ = ("_file", "_last", "_name", "_seed", "overhead")

    def __init__(self, header: FileHeader, name: str, overhead: int) -> None:
        self._file = _FILE.pack(header.kind, header.format_version, header.file_id)
        self._name = name
        self._last = (-1, -1)
        self._seed = xxh3_64_intdigest(self._file)
        self.overhead = overhead

    def _advance(self, group: int, column: int) -> None:
        if (group, column) <= self._last:
            raise ValueError(f"segment position {(group, column)} does not follow {self._last}")
        self._last = (group, column)

    def _damaged(self, group: int, column: int, segment: bytes | memoryview, offset: int, what: str) -> DataCorrupted:
        return DataCorrupted(
            f'file "{self._name}" is damaged: group {group}, column {column} '
            f"({len(segment)} bytes at byte {offset}) {what}",
        )


class PlainSealer(_Place):
    """Appends a checksum."""

    __slots__ = ()

    def __init__(self, header: FileHeader, name: str) -> None:
        super().__init__(header, name, CHECKSUM_BYTES)

    def seal(self, group: int, column: int, payload: bytes) -> bytes:
        self._advance(group, column)
        seed = (self._seed + group * _GROUP_FACTOR + column * _COLUMN_FACTOR) & _MASK
        return payload + xxh3_64_digest(payload, seed)


class PlainOpener(_Place):
    """Checks the checksum."""

    __slots__ = ()

    def __init__(self, header: FileHeader, name: str) -> None:
        super().__init__(header, name, CHECKSUM_BYTES)

    def open(self, group: int, column: int, segment: bytes | memoryview, offset: int) -> bytes:
        payload = bytes(segment[:-CHECKSUM_BYTES])
        seed = (self._seed + group * _GROUP_FACTOR + column * _COLUMN_FACTOR) & _MASK
        if xxh3_64_digest(payload, seed) != segment[-CHECKSUM_BYTES:]:
            raise self._damaged(group, column, segment, offset, "fails its checksum")
        return payload


class GcmSealer(_Place):
    """Encrypts and appends the tag."""

    __slots__ = ("_key",)

    def __init__(self, header: FileHeader, name: str, key: DataKey) -> None:
        super().__init__(header, name, TAG_BYTES)
        self._key = key

    def seal(self, group: int, column: int, payload: bytes) -> bytes:
        self._advance(group, column)
        return self._key.seal(_NONCE.pack(group, column), payload, self._file + _POSITION.pack(group, column))


class GcmOpener(_Place):
    """Decrypts and checks the tag."""

    __slots__ = ("_key",)

    def __init__(self, header: FileHeader, name: str, key: DataKey) -> None:
        super().__init__(header, name, TAG_BYTES)
        self._key = key

    def open(self, group: int, column: int, segment: bytes | memoryview, offset: int) -> bytes:
        try:
            return self._key.open(_NONCE.pack(group, column), segment, self._file + _POSITION.pack(group, column))
        except SealBroken:
            raise self._damaged(group, column, segment, offset, "fails its seal") from None


class Seals:
    """Starts and resumes files: with a key ring every new file is sealed, without one checksummed.

    `randomness` makes the data keys and is needed exactly when there is a key ring.
    """

    __slots__ = ("randomness", "ring")

    def __init__(self, ring: KeyRing | None = None, randomness: Randomness | None = None) -> None:
        if ring is not None and randomness is None:
            raise ValueError("sealing needs randomness for the data keys")
        self.ring = ring
        self.randomness = randomness

    def begin(self, kind: FileKind, file_id: int, name: str) -> tuple[bytes, Sealer]:
        """The header bytes of a new file and the sealer for its segments. File ids are never used twice."""
        if self.ring is None or self.randomness is None:
            header = FileHeader(kind, file_id)
            return header.encode(), PlainSealer(header, name)
        key = self.randomness.token_bytes(KEY_BYTES)
        header = FileHeader(kind, file_id, self.ring.current, self.ring.wrap(key))
        return header.encode(), GcmSealer(header, name, DataKey(key))

    def resume(
        self, data: bytes, kind: FileKind, name: str, *, file_id: int | None = None
    ) -> tuple[FileHeader, Opener]:
        """The parsed header and the opener of an existing file from its first HEADER_BYTES bytes.

        Raises DataCorrupted when the header is damaged or of another kind or file id than expected, MasterKeyError
        naming the key id when the file is sealed and the key is missing or wrong, or when a plain file stands where
        the key ring demands sealed ones.
        """
        header = FileHeader.decode(data, name)
        if header.kind is not kind:
            kinds = f"{header.kind.name.lower()}, not {kind.name.lower()}"
            raise DataCorrupted(f'file "{name}" is of kind {kinds}', hint=FOREIGN)
        if file_id is not None and header.file_id != file_id:
            raise DataCorrupted(f'file "{name}" holds file id {header.file_id}, not {file_id}', hint=FOREIGN)
        if not header.sealed:
            if self.ring is not None and not self.ring.allow_plain:
                raise MasterKeyError(
                    f'file "{name}" is not sealed, but the key ring (current key "{self.ring.current}") demands it',
                    hint="Allow plain files while an existing database is being encrypted.",
                )
            return header, PlainOpener(header, name)
        if self.ring is None:
            raise MasterKeyError(
                f'file "{name}" is sealed with master key "{header.key_id}", and there is no key ring',
                hint="Add the key under this id to the key ring.",
            )
        return header, GcmOpener(header, name, DataKey(self.ring.unwrap(header.key_id, header.wrapped_key, name)))


def rewrap_file(files: FileSystem, name: str, kind: FileKind, ring: KeyRing) -> bool:
    """Puts a closed file's data key under the current master key; False when it already is, or the file is plain.

    Only the header changes; the segments are copied as they are. Temporary name, fsync, rename, folder fsync: a crash
    leaves the old or the new file.
    """
    source = files.open(name)
    try:
        header = FileHeader.decode(source.read_at(0, HEADER_BYTES), name)
        if header.kind is not kind:
            raise DataCorrupted(f'file "{name}" is of kind {header.kind.name.lower()}, not {kind.name.lower()}')
        if not header.sealed or header.key_id == ring.current:
            return False
        key = ring.unwrap(header.key_id, header.wrapped_key, name)
        temporary = f"{name}.rewrap"
        if files.exists(temporary):
            files.remove(temporary)
        target = files.create(temporary)
        try:
            write_all(target, replace(header, key_id=ring.current, wrapped_key=ring.wrap(key)).encode())
            offset, size = HEADER_BYTES, source.size()
            while offset < size:
                chunk = read_exactly(source, offset, min(_COPY_BYTES, size - offset), name)
                write_all(target, chunk)
                offset += len(chunk)
            target.sync()
        finally:
            target.close()
    finally:
        source.close()
    files.rename(temporary, name)
    files.sync_folder(name.rpartition("/")[0])
    return True
