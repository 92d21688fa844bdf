"""Does FORMAT.md say enough and the truth? A reader written from it alone reads whatever the engine writes."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgpack
import pytest

from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.memory import Disk
from datacave_lsm.crypto import KeyRing
from datacave_lsm.format import Seals
from datacave_lsm.table import Compression, TableOptions, TableWriter
from tests.crash.test_engine_crash import INGESTING, KEYS, PREFIX, RING, Script
from tests.golden.lsm import format_reader
from tests.golden.lsm.test_log_bytes import EDITS, ENTRIES, golden
from tests.golden.lsm.test_table_bytes import ENTRIES as VERSIONS
from tests.golden.lsm.test_table_bytes import Buffer, Fixed

GOLDEN_KEYS = {"golden": bytes(range(32))}
SEALS = {"plain": Seals(), "sealed": Seals(KeyRing(GOLDEN_KEYS, "golden"), Fixed())}


@pytest.mark.parametrize("name", SEALS)
@pytest.mark.parametrize("kind", ["log", "log1"])
def test_the_golden_log(kind: str, name: str) -> None:
    records = format_reader.read_records(golden(kind, name), format_reader.LOG, GOLDEN_KEYS)
    assert records.previous_bytes == (4711 if kind == "log" else None)
    found = [entry for payload in records.payloads for entry in format_reader.entries_of(payload)]
    assert [entry[0] for entry in found] == [entry[0] for entry in ENTRIES]
    for (_, body), (_, expected) in zip(found[1:], ENTRIES[1:], strict=True):
        if isinstance(body, dict):
            body = {key: None if row is None else tuple(row) for key, row in body.items()}
        assert (tuple(body) if isinstance(body, list) else body) == expected


@pytest.mark.parametrize("name", SEALS)
def test_the_golden_manifest(name: str) -> None:
    records = format_reader.read_records(golden("manifest", name), format_reader.MANIFEST, GOLDEN_KEYS)
    edits = [msgpack.unpackb(payload, strict_map_key=False) for payload in records.payloads]
    assert len(edits) == 1 + len(EDITS)
    # Every field stands in a golden file.
    assert {field for edit in edits for field in edit} == set(range(1, 11))
    state = format_reader.sum_of_edits(edits)
    assert (state[1], state[2], state[3], state[4], state[7], state[8]) == (4, 7, 11, 30, [4, 321], 1_000_004)
    assert {number: file[0] for number, file in state[6].items()} == {3: 1, 4: 2}
    assert state[9] == [[b"\0\0\0\1", 8, 5_000_000, None], [b"\0\0\0\2", 7, 60, 99], [b"\0\0\0\3", 6, None, None]]
    assert state[10] == [[b"\0\0\0\1", 0, 3], [b"\0\0\0\3", 2, 9]]


@pytest.mark.parametrize("name", SEALS)
def test_the_golden_table(name: str) -> None:
    lines = (Path(__file__).parent / f"table.{name}.txt").read_text().splitlines()
    table = format_reader.read_table(b"".join(bytes.fromhex(line.split(" ")[2]) for line in lines), GOLDEN_KEYS)
    assert table.versions == VERSIONS


def every_kind_of_column(chance: random.Random, count: int) -> tuple[Layout, list[tuple[object, ...]]]:
    """Columns that take every encoding there is, with and without NULLs."""
    types = PhysicalType
    makers = [
        (PhysicalColumn(types.INT64), lambda at: 7),
        (PhysicalColumn(types.INT64), lambda at: 1000 + at % 200),
        (PhysicalColumn(types.INT64), lambda at: -5 + at * 60),
        (PhysicalColumn(types.INT64), lambda at: 2**31 + at * 100_000),
        (PhysicalColumn(types.INT64), lambda at: chance.randrange(-(2**63), 2**63)),
        (PhysicalColumn(types.FLOAT64), lambda at: 0.5),
        (PhysicalColumn(types.FLOAT64), lambda at: chance.random() if at else float("nan")),
        (PhysicalColumn(types.DECIMAL64, scale=2), lambda at: Decimal(at).scaleb(-2)),
        (PhysicalColumn(types.DECIMAL64, scale=2), lambda at: Decimal("1.50")),
        (PhysicalColumn(types.BOOL), lambda at: chance.random() < 0.5),
        (PhysicalColumn(types.BOOL), lambda at: True),
        (PhysicalColumn(types.BYTES), lambda at: b"same"),
        (PhysicalColumn(types.BYTES), lambda at: chance.randbytes(4)),
        (PhysicalColumn(types.BYTES), lambda at: chance.randbytes(chance.randrange(9))),
        (PhysicalColumn(types.BYTES), lambda at: b"word " * (at % 300)),
        (PhysicalColumn(types.TEXT), lambda at: f"ö{at % 3}"),
        (PhysicalColumn(types.TEXT), lambda at: f"word {at % 300}"),
        (PhysicalColumn(types.TEXT), lambda at: f"a longer sentence, number {at}"),
    ]
    makers += [(column, lambda at, make=make: None if at % 3 else make(at)) for column, make in list(makers)]
    makers += [(PhysicalColumn(kind), lambda at: None) for kind in types if kind is not types.DECIMAL64]
    rows = [tuple([make(at) for _, make in makers]) for at in range(count)]
    return Layout(1, tuple(column for column, _ in makers)), rows


@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("name", SEALS)
def test_every_encoding_of_every_type(name: str, compression: Compression) -> None:
    layout, rows = every_kind_of_column(random.Random(5), 900)
    buffer = Buffer()
    options = TableOptions(group_rows_max=300, compression=compression)
    writer = TableWriter(buffer, 9, lambda prefix: layout, SEALS[name], options, name="t")
    # Keys of one length, and of any: both forms of key segments.
    keys = [PREFIX + (b"%06d" % at if at < 300 else b"%06d" % at + b"x" * (at % 5)) for at in range(900)]
    versions = [(key, 1_000 + at * 3, row) for at, (key, row) in enumerate(zip(keys, rows, strict=True))]
    versions[5:6] = [(keys[5], 9_000, None), versions[5]]
    writer.add_many(versions)
    writer.finish()
    table = format_reader.read_table(buffer.content, GOLDEN_KEYS)
    assert [(key, stamp) for key, stamp, _ in table.versions] == [(key, stamp) for key, stamp, _ in versions]
    assert repr([row for _, _, row in table.versions]) == repr([row for _, _, row in versions])
    assert {encoding for _, encoding, _ in table.encodings} == set(range(1, 7))
    assert {packed for _, _, packed in table.encodings} == {0, int(compression)}


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "killed"])
@pytest.mark.parametrize("ring", [None, RING], ids=["plain", "sealed"])
def test_a_whole_database(ring: KeyRing | None, closed: bool) -> None:
    script = Script(Disk(), 0, ring, replace(INGESTING, log_segment_bytes=900))
    script.run()
    engine = script.open()
    for step in range(14):
        script.commit(engine)
        script.scheduler.run_ready()
        if step == 9:
            script.settle(engine.flush())
    script.scheduler.run_for(3)
    newest = engine.newest_timestamp
    expected = [(key, version.timestamp, version.row) for key, version in engine.history(PREFIX, None, 0, newest)]
    assert len({stamp for _, stamp, _ in expected}) > 10
    if closed:
        script.settle(engine.close())
    contents = {name: bytes(inode.current) for name, inode in script.disk.names.items() if inode is not None}
    found = format_reader.read_database(contents, KEYS)
    assert [version for version in found if version in expected] == sorted(
        expected, key=lambda each: (each[0], -each[1])
    )
    # What merges have not dropped yet is older than anything that can be read.
    assert all(version in expected or version[1] <= engine.oldest_readable(PREFIX) for version in found)
