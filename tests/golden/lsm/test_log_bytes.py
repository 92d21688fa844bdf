"""Are log segments and manifests written today, byte for byte, what FORMAT.md promised, and do older ones still read?

The files beside this test hold one record per line: its name and its bytes in hexadecimal. A change of the format shows
as a change of these files and needs a new format version. To write them afresh: DATACAVE_GOLDEN=write.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from datacave_core.compression import Compression, TableCompression
from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import MemoryFileSystem
from datacave_core.ports import KeptFor
from datacave_lsm.crypto import KeyRing
from datacave_lsm.format import HEADER_BYTES, FileKind, Seals
from datacave_lsm.horizons import TableHorizon
from datacave_lsm.inspect import inspect_file
from datacave_lsm.version import Levels, Manifest, TableFile, VersionEdit
from datacave_lsm.version.manifest import ManifestState, current_manifest, read_manifest
from datacave_lsm.wal import EntryEncoder, layouts_entry, replay
from datacave_lsm.wal.entry import abandoned_entry, batch_entry, files_entry
from datacave_lsm.wal.record import FRAME
from datacave_lsm.wal.replay import LogEnd
from datacave_lsm.wal.segment import Segment

FOLDER = Path(__file__).parent
LAYOUT = Layout(1, (PhysicalColumn(PhysicalType.INT64, nullable=False), PhysicalColumn(PhysicalType.TEXT)))
PREFIX = b"\0\0\0\1\0\1"
INGESTED = TableFile(4, b"\0\0\0\3\0\1a", b"\0\0\0\3\0\1z", 1_000_004, 1_000_004, 9, 0, 700, "golden", True)
ENTRIES = [
    layouts_entry({PREFIX: LAYOUT}),
    (1_000_000, {PREFIX + b"a": (1, "one"), PREFIX + b"b": (-5, None)}),
    (1_000_001, {PREFIX + b"a": None}),
    (-7, {PREFIX + b"c": (2**40, "ö" * 30)}),
    batch_entry(1_000_002, 7, 1),
    abandoned_entry(8),
    (1_000_003, {b"\0\0\0\2\0\0k": (Decimal("1.50"), 0.5, True, b"\xff", "text")}),
    files_entry(1_000_004, VersionEdit(next_number=5, added=((2, INGESTED),), ingested=1_000_004).encode()),
]
TABLE = TableFile(3, b"\0\0\0\1\0\1a", b"\0\0\0\1\0\1z", 10, 20, 200, 5, 4096, "golden")
STATE = ManifestState(Levels.empty(3), log_number=2, next_number=5, horizon=9, timestamp=20)
COMPRESSIONS = ((b"\0\0\0\1", TableCompression(Compression.NONE)), (b"\0\0\0\3", TableCompression(Compression.ZSTD, 9)))
HORIZONS = (
    (b"\0\0\0\1", TableHorizon(KeptFor(5_000_000), 8)),
    (b"\0\0\0\2", TableHorizon(KeptFor(60, until=99), 7)),
    (b"\0\0\0\3", TableHorizon(None, 6)),
)
EDITS = [
    VersionEdit(next_number=7, horizon=11, timestamp=30, log_number=4, added=((0, TABLE),)),
    VersionEdit(removed=frozenset((3,)), added=((1, TABLE),)),
    VersionEdit(closed=(4, 321)),
    VersionEdit(added=((2, INGESTED),), ingested=1_000_004),
    VersionEdit(compressions=COMPRESSIONS),
    VersionEdit(horizons=HORIZONS),
]


class Fixed:
    """Randomness without any, for files that are the same every time."""

    def token_bytes(self, count: int) -> bytes:
        return b"\x5a" * count


SEALS = {"plain": Seals(), "sealed": Seals(KeyRing({"golden": bytes(range(32))}, "golden"), Fixed())}


def files_with_folders() -> MemoryFileSystem:
    files = MemoryFileSystem()
    files.make_folder("wal")
    return files


def written_log(seals: Seals) -> bytes:
    """One record per entry, but the first two together; long ones are cut into fragments."""
    files = files_with_folders()
    segment = Segment.create(files, seals, 1, 1000, 60)
    segment.begin(4711)
    encode = EntryEncoder().encode
    payloads = [encode(entry) for entry in ENTRIES]
    for payload in (payloads[0] + payloads[1], *payloads[2:]):
        segment.append(payload)
        segment.sync()
    return bytes(files.disk.inode("wal/0000000001.log").current[: segment.writer.offset])


def written_manifest(seals: Seals) -> bytes:
    files = files_with_folders()
    manifest = Manifest(files, seals, 6, STATE.snapshot())
    for edit in EDITS:
        manifest.append(edit)
    assert current_manifest(files) == manifest.name
    return bytes(files.disk.inode(manifest.name).current)


WRITERS: dict[str, Callable[[Seals], bytes]] = {"log": written_log, "manifest": written_manifest}


def described(content: bytes) -> str:
    lines = [f"header {content[:HEADER_BYTES].hex()}"]
    offset = HEADER_BYTES
    while offset < len(content):
        _, kind, length, number = FRAME.unpack_from(content, offset)
        end = offset + FRAME.size + length
        lines.append(f"record{number}.kind{kind} {content[offset:end].hex()}")
        offset = end
    return "\n".join(lines) + "\n"


def golden(kind: str, name: str) -> bytes:
    lines = (FOLDER / f"{kind}.{name}.txt").read_text().splitlines()
    return b"".join(bytes.fromhex(line.split(" ")[1]) for line in lines)


@pytest.mark.parametrize("name", SEALS)
@pytest.mark.parametrize("kind", WRITERS)
def test_log_and_manifest_are_those_of_the_golden_files(kind: str, name: str) -> None:
    text = described(WRITERS[kind](SEALS[name]))
    path = FOLDER / f"{kind}.{name}.txt"
    if os.environ.get("DATACAVE_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("kind", ["log1", "log"])
@pytest.mark.parametrize("name", SEALS)
def test_the_golden_log_reads(kind: str, name: str) -> None:
    """Format version 1 had no opening."""
    files = files_with_folders()
    file = files.create("wal/0000000001.log")
    file.write(golden(kind, name))
    entries = [entry for _, entry, _ in replay(files, SEALS[name], 1, (0, 0), LogEnd()) if entry is not None]
    assert [entry[0] for entry in entries] == [entry[0] for entry in ENTRIES]
    assert entries[1:] == [tuple(entry) for entry in ENTRIES[1:]]
    facts = inspect_file(files, "wal/0000000001.log", SEALS[name], records=True)
    assert (facts["kind"], facts["commits"], facts["torn_tail"]) == (FileKind.WAL.name.lower(), 5, False)


@pytest.mark.parametrize("name", SEALS)
def test_the_golden_manifest_reads(name: str) -> None:
    files = files_with_folders()
    file = files.create("MANIFEST-0000000006")
    file.write(golden("manifest", name))
    state = read_manifest(files, "MANIFEST-0000000006", SEALS[name], 3)
    assert state.levels.files == ((), (TABLE,), (INGESTED,))
    assert state.ingested == 1_000_004
    assert (state.log_number, state.next_number, state.horizon, state.timestamp) == (4, 7, 11, 30)
    assert state.closed == (4, 321)
    assert state.compressions == COMPRESSIONS
    assert state.horizons == HORIZONS
    facts = inspect_file(files, "MANIFEST-0000000006", SEALS[name])
    assert len(facts["edits"]) == 1 + len(EDITS)
    assert facts["edits"][-1]["table_horizons"] == facts["state"]["table_horizons"]
    second = {"prefix": "00000002", "horizon": 7, "microseconds": 60, "until": 99}
    assert facts["edits"][-1]["table_horizons"][1] == second
    shown = [
        {"prefix": "00000001", "compression": "none", "level": 3},
        {"prefix": "00000003", "compression": "zstd", "level": 9},
    ]
    assert facts["edits"][-2]["table_compressions"] == facts["state"]["table_compressions"] == shown
