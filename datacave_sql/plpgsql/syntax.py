"""Syntax: the tree of a PL/pgSQL function. Lines count from 1 in the body; SQL is kept as text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL: an expression, a query or a statement. `start` is its offset in the body."""

    text: str
    start: int
    line: int
    whole: bool = False
    """Whether it is a statement, not an expression."""


@dataclass(frozen=True, slots=True)
class TypeText:
    """A type as written: a type name, name%TYPE, name%ROWTYPE, RECORD."""

    text: str
    start: int
    reference: tuple[str, ...] = ()
    kind: str = ""
    """"type" or "rowtype" where `reference` is followed by that."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an assignment changes: a name, fields, and subscripts; `text` is all of it."""

    names: tuple[str, ...]
    subscripted: bool
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Into:
    """INTO: one record or several scalars."""

    targets: tuple[Target, ...]
    strict: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in line `line`."""

    line: int


@dataclass(frozen=True, slots=True)
class Variable:
    """name [CONSTANT] type [NOT NULL] [:= value]"""

    line: int
    name: str
    type: TypeText
    constant: bool
    not_null: bool
    default: Sql | None


@dataclass(frozen=True, slots=True)
class Alias:
    """name ALIAS FOR other"""

    line: int
    name: str
    other: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """name [[NO] SCROLL] CURSOR [(arguments)] FOR query"""

    line: int
    name: str
    arguments: tuple[tuple[str, TypeText], ...]
    query: Sql
    scroll: bool | None


@dataclass(frozen=True, slots=True)
class Handler:
    """WHEN conditions THEN statements; conditions are SQLSTATEs of five characters, classes ending in 000, OTHERS."""

    line: int
    conditions: tuple[str, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Block(Statement):
    label: str | None
    declarations: tuple[Variable | Alias | Cursor, ...]
    body: tuple[Statement, ...]
    handlers: tuple[Handler, ...] | None


@dataclass(frozen=True, slots=True)
class Assign(Statement):
    target: Target
    value: Sql


@dataclass(frozen=True, slots=True)
class If(Statement):
    branches: tuple[tuple[Sql, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Case(Statement):
    operand: Sql | None
    branches: tuple[tuple[Sql, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] | None


@dataclass(frozen=True, slots=True)
class Loop(Statement):
    label: str | None
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class While(Statement):
    label: str | None
    condition: Sql
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class ForInteger(Statement):
    label: str | None
    name: str
    low: Sql
    high: Sql
    step: Sql | None
    reverse: bool
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class ForQuery(Statement):
    """FOR targets IN query, or IN EXECUTE `dynamic` USING."""

    label: str | None
    targets: tuple[Target, ...]
    query: Sql | None
    dynamic: Sql | None
    using: tuple[Sql, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class ForCursor(Statement):
    label: str | None
    name: str
    cursor: str
    arguments: Sql | None
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class ForEach(Statement):
    label: str | None
    targets: tuple[Target, ...]
    slice: int
    array: Sql
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Exit(Statement):
    """EXIT or CONTINUE."""

    leaves: bool
    label: str | None
    condition: Sql | None


@dataclass(frozen=True, slots=True)
class Return(Statement):
    value: Sql | None


@dataclass(frozen=True, slots=True)
class ReturnNext(Statement):
    value: Sql | None


@dataclass(frozen=True, slots=True)
class ReturnQuery(Statement):
    query: Sql | None
    dynamic: Sql | None
    using: tuple[Sql, ...]


@dataclass(frozen=True, slots=True)
class Raise(Statement):
    """`level` "" is EXCEPTION; `condition` a name or SQLSTATE; without anything it raises again."""

    level: str
    condition: str | None
    message: str | None
    parameters: tuple[Sql, ...]
    options: tuple[tuple[str, Sql], ...]
    again: bool
    name: str | None = None
    """The condition as written."""


@dataclass(frozen=True, slots=True)
class Assert(Statement):
    condition: Sql
    message: Sql | None


@dataclass(frozen=True, slots=True)
class Perform(Statement):
    query: Sql


@dataclass(frozen=True, slots=True)
class Execute(Statement):
    query: Sql
    into: Into | None
    using: tuple[Sql, ...]


@dataclass(frozen=True, slots=True)
class SqlStatement(Statement):
    sql: Sql
    into: Into | None


@dataclass(frozen=True, slots=True)
class Call(Statement):
    sql: Sql


@dataclass(frozen=True, slots=True)
class GetDiagnostics(Statement):
    stacked: bool
    items: tuple[tuple[Target, str], ...]


@dataclass(frozen=True, slots=True)
class Open(Statement):
    cursor: str
    scroll: bool | None
    query: Sql | None
    dynamic: Sql | None
    using: tuple[Sql, ...]
    arguments: Sql | None


@dataclass(frozen=True, slots=True)
class Fetch(Statement):
    """`direction` is forward, backward, absolute, relative; `count` an expression, None: `number` (None: all)."""

    cursor: str
    direction: str
    count: Sql | None
    number: int | None
    into: Into | None


@dataclass(frozen=True, slots=True)
class Close(Statement):
    cursor: str


@dataclass(frozen=True, slots=True)
class Null(Statement):
    pass


@dataclass(frozen=True, slots=True)
class EndTransaction(Statement):
    """COMMIT or ROLLBACK."""

    commits: bool
    chain: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A whole body. `conflict` is what #variable_conflict says, or ""."""

    block: Block
    conflict: str = ""
    strict_parameters: bool | None = None
