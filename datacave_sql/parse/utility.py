"""UtilityGrammar: COPY, EXPLAIN, VACUUM, ANALYZE, CLUSTER, REINDEX, LOCK, TRUNCATE, DO, CALL, REFRESH."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from datacave_sql.parse.alter_table import AlterTableGrammar
from datacave_sql.parse.ast import (
    Call,
    Checkpoint,
    Cluster,
    Copy,
    CopyOption,
    Do,
    Explain,
    Expression,
    LockTable,
    Option,
    QualifiedName,
    RefreshMaterializedView,
    Reindex,
    Statement,
    TableRef,
    Truncate,
    Vacuum,
    VacuumTarget,
)
from datacave_sql.parse.keywords import COLUMN_ID, NON_RESERVED_WORD
from datacave_sql.parse.lexer import FCONST, ICONST, SCONST

_ANALYZE = ("analyze", "analyse")
_LOCK_MODES = (
    ("access", "share"),
    ("row", "share"),
    ("row", "exclusive"),
    ("share", "update", "exclusive"),
    ("share", "row", "exclusive"),
    ("share",),
    ("exclusive",),
    ("access", "exclusive"),
)


class UtilityGrammar(AlterTableGrammar):
    """Statements that move, show or maintain data."""

    __slots__ = ()

    @abstractmethod
    def statement(self) -> Statement:
        """Any statement."""

    # --- options in parentheses --------------------------------------------------------------------------------------

    def utility_options(self) -> tuple[Option, ...]:
        """(name [value], ..): EXPLAIN, VACUUM, REINDEX and so on. Names in lower case, values as text or numbers."""
        self.expect("(")
        found: list[Option] = []
        while True:
            position = self.position()
            kind = self.kinds[self.index]
            if kind not in NON_RESERVED_WORD and kind not in _ANALYZE:
                raise self.syntax_error()
            self.index += 1
            name = "analyze" if kind in _ANALYZE else self.values[self.index - 1]
            found.append(Option(position, name, self._option_value()))
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(found)

    def _option_value(self) -> str | int | None:
        kind = self.kinds[self.index]
        if kind in (ICONST, FCONST, "+", "-"):
            value = self.number()
            return value if isinstance(value, int) else str(value)
        if kind in ("true", "false", "on") or kind in NON_RESERVED_WORD or kind == SCONST:
            self.index += 1
            return self.values[self.index - 1]
        return None

    # --- COPY --------------------------------------------------------------------------------------------------------

    def copy(self) -> Statement:
        position = self.position()
        self.index += 1
        options: list[CopyOption] = []
        table: TableRef | None = None
        columns: tuple[str, ...] = ()
        query: Statement | None = None
        if self.kinds[self.index] == "(":
            self.index += 1
            query = self.preparable_statement()
            self.expect(")")
            self.expect("to")
            from_source = False
        else:
            at = self.position()
            if self.accept("binary"):
                options.append(CopyOption(at, "format", "binary"))
            at = self.position()
            table = TableRef(at, self.qualified_name())
            columns = self.optional_names_in_parentheses()
            from_source = self.choose("from", "to") == "from"
        program = self.kinds[self.index] == "program" and self.kinds[self.index + 1] == SCONST
        self.index += program
        file: str | None = None
        if self.kinds[self.index] == SCONST:
            file = self.string()
        else:
            if program:
                self.refuse("STDIN/STDOUT not allowed with PROGRAM", self.position())
            self.choose("stdin", "stdout")
        if table is not None:
            at = self.position()
            if self.accept_words("using", "delimiters") or self.accept("delimiters"):
                options.append(CopyOption(at, "delimiter", self.string()))
        self.accept("with")
        if self.kinds[self.index] == "(":
            options.extend(self._new_copy_options())
        else:
            options.extend(self._old_copy_options())
        where_at = self.position()
        where: Expression | None = None
        if table is not None and self.accept("where"):
            where = self.expression()
            if not from_source:
                self.refuse("WHERE clause not allowed with COPY TO", where_at)
        return Copy(position, table, columns, query, from_source, file, program, tuple(options), where)

    def _new_copy_options(self) -> list[CopyOption]:
        self.expect("(")
        found: list[CopyOption] = []
        while True:
            position = self.position()
            name = self.column_label()
            if self.accept("*"):
                found.append(CopyOption(position, name, None, ("*",)))
            elif self.accept("("):
                columns = [self._copy_word()]
                while self.accept(","):
                    columns.append(self._copy_word())
                self.expect(")")
                found.append(CopyOption(position, name, None, tuple(columns)))
            else:
                value = self._option_value()
                found.append(CopyOption(position, name, None if value is None else str(value)))
            if not self.accept(","):
                break
        self.expect(")")
        return found

    def _copy_word(self) -> str:
        if self.kinds[self.index] in ("true", "false", "on"):
            self.index += 1
            return self.values[self.index - 1]
        return self.word_or_string()

    def _old_copy_options(self) -> list[CopyOption]:
        """The syntax before PostgreSQL 9.0: words without commas."""
        found: list[CopyOption] = []
        while True:
            position = self.position()
            kind = self.kinds[self.index]
            if kind in ("binary", "csv"):
                self.index += 1
                found.append(CopyOption(position, "format", kind))
            elif kind in ("freeze", "header"):
                self.index += 1
                found.append(CopyOption(position, kind, "true"))
            elif kind in ("delimiter", "null", "quote", "escape"):
                self.index += 1
                self.accept("as")
                found.append(CopyOption(position, kind, self.string()))
            elif kind == "encoding":
                self.index += 1
                found.append(CopyOption(position, kind, self.string()))
            elif kind == "force":
                self.index += 1
                word = self.choose("quote", "not", "null")
                if word == "not":
                    self.expect("null")
                name = {"quote": "force_quote", "not": "force_not_null", "null": "force_null"}[word]
                columns = ("*",) if word == "quote" and self.accept("*") else self.names()
                found.append(CopyOption(position, name, None, columns))
            else:
                return found

    # --- EXPLAIN -----------------------------------------------------------------------------------------------------

    def explain(self) -> Statement:
        position = self.position()
        self.index += 1
        options: tuple[Option, ...] = ()
        if self.kinds[self.index] == "(" and not self._query_in_parentheses_follows():
            options = self.utility_options()
        else:
            words: list[Option] = []
            at = self.position()
            if self.kinds[self.index] in _ANALYZE:
                self.index += 1
                words.append(Option(at, "analyze"))
            at = self.position()
            if self.accept("verbose"):
                words.append(Option(at, "verbose"))
            options = tuple(words)
        return Explain(position, self._explainable(), options)

    def _query_in_parentheses_follows(self) -> bool:
        index = self.index
        while self.kinds[index] == "(":
            index += 1
        return self.kinds[index] in ("select", "values", "with", "table")

    def _explainable(self) -> Statement:
        kind = self.kinds[self.index]
        if kind == "declare":
            return self.declare_cursor()
        if kind == "execute":
            return self.execute()
        if kind in ("create", "refresh"):
            at = self.index
            found = self.statement()
            if kind == "create" and type(found).__name__ != "CreateTableAs":
                raise self.syntax_error(at)
            return found
        return self.preparable_statement()

    # --- maintenance -------------------------------------------------------------------------------------------------

    def vacuum(self) -> Statement:
        position = self.position()
        analyze_only = self.kinds[self.index] in _ANALYZE
        self.index += 1
        options: list[Option] = []
        if self.kinds[self.index] == "(":
            options.extend(self.utility_options())
        else:
            for word in ("verbose",) if analyze_only else ("full", "freeze", "verbose"):
                at = self.position()
                if self.accept(word):
                    options.append(Option(at, word))
            at = self.position()
            if not analyze_only and self.kinds[self.index] in _ANALYZE:
                self.index += 1
                options.append(Option(at, "analyze"))
        targets: list[VacuumTarget] = []
        if self.kinds[self.index] in COLUMN_ID:
            while True:
                at = self.position()
                table = TableRef(at, self.qualified_name())
                targets.append(VacuumTarget(at, table, self.optional_names_in_parentheses()))
                if not self.accept(","):
                    break
        return Vacuum(position, analyze_only, tuple(options), tuple(targets))

    def checkpoint(self) -> Statement:
        self.index += 1
        return Checkpoint(self.starts[self.index - 1] + 1)

    def cluster(self) -> Statement:
        position = self.position()
        self.index += 1
        options: tuple[Option, ...] = ()
        if self.kinds[self.index] == "(":
            options = self.utility_options()
        else:
            at = self.position()
            if self.accept("verbose"):
                options = (Option(at, "verbose"),)
        if self.kinds[self.index] not in COLUMN_ID:
            return Cluster(position, None, None, options)
        name = self.qualified_name()
        if len(name) == 1 and self.accept("on"):
            return Cluster(position, self.qualified_name(), name[0], options)
        return Cluster(position, name, self.column_id() if self.accept("using") else None, options)

    def reindex(self) -> Statement:
        position = self.position()
        self.index += 1
        options = self.utility_options() if self.kinds[self.index] == "(" else ()
        kind: Literal["index", "table", "schema", "system", "database"]
        word = self.choose("index", "table", "schema", "system", "database")
        concurrently = self.accept("concurrently")
        name: QualifiedName
        if word in ("index", "table"):
            kind = "index" if word == "index" else "table"
            name = self.qualified_name()
        else:
            kind = "schema" if word == "schema" else "system" if word == "system" else "database"
            name = (self.column_id(),)
        return Reindex(position, kind, name, concurrently, options)

    def refresh(self) -> Statement:
        position = self.position()
        self.index += 1
        self.expect_words("materialized", "view")
        concurrently = self.accept("concurrently")
        name = self.qualified_name()
        return RefreshMaterializedView(position, name, concurrently, self.with_data())

    # --- locks and the rest ------------------------------------------------------------------------------------------

    def lock(self) -> Statement:
        position = self.position()
        self.index += 1
        self.accept("table")
        tables = self._relations()
        mode = "access exclusive"
        if self.accept("in"):
            for words in _LOCK_MODES:
                if self.accept_words(*words, "mode"):
                    mode = " ".join(words)
                    break
            else:
                raise self.syntax_error()
        return LockTable(position, tables, mode, self.accept("nowait"))

    def truncate(self) -> Statement:
        position = self.position()
        self.index += 1
        self.accept("table")
        tables = self._relations()
        restart = False
        if self.kinds[self.index] in ("restart", "continue"):
            restart = self.kinds[self.index] == "restart"
            self.index += 1
            self.expect("identity")
        return Truncate(position, tables, restart, self.cascade())

    def _relations(self) -> tuple[TableRef, ...]:
        found = [self.relation()]
        while self.accept(","):
            found.append(self.relation())
        return tuple(found)

    def do(self) -> Statement:
        position = self.position()
        self.index += 1
        body: str | None = None
        language: str | None = None
        while self.kinds[self.index] in (SCONST, "language"):
            at = self.position()
            if self.accept("language"):
                if language is not None:
                    self.refuse("conflicting or redundant options", at)
                language = self.word_or_string()
            else:
                if body is not None:
                    self.refuse("conflicting or redundant options", at)
                body = self.string()
        if body is None:
            if language is None:
                raise self.syntax_error()
            self.refuse("no inline code specified", None)
        return Do(position, body, language)

    def call(self) -> Statement:
        position = self.position()
        self.index += 1
        return Call(position, self.call_statement())
