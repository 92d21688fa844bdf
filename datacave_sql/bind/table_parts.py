"""Table parts: what statements find by its name on a table: rules, triggers, policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError
from datacave_sql.bind import relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast


class Part(Protocol):
    """Something with a name of its own on its table."""

    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Part)

TableFinder = Callable[[Binding, ast.QualifiedName, int], Table]


def undefined_part(kind: str, table: Table, name: str) -> DatacaveError:
    """The error of a name that a table does not know; `kind` is rule, trigger or policy."""
    owner = "relation" if kind == "rule" else "table"
    return DatacaveError(
        f'{kind} "{name}" for {owner} "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_OBJECT
    )


def require_part(kind: str, table: Table, parts: Sequence[P], name: str) -> P:
    """A part by name. Raises 42704."""
    for part in parts:
        if part.name == name:
            return part
    raise undefined_part(kind, table, name)


def table_to_drop_from(
    b: Binding, statement: ast.Drop, kind: str, parts: Callable[[Table], Sequence[Part]], find_table: TableFinder
) -> Table | s.NothingToDo:
    """The table that loses a part, which it has; with IF EXISTS what is told instead. Raises 42704, 42P01."""
    name, tag = statement.names[0][-1], f"DROP {kind.upper()}"
    assert statement.on_table is not None
    if len(statement.on_table) > 1 and b.catalog.schema_named(statement.on_table[-2]) is None:
        message = f'schema "{statement.on_table[-2]}" does not exist'
        if statement.if_exists:
            return s.NothingToDo(tag, ((f"{message}, skipping", sqlstate.SUCCESSFUL_COMPLETION),))
        raise DatacaveError(message, sqlstate=sqlstate.UNDEFINED_SCHEMA)
    if statement.if_exists and relations.find_relation(b, statement.on_table, statement.position) is None:
        message = f'relation "{relations.dotted(statement.on_table)}" does not exist, skipping'
        return s.NothingToDo(tag, ((message, sqlstate.SUCCESSFUL_COMPLETION),))
    table = find_table(b, statement.on_table, statement.position)
    if any(part.name == name for part in parts(table)):
        return table
    if not statement.if_exists:
        raise undefined_part(kind, table, name)
    message = f'{kind} "{name}" for relation "{table.name}" does not exist, skipping'
    return s.NothingToDo(tag, ((message, sqlstate.SUCCESSFUL_COMPLETION),))
