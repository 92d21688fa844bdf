"""Queries: a body (Select, Values, SetOperation) inside a Query that holds what may follow any body.

`SELECT 1 UNION SELECT 2 ORDER BY 1` is one Query whose body is a SetOperation of two Queries with bare tails;
parentheses round an operand let that operand have a tail of its own. `TABLE t` is `SELECT * FROM t`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.expressions import OrderItem, WindowDefinition
from datacave_sql.parse.ast.node import Expression, Node, QualifiedName, Statement
from datacave_sql.parse.ast.typename import TypeName

# --- FROM ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alias(Node):
    """AS name (columns)."""

    name: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableSample(Node):
    """TABLESAMPLE method (arguments) REPEATABLE (seed)."""

    method: QualifiedName
    arguments: tuple[Expression, ...]
    repeatable: Expression | None


@dataclass(frozen=True, slots=True)
class SystemTime(Node):
    """FOR SYSTEM_TIME: `as of` has `start` only, `between` includes `end`, `from` excludes it, `all` has neither."""

    kind: Literal["as of", "between", "from", "all"]
    start: Expression | None = None
    end: Expression | None = None


@dataclass(frozen=True, slots=True)
class FromItem(Node):
    """One member of FROM, or one side of a join."""


@dataclass(frozen=True, slots=True)
class TableRef(FromItem):
    """A table, view or common table by name. `only` leaves children out; position is that of the name."""

    name: QualifiedName
    alias: Alias | None = None
    only: bool = False
    sample: TableSample | None = None
    system_time: SystemTime | None = None


@dataclass(frozen=True, slots=True)
class SubqueryRef(FromItem):
    """(query) AS alias; PostgreSQL 15 demands the alias, so the parser does."""

    query: Query
    alias: Alias
    lateral: bool = False


@dataclass(frozen=True, slots=True)
class ColumnDefinitionItem(Node):
    """`name type [COLLATE c]` of a column definition list: `AS t(a int, b text)`."""

    name: str
    type_name: TypeName
    collation: QualifiedName | None = None


@dataclass(frozen=True, slots=True)
class TableFunction(Node):
    """One function of a FunctionRef; `columns` is its own list inside ROWS FROM."""

    call: Expression
    columns: tuple[ColumnDefinitionItem, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionRef(FromItem):
    """f(..) or ROWS FROM (f(..), ...) in FROM. `columns` is the definition list after the alias."""

    functions: tuple[TableFunction, ...]
    alias: Alias | None = None
    columns: tuple[ColumnDefinitionItem, ...] = ()
    lateral: bool = False
    ordinality: bool = False
    rows_from: bool = False


@dataclass(frozen=True, slots=True)
class Join(FromItem):
    """A join; `cross` has no condition. `using_alias` is JOIN .. USING (..) AS name; `alias` is (a JOIN b ..) AS x."""

    kind: Literal["inner", "left", "right", "full", "cross"]
    left: FromItem
    right: FromItem
    on: Expression | None = None
    using: tuple[str, ...] = ()
    natural: bool = False
    using_alias: str | None = None
    alias: Alias | None = None


@dataclass(frozen=True, slots=True)
class UnsupportedFromItem(FromItem):
    """A form that PostgreSQL has and Datacave does not (XMLTABLE); the binder answers 0A000."""

    feature: str


# --- SELECT ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target(Node):
    """One member of a select list or RETURNING; without `alias`, see `figure_column_name`."""

    expression: Expression
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class GroupingSet(Expression):
    """A member of GROUP BY: `()`, ROLLUP (..), CUBE (..), GROUPING SETS (..). An item may be a RowExpression."""

    kind: Literal["empty", "rollup", "cube", "sets"]
    items: tuple[Expression, ...] = ()


Persistence = Literal["permanent", "temporary", "unlogged"]


@dataclass(frozen=True, slots=True)
class StorageOption(Node):
    """One `[namespace.]name [= value]`; value None where none is written, text as written otherwise."""

    name: str
    value: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class IntoTable(Node):
    """The table that SELECT INTO or CREATE TABLE AS makes."""

    name: QualifiedName
    columns: tuple[str, ...] = ()
    persistence: Persistence = "permanent"
    access_method: str | None = None
    options: tuple[StorageOption, ...] = ()
    on_commit: Literal["", "preserve rows", "delete rows", "drop"] = ""
    tablespace: str | None = None


@dataclass(frozen=True, slots=True)
class Select(Node):
    """SELECT up to WINDOW. `distinct_on` implies `distinct`. `as_of` is AS OF SYSTEM TIME, for the whole statement."""

    targets: tuple[Target, ...]
    from_items: tuple[FromItem, ...] = ()
    where: Expression | None = None
    group_by: tuple[Expression, ...] = ()
    group_distinct: bool = False
    having: Expression | None = None
    windows: tuple[WindowDefinition, ...] = ()
    distinct: bool = False
    distinct_on: tuple[Expression, ...] = ()
    into: IntoTable | None = None
    as_of: Expression | None = None


@dataclass(frozen=True, slots=True)
class Values(Node):
    """VALUES (..), (..): at least one row; rows may differ in length, which the binder refuses."""

    rows: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True, slots=True)
class SetOperation(Node):
    """UNION, INTERSECT or EXCEPT of two queries; INTERSECT binds tighter, equals go left to right."""

    operator: Literal["union", "intersect", "except"]
    all: bool
    left: Query
    right: Query


# --- WITH ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SearchClause(Node):
    """SEARCH BREADTH|DEPTH FIRST BY columns SET sequence_column."""

    breadth_first: bool
    columns: tuple[str, ...]
    sequence_column: str


@dataclass(frozen=True, slots=True)
class CycleClause(Node):
    """CYCLE columns SET mark_column [TO value DEFAULT default] USING path_column; values None where not written."""

    columns: tuple[str, ...]
    mark_column: str
    mark_value: Expression | None
    mark_default: Expression | None
    path_column: str


@dataclass(frozen=True, slots=True)
class CommonTable(Node):
    """name (columns) AS [NOT] MATERIALIZED (statement): a Query, Insert, Update or Delete."""

    name: str
    columns: tuple[str, ...]
    statement: Statement
    materialized: bool | None = None
    search: SearchClause | None = None
    cycle: CycleClause | None = None


@dataclass(frozen=True, slots=True)
class WithClause(Node):
    """WITH [RECURSIVE] a AS (..), b AS (..)."""

    recursive: bool
    tables: tuple[CommonTable, ...]


# --- the query -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LockingClause(Node):
    """FOR UPDATE and its kin; no tables means all of them."""

    strength: Literal["update", "no key update", "share", "key share"]
    tables: tuple[QualifiedName, ...] = ()
    wait_policy: Literal["wait", "nowait", "skip locked"] = "wait"


@dataclass(frozen=True, slots=True)
class Query(Statement):
    """A body with WITH before it and ORDER BY, LIMIT, OFFSET, FETCH and locking after it. LIMIT ALL is no limit."""

    body: Select | Values | SetOperation
    with_clause: WithClause | None = None
    order_by: tuple[OrderItem, ...] = ()
    limit: Expression | None = None
    offset: Expression | None = None
    with_ties: bool = False
    locking: tuple[LockingClause, ...] = ()
