"""Do catalog queries get the answers that PostgreSQL 15 gives for the same objects?

The answers are recorded (tests/oracle/record_pgcatalog.py); names are compared, not oids.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.wait import Wait
from datacave_sql.session.database import Database
from datacave_sql.session.replies import ResultHeader

GOLDEN = Path(__file__).parents[2] / "golden" / "pgcatalog"


def paragraphs(name: str) -> Iterator[tuple[str, list[str]]]:
    for paragraph in (GOLDEN / name).read_text(encoding="utf-8").strip().split("\n\n"):
        title, *lines = paragraph.split("\n")
        yield title.removeprefix("# "), lines


QUERIES = {title: "\n".join(lines) for title, lines in paragraphs("queries.txt")}
ANSWERS = dict(paragraphs("answers.txt"))


@pytest.fixture(scope="module")
def session() -> Any:
    clock = SimulatedClock()
    session = Database.open(MemoryStore(clock), clock, SeededRandomness(1)).connect("admin")
    list(session.simple_query((GOLDEN / "schema.sql").read_text(encoding="utf-8")))
    return session


def answer(session: Any, query: str) -> list[str]:
    lines: list[str] = []
    outputs: list[Any] = []
    for step in session.simple_query(query):
        if isinstance(step, ResultHeader):
            outputs = [session.find_io(column.type_oid).output for column in step.columns]
        elif isinstance(step, list):
            for row in step:
                fields = (
                    "NULL" if value is None else output(value, session.format_settings).replace("\n", "\\n")
                    for value, output in zip(row, outputs, strict=True)
                )
                lines.append(" | ".join(fields).rstrip())
        else:
            assert not isinstance(step, Wait) or step.reason.startswith("Timeout")
    return lines


@pytest.mark.parametrize("title", QUERIES)
def test_answer_is_the_recorded_one(session: Any, title: str) -> None:
    assert answer(session, QUERIES[title]) == ANSWERS[title]


def test_every_query_has_an_answer() -> None:
    assert QUERIES.keys() == ANSWERS.keys()
