"""File calls fail once or for good, writes are short, memory runs out: is anything acknowledged ever lost?

A sample of tests.crash.faults, which lets every call fail; DATACAVE_FAULT_STEP=1 does so here.
"""

from __future__ import annotations

import os

import pytest

from datacave_core.memory import Disk
from tests.crash.faults import ERRORS, FaultyFile, run_kind, undisturbed
from tests.crash.test_engine_crash import COMMITS, Script

STEP = int(os.environ.get("DATACAVE_FAULT_STEP", "101"))
"""Every how many calls fail in turn."""


@pytest.mark.parametrize("case", ["plain", "sealed", "ingesting", "recovering 143"])
def test_any_file_call_fails(case: str) -> None:
    calls = undisturbed(case).calls
    wrong: list[str] = []
    for error in ERRORS:
        for lasting in (False, True):
            tally = run_kind(case, calls, error, lasting, STEP, wrong)
            assert tally.runs
    assert wrong == []


def test_syncs_that_do_nothing_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaultyFile, "sync", lambda self: None)
    wrong: list[str] = []
    run_kind("plain", 900, "EIO", True, 100, wrong)
    assert wrong


def test_short_writes_change_nothing() -> None:
    for seed in range(5):
        disk = Disk(seed)
        disk.short_writes = True
        script = Script(disk, seed)
        script.run()
        assert script.durable == COMMITS
        assert script.check() == COMMITS
