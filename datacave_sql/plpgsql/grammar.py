"""Grammar: PL/pgSQL bodies to trees.

Reference: https://www.postgresql.org/docs/15/plpgsql-structure.html and what follows it.
"""

from __future__ import annotations

from collections.abc import Callable

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.parse.lexer import END, ICONST, SCONST
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.conditions import codes_of, is_code
from datacave_sql.plpgsql.cursor_statements import CursorStatements

_LEVELS = frozenset({"debug", "log", "info", "notice", "warning", "exception"})
_OPTIONS = frozenset({"message", "detail", "hint", "errcode", "column", "constraint", "datatype", "table", "schema"})


def parse_body(body: str, *, checks: bool = True) -> x.Function:
    """A whole body. Raises 42601 with a position in it; `checks`: whether the SQL in it is parsed too."""
    try:
        return Grammar(body, checks=checks).function()
    except RecursionError:
        raise DatacaveError("stack depth limit exceeded", sqlstate=sqlstate.STATEMENT_TOO_COMPLEX) from None


class Grammar(CursorStatements):
    """pl_function."""

    def function(self) -> x.Function:
        """Options, a block, nothing more."""
        conflict = ""
        strict: bool | None = None
        while self.at_operator("#"):
            self.index += 1
            option = self.name()
            value = self.name()
            if option == "variable_conflict" and value in ("error", "use_variable", "use_column"):
                conflict = value
            elif option == "print_strict_params" and value in ("on", "off"):
                strict = value == "on"
            elif not (option == "option" and value == "dump"):
                self.index -= 1
                raise self.error()
        line = self.line
        label = self.label()
        if self.word() not in ("declare", "begin"):
            raise self.error()
        block = self.block(line, label)
        self.accept(";")
        if self.kind != END:
            raise self.error()
        return x.Function(block, conflict, strict)

    # Blocks

    def block(self, line: int, label: str | None) -> x.Block:
        """[DECLARE ...] BEGIN ... [EXCEPTION ...] END [label]"""
        declarations = self.declarations() if self.accept("declare") else ()
        line = self.line
        self.expect("begin")
        body = self.statements("end", "exception")
        handlers: list[x.Handler] | None = None
        if self.accept("exception"):
            handlers = []
            if self.word() != "when":
                raise self.error()
            while self.word() == "when":
                handlers.append(self._handler())
        self.expect("end")
        self._end_label(label)
        return x.Block(line, label, declarations, body, None if handlers is None else tuple(handlers))

    def _end_label(self, label: str | None) -> None:
        if not self.is_name() or self.word() in _RESERVED:
            return
        at = self.index
        name = self.name()
        if label is None:
            raise self.refuse(f'end label "{name}" specified for unlabeled block', index=at)
        if name != label:
            raise self.refuse(f'end label "{name}" differs from block\'s label "{label}"', index=at)

    def _handler(self) -> x.Handler:
        line = self.line
        self.expect("when")
        conditions: list[str] = []
        while True:
            if self.accept("sqlstate"):
                at = self.index
                code = self.string()
                if not is_code(code):
                    raise self.refuse("invalid SQLSTATE code", index=at)
                conditions.append(code)
            elif self.accept("others"):
                conditions.append("OTHERS")
            else:
                conditions += self._condition()
            if not self.accept("or"):
                break
        self.expect("then")
        return x.Handler(line, tuple(conditions), self.statements("when", "end"))

    def _condition(self) -> tuple[str, ...]:
        at = self.index
        try:
            return codes_of(self.name())
        except DatacaveError as error:
            raise error.at(self.starts[at] + 1) from None

    # Statements

    def statements(self, *ends: str) -> tuple[x.Statement, ...]:
        """Statements up to one of these words."""
        found = []
        while self.word() not in ends:
            if self.kind in (END, "BAD"):
                raise self.error()
            found.append(self.statement())
        return tuple(found)

    def statement(self) -> x.Statement:
        """One statement with its semicolon."""
        line = self.line
        label = self.label()
        word = self.word()
        if label is not None or word in _LABELLED:
            rule = _LABELLED.get(word)
            if rule is None:
                raise self.error()
            found = rule(self, line, label)
        elif (assignment := self._assignment(line)) is not None:
            return assignment
        else:
            plain = _PLAIN.get(word)
            if plain is None:
                return self.sql_statement(line)
            found = plain(self, line)
        self.expect(";")
        return found

    def _assignment(self, line: int) -> x.Statement | None:
        """target := value, if the statement is one."""
        if not self.is_name() and self.kind != "PARAM":
            return None
        index = self.index + 1
        depth = 0
        while True:
            kind = self.kinds[index]
            if depth:
                if kind in (END, ";", "BAD"):
                    return None
                depth += 1 if kind in "([" else -1 if kind in ")]" else 0
                index += 1
            elif kind in (":=", "="):
                break
            elif kind == ".":
                index += 2
            elif kind == "[":
                depth = 1
                index += 1
            else:
                return None
        if index >= len(self.kinds):
            return None
        target = self.target()
        self.index += 1
        value = self.expression(";")
        self.expect(";")
        return x.Assign(line, target, value)

    def _begin(self, line: int, label: str | None) -> x.Statement:
        return self.block(line, label)

    def _loop_body(self, label: str | None) -> tuple[x.Statement, ...]:
        self.expect("loop")
        body = self.statements("end")
        self.expect("end", "loop")
        self._end_label(label)
        return body

    def _loop(self, line: int, label: str | None) -> x.Statement:
        return x.Loop(line, label, self._loop_body(label))

    def _while(self, line: int, label: str | None) -> x.Statement:
        self.index += 1
        condition = self.expression("loop")
        return x.While(line, label, condition, self._loop_body(label))

    def _for(self, line: int, label: str | None) -> x.Statement:
        self.index += 1
        first = self.index
        targets = self.targets()
        self.expect("in")
        if self.accept("execute"):
            dynamic = self.expression("loop", "using")
            using = self.expressions("loop") if self.accept("using") else ()
            return x.ForQuery(line, label, targets, None, dynamic, using, self._loop_body(label))
        reverse = self.accept("reverse")
        stop = self.find("loop", "..")
        if self.kinds[stop] == "..":
            if len(targets) > 1:
                raise self.refuse("integer FOR loop must have only one target variable", index=first)
            low = self.sql(self.index, stop)
            self.index += 1
            high = self.expression("loop", "by")
            step = self.expression("loop") if self.accept("by") else None
            return x.ForInteger(line, label, targets[0].names[-1], low, high, step, reverse, self._loop_body(label))
        if self.kinds[stop] == ";":
            raise self.error('missing "LOOP"', stop)
        query = self.word() in ("values", "select", "with", "table", "insert", "update", "delete", "show", "explain")
        if (
            not query
            and self.is_name()
            and (stop == self.index + 1 or self.kinds[self.index + 1] == "(")
            and len(targets) == 1
        ):
            cursor = self.name()
            arguments = None
            if self.kind == "(":
                self.index += 1
                arguments = self.arguments(stop - 1)
                self.index = stop
            return x.ForCursor(line, label, targets[0].names[-1], cursor, arguments, self._loop_body(label))
        if reverse:
            raise self.refuse("cannot specify REVERSE in query FOR loop")
        source = self.sql(self.index, stop, whole=True)
        return x.ForQuery(line, label, targets, source, None, (), self._loop_body(label))

    def _foreach(self, line: int, label: str | None) -> x.Statement:
        self.index += 1
        targets = self.targets()
        depth = 0
        if self.accept("slice"):
            if self.kind != ICONST:
                raise self.error()
            depth = int(self.values[self.index])
            self.index += 1
        self.expect("in", "array")
        array = self.expression("loop")
        return x.ForEach(line, label, targets, depth, array, self._loop_body(label))

    def _if(self, line: int) -> x.Statement:
        branches = []
        otherwise: tuple[x.Statement, ...] = ()
        while True:
            self.index += 1
            condition = self.expression("then")
            self.index += 1
            branches.append((condition, self.statements("elsif", "elseif", "else", "end")))
            if self.word() in ("elsif", "elseif"):
                continue
            if self.accept("else"):
                otherwise = self.statements("end")
            self.expect("end", "if")
            return x.If(line, tuple(branches), otherwise)

    def _case(self, line: int) -> x.Statement:
        self.index += 1
        operand = self.expression("when") if self.word() != "when" else None
        branches = []
        while self.accept("when"):
            condition = self.expression("then")
            self.index += 1
            branches.append((condition, self.statements("when", "else", "end")))
        otherwise = self.statements("end") if self.accept("else") else None
        self.expect("end", "case")
        return x.Case(line, operand, tuple(branches), otherwise)

    def _exit(self, line: int) -> x.Statement:
        leaves = self.word() == "exit"
        self.index += 1
        label = self.name() if self.is_name() and self.word() != "when" else None
        condition = self.expression(";") if self.accept("when") else None
        return x.Exit(line, leaves, label, condition)

    def _return(self, line: int) -> x.Statement:
        self.index += 1
        if self.accept("next"):
            return x.ReturnNext(line, None if self.kind == ";" else self.expression(";"))
        if self.accept("query"):
            if self.accept("execute"):
                dynamic = self.expression(";", "using")
                using = self.expressions(";") if self.accept("using") else ()
                return x.ReturnQuery(line, None, dynamic, using)
            return x.ReturnQuery(line, self.sql(self.index, self.find(";"), whole=True), None, ())
        return x.Return(line, None if self.kind == ";" else self.expression(";"))

    def _raise(self, line: int) -> x.Statement:
        self.index += 1
        if self.kind == ";":
            return x.Raise(line, "exception", None, None, (), (), True)
        level = "exception"
        if self.word() in _LEVELS:
            level = self.word()
            self.index += 1
        condition: str | None = None
        name: str | None = None
        message: str | None = None
        parameters: tuple[x.Sql, ...] = ()
        if self.kind == SCONST:
            at = self.index
            message = self.string()
            if self.accept(","):
                parameters = self.expressions(";", "using")
            count = message.replace("%%", "").count("%")
            if count > len(parameters):
                raise self.refuse("too few parameters specified for RAISE", index=at)
            if count < len(parameters):
                raise self.refuse("too many parameters specified for RAISE", index=at)
        elif self.accept("sqlstate"):
            at = self.index
            condition = name = self.string()
            if not is_code(condition):
                raise self.refuse("invalid SQLSTATE code", index=at)
        elif self.is_name() and self.word() != "using":
            name = self.word()
            condition = self._condition()[0]
        options: list[tuple[str, x.Sql]] = []
        if self.accept("using"):
            while True:
                at = self.index
                option = self.name()
                if option not in _OPTIONS:
                    raise self.refuse("unrecognized RAISE statement option", index=at)
                if not self.accept("=") and not self.accept(":="):
                    raise self.error('syntax error, expected "="')
                options.append((option, self.expression(",", ";")))
                if not self.accept(","):
                    break
        return x.Raise(line, level, condition, message, parameters, tuple(options), False, name)

    def _assert(self, line: int) -> x.Statement:
        self.index += 1
        condition = self.expression(",", ";")
        return x.Assert(line, condition, self.expression(";") if self.accept(",") else None)

    def _perform(self, line: int) -> x.Statement:
        self.index += 1
        return x.Perform(line, self.sql(self.index, self.find(";")))

    def _get(self, line: int) -> x.Statement:
        self.index += 1
        stacked = self.accept("stacked")
        if not stacked:
            self.accept("current")
        self.expect("diagnostics")
        items = []
        while True:
            target = self.target()
            if not self.accept("=") and not self.accept(":="):
                raise self.error()
            at = self.index
            item = self.name()
            known = _STACKED if stacked else _CURRENT
            if item not in known:
                if item in _STACKED | _CURRENT:
                    place = "CURRENT" if not stacked else "STACKED"
                    raise self.refuse(
                        f"diagnostics item {item.upper()} is not allowed in GET {place} DIAGNOSTICS", index=at
                    )
                raise self.refuse("unrecognized GET DIAGNOSTICS item", index=at)
            items.append((target, item))
            if not self.accept(","):
                return x.GetDiagnostics(line, stacked, tuple(items))

    def _null(self, line: int) -> x.Statement:
        self.index += 1
        return x.Null(line)

    def _end_transaction(self, line: int) -> x.Statement:
        commits = self.word() == "commit"
        self.index += 1
        self.accept("work") or self.accept("transaction")
        chain = False
        if self.accept("and"):
            chain = not self.accept("no")
            self.expect("chain")
        return x.EndTransaction(line, commits, chain)


_RESERVED = frozenset(
    {"begin", "case", "declare", "else", "elsif", "end", "exception", "for", "foreach", "if", "loop", "when", "while"}
)
_QUERY_WORDS = frozenset({"values", "select", "with", "table", "insert", "update", "delete", "show", "explain"})
_CURRENT = frozenset({"row_count", "pg_context"})
_STACKED = frozenset(
    {
        "returned_sqlstate", "message_text", "pg_exception_detail", "pg_exception_hint", "pg_exception_context",
        "column_name", "constraint_name", "pg_datatype_name", "table_name", "schema_name",
    }
)  # fmt: skip

_LABELLED: dict[str, Callable[[Grammar, int, str | None], x.Statement]] = {
    "declare": Grammar._begin,
    "begin": Grammar._begin,
    "loop": Grammar._loop,
    "while": Grammar._while,
    "for": Grammar._for,
    "foreach": Grammar._foreach,
}
_PLAIN: dict[str, Callable[[Grammar, int], x.Statement]] = {
    "if": Grammar._if,
    "case": Grammar._case,
    "exit": Grammar._exit,
    "continue": Grammar._exit,
    "return": Grammar._return,
    "raise": Grammar._raise,
    "assert": Grammar._assert,
    "perform": Grammar._perform,
    "get": Grammar._get,
    "null": Grammar._null,
    "commit": Grammar._end_transaction,
    "rollback": Grammar._end_transaction,
    "execute": Grammar.execute,
    "open": Grammar.open,
    "fetch": Grammar.fetch,
    "move": Grammar.fetch,
    "close": Grammar.close,
    "call": Grammar.call,
    "do": Grammar.do,
}
