"""Are table files written today, byte for byte, what FORMAT.md promised, and do older files still read?

The files beside this test hold one segment per line: its name, its length, its bytes in hexadecimal. A change of the
format shows as a change of these files and needs a new format version. To write them afresh: DATACAVE_GOLDEN=write.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from datacave_core.layout import RAW_LAYOUT, Layout, PhysicalColumn, PhysicalType
from datacave_lsm.crypto import KeyRing
from datacave_lsm.format import HEADER_BYTES, Seals
from datacave_lsm.table import Compression, SegmentCache, TableOptions, TableReader, TableWriter

FOLDER = Path(__file__).parent
LAYOUT = Layout(
    2,
    (
        PhysicalColumn(PhysicalType.INT64, nullable=False),
        PhysicalColumn(PhysicalType.FLOAT64),
        PhysicalColumn(PhysicalType.DECIMAL64, scale=2, missing=Decimal("1.50")),
        PhysicalColumn(PhysicalType.BOOL),
        PhysicalColumn(PhysicalType.BYTES),
        PhysicalColumn(PhysicalType.TEXT, missing="none"),
        PhysicalColumn(PhysicalType.TEXT),
    ),
)
TABLE = b"\0\0\0\1\0\1"
RAW = b"\0\0\0\2\0\1"

ROWS = [
    (n, n / 4, Decimal(n * 1000).scaleb(-2), n % 3 == 0, bytes([n, 0]), f"text {n * n}", "even" if n % 2 else "ödd")
    for n in range(10)
]
ROWS[4] = (4, None, None, None, None, None, None)
ENTRIES = [
    *((TABLE + n.to_bytes(8, "big"), 1_000_000 + 70_000 * n, row) for n, row in enumerate(ROWS)),
    (TABLE + (9).to_bytes(8, "big"), 500, None),
    (RAW + b"a", 7, (b"first",)),
    (RAW + b"bcd", 2**40, (None,)),
]


class Fixed:
    """Randomness without any, for files that are the same every time."""

    def token_bytes(self, count: int) -> bytes:
        return b"\x5a" * count


class Buffer:
    def __init__(self, content: bytes = b"") -> None:
        self.content = content

    def write(self, data: bytes) -> int:
        self.content += data
        return len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.content[offset : offset + length]

    def size(self) -> int:
        return len(self.content)


SEALS = {"plain": Seals(), "sealed": Seals(KeyRing({"golden": bytes(range(32))}, "golden"), Fixed())}


def written(seals):
    file = Buffer()
    options = TableOptions(compression=Compression.NONE)
    writer = TableWriter(
        file, 42, lambda prefix: LAYOUT if prefix == TABLE else RAW_LAYOUT, seals, options, name="golden"
    )
    writer.add_many(ENTRIES)
    writer.finish()
    return file.content


def described(content, seals):
    reader = TableReader(Buffer(content), "golden", seals, SegmentCache(0))
    lines, offset = [], 0

    def line(name, length):
        nonlocal offset
        lines.append(f"{name} {length} {content[offset : offset + length].hex()}")
        offset += length

    line("header", HEADER_BYTES)
    names = ["keys", "timestamps", "operations"]
    for group in reader.groups():
        columns = [f"column{number}" for number in range(len(group.layout.columns))]
        for name, length in zip(names + columns, group.segment_lengths, strict=True):
            line(f"group{group.number}.{name}", length)
    for name, length in zip(("filter", "index", "properties", "footer"), reader.part_lengths, strict=True):
        line(name, length)
    assert offset == len(content)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", SEALS)
def test_the_bytes_are_those_of_the_golden_file(name):
    text = described(written(SEALS[name]), SEALS[name])
    golden = FOLDER / f"table.{name}.txt"
    if os.environ.get("DATACAVE_GOLDEN") == "write":
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", SEALS)
def test_the_golden_file_reads(name):
    lines = (FOLDER / f"table.{name}.txt").read_text().splitlines()
    content = b"".join(bytes.fromhex(line.split(" ")[2]) for line in lines)
    reader = TableReader(Buffer(content), "golden", SEALS[name], SegmentCache(0), file_id=42)
    reader.verify()
    found = []
    for group in reader.groups():
        stamps, operations = group.timestamps().tolist(), group.operations().tolist()
        found += [
            (key, stamp, None if operation else row)
            for key, stamp, operation, row in zip(group.keys(), stamps, operations, group.rows(), strict=True)
        ]
    assert found == ENTRIES
    assert reader.properties.layouts == (LAYOUT, RAW_LAYOUT)
