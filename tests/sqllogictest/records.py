"""The records of a sqllogictest file, and how its answers are written.

statement ok|error                  a statement that succeeds or fails
query TYPES [SORT] [LABEL]          T text, I integer, R real with three decimals; then `----` and the values, one
                                    a line, or their number and MD5
skipif|onlyif ENGINE                the record that follows is left out, or only meant, for an engine
halt, hash-threshold N              the end; how many values are hashed
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path

ENGINE = "postgresql"


@dataclass
class Record:
    """One statement or query of a file."""

    line: int
    fails: bool
    sql: str
    types: str = ""
    sort: str = "nosort"
    expected: list[str] = field(default_factory=list)


def read_records(path: Path) -> Iterator[Record]:
    """The records that are meant for PostgreSQL."""
    block: list[str] = []
    start = 1
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), ""], 1):
        if line.strip():
            if not block:
                start = number
            if not line.startswith("#"):
                block.append(line)
            continue
        found = _record(start, block)
        if block and block[0].split()[0] == "halt":
            return
        if found is not None:
            yield found
        block = []


def _record(line: int, block: list[str]) -> Record | None:
    lines = list(block)
    while lines and lines[0].split()[0] in ("skipif", "onlyif"):
        word, engine = lines.pop(0).split()[:2]
        if (word == "skipif") == (engine == ENGINE):
            return None
    if not lines:
        return None
    head, rest = lines[0].split(), lines[1:]
    if head[0] == "statement":
        return Record(line, head[1] == "error", "\n".join(rest))
    if head[0] != "query":
        return None
    cut = rest.index("----") if "----" in rest else len(rest)
    sort = head[2] if len(head) > 2 else "nosort"
    return Record(line, False, "\n".join(rest[:cut]), head[1], sort, rest[cut + 1 :])


def written(rows: Sequence[Sequence[str | None]], types: str, sort: str) -> list[str]:
    """The values of a result as they stand in a file, sorted as the record asks."""
    shown = [[_value(value, kind) for value, kind in zip(row, types, strict=True)] for row in rows]
    if sort == "rowsort":
        shown.sort()
    values = [value for row in shown for value in row]
    if sort == "valuesort":
        values.sort()
    return values


def _value(value: str | None, kind: str) -> str:
    if value is None:
        return "NULL"
    if kind == "I":
        return str(int(float(value))) if "." in value or "e" in value else value
    if kind == "R":
        return f"{float(value):.3f}"
    if not value:
        return "(empty)"
    return "".join(letter if " " <= letter <= "~" else "@" for letter in value)


def agrees(values: list[str], expected: list[str]) -> bool:
    """Whether the values are the expected ones, by themselves or by their hash."""
    if len(expected) == 1 and " values hashing to " in expected[0]:
        digest = md5("".join(value + "\n" for value in values).encode(), usedforsecurity=False).hexdigest()
        return expected[0] == f"{len(values)} values hashing to {digest}"
    return values == expected
