"""Rotation: puts every live file under the current master key of the ring, while the engine serves.

Sealed tables are rewrapped: their data key is wrapped anew, the segments stay as they are. Plain tables in a sealed
database are rewritten by a merge of their own. Log and manifest begin new files. The end is a proof, read back from the
headers on the disk. Maintenance runs the job in the place of merges, so that no table leaves the levels meanwhile, and
flushes seal with the current key already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from datacave_core.errors import DatacaveError
from datacave_core.ports import FileSystem
from datacave_core.wait import Wait
from datacave_lsm.crypto import KeyRing, MasterKeyError
from datacave_lsm.format import HEADER_BYTES, FileHeader, FileKind, read_exactly
from datacave_lsm.format.sealing import rewrap_file
from datacave_lsm.version import TableFile
from datacave_lsm.version.levels import TABLE_FOLDER, TABLE_SUFFIX, table_name
from datacave_lsm.wal.segment import segment_name, segment_numbers


@dataclass(frozen=True, slots=True)
class KeyProof:
    """The master keys of all files on the disk, read from their headers; "" stands for a file that is not sealed.

    `live` counts the files of the database by key id. `waiting` are files under other keys that nobody needs except
    readers that began before, by name; they are removed when those readers end.
    """

    current: str
    live: dict[str, int]
    waiting: dict[str, str]

    @property
    def complete(self) -> bool:
        """Whether every live file is under the current key."""
        return set(self.live) <= {self.current}


class Rotation:
    """A rotation under way: `finished` is done when `proof` stands, or fails."""

    __slots__ = ("finished", "proof")

    def __init__(self) -> None:
        self.finished = Wait("IO:KeyRotation")
        self.proof: KeyProof | None = None

    def end(self, proof: KeyProof) -> None:
        """Ends the rotation well if the proof is complete."""
        self.proof = proof
        if proof.complete:
            self.finished.finish()
            return
        others = {key_id or "none": count for key_id, count in proof.live.items() if key_id != proof.current}
        self.finished.finish(
            DatacaveError(f"live files are still under other master keys: {others}", hint="Repeat the rotation.")
        )


def check_ring(ring: KeyRing, key_ids: Iterable[str]) -> None:
    """Raises MasterKeyError if the ring cannot open a live file."""
    for key_id in sorted(key_ids):
        if key_id and key_id not in ring:
            raise MasterKeyError(
                f'files are sealed with master key "{key_id}", which is not in the new key ring',
                hint="Keep old keys in the key ring until the rotation is complete.",
            )
        if not key_id and not ring.allow_plain:
            raise MasterKeyError(
                "some files are not sealed, and the new key ring does not allow them",
                hint="Allow plain files until the rotation is complete.",
            )


def rewrap_table(files: FileSystem, file: TableFile, ring: KeyRing) -> TableFile:
    """Off the loop: puts a sealed table under the current key. Raises OSError, DataCorrupted, MasterKeyError."""
    rewrap_file(files, table_name(file.number), FileKind.TABLE, ring)
    return replace(file, key_id=ring.current)


def prove(files: FileSystem, current: str, live_tables: frozenset[int], log_number: int, manifest: str) -> KeyProof:
    """Off the loop: reads the header of every file. Raises OSError and DataCorrupted."""
    live: dict[str, int] = {}
    waiting: dict[str, str] = {}
    live_names = {table_name(number) for number in live_tables}

    def count(name: str, needed: bool) -> None:
        try:
            file = files.open(name)
        except FileNotFoundError:
            if needed:
                raise
            return  # removed since it was listed
        try:
            header = FileHeader.decode(read_exactly(file, 0, HEADER_BYTES, name), name)
        finally:
            file.close()
        if needed:
            live[header.key_id] = live.get(header.key_id, 0) + 1
        elif header.key_id != current:
            waiting[name] = header.key_id

    for name in live_names:
        count(name, True)
    for entry in files.list(TABLE_FOLDER):
        name = f"{TABLE_FOLDER}/{entry}"
        if entry.endswith(TABLE_SUFFIX) and name not in live_names:
            count(name, False)
    for number in segment_numbers(files):
        count(segment_name(number), number >= log_number)
    count(manifest, True)
    return KeyProof(current, live, waiting)
