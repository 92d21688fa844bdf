"""Bound statements: what the binder hands to the session.

A BoundQuery has a plan. Every other class is a utility statement with its names resolved. New objects are described
by the catalog's own classes with oids of 0, which whoever runs the statement fills in: an index and its constraint
share a name; a foreign key with `referenced_table_oid` 0 refers to the table that is being made. Statements in which
no name of the catalog occurs come as a `Command` around their syntax tree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from datacave_core.catalog import (
    CastDefinition,
    Column,
    Constraint,
    DomainCheck,
    Extension,
    Index,
    NamedObject,
    OperatorDefinition,
    Routine,
    Schema,
    Sequence,
    Table,
    TypeDefinition,
)
from datacave_core.values import Row
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.bound_named import AlterNamed, CreateNamed
from datacave_sql.bind.bound_privileges import AlterDefaultPrivileges, ChangePolicies, GrantPrivileges
from datacave_sql.bind.bound_routines import AlterRoutine, CreateCast, CreateOperator, CreateRoutine
from datacave_sql.bind.bound_rules import ChangeRules, ChangeStatistics, ChangeTriggers
from datacave_sql.bind.table_changes import AlterTable, CheckDefault
from datacave_sql.expr.nodes import Expression
from datacave_sql.parse import ast
from datacave_sql.plan.logical import Insert, LogicalPlan, OutputColumn


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE.

    `kind` is "select", "insert", "update", "delete", "merge" or "call", for the command tag. `columns` describe the
    result (empty for writes without RETURNING); `returns_rows` tells a result without columns from no result.
    `dependencies` are the oids of the relations that the statement names and of the routines that it calls, inlined
    ones and what those name included; `uses` is what it wants with relations. The plan may be kept if it is
    `shareable`. `calls_routines`: some routine is called when the plan runs.
    """

    plan: LogicalPlan
    kind: str
    columns: tuple[OutputColumn, ...]
    returns_rows: bool
    parameter_types: tuple[int, ...]
    read_only: bool
    dependencies: tuple[int, ...] = ()
    shareable: bool = True
    uses: tuple[RelationUse, ...] = ()
    calls_routines: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A statement in which the catalog names nothing, or that is run by name alone.

    `statement` is one of the nodes Begin, Commit, Rollback, Savepoint, ReleaseSavepoint, RollbackTo,
    PreparedTransaction, SetConstraints, SetTransaction, SetParameter, ResetParameter, ShowParameter, AlterSettings,
    Deallocate, FetchCursor, CloseCursor, Discard, Listen, Unlisten, Notify, Checkpoint, CreateRole, AlterRole,
    DropRole, GrantRole, CreateDatabase, AlterDatabase, DropDatabase, CreateExtension.
    """

    statement: ast.Statement


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """IF EXISTS or IF NOT EXISTS was met: answer with the tag and the notices (message, SQLSTATE)."""

    tag: str
    notices: tuple[tuple[str, str], ...] = ()


# --- statements about statements -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN [ANALYZE] of a bound statement; options as written (name in lower case, value)."""

    target: BoundStatement
    options: tuple[ast.Option, ...] = ()


@dataclass(frozen=True, slots=True)
class PrepareStatement:
    """PREPARE: the types as far as they are given, and the inner statement's text, which is compiled on its own.

    `source` is the query string that it stands in.
    """

    name: str
    parameter_types: tuple[int, ...]
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class ExecuteStatement:
    """EXECUTE: the arguments are bound when the prepared statement's types are known (`bind_arguments`)."""

    name: str
    arguments: tuple[ast.Expression, ...]


@dataclass(frozen=True, slots=True)
class DeclareCursor:
    """DECLARE CURSOR; `scroll` says whether it can be fetched from backward; `text` is the whole statement.

    Behind the columns of the query its plan gives storage keys: `keys` pairs table oids with their places.
    """

    name: str
    query: BoundQuery
    binary: bool
    scroll: bool
    hold: bool
    text: str = ""
    keys: tuple[tuple[int, int], ...] = ()


# --- tables ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnedSequence:
    """A sequence that comes with a column (serial, identity): `column` is its number, `sequence` has oid 0."""

    column: int
    sequence: Sequence


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE TABLE. `table` has oid 0 and complete columns, indexes and constraints, all with oids of 0.

    The clustered index (number 0) is the primary key where there is one. `like_comments` are (column number, text),
    `part_comments` (system table, name, text) of constraints, indexes and statistics objects.
    """

    table: Table
    sequences: tuple[OwnedSequence, ...] = ()
    on_commit: str = ""
    like_comments: tuple[tuple[int, str], ...] = ()
    notices: tuple[str, ...] = ()
    check_default: CheckDefault | None = None
    part_comments: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW: make the table, then store the query's rows.

    For a materialized view `table.kind` is m and `table.view_query` its text. `execute` stands in place of the query
    where the source is EXECUTE; `columns` then renames its columns and `table` has none.
    """

    table: Table
    query: BoundQuery | None
    with_data: bool
    on_commit: str = ""
    execute: ExecuteStatement | None = None
    column_names: tuple[str, ...] = ()
    tag: str = "SELECT"


@dataclass(frozen=True, slots=True)
class RefreshMaterializedView:
    table: Table
    query: BoundQuery
    with_data: bool


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """CREATE INDEX: `index` has oid 0, number 0 (to be chosen, not the clustered one) and a name."""

    table: Table
    index: Index
    key_expressions: tuple[Expression | None, ...] = ()
    predicate: Expression | None = None
    row_columns: tuple[OutputColumn, ...] = ()
    concurrently: bool = False
    only: bool = False


@dataclass(frozen=True, slots=True)
class CreateView:
    """CREATE [OR REPLACE] VIEW: `table` of kind v with its query as text; `replaces` is the view in its place."""

    table: Table
    replaces: Table | None = None
    becomes_temporary: bool = False
    """Not as it was written: it names temporary relations."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """TRUNCATE of these tables (CASCADE already followed); `members` are those that come with a parent of theirs."""

    tables: tuple[Table, ...]
    restart_identity: bool = False
    cascade: bool = False
    members: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class LockTable:
    """LOCK TABLE; mode in lower case, e.g. "access exclusive"; `members` as in Truncate."""

    tables: tuple[Table, ...]
    mode: str
    nowait: bool
    members: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Vacuum:
    """VACUUM or ANALYZE (`analyze_only`); no tables means all of them. `options` are those that are on."""

    analyze_only: bool
    tables: tuple[Table, ...]
    options: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reindex:
    """REINDEX: the indexes named, or those of the tables named, of a schema, of the whole database."""

    tables: tuple[Table, ...]
    indexes: tuple[tuple[Table, Index], ...] = ()
    schema: Schema | None = None
    whole_database: bool = False
    concurrently: bool = False


# --- ALTER INDEX ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AlterIndex:
    """ALTER INDEX .. SET (..), .. ATTACH PARTITION: the index as it will be."""

    table: Table
    index: Index


# --- other objects ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateSchema:
    """CREATE SCHEMA; `elements` are bound one after the other when the schema exists, with it first in the path."""

    name: str
    owner_oid: int
    elements: tuple[ast.Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateSequence:
    """`sequence` has oid 0; owned_by_table_oid and owned_by_column are resolved."""

    sequence: Sequence


@dataclass(frozen=True, slots=True)
class AlterSequence:
    """The sequence as it will be. With `restart` its value is set so that nextval gives this number."""

    sequence: Sequence
    restart: int | None = None


@dataclass(frozen=True, slots=True)
class CreateType:
    """CREATE TYPE, CREATE DOMAIN: oids (labels, checks, arrays included) are 0. A range comes with its multirange."""

    definition: TypeDefinition
    tag: str = "CREATE TYPE"
    multirange: TypeDefinition | None = None


@dataclass(frozen=True, slots=True)
class AlterType:
    """ALTER TYPE or DOMAIN: the definition as it will be; parts with an oid of 0 are new.

    `check_values` asks for a look at columns of this domain that exist: whether `condition` over `value_column` holds,
    or without one that there is no NULL. `typed_tables` follow a composite type.
    """

    definition: TypeDefinition
    tag: str = "ALTER TYPE"
    check_values: bool = False
    condition: Expression | None = None
    value_column: OutputColumn | None = None
    typed_tables: tuple[AlterTable, ...] = ()
    notices: tuple[tuple[str, str], ...] = ()


DroppedObject: TypeAlias = (
    "Table | tuple[Table, Index] | Sequence | Schema | TypeDefinition "
    "| Routine | OperatorDefinition | CastDefinition | Extension | NamedObject"
)


@dataclass(frozen=True, slots=True)
class DropObjects:
    """DROP of relations, sequences, indexes (with their tables), schemas, types. `kind` as written.

    Whether other objects depend on them is decided by whoever runs it (2BP01 without `cascade`). `notices` tell of
    missing ones under IF EXISTS.
    """

    kind: str
    objects: tuple[DroppedObject, ...]
    cascade: bool
    notices: tuple[tuple[str, str], ...] = ()
    concurrently: bool = False


@dataclass(frozen=True, slots=True)
class RenameObject:
    """ALTER .. RENAME TO: `target` is the object, `member` its column, constraint or attribute where one is renamed."""

    kind: str
    target: Any
    new_name: str
    member: Column | Constraint | DomainCheck | None = None
    tag: str = "ALTER TABLE"
    below: tuple[Table, ...] = ()
    """Tables that inherit the member and get the new name too."""


@dataclass(frozen=True, slots=True)
class SetObjectSchema:
    """ALTER .. SET SCHEMA."""

    kind: str
    target: Any
    schema: Schema
    tag: str = "ALTER TABLE"


@dataclass(frozen=True, slots=True)
class ChangeOwner:
    """ALTER .. OWNER TO, for objects other than tables and for tables too."""

    kind: str
    target: Any
    role_oid: int
    tag: str = "ALTER TABLE"


@dataclass(frozen=True, slots=True)
class CommentOn:
    """COMMENT ON: the triple of the catalog's Comment; text None removes it."""

    class_oid: int
    object_oid: int
    sub_id: int
    text: str | None


# --- COPY ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class CopyRows:
    """The source of the insert of a COPY FROM: whoever runs it puts the next rows in `batch`, then runs the insert.

    It is the `relation` of a VirtualScan; rows have one value per column of the COPY, in its order.
    """

    batch: Iterable[Row] = field(default=())

    def rows(self, context: Any) -> Iterable[Row]:
        """The rows at hand."""
        return self.batch


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """Checked options. `null`, `delimiter`, `quote`, `escape` have their format's defaults; forced columns are numbers
    of the columns in the order of the COPY (from 0)."""

    format: str = "text"  # text, csv, binary
    delimiter: str = "\t"
    null: str = "\\N"
    header: bool = False
    header_match: bool = False
    quote: str = '"'
    escape: str = '"'
    force_quote: frozenset[int] = frozenset()
    force_not_null: frozenset[int] = frozenset()
    force_null: frozenset[int] = frozenset()
    encoding: str | None = None
    freeze: bool = False


@dataclass(frozen=True, slots=True)
class CopyFrom:
    """COPY table FROM: `insert` writes what `source` offers. `file` None and not `program`: the client (STDIN).

    The rows of `source` are filtered by WHERE inside the plan. `types` are (type, typmod) of the columns.
    """

    table: Table
    columns: tuple[Column, ...]
    insert: Insert
    source: CopyRows
    options: CopyOptions
    file: str | None = None
    program: bool = False


@dataclass(frozen=True, slots=True)
class CopyTo:
    """COPY table or (query) TO; the query's columns are the ones to be written."""

    query: BoundQuery
    options: CopyOptions
    file: str | None = None
    program: bool = False


BoundUtility: TypeAlias = (
    Command
    | NothingToDo
    | Explain
    | PrepareStatement
    | ExecuteStatement
    | DeclareCursor
    | CreateTable
    | CreateTableAs
    | RefreshMaterializedView
    | CreateIndex
    | CreateView
    | Truncate
    | LockTable
    | Vacuum
    | Reindex
    | AlterTable
    | AlterIndex
    | CreateSchema
    | CreateSequence
    | AlterSequence
    | CreateType
    | AlterType
    | CreateRoutine
    | CreateOperator
    | CreateCast
    | CreateNamed
    | AlterNamed
    | AlterRoutine
    | DropObjects
    | RenameObject
    | SetObjectSchema
    | ChangeOwner
    | CommentOn
    | GrantPrivileges
    | AlterDefaultPrivileges
    | ChangePolicies
    | ChangeRules
    | ChangeStatistics
    | ChangeTriggers
    | CopyFrom
    | CopyTo
)

BoundStatement: TypeAlias = "BoundQuery | BoundUtility"
