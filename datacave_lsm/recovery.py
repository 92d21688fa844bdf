"""Recovery: from the files of a directory to the state the engine goes on from.

    CURRENT -> manifest -> level state -> every table it names is there and is itself -> log -> memtable

Nothing is written before everything was read, so that a start that is refused changes nothing. Then the torn tail of
the log is cut, a new log segment and a new manifest are begun, and files that no manifest names are removed.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from datacave_core.errors import DataCorrupted
from datacave_core.layout import Layout
from datacave_core.ports import FileSystem
from datacave_core.values import Row
from datacave_lsm.batch import complete_rows
from datacave_lsm.checkpoint import UNFINISHED
from datacave_lsm.format import Seals
from datacave_lsm.memtable import Memtable
from datacave_lsm.options import EngineOptions
from datacave_lsm.table import Group, SegmentCache, TableReader
from datacave_lsm.version import Levels, TableHandle, VersionEdit
from datacave_lsm.version.levels import TABLE_FOLDER, TABLE_SUFFIX, TableFile, table_name
from datacave_lsm.version.manifest import CURRENT, ManifestState, current_manifest, manifest_name, read_manifest
from datacave_lsm.wal import layouts_of, replay
from datacave_lsm.wal.record import Tail, read_records
from datacave_lsm.wal.replay import LogEnd
from datacave_lsm.wal.segment import FOLDER as LOG_FOLDER
from datacave_lsm.wal.segment import SPARE_SUFFIX, read_head, segment_name, segment_numbers


@dataclass(slots=True)
class Recovered:
    """What was found: the manifest's state, open tables, and the log's commits in one memtable, with their layouts."""

    state: ManifestState
    manifest_number: int
    handles: dict[int, TableHandle]
    memtable: Memtable
    layouts: dict[bytes, Layout] = field(default_factory=dict)
    newest_timestamp: int = 0
    log_end: LogEnd = field(default_factory=LogEnd)


def recover(files: FileSystem, seals: Seals, options: EngineOptions, cache: SegmentCache[Group]) -> Recovered:
    """Reads everything. Raises DataCorrupted, MasterKeyError or OSError, with nothing changed but a torn tail cut."""
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
        return Recovered(ManifestState(Levels.empty(options.level_count)), 0, {}, Memtable(1))
    state = read_manifest(files, name, seals, options.level_count)
    handles: dict[int, TableHandle] = {}
    try:
        for file in state.levels.all_files():
            handles[file.number] = open_table(files, file, seals, cache)
        recovered = Recovered(
            state, int(name.rpartition("-")[2]), handles, Memtable(state.log_number), {}, state.timestamp
        )
        with _without_collector():
            _read_log(files, seals, recovered)
        for file in state.levels.all_files():
            if file.number not in handles:  # only the log names it
                handles[file.number] = open_table(files, file, seals, cache)
    except BaseException:
        for handle in handles.values():
            handle.reader.close()
        raise
    _remove_log_leftovers(files)
    return recovered


@contextmanager
def _without_collector() -> Iterator[None]:
    """Reading a log makes millions of objects and no garbage in cycles; looking for it would double the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def open_table(files: FileSystem, file: TableFile, seals: Seals, cache: SegmentCache[Group]) -> TableHandle:
    """Opens a table the manifest names; raises DataCorrupted if it is missing or another one."""
    name = table_name(file.number)
    if not files.exists(name):
        raise DataCorrupted(f'file "{name}" is missing', hint="Restore the file from a backup or from a replica.")
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


def _read_log(files: FileSystem, seals: Seals, recovered: Recovered) -> None:
    memtable = recovered.memtable
    # A segment is kept for the sake of a big commit that is in no table yet; others in it may be.
    flushed = recovered.state.timestamp
    batches: dict[int, dict[bytes, Row | None]] = {}
    end = recovered.log_end
    for _, entry in replay(files, seals, recovered.state.log_number, recovered.state.closed, end):
        if entry is None:
            continue
        timestamp, writes = entry
        if timestamp < 0:
            if writes is None:
                batches.pop(-timestamp, None)
            else:
                batches.setdefault(-timestamp, {}).update(writes)
            continue
        if timestamp:
            recovered.newest_timestamp = max(recovered.newest_timestamp, timestamp)
            if isinstance(writes, bytes):
                if timestamp > recovered.state.ingested:
                    _ingest(recovered.state, writes)
                continue
            if not isinstance(writes, dict):
                writes = _batch_of(writes, batches, timestamp > flushed)
            if timestamp > flushed:
                # Estimated like the original commit's length; the exact figure only says when to flush.
                memtable.apply(timestamp, writes, 64 * len(writes))
            continue
        for prefix, layout in layouts_of(entry).items():
            known = recovered.layouts.get(prefix)
            recovered.layouts[prefix] = layout
            if known is not None and len(layout.columns) > len(known.columns):
                memtable.complete_rows(prefix, layout)
                for rows in batches.values():
                    complete_rows(rows, prefix, layout)


def _ingest(state: ManifestState, edit: bytes) -> None:
    """Puts files in force that the log names and the manifest does not yet."""
    try:
        state.apply(VersionEdit.decode(edit))
    except ValueError as error:
        raise DataCorrupted(f"the write-ahead log contradicts the manifest: {error}") from error


def _batch_of(
    entry: tuple[int, int], batches: dict[int, dict[bytes, Row | None]], needed: bool
) -> dict[bytes, Row | None]:
    """The rows of a big commit that takes effect."""
    number, row_count = entry
    rows = batches.pop(number, {})
    if needed and len(rows) != row_count:
        raise DataCorrupted(
            f"the write-ahead log holds {len(rows)} of the {row_count} rows of batch {number}",
            hint="Restore the files from a backup or from a replica.",
        )
    return rows


def _refuse_orphans(files: FileSystem, seals: Seals) -> None:
    """Without CURRENT the directory is new, or a crash came before its first start was complete, or it is damaged."""
    tables = [name for name in files.list(TABLE_FOLDER) if name.endswith(TABLE_SUFFIX)]
    segments = {segment_name(number): number for number in segment_numbers(files)}
    full = []
    for name, number in segments.items():
        file = files.open(name)
        try:
            head = read_head(file, name, number, seals)
            if next(read_records(file, name, head, Tail()), None) is not None:
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
