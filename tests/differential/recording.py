"""A recorded sample of random queries: the answers of PostgreSQL, for a test that runs without it.

A file of JSON lines: the statements that make the data, then one line per query. Rows count as a bag and are kept as a
digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from tests.regress.target import Outcome


def digest(rows: Iterable[Sequence[str | None]]) -> str:
    """A digest of a bag of rows in their text form."""
    texts = sorted(json.dumps(list(row), ensure_ascii=False) for row in rows)
    return sha256("\n".join(texts).encode()).hexdigest()[:16]


class Recording:
    """Data and answers in the making, or as they were read."""

    def __init__(self) -> None:
        self.data: list[str] = []
        self.queries: list[tuple[str, list[list[object]]]] = []
        """Query strings with, for each of their answers, [tag, SQLSTATE, column names, number of rows, digest]."""

    def add(self, sql: str, outcome: Outcome) -> None:
        """Keeps an answer."""
        answers: list[list[object]] = []
        for answer in outcome.answers:
            rows = [[None if value is None else value.decode() for value in row] for row in answer.rows]
            names = [name for name, _ in answer.columns]
            answers.append([answer.tag, answer.sqlstate, names, len(rows), digest(rows)])
        self.queries.append((sql, answers))

    def save(self, path: Path) -> None:
        """Writes the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(self.data, ensure_ascii=False)]
        lines += [json.dumps(item, ensure_ascii=False) for item in self.queries]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Reads a file."""
        made = cls()
        first, *rest = path.read_text(encoding="utf-8").splitlines()
        made.data = json.loads(first)
        made.queries = [(sql, answers) for sql, answers in map(json.loads, rest)]
        return made
