"""OperatorGrammar: CREATE AGGREGATE, CREATE OPERATOR, CREATE CAST, and definition lists `(name = value, ...)`."""

from __future__ import annotations

from typing import Literal

from datacave_sql.parse.ast import (
    CreateAggregate,
    CreateCast,
    CreateOperator,
    DefinitionItem,
    FunctionParameter,
    OperatorName,
    RoutineSignature,
    Statement,
    TypeName,
)
from datacave_sql.parse.keywords import KEYWORDS
from datacave_sql.parse.lexer import FCONST, ICONST, OP, SCONST
from datacave_sql.parse.routines import PARAMETER_MODES, RoutineGrammar

_SIGNS = frozenset(["+", "-", "*", "/", "%", "^", "<", ">", "=", "<=", ">=", "<>"])


class OperatorGrammar(RoutineGrammar):
    """DefineStmt for aggregates and operators, CreateCastStmt."""

    __slots__ = ()

    def create_aggregate(self, position: int, or_replace: bool) -> Statement:
        """The current token follows AGGREGATE."""
        name = self.routine_name()
        following = self.kinds[self.index + 2] if self.kinds[self.index] == "(" else ""
        if following == "=" or (self.kinds[self.index] == "(" and self.values[self.index + 1] == "basetype"):
            return CreateAggregate(position, name, None, -1, self.definition_items(), or_replace)
        self.expect("(")
        parameters: list[FunctionParameter] = []
        ordered_from = -1
        if not self.accept("*"):
            if self.kinds[self.index] != "order":
                parameters += self._aggregate_arguments()
            if self.accept("order"):
                self.expect("by")
                ordered_from = len(parameters)
                parameters += self._aggregate_arguments()
        self.expect(")")
        return CreateAggregate(position, name, tuple(parameters), ordered_from, self.definition_items(), or_replace)

    def _aggregate_arguments(self) -> list[FunctionParameter]:
        found = []
        while True:
            position = self.position()
            mode, name, type_name = self.routine_argument()
            found.append(FunctionParameter(position, PARAMETER_MODES[mode], name, type_name))
            if not self.accept(","):
                return found

    def definition_items(self) -> tuple[DefinitionItem, ...]:
        """(name = value, ..) of an aggregate, an operator or a type."""
        self.expect("(")
        found = []
        while True:
            position = self.position()
            name = self.quoted_or_label()
            value = self._definition_value() if self.accept("=") else None
            found.append(DefinitionItem(position, name, value))
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(found)

    def quoted_or_label(self) -> str:
        """The name of an item."""
        return self.column_label()

    def _definition_value(self) -> TypeName | OperatorName | str | int | float | None:
        kind = self.kinds[self.index]
        position = self.position()
        if kind == SCONST:
            return self.string()
        if kind in (ICONST, FCONST) or (kind in ("+", "-") and self.kinds[self.index + 1] in (ICONST, FCONST)):
            return self.number()
        if kind == "none":
            self.index += 1
            return None
        if kind == OP or kind in _SIGNS:
            self.index += 1
            return OperatorName(position, (self.values[self.index - 1],))
        if kind == "operator" and self.kinds[self.index + 1] == "(":
            self.index += 2
            schema, operator = self.any_operator()
            self.expect(")")
            return OperatorName(position, (*schema, operator))
        if KEYWORDS.get(kind) == "reserved":
            self.index += 1
            return kind
        return self.routine_type_name()

    def create_operator(self, position: int) -> Statement:
        """The current token follows OPERATOR."""
        schema, operator = self.any_operator()
        return CreateOperator(position, (*schema, operator), self.definition_items())

    def create_cast(self, position: int) -> Statement:
        """The current token follows CAST."""
        self.expect("(")
        source = self.type_name()
        self.expect("as")
        target = self.type_name()
        self.expect(")")
        function: RoutineSignature | None = None
        method: Literal["function", "without", "inout"]
        if self.accept("without"):
            self.expect("function")
            method = "without"
        else:
            self.expect("with")
            if self.choose("function", "inout") == "function":
                method, function = "function", self.signature()
            else:
                method = "inout"
        context: Literal["explicit", "assignment", "implicit"] = "explicit"
        if self.accept("as"):
            context = "implicit" if self.choose("implicit", "assignment") == "implicit" else "assignment"
        return CreateCast(position, source, target, method, function, context)
