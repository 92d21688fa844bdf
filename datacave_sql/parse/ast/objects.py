"""Statements about every other kind of object: schemas, views, sequences, types, roles, functions, privileges, DROP.

`ObjectKind` names a kind as PostgreSQL's messages do: "table", "view", "materialized view", "foreign table".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.constraints import Constraint, SequenceOption
from datacave_sql.parse.ast.node import Expression, Node, QualifiedName, Statement
from datacave_sql.parse.ast.select import ColumnDefinitionItem, FromItem, Persistence, Query, StorageOption
from datacave_sql.parse.ast.typename import TypeName

ObjectKind = str


@dataclass(frozen=True, slots=True)
class CreateSchema(Statement):
    """CREATE SCHEMA name [AUTHORIZATION role] elements; the name may come from the role."""

    name: str | None
    authorization: str | None = None
    if_not_exists: bool = False
    elements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateView(Statement):
    """CREATE VIEW; a RECURSIVE view arrives already rewritten as WITH RECURSIVE."""

    name: QualifiedName
    query: Query
    columns: tuple[str, ...] = ()
    or_replace: bool = False
    persistence: Persistence = "permanent"
    options: tuple[StorageOption, ...] = ()
    check_option: Literal["", "local", "cascaded"] = ""


@dataclass(frozen=True, slots=True)
class RefreshMaterializedView(Statement):
    """REFRESH MATERIALIZED VIEW."""

    name: QualifiedName
    concurrently: bool = False
    with_data: bool = True


@dataclass(frozen=True, slots=True)
class CreateSequence(Statement):
    """CREATE SEQUENCE."""

    name: QualifiedName
    options: tuple[SequenceOption, ...] = ()
    persistence: Persistence = "permanent"
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class AlterSequence(Statement):
    """ALTER SEQUENCE with sequence options; other forms are AlterTable, Rename, SetSchema."""

    name: QualifiedName
    options: tuple[SequenceOption, ...]
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateEnumType(Statement):
    """CREATE TYPE name AS ENUM (labels)."""

    name: QualifiedName
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlterEnumType(Statement):
    """ALTER TYPE name ADD VALUE new [BEFORE|AFTER neighbour], or RENAME VALUE old TO new."""

    name: QualifiedName
    new_label: str
    old_label: str | None = None
    neighbour: str | None = None
    after: bool = True
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateCompositeType(Statement):
    """CREATE TYPE name AS (attributes)."""

    name: QualifiedName
    attributes: tuple[ColumnDefinitionItem, ...]


@dataclass(frozen=True, slots=True)
class CreateDomain(Statement):
    """CREATE DOMAIN."""

    name: QualifiedName
    type_name: TypeName
    collation: QualifiedName | None = None
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class AlterDomain(Statement):
    """ALTER DOMAIN with the action's words and what belongs to it."""

    name: QualifiedName
    action: Literal[
        "set default", "drop default", "set not null", "drop not null", "add constraint", "drop constraint", "validate"
    ]
    expression: Expression | None = None
    constraint: Constraint | None = None
    constraint_name: str | None = None
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class Option(Node):
    """A named option: `name` in lower case, value as text, integer, boolean, list of names, SET statement, or None."""

    name: str
    value: str | int | bool | tuple[str, ...] | Statement | None = None


@dataclass(frozen=True, slots=True)
class CreateDatabase(Statement):
    """CREATE DATABASE name options."""

    name: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class AlterDatabase(Statement):
    """ALTER DATABASE name options; SET and RESET are AlterSettings."""

    name: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class DropDatabase(Statement):
    """DROP DATABASE."""

    name: str
    if_exists: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class CreateRole(Statement):
    """CREATE ROLE, USER or GROUP.

    Options: superuser, createdb, createrole, inherit, login, replication, bypassrls (bool); connection limit (int);
    password (text or None); valid until (text); in role, role, admin (names); sysid (int); encrypted (refused later).
    """

    name: str
    kind: Literal["role", "user", "group"]
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class AlterRole(Statement):
    """ALTER ROLE name options, or ALTER GROUP name ADD|DROP USER names."""

    name: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class DropRole(Statement):
    """DROP ROLE, USER or GROUP."""

    names: tuple[str, ...]
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreatePolicy(Statement):
    """CREATE POLICY; command all, select, insert, update or delete."""

    name: str
    table: QualifiedName
    permissive: bool = True
    command: str = "all"
    roles: tuple[str, ...] = ("public",)
    using: Expression | None = None
    check: Expression | None = None


@dataclass(frozen=True, slots=True)
class AlterPolicy(Statement):
    """ALTER POLICY; what is not written stays."""

    name: str
    table: QualifiedName
    roles: tuple[str, ...] = ()
    using: Expression | None = None
    check: Expression | None = None


@dataclass(frozen=True, slots=True)
class CreateStatistics(Statement):
    """CREATE STATISTICS name (kinds) ON elements FROM items."""

    name: QualifiedName
    kinds: tuple[str, ...]
    elements: tuple[Expression, ...]
    from_items: tuple[FromItem, ...]
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class AlterStatistics(Statement):
    """ALTER STATISTICS name SET STATISTICS target."""

    name: QualifiedName
    target: int
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropOwned(Statement):
    """DROP OWNED BY roles."""

    roles: tuple[str, ...]
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class ReassignOwned(Statement):
    """REASSIGN OWNED BY roles TO role."""

    roles: tuple[str, ...]
    new_role: str


@dataclass(frozen=True, slots=True)
class CreateExtension(Statement):
    """CREATE EXTENSION; options schema, version (text), cascade (True)."""

    name: str
    if_not_exists: bool = False
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionParameter(Node):
    """One parameter of a routine."""

    mode: Literal["in", "out", "inout", "variadic", "table", "default"]
    name: str | None
    type_name: TypeName
    default: Expression | None = None


@dataclass(frozen=True, slots=True)
class CreateFunction(Statement):
    """CREATE FUNCTION or PROCEDURE. Options in order: language, as (one or two texts), volatility, strict and so on.

    `body` holds the text of the AS clause, or that of a SQL-standard body: `sql_body` ("return", "atomic") says so and
    `statements` are its statements, RETURN as a query of one value.
    """

    name: QualifiedName
    procedure: bool
    parameters: tuple[FunctionParameter, ...] = ()
    returns: TypeName | None = None
    returns_table: bool = False
    or_replace: bool = False
    language: str | None = None
    body: str | None = None
    sql_body: str = ""
    options: tuple[Option, ...] = ()
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class AlterFunction(Statement):
    """ALTER FUNCTION, PROCEDURE or ROUTINE with options as those of CREATE FUNCTION; "reset" names a parameter."""

    kind: ObjectKind
    signature: RoutineSignature
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateTrigger(Statement):
    """CREATE TRIGGER; `events` are insert, delete, update, truncate, with the columns of UPDATE OF."""

    name: str
    table: QualifiedName
    function: QualifiedName
    timing: Literal["before", "after", "instead of"]
    events: tuple[tuple[str, tuple[str, ...]], ...]
    for_each_row: bool = False
    when: Expression | None = None
    arguments: tuple[str, ...] = ()
    constraint: bool = False
    or_replace: bool = False
    referenced: QualifiedName | None = None
    deferral: tuple[bool, bool] = (False, False)
    """DEFERRABLE, INITIALLY DEFERRED."""
    transitions: tuple[tuple[str, str, str], ...] = ()
    """REFERENCING: (old or new, table or row, name)."""


@dataclass(frozen=True, slots=True)
class CreateRule(Statement):
    """CREATE RULE; without actions it does NOTHING. `table_position` is where the table is named."""

    name: str
    event: Literal["select", "insert", "update", "delete"]
    table: QualifiedName
    table_position: int
    condition: Expression | None
    instead: bool
    actions: tuple[Statement, ...]
    or_replace: bool = False


@dataclass(frozen=True, slots=True)
class RoutineSignature(Node):
    """A function, procedure or aggregate in DROP, COMMENT, GRANT: name and argument types, None where not written."""

    name: QualifiedName
    arguments: tuple[TypeName, ...] | None


@dataclass(frozen=True, slots=True)
class Drop(Statement):
    """DROP kind names. `names` for plain objects; `signatures` for routines; `on_table` for triggers, rules, policies.

    Casts, operators, operator classes and transforms come with no names; the binder refuses them.
    """

    kind: ObjectKind
    names: tuple[QualifiedName, ...] = ()
    signatures: tuple[RoutineSignature, ...] = ()
    on_table: QualifiedName | None = None
    if_exists: bool = False
    cascade: bool = False
    concurrently: bool = False
    method: str = ""  # the access method of an operator class or family


@dataclass(frozen=True, slots=True)
class Rename(Statement):
    """ALTER kind name RENAME TO new; with `member` a column, constraint, attribute, trigger, rule or policy of it.

    `member_kind` is "column", "constraint", "attribute", "trigger", "rule", "policy" or "".
    """

    kind: ObjectKind
    name: QualifiedName
    new_name: str
    member_kind: str = ""
    member: str | None = None
    if_exists: bool = False
    cascade: bool = False
    signature: RoutineSignature | None = None
    only: bool = False
    method: str = ""  # the access method of an operator class or family


@dataclass(frozen=True, slots=True)
class SetSchema(Statement):
    """ALTER kind name SET SCHEMA schema."""

    kind: ObjectKind
    name: QualifiedName
    schema: str
    if_exists: bool = False
    signature: RoutineSignature | None = None
    method: str = ""  # the access method of an operator class or family


@dataclass(frozen=True, slots=True)
class ChangeOwner(Statement):
    """ALTER kind name OWNER TO role, for kinds other than tables."""

    kind: ObjectKind
    name: QualifiedName
    role: str
    signature: RoutineSignature | None = None
    method: str = ""  # the access method of an operator class or family


@dataclass(frozen=True, slots=True)
class Comment(Statement):
    """COMMENT ON kind name IS text; None removes it. `member` is the column's relation member or the constraint."""

    kind: ObjectKind
    name: QualifiedName
    text: str | None
    on_table: QualifiedName | None = None
    signature: RoutineSignature | None = None
    method: str = ""  # the access method of an operator class or family
    operands: tuple[TypeName | None, TypeName | None] = (None, None)  # of an operator; of a cast, from and to


@dataclass(frozen=True, slots=True)
class Privilege(Node):
    """One privilege with its column list; the name in lower case."""

    name: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant(Statement):
    """GRANT or REVOKE on objects. No `privileges` means ALL. `all_in_schema`: the names are schemas."""

    revoke: bool
    privileges: tuple[Privilege, ...]
    kind: ObjectKind
    names: tuple[QualifiedName, ...]
    grantees: tuple[str, ...]
    signatures: tuple[RoutineSignature, ...] = ()
    all_in_schema: bool = False
    grant_option: bool = False
    cascade: bool = False
    granted_by: str | None = None


@dataclass(frozen=True, slots=True)
class GrantRole(Statement):
    """GRANT roles TO members, or REVOKE roles FROM members."""

    revoke: bool
    roles: tuple[str, ...]
    members: tuple[str, ...]
    admin_option: bool = False
    cascade: bool = False
    granted_by: str | None = None


@dataclass(frozen=True, slots=True)
class AlterDefaultPrivileges(Statement):
    """ALTER DEFAULT PRIVILEGES [FOR ROLE ..] [IN SCHEMA ..] grant; the grant has a plural kind and no names."""

    roles: tuple[str, ...]
    schemas: tuple[str, ...]
    grant: Grant


@dataclass(frozen=True, slots=True)
class RecognisedStatement(Statement):
    """A statement that PostgreSQL parses and Datacave has no node for; `tag` is its command tag, for the 0A000."""

    tag: str
