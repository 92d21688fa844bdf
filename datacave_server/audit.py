"""The audit log: who logged in or failed to, and who changed schema or privileges, as hash-chained JSON lines.

Each line is one JSON object that ends with `hash`: SHA-256 over the previous line's hash and the object without `hash`.
An edited, removed, inserted or reordered line breaks the chain. A cut-off end is noticed too, because a second small
file, `<name>.head`, holds the number and hash of the last line. Who can write both files can forge the whole chain:
ship the log elsewhere, or keep the head hash, against that.

Invariants: a record is one line whatever it contains; nobody hands it statements or passwords.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datacave_core.ports import Clock, File, FileSystem, Scheduler

FIRST_HASH = "0" * 64
READ_BYTES = 1 << 20
HEAD_SECONDS = 0.1


class AuditLog:
    """Appends records to `name` in `files`. Raises OSError; the caller then refuses what it cannot record.

    With a scheduler the head follows within HEAD_SECONDS, since replacing a file costs ten times a record.
    """

    __slots__ = ("_clock", "_file", "_files", "_hash", "_head_is_behind", "_name", "_number", "_scheduler")

    def __init__(self, files: FileSystem, name: str, clock: Clock, scheduler: Scheduler | None = None) -> None:
        self._scheduler = scheduler
        self._head_is_behind = False
        self._files = files
        self._name = name
        self._clock = clock
        self._number, self._hash = 0, FIRST_HASH
        if files.exists(name):
            self._file: File = files.open(name)
            self._go_on()
        else:
            self._file = files.create(name)

    def record(self, event: str, **fields: Any) -> None:
        """Writes one event, such as record("login", user="admin", address="127.0.0.1", method="trust")."""
        self._number += 1
        body = {"number": self._number, "time_us": self._clock.now_microseconds(), "event": event, **fields}
        self._hash = chain_hash(self._hash, body)
        line = json.dumps({**body, "hash": self._hash}).encode("ascii") + b"\n"
        while line:
            line = line[self._file.write(line) :]
        if self._scheduler is None:
            self._write_head()
        elif not self._head_is_behind:
            self._head_is_behind = True
            self._scheduler.call_later(HEAD_SECONDS, self._catch_up)

    def close(self) -> None:
        self._catch_up()
        self._file.sync()
        self._file.close()

    def _catch_up(self) -> None:
        if self._head_is_behind:
            self._head_is_behind = False
            self._write_head()

    def _write_head(self) -> None:
        write_head(self._files, self._name, Head(self._number, self._hash))

    def _go_on(self) -> None:
        """Continues after the last whole line; a torn one is cut off, a lost end becomes a record of its own."""
        data = read_all(self._file)
        whole = data.rfind(b"\n") + 1
        torn_bytes = len(data) - whole
        if torn_bytes:
            self._file.truncate(whole)
        if whole:
            last = json.loads(data[data.rfind(b"\n", 0, whole - 1) + 1 : whole])
            self._number, self._hash = last["number"], last["hash"]
        head = read_head(self._files, self._name)
        if torn_bytes or head.number > self._number:
            self.record("audit_gap", torn_bytes=torn_bytes, lost_records=max(0, head.number - self._number))


@dataclass(frozen=True, slots=True)
class Head:
    """The number and hash of the last record."""

    number: int
    hash: str


def chain_hash(previous: str, body: Mapping[str, Any]) -> str:
    """The hash of a record in the chain."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}{text}".encode("ascii")).hexdigest()


def verify_audit(files: FileSystem, name: str) -> list[str]:
    """Everything wrong with an audit log, line by line; empty if it is whole. Raises OSError."""
    file = files.open(name)
    try:
        data = read_all(file)
    finally:
        file.close()
    findings: list[str] = []
    expected, previous = 1, FIRST_HASH
    lines = data.split(b"\n")
    if lines.pop():
        findings.append("the last line is torn")
    for number, line in enumerate(lines, start=1):
        try:
            body = json.loads(line)
            found, own_number = body.pop("hash"), body["number"]
        except (ValueError, KeyError, TypeError, AttributeError):
            findings.append(f"line {number} is not an audit record")
            expected += 1
            continue
        if own_number != expected:
            findings.append(f"line {number} is record {own_number}, where record {expected} belongs")
        if found != chain_hash(previous, body):
            findings.append(f"line {number} does not fit its hash and the line before")
        if body.get("event") == "audit_gap":
            findings.append(f"line {number} tells of {body.get('lost_records')} records lost before it")
        expected, previous = own_number + 1 if isinstance(own_number, int) else expected + 1, found
    head = read_head(files, name)
    if head.number >= expected:
        findings.append(f"the log ends at record {expected - 1}, and record {head.number} was written")
    elif head.number == expected - 1 and head.hash != previous:
        findings.append("the last record is not the one that was written last")
    elif head.number == 0 and expected > 1:
        findings.append(f"{name}.head is missing, so a cut-off end would not be seen")
    return findings


def read_head(files: FileSystem, name: str) -> Head:
    """The head kept beside the log; number 0 if there is none. Raises ValueError if it is damaged."""
    if not files.exists(f"{name}.head"):
        return Head(0, FIRST_HASH)
    file = files.open(f"{name}.head")
    try:
        fields = json.loads(file.read_at(0, 4096))
    finally:
        file.close()
    return Head(fields["number"], fields["hash"])


def write_head(files: FileSystem, name: str, head: Head) -> None:
    """Replaces the head atomically; not synced, because a head that is behind only shortens the proof."""
    temporary = f"{name}.head.new"
    if files.exists(temporary):
        files.remove(temporary)
    file = files.create(temporary)
    try:
        file.write(json.dumps({"number": head.number, "hash": head.hash}).encode("ascii"))
    finally:
        file.close()
    files.rename(temporary, f"{name}.head")


def read_all(file: File) -> bytes:
    """The contents of a file, read in pieces."""
    size, pieces, offset = file.size(), [], 0
    while offset < size and (piece := file.read_at(offset, READ_BYTES)):
        pieces.append(piece)
        offset += len(piece)
    return b"".join(pieces)
