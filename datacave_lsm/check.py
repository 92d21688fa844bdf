"""Check: reads every byte of a database directory and says what is wrong; changes nothing.

    CURRENT -> manifest -> tables: there, the ones described, every checksum or seal, order, filter, index
                        -> versions across tables: newer above older
                        -> log: no gap, every record that was durable
    everything else in the directory: what the next start removes, and what is foreign

An error is something the engine would refuse or could not repair; a note is something it deals with by itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from datacave_core.errors import RESTORE, DatacaveError, DataCorrupted
from datacave_core.ports import FileSystem
from datacave_lsm.checkpoint import UNFINISHED
from datacave_lsm.format import HEADER_BYTES, Seals
from datacave_lsm.recovery import open_table
from datacave_lsm.spill import FOLDER as SPILL_FOLDER
from datacave_lsm.table import Group, SegmentCache, TableReader
from datacave_lsm.version import VersionEdit
from datacave_lsm.version.levels import TABLE_FOLDER, Levels, table_name
from datacave_lsm.version.manifest import CURRENT, ManifestState, current_manifest, read_manifest
from datacave_lsm.wal import EntryDecoder
from datacave_lsm.wal.record import Tail, damaged, read_records
from datacave_lsm.wal.replay import known_end, newest_begun
from datacave_lsm.wal.segment import FOLDER as LOG_FOLDER
from datacave_lsm.wal.segment import SPARE_SUFFIX, read_head, segment_name, segment_numbers

LOCK = "LOCK"
CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one file; `hint` says what to do."""

    file: str
    message: str
    error: bool
    hint: str | None = None


@dataclass(slots=True)
class CheckReport:
    """What was read and what was found."""

    tables: int = 0
    entries: int = 0
    table_bytes: int = 0
    log_segments: int = 0
    log_commits: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether there is no error among the findings."""
        return not any(finding.error for finding in self.findings)

    def add(self, file: str, what: str | BaseException, *, error: bool = True) -> None:
        """Notes a finding."""
        if isinstance(what, DatacaveError):
            self.findings.append(Finding(file, what.message, error, what.hint))
        else:
            self.findings.append(Finding(file, str(what), error, RESTORE if error else None))


def check_directory(files: FileSystem, seals: Seals, level_count: int) -> CheckReport:
    """Checks everything; an engine must not have the directory open meanwhile. Raises OSError, MasterKeyError."""
    report = CheckReport()
    if files.exists(UNFINISHED):
        unfinished = DataCorrupted(
            "the directory holds a checkpoint that was not finished", hint="Make another checkpoint and use that."
        )
        report.add(UNFINISHED, unfinished)
        return report
    name: str | None = None
    try:
        name = current_manifest(files)
        state = read_manifest(files, name, seals, level_count) if name else ManifestState(Levels.empty(level_count))
    except DataCorrupted as error:
        report.add(name or CURRENT, error)
        return report
    if name is None:
        report.add(CURRENT, "the file is missing: the directory is new, or not a database", error=bool(_data(files)))
        return report
    if files.exists(LOG_FOLDER):
        _check_log(files, seals, state, report)
    _check_tables(files, seals, state, report)
    _check_names(files, state, name, report)
    return report


def _data(files: FileSystem) -> list[str]:
    return [name for folder in (TABLE_FOLDER, LOG_FOLDER) if files.exists(folder) for name in files.list(folder)]


def _check_tables(files: FileSystem, seals: Seals, state: ManifestState, report: CheckReport) -> None:
    cache: SegmentCache[Group] = SegmentCache(0)
    for first, second in combinations(state.levels.files[0], 2):
        later, earlier = max(first.min_timestamp, second.min_timestamp), min(first.max_timestamp, second.max_timestamp)
        if later <= earlier and first.smallest_key <= second.largest_key and second.smallest_key <= first.largest_key:
            what = f"its commits overlap with those of table {second.number} on level 0"
            report.add(table_name(first.number), what)
    readers: list[tuple[int, TableReader]] = []
    try:
        for order, file in enumerate(state.levels.all_files()):
            name = table_name(file.number)
            report.tables += 1
            report.entries += file.entries
            report.table_bytes += file.size_bytes
            try:
                reader = open_table(files, file, seals, cache).reader
                readers.append((order, reader))
                reader.verify()
            except DataCorrupted as error:
                report.add(name, error)
        if report.sound:
            _check_versions(readers, report)
    finally:
        for _, reader in readers:
            reader.close()


def _versions(order: int, reader: TableReader) -> Iterator[tuple[bytes, int, int]]:
    for group in reader.groups():
        for key, stamp in zip(group.keys(), group.timestamps().tolist(), strict=True):
            yield key, order, stamp


def _check_versions(readers: list[tuple[int, TableReader]], report: CheckReport) -> None:
    """Tables come newest first: the versions of a key have to descend in that order."""
    names = {order: reader.name for order, reader in readers}
    previous: tuple[bytes, int, int] = (b"", -1, 0)
    wrong: set[int] = set()
    merged = heapq.merge(*[_versions(order, reader) for order, reader in readers], key=lambda entry: entry[:2])
    for entry in merged:
        if entry[0] == previous[0] and previous[1] >= 0 and entry[2] >= previous[2] and entry[1] not in wrong:
            wrong.add(entry[1])
            report.add(
                names[entry[1]],
                f"key {entry[0].hex()} at {entry[2]} is not older than its version in {names[previous[1]]}",
            )
        previous = entry


def _check_log(files: FileSystem, seals: Seals, state: ManifestState, report: CheckReport) -> None:
    """Adds the files to the state that only the log names."""
    numbers = set(segment_numbers(files))
    try:
        newest = newest_begun(files, seals, state.log_number, state.closed)
    except DataCorrupted as error:
        report.add(segment_name(max(numbers)), error)
        return
    decoder = EntryDecoder()
    for number in range(state.log_number, newest + 1):
        name = segment_name(number)
        if number not in numbers:
            report.add(name, "the segment is missing")
            continue
        report.log_segments += 1
        file = files.open(name)
        try:
            tail = Tail()
            try:
                known = known_end(files, seals, number, newest, state.closed)
                head = read_head(file, name, number, seals)
                if head is None:
                    raise damaged(name, HEADER_BYTES)
                for offset, payload in read_records(file, name, head, tail, known):
                    try:
                        entries = list(decoder.decode(payload))
                        report.log_commits += len({entry[0] for entry in entries if entry[0] > 0})
                        for timestamp, writes in entries:
                            if isinstance(writes, bytes) and timestamp > state.ingested:
                                state.apply(VersionEdit.decode(writes))
                    except ValueError as error:
                        report.add(name, f"there is no entry at byte {offset}: {error}")
            except DataCorrupted as error:
                report.add(name, error)
                continue
            if tail.torn:
                what = f"the tail from byte {tail.end} on is torn; the next start leaves it out"
                report.add(name, what, error=False)
        finally:
            file.close()


def _check_names(files: FileSystem, state: ManifestState, manifest: str, report: CheckReport) -> None:
    """Every name in the directory is one the engine knows."""
    live = {table_name(file.number) for file in state.levels.all_files()}
    for entry in files.list(TABLE_FOLDER) if files.exists(TABLE_FOLDER) else ():
        name = f"{TABLE_FOLDER}/{entry}"
        if name not in live:
            report.add(name, "no manifest names this file", error=False)
    logs = {segment_name(number): number for number in segment_numbers(files)} if files.exists(LOG_FOLDER) else {}
    for entry in files.list(LOG_FOLDER) if files.exists(LOG_FOLDER) else ():
        name = f"{LOG_FOLDER}/{entry}"
        if name.endswith(SPARE_SUFFIX):
            report.add(name, "a log segment of before that becomes a new one; the next start removes it", error=False)
        elif logs.get(name, -1) < state.log_number:
            report.add(name, "all its commits are in tables; the next start removes it", error=False)
    for entry in files.list(SPILL_FOLDER) if files.exists(SPILL_FOLDER) else ():
        name = f"{SPILL_FOLDER}/{entry}"
        report.add(name, "a statement of before put this aside; the next start removes it", error=False)
    for entry in files.list():
        if entry not in (CURRENT, LOCK, manifest, TABLE_FOLDER, LOG_FOLDER, SPILL_FOLDER, CHECKPOINTS):
            report.add(entry, "the engine does not need this file", error=False)
