"""Are checks and views printed as PostgreSQL 15 prints them? The answers are recorded (tests/oracle)."""

from __future__ import annotations

from typing import Any

import pytest

from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql.session.database import Database
from tests.oracle.record_definitions import GOLDEN, cases, one_line, printed

PARAGRAPHS = (GOLDEN / "answers.txt").read_text(encoding="utf-8").strip().split("\n\n")
ANSWERS = {asked: (plain, pretty) for asked, plain, pretty in (one.split("\n") for one in PARAGRAPHS)}


@pytest.fixture(scope="module")
def session() -> Any:
    clock = SimulatedClock()
    session = Database.open(MemoryStore(clock), clock, SeededRandomness(1)).connect("admin")
    list(session.simple_query((GOLDEN / "schema.sql").read_text(encoding="utf-8")))
    return session


@pytest.mark.parametrize(("kind", "text"), cases())
def test_a_definition_is_printed_as_recorded(session: Any, kind: str, text: str) -> None:
    def run(statement: str) -> str | None:
        found: str | None = None
        for step in session.simple_query(statement):
            if isinstance(step, list):
                found = step[0][0]
        return found

    list(session.simple_query("BEGIN"))
    try:
        assert printed(run, kind, text) == ANSWERS[one_line(text)]
    finally:
        list(session.simple_query("ROLLBACK"))
