"""SQLAlchemy's dialect suite against Datacave and PostgreSQL 15 in one run.

Run: python -m tests.clients.sqlalchemy_suite [words for pytest]
Prints how many cases passed on either, and each case whose outcome differs; the exit code is their number.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from bench.servers import Target
from tests.clients.twins import psql, twins

FOLDER = Path(__file__).parent
SCHEMAS = "CREATE SCHEMA test_schema; CREATE SCHEMA test_schema_2;"
_DIALECT = re.compile(r"_postgresql\+psycopg_\d+_\d+")


def outcomes(target: Target, words: list[str]) -> dict[str, str]:
    """The outcome of each case: passed, failed, error or skipped."""
    psql(target, SCHEMAS)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        url = f"postgresql+psycopg://{target.user}@127.0.0.1:{target.port}/{target.database}"
        arguments = ["-p", "tests.clients.sqlalchemy_suite.plugin", "-p", "no:cacheprovider", "-q", f"--dburi={url}"]
        configuration = ["-c", str(FOLDER / "setup.cfg"), "--rootdir", str(FOLDER), f"--junit-xml={report}"]
        subprocess.run(
            [sys.executable, "-m", "pytest", *arguments, *configuration, str(FOLDER / "suite_cases.py"), *words],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        return dict(map(outcome, ElementTree.parse(report).iter("testcase")))


def outcome(case: ElementTree.Element) -> tuple[str, str]:
    """(name, outcome) of a case in pytest's report."""
    name = f"{_DIALECT.sub('', case.get('classname', '')).rpartition('.')[2]}::{case.get('name')}"
    kinds = {"failure": "failed", "error": "error", "skipped": "skipped"}
    return name, next((kinds[part.tag] for part in case if part.tag in kinds), "passed")


def main() -> int:
    """Runs the suite on both servers and prints what differs."""
    with twins() as (ours, theirs):
        found = {target.name: outcomes(target, sys.argv[1:]) for target in (ours, theirs)}
    for name, cases in found.items():
        counted = Counter(cases.values())
        print(f"{name}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counted.items())))
    mine, other = found.values()
    different = sorted(name for name in mine | other if mine.get(name) != other.get(name))
    for name in different:
        print(f"{name}: {mine.get(name, 'not run')} on Datacave, {other.get(name, 'not run')} on PostgreSQL")
    return len(different)


if __name__ == "__main__":
    sys.exit(main())
