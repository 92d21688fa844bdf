"""SpecialCallGrammar: calls that SQL spells with words instead of commas, and functions without parentheses.

They become what PostgreSQL's grammar makes of them: EXTRACT(f FROM x) is pg_catalog.extract('f', x), POSITION(a IN b)
is pg_catalog.position(b, a), TRIM(LEADING a FROM b) is pg_catalog.ltrim(b, a). XML functions are read to their end and
left to the binder to refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from datacave_sql.parse.ast import (
    Cast,
    Coalesce,
    Expression,
    FunctionCall,
    IntegerLiteral,
    MinMax,
    NullIf,
    SqlValueFunction,
    StringLiteral,
    TypeName,
    UnsupportedExpression,
)
from datacave_sql.parse.keywords import IDENT
from datacave_sql.parse.lexer import SCONST
from datacave_sql.parse.primaries import PrimaryGrammar

ValueWord = Literal[
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
_VALUE_WORDS: dict[str, ValueWord] = {
    "current_date": "current_date",
    "current_time": "current_time",
    "current_timestamp": "current_timestamp",
    "localtime": "localtime",
    "localtimestamp": "localtimestamp",
    "current_role": "current_role",
    "current_user": "current_user",
    "user": "user",
    "session_user": "session_user",
    "current_catalog": "current_catalog",
    "current_schema": "current_schema",
}
_WITH_PRECISION = frozenset(["current_time", "current_timestamp", "localtime", "localtimestamp"])
_EXTRACT_WORDS = frozenset([IDENT, "year", "month", "day", "hour", "minute", "second", SCONST])
_TRIMS = {"both": "btrim", "leading": "ltrim", "trailing": "rtrim"}
_ALWAYS_CALLS = frozenset(["cast", "collation"])


class SpecialCallGrammar(PrimaryGrammar):
    """func_expr_common_subexpr."""

    __slots__ = ()

    def special_call(self) -> Expression | None:
        kind = self.kinds[self.index]
        value = _VALUE_WORDS.get(kind)
        if value is not None:
            return self._value_function(value)
        rule = _RULES.get(kind)
        if rule is None:
            return None
        if kind not in _ALWAYS_CALLS:
            if self.kinds[self.index + 1] != "(":
                return None
            if kind == "exists":
                return self.exists()
            if kind == "grouping":
                return self.grouping()
        position = self.position()
        self.index += 1
        if kind == "collation":
            self.expect("for")
        self.expect("(")
        found = rule(self, position)
        self.expect(")")
        return found

    def _value_function(self, word: ValueWord) -> Expression | None:
        position = self.position()
        if word == "current_schema" and self.kinds[self.index + 1] == "(":
            return None  # current_schema() is an ordinary call
        self.index += 1
        if word in _WITH_PRECISION and self.accept("("):
            precision = self.integer()
            self.expect(")")
            return SqlValueFunction(position, word, precision)
        return SqlValueFunction(position, word)

    # --- each rule starts after the opening parenthesis and stops before the closing one -----------------------------

    def _lowered(self, position: int, name: str, *arguments: Expression) -> FunctionCall:
        return FunctionCall(position, ("pg_catalog", name), arguments, sql_syntax=True)

    def _plain_call(self, position: int, name: str) -> FunctionCall:
        """The same word with commas: an ordinary call of a function of that name, maybe without arguments."""
        if self.kinds[self.index] == ")":
            return FunctionCall(position, (name,))
        arguments = [self.argument()]
        while self.accept(","):
            arguments.append(self.argument())
        return FunctionCall(position, (name,), tuple(arguments))

    def _cast(self, position: int) -> Expression:
        operand = self.expression()
        self.expect("as")
        return Cast(position, operand, self.type_name())

    def _collation_for(self, position: int) -> Expression:
        return self._lowered(position, "pg_collation_for", self.expression())

    def _coalesce(self, position: int) -> Expression:
        return Coalesce(position, self.expressions())

    def _greatest(self, position: int) -> Expression:
        return MinMax(position, "greatest", self.expressions())

    def _least(self, position: int) -> Expression:
        return MinMax(position, "least", self.expressions())

    def _nullif(self, position: int) -> Expression:
        left = self.expression()
        self.expect(",")
        return NullIf(position, left, self.expression())

    def _extract(self, position: int) -> Expression:
        index = self.index
        if self.kinds[index] not in _EXTRACT_WORDS:
            raise self.syntax_error()
        self.index += 1
        self.expect("from")
        return self._lowered(
            position, "extract", StringLiteral(self.starts[index] + 1, self.values[index]), self.expression()
        )

    def _normalize(self, position: int) -> Expression:
        operand = self.expression()
        if not self.accept(","):
            return self._lowered(position, "normalize", operand)
        at = self.position()
        form = self.choose("nfc", "nfd", "nfkc", "nfkd")
        return self._lowered(position, "normalize", operand, StringLiteral(at, form.upper()))

    def _overlay(self, position: int) -> Expression:
        start = self.index
        if self.kinds[start] == ")":
            return FunctionCall(position, ("overlay",))
        first = self.argument()
        if not self.accept("placing"):
            self.index = start
            return self._plain_call(position, "overlay")
        placing = self.expression()
        self.expect("from")
        arguments = [first, placing, self.expression()]
        if self.accept("for"):
            arguments.append(self.expression())
        return self._lowered(position, "overlay", *arguments)

    def _position(self, position: int) -> Expression:
        needle = self.restricted_expression()
        self.expect("in")
        return self._lowered(position, "position", self.restricted_expression(), needle)

    def _substring(self, position: int) -> Expression:
        start = self.index
        if self.kinds[start] == ")":
            return FunctionCall(position, ("substring",))
        text = self.argument()
        if self.accept("from"):
            begin = self.expression()
            if self.accept("for"):
                return self._lowered(position, "substring", text, begin, self.expression())
            return self._lowered(position, "substring", text, begin)
        if self.accept("for"):
            length = self.expression()
            if self.accept("from"):
                return self._lowered(position, "substring", text, self.expression(), length)
            integer = Cast(0, length, TypeName(0, ("pg_catalog", "int4")))
            # PostgreSQL counts from 1 and makes the length an integer, so that no other overload is meant.
            return self._lowered(position, "substring", text, IntegerLiteral(0, 1), integer)
        if self.accept("similar"):
            pattern = self.expression()
            self.expect("escape")
            return self._lowered(position, "substring", text, pattern, self.expression())
        self.index = start
        return self._plain_call(position, "substring")

    def _treat(self, position: int) -> Expression:
        operand = self.expression()
        self.expect("as")
        return self._lowered(position, self.type_name().names[-1], operand)

    def _trim(self, position: int) -> Expression:
        name = _TRIMS.get(self.kinds[self.index], "")
        if name:
            self.index += 1
        if self.accept("from"):
            return self._lowered(position, name or "btrim", *self.expressions())
        first = self.expression()
        if self.accept("from"):
            return self._lowered(position, name or "btrim", *self.expressions(), first)
        arguments = [first]
        while self.accept(","):
            arguments.append(self.expression())
        return self._lowered(position, name or "btrim", *arguments)

    def _xml(self, position: int) -> Expression:
        """Any XML function: its words are read over, its parentheses counted."""
        name = self.values[self.index - 2]
        self.skip_to_closing_parenthesis()
        return UnsupportedExpression(position, name, name)

    def skip_to_closing_parenthesis(self) -> None:
        """Stops before the parenthesis that closes the one just opened."""
        depth = 0
        kinds = self.kinds
        while depth or kinds[self.index] != ")":
            kind = kinds[self.index]
            if kind == "(":
                depth += 1
            elif kind == ")":
                depth -= 1
            elif kind in ("END", "BAD", ";"):
                raise self.syntax_error()
            self.index += 1

    def _own_rule(self, position: int) -> Expression:
        """EXISTS and GROUPING have their parentheses inside their rules and never come here."""
        raise self.syntax_error()


_RULES: dict[str, Callable[[SpecialCallGrammar, int], Expression]] = {
    "cast": SpecialCallGrammar._cast,
    "collation": SpecialCallGrammar._collation_for,
    "coalesce": SpecialCallGrammar._coalesce,
    "greatest": SpecialCallGrammar._greatest,
    "least": SpecialCallGrammar._least,
    "nullif": SpecialCallGrammar._nullif,
    "extract": SpecialCallGrammar._extract,
    "normalize": SpecialCallGrammar._normalize,
    "overlay": SpecialCallGrammar._overlay,
    "position": SpecialCallGrammar._position,
    "substring": SpecialCallGrammar._substring,
    "treat": SpecialCallGrammar._treat,
    "trim": SpecialCallGrammar._trim,
    "exists": SpecialCallGrammar._own_rule,
    "grouping": SpecialCallGrammar._own_rule,
    **dict.fromkeys(
        ["xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlparse", "xmlpi", "xmlroot", "xmlserialize"],
        SpecialCallGrammar._xml,
    ),
}
