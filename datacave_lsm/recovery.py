"""Recovery: from the files of a directory to the state the engine goes on from.

    CURRENT -> manifest -> level state -> every table it names is there and is itself -> log -> memtable (rebuild.py)

Nothing that is in force changes before everything was read, so that a start that is refused changes nothing. Then a new
log segment and a new manifest are begun, and files that no manifest names are removed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from datacave_core.errors import DataCorrupted
from datacave_core.ports import FileSystem, Scheduler
from datacave_lsm.background import Slices
from datacave_lsm.checkpoint import UNFINISHED
from datacave_lsm.format import Seals
from datacave_lsm.memtable import Memtable
from datacave_lsm.options import EngineOptions
from datacave_lsm.rebuild import LogContents, Progress, Rebuild
from datacave_lsm.refusals import DirectoryInUse
from datacave_lsm.table import Group, SegmentCache, TableReader
from datacave_lsm.version import Levels, TableHandle
from datacave_lsm.version.levels import TABLE_FOLDER, TABLE_SUFFIX, TableFile, table_name
from datacave_lsm.version.manifest import CURRENT, ManifestState, current_manifest, manifest_name, read_manifest
from datacave_lsm.wal.record import Tail, read_records
from datacave_lsm.wal.segment import FOLDER as LOG_FOLDER
from datacave_lsm.wal.segment import SPARE_SUFFIX, read_head, segment_name, segment_numbers

LOCK = "LOCK"


@dataclass(slots=True)
class Recovered:
    """What was found: the manifest's state with what the log adds to it, open tables, and the log's contents."""

    state: ManifestState
    manifest_number: int
    handles: dict[int, TableHandle]
    log: LogContents


def recover(
    files: FileSystem,
    seals: Seals,
    options: EngineOptions,
    cache: SegmentCache[Group],
    scheduler: Scheduler,
    progress: Progress,
) -> Slices[Recovered]:
    """Reads everything. Raises DataCorrupted, MasterKeyError or OSError, with nothing changed but a torn tail cut.

    New table files may be left behind then, or when the job is closed, that no manifest names.
    """
    if files.exists(UNFINISHED):
        raise DataCorrupted(
            f'the directory holds a checkpoint that was not finished (file "{UNFINISHED}")',
            hint="Make another checkpoint and use that.",
        )
    for folder in (LOG_FOLDER, TABLE_FOLDER):
        if not files.exists(folder):
            files.make_folder(folder)
            files.sync_folder()
    name = current_manifest(files)
    if name is None:
        _refuse_orphans(files, seals)
        _remove_log_leftovers(files)
        return Recovered(ManifestState(Levels.empty(options.level_count)), 0, {}, LogContents(Memtable(1)))
    state = read_manifest(files, name, seals, options.level_count)
    manifest_number = int(name.rpartition("-")[2])
    state.next_number = max(state.next_number, manifest_number + 1)
    handles: dict[int, TableHandle] = {}
    try:
        for file in state.levels.all_files():
            handles[file.number] = open_table(files, file, seals, cache)
            yield None
        log = yield from Rebuild(files, seals, options, state, scheduler, progress).run()
        for file in state.levels.all_files():
            if file.number not in handles:  # only the log names it, or it was made of the log's rows
                handles[file.number] = open_table(files, file, seals, cache)
    except BaseException:
        for handle in handles.values():
            handle.reader.close()
        raise
    _remove_log_leftovers(files)
    for number in reversed(segment_numbers(files)):
        if number > log.end.number + 1:  # none of them was begun, and the first of them gives its name to the next one
            files.remove(segment_name(number))
    return Recovered(state, manifest_number, handles, log)


def lock_directory(files: FileSystem) -> Callable[[], None]:
    """Takes the directory for this engine; returns the release. Raises DirectoryInUse."""
    try:
        return files.lock(LOCK)
    except BlockingIOError as error:
        raise DirectoryInUse(
            "the data directory is in use by another server",
            detail=str(error),
            hint="Stop the other server, or give this one a directory of its own.",
        ) from error


def open_table(files: FileSystem, file: TableFile, seals: Seals, cache: SegmentCache[Group]) -> TableHandle:
    """Opens a table the manifest names; raises DataCorrupted if it is missing or another one."""
    name = table_name(file.number)
    if not files.exists(name):
        raise DataCorrupted(f'file "{name}" is missing')
    reader = TableReader.open(files, name, seals, cache, file_id=file.number, commit_timestamp=file.commit_timestamp)
    properties = reader.properties
    if (properties.smallest_key, properties.largest_key, properties.entries, properties.bytes) != (
        file.smallest_key,
        file.largest_key,
        file.entries,
        file.size_bytes,
    ):
        reader.close()
        raise DataCorrupted(f'file "{name}" is not the one the manifest describes')
    return TableHandle(file, reader)


def remove_leftovers(files: FileSystem, state: ManifestState, manifest_number: int) -> None:
    """Removes what crashed jobs left behind: unnamed tables, temporary files, old segments and manifests."""
    live = {table_name(file.number) for file in state.levels.all_files()}
    for entry in files.list(TABLE_FOLDER):
        name = f"{TABLE_FOLDER}/{entry}"
        if name not in live and entry.endswith((TABLE_SUFFIX, ".tmp")):
            # A merge worker that outlives its killed server for a moment takes its own file away.
            with suppress(FileNotFoundError):
                files.remove(name)
    for number in segment_numbers(files):
        if number < state.log_number:
            files.remove(segment_name(number))
    for entry in files.list():
        if entry == f"{CURRENT}.tmp" or (entry.startswith("MANIFEST-") and entry != manifest_name(manifest_number)):
            files.remove(entry)


def _remove_log_leftovers(files: FileSystem) -> None:
    """Removes files that had not become segments yet, or had been segments, before the names are taken again."""
    for entry in files.list(LOG_FOLDER):
        if entry.endswith((".tmp", SPARE_SUFFIX)):
            files.remove(f"{LOG_FOLDER}/{entry}")


def _refuse_orphans(files: FileSystem, seals: Seals) -> None:
    """Without CURRENT the directory is new, or a crash came before its first start was complete, or it is damaged."""
    tables = [name for name in files.list(TABLE_FOLDER) if name.endswith(TABLE_SUFFIX)]
    segments = {segment_name(number): number for number in segment_numbers(files)}
    full = []
    for name, number in segments.items():
        file = files.open(name)
        try:
            head = read_head(file, name, number, seals)
            if head is not None and next(read_records(file, name, head, Tail()), None) is not None:
                full.append(name)
        except DataCorrupted:
            full.append(name)
        finally:
            file.close()
    if tables or full:
        raise DataCorrupted(
            f'file "{CURRENT}" is missing, but the directory holds data ("{(full or tables)[0]}")',
            hint="Restore the file from a backup.",
        )
    for name in segments:
        files.remove(name)
