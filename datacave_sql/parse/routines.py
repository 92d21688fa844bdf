"""RoutineGrammar: CREATE FUNCTION, CREATE PROCEDURE, CREATE TRIGGER."""

from __future__ import annotations

from typing import Literal

from datacave_sql.parse.ast import (
    CreateFunction,
    CreateTrigger,
    Expression,
    FunctionParameter,
    Option,
    QualifiedName,
    Query,
    Select,
    Statement,
    Target,
    TypeName,
)
from datacave_sql.parse.constraints import ConstraintAttributes
from datacave_sql.parse.keywords import COLUMN_LABEL
from datacave_sql.parse.lexer import FCONST, ICONST, SCONST
from datacave_sql.parse.privileges import PrivilegeGrammar

ParameterMode = Literal["in", "out", "inout", "variadic", "table", "default"]
PARAMETER_MODES: dict[str, ParameterMode] = {
    "in": "in",
    "out": "out",
    "inout": "inout",
    "variadic": "variadic",
    "": "default",
}
_VOLATILITIES = frozenset(["immutable", "stable", "volatile"])


class RoutineGrammar(PrivilegeGrammar):
    """CreateFunctionStmt and CreateTrigStmt."""

    __slots__ = ()

    def create_function(self, position: int, or_replace: bool, procedure: bool) -> Statement:
        """The current token follows FUNCTION or PROCEDURE."""
        name = self.routine_name()
        parameters = list(self._parameters())
        returns: TypeName | None = None
        returns_table = False
        if not procedure and self.kinds[self.index] == "returns" and self.kinds[self.index + 1] != "null":
            self.index += 1
            if self.accept("table"):
                returns_table = True
                parameters += self._table_columns()
            else:
                returns = self.routine_type_name()
        options: list[Option] = []
        while (option := self.function_option(creating=True)) is not None:
            options.append(option)
        body: str | None = None
        language: str | None = None
        for option in options:
            if option.name == "as" and isinstance(option.value, tuple):
                body = option.value[-1]
            elif option.name == "language":
                language = str(option.value)
        sql_body, texts, statements = self._sql_body()
        if sql_body and body is None:
            body = ";\n".join(texts)
        return CreateFunction(
            position,
            name,
            procedure,
            tuple(parameters),
            returns,
            returns_table,
            or_replace,
            language,
            body,
            sql_body,
            tuple(options),
            tuple(statements),
        )

    def _parameters(self) -> tuple[FunctionParameter, ...]:
        self.expect("(")
        found: list[FunctionParameter] = []
        if self.kinds[self.index] != ")":
            while True:
                position = self.position()
                mode, name, type_name = self.routine_argument()
                default: Expression | None = None
                if self.kinds[self.index] in ("default", "="):
                    self.index += 1
                    default = self.expression()
                found.append(FunctionParameter(position, PARAMETER_MODES[mode], name, type_name, default))
                if not self.accept(","):
                    break
        self.expect(")")
        return tuple(found)

    def _table_columns(self) -> list[FunctionParameter]:
        self.expect("(")
        found: list[FunctionParameter] = []
        while True:
            position = self.position()
            name = self.column_id()
            found.append(FunctionParameter(position, "table", name, self.routine_type_name()))
            if not self.accept(","):
                break
        self.expect(")")
        return found

    def function_option(self, creating: bool) -> Option | None:
        """One option of CREATE or ALTER FUNCTION, or None."""
        position = self.position()
        kind = self.kinds[self.index]
        following = self.kinds[self.index + 1] if kind != "END" else "END"
        if creating and kind == "as":
            self.index += 1
            texts = [self.string()]
            if self.accept(","):
                texts.append(self.string())
            return Option(position, "as", tuple(texts))
        if creating and kind == "language":
            self.index += 1
            return Option(position, "language", self.word_or_string())
        if creating and kind == "transform":
            self.index += 1
            while True:
                self.expect_words("for", "type")
                self.type_name()
                if not self.accept(","):
                    return Option(position, "transform")
        if creating and kind == "window":
            self.index += 1
            return Option(position, "window", True)
        if kind in _VOLATILITIES:
            self.index += 1
            return Option(position, "volatility", kind)
        if kind == "strict":
            self.index += 1
            return Option(position, "strict", True)
        if kind == "called":
            self.index += 1
            self.expect_words("on", "null", "input")
            return Option(position, "strict", False)
        if kind == "returns" and following == "null":
            self.index += 1
            self.expect_words("null", "on", "null", "input")
            return Option(position, "strict", True)
        if kind in ("external", "security"):
            self.accept("external")
            self.expect("security")
            return Option(position, "security", self.choose("definer", "invoker"))
        if kind == "leakproof" or (kind == "not" and following == "leakproof"):
            self.index += 1 if kind == "leakproof" else 2
            return Option(position, "leakproof", kind == "leakproof")
        if kind in ("cost", "rows"):
            self.index += 1
            return Option(position, kind, str(self.number()))
        if kind == "support":
            self.index += 1
            return Option(position, "support", self.any_name())
        if kind == "parallel":
            self.index += 1
            return Option(position, "parallel", self.column_id())
        if kind == "set":
            self.index += 1
            setting = self.set_rest(position, False)
            return Option(position, "set", setting)
        if kind == "reset":
            return Option(position, "reset", self.reset_parameter(position).name)
        return None

    def _sql_body(self) -> tuple[str, list[str], list[Statement]]:
        """RETURN expression, or BEGIN ATOMIC statements END: which of both, the statements' texts and trees."""
        if self.kinds[self.index] == "return":
            text, statement = self._inner()
            return "return", [text], [statement]
        texts: list[str] = []
        statements: list[Statement] = []
        if self.kinds[self.index] != "begin" or self.kinds[self.index + 1] != "atomic":
            return "", texts, statements
        self.index += 2
        while not self.accept("end"):
            if self.accept(";"):
                continue
            text, statement = self._inner()
            texts.append(text)
            statements.append(statement)
            self.expect(";")
        return "atomic", texts, statements

    def _inner(self) -> tuple[str, Statement]:
        position = self.position()
        returns = self.accept("return")
        first = self.index
        statement = self._returned(position) if returns else self.statement()
        text = self.tokens.text[self.starts[first] : self.ends[self.index - 1]]
        return f"SELECT {text}" if returns else text, statement

    def _returned(self, position: int) -> Statement:
        expression = self.expression()
        return Query(position, Select(position, (Target(expression.position, expression),)))

    # --- triggers ----------------------------------------------------------------------------------------------------

    def create_trigger(self, position: int, or_replace: bool, constraint: bool) -> Statement:
        """The current token follows TRIGGER."""
        name = self.column_id()
        timing: Literal["before", "after", "instead of"]
        if constraint:
            self.expect("after")
            timing = "after"
        else:
            word = self.choose("before", "after", "instead")
            if word == "instead":
                self.expect("of")
            timing = "before" if word == "before" else "after" if word == "after" else "instead of"
        events = [self._event()]
        while self.accept("or"):
            event = self._event()
            if event[0] in [earlier for earlier, _columns in events]:
                # UPDATE may go on with OF, so the word after it has been read already.
                at = self.index if event[0] == "update" else self.index - 1
                raise self.error_at("duplicate trigger events specified", at)
            events.append(event)
        self.expect("on")
        table = self.qualified_name()
        for_each_row = constraint
        referenced: QualifiedName | None = None
        deferral = (False, False)
        transitions: tuple[tuple[str, str, str], ...] = ()
        if constraint:
            if self.accept("from"):
                referenced = self.qualified_name()
            written = ConstraintAttributes()
            self.constraint_attributes(written, "TRIGGER", {"DEFERRABLE"})
            deferral = (bool(written.deferrable), bool(written.initially_deferred))
            self.expect_words("for", "each", "row")
        else:
            transitions = self._transition_tables()
            if self.accept("for"):
                self.accept("each")
                for_each_row = self.choose("row", "statement") == "row"
        when: Expression | None = None
        if self.accept("when"):
            self.expect("(")
            when = self.expression()
            self.expect(")")
        self.expect("execute")
        self.choose("function", "procedure")
        function = self._trigger_function()
        return CreateTrigger(
            position,
            name,
            table,
            function[0],
            timing,
            tuple(events),
            for_each_row,
            when,
            function[1],
            constraint,
            or_replace,
            referenced,
            deferral,
            transitions,
        )

    def _event(self) -> tuple[str, tuple[str, ...]]:
        word = self.choose("insert", "delete", "update", "truncate")
        columns = self.names() if word == "update" and self.accept("of") else ()
        return word, columns

    def _transition_tables(self) -> tuple[tuple[str, str, str], ...]:
        found: list[tuple[str, str, str]] = []
        if not self.accept("referencing"):
            return ()
        if self.kinds[self.index] not in ("new", "old"):
            raise self.syntax_error()
        while self.kinds[self.index] in ("new", "old"):
            which = self.kinds[self.index]
            self.index += 1
            what = self.choose("table", "row")
            self.accept("as")
            found.append((which, what, self.column_id()))
        return tuple(found)

    def _trigger_function(self) -> tuple[QualifiedName, tuple[str, ...]]:
        name = self.routine_name()
        self.expect("(")
        arguments: list[str] = []
        if self.kinds[self.index] != ")":
            while True:
                kind = self.kinds[self.index]
                if kind not in (ICONST, FCONST, SCONST) and kind not in COLUMN_LABEL:
                    raise self.syntax_error()
                arguments.append(self.values[self.index])
                self.index += 1
                if not self.accept(","):
                    break
        self.expect(")")
        return name, tuple(arguments)
