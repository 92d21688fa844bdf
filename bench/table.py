"""Table files: rows per second written and read, and microseconds per point read.

    python -m bench.table [rows]

Two layouts (ten columns; pgbench_accounts), plain and sealed, in a temporary folder. "warm" point reads find their
segments opened in the cache; "cold" ones have no cache in this process, so that each opens, verifies and decompresses
the segments of its group, which the page cache has; "disk" ones not even that: the system was asked to drop the file's
pages before each. Figures are the best of three.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from datacave_core.layout import Layout, PhysicalColumn, PhysicalType
from datacave_core.values import Row
from datacave_lsm.crypto import KeyRing
from datacave_lsm.format import Seals
from datacave_lsm.table import SegmentCache, TableOptions, TableReader, TableWriter
from datacave_server.files import OsFileSystem

KIND = PhysicalType
TEN_COLUMNS = Layout(
    1,
    (
        PhysicalColumn(KIND.INT64),
        PhysicalColumn(KIND.INT64),
        PhysicalColumn(KIND.INT64),
        PhysicalColumn(KIND.DECIMAL64, scale=2),
        PhysicalColumn(KIND.DECIMAL64, scale=2),
        PhysicalColumn(KIND.FLOAT64),
        PhysicalColumn(KIND.INT64),
        PhysicalColumn(KIND.BOOL),
        PhysicalColumn(KIND.TEXT),
        PhysicalColumn(KIND.TEXT),
    ),
)
ACCOUNTS = Layout(
    1,
    (
        PhysicalColumn(KIND.INT64),
        PhysicalColumn(KIND.INT64),
        PhysicalColumn(KIND.INT64),
        PhysicalColumn(KIND.TEXT),
    ),
)
PREFIX = b"\0\0\0\1\0\1"
DISK_READS = 100


class OsRandomness:
    """Data keys from the operating system."""

    def token_bytes(self, count: int) -> bytes:
        return os.urandom(count)


def ten_columns(number: int, rng: random.Random) -> Row:
    return (
        number,
        rng.randrange(200_000),
        rng.randrange(1, 8),
        Decimal(rng.randrange(10**7)).scaleb(-2),
        Decimal(rng.randrange(11)).scaleb(-2),
        rng.random(),
        8000 + rng.randrange(2500),
        rng.random() < 0.5,
        rng.choice(("AIR", "SHIP", "RAIL", "TRUCK", "MAIL", "FOB")),
        f"comment {rng.randrange(10**6)} on order {number}",
    )


def account(number: int, rng: random.Random) -> Row:
    return (number, 1 + number // 100_000, rng.randrange(-5000, 5000), " " * 84)


def best(work: Callable[[], object]) -> float:
    """The shortest of three runs, in seconds."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(
    files: OsFileSystem, name: str, layout: Layout, rows: list[Row], seals: Seals, options: TableOptions | None = None
) -> None:
    entries = [(PREFIX + number.to_bytes(8, "big"), 10_000 + number, row) for number, row in enumerate(rows)]
    count = len(entries)
    runs = 0

    def write() -> None:
        nonlocal runs
        runs += 1
        file = files.create(f"{name}{runs}")
        writer = TableWriter(file, runs, lambda prefix: layout, seals, options, name=name)
        for start in range(0, count, 4096):
            writer.add_many(entries[start : start + 4096])
        writer.finish()
        file.close()

    write_seconds = best(write)

    def table(cache_bytes: int) -> TableReader:
        return TableReader.open(files, f"{name}1", seals, SegmentCache(cache_bytes))

    def rewrite() -> None:
        nonlocal runs
        runs += 1
        reader, file = table(0), files.create(f"{name}{runs}")
        writer = TableWriter(file, runs, lambda prefix: layout, seals, options, name=name)
        for group in reader.groups():
            columns = [group.column(number) for number in range(len(layout.columns))]
            writer.add_columns(group.keys(), group.timestamps(), group.operations(), columns, layout)
        writer.finish()
        file.close()
        reader.close()

    def scan(work: Callable[[TableReader], None]) -> float:
        def run() -> None:
            reader = table(0)
            work(reader)
            reader.close()

        return best(run)

    def all_rows(reader: TableReader) -> None:
        for group in reader.groups():
            group.keys()
            group.rows()

    def all_columns(reader: TableReader) -> None:
        for group in reader.groups():
            for number in range(len(layout.columns)):
                group.column(number)

    def two_columns(reader: TableReader) -> None:
        for group in reader.groups():
            group.column(1)
            group.column(2)

    def disk_seconds() -> float:
        """Reads with the pages of the file dropped before each; dropping them is not counted."""
        reader, seconds = table(0), 0.0
        with Path(files.root, f"{name}1").open("rb") as file:
            os.fsync(file.fileno())
            for key in wanted[:DISK_READS]:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                start = time.perf_counter()
                reader.get(key, 2**62)
                seconds += time.perf_counter() - start
        reader.close()
        return seconds

    rng = random.Random(2)
    wanted = [entries[rng.randrange(count)][0] for _ in range(2000)]
    warm_reader, cold_reader = table(1 << 30), table(0)

    def points(reader: TableReader, keys: list[bytes]) -> None:
        get, newest = reader.get, 2**62
        for key in keys:
            get(key, newest)

    def misses(reader: TableReader) -> None:
        for number in range(2000):
            reader.may_contain(PREFIX + number.to_bytes(9, "big"))

    points(warm_reader, wanted)
    bytes_per_row = warm_reader.properties.bytes / count
    figures = {
        "write M rows/s": count / write_seconds / 1e6,
        "rewrite by columns": count / best(rewrite) / 1e6,
        "read rows": count / scan(all_rows) / 1e6,
        "read all columns": count / scan(all_columns) / 1e6,
        "read two columns": count / scan(two_columns) / 1e6,
        "warm get us": best(lambda: points(warm_reader, wanted)) / len(wanted) * 1e6,
        "cold get us": best(lambda: points(cold_reader, wanted[:400])) / 400 * 1e6,
        "disk get us": min(disk_seconds() for _ in range(3)) / DISK_READS * 1e6,
        "filter miss us": best(lambda: misses(warm_reader)) / 2000 * 1e6,
        "bytes/row": bytes_per_row,
    }
    print(f"{name:24}" + "  ".join(f"{label} {value:.2f}" for label, value in figures.items()), flush=True)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    rng = random.Random(1)
    ring = KeyRing({"bench": bytes(range(32))}, "bench")
    with tempfile.TemporaryDirectory() as folder:
        files = OsFileSystem(Path(folder))
        for layout_name, layout, row_of in (("ten", TEN_COLUMNS, ten_columns), ("accounts", ACCOUNTS, account)):
            rows = [row_of(number, rng) for number in range(count)]
            for seal_name, seals in (("plain", Seals()), ("sealed", Seals(ring, OsRandomness()))):
                measure(files, f"{layout_name}.{seal_name}", layout, rows, seals)


if __name__ == "__main__":
    main()
