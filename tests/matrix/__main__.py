"""Writes the SQL part of COMPATIBILITY_MATRIX.md from the tests and their results: `python -m tests.matrix`.

The scripts and golden tests that prove features are run first; what a failing one should prove is written as "no". How
features are declared is said in tests/matrix/features.py. A test in tests/house fails while the document and the
declarations differ. `--quick` takes the tests to pass, for when they have just been run.
"""

from __future__ import annotations

import sys

import pytest

from tests.matrix.document import MATRIX, document
from tests.matrix.features import SCRIPTS, TESTS

_GOLDEN = ("golden/functions", "golden/types", "unit/functions", "unit/types_io")


class _Results:
    """Collects which tests fail."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


def main() -> int:
    """Runs the tests and writes the document; 1 if any test failed."""
    if "--quick" in sys.argv[1:]:
        MATRIX.write_text(document(MATRIX.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    results = _Results()
    folders = [str(TESTS / "sql"), *(str(TESTS / folder) for folder in _GOLDEN)]
    pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *folders], plugins=[results])
    failing = [
        path.relative_to(TESTS.parent).as_posix()
        for path in (*SCRIPTS.glob("*.slt"), *TESTS.glob("golden/*/*"), *TESTS.glob("golden/functions/*/*"))
        if any(f"[{path.stem}-" in name or f"[{path.stem}]" in name for name in results.failed)
    ]
    MATRIX.write_text(document(MATRIX.read_text(encoding="utf-8"), failing), encoding="utf-8")
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
