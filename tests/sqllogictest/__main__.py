"""SQLite's sqllogictest files against Datacave: `python -m tests.sqllogictest FILES`.

Every file runs in a fresh database. A line for each tells how many of its records agree; those that do not are printed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter

import psycopg

from tests.regress.server import Server
from tests.sqllogictest.records import Record, agrees, read_records, written


def main() -> int:
    """Runs the files; 1 if a record does not agree."""
    parser = argparse.ArgumentParser(prog="python -m tests.sqllogictest", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--show", type=int, default=10, metavar="N", help="how many differences of a file are printed")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="of one statement")
    options = parser.parse_args()
    wrong = 0
    for path in options.files:
        wrong += _run_file(path, options.show, options.timeout)
    return 1 if wrong else 0


def _run_file(path: Path, show: int, timeout: float) -> int:
    server = Server()
    start = perf_counter()
    count = 0
    differences: list[str] = []
    try:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute(f"set statement_timeout = {int(timeout * 1000)}")
            for record in read_records(path):
                count += 1
                difference = _difference(connection, record)
                if difference is not None:
                    differences.append(f"{path.name}:{record.line}: {difference}\n{record.sql}")
    finally:
        server.remove()
    seconds = perf_counter() - start
    agreed = count - len(differences)
    rate = 100.0 * agreed / count if count else 100.0
    print(f"{path.name:24} {agreed:6} of {count:6} {rate:6.2f} %  {seconds:6.1f} s", flush=True)
    for text in differences[:show]:
        print(text, flush=True)
    return len(differences)


def _difference(connection: psycopg.Connection[tuple[object, ...]], record: Record) -> str | None:
    """What is wrong with the answer to a record, or None."""
    try:
        cursor = connection.execute(record.sql.encode())
        result = cursor.pgresult
    except psycopg.Error as error:
        return None if record.fails else f"{error.sqlstate} {error}"
    if record.fails:
        return "the statement did not fail"
    if not record.types:
        return None
    assert result is not None
    columns = range(result.nfields)
    if len(record.types) != result.nfields:
        return f"{result.nfields} columns instead of {len(record.types)}"
    rows = [[_text(result.get_value(row, column)) for column in columns] for row in range(result.ntuples)]
    values = written(rows, record.types, record.sort)
    return None if agrees(values, record.expected) else f"got {values[:8]}, expected {record.expected[:8]}"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


if __name__ == "__main__":
    sys.exit(main())
