"""Checkpoint: the whole database of one moment in a folder beside it, while writing goes on.

    table files -> hard links      log segments -> copies      then a manifest of its own, then CURRENT

Table files never change, so a second name costs nothing and keeps them when the engine lets go of them. Log segments
are copied, because the newest one still grows, and as far as they were written at one moment: all but the newest are
complete then, so together they hold every commit up to that moment and none after. It is not before the checkpoint was
asked for. The manifest says where the copies end. The file UNFINISHED is there from first to last; recovery refuses a
folder that has it.

A checkpoint is a database directory: to restore it, open it, or a copy of it. Its files keep the master keys they were
sealed with when it was made; a later change of the key does not reach them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.ports import FileSystem
from datacave_core.wait import Wait
from datacave_lsm.folder import Folder
from datacave_lsm.format import Seals, read_exactly, write_all
from datacave_lsm.version import Manifest
from datacave_lsm.version.levels import TABLE_FOLDER, table_name
from datacave_lsm.version.manifest import ManifestState
from datacave_lsm.wal.segment import FOLDER as LOG_FOLDER
from datacave_lsm.wal.segment import segment_name, segment_numbers

COPY_BYTES = 1 << 20
UNFINISHED = "UNFINISHED"


class CheckpointExists(DatacaveError):
    """The folder already holds a checkpoint."""

    sqlstate = sqlstate.DUPLICATE_FILE


@dataclass(frozen=True, slots=True)
class CheckpointFacts:
    """What a checkpoint consists of."""

    folder: str
    table_count: int
    table_bytes: int
    log_segments: int
    log_bytes: int


class Checkpoint:
    """A checkpoint under way: `finished` is done when it is whole and `facts` stands, or fails."""

    __slots__ = ("facts", "finished", "folder")

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.finished = Wait("IO:Checkpoint")
        self.facts: CheckpointFacts | None = None


def write_checkpoint(
    files: FileSystem,
    folder: str,
    seals: Seals,
    state: ManifestState,
    manifest_number: int,
    log_ends: Mapping[int, int],
) -> CheckpointFacts:
    """Off the loop: writes the checkpoint of a level state whose tables and log segments stay for as long.

    `log_ends` are the segments of this process, with their lengths; those of earlier ones are whole files.

    Raises CheckpointExists, or OSError; an unfinished folder is taken over by the next try.
    """
    _make_folders(files, folder)
    target = Folder(files, folder)
    tables = state.levels.all_files()
    for file in tables:
        name = table_name(file.number)
        files.link(name, f"{folder}/{name}")
    target.sync_folder(TABLE_FOLDER)
    numbers = [number for number in segment_numbers(files) if state.log_number <= number <= max(log_ends)]
    log_bytes = copied = 0
    for number in numbers:
        copied = _copy(files, target, segment_name(number), log_ends.get(number))
        log_bytes += copied
    target.sync_folder(LOG_FOLDER)
    target.sync_folder()
    # Where the copies end, as after an orderly close: a record that rots is damage then, and no write cut short.
    whole = replace(state, closed=(numbers[-1], copied))
    Manifest(target, seals, manifest_number, whole.snapshot()).close()
    target.remove(UNFINISHED)
    target.sync_folder()
    files.sync_folder(folder.rpartition("/")[0])
    return CheckpointFacts(folder, len(tables), sum(file.size_bytes for file in tables), len(numbers), log_bytes)


def _make_folders(files: FileSystem, folder: str) -> None:
    parts = folder.split("/")
    for depth in range(1, len(parts) + 1):
        name = "/".join(parts[:depth])
        if not files.exists(name):
            files.make_folder(name)
            files.sync_folder("/".join(parts[: depth - 1]))
    unfinished = f"{folder}/{UNFINISHED}"
    if not files.exists(unfinished):
        if files.list(folder):
            raise CheckpointExists(f'there is already a checkpoint in "{folder}"', hint="Choose another name.")
        files.create(unfinished).close()
        files.sync_folder(folder)
    for entry in files.list(folder):
        if entry not in (LOG_FOLDER, TABLE_FOLDER, UNFINISHED):
            files.remove(f"{folder}/{entry}")
    for part in (LOG_FOLDER, TABLE_FOLDER):
        name = f"{folder}/{part}"
        if not files.exists(name):
            files.make_folder(name)
        for leftover in files.list(name):
            files.remove(f"{name}/{leftover}")


def _copy(files: FileSystem, target: FileSystem, name: str, length: int | None) -> int:
    """Copies a file up to a length, or the whole of it; returns the bytes."""
    source = files.open(name)
    try:
        copy = target.create(name)
        try:
            size = source.size() if length is None else length
            for offset in range(0, size, COPY_BYTES):
                write_all(copy, read_exactly(source, offset, min(COPY_BYTES, size - offset), name))
            copy.sync()
            return size
        finally:
            copy.close()
    finally:
        source.close()
