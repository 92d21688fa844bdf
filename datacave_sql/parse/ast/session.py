"""Statements about the session: transactions, parameters, prepared statements, cursors, notifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.node import Expression, Node, QualifiedName, Statement
from datacave_sql.parse.ast.select import Query
from datacave_sql.parse.ast.typename import TypeName


@dataclass(frozen=True, slots=True)
class TransactionModes(Node):
    """The modes as written; None where a mode is not written. `as_of` is AS OF SYSTEM TIME."""

    isolation: Literal["read uncommitted", "read committed", "repeatable read", "serializable"] | None = None
    read_only: bool | None = None
    deferrable: bool | None = None
    as_of: Expression | None = None


@dataclass(frozen=True, slots=True)
class Begin(Statement):
    """BEGIN or START TRANSACTION (`start`, which has a command tag of its own)."""

    modes: TransactionModes
    start: bool = False


@dataclass(frozen=True, slots=True)
class Commit(Statement):
    """COMMIT or END."""

    chain: bool = False


@dataclass(frozen=True, slots=True)
class Rollback(Statement):
    """ROLLBACK or ABORT."""

    chain: bool = False


@dataclass(frozen=True, slots=True)
class Savepoint(Statement):
    """SAVEPOINT name."""

    name: str


@dataclass(frozen=True, slots=True)
class ReleaseSavepoint(Statement):
    """RELEASE [SAVEPOINT] name."""

    name: str


@dataclass(frozen=True, slots=True)
class RollbackTo(Statement):
    """ROLLBACK TO [SAVEPOINT] name."""

    name: str


@dataclass(frozen=True, slots=True)
class PreparedTransaction(Statement):
    """PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED with the global id."""

    action: Literal["prepare", "commit", "rollback"]
    gid: str


@dataclass(frozen=True, slots=True)
class SetConstraints(Statement):
    """SET CONSTRAINTS names DEFERRED|IMMEDIATE; no names means ALL."""

    names: tuple[QualifiedName, ...]
    deferred: bool


SettingValue = str | int | float


@dataclass(frozen=True, slots=True)
class SetParameter(Statement):
    """SET [LOCAL] name = values. No values means DEFAULT; `from_current` is FROM CURRENT (ALTER .. SET only).

    Numbers arrive as numbers, words and strings as text, ON and TRUE as "on" and "true". The special forms arrive
    under PostgreSQL's own parameter names: TIME ZONE as "timezone", NAMES as "client_encoding", ROLE as "role" (NONE as
    "none"), SESSION AUTHORIZATION as "session_authorization", SCHEMA as "search_path", XML OPTION as "xmloption".
    SET TIME ZONE INTERVAL .. has the text in `interval`.
    """

    name: str
    values: tuple[SettingValue, ...] = ()
    local: bool = False
    from_current: bool = False
    interval: Expression | None = None


@dataclass(frozen=True, slots=True)
class SetTransaction(Statement):
    """SET TRANSACTION modes, or SET SESSION CHARACTERISTICS AS TRANSACTION modes (`session`)."""

    modes: TransactionModes
    session: bool = False
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class ResetParameter(Statement):
    """RESET name; None is RESET ALL."""

    name: str | None


@dataclass(frozen=True, slots=True)
class ShowParameter(Statement):
    """SHOW name; None is SHOW ALL."""

    name: str | None


@dataclass(frozen=True, slots=True)
class AlterSettings(Statement):
    """ALTER ROLE|DATABASE|SYSTEM .. SET|RESET; `role` and `database` None where not written ("all" roles too)."""

    scope: Literal["role", "database", "system"]
    setting: SetParameter | ResetParameter
    role: str | None = None
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Prepare(Statement):
    """PREPARE name (types) AS statement; `text_start` and `text_end` slice the inner statement out of the text."""

    name: str
    types: tuple[TypeName, ...]
    statement: Statement
    text_start: int
    text_end: int


@dataclass(frozen=True, slots=True)
class Execute(Statement):
    """EXECUTE name (arguments)."""

    name: str
    arguments: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Deallocate(Statement):
    """DEALLOCATE name; None is ALL."""

    name: str | None


@dataclass(frozen=True, slots=True)
class DeclareCursor(Statement):
    """DECLARE name CURSOR. `scroll` is None where neither SCROLL nor NO SCROLL is written."""

    name: str
    query: Query
    binary: bool = False
    scroll: bool | None = None
    insensitive: bool | None = None
    hold: bool = False


@dataclass(frozen=True, slots=True)
class FetchCursor(Statement):
    """FETCH or MOVE (`move`). `count` None is ALL.

    NEXT, PRIOR, FORWARD n, BACKWARD n come as forward and backward with a count; FIRST, LAST and ABSOLUTE as absolute
    with 1, -1 and n.
    """

    cursor: str
    direction: Literal["forward", "backward", "absolute", "relative"]
    count: int | None
    move: bool = False


@dataclass(frozen=True, slots=True)
class CloseCursor(Statement):
    """CLOSE name; None is ALL."""

    name: str | None


@dataclass(frozen=True, slots=True)
class Discard(Statement):
    """DISCARD ALL, PLANS, SEQUENCES, TEMP."""

    target: Literal["all", "plans", "sequences", "temp"]


@dataclass(frozen=True, slots=True)
class Listen(Statement):
    """LISTEN channel."""

    channel: str


@dataclass(frozen=True, slots=True)
class Unlisten(Statement):
    """UNLISTEN channel; None is *."""

    channel: str | None


@dataclass(frozen=True, slots=True)
class Notify(Statement):
    """NOTIFY channel, payload."""

    channel: str
    payload: str = ""
