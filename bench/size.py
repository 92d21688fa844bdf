"""Size on disk against speed of reading: table files by compression, RocksDB with zstd, PostgreSQL's heap.

    python -m bench size [--rows N]

Rows of pgbench_accounts and of TPC-H's lineitem (of tpchgen-cli, from the extra `bench`), as one table file each for
every compression that a table may be given, plain and sealed; then as RocksDB keeps them, keys and rows packed by
msgpack; then as PostgreSQL's heap has them, without its indexes. Without PostgreSQL that line is missing.
bench/table.py says what "warm", "cold" and "disk" mean.
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sysconfig
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgpack
import rocksdict

from bench.loads import run_psql
from bench.servers import NotInstalled, StartFailed, running_postgresql
from bench.table import ACCOUNTS, KIND, PREFIX, OsRandomness, account, measure
from datacave_core.compression import TableCompression
from datacave_core.layout import TABLE_PREFIX_LENGTH, Layout, PhysicalColumn
from datacave_core.values import Row
from datacave_lsm.crypto import KeyRing
from datacave_lsm.format import Seals
from datacave_lsm.table import TableOptions
from datacave_server.files import OsFileSystem

SETTINGS = ("none", "lz4", "zstd:1", "zstd:3", "zstd:6", "zstd:9", "zstd:19")
SEALED = ("none", "lz4", "zstd:3")
EPOCH = date(2000, 1, 1).toordinal()
MONEY = PhysicalColumn(KIND.DECIMAL64, scale=2)
NUMBER, TEXT = PhysicalColumn(KIND.INT64), PhysicalColumn(KIND.TEXT)
LINEITEM = Layout(1, (*[NUMBER] * 4, *[MONEY] * 4, TEXT, TEXT, *[NUMBER] * 3, TEXT, TEXT, TEXT))
LINEITEM_SQL = """CREATE TABLE lineitem (l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber int,
    l_quantity numeric(15, 2), l_extendedprice numeric(15, 2), l_discount numeric(15, 2), l_tax numeric(15, 2),
    l_returnflag char(1), l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date,
    l_shipinstruct char(25), l_shipmode char(10), l_comment varchar(44))"""
ACCOUNTS_SQL = "CREATE TABLE accounts (aid int, bid int, abalance int, filler char(84))"


def lineitem_file(folder: Path, scale: float) -> Path:
    """The table as a CSV file."""
    program = Path(sysconfig.get_path("scripts"), "tpchgen-cli")
    command = [program, "csv", "-s", str(scale), "--tables=lineitem", f"--output-dir={folder}"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "lineitem.csv"


def lineitem(path: Path, count: int) -> list[Row]:
    """Its first rows; lines of one order follow one another."""
    rows: list[Row] = []
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        for line in lines:
            days = [date.fromisoformat(text).toordinal() - EPOCH for text in line[10:13]]
            money = [Decimal(text) for text in line[4:8]]
            rows.append((*map(int, line[:4]), *money, *line[8:10], *days, *line[13:]))
            if len(rows) == count:
                break
    return rows


def rocksdb_bytes(folder: Path, rows: list[Row]) -> int:
    """What RocksDB with zstd needs for them."""
    options = rocksdict.Options(raw_mode=True)
    options.set_compression_type(rocksdict.DBCompressionType.zstd())
    store = rocksdict.Rdict(str(folder), options)
    pack = msgpack.Packer(default=str).pack
    for start in range(0, len(rows), 1000):
        batch = rocksdict.WriteBatch(raw_mode=True)
        for number, row in enumerate(rows[start : start + 1000], start):
            batch.put(number.to_bytes(8, "big"), pack(row))
        store.write(batch)
    store.flush()
    store.compact_range(None, None)
    store.close()
    return sum(path.stat().st_size for path in folder.iterdir() if path.suffix == ".sst")


def heap_bytes(folder: Path, statements: list[str], count: int) -> dict[str, float]:
    """Bytes per row of PostgreSQL's heaps."""
    with running_postgresql(folder) as target:
        for statement in statements:
            run_psql(target, statement)
        return {
            table: int(run_psql(target, f"SELECT pg_table_size('{table}')").strip()) / count
            for table in ("accounts", "lineitem")
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench size", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000, help="rows of each table (default: 300,000)")
    arguments = parser.parse_args()
    ring = KeyRing({"bench": bytes(range(32))}, "bench")
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="datacave-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        files = OsFileSystem(folder / "tables")
        path = lineitem_file(folder, arguments.rows / 5_900_000)
        tables = {
            "accounts": (ACCOUNTS, [account(number, chance) for number in range(arguments.rows)]),
            "lineitem": (LINEITEM, lineitem(path, arguments.rows)),
        }
        for table, (layout, rows) in tables.items():
            for setting in SETTINGS:
                options = TableOptions(chosen={PREFIX[:TABLE_PREFIX_LENGTH]: TableCompression.parse(setting)})
                measure(files, f"{table}.{setting}", layout, rows, Seals(), options)
                if setting in SEALED:
                    sealed = Seals(ring, OsRandomness())
                    measure(files, f"{table}.{setting}.sealed", layout, rows, sealed, options)
            size = rocksdb_bytes(folder / f"rocks.{table}", rows) / len(rows)
            print(f"{table}: RocksDB with zstd {size:.2f} bytes/row", flush=True)
        count = len(tables["lineitem"][1])
        accounts = "SELECT n, 1 + n / 100000, 0, '' FROM generate_series(1, {}) n".format(count)  # noqa: UP032
        try:
            found = heap_bytes(
                folder,
                [
                    ACCOUNTS_SQL,
                    f"INSERT INTO accounts {accounts}",
                    LINEITEM_SQL,
                    f"\\copy lineitem FROM '{path}' WITH (FORMAT csv, HEADER)",
                ],
                count,
            )
        except (NotInstalled, StartFailed) as error:
            print(f"PostgreSQL: {error}")
        else:
            print(*[f"{table}: PostgreSQL's heap {size:.2f} bytes/row" for table, size in found.items()], sep="\n")


if __name__ == "__main__":
    main()
