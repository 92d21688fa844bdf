"""ExpressionGrammar: operators by precedence climbing over PostgreSQL's own table.

    1 OR | 2 AND | 3 NOT | 4 IS ISNULL NOTNULL | 5 < > = <= >= <> | 6 BETWEEN IN LIKE ILIKE SIMILAR | 9 other operators
    10 + - | 11 * / % | 12 ^ | 13 AT TIME ZONE | 14 COLLATE | 15 unary + - | 18 ::

Levels 5 and 6 do not associate: `a < b < c` is a syntax error. A postfix form (`IS NULL`, `IN (..)`) may be followed by
an operator of any level. The restricted table is PostgreSQL's b_expr, where AND, NOT, LIKE and the like would be
ambiguous: BETWEEN bounds, column defaults, POSITION. Operands are in `primaries.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from datacave_sql.exec.suspension import pause_inside
from datacave_sql.parse.ast import (
    And,
    Between,
    BinaryOperation,
    BooleanTest,
    Cast,
    Collate,
    DecimalLiteral,
    DefaultMarker,
    DistinctFrom,
    Expression,
    FunctionCall,
    InList,
    InSubquery,
    IntegerLiteral,
    IsNull,
    Like,
    Not,
    Or,
    QualifiedName,
    QuantifiedArray,
    QuantifiedSubquery,
    Query,
    StringLiteral,
    UnaryOperation,
    UnsupportedExpression,
)
from datacave_sql.parse.keywords import COLUMN_ID
from datacave_sql.parse.lexer import OP
from datacave_sql.parse.typenames import TypeNameGrammar

_COMPARISONS = ("<", ">", "=", "<=", ">=", "<>")
_ARITHMETIC = {"+": 10, "-": 10, "*": 11, "/": 11, "%": 11, "^": 12}
_RESTRICTED = {**dict.fromkeys(_COMPARISONS, 5), **_ARITHMETIC, "is": 4, OP: 9, "operator": 9, "::": 18}
_FULL = {
    **_RESTRICTED,
    "or": 1,
    "and": 2,
    "isnull": 4,
    "notnull": 4,
    "between": 6,
    "in": 6,
    "like": 6,
    "ilike": 6,
    "similar": 6,
    "not": 6,
    "at": 13,
    "collate": 14,
}
_NEGATABLE = frozenset(["between", "in", "like", "ilike", "similar"])
_PREFIXES = frozenset(["not", "-", "+", OP, "operator", "default", "unique"])
_MATHEMATICAL = frozenset([*_COMPARISONS, *_ARITHMETIC])
_QUANTIFIERS = {"any": "any", "some": "any", "all": "all"}
_LIKE_OPERATORS = {("like", False): "~~", ("like", True): "!~~", ("ilike", False): "~~*", ("ilike", True): "!~~*"}
_NORMAL_FORMS = frozenset(["nfc", "nfd", "nfkc", "nfkd"])


class ExpressionGrammar(TypeNameGrammar):
    """a_expr and b_expr."""

    __slots__ = ()

    @abstractmethod
    def primary(self) -> Expression:
        """An operand."""

    @abstractmethod
    def in_parentheses(self, single: bool) -> Query | tuple[Expression, ...]:
        """What lies between parentheses, them included: a query, or expressions (one only if `single`)."""

    def expressions(self) -> tuple[Expression, ...]:
        """One or more expressions with commas between them."""
        first = self.expression()
        if self.kinds[self.index] != ",":
            return (first,)
        found = [first]
        while self.accept(","):
            found.append(self.expression())
            if not len(found) & 0xFF:
                pause_inside()
        return tuple(found)

    def restricted_expression(self) -> Expression:
        """PostgreSQL's b_expr."""
        return self.expression(0, _RESTRICTED)

    def expression(self, floor: int = 0, levels: dict[str, int] = _FULL) -> Expression:
        """An expression of operators that bind tighter than `floor`."""
        kinds = self.kinds
        if kinds[self.index] in _PREFIXES:
            left = self._prefix(levels)
        else:
            left = self.primary()
        return self.expression_after(left, floor, levels)

    def expression_after(self, left: Expression, floor: int = 0, levels: dict[str, int] = _FULL) -> Expression:
        """Goes on after a complete left operand."""
        kinds = self.kinds
        while (level := levels.get(kind := kinds[self.index], 0)) > floor:
            index = self.index
            position = self.starts[index] + 1
            if kind in _MATHEMATICAL:
                self.index = index + 1
                if kinds[index + 1] in _QUANTIFIERS and levels is _FULL:
                    left = self._quantified(position, kind, (), left)
                    continue
                left = BinaryOperation(position, kind, left, self.expression(level, levels))
                if level == 5 and levels.get(kinds[self.index]) == 5:
                    raise self.syntax_error()
            elif kind == "and":
                operands = [left]
                while kinds[self.index] == "and":
                    self.index += 1
                    operands.append(self.expression(2, levels))
                left = And(position, tuple(operands))
            elif kind == "or":
                operands = [left]
                while kinds[self.index] == "or":
                    self.index += 1
                    operands.append(self.expression(1, levels))
                left = Or(position, tuple(operands))
            elif kind == "::":
                self.index = index + 1
                left = Cast(position, left, self.type_name())
            elif kind == OP or kind == "operator":
                schema, operator = self.operator_name()
                if kinds[self.index] in _QUANTIFIERS and levels is _FULL:
                    left = self._quantified(position, operator, schema, left)
                else:
                    left = BinaryOperation(position, operator, left, self.expression(9, levels), schema)
            elif kind == "is":
                left = self._is(left, levels)
            elif level == 6:
                negated = kind == "not"
                if kind == "similar" and kinds[index + 1] != "to":
                    break  # SUBSTRING (a SIMILAR b ESCAPE c)
                if negated:
                    kind = kinds[index + 1]
                    if kind not in _NEGATABLE:
                        break
                    self.index = index + 1
                self.index += 1
                left = self._membership(position, kind, left, negated)
            elif kind == "isnull" or kind == "notnull":
                self.index = index + 1
                left = IsNull(position, left, kind == "notnull")
            elif kind == "collate":
                self.index = index + 1
                left = Collate(position, left, self.any_name())
            else:
                self.index = index + 1
                self.expect_words("time", "zone")
                zone = self.expression(13, levels)
                left = FunctionCall(position, ("pg_catalog", "timezone"), (zone, left), sql_syntax=True)
        return left

    # --- prefix operators --------------------------------------------------------------------------------------------

    def _prefix(self, levels: dict[str, int]) -> Expression:
        kind = self.kinds[self.index]
        position = self.position()
        if kind == "-" or kind == "+":
            self.index += 1
            operand = self.expression(15, levels)
            return _negate(position, operand) if kind == "-" else UnaryOperation(position, "+", operand)
        if kind == OP or kind == "operator":
            schema, operator = self.operator_name()
            return UnaryOperation(position, operator, self.expression(9, levels), schema)
        if levels is not _FULL:
            raise self.syntax_error()
        if kind == "not":
            self.index += 1
            return Not(position, self.expression(3))
        self.index += 1
        if kind == "default":
            return DefaultMarker(position)
        if self.accept("nulls"):
            self.accept("not")
            self.expect("distinct")
        self.expect("(")
        self.refuse("UNIQUE predicate is not yet implemented", position, "0A000")

    # --- operator names ----------------------------------------------------------------------------------------------

    def operator_name(self) -> tuple[QualifiedName, str]:
        """A qual_Op: an operator without a kind of its own, or OPERATOR(schema.op)."""
        if self.kinds[self.index] == OP:
            self.index += 1
            return (), self.values[self.index - 1]
        self.expect("operator")
        self.expect("(")
        schema, operator = self.any_operator()
        self.expect(")")
        return schema, operator

    def any_operator(self) -> tuple[QualifiedName, str]:
        """An operator with or without schema, outside an expression."""
        schema: list[str] = []
        while self.kinds[self.index] in COLUMN_ID:
            schema.append(self.column_id())
            self.expect(".")
        kind = self.kinds[self.index]
        if kind != OP and kind not in _MATHEMATICAL:
            raise self.syntax_error()
        self.index += 1
        return tuple(schema), self.values[self.index - 1]

    # --- what follows an operand -------------------------------------------------------------------------------------

    def _quantified(self, position: int, operator: str, schema: QualifiedName, left: Expression) -> Expression:
        """The current token is ANY, SOME or ALL."""
        quantifier = self.kinds[self.index]
        self.index += 1
        inner = self.in_parentheses(single=True)
        words = "all" if quantifier == "all" else "any"
        if isinstance(inner, Query):
            return QuantifiedSubquery(position, operator, schema, left, "all" if words == "all" else "any", inner)
        return QuantifiedArray(position, operator, schema, left, "all" if words == "all" else "any", inner[0])

    def _is(self, left: Expression, levels: dict[str, int]) -> Expression:
        position = self.position()
        self.index += 1
        negated = self.accept("not")
        kind = self.kinds[self.index]
        if kind == "distinct":
            self.index += 1
            self.expect("from")
            right = self.expression(4, levels)
            if levels.get(self.kinds[self.index]) == 4:
                raise self.syntax_error()
            return DistinctFrom(position, left, right, negated)
        if kind == "document":
            self.index += 1
            return UnsupportedExpression(position, "IS DOCUMENT", "?column?")
        if levels is not _FULL:
            raise self.syntax_error()
        if kind == "null":
            self.index += 1
            return IsNull(position, left, negated)
        if kind == "true":
            self.index += 1
            return BooleanTest(position, left, "true", negated)
        if kind == "false":
            self.index += 1
            return BooleanTest(position, left, "false", negated)
        if kind == "unknown":
            self.index += 1
            return BooleanTest(position, left, "unknown", negated)
        arguments: tuple[Expression, ...] = (left,)
        if kind in _NORMAL_FORMS:
            arguments = (left, StringLiteral(self.position(), kind.upper()))
            self.index += 1
        self.expect("normalized")
        call = FunctionCall(position, ("pg_catalog", "is_normalized"), arguments, sql_syntax=True)
        return Not(position, call) if negated else call

    def _membership(self, position: int, kind: str, left: Expression, negated: bool) -> Expression:
        """BETWEEN, IN, LIKE, ILIKE, SIMILAR TO, after the word itself."""
        if kind == "in":
            inner = self.in_parentheses(single=False)
            if isinstance(inner, Query):
                return InSubquery(position, left, inner, negated)
            return InList(position, left, inner, negated)
        found: Expression
        if kind == "between":
            symmetric = self.accept("symmetric")
            if not symmetric:
                self.accept("asymmetric")
            low = self.expression(0, _RESTRICTED)
            self.expect("and")
            found = Between(position, left, low, self.expression(6), symmetric, negated)
        else:
            if kind == "similar":
                self.expect("to")
            elif self.kinds[self.index] in _QUANTIFIERS:
                return self._quantified(position, _LIKE_OPERATORS[kind, negated], (), left)
            pattern = self.expression(6)
            escape = self.expression(6) if self.accept("escape") else None
            name: Literal["like", "ilike", "similar"]
            name = "like" if kind == "like" else "ilike" if kind == "ilike" else "similar"
            found = Like(position, name, left, pattern, escape, negated)
        following = self.kinds[self.index]
        if _FULL.get(following) == 6 and (following != "not" or self.next_kind() in _NEGATABLE):
            raise self.syntax_error()
        return found


def _negate(position: int, operand: Expression) -> Expression:
    """A minus sign before a number belongs to the number, so that -9223372036854775808 is a bigint."""
    if isinstance(operand, IntegerLiteral):
        return IntegerLiteral(position, -operand.value)
    if isinstance(operand, DecimalLiteral):
        text = operand.text
        return DecimalLiteral(position, text[1:] if text.startswith("-") else "-" + text)
    return UnaryOperation(position, "-", operand)
