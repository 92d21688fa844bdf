"""ALTER TABLE, bound: its actions in order, as values of the catalog with oids of 0 where something is new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from datacave_core.catalog import Column, Constraint, Index, PartitionBound, Rule, Sequence, Table, Trigger
from datacave_sql.expr.nodes import Expression
from datacave_sql.plan.logical import OutputColumn, PartitionTest


@dataclass(frozen=True, slots=True)
class AddColumn:
    """`column` has the number it gets. `default` is computed for rows that exist (over no columns); a generated
    column's expression reads `row_columns` of the statement. Constraints and indexes follow as actions of their own."""

    column: Column
    default: Expression | None = None
    generated: Expression | None = None
    sequence: Sequence | None = None


@dataclass(frozen=True, slots=True)
class DropColumn:
    column: Column
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class AlterColumnType:
    """`using` computes the new value over `row_columns`; None when the stored values stay as they are.

    `column` is the column as it will be, default included.
    """

    column: Column
    using: Expression | None


@dataclass(frozen=True, slots=True)
class AlterColumnTypes:
    """Several new types at once: every `using` reads the row as it was."""

    changes: tuple[AlterColumnType, ...]


@dataclass(frozen=True, slots=True)
class ReplaceColumn:
    """SET/DROP DEFAULT, SET/DROP NOT NULL, identity and the like: the column as it will be.

    `check_not_null` asks for a look at the stored rows; `sequence` is made for, `drop_sequence` taken from it.
    """

    column: Column
    check_not_null: bool = False
    sequence: Sequence | None = None
    drop_sequence: Sequence | None = None
    replace_sequence: Sequence | None = None
    restart: int | None = None


@dataclass(frozen=True, slots=True)
class AddConstraint:
    """`constraint` with oid 0; `index` for unique and primary keys (None when an index that exists is used, by
    `constraint.index_oid`); `condition` over `row_columns` for checks; both are tested against the stored rows unless
    the constraint is not validated."""

    constraint: Constraint
    index: Index | None = None
    condition: Expression | None = None
    part_of: tuple[int, str] | None = None
    """Of a partition: (oid of the parent, name of its constraint) that has just been made and this is a part of."""


@dataclass(frozen=True, slots=True)
class ReplaceParts:
    """How a table inherits: columns and constraints as they are now. `parents`, when given, come with `bound`, and
    without a bound the indexes named are parts of no other any more."""

    columns: tuple[Column, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    parents: tuple[int, ...] | None = None
    bound: PartitionBound | None = None
    untied_indexes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TieParts:
    """ATTACH PARTITION: (index, index of the parent, its constraint) and (foreign key, that of the parent), by oid."""

    indexes: tuple[tuple[int, int, int], ...]
    foreign_keys: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class AddIndexPart:
    """An index that a partition gets because its parent has one; it is built over the rows."""

    index: Index


@dataclass(frozen=True, slots=True)
class CheckPartition:
    """Every row must pass the tests, over the `row_columns` of the statement; `message` is the error."""

    tests: tuple[PartitionTest, ...]
    message: str


@dataclass(frozen=True, slots=True)
class CheckDefault:
    """The rows of the default partition must still pass: (table, its tests, columns of a complete row)."""

    leaves: tuple[tuple[Table, tuple[PartitionTest, ...], tuple[OutputColumn, ...]], ...]
    message: str


@dataclass(frozen=True, slots=True)
class DropConstraint:
    constraint: Constraint
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceConstraint:
    """ALTER CONSTRAINT and VALIDATE CONSTRAINT (`validate`): the constraint as it will be."""

    constraint: Constraint
    validate: bool = False
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class SetTableOptions:
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SetOwner:
    role_oid: int


@dataclass(frozen=True, slots=True)
class SetRowSecurity:
    """ENABLE, DISABLE, FORCE and NO FORCE ROW LEVEL SECURITY; None leaves a switch alone."""

    enabled: bool | None = None
    forced: bool | None = None


@dataclass(frozen=True, slots=True)
class SetRules:
    """ENABLE and DISABLE RULE: the rules as they will be."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class SetTriggers:
    """ENABLE and DISABLE TRIGGER: the triggers as they will be; `keys` are (constraint, place) of those that enforce
    constraints, which get a `letter` too."""

    triggers: tuple[Trigger, ...]
    keys: tuple[tuple[int, int], ...] = ()
    letter: str = "O"


@dataclass(frozen=True, slots=True)
class SetPersistence:
    """SET LOGGED ("p") or SET UNLOGGED ("u")."""

    persistence: str


@dataclass(frozen=True, slots=True)
class SetReplicaIdentity:
    """REPLICA IDENTITY: d (default), n (nothing), f (full), i with an index."""

    identity: str
    index_oid: int = 0


@dataclass(frozen=True, slots=True)
class SetClusterIndex:
    """CLUSTER ON an index; 0: none."""

    index_oid: int


@dataclass(frozen=True, slots=True)
class SetOfType:
    """OF a composite type; 0: NOT OF."""

    type_oid: int


AlterAction: TypeAlias = (
    AddColumn
    | DropColumn
    | AlterColumnType
    | AlterColumnTypes
    | ReplaceColumn
    | AddConstraint
    | DropConstraint
    | ReplaceConstraint
    | ReplaceParts
    | TieParts
    | AddIndexPart
    | CheckPartition
    | CheckDefault
    | SetReplicaIdentity
    | SetClusterIndex
    | SetOfType
    | SetRowSecurity
    | SetRules
    | SetTriggers
    | SetTableOptions
    | SetOwner
    | SetPersistence
)


@dataclass(frozen=True, slots=True)
class AlterTable:
    """ALTER TABLE with its actions in order. `row_columns` stand for the table's attributes, one for each number that
    exists before or comes with the statement. `notices` are (message, SQLSTATE)."""

    table: Table
    actions: tuple[AlterAction, ...]
    row_columns: tuple[OutputColumn, ...]
    notices: tuple[tuple[str, str], ...] = ()
    tag: str = "ALTER TABLE"
    below: tuple[AlterTable, ...] = ()
    """What follows in tables that inherit from it."""
