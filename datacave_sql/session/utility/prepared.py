"""PREPARE, EXECUTE, DEALLOCATE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.wait import Wait
from datacave_sql.bind.statements import ExecuteStatement, PrepareStatement
from datacave_sql.parse import ast
from datacave_sql.session.prepared import PreparedStatement
from datacave_sql.session.replies import Complete, Reply, ResultColumn, ResultHeader
from datacave_sql.session.utility.arguments import evaluate_arguments

Steps = Iterator[Reply | Wait]

_PREPARE = Complete("PREPARE")


def prepare(session: Any, bound: PrepareStatement, parameters: Sequence[Any]) -> Steps:
    """PREPARE. Raises 42P05 for a name in use, and what is wrong with the statement."""
    session.begin_statement()
    yield from session.prepare_when_settled(bound.name, bound.text, bound.parameter_types)
    prepared: PreparedStatement = session.prepared[bound.name]
    prepared.from_sql = True
    prepared.source = bound.source
    prepared.prepared_at = session.evaluation.statement_timestamp
    yield _PREPARE


def execute(session: Any, bound: ExecuteStatement, parameters: Sequence[Any]) -> Steps:
    """EXECUTE: the statement's own replies and tag."""
    prepared = find_prepared(session, bound.name)
    compiled = prepared.compiled
    if compiled is None:
        session.begin_statement()
        yield Complete("EXECUTE")
        return
    session.begin_statement()
    values = evaluate_arguments(session, bound, compiled.parameter_types, parameters)
    prepared.count_plan(session.settings.get("plan_cache_mode"))
    for step in session.execute(compiled, values):
        # The header of EXECUTE has gone out before.
        if not isinstance(step, ResultHeader):
            yield step


def execute_columns(session: Any, bound: ExecuteStatement) -> tuple[ResultColumn, ...] | None:
    """What the prepared statement returns."""
    compiled = find_prepared(session, bound.name).compiled
    if compiled is None or not compiled.returns_rows:
        return None
    columns: tuple[ResultColumn, ...] | None = compiled.columns
    return columns


def find_prepared(session: Any, name: str) -> PreparedStatement:
    """A prepared statement by name. Raises 26000."""
    found: PreparedStatement = session.prepared_statement(name)
    return found


def deallocate(session: Any, statement: ast.Deallocate) -> Steps:
    """DEALLOCATE name, DEALLOCATE ALL."""
    session.begin_statement()
    if statement.name is None:
        session.prepared.clear()
        yield Complete("DEALLOCATE ALL")
        return
    if session.prepared.pop(statement.name, None) is None:
        raise DatacaveError(
            f'prepared statement "{statement.name}" does not exist', sqlstate=sqlstate.UNDEFINED_PSTATEMENT
        )
    yield Complete("DEALLOCATE")
