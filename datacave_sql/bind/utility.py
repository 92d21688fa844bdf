"""Utility statements: which binder stands for which statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datacave_sql.bind import statements as s
from datacave_sql.bind.create_table import bind_create_table
from datacave_sql.bind.drop import bind_drop
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ParsedStatement, ast


@dataclass(frozen=True, slots=True)
class Helpers:
    """The binder's own entries, for statements that hold other statements."""

    parsed: ParsedStatement
    text: str
    environment: BindingEnvironment
    bound_query: Callable[[Binding, ast.Statement], s.BoundQuery]
    bind_statement: Callable[..., s.BoundStatement]


BindUtility = Callable[[Binding, Any, Helpers], s.BoundStatement]


def bind_command(b: Binding, statement: ast.Statement, helpers: Helpers) -> s.BoundStatement:
    """A statement that needs no binding."""
    return s.Command(statement)


COMMANDS = (
    ast.Begin, ast.Commit, ast.Rollback, ast.Savepoint, ast.ReleaseSavepoint, ast.RollbackTo, ast.PreparedTransaction,
    ast.SetConstraints, ast.SetTransaction, ast.SetParameter, ast.ResetParameter, ast.ShowParameter, ast.AlterSettings,
    ast.Deallocate, ast.FetchCursor, ast.CloseCursor, ast.Discard, ast.Listen, ast.Unlisten, ast.Notify,
    ast.Checkpoint, ast.CreateRole, ast.AlterRole, ast.DropRole, ast.GrantRole, ast.CreateDatabase, ast.AlterDatabase,
    ast.DropDatabase, ast.CreateExtension,
)  # fmt: skip

UTILITIES: Mapping[type, BindUtility] = {
    **dict.fromkeys(COMMANDS, bind_command),
    ast.CreateTable: bind_create_table,
    ast.Drop: bind_drop,
}
