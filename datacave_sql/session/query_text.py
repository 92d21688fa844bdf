"""Queries that functions run by their text, inside the statement that calls them: ts_rewrite, ts_stat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.values import Row
from datacave_sql.bind.binder import bind_in_scope
from datacave_sql.bind.names import Scope
from datacave_sql.parse import ast, parse_statements
from datacave_sql.plpgsql.inner_statements import InnerQuery
from datacave_sql.session.compiled import compiled_query
from datacave_sql.session.permissions import check_permissions
from datacave_sql.session.planned import planned


def query_rows(session: Any, text: str) -> tuple[list[int], Iterator[Row]]:
    """The types of the columns and the rows of a query. Raises what it raises, and 42601 for anything else."""
    statements = parse_statements(text)
    if len(statements) != 1 or not isinstance(statements[0].statement, ast.Query):
        raise DatacaveError(f'"{text}" is not a single query', sqlstate=sqlstate.SYNTAX_ERROR)
    state = session.catalog_state
    try:
        _, query = bind_in_scope(statements[0], text, session.binding_environment(state), (), Scope())
    except DatacaveError as error:
        if error.position is not None and error.internal_query is None:
            error.internal_query, error.internal_position, error.position = text, error.position, None
        raise
    check_permissions(session, query)
    compiled = compiled_query(state.catalog, query, planned(session, state, query), text, statements[0])
    inner = InnerQuery(session, compiled, (), read_only=True)
    return [column.type_oid for column in compiled.columns or ()], (row for batch in inner.batches() for row in batch)
