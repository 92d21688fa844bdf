"""COPY, EXPLAIN, maintenance, locks, TRUNCATE, DO, CALL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.expressions import FunctionCall
from datacave_sql.parse.ast.node import Expression, Node, QualifiedName, Statement
from datacave_sql.parse.ast.objects import Option
from datacave_sql.parse.ast.select import TableRef


@dataclass(frozen=True, slots=True)
class CopyOption(Node):
    """One option of COPY, name in lower case, the old syntax already turned into the new one.

    `columns` holds a list; ("*",) stands for the star of FORCE_QUOTE.
    """

    name: str
    value: str | None = None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Copy(Statement):
    """COPY table (columns) or (query), FROM or TO a file, a program, or the client (`file` None, not `program`)."""

    table: TableRef | None
    columns: tuple[str, ...]
    query: Statement | None
    from_source: bool
    file: str | None
    program: bool
    options: tuple[CopyOption, ...] = ()
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class Explain(Statement):
    """EXPLAIN; both syntaxes give options in lower case with the value as text, None for none."""

    statement: Statement
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class VacuumTarget(Node):
    """A table and columns of VACUUM or ANALYZE."""

    table: TableRef
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vacuum(Statement):
    """VACUUM, or ANALYZE alone (`analyze_only`)."""

    analyze_only: bool
    options: tuple[Option, ...] = ()
    targets: tuple[VacuumTarget, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint(Statement):
    """CHECKPOINT."""


@dataclass(frozen=True, slots=True)
class Cluster(Statement):
    """CLUSTER [table [USING index]]."""

    table: QualifiedName | None = None
    index: str | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Reindex(Statement):
    """REINDEX kind name; `name` holds one part for schema, database and system."""

    kind: Literal["index", "table", "schema", "system", "database"]
    name: QualifiedName
    concurrently: bool = False
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class LockTable(Statement):
    """LOCK TABLE; mode in lower case, "access exclusive" where none is written."""

    tables: tuple[TableRef, ...]
    mode: str = "access exclusive"
    nowait: bool = False


@dataclass(frozen=True, slots=True)
class Truncate(Statement):
    """TRUNCATE."""

    tables: tuple[TableRef, ...]
    restart_identity: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class Do(Statement):
    """DO block; the language is None where not written."""

    body: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Call(Statement):
    """CALL procedure(..)."""

    call: FunctionCall
