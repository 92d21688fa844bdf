"""Inspect: what is in a file or directory of the engine, as plain values for people and programs.

Everything comes from the codecs the engine itself reads with; nothing is changed. Bytes are shown in hexadecimal.
A sealed file without its key shows its header only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from datacave_core.compression import TableCompression
from datacave_core.layout import Layout
from datacave_core.ports import File, FileSystem
from datacave_lsm.crypto import MasterKeyError
from datacave_lsm.format import HEADER_BYTES, FileHeader, FileKind, Seals, read_exactly
from datacave_lsm.format.encodings import compression_of
from datacave_lsm.horizons import TableHorizon
from datacave_lsm.table import Group, SegmentCache, TableReader
from datacave_lsm.table.shape import FIRST_VALUE_COLUMN, PART_NAMES
from datacave_lsm.version import Levels, VersionEdit
from datacave_lsm.version.levels import TableFile
from datacave_lsm.version.manifest import CURRENT, ManifestState, current_manifest, read_manifest
from datacave_lsm.wal import EntryDecoder
from datacave_lsm.wal.record import Head, Tail, read_records
from datacave_lsm.wal.segment import read_head, segment_name, segment_numbers

Facts = dict[str, Any]
"""Values that JSON knows."""

_GROUP_PARTS = ("keys", "timestamps", "operations")


def inspect_file(files: FileSystem, name: str, seals: Seals, *, records: bool = False) -> Facts:
    """The header, layout and properties of a file, and with `records` every record or row in it.

    Raises DataCorrupted for what cannot be read, and OSError.
    """
    if name == CURRENT:
        return {"file": name, "kind": "current", "manifest": current_manifest(files)}
    file = files.open(name)
    try:
        header = FileHeader.decode(file.read_at(0, HEADER_BYTES), name)
        facts: Facts = {
            "file": name,
            "bytes": file.size(),
            "kind": header.kind.name.lower(),
            "format_version": header.format_version,
            "file_id": header.file_id,
            "protection": "sealed" if header.sealed else "checksums",
            "master_key": header.key_id,
        }
        try:
            seals.resume(file.read_at(0, HEADER_BYTES), header.kind, name)
        except MasterKeyError as error:
            return {**facts, "unreadable": error.message}
        if header.kind is FileKind.TABLE:
            facts |= _table(files, name, seals, records)
        elif header.kind is FileKind.WAL:
            facts |= _log_segment(file, name, seals, records)
        elif header.kind is FileKind.MANIFEST:
            facts |= _manifest(file, name, seals)
        return facts
    finally:
        file.close()


def inspect_directory(files: FileSystem, seals: Seals, level_count: int) -> Facts:
    """The level state that the manifest in force describes. Raises DataCorrupted, MasterKeyError, OSError."""
    name = current_manifest(files)
    if name is None:
        return {"manifest": None, "log_segments": [segment_name(number) for number in segment_numbers(files)]}
    state = read_manifest(files, name, seals, level_count)
    return {
        "manifest": name,
        **_state(state),
        "levels": [
            {
                "level": level,
                "tables": len(tables),
                "bytes": state.levels.size_bytes(level),
                "entries": sum(table.entries for table in tables),
                "tombstones": sum(table.tombstones for table in tables),
            }
            for level, tables in enumerate(state.levels.files)
            if tables
        ],
        "tables": [
            {"level": level, **table_facts(table)}
            for level, tables in enumerate(state.levels.files)
            for table in tables
        ],
        "log_segments": [segment_name(number) for number in segment_numbers(files)],
    }


def table_facts(table: TableFile) -> Facts:
    """What the manifest says of a table."""
    return {
        "number": table.number,
        "bytes": table.size_bytes,
        "entries": table.entries,
        "tombstones": table.tombstones,
        "smallest_key": table.smallest_key.hex(),
        "largest_key": table.largest_key.hex(),
        "min_timestamp": table.min_timestamp,
        "max_timestamp": table.max_timestamp,
        "master_key": table.key_id,
        "ingested": table.ingested,
    }


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value


def _state(state: ManifestState) -> Facts:
    return {
        "first_log_segment": state.log_number,
        "next_number": state.next_number,
        "horizon": state.horizon,
        "table_horizons": _horizons(state.horizons),
        "table_compressions": _compressions(state.compressions),
        "newest_timestamp": state.timestamp,
        "closed": list(state.closed),
        "newest_ingested": state.ingested,
    }


def _horizons(own: Iterable[tuple[bytes, TableHorizon]]) -> list[Facts]:
    return [
        {
            "prefix": prefix.hex(),
            "horizon": each.horizon,
            "microseconds": None if each.kept is None else each.kept.microseconds,
            "until": None if each.kept is None else each.kept.until,
        }
        for prefix, each in own
    ]


def _compressions(chosen: Iterable[tuple[bytes, TableCompression]]) -> list[Facts]:
    return [
        {"prefix": prefix.hex(), "compression": choice.method.name.lower(), "level": choice.level}
        for prefix, choice in chosen
    ]


def _layout(layout: Layout) -> Facts:
    return {
        "version": layout.version,
        "columns": [
            {
                "type": column.type.name,
                "nullable": column.nullable,
                "scale": column.scale,
                "missing": plain(column.missing),
                **({"added": column.added} if column.added else {}),
            }
            for column in layout.columns
        ],
    }


def _table(files: FileSystem, name: str, seals: Seals, records: bool) -> Facts:
    cache: SegmentCache[Group] = SegmentCache(0)
    reader = TableReader.open(files, name, seals, cache)
    try:
        properties = reader.properties
        groups = []
        offset = HEADER_BYTES
        for group in reader.groups():
            names = [*_GROUP_PARTS, *(f"column{at}" for at in range(len(group.layout.columns)))]
            groups.append(
                {
                    "group": group.number,
                    "offset": offset,
                    "bytes": group.stored_bytes,
                    "rows": group.row_count,
                    "tombstones": group.tombstone_count,
                    "first_key": group.first_key.hex(),
                    "last_key": group.last_key.hex(),
                    "min_timestamp": group.min_timestamp,
                    "max_timestamp": group.max_timestamp,
                    "layout": properties.layouts.index(group.layout),
                    "segments": dict(zip(names, group.segment_lengths, strict=True)),
                }
            )
            if records:
                groups[-1]["compression"] = [
                    compression_of(group.payload(FIRST_VALUE_COLUMN + at)).name.lower()
                    for at in range(len(group.layout.columns))
                ]
            offset += group.stored_bytes
        parts = []
        for part, length in zip(PART_NAMES, reader.part_lengths, strict=True):
            parts.append({"part": part, "offset": offset, "bytes": length})
            offset += length
        facts: Facts = {
            "entries": properties.entries,
            "tombstones": properties.tombstones,
            "smallest_key": properties.smallest_key.hex(),
            "largest_key": properties.largest_key.hex(),
            "min_timestamp": properties.min_timestamp,
            "max_timestamp": properties.max_timestamp,
            "layouts": [_layout(layout) for layout in properties.layouts],
            "groups": groups,
            "parts": parts,
        }
        if records:
            facts["rows"] = [row for group in reader.groups() for row in _rows(group)]
        return facts
    finally:
        reader.close()


def _rows(group: Group) -> Iterable[Facts]:
    stamps, operations = group.timestamps().tolist(), group.operations().tolist()
    for key, stamp, operation, row in zip(group.keys(), stamps, operations, group.rows(), strict=True):
        yield {"key": key.hex(), "timestamp": stamp, "row": None if operation else plain(row)}


def _log_segment(file: File, name: str, seals: Seals, records: bool) -> Facts:
    header = FileHeader.decode(read_exactly(file, 0, HEADER_BYTES, name), name)
    head = read_head(file, name, header.file_id, seals)
    if head is None:
        return {"begun": False, "unused_bytes": file.size() - HEADER_BYTES}
    tail = Tail()
    decoder = EntryDecoder()
    shown: list[Facts] = []
    commits = writes = payload_bytes = 0
    first = last = None
    for offset, payload in read_records(file, name, head, tail):
        entries = list(decoder.decode(payload))
        stamps = [entry[0] for entry in entries if entry[0] > 0]
        commits += len(set(stamps))
        writes += sum(len(entry[1]) for entry in entries if entry[0] and isinstance(entry[1], Mapping))
        payload_bytes += len(payload)
        if stamps:
            first, last = (stamps[0] if first is None else first), stamps[-1]
        shown.append({"offset": offset, "bytes": len(payload), "entries": len(entries)})
        if records:
            shown[-1]["contents"] = [_entry(*entry) for entry in entries]
    return {
        "records": shown,
        "commits": commits,
        "writes": writes,
        "payload_bytes": payload_bytes,
        "first_timestamp": first,
        "last_timestamp": last,
        "previous_segment_bytes": head.previous_bytes,
        "readable_bytes": tail.end,
        "unused_bytes": file.size() - tail.end,
        "torn_tail": tail.torn,
    }


def _entry(number: int, body: Any) -> Facts:
    """One entry of the log by its kind; see wal/entry.py."""
    if not number:
        return {"layouts": plain(body)}
    if number < 0:
        return {"batch": -number, "writes": plain(body)} if body is not None else {"given_up_batch": -number}
    if isinstance(body, Mapping):
        return {"timestamp": number, "writes": plain(body)}
    if isinstance(body, bytes):
        return {"timestamp": number, "files": _placed(VersionEdit.decode(body))}
    return {"timestamp": number, "batch": body[0], "rows": body[1]}


def _placed(edit: VersionEdit) -> list[Facts]:
    return [{"level": level, **table_facts(table)} for level, table in edit.added]


def _manifest(file: File, name: str, seals: Seals) -> Facts:
    _, opener = seals.resume(read_exactly(file, 0, HEADER_BYTES, name), FileKind.MANIFEST, name)
    tail = Tail()
    state = ManifestState(Levels.empty(1))
    edits = []
    for offset, payload in read_records(file, name, Head(opener), tail):
        edit = VersionEdit.decode(payload)
        state.apply(edit)
        shown: Facts = {"offset": offset}
        for field in ("log_number", "next_number", "horizon", "timestamp", "ingested"):
            if (value := getattr(edit, field)) is not None:
                shown[field] = value
        if edit.horizons is not None:
            shown["table_horizons"] = _horizons(edit.horizons)
        if edit.compressions is not None:
            shown["table_compressions"] = _compressions(edit.compressions)
        if edit.removed:
            shown["removed"] = sorted(edit.removed)
        if edit.added:
            shown["added"] = _placed(edit)
        if edit.closed is not None:
            shown["closed"] = list(edit.closed)
        edits.append(shown)
    return {
        "edits": edits,
        "state": {**_state(state), "tables": [[f.number for f in tables] for tables in state.levels.files]},
        "readable_bytes": tail.end,
        "torn_tail": tail.torn,
    }
