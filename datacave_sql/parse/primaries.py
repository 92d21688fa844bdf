"""PrimaryGrammar: the operands of expressions (PostgreSQL's c_expr): constants, names, calls, constructors, subqueries.

A word that begins a form of its own (`coalesce`, `position`, `time`) is that form only when what follows says so;
otherwise it is a column's name.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from datacave_sql.parse.ast import (
    ArrayLiteral,
    ArraySubquery,
    BitStringLiteral,
    BooleanLiteral,
    Case,
    CaseWhen,
    Cast,
    ColumnRef,
    DecimalLiteral,
    Exists,
    Expression,
    FieldSelection,
    FieldStar,
    FunctionCall,
    GroupingCall,
    IntegerLiteral,
    NamedArgument,
    NullLiteral,
    OrderItem,
    Parameter,
    Query,
    RowExpression,
    ScalarSubquery,
    StringLiteral,
    Subscript,
    SubscriptedExpression,
    TypeName,
    WindowDefinition,
)
from datacave_sql.parse.expressions import ExpressionGrammar
from datacave_sql.parse.keywords import COLUMN_ID, IDENT, TYPE_FUNCTION_NAME
from datacave_sql.parse.lexer import BCONST, FCONST, ICONST, PARAM, SCONST, XCONST

_AFTER_NAME = frozenset([".", "(", "[", SCONST])
_QUERY_WORDS = frozenset(["select", "with", "table"])
_TYPE_FOLLOWERS: dict[str, frozenset[str]] = {
    **dict.fromkeys(["int", "integer", "smallint", "bigint", "real", "boolean"], frozenset([SCONST])),
    **dict.fromkeys(["decimal", "dec", "numeric", "float", "varchar", "interval"], frozenset([SCONST, "("])),
    **dict.fromkeys(["character", "char", "nchar", "bit"], frozenset([SCONST, "(", "varying"])),
    **dict.fromkeys(["time", "timestamp"], frozenset([SCONST, "(", "with", "without"])),
    "national": frozenset(["character", "char"]),
    "double": frozenset(["precision"]),
}
"""Words that begin a typed constant when one of these follows, and are names otherwise."""


class PrimaryGrammar(ExpressionGrammar):
    """c_expr without the calls that have a syntax of their own."""

    __slots__ = ()

    @abstractmethod
    def query(self) -> Query:
        """A query without parentheses round it."""

    @abstractmethod
    def query_after(self, left: Query) -> Query:
        """Goes on after a query in parentheses: set operations, ORDER BY, LIMIT and so on, or nothing."""

    @abstractmethod
    def special_call(self) -> Expression | None:
        """A call with a syntax of its own, or None where the word is an ordinary name here."""

    @abstractmethod
    def order_by(self) -> tuple[OrderItem, ...]:
        """ORDER BY or nothing."""

    @abstractmethod
    def window_specification(self, name: str | None) -> WindowDefinition:
        """A window in parentheses."""

    def primary(self) -> Expression:
        index = self.index
        kind = self.kinds[index]
        if kind == IDENT:
            if self.kinds[index + 1] not in _AFTER_NAME:
                self.index = index + 1
                return ColumnRef(self.starts[index] + 1, (self.values[index],))
            return self._name()
        constant = _CONSTANTS.get(kind)
        if constant is not None:
            self.index = index + 1
            return constant(self.starts[index] + 1, self.values[index])
        if kind == "(":
            return self._parenthesised()
        if kind == PARAM:
            self.index = index + 1
            return self.indirection(Parameter(self.starts[index] + 1, int(self.values[index])))
        if kind == "case":
            return self._case()
        if kind == "array":
            return self._array()
        if kind == "row" and self.kinds[index + 1] == "(":
            return self._row()
        followers = _TYPE_FOLLOWERS.get(kind)
        if followers is not None:
            if self.kinds[index + 1] in followers:
                return self._typed_constant()
        elif kind not in TYPE_FUNCTION_NAME or kind == "collation" or kind == "current_schema":
            call = self.special_call()
            if call is not None:
                return call
        if kind in COLUMN_ID or kind in TYPE_FUNCTION_NAME:
            return self._name()
        raise self.syntax_error()

    # --- names and calls ---------------------------------------------------------------------------------------------

    def _name(self) -> Expression:
        """A column reference, a function call, or a typed constant whose type has a plain name."""
        kinds = self.kinds
        index = self.index
        position = self.starts[index] + 1
        kind = kinds[index]
        parts = [self.values[index]]
        self.index = index + 1
        if kind in COLUMN_ID:
            while kinds[self.index] == "." and kinds[self.index + 1] != "*":
                self.index += 1
                parts.append(self.column_label())
            following = kinds[self.index]
            if following == "." or following == "[":
                return self._column_rest(position, parts)
            if len(parts) == 1 and kind not in TYPE_FUNCTION_NAME:
                return ColumnRef(position, (parts[0],))
        else:
            following = kinds[self.index]
            if following != "(" and following != SCONST:
                raise self.syntax_error()
        if following == "(":
            call = self.function_application(position, tuple(parts))
            if kinds[self.index] == SCONST:
                return self._constant_of_call(call)
            return self._call_clauses(call)
        if following == SCONST:
            return self._cast_string(TypeName(position, tuple(parts)))
        return ColumnRef(position, tuple(parts))

    def _column_rest(self, position: int, parts: list[str]) -> Expression:
        """After the plain names of a reference: `.*` or a subscript."""
        if self.kinds[self.index] == ".":
            self.index += 2
            self._nothing_after_star()
            return ColumnRef(position, tuple(parts), True)
        return self.indirection(ColumnRef(position, tuple(parts)))

    def _nothing_after_star(self) -> None:
        """Nothing may follow `.*`; the error names the token after all that does."""
        if self.kinds[self.index] in (".", "["):
            self.indirection(NullLiteral(0))
            raise self.error_at('improper use of "*"', self.index)

    def indirection(self, operand: Expression) -> Expression:
        """`.field`, `.*` and subscripts after an operand that may have them."""
        kinds = self.kinds
        while True:
            kind = kinds[self.index]
            position = self.starts[self.index] + 1
            if kind == ".":
                self.index += 1
                if self.accept("*"):
                    self._nothing_after_star()
                    return FieldStar(operand.position, operand)
                operand = FieldSelection(position, operand, self.column_label())
            elif kind == "[":
                subscripts = [self._subscript()]
                while kinds[self.index] == "[":
                    subscripts.append(self._subscript())
                operand = SubscriptedExpression(operand.position, operand, tuple(subscripts))
            else:
                return operand

    def _subscript(self) -> Subscript:
        position = self.position()
        self.expect("[")
        lower = None if self.kinds[self.index] == ":" else self.expression()
        if self.accept(":"):
            upper = None if self.kinds[self.index] == "]" else self.expression()
            self.expect("]")
            return Subscript(position, True, lower, upper)
        self.expect("]")
        return Subscript(position, False, None, lower)

    def subscript(self) -> Subscript:
        """One `[..]` of an assignment target."""
        return self._subscript()

    def function_application(self, position: int, name: tuple[str, ...]) -> FunctionCall:
        """The arguments in parentheses after a function's name."""
        kinds = self.kinds
        self.index += 1
        if kinds[self.index] == ")":
            self.index += 1
            return FunctionCall(position, name)
        if kinds[self.index] == "*":
            self.index += 1
            self.expect(")")
            return FunctionCall(position, name, star=True)
        distinct = self.accept("distinct")
        plain = distinct or self.accept("all")
        variadic = False
        arguments: list[Expression] = []
        while True:
            if not plain and self.accept("variadic"):
                variadic = True
            arguments.append(self.argument())
            if variadic or not self.accept(","):
                break
        order_by = self.order_by()
        self.expect(")")
        return FunctionCall(position, name, tuple(arguments), False, distinct, variadic, order_by)

    def argument(self) -> Expression:
        """An argument of a call, perhaps with a name."""
        index = self.index
        if self.kinds[index] in TYPE_FUNCTION_NAME and self.kinds[index + 1] in (":=", "=>"):
            self.index = index + 2
            return NamedArgument(self.starts[index] + 1, self.values[index], self.expression())
        return self.expression()

    def _call_clauses(self, call: FunctionCall) -> Expression:
        """WITHIN GROUP, FILTER and OVER after a call."""
        kinds = self.kinds
        kind = kinds[self.index]
        if kind != "within" and kind != "filter" and kind != "over":
            return call
        order_by = call.order_by
        within_group = False
        if kind == "within":
            at = self.position()
            self.index += 1
            self.expect_words("group", "(")
            if kinds[self.index] != "order":
                raise self.syntax_error()
            keys = self.order_by()
            self.expect(")")
            if order_by:
                self.refuse("cannot use multiple ORDER BY clauses with WITHIN GROUP", at)
            if call.distinct:
                self.refuse("cannot use DISTINCT with WITHIN GROUP", at)
            if call.variadic:
                self.refuse("cannot use VARIADIC with WITHIN GROUP", at)
            order_by, within_group = keys, True
        condition = None
        if self.accept("filter"):
            self.expect_words("(", "where")
            condition = self.expression()
            self.expect(")")
        over = None
        if self.accept("over"):
            if kinds[self.index] == "(":
                over = self.window_specification(None)
            else:
                position = self.position()
                over = WindowDefinition(position, self.column_id())
        return FunctionCall(
            call.position,
            call.name,
            call.arguments,
            call.star,
            call.distinct,
            call.variadic,
            order_by,
            within_group,
            condition,
            over,
        )

    # --- typed constants ---------------------------------------------------------------------------------------------

    def _cast_string(self, type_name: TypeName) -> Expression:
        position = self.position()
        return Cast(type_name.position, StringLiteral(position, self.string()), type_name)

    def _typed_constant(self) -> Expression:
        """`timestamp(3) '..'`, `interval '1' day` and the like."""
        is_interval = self.kinds[self.index] == "interval"
        type_name = self.simple_type_name(constant=True)
        position = self.position()
        literal = StringLiteral(position, self.string())
        if is_interval and not type_name.modifiers:
            type_name = TypeName(type_name.position, type_name.names, self.interval_fields())
        return Cast(type_name.position, literal, type_name)

    def _constant_of_call(self, call: FunctionCall) -> Expression:
        """`name(modifiers) 'constant'`: what looked like a call was a type."""
        for argument in call.arguments:
            if isinstance(argument, NamedArgument):
                self.refuse("type modifier cannot have parameter name", argument.position)
        if call.order_by:
            self.refuse("type modifier cannot have ORDER BY", call.order_by[0].position)
        if call.star or call.distinct or call.variadic:
            raise self.syntax_error()
        return self._cast_string(TypeName(call.position, call.name, call.arguments))

    # --- parentheses -------------------------------------------------------------------------------------------------

    def at_query(self, index: int) -> bool:
        """Whether a query begins at a token that is no parenthesis."""
        kind = self.kinds[index]
        return kind in _QUERY_WORDS or (kind == "values" and self.kinds[index + 1] == "(")

    def _query_may_follow(self, index: int) -> bool:
        """Whether the run of parentheses at `index` opens on a query."""
        kinds = self.kinds
        while kinds[index] == "(":
            index += 1
        return self.at_query(index)

    def in_parentheses(self, single: bool) -> Query | tuple[Expression, ...]:
        if self.kinds[self.index] != "(":
            raise self.syntax_error()
        if self._query_may_follow(self.index):
            return self._query_or_expressions(single)
        self.index += 1
        found = (self.expression(),) if single else self.expressions()
        self.expect(")")
        return found

    def _query_or_expressions(self, single: bool) -> Query | tuple[Expression, ...]:
        """Parentheses that begin with a query somewhere inside: `((select 1) union select 2)`, `((select 1), 2)`."""
        position = self.position()
        self.index += 1
        if self.at_query(self.index):
            query = self.query()
            self.expect(")")
            return query
        inner_position = self.position()
        inner = self._query_or_expressions(single=False)
        if isinstance(inner, Query):
            query = self.query_after(inner)
            if self.accept(")"):
                return query
            if query is not inner:
                raise self.syntax_error()
            left: Expression = self.indirection(ScalarSubquery(inner_position, query))
        elif len(inner) == 1:
            left = self.indirection(inner[0])
        else:
            left = self._overlaps(RowExpression(position, inner, False))
        found = [self.expression_after(left)]
        while not single and self.accept(","):
            found.append(self.expression())
        self.expect(")")
        return tuple(found)

    def _parenthesised(self) -> Expression:
        position = self.starts[self.index] + 1
        kinds = self.kinds
        found: Query | tuple[Expression, ...]
        if self._query_may_follow(self.index):
            found = self._query_or_expressions(single=False)
        else:
            self.index += 1
            first = self.expression()
            if kinds[self.index] == ")":
                self.index += 1
                following = kinds[self.index]
                return self.indirection(first) if following == "." or following == "[" else first
            found_list = [first]
            while self.accept(","):
                found_list.append(self.expression())
            self.expect(")")
            found = tuple(found_list)
        if isinstance(found, Query):
            return self.indirection(ScalarSubquery(position, found))
        if len(found) == 1:
            return self.indirection(found[0])
        return self._overlaps(RowExpression(position, found, False))

    # --- constructors ------------------------------------------------------------------------------------------------

    def _row(self) -> Expression:
        position = self.position()
        self.index += 2
        fields = () if self.kinds[self.index] == ")" else self.expressions()
        self.expect(")")
        return self._overlaps(RowExpression(position, fields, True))

    def _overlaps(self, left: RowExpression) -> Expression:
        """(a, b) OVERLAPS (c, d), which takes rows and nothing else."""
        if self.kinds[self.index] != "overlaps":
            return left
        position = self.position()
        self.index += 1
        right_position = self.position()
        explicit = self.accept("row")
        self.expect("(")
        fields = () if explicit and self.kinds[self.index] == ")" else self.expressions()
        if len(fields) < 2 and not explicit:
            raise self.syntax_error()
        self.expect(")")
        if len(left.fields) != 2:
            self.refuse("wrong number of parameters on left side of OVERLAPS expression", left.position)
        if len(fields) != 2:
            self.refuse("wrong number of parameters on right side of OVERLAPS expression", right_position)
        return FunctionCall(position, ("pg_catalog", "overlaps"), (*left.fields, *fields), sql_syntax=True)

    def _array(self) -> Expression:
        position = self.position()
        self.index += 1
        if self.kinds[self.index] == "[":
            return self._array_elements(position)
        if not self._query_may_follow(self.index):
            while self.accept("("):
                pass
            raise self.syntax_error()
        return ArraySubquery(position, self.subquery())

    def _array_elements(self, position: int) -> ArrayLiteral:
        self.expect("[")
        elements: list[Expression] = []
        if self.kinds[self.index] == "[":
            elements.append(self._array_elements(self.position()))
            while self.accept(","):
                elements.append(self._array_elements(self.position()))
        elif self.kinds[self.index] != "]":
            elements.extend(self.expressions())
        self.expect("]")
        return ArrayLiteral(position, tuple(elements))

    def subquery(self) -> Query:
        """A query in parentheses, where nothing else may stand."""
        self.expect("(")
        if self.kinds[self.index] == "(":
            query = self.query_after(self.subquery())
        elif self.at_query(self.index) or self.kinds[self.index] == "values":
            query = self.query()
        else:
            raise self.syntax_error()
        self.expect(")")
        return query

    def _case(self) -> Expression:
        position = self.position()
        self.index += 1
        operand = None if self.kinds[self.index] == "when" else self.expression()
        whens: list[CaseWhen] = []
        while True:
            at = self.position()
            self.expect("when")
            condition = self.expression()
            self.expect("then")
            whens.append(CaseWhen(at, condition, self.expression()))
            if self.kinds[self.index] != "when":
                break
        default = self.expression() if self.accept("else") else None
        self.expect("end")
        return Case(position, operand, tuple(whens), default)

    def exists(self) -> Expression:
        """EXISTS (query); the current token is EXISTS."""
        position = self.position()
        self.index += 1
        return Exists(position, self.subquery())

    def grouping(self) -> Expression:
        """GROUPING (..); the current token is GROUPING."""
        position = self.position()
        self.index += 1
        self.expect("(")
        arguments = self.expressions()
        self.expect(")")
        return GroupingCall(position, arguments)


def _integer(position: int, text: str) -> Expression:
    return IntegerLiteral(position, int(text))


_CONSTANTS: dict[str, Callable[[int, str], Expression]] = {
    ICONST: _integer,
    FCONST: DecimalLiteral,
    SCONST: StringLiteral,
    BCONST: lambda position, digits: BitStringLiteral(position, digits, False),
    XCONST: lambda position, digits: BitStringLiteral(position, digits, True),
    "null": lambda position, _word: NullLiteral(position),
    "true": lambda position, _word: BooleanLiteral(position, True),
    "false": lambda position, _word: BooleanLiteral(position, False),
}
