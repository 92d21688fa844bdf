"""Columns and constraints as CREATE TABLE, ALTER TABLE and CREATE DOMAIN write them.

A constraint carries its name, where it has one, and the attributes that may follow it. `deferrable` and
`initially_deferred` are None where nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.dml import IndexElement
from datacave_sql.parse.ast.node import Expression, Node, QualifiedName
from datacave_sql.parse.ast.select import StorageOption, TableRef
from datacave_sql.parse.ast.typename import TypeName


@dataclass(frozen=True, slots=True)
class Constraint(Node):
    """What every constraint shares; NOT VALID and NO INHERIT only where PostgreSQL allows them."""

    name: str | None = None
    deferrable: bool | None = None
    initially_deferred: bool | None = None
    not_valid: bool = False
    no_inherit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNullConstraint(Constraint):
    """NOT NULL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NullConstraint(Constraint):
    """NULL, the default, said aloud; conflicts with NOT NULL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultConstraint(Constraint):
    """DEFAULT expression."""

    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckConstraint(Constraint):
    """CHECK (expression)."""

    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedConstraint(Constraint):
    """GENERATED ALWAYS AS (expression) STORED."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class SequenceOption(Node):
    """One option of a sequence: its name and value.

    `as` TypeName; `increment`, `start`, `restart`, `minvalue`, `maxvalue`, `cache` int, or None for NO MINVALUE, NO
    MAXVALUE and a bare RESTART; `cycle` bool; `owned by` and `sequence name` a QualifiedName (("none",) for OWNED BY
    NONE); `logged` bool.
    """

    name: Literal[
        "as",
        "increment",
        "start",
        "restart",
        "minvalue",
        "maxvalue",
        "cache",
        "cycle",
        "owned by",
        "sequence name",
        "logged",
    ]
    value: TypeName | int | bool | QualifiedName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityConstraint(Constraint):
    """GENERATED ALWAYS or BY DEFAULT AS IDENTITY (options)."""

    always: bool
    options: tuple[SequenceOption, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueConstraint(Constraint):
    """UNIQUE or PRIMARY KEY; as a column constraint `columns` is empty. `index_name` is USING INDEX name."""

    primary: bool
    columns: tuple[str, ...] = ()
    including: tuple[str, ...] = ()
    nulls_not_distinct: bool = False
    options: tuple[StorageOption, ...] = ()
    tablespace: str | None = None
    index_name: str | None = None


ReferentialAction = Literal["no action", "restrict", "cascade", "set null", "set default"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKeyConstraint(Constraint):
    """REFERENCES, or FOREIGN KEY (columns) REFERENCES; `delete_columns` follow ON DELETE SET NULL or SET DEFAULT."""

    referenced: TableRef
    columns: tuple[str, ...] = ()
    referenced_columns: tuple[str, ...] = ()
    match: Literal["simple", "full", "partial"] = "simple"
    on_delete: ReferentialAction = "no action"
    on_update: ReferentialAction = "no action"
    delete_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionConstraint(Constraint):
    """EXCLUDE USING method (element WITH operator, ..) WHERE (predicate)."""

    access_method: str
    elements: tuple[tuple[IndexElement, QualifiedName], ...]
    including: tuple[str, ...] = ()
    options: tuple[StorageOption, ...] = ()
    tablespace: str | None = None
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class ColumnDefinition(Node):
    """name type and what follows. `type_name` is None in typed tables and partitions (`WITH OPTIONS`)."""

    name: str
    type_name: TypeName | None
    collation: QualifiedName | None = None
    constraints: tuple[Constraint, ...] = ()
    compression: str | None = None
    options: tuple[StorageOption, ...] = ()
