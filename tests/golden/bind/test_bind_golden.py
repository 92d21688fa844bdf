"""Does the binder say of every statement what PostgreSQL says when it prepares it: types of parameters and columns,
or SQLSTATE, message, detail, hint and position of the error?

The outcomes in statements.txt were recorded from PostgreSQL 15 by tests/oracle/record_bind.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.types import format_type
from datacave_sql import Database, Session
from datacave_sql.bind.binder import bind_statement
from datacave_sql.bind.statements import BoundQuery
from datacave_sql.parse import parse_statements

HERE = Path(__file__).parent


def blocks() -> list[tuple[str, list[str]]]:
    found = []
    for block in (HERE / "statements.txt").read_text().strip().split("\n\n"):
        statement, expected = block.split("\n----\n")
        found.append((statement, expected.split("\n")))
    return found


@pytest.fixture(scope="module")
def session() -> Session:
    database = Database.open(MemoryStore(), SimulatedClock(), SeededRandomness(1))
    opened = database.connect("admin")
    for _ in opened.simple_query((HERE / "schema.sql").read_text()):
        pass
    return opened


def outcome(session: Session, statement: str) -> list[str]:
    state = session.catalog_state
    try:
        bound = bind_statement(parse_statements(statement)[0], statement, session.binding_environment(state), ())
    except DatacaveError as error:
        place = f" at {error.position}" if error.position else ""
        lines = [f"error {error.sqlstate}{place}: {error.message}"]
        lines += [f"detail: {error.detail}"] if error.detail else []
        return lines + ([f"hint: {error.hint}"] if error.hint else [])
    assert isinstance(bound, BoundQuery)
    find = state.types.find
    lines = [f"parameter {n}: {format_type(oid, -1, find)}" for n, oid in enumerate(bound.parameter_types, 1)]
    lines += [f"column {c.name}: {format_type(c.type, c.typmod, find)}" for c in bound.columns]
    return lines or ["nothing"]


@pytest.mark.parametrize(("statement", "expected"), blocks(), ids=[statement[:60] for statement, _ in blocks()])
def test_the_binder_agrees_with_postgresql(session: Session, statement: str, expected: list[str]) -> None:
    assert outcome(session, statement) == expected
