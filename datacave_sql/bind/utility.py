"""Utility statements: which binder stands for which statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datacave_core.errors import FeatureNotSupported
from datacave_sql.bind import statements as s
from datacave_sql.bind.alter_operator import ALTER_OPERATORS
from datacave_sql.bind.alter_table import bind_alter_table
from datacave_sql.bind.conversions import bind_create_conversion
from datacave_sql.bind.copy import bind_copy
from datacave_sql.bind.create_index import bind_create_index
from datacave_sql.bind.create_operator import OPERATOR_STATEMENTS
from datacave_sql.bind.create_table import bind_create_table
from datacave_sql.bind.drop import bind_drop
from datacave_sql.bind.extended_statistics import EXTENDED_STATISTICS
from datacave_sql.bind.grants import bind_default_privileges, bind_grant
from datacave_sql.bind.maintenance import MAINTENANCE
from datacave_sql.bind.nested import NESTED, Entries
from datacave_sql.bind.objects import OBJECTS
from datacave_sql.bind.operator_families import OPERATOR_FAMILIES
from datacave_sql.bind.policies import POLICIES
from datacave_sql.bind.renames import RENAMES
from datacave_sql.bind.routines import ROUTINES
from datacave_sql.bind.rules import RULES
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_query import STORED_QUERIES
from datacave_sql.bind.text_search import TEXT_SEARCH
from datacave_sql.bind.triggers import TRIGGERS
from datacave_sql.parse import ast

BindUtility = Callable[[Binding, Any, Entries], s.BoundStatement]


def bind_command(b: Binding, statement: ast.Statement, entries: Entries) -> s.BoundStatement:
    """A statement that needs no binding."""
    return s.Command(statement)


COMMANDS = (
    ast.Begin, ast.Commit, ast.Rollback, ast.Savepoint, ast.ReleaseSavepoint, ast.RollbackTo, ast.PreparedTransaction,
    ast.SetConstraints, ast.SetTransaction, ast.SetParameter, ast.ResetParameter, ast.ShowParameter, ast.AlterSettings,
    ast.Deallocate, ast.FetchCursor, ast.CloseCursor, ast.Discard, ast.Listen, ast.Unlisten, ast.Notify,
    ast.Checkpoint, ast.CreateRole, ast.AlterRole, ast.DropRole, ast.GrantRole, ast.CreateDatabase, ast.AlterDatabase,
    ast.DropOwned, ast.ReassignOwned,
    ast.DropDatabase, ast.CreateExtension, ast.Do,
)  # fmt: skip

UTILITIES: Mapping[type, BindUtility] = {
    **dict.fromkeys(COMMANDS, bind_command),
    **NESTED,
    **STORED_QUERIES,
    **OBJECTS,
    **MAINTENANCE,
    **RENAMES,
    **ROUTINES,
    **POLICIES,
    **RULES,
    **TRIGGERS,
    **EXTENDED_STATISTICS,
    **OPERATOR_STATEMENTS,
    **TEXT_SEARCH,
    **OPERATOR_FAMILIES,
    **ALTER_OPERATORS,
    ast.CreateConversion: bind_create_conversion,
    ast.CreateTable: bind_create_table,
    ast.CreateIndex: bind_create_index,
    ast.AlterTable: bind_alter_table,
    ast.Drop: bind_drop,
    ast.Grant: bind_grant,
    ast.AlterDefaultPrivileges: bind_default_privileges,
    ast.Copy: bind_copy,
}

HINTS: Mapping[type, tuple[str, str]] = {
    ast.Cluster: ("CLUSTER", "Rows always lie in the order of the primary key."),
}


def unsupported(statement: ast.Statement) -> FeatureNotSupported:
    """0A000 for a statement that nothing binds."""
    known = HINTS.get(type(statement))
    if known is not None:
        return FeatureNotSupported(f"{known[0]} {'is' if known[0].isupper() else 'are'} not supported", hint=known[1])
    if isinstance(statement, ast.RecognisedStatement) and statement.tag == "CREATE EVENT TRIGGER":
        return FeatureNotSupported(
            "event triggers are not supported", hint="Triggers on tables, and the audit log, see what happens."
        )
    if isinstance(statement, ast.RecognisedStatement):
        return FeatureNotSupported(f"{statement.tag} is not supported")
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in type(statement).__name__)
    return FeatureNotSupported(f"{words.strip().upper()} is not supported")
