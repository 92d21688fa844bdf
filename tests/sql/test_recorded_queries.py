"""Do random queries get the answers that PostgreSQL gave them? Recorded by `python -m tests.differential --record`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import SimulatedClock, SimulatedScheduler
from datacave_core.ports import Store
from datacave_core.wait import Wait
from datacave_sql import Complete, ResultHeader, Session
from tests.differential.recording import Recording, digest
from tests.sql.test_sql_scripts import Script, engine_store, memory_store

SAMPLE = Path(__file__).parent.parent / "golden" / "differential" / "sample.jsonl"
SETTINGS = (
    "set datestyle = 'Postgres, MDY'; set timezone = 'PST8PDT'; set intervalstyle = 'postgres_verbose'; "
    "set extra_float_digits = 1"
)
ON_ENGINE_EVERY = 4
"""Every so many queries run on the engine too, whose scans and indexes they exercise."""

Answers = list[list[object]]


def answers_to(session: Session, sql: str) -> Answers:
    """What a query string gives, as the recording has it."""
    found: Answers = []
    header: ResultHeader | None = None
    rows: list[list[str | None]] = []
    try:
        for step in session.simple_query(sql):
            if isinstance(step, Wait):
                assert not step.reason.startswith("Lock")
            elif isinstance(step, ResultHeader):
                header, rows = step, []
            elif isinstance(step, list):
                assert header is not None
                rows += [_texts(session, header, row) for row in step]
            elif isinstance(step, Complete):
                names = [column.name for column in header.columns] if header is not None else []
                found.append([step.tag, "", names, len(rows), digest(rows)])
                header, rows = None, []
    except DatacaveError as error:
        found.append(["", error.sqlstate, [], 0, digest([])])
    return found


def _texts(session: Session, header: ResultHeader, row: tuple[object, ...]) -> list[str | None]:
    settings = session.format_settings
    return [
        None if value is None else session.find_io(column.type_oid).output(value, settings)
        for value, column in zip(row, header.columns, strict=True)
    ]


@pytest.mark.parametrize(
    ("make_store", "every"), [(memory_store, 1), (engine_store, ON_ENGINE_EVERY)], ids=["memory", "engine"]
)
def test_recorded_queries_get_the_recorded_answers(
    make_store: Callable[[], tuple[Store, SimulatedClock, SimulatedScheduler]], every: int
) -> None:
    recording = Recording.read(SAMPLE)
    script = Script(*make_store())
    session = script.session
    for statement in (SETTINGS, *recording.data):
        for answer in answers_to(session, statement):
            assert not answer[1], statement
    wrong = []
    for sql, expected in recording.queries[::every]:
        got = answers_to(session, sql)
        if sql.startswith("begin;"):
            answers_to(session, "rollback")
        if got != expected:
            wrong.append(f"{sql}\n  expected {expected}\n  got      {got}")
    script.close()
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"
