"""The audit log is one line per event and shows every tampering."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datacave_core.memory import SimulatedClock, SimulatedScheduler
from datacave_server.audit import AuditLog, read_head, verify_audit
from datacave_server.clock import SystemClock
from datacave_server.files import OsFileSystem

NAME = "audit.jsonl"


@pytest.fixture
def files(tmp_path: Path) -> OsFileSystem:
    return OsFileSystem(tmp_path / "audit")


def write(files: OsFileSystem, *users: str) -> None:
    log = AuditLog(files, NAME, SystemClock())
    for user in users:
        log.record("login", user=user, address="127.0.0.1")
    log.close()


def lines(files: OsFileSystem) -> list[bytes]:
    return (files.root / NAME).read_bytes().splitlines(keepends=True)


def test_a_log_is_whole_over_restarts(files: OsFileSystem) -> None:
    write(files, "ann", "bob")
    write(files, "eve")
    assert [json.loads(line)["user"] for line in lines(files)] == ["ann", "bob", "eve"]
    assert [json.loads(line)["number"] for line in lines(files)] == [1, 2, 3]
    assert verify_audit(files, NAME) == []


def test_with_a_scheduler_the_head_follows_and_the_close_completes_it(files: OsFileSystem) -> None:
    scheduler = SimulatedScheduler(SimulatedClock())
    log = AuditLog(files, NAME, SystemClock(), scheduler)
    log.record("login", user="ann")
    log.record("login", user="bob")
    assert read_head(files, NAME).number == 0
    scheduler.run_for(1.0)
    assert read_head(files, NAME).number == 2
    log.record("login", user="eve")
    log.close()
    assert read_head(files, NAME).number == 3
    assert verify_audit(files, NAME) == []


def test_a_name_cannot_forge_a_line(files: OsFileSystem) -> None:
    write(files, 'ann"}\n{"number": 2, "event": "login"}', "bo\u2028b")
    assert len(lines(files)) == 2
    assert json.loads(lines(files)[0])["user"] == 'ann"}\n{"number": 2, "event": "login"}'
    assert verify_audit(files, NAME) == []


def test_every_changed_byte_is_noticed(files: OsFileSystem) -> None:
    write(files, "ann", "bob")
    path = files.root / NAME
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert verify_audit(files, NAME) != [], position


@pytest.mark.parametrize(
    ("order", "finding"),
    [
        ([1, 2, 3], "line 1 is record 2, where record 1 belongs"),
        ([0, 2, 3], "line 2 is record 3, where record 2 belongs"),
        ([0, 2, 1, 3], "line 2 does not fit its hash"),
        ([0, 1, 1, 2, 3], "line 3 is record 2, where record 3 belongs"),
        ([0, 1, 2], "the log ends at record 3, and record 4 was written"),
        ([], "the log ends at record 0, and record 4 was written"),
    ],
)
def test_removed_moved_added_and_cut_lines_are_noticed(files: OsFileSystem, order: list[int], finding: str) -> None:
    write(files, "a", "b", "c", "d")
    old = lines(files)
    (files.root / NAME).write_bytes(b"".join(old[number] for number in order))
    assert finding in "\n".join(verify_audit(files, NAME))


def test_a_missing_head_is_noticed(files: OsFileSystem) -> None:
    write(files, "a")
    files.remove(f"{NAME}.head")
    assert "head is missing" in verify_audit(files, NAME)[0]


def test_a_restart_after_a_lost_end_says_so_for_good(files: OsFileSystem) -> None:
    write(files, "a", "b", "c")
    (files.root / NAME).write_bytes(lines(files)[0] + lines(files)[1][:-5])
    write(files, "d")
    gap = json.loads(lines(files)[1])
    assert (gap["event"], gap["lost_records"], gap["number"]) == ("audit_gap", 2, 2)
    assert verify_audit(files, NAME) == ["line 2 tells of 2 records lost before it"]


def test_a_head_that_is_behind_is_no_finding(files: OsFileSystem) -> None:
    write(files, "a")
    head = (files.root / f"{NAME}.head").read_bytes()
    write(files, "b")
    (files.root / f"{NAME}.head").write_bytes(head)
    assert verify_audit(files, NAME) == []
    write(files, "c")
    assert verify_audit(files, NAME) == []
