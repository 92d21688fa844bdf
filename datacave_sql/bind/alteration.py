"""Alteration: a table while its ALTER TABLE is bound, with the tables below it that follow its changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Column, Constraint, Table
from datacave_core.errors import DatacaveError
from datacave_sql.bind import row_rules, table_changes
from datacave_sql.bind.create_table import TableDraft
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding


class Alteration:
    """A table as the actions so far leave it. One object per table and statement, also for one with two parents.

    `recurses` is false after ONLY; `is_below` says that the change comes from a parent.
    """

    def __init__(
        self, b: Binding, table: Table, recurses: bool = True, known: dict[int, Alteration] | None = None
    ) -> None:
        self.b = b
        self.table = table
        self.recurses = recurses
        self.rows = list(row_rules.row_columns(b, table))
        self.actions: list[table_changes.AlterAction] = []
        self.notices: list[tuple[str, str]] = []
        self.names: set[str] = set()
        self.original = table
        """The table before the statement: what USING reads."""
        self.known = known if known is not None else {}
        self.known[table.oid] = self

    def children(self) -> list[Alteration]:
        """The tables that inherit from this one, as they are at the moment."""
        found = []
        for child in self.b.catalog.children_of(self.table.oid):
            one = self.known.get(child.oid)
            found.append(one if one is not None else Alteration(self.b, child, True, self.known))
        return found

    @property
    def has_children(self) -> bool:
        return bool(self.b.catalog.children_of(self.table.oid))

    def column(self, name: str) -> Column:
        """A live column. Raises 42703."""
        found = self.table.columns_by_name.get(name)
        if found is None:
            raise DatacaveError(
                f'column "{name}" of relation "{self.table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
            )
        return found

    def constraint(self, name: str) -> Constraint | None:
        """A constraint by name."""
        return next((one for one in self.table.constraints if one.name == name), None)

    def scope(self, clause: str) -> Scope:
        """The table's columns."""
        return row_rules.row_scope(self.b, self.table, tuple(self.rows), self.table.name, clause)

    def original_scope(self, clause: str) -> Scope:
        """The columns as they were before the statement."""
        rows = tuple(self.rows[: len(self.original.columns)])
        return row_rules.row_scope(self.b, self.original, rows, self.original.name, clause)

    def notice(self, message: str, code: str = sqlstate.SUCCESSFUL_COMPLETION) -> None:
        """A NOTICE of the statement; those of tables below come with it too."""
        self.notices.append((message, code))

    def replace_column(self, column: Column, **more: Any) -> None:
        """Notes a changed column as an action."""
        self.actions.append(table_changes.ReplaceColumn(column, **more))
        self.put_column(column)

    def put_column(self, column: Column) -> None:
        columns = tuple(column if known.number == column.number else known for known in self.table.columns)
        self.table = replace(self.table, columns=columns)

    def replace_parts(self, columns: tuple[Column, ...] = (), constraints: tuple[Constraint, ...] = ()) -> None:
        """Notes how columns and constraints are inherited now."""
        self.actions.append(table_changes.ReplaceParts(columns, constraints))
        for column in columns:
            self.put_column(column)
        changed = {one.name: one for one in constraints}
        self.table = replace(
            self.table, constraints=tuple(changed.get(one.name, one) for one in self.table.constraints)
        )

    def sequence_of(self, column: Column) -> Any:
        """The sequence behind an identity column."""
        for sequence in self.b.catalog.sequences_owned_by(self.table.oid, column.number):
            if sequence.identity:
                return sequence
        return None

    def draft(self) -> TableDraft:
        """The table as a draft, for the parts of CREATE TABLE."""
        schema = self.b.catalog.schemas[self.table.schema_oid]
        return TableDraft(schema, self.table.name, self.table.persistence, list(self.table.columns))

    def in_partition_key(self, column: Column) -> bool:
        """Whether the table is partitioned by a column, itself or in an expression."""
        key = self.table.partition_key
        if key is None:
            return False
        if any(part.column == column.number for part in key.parts):
            return True
        for part in key.parts:
            if part.expression is not None:
                scope = self.scope("partition key expressions")
                schema = row_rules.schema_name(self.b, self.table)
                bound = row_rules.stored_expression(self.b, part.expression, scope, schema)
                if self.rows[column.number - 1].id in row_rules.columns_of(bound):
                    return True
        return False

    def statement(self, tag: str, original: Table) -> table_changes.AlterTable:
        """The bound statement for this table alone."""
        return table_changes.AlterTable(
            original, tuple(_types_first(self.actions)), tuple(self.rows), tuple(self.notices), tag
        )


def invalid(message: str, hint: str | None = None, detail: str | None = None) -> DatacaveError:
    """42P16."""
    return DatacaveError(message, sqlstate=sqlstate.INVALID_TABLE_DEFINITION, hint=hint, detail=detail)


def wrong_kind(message: str, detail: str | None = None) -> DatacaveError:
    """42809."""
    return DatacaveError(message, sqlstate=sqlstate.WRONG_OBJECT_TYPE, detail=detail)


NOT_ONLY = "Do not specify the ONLY keyword."


def _types_first(actions: list[table_changes.AlterAction]) -> list[table_changes.AlterAction]:
    """New types come before dropped columns, and several at once, as each USING reads the row as it was."""
    types = [a for a in actions if isinstance(a, table_changes.AlterColumnType)]
    if not types:
        return actions
    rest = [a for a in actions if not isinstance(a, table_changes.AlterColumnType)]
    drops = [place for place, a in enumerate(rest) if isinstance(a, table_changes.DropColumn)]
    first = next(place for place, a in enumerate(actions) if isinstance(a, table_changes.AlterColumnType))
    place = min([first, *drops])
    return [*rest[:place], table_changes.AlterColumnTypes(tuple(types)), *rest[place:]]
