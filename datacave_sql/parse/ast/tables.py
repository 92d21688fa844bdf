"""CREATE TABLE, CREATE INDEX, and ALTER TABLE with its actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.constraints import ColumnDefinition, Constraint, SequenceOption
from datacave_sql.parse.ast.dml import IndexElement
from datacave_sql.parse.ast.node import Expression, Node, QualifiedName, Statement
from datacave_sql.parse.ast.select import IntoTable, Persistence, StorageOption, TableRef
from datacave_sql.parse.ast.typename import TypeName


@dataclass(frozen=True, slots=True)
class LikeClause(Node):
    """LIKE table INCLUDING .. EXCLUDING ..; `including` is the set that is left, of the names PostgreSQL knows.

    Names: comments, compression, constraints, defaults, generated, identity, indexes, statistics, storage.
    """

    table: QualifiedName
    including: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PartitionKey(Node):
    """PARTITION BY strategy (elements); the strategy as written, which the binder checks (list, range, hash)."""

    strategy: str
    elements: tuple[IndexElement, ...]


@dataclass(frozen=True, slots=True)
class PartitionBound(Node):
    """DEFAULT, IN (..), FROM (..) TO (..), or WITH (MODULUS m, REMAINDER r). MINVALUE and MAXVALUE are ColumnRefs."""

    kind: Literal["default", "list", "range", "hash"]
    values: tuple[Expression, ...] = ()
    lower: tuple[Expression, ...] = ()
    upper: tuple[Expression, ...] = ()
    modulus: int = 0
    remainder: int = 0


@dataclass(frozen=True, slots=True)
class CreateTable(Statement):
    """CREATE TABLE in all forms but AS. `elements` are columns, constraints and LIKE clauses in order.

    `of_type` for typed tables, `partition_of` with `bound` for partitions. `shard_by` is Datacave's SHARD BY (columns).
    """

    name: QualifiedName
    elements: tuple[ColumnDefinition | Constraint | LikeClause, ...] = ()
    persistence: Persistence = "permanent"
    if_not_exists: bool = False
    inherits: tuple[QualifiedName, ...] = ()
    partition_by: PartitionKey | None = None
    partition_of: QualifiedName | None = None
    bound: PartitionBound | None = None
    of_type: TypeName | None = None
    access_method: str | None = None
    options: tuple[StorageOption, ...] = ()
    on_commit: Literal["", "preserve rows", "delete rows", "drop"] = ""
    tablespace: str | None = None
    shard_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateTableAs(Statement):
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW. `source` is a Query or an Execute."""

    into: IntoTable
    source: Statement
    materialized_view: bool = False
    with_data: bool = True
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateIndex(Statement):
    """CREATE INDEX; without a name the server chooses one."""

    name: str | None
    table: TableRef
    elements: tuple[IndexElement, ...]
    unique: bool = False
    concurrently: bool = False
    if_not_exists: bool = False
    access_method: str = "btree"
    including: tuple[IndexElement, ...] = ()
    nulls_not_distinct: bool = False
    options: tuple[StorageOption, ...] = ()
    tablespace: str | None = None
    where: Expression | None = None


# --- ALTER TABLE -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AlterAction(Node):
    """One action of ALTER TABLE, INDEX, SEQUENCE, VIEW or TYPE."""


@dataclass(frozen=True, slots=True)
class AddColumn(AlterAction):
    """ADD [COLUMN] [IF NOT EXISTS]; ADD ATTRIBUTE for types."""

    column: ColumnDefinition
    if_not_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class DropColumn(AlterAction):
    """DROP [COLUMN] [IF EXISTS]; DROP ATTRIBUTE for types."""

    column: str
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class AlterColumnType(AlterAction):
    """ALTER c [SET DATA] TYPE t [COLLATE ..] [USING ..]."""

    column: str
    type_name: TypeName
    collation: QualifiedName | None = None
    using: Expression | None = None
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class AlterColumnDefault(AlterAction):
    """ALTER c SET DEFAULT e; `expression` None is DROP DEFAULT."""

    column: str
    expression: Expression | None


@dataclass(frozen=True, slots=True)
class AlterColumnNotNull(AlterAction):
    """ALTER c SET NOT NULL or DROP NOT NULL."""

    column: str
    not_null: bool


@dataclass(frozen=True, slots=True)
class DropColumnExpression(AlterAction):
    """ALTER c DROP EXPRESSION [IF EXISTS]."""

    column: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class AddIdentity(AlterAction):
    """ALTER c ADD GENERATED .. AS IDENTITY (options)."""

    column: str
    always: bool
    options: tuple[SequenceOption, ...] = ()


@dataclass(frozen=True, slots=True)
class SetIdentity(AlterAction):
    """ALTER c SET GENERATED .., SET option, RESTART; `always` None where not written."""

    column: str
    always: bool | None
    options: tuple[SequenceOption, ...] = ()


@dataclass(frozen=True, slots=True)
class DropIdentity(AlterAction):
    """ALTER c DROP IDENTITY [IF EXISTS]."""

    column: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class AlterColumnStatistics(AlterAction):
    """ALTER c SET STATISTICS n; `column` is an ordinal for indexes."""

    column: str | int
    target: int


@dataclass(frozen=True, slots=True)
class AlterColumnStorage(AlterAction):
    """ALTER c SET STORAGE or SET COMPRESSION word."""

    column: str
    kind: Literal["storage", "compression"]
    value: str


@dataclass(frozen=True, slots=True)
class AlterColumnOptions(AlterAction):
    """ALTER c SET (..) or RESET (..)."""

    column: str
    options: tuple[StorageOption, ...]
    reset: bool


@dataclass(frozen=True, slots=True)
class AddConstraint(AlterAction):
    """ADD constraint."""

    constraint: Constraint


@dataclass(frozen=True, slots=True)
class AlterConstraint(AlterAction):
    """ALTER CONSTRAINT name [NOT] DEFERRABLE .."""

    name: str
    deferrable: bool | None
    initially_deferred: bool | None


@dataclass(frozen=True, slots=True)
class ValidateConstraint(AlterAction):
    """VALIDATE CONSTRAINT name."""

    name: str


@dataclass(frozen=True, slots=True)
class DropConstraint(AlterAction):
    """DROP CONSTRAINT [IF EXISTS] name."""

    name: str
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class SetOptions(AlterAction):
    """SET (options) or RESET (options)."""

    options: tuple[StorageOption, ...]
    reset: bool


@dataclass(frozen=True, slots=True)
class OwnerTo(AlterAction):
    """OWNER TO role."""

    role: str


@dataclass(frozen=True, slots=True)
class AttachPartition(AlterAction):
    """ATTACH PARTITION table bound; without a bound for indexes."""

    table: QualifiedName
    bound: PartitionBound | None


@dataclass(frozen=True, slots=True)
class DetachPartition(AlterAction):
    """DETACH PARTITION table [CONCURRENTLY | FINALIZE]."""

    table: QualifiedName
    mode: Literal["", "concurrently", "finalize"] = ""


@dataclass(frozen=True, slots=True)
class InheritParent(AlterAction):
    """INHERIT parent or NO INHERIT parent."""

    parent: QualifiedName
    remove: bool


@dataclass(frozen=True, slots=True)
class TableSwitch(AlterAction):
    """An action of fixed words and at most one name.

    `words` in lower case: set logged, set unlogged, set without oids, set without cluster, cluster on, set tablespace,
    set access method, enable trigger, disable trigger, enable always trigger, enable replica trigger, enable rule,
    disable rule, enable row level security, disable row level security, force row level security, no force row level
    security, replica identity full, replica identity nothing, replica identity default, replica identity using index,
    of, not of.
    """

    words: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class AlterTable(Statement):
    """ALTER TABLE, INDEX, SEQUENCE, VIEW, MATERIALIZED VIEW, FOREIGN TABLE, or a composite TYPE, with actions."""

    kind: Literal["table", "index", "sequence", "view", "materialized view", "foreign table", "type"]
    table: TableRef
    actions: tuple[AlterAction, ...]
    if_exists: bool = False
