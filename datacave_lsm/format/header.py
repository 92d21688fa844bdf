"""File header: the first 128 bytes of every file the engine writes.

It says what the file is and how its segments are protected. Its length is fixed, so that a file can be rewrapped under
another master key by copying everything behind the header. Byte table: FORMAT.md, "File header".
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from xxhash import xxh3_64_intdigest

from datacave_core.errors import DataCorrupted
from datacave_lsm.crypto import KEY_ID_BYTES_MAX, WRAPPED_BYTES

MAGIC = b"DATACAVE"
HEADER_BYTES = 128

_FIELDS = struct.Struct("<8sBBHIQ32s40s24x")
_CHECKSUM = struct.Struct("<Q")


FOREIGN = "Remove it if it does not belong there; else restore the file from a backup or from a replica."


class FileKind(enum.IntEnum):
    """What a file holds. Numbers are stored and never change meaning."""

    TABLE = 1
    WAL = 2
    MANIFEST = 3
    SPILL = 4
    BACKUP = 5


FORMAT_VERSIONS = {kind: 2 if kind is FileKind.WAL else 1 for kind in FileKind}
"""The version that is written of each kind; older ones are read."""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The parsed header. `key_id` is the id of the master key that wraps the data key, or "" for a plain file."""

    kind: FileKind
    file_id: int
    key_id: str = ""
    wrapped_key: bytes = b""
    version: int = 0
    """0 stands for the newest of the kind."""

    @property
    def format_version(self) -> int:
        """The version of the format."""
        return self.version or FORMAT_VERSIONS[self.kind]

    @property
    def sealed(self) -> bool:
        """Whether the segments are encrypted rather than only checksummed."""
        return self.key_id != ""

    def encode(self) -> bytes:
        """The HEADER_BYTES bytes that open the file."""
        key_id = self.key_id.encode()
        fields = _FIELDS.pack(
            MAGIC,
            self.kind,
            1 if self.sealed else 0,
            self.format_version,
            0,
            self.file_id,
            bytes([len(key_id)]) + key_id,
            self.wrapped_key,
        )
        return fields + _CHECKSUM.pack(xxh3_64_intdigest(fields))

    @classmethod
    def decode(cls, data: bytes, name: str) -> FileHeader:
        """Parses and verifies the start of file `name`; raises DataCorrupted."""
        # One flipped bit in the magic is damage; a foreign file has little in common with it.
        if sum(left != right for left, right in zip(data, MAGIC, strict=False)) > 2:
            raise DataCorrupted(f'file "{name}" is not a Datacave file: its magic is {bytes(data[:8])!r}', hint=FOREIGN)
        if len(data) < HEADER_BYTES:
            raise DataCorrupted(f'file "{name}" is damaged: {len(data)} bytes cannot hold the header')
        data = bytes(data[:HEADER_BYTES])
        fields = data[: _FIELDS.size]
        if _CHECKSUM.unpack_from(data, _FIELDS.size)[0] != xxh3_64_intdigest(fields):
            raise DataCorrupted(f'file "{name}" is damaged: the header at byte 0 fails its checksum')
        magic, kind, seal, version, reserved, file_id, key_field, wrapped_key = _FIELDS.unpack(fields)
        if magic != MAGIC:
            raise DataCorrupted(f'file "{name}" is not a Datacave file: its magic is {magic!r}', hint=FOREIGN)
        newest = FORMAT_VERSIONS.get(kind, 1)
        if not 1 <= version <= newest:
            raise DataCorrupted(
                f'file "{name}" has format version {version}; this program reads {newest}',
                hint="A newer program has written it; use that, or restore a backup of before.",
            )
        key_length = key_field[0]
        if seal not in (0, 1) or key_length > KEY_ID_BYTES_MAX or (seal == 1) != (key_length > 0) or reserved:
            raise DataCorrupted(f'file "{name}" is damaged: the header at byte 0 contradicts itself')
        try:
            return cls(
                FileKind(kind),
                file_id,
                key_field[1 : 1 + key_length].decode(),
                wrapped_key if seal else b"",
                version,
            )
        except ValueError:
            raise DataCorrupted(f'file "{name}" is damaged: the header at byte 0 is of unknown kind {kind}') from None


assert _FIELDS.size + _CHECKSUM.size == HEADER_BYTES
assert _FIELDS.size >= 8 + WRAPPED_BYTES
