"""Statements of tests that have a session of their own."""

from __future__ import annotations

from typing import Any

from datacave_core.wait import TURN, Wait
from datacave_sql import Session


def run(session: Session, sql: str) -> list[tuple[Any, ...]]:
    """The rows of all statements. None of them may wait for anybody but its turn."""
    rows: list[tuple[Any, ...]] = []
    for step in session.simple_query(sql):
        if isinstance(step, list):
            rows += step
        else:
            assert not isinstance(step, Wait) or step.done or step is TURN, step
    return rows
