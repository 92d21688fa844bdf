"""The objects of the catalog: frozen values that the SQL layer binds against.

References between objects are oids, names appear once, so that renaming one object rewrites one record. Single-letter
codes are PostgreSQL's own (`relkind`, `contype`, `typtype`, ...). Every field that was added after the first release
has a default, because older records lack it (see record.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datacave_core.catalog.triggers import Trigger


@dataclass(frozen=True, slots=True)
class Grant:
    """Privileges on one object: `privileges` and the subset `grantable` are letters as in PostgreSQL's aclitem."""

    grantee_oid: int  # 0 is PUBLIC
    grantor_oid: int
    privileges: str
    grantable: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `number` counts from 1 and is the slot of the row tuple plus one; slots are never reused."""

    number: int
    name: str
    type_oid: int
    typmod: int = -1
    not_null: bool = False
    default: str | None = None  # SQL text; of a generated column, its expression
    generated: str = ""  # "" or "s" (stored)
    identity: str = ""  # "", "a" (always), "d" (by default)
    dropped: bool = False
    missing: Any = None  # SQL value of rows written before the column was added
    added: int = 0  # a number that grows with every column added so, without writing the rows again
    collation: int = 0
    privileges: tuple[Grant, ...] = ()
    inherit_count: int = 0  # parents that have it
    is_local: bool = True  # declared for this table, whether or not a parent has it too
    storage: str = ""  # "" (the type's), "p", "e", "x", "m"
    compression: str = ""  # "", "p" (pglz), "l" (lz4)
    statistics_target: int = -1
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class IndexKey:
    """One key column of an index: a column number, or 0 and an expression as SQL text."""

    column: int
    expression: str | None = None
    descending: bool = False
    nulls_first: bool = False
    type_oid: int = 0  # of an expression; 0: the column's
    collation: int = 0
    operator_class: str = ""  # "": the default one of the type
    statistics_target: int = -1  # of an expression


@dataclass(frozen=True, slots=True)
class Index:
    """An index. Number 0 is the table itself: its keys are then the keys of the rows (a clustered primary key)."""

    oid: int
    index_number: int
    name: str
    keys: tuple[IndexKey, ...]
    unique: bool = False
    primary: bool = False
    nulls_not_distinct: bool = False
    predicate: str | None = None
    included: tuple[int, ...] = ()  # column numbers
    constraint_oid: int = 0
    method: str = "btree"
    valid: bool = True
    options: tuple[tuple[str, str], ...] = ()
    deferrable: bool = False  # entries may repeat until the constraint is checked
    exclusion: tuple[str, ...] = ()  # of an exclusion constraint, the operator of each key
    parent_oid: int = 0  # of a partition's index: the index of the partitioned table that it is a part of


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint of a table: kind c (check), u (unique), p (primary key), f (foreign key)."""

    oid: int
    name: str
    kind: str
    columns: tuple[int, ...] = ()
    expression: str | None = None  # of a check
    index_oid: int = 0  # of a unique or primary key; of a foreign key, the unique index it refers to
    referenced_table_oid: int = 0
    referenced_columns: tuple[int, ...] = ()
    on_update: str = "a"  # a no action, r restrict, c cascade, n set null, d set default
    on_delete: str = "a"
    delete_set_columns: tuple[int, ...] = ()
    match: str = "s"  # s simple, f full
    deferrable: bool = False
    initially_deferred: bool = False
    validated: bool = True
    no_inherit: bool = False
    inherit_count: int = 0
    is_local: bool = True
    parent_oid: int = 0  # of a partition's constraint: the constraint of the partitioned table that it is a part of


@dataclass(frozen=True, slots=True)
class PartitionKeyPart:
    """One column of a partition key: a column number, or 0 and an expression as SQL text."""

    column: int
    expression: str | None = None
    type_oid: int = 0
    collation: int = 0
    operator_class: str = ""  # as written; "" is the default one


@dataclass(frozen=True, slots=True)
class PartitionKey:
    """PARTITION BY: strategy r (range), l (list), h (hash)."""

    strategy: str
    parts: tuple[PartitionKeyPart, ...]


@dataclass(frozen=True, slots=True)
class PartitionBound:
    """What a partition holds: kind d (default), l, r or h. Values are texts in the form their types print them.

    `values` of a list, None for NULL. `lower` and `upper` of a range hold (kind, text) by key column: kind v (value),
    - (MINVALUE) or + (MAXVALUE).
    """

    kind: str
    values: tuple[str | None, ...] = ()
    lower: tuple[tuple[str, str], ...] = ()
    upper: tuple[tuple[str, str], ...] = ()
    modulus: int = 0
    remainder: int = 0


@dataclass(frozen=True, slots=True)
class ExtendedStatistics:
    """A statistics object of a table. `kinds` are pg_statistic_ext's letters: d, f, m, and e for expressions."""

    oid: int
    name: str
    schema_oid: int
    owner_oid: int
    kinds: str
    columns: tuple[int, ...] = ()  # column numbers, ascending
    expressions: tuple[str, ...] = ()  # SQL texts
    target: int = -1


@dataclass(frozen=True, slots=True)
class Policy:
    """A row security policy. `command` is one of the letters r, a, w, d, or * for all; roles of () are PUBLIC."""

    oid: int
    name: str
    command: str = "*"
    permissive: bool = True
    role_oids: tuple[int, ...] = ()
    using: str | None = None  # SQL text
    check: str | None = None
    depends_on: tuple[int, ...] = ()  # oids of other relations that the conditions name


@dataclass(frozen=True, slots=True)
class Rule:
    """A rewrite rule of a table or view. `event` is i (INSERT), u (UPDATE) or d (DELETE).

    `enabled` is pg_rewrite's letter: O origin, D disabled, A always, R replica. Without `actions` it does NOTHING.
    """

    oid: int
    name: str
    event: str
    instead: bool = False
    condition: str | None = None  # SQL text over OLD and NEW
    actions: tuple[str, ...] = ()  # SQL texts of statements
    enabled: str = "O"
    depends_on: tuple[int, ...] = ()  # oids of other relations and routines that it names


@dataclass(frozen=True)
class Table:
    """A table, view or other relation with columns.

    `kind` is r (table), v (view), m (materialized view), c (composite type), f (foreign table), p (partitioned).
    `storage_id` is the table id in keys; it changes when the rows are rewritten (TRUNCATE, a changed column type).
    `columns` includes dropped ones: the slot of a row tuple is `column.number - 1`.
    """

    oid: int
    schema_oid: int
    name: str
    columns: tuple[Column, ...]
    kind: str = "r"
    persistence: str = "p"  # p permanent, u unlogged, t temporary
    owner_oid: int = 10
    storage_id: int = 0
    next_index_number: int = 1
    indexes: tuple[Index, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    view_query: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    row_type_oid: int = 0
    row_array_type_oid: int = 0
    privileges: tuple[Grant, ...] = ()
    depends_on: tuple[int, ...] = ()  # oids of relations, types and functions a view query or default names
    columns_read: tuple[tuple[int, int], ...] | None = None  # of a view: (relation, column number); None: any
    populated: bool = True  # of a materialized view
    row_security: bool = False
    force_row_security: bool = False  # for the owner too
    policies: tuple[Policy, ...] = ()
    parents: tuple[int, ...] = ()  # oids of the tables it inherits from, in order
    partition_key: PartitionKey | None = None  # of kind p
    partition_bound: PartitionBound | None = None  # of a partition; its only parent is partitioned
    of_type_oid: int = 0  # of a typed table
    replica_identity: str = "d"  # d default, n nothing, f full, i an index
    replica_index_oid: int = 0
    cluster_index_oid: int = 0  # the index of CLUSTER ON
    rules: tuple[Rule, ...] = ()  # but that of a view, its query
    triggers: tuple[Trigger, ...] = ()
    key_switches: tuple[tuple[int, str], ...] = ()  # by constraint: letters of switched triggers (enforcement.py)
    statistics: tuple[ExtendedStatistics, ...] = ()

    @cached_property
    def live_columns(self) -> tuple[Column, ...]:
        """The columns that have not been dropped, in order."""
        return tuple(column for column in self.columns if not column.dropped)

    @cached_property
    def columns_by_name(self) -> dict[str, Column]:
        """Live columns by name."""
        return {column.name: column for column in self.columns if not column.dropped}

    @cached_property
    def primary_index(self) -> Index | None:
        """The index of the primary key, if there is one."""
        return next((index for index in self.indexes if index.primary), None)

    @cached_property
    def clustered_index(self) -> Index | None:
        """The index whose keys are the keys of the rows; None: rows have a hidden int8 row id as their key."""
        return next((index for index in self.indexes if index.index_number == 0), None)

    @property
    def primary_key(self) -> tuple[int, ...]:
        """Column numbers of the primary key; empty if there is none."""
        index = self.primary_index
        return tuple(key.column for key in index.keys) if index is not None else ()

    def column(self, number: int) -> Column:
        """The column with a number, also a dropped one."""
        return self.columns[number - 1]

    def index(self, oid: int) -> Index:
        """The index with an oid. Raises KeyError."""
        for index in self.indexes:
            if index.oid == oid:
                return index
        raise KeyError(oid)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence's definition; its present value is data, not catalog (table id SEQUENCE_VALUES in record.py)."""

    oid: int
    schema_oid: int
    name: str
    type_oid: int = 20
    start: int = 1
    increment: int = 1
    minimum: int = 1
    maximum: int = 2**63 - 1
    cache: int = 1
    cycle: bool = False
    owner_oid: int = 10
    owned_by_table_oid: int = 0
    owned_by_column: int = 0
    identity: bool = False  # belongs to an identity column, so it cannot be dropped alone
    persistence: str = "p"
    privileges: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    oid: int
    name: str
    owner_oid: int = 10
    database_oid: int = 0  # 0: in every database (pg_catalog, information_schema)
    privileges: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class EnumLabel:
    """A label of an enum; `sort_order` is a float, so that a label can be put between two others."""

    oid: int
    sort_order: float
    label: str


@dataclass(frozen=True, slots=True)
class DomainCheck:
    oid: int
    name: str
    expression: str
    validated: bool = True


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """A type made by a user: kind e (enum), d (domain), c (composite), r (range) or m (multirange).

    Kind b (base) is what an extension brings; `reads` names how its values are read, written and compared.
    `base_type_oid` is the type below a domain, the subtype of a range, the range of a multirange.
    """

    oid: int
    array_oid: int
    schema_oid: int
    name: str
    kind: str
    owner_oid: int = 10
    labels: tuple[EnumLabel, ...] = ()
    base_type_oid: int = 0
    typmod: int = -1
    not_null: bool = False
    default: str | None = None
    checks: tuple[DomainCheck, ...] = ()
    attributes: tuple[Column, ...] = ()
    collation: int = 0
    privileges: tuple[Grant, ...] = ()
    array_name: str = ""
    multirange_oid: int = 0
    subtype_difference_oid: int = 0
    reads: str = ""
    extension_oid: int = 0  # the extension that it belongs to


@dataclass(frozen=True, slots=True)
class Membership:
    """The role that holds this value is a member of `role_oid`."""

    role_oid: int
    grantor_oid: int = 10
    admin_option: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    oid: int
    name: str
    superuser: bool = False
    login: bool = False
    inherit: bool = True
    create_role: bool = False
    create_database: bool = False
    replication: bool = False
    bypass_row_security: bool = False
    connection_limit: int = -1
    password: str | None = None  # a SCRAM-SHA-256 verifier, never a password
    valid_until: int | None = None  # timestamptz
    memberships: tuple[Membership, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    database_settings: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = ()  # by oid of the database


@dataclass(frozen=True, slots=True)
class Database:
    oid: int
    name: str
    owner_oid: int = 10
    connection_limit: int = -1
    allow_connections: bool = True
    template: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    privileges: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Comment:
    """COMMENT ON: `class_oid` is the oid of the system table of the object; `sub_id` a column number or 0."""

    class_oid: int
    object_oid: int
    sub_id: int
    text: str


@dataclass(frozen=True, slots=True)
class SystemPrivileges:
    """What was granted on an object that has no record of its own: a built-in function, type or language."""

    class_oid: int
    object_oid: int
    privileges: tuple[Grant, ...] = ()
    database_oid: int = 0


@dataclass(frozen=True, slots=True)
class DefaultPrivileges:
    """ALTER DEFAULT PRIVILEGES: what new objects of a role get. `schema_oid` 0: in every schema, in place of the
    built-in defaults; else in addition to them."""

    oid: int
    role_oid: int
    schema_oid: int
    kind: str  # table, sequence, function, type, schema
    privileges: tuple[Grant, ...] = ()
    database_oid: int = 0
