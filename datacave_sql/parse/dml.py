"""DmlGrammar: INSERT, UPDATE, DELETE, MERGE, and the index elements that ON CONFLICT shares with CREATE INDEX."""

from __future__ import annotations

from typing import Literal

from datacave_sql.parse.ast import (
    Alias,
    Assignment,
    AssignmentTarget,
    ConflictTarget,
    CurrentOf,
    Delete,
    Expression,
    IndexElement,
    Insert,
    Merge,
    MergeWhen,
    MultiAssignment,
    OnConflict,
    Query,
    SetItem,
    Statement,
    Subscript,
    TableRef,
    Target,
    Update,
    WithClause,
)
from datacave_sql.parse.keywords import COLUMN_ID, RESERVED
from datacave_sql.parse.lexer import SCONST
from datacave_sql.parse.queries import QueryGrammar

Overriding = Literal["", "user", "system"]


class DmlGrammar(QueryGrammar):
    """PreparableStmt and its parts."""

    __slots__ = ()

    def preparable_statement(self) -> Statement:
        kind = self.kinds[self.index]
        if kind == "(":
            return self.query_after(self.subquery())
        position = self.position()
        with_clause = None
        if kind == "with":
            with_clause = self.with_clause()
            kind = self.kinds[self.index]
        if kind == "insert":
            return self._insert(position, with_clause)
        if kind == "update":
            return self._update(position, with_clause)
        if kind == "delete":
            return self._delete(position, with_clause)
        if kind == "merge":
            return self._merge(position, with_clause)
        return self.query_with(position, with_clause)

    # --- INSERT ------------------------------------------------------------------------------------------------------

    def _insert(self, position: int, with_clause: WithClause | None) -> Insert:
        self.index += 1
        self.expect("into")
        at = self.position()
        name = self.qualified_name()
        alias = None
        if self.accept("as"):
            alias_at = self.position()
            alias = Alias(alias_at, self.column_id())
        table = TableRef(at, name, alias)
        columns: tuple[AssignmentTarget, ...] = ()
        overriding: Overriding = ""
        source: Query | None = None
        kinds = self.kinds
        if kinds[self.index] == "default":
            self.index += 1
            self.expect("values")
        else:
            if kinds[self.index] == "(" and kinds[self.index + 1] in COLUMN_ID:
                columns = self._insert_columns()
            overriding = self._overriding()
            source = self._insert_source()
        on_conflict = self._on_conflict() if kinds[self.index] == "on" else None
        return Insert(position, table, columns, source, overriding, on_conflict, self.returning(), with_clause)

    def _insert_source(self) -> Query:
        if self.kinds[self.index] == "(":
            return self.query_after(self.subquery())
        return self.query()

    def _insert_columns(self) -> tuple[AssignmentTarget, ...]:
        self.expect("(")
        found = [self._assignment_target()]
        while self.accept(","):
            found.append(self._assignment_target())
        self.expect(")")
        return tuple(found)

    def _overriding(self) -> Overriding:
        if not self.accept("overriding"):
            return ""
        word: Overriding = "user" if self.choose("user", "system") == "user" else "system"
        self.expect("value")
        return word

    def _on_conflict(self) -> OnConflict:
        position = self.position()
        self.index += 1
        self.expect("conflict")
        target: ConflictTarget | None = None
        at = self.position()
        if self.accept("("):
            elements = self.index_elements()
            self.expect(")")
            target = ConflictTarget(at, elements, self.where())
        elif self.accept("on"):
            self.expect("constraint")
            target = ConflictTarget(at, constraint=self.column_id())
        self.expect("do")
        if self.accept("nothing"):
            return OnConflict(position, target, "nothing")
        self.expect_words("update", "set")
        assignments = self.assignments()
        return OnConflict(position, target, "update", assignments, self.where())

    # --- UPDATE and DELETE -------------------------------------------------------------------------------------------

    def _update(self, position: int, with_clause: WithClause | None) -> Update:
        self.index += 1
        table = self._target_table()
        self.expect("set")
        assignments = self.assignments()
        from_items = self.from_list() if self.accept("from") else ()
        where = self._where_or_current()
        return Update(position, table, assignments, from_items, where, self.returning(), with_clause)

    def _delete(self, position: int, with_clause: WithClause | None) -> Delete:
        self.index += 1
        self.expect("from")
        table = self._target_table()
        using = self.from_list() if self.accept("using") else ()
        where = self._where_or_current()
        return Delete(position, table, using, where, self.returning(), with_clause)

    def _target_table(self) -> TableRef:
        table = self.relation()
        kind = self.kinds[self.index]
        worded = kind == "as"
        if worded:
            self.index += 1
        elif kind == "set" or kind not in COLUMN_ID:
            return table
        position = self.position()
        return TableRef(table.position, table.name, Alias(position, self.column_id()), table.only)

    def where(self) -> Expression | None:
        """WHERE condition, or nothing."""
        return self.expression() if self.accept("where") else None

    def _where_or_current(self) -> Expression | None:
        if not self.accept("where"):
            return None
        if self.kinds[self.index] == "current" and self.kinds[self.index + 1] == "of":
            position = self.position()
            self.index += 2
            return CurrentOf(position, self.column_id())
        return self.expression()

    def returning(self) -> tuple[Target, ...]:
        """RETURNING list, or nothing."""
        return self.targets() if self.accept("returning") else ()

    def assignments(self) -> tuple[SetItem, ...]:
        """The list after SET."""
        found = [self._assignment()]
        while self.accept(","):
            found.append(self._assignment())
        return tuple(found)

    def _assignment(self) -> SetItem:
        position = self.position()
        if self.accept("("):
            targets = [self._assignment_target()]
            while self.accept(","):
                targets.append(self._assignment_target())
            self.expect(")")
            self.expect("=")
            return MultiAssignment(position, tuple(targets), self.expression())
        target = self._assignment_target()
        self.expect("=")
        return Assignment(position, target, self.expression())

    def _assignment_target(self) -> AssignmentTarget:
        position = self.position()
        column = self.column_id()
        kinds = self.kinds
        if kinds[self.index] != "." and kinds[self.index] != "[":
            return AssignmentTarget(position, column)
        parts: list[str | Subscript] = []
        while True:
            if kinds[self.index] == "[":
                parts.append(self.subscript())
            elif self.accept("."):
                if kinds[self.index] == "*":
                    raise self.syntax_error()
                parts.append(self.column_label())
            else:
                return AssignmentTarget(position, column, tuple(parts))

    # --- MERGE -------------------------------------------------------------------------------------------------------

    def _merge(self, position: int, with_clause: WithClause | None) -> Merge:
        self.index += 1
        self.expect("into")
        table = self._target_table()
        self.expect("using")
        source = self.table_reference()
        self.expect("on")
        condition = self.expression()
        whens = [self._merge_when()]
        while self.kinds[self.index] == "when":
            whens.append(self._merge_when())
        return Merge(position, table, source, condition, tuple(whens), with_clause)

    def _merge_when(self) -> MergeWhen:
        position = self.position()
        self.expect("when")
        matched = not self.accept("not")
        self.expect("matched")
        condition = self.expression() if self.accept("and") else None
        self.expect("then")
        if self.accept("do"):
            self.expect("nothing")
            return MergeWhen(position, matched, "nothing", condition)
        if matched:
            if self.choose("update", "delete") == "delete":
                return MergeWhen(position, True, "delete", condition)
            self.expect("set")
            return MergeWhen(position, True, "update", condition, self.assignments())
        self.expect("insert")
        if self.accept("default"):
            self.expect("values")
            return MergeWhen(position, False, "insert", condition)
        columns = self._insert_columns() if self.kinds[self.index] == "(" else ()
        overriding = self._overriding()
        self.expect("values")
        self.expect("(")
        values = self.expressions()
        self.expect(")")
        return MergeWhen(position, False, "insert", condition, (), columns, values, overriding)

    # --- index elements ----------------------------------------------------------------------------------------------

    def index_elements(self) -> tuple[IndexElement, ...]:
        """The keys of an index, without the parentheses."""
        found = [self.index_element()]
        while self.accept(","):
            found.append(self.index_element())
        return tuple(found)

    def index_element(self) -> IndexElement:
        """A key with its collation, operator class and direction."""
        position = self.position()
        column, expression = self.index_key()
        collation = self.any_name() if self.accept("collate") else None
        operator_class = None
        options: tuple[tuple[str, str | None], ...] = ()
        if self._operator_class_follows():
            operator_class = self.any_name()
            if self.kinds[self.index] == "(":
                options = self._operator_class_options()
        descending = False
        if self.accept("desc"):
            descending = True
        else:
            self.accept("asc")
        return IndexElement(
            position, column, expression, collation, operator_class, options, descending, self.nulls_order()
        )

    def _operator_class_follows(self) -> bool:
        kind = self.kinds[self.index]
        return kind in COLUMN_ID and not (kind == "nulls" and self.kinds[self.index + 1] in ("first", "last"))

    def index_key(self) -> tuple[str | None, Expression | None]:
        """A column's name, a call, or an expression in parentheses."""
        kind = self.kinds[self.index]
        if kind == "(":
            self.index += 1
            expression = self.expression()
            self.expect(")")
            return None, expression
        following = self.kinds[self.index + 1]
        if kind in COLUMN_ID and following != "." and following != "(":
            self.index += 1
            return self.values[self.index - 1], None
        return None, self.windowless_call()

    def _operator_class_options(self) -> tuple[tuple[str, str | None], ...]:
        self.expect("(")
        found: list[tuple[str, str | None]] = []
        while True:
            name = self.column_label()
            if self.accept("."):
                name += "." + self.column_label()
            found.append((name, self.definition_value() if self.accept("=") else None))
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(found)

    def definition_value(self) -> str:
        """The value of a `name = value` option as text: a number, string, word, type or operator."""
        kinds = self.kinds
        index = self.index
        if kinds[index] == SCONST:
            return self.string()
        sign = "-" if kinds[index] == "-" else ""
        if kinds[index] in ("+", "-") and kinds[index + 1] in ("ICONST", "FCONST"):
            self.index += 2
            return sign + self.values[index + 1]
        if kinds[index] in ("ICONST", "FCONST"):
            self.index += 1
            return self.values[index]
        if kinds[index] in ("OP", "operator") or kinds[index] in _MARKS:
            if kinds[index] == "operator":
                schema, operator = self.operator_name()
                return ".".join([*schema, operator])
            return self.any_operator()[1]
        if kinds[index] in RESERVED or kinds[index] == "none":
            self.index += 1
            return self.values[index]
        self.routine_type_name()
        if self.index == index + 1:
            return self.values[index]
        return self.tokens.text[self.starts[index] : self.ends[self.index - 1]]


_MARKS = frozenset(["+", "-", "*", "/", "%", "^", "<", ">", "=", "<=", ">=", "<>"])
