"""Statements about statements: EXPLAIN, PREPARE, EXECUTE, DECLARE CURSOR."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.bind import cursor_rows, typenames
from datacave_sql.bind import statements as s
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ParsedStatement, ast


@dataclass(frozen=True, slots=True)
class Entries:
    """The binder's own entries, for statements that hold other statements."""

    parsed: ParsedStatement
    bound_query: Callable[[Binding, ast.Statement], s.BoundQuery]
    bound_statement: Callable[[Binding, ast.Statement], s.BoundStatement]
    bound_in_scope: Callable[
        [ParsedStatement, str, BindingEnvironment, Sequence[int], Scope], tuple[Binding, s.BoundQuery]
    ]


def bind_explain(b: Binding, statement: ast.Explain, entries: Entries) -> s.BoundStatement:
    return s.Explain(entries.bound_statement(b, statement.statement), statement.options)


def bind_prepare(b: Binding, statement: ast.Prepare, entries: Entries) -> s.BoundStatement:
    types = tuple(0 if name.names == ("unknown",) else typenames.resolve_type(b, name).oid for name in statement.types)
    return s.PrepareStatement(statement.name, types, b.text[statement.text_start : statement.text_end], b.text)


def bind_execute(b: Binding, statement: ast.Execute, entries: Entries) -> s.BoundStatement:
    return s.ExecuteStatement(statement.name, statement.arguments)


def bind_declare(b: Binding, statement: ast.DeclareCursor, entries: Entries) -> s.BoundStatement:
    query = entries.bound_query(b, statement.query)
    if b.modifies_data:
        raise DatacaveError(
            "DECLARE CURSOR must not contain data-modifying statements in WITH",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        )
    if statement.query.locking and (statement.hold or statement.scroll or statement.insensitive):
        words = f"FOR {statement.query.locking[0].strength.upper()}"
        what = "WITH HOLD" if statement.hold else "SCROLL" if statement.scroll else "INSENSITIVE"
        raise DatacaveError(
            f"DECLARE {what} CURSOR ... {words} is not supported",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            detail=f"{'Holdable' if statement.hold else what.title()} cursors must be READ ONLY.",
        )
    plan, keys = cursor_rows.with_keys(b, query.plan)
    text = b.text[entries.parsed.start : entries.parsed.end]
    carried = replace(query, plan=plan)
    scrolls = statement.scroll if statement.scroll is not None else cursor_rows.runs_backward(query.plan)
    return s.DeclareCursor(statement.name, carried, statement.binary, scrolls, statement.hold, text, keys)


NESTED: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.Explain: bind_explain,
    ast.Prepare: bind_prepare,
    ast.Execute: bind_execute,
    ast.DeclareCursor: bind_declare,
}
