"""INSERT, UPDATE, DELETE and MERGE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.expressions import Subscript
from datacave_sql.parse.ast.node import Expression, Node, QualifiedName, Statement
from datacave_sql.parse.ast.select import FromItem, Query, TableRef, Target, WithClause


@dataclass(frozen=True, slots=True)
class AssignmentTarget(Node):
    """A column to be written, or a part of it: `a`, `a.field`, `a[1]`."""

    column: str
    indirection: tuple[str | Subscript, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment(Node):
    """column = value; the value may be a DefaultMarker."""

    target: AssignmentTarget
    value: Expression


@dataclass(frozen=True, slots=True)
class MultiAssignment(Node):
    """(a, b) = source, where source is a row, a subquery, or anything else for the binder to refuse."""

    targets: tuple[AssignmentTarget, ...]
    source: Expression


SetItem = Assignment | MultiAssignment


@dataclass(frozen=True, slots=True)
class IndexElement(Node):
    """One key of an index or of an ON CONFLICT inference: a column by name, or an expression."""

    column: str | None
    expression: Expression | None = None
    collation: QualifiedName | None = None
    operator_class: QualifiedName | None = None
    operator_class_options: tuple[tuple[str, str | None], ...] = ()
    descending: bool = False
    nulls_first: bool | None = None


@dataclass(frozen=True, slots=True)
class ConflictTarget(Node):
    """ON CONFLICT (elements) WHERE .., or ON CONSTRAINT name."""

    elements: tuple[IndexElement, ...] = ()
    where: Expression | None = None
    constraint: str | None = None


@dataclass(frozen=True, slots=True)
class OnConflict(Node):
    """ON CONFLICT [target] DO NOTHING, or DO UPDATE SET assignments [WHERE ..]."""

    target: ConflictTarget | None
    action: Literal["nothing", "update"]
    assignments: tuple[SetItem, ...] = ()
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class Insert(Statement):
    """INSERT; no `source` means DEFAULT VALUES. `columns` is empty where none are listed."""

    table: TableRef
    columns: tuple[AssignmentTarget, ...] = ()
    source: Query | None = None
    overriding: Literal["", "user", "system"] = ""
    on_conflict: OnConflict | None = None
    returning: tuple[Target, ...] = ()
    with_clause: WithClause | None = None


@dataclass(frozen=True, slots=True)
class Update(Statement):
    """UPDATE."""

    table: TableRef
    assignments: tuple[SetItem, ...]
    from_items: tuple[FromItem, ...] = ()
    where: Expression | None = None
    returning: tuple[Target, ...] = ()
    with_clause: WithClause | None = None


@dataclass(frozen=True, slots=True)
class Delete(Statement):
    """DELETE."""

    table: TableRef
    using: tuple[FromItem, ...] = ()
    where: Expression | None = None
    returning: tuple[Target, ...] = ()
    with_clause: WithClause | None = None


@dataclass(frozen=True, slots=True)
class MergeWhen(Node):
    """One WHEN branch. `insert` has columns and values (no values: DEFAULT VALUES), `update` has assignments."""

    matched: bool
    action: Literal["update", "delete", "insert", "nothing"]
    condition: Expression | None = None
    assignments: tuple[SetItem, ...] = ()
    columns: tuple[AssignmentTarget, ...] = ()
    values: tuple[Expression, ...] = ()
    overriding: Literal["", "user", "system"] = ""


@dataclass(frozen=True, slots=True)
class Merge(Statement):
    """MERGE INTO table USING source ON condition WHEN .."""

    table: TableRef
    source: FromItem
    condition: Expression
    whens: tuple[MergeWhen, ...]
    with_clause: WithClause | None = None
