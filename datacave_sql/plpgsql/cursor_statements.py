"""CursorStatements: the statements that are SQL or nearly: SQL itself with INTO, EXECUTE, CALL, cursors."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_sql.parse.lexer import END, ICONST
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.declarations import DeclarationGrammar

_DIRECTIONS = {"next": ("forward", 1), "prior": ("backward", 1), "first": ("absolute", 1), "last": ("absolute", -1)}


class CursorStatements(DeclarationGrammar):
    """Rules for what goes to the SQL layer."""

    def target(self) -> x.Target:
        """A variable, a field, an element."""
        first = self.index
        if self.kind == "PARAM":
            names: tuple[str, ...] = (f"${self.values[self.index]}",)
            self.index += 1
        else:
            names = self.names()
        subscripted = False
        while self.kind == "[" or (subscripted and self.kind == "."):
            subscripted = True
            if self.accept("."):
                self.name()
                continue
            depth = 0
            while True:
                depth += 1 if self.kind == "[" else -1 if self.kind == "]" else 0
                if self.kind == END:
                    raise self.error()
                self.index += 1
                if not depth:
                    break
        start = self.starts[first]
        return x.Target(names, subscripted, self.body[start : self.ends[self.index - 1]], start)

    def targets(self) -> tuple[x.Target, ...]:
        """Targets with commas between them."""
        found = [self.target()]
        while self.accept(","):
            found.append(self.target())
        return tuple(found)

    def into(self) -> x.Into:
        """[STRICT] targets, after INTO."""
        strict = self.accept("strict")
        return x.Into(self.targets(), strict)

    def sql_statement(self, line: int) -> x.Statement:
        """Any statement of SQL, with INTO taken out of it."""
        first = self.index
        if not self.word() and self.kind != "(":
            raise self.error()
        into: x.Into | None = None
        cut = (0, 0)
        start = self.starts[first]
        importing = self.word() == "import"
        index = first
        depth = 0
        while self.kinds[index] not in (END, "BAD") and (depth or self.kinds[index] != ";"):
            word = self._word(index)
            if word == "begin" and self._word(index + 1) == "atomic":
                depth += 1
            elif depth and word in ("case", "end"):
                depth += 1 if word == "case" else -1
            if word == "into" and not importing and self._word(index - 1) not in ("insert", "merge"):
                if into is not None:
                    raise self.error("INTO specified more than once", index)
                self.index = index + 1
                into = self.into()
                cut = (self.starts[index] - start, self.ends[self.index - 1] - start)
                index = self.index
            else:
                index += 1
        if self.kinds[index] != ";":
            raise self.error(index=index)
        text = self.body[start : self.ends[index - 1]]
        if into is not None:
            text = text[: cut[0]] + " " * (cut[1] - cut[0]) + text[cut[1] :]
        sql = x.Sql(text.rstrip(), start, line, True)
        self.index = index
        if self._checks:
            self.check(sql)
        self.index += 1
        return x.SqlStatement(line, sql, into)

    def execute(self, line: int) -> x.Statement:
        """EXECUTE text [INTO targets] [USING values]"""
        self.index += 1
        query = self.expression("into", "using", ";")
        into: x.Into | None = None
        using: tuple[x.Sql, ...] = ()
        while True:
            if into is None and self.accept("into"):
                into = self.into()
            elif not using and self.accept("using"):
                using = self.expressions("into", ";")
            else:
                return x.Execute(line, query, into, using)

    def call(self, line: int) -> x.Statement:
        """CALL procedure(...)"""
        return x.Call(line, self.sql(self.index, self.find(";"), whole=True))

    def do(self, line: int) -> x.Statement:
        """DO $$ ... $$"""
        return x.SqlStatement(line, self.sql(self.index, self.find(";"), whole=True), None)

    def open(self, line: int) -> x.Statement:
        """OPEN cursor, with arguments or for a query."""
        self.index += 1
        cursor = self.name()
        scroll = None
        if self.accept("no", "scroll"):
            scroll = False
        elif self.accept("scroll"):
            scroll = True
        if self.accept("for"):
            if self.accept("execute"):
                dynamic = self.expression("using", ";")
                using = self.expressions(";") if self.accept("using") else ()
                return x.Open(line, cursor, scroll, None, dynamic, using, None)
            query = self.sql(self.index, self.find(";"), whole=True)
            return x.Open(line, cursor, scroll, query, None, (), None)
        arguments = None
        if self.accept("("):
            stop = self.find(")")
            arguments = self.arguments(stop)
            self.index = stop + 1
        return x.Open(line, cursor, scroll, None, None, (), arguments)

    def fetch(self, line: int) -> x.Statement:
        """FETCH and MOVE."""
        moves = self.word() == "move"
        self.index += 1
        direction, number, count = "forward", 1, None
        word = self.word()
        all_rows = False
        last = self.word(1)
        if word in _DIRECTIONS and last in ("from", "in", *((self.word(1),) if self.is_name(1) else ())):
            direction, number = _DIRECTIONS[word]
            self.index += 1
        elif word in ("absolute", "relative") and self.kinds[self.index + 1] not in (";",):
            direction = word
            self.index += 1
            count = self._count()
        elif word in ("forward", "backward") and self.kinds[self.index + 1] not in (";",) and last != "into":
            direction = word
            self.index += 1
            if self.accept("all"):
                all_rows = True
            elif self.word() not in ("from", "in") and not (
                self.is_name() and self.kind != ICONST and (self.kinds[self.index + 1] == ";" or self.word(1) == "into")
            ):
                count = self._count()
        elif word == "all":
            self.index += 1
            all_rows = True
        elif self.kind == ICONST or self.at_operator("-") or (self.is_name() and last in ("from", "in")):
            count = self._count()
        self.accept("from") or self.accept("in")
        cursor = self.name()
        if moves:
            return x.Fetch(line, cursor, direction, count, None if all_rows else number, None)
        if all_rows:
            raise self.refuse("FETCH statement cannot return multiple rows", sqlstate.FEATURE_NOT_SUPPORTED)
        self.expect("into")
        return x.Fetch(line, cursor, direction, count, number, self.into())

    def _count(self) -> x.Sql:
        stop = self.index
        while self.word_at(stop) not in ("from", "in") and self.kinds[stop] not in (";", END):
            if stop > self.index and self.word_at(stop) and self.kinds[stop - 1] == ICONST:
                break
            stop += 1
        return self.sql(self.index, stop)

    def word_at(self, index: int) -> str:
        """A token as a word."""
        return self._word(index)

    def close(self, line: int) -> x.Statement:
        """CLOSE cursor"""
        self.index += 1
        return x.Close(line, self.name())
