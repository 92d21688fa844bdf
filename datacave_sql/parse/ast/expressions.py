"""Expressions: constants, references, operators, calls and the special forms of PostgreSQL 15's a_expr.

Forms that PostgreSQL's own grammar lowers to calls are calls here too, with a name qualified by pg_catalog and
`sql_syntax` set: EXTRACT, POSITION, SUBSTRING, OVERLAY, TRIM, NORMALIZE, IS NORMALIZED, AT TIME ZONE, OVERLAPS,
COLLATION FOR. Typed constants (`date '2024-01-01'`) are casts of string constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datacave_sql.parse.ast.node import Expression, Node, QualifiedName, Statement
from datacave_sql.parse.ast.typename import TypeName

# --- constants -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IntegerLiteral(Expression):
    """An integer of any size; a minus sign before it is already folded in. int4, int8 or numeric by its value."""

    value: int


@dataclass(frozen=True, slots=True)
class DecimalLiteral(Expression):
    """A number with a point or an exponent, as written (with a folded minus sign): numeric."""

    text: str


@dataclass(frozen=True, slots=True)
class StringLiteral(Expression):
    """A string constant of type unknown, escapes already resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class BitStringLiteral(Expression):
    """`B'101'` or `X'1F'`; digits as written, not yet checked."""

    digits: str
    hexadecimal: bool


@dataclass(frozen=True, slots=True)
class BooleanLiteral(Expression):
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class NullLiteral(Expression):
    """NULL."""


@dataclass(frozen=True, slots=True)
class DefaultMarker(Expression):
    """DEFAULT where a value may stand: VALUES rows and assignments. An error anywhere else."""


@dataclass(frozen=True, slots=True)
class Parameter(Expression):
    """`$n`, counted from 1."""

    number: int


# --- references ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ColumnRef(Expression):
    """`a`, `t.a`, `s.t.a`; with `star`, `*` (no parts) or `t.*`. The binder tells column, table and field apart."""

    parts: QualifiedName
    star: bool = False


@dataclass(frozen=True, slots=True)
class FieldSelection(Expression):
    """`(expr).field`, also after a subscript."""

    operand: Expression
    field: str


@dataclass(frozen=True, slots=True)
class FieldStar(Expression):
    """`(expr).*`; only in a select list, RETURNING, or as a whole-row argument."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    """One `[...]`: `[i]` has only `upper`; `[l:u]` is a slice with either side optional."""

    is_slice: bool
    lower: Expression | None
    upper: Expression | None


@dataclass(frozen=True, slots=True)
class SubscriptedExpression(Expression):
    """`a[1][2]`: all adjacent subscripts together, because they address one element."""

    operand: Expression
    subscripts: tuple[Subscript, ...]


# --- operators -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnaryOperation(Expression):
    """A prefix operator; `schema` is set by OPERATOR(schema.op)."""

    operator: str
    operand: Expression
    schema: QualifiedName = ()


@dataclass(frozen=True, slots=True)
class BinaryOperation(Expression):
    """An infix operator; `!=` reads `<>`. Position is that of the operator."""

    operator: str
    left: Expression
    right: Expression
    schema: QualifiedName = ()


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """NOT."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class And(Expression):
    """Two or more operands of one unparenthesised chain, in order."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Expression):
    """Two or more operands of one unparenthesised chain, in order."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class IsNull(Expression):
    """IS [NOT] NULL, ISNULL, NOTNULL."""

    operand: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class BooleanTest(Expression):
    """IS [NOT] TRUE, FALSE, UNKNOWN."""

    operand: Expression
    test: Literal["true", "false", "unknown"]
    negated: bool


@dataclass(frozen=True, slots=True)
class DistinctFrom(Expression):
    """IS [NOT] DISTINCT FROM."""

    left: Expression
    right: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Between(Expression):
    """[NOT] BETWEEN [SYMMETRIC] low AND high."""

    operand: Expression
    low: Expression
    high: Expression
    symmetric: bool
    negated: bool


@dataclass(frozen=True, slots=True)
class InList(Expression):
    """[NOT] IN (a, b, ...)."""

    operand: Expression
    items: tuple[Expression, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class InSubquery(Expression):
    """[NOT] IN (query)."""

    operand: Expression
    query: Statement
    negated: bool


@dataclass(frozen=True, slots=True)
class Like(Expression):
    """[NOT] LIKE, ILIKE, SIMILAR TO, with the ESCAPE string where one is written.

    PostgreSQL reads them as the operators ~~, !~~, ~~*, !~~*, ~ and !~; with ESCAPE the pattern goes through
    pg_catalog.like_escape, and for SIMILAR TO always through pg_catalog.similar_to_escape.
    """

    kind: Literal["like", "ilike", "similar"]
    operand: Expression
    pattern: Expression
    escape: Expression | None
    negated: bool


@dataclass(frozen=True, slots=True)
class QuantifiedArray(Expression):
    """`operand op ANY|ALL (array)`; SOME reads ANY, LIKE reads `~~` and so on."""

    operator: str
    schema: QualifiedName
    operand: Expression
    quantifier: Literal["any", "all"]
    array: Expression


@dataclass(frozen=True, slots=True)
class QuantifiedSubquery(Expression):
    """`operand op ANY|ALL (query)`."""

    operator: str
    schema: QualifiedName
    operand: Expression
    quantifier: Literal["any", "all"]
    query: Statement


# --- subqueries and constructors -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exists(Expression):
    """EXISTS (query)."""

    query: Statement


@dataclass(frozen=True, slots=True)
class ScalarSubquery(Expression):
    """`(query)` as a value."""

    query: Statement


@dataclass(frozen=True, slots=True)
class ArraySubquery(Expression):
    """ARRAY(query)."""

    query: Statement


@dataclass(frozen=True, slots=True)
class ArrayLiteral(Expression):
    """ARRAY[...]; an inner bracket without the word ARRAY is an ArrayLiteral too."""

    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class RowExpression(Expression):
    """ROW(...) or, with `explicit` false, `(a, b)`."""

    fields: tuple[Expression, ...]
    explicit: bool


@dataclass(frozen=True, slots=True)
class CaseWhen(Node):
    """WHEN condition THEN result."""

    condition: Expression
    result: Expression


@dataclass(frozen=True, slots=True)
class Case(Expression):
    """CASE; with `operand` the conditions are values compared with it."""

    operand: Expression | None
    whens: tuple[CaseWhen, ...]
    default: Expression | None


@dataclass(frozen=True, slots=True)
class Coalesce(Expression):
    """COALESCE(a, ...)."""

    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class NullIf(Expression):
    """NULLIF(a, b)."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class MinMax(Expression):
    """GREATEST(a, ...) or LEAST(a, ...)."""

    kind: Literal["greatest", "least"]
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Cast(Expression):
    """CAST(a AS t), a::t, or t 'constant'."""

    operand: Expression
    type_name: TypeName


@dataclass(frozen=True, slots=True)
class Collate(Expression):
    """a COLLATE name."""

    operand: Expression
    collation: QualifiedName


# --- calls -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderItem(Node):
    """One sort key. `nulls_first` is None where nothing is written; `using` holds schema parts and the operator."""

    expression: Expression
    descending: bool = False
    nulls_first: bool | None = None
    using: QualifiedName | None = None


@dataclass(frozen=True, slots=True)
class FrameBound(Node):
    """One end of a window frame; `offset` only for `preceding` and `following`."""

    kind: Literal["unbounded preceding", "preceding", "current row", "following", "unbounded following"]
    offset: Expression | None = None


@dataclass(frozen=True, slots=True)
class WindowFrame(Node):
    """RANGE, ROWS or GROUPS; a frame with one bound ends at the current row."""

    mode: Literal["range", "rows", "groups"]
    start: FrameBound
    end: FrameBound
    exclusion: Literal["", "current row", "group", "ties"] = ""


@dataclass(frozen=True, slots=True)
class WindowDefinition(Node):
    """A window: in WINDOW, `name` is what it defines; `OVER w` has only `name`; `OVER (w ...)` has `reference`."""

    name: str | None = None
    reference: str | None = None
    partition_by: tuple[Expression, ...] = ()
    order_by: tuple[OrderItem, ...] = ()
    frame: WindowFrame | None = None


@dataclass(frozen=True, slots=True)
class NamedArgument(Expression):
    """`name => value` or `name := value` inside a call."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class FunctionCall(Expression):
    """A function, aggregate or window function call.

    `star` is `f(*)`; `variadic` marks the last argument. In `f(..) WITHIN GROUP (ORDER BY ..)` the sort keys are in
    `order_by` and `within_group` is set. `sql_syntax` marks a call written in SQL's own words (EXTRACT and so on).
    """

    name: QualifiedName
    arguments: tuple[Expression, ...] = ()
    star: bool = False
    distinct: bool = False
    variadic: bool = False
    order_by: tuple[OrderItem, ...] = ()
    within_group: bool = False
    filter: Expression | None = None
    over: WindowDefinition | None = None
    sql_syntax: bool = False


@dataclass(frozen=True, slots=True)
class SqlValueFunction(Expression):
    """A function without parentheses: the word names it. `precision` for the time functions, where written."""

    name: Literal[
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "current_role",
        "current_user",
        "user",
        "session_user",
        "current_catalog",
        "current_schema",
    ]
    precision: int | None = None


@dataclass(frozen=True, slots=True)
class GroupingCall(Expression):
    """GROUPING(a, ...)."""

    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class CurrentOf(Expression):
    """WHERE CURRENT OF cursor; the whole condition."""

    cursor: str


@dataclass(frozen=True, slots=True)
class UnsupportedExpression(Expression):
    """A form that PostgreSQL has and Datacave does not (XML); the binder answers 0A000 and names `feature`."""

    feature: str
    column_name: str
