"""FromGrammar: tables, subqueries, functions and joins in FROM, with aliases, samples and points in time.

Two forms reach into the past. `FROM t FOR SYSTEM_TIME AS OF x` (also BETWEEN, FROM .. TO, ALL) belongs to one table;
`FROM a, b AS OF SYSTEM TIME x` belongs to the whole SELECT and is read by `queries.py`.
"""

from __future__ import annotations

from typing import Literal

from datacave_sql.parse.ast import (
    Alias,
    ColumnDefinitionItem,
    Expression,
    FromItem,
    FunctionCall,
    FunctionRef,
    Join,
    Query,
    SubqueryRef,
    SystemTime,
    TableFunction,
    TableRef,
    TableSample,
    UnsupportedFromItem,
    Values,
)
from datacave_sql.parse.keywords import COLUMN_ID, IDENT, TYPE_FUNCTION_NAME
from datacave_sql.parse.special_calls import SpecialCallGrammar

JoinKind = Literal["inner", "left", "right", "full", "cross"]
_JOIN_WORDS = frozenset(["join", "inner", "left", "right", "full", "cross", "natural"])


class FromGrammar(SpecialCallGrammar):
    """from_clause and relation_expr."""

    __slots__ = ()

    def from_list(self) -> tuple[FromItem, ...]:
        """The members of FROM, after the word."""
        first = self.table_reference()
        if self.kinds[self.index] != ",":
            return (first,)
        found = [first]
        while self.accept(","):
            found.append(self.table_reference())
        return tuple(found)

    # --- joins -------------------------------------------------------------------------------------------------------

    def table_reference(self) -> FromItem:
        """One member of FROM with all its joins."""
        return self._joins(self._single_reference())

    def _joins(self, left: FromItem) -> FromItem:
        kinds = self.kinds
        while (kind := kinds[self.index]) in _JOIN_WORDS:
            position = self.position()
            self.index += 1
            if kind == "cross":
                self.expect("join")
                left = Join(position, "cross", left, self._single_reference())
            elif kind == "natural":
                side = self._join_side()
                left = Join(position, side, left, self._single_reference(), natural=True)
            else:
                if kind != "join":
                    self.index -= 1
                    side = self._join_side()
                else:
                    side = "inner"
                # An unfinished join keeps collecting until its own ON or USING comes.
                right = self.table_reference()
                if self.accept("on"):
                    left = Join(position, side, left, right, self.expression())
                else:
                    self.expect("using")
                    columns = self.names_in_parentheses()
                    alias = self.column_id() if self.accept("as") else None
                    left = Join(position, side, left, right, using=columns, using_alias=alias)
        return left

    def _join_side(self) -> JoinKind:
        kind = self.kinds[self.index]
        if kind == "join":
            self.index += 1
            return "inner"
        side: JoinKind
        if kind == "inner":
            side = "inner"
        elif kind == "left":
            side = "left"
        elif kind == "right":
            side = "right"
        elif kind == "full":
            side = "full"
        else:
            raise self.syntax_error()
        self.index += 1
        if side != "inner":
            self.accept("outer")
        self.expect("join")
        return side

    # --- single members ----------------------------------------------------------------------------------------------

    def _single_reference(self) -> FromItem:
        kinds = self.kinds
        kind = kinds[self.index]
        if kind == "(":
            position = self.position()
            found = self._reference_in_parentheses()
            return self._aliased_query(position, found, False) if isinstance(found, Query) else found
        if kind == "lateral":
            position = self.position()
            self.index += 1
            if kinds[self.index] == "(":
                return self._aliased_query(position, self.subquery(), True)
            return self._function_reference(True)
        if kind == "only":
            return self._table(self.relation())
        following = kinds[self.index + 1]
        if kind == "rows" and following == "from":
            return self._function_reference(False)
        if kind in COLUMN_ID and (following != "(" or kind not in TYPE_FUNCTION_NAME) and following != ".":
            if following != "(" or kind == "values":
                return self._table(self.relation())
            return self._function_reference(False)
        if kind in COLUMN_ID and not self._call_follows():
            return self._table(self.relation())
        return self._function_reference(False)

    def _call_follows(self) -> bool:
        """Whether a dotted name ends in an opening parenthesis."""
        index = self.index + 1
        while self.kinds[index] == "." and self.kinds[index + 1] != "*":
            index += 2
        return self.kinds[index] == "("

    def relation(self) -> TableRef:
        """A table by name, with ONLY or a star."""
        only = self.accept("only")
        bracketed = only and self.accept("(")
        position = self.position()
        name = self.qualified_name()
        if bracketed:
            self.expect(")")
        if not only:
            self.accept("*")
        return TableRef(position, name, only=only)

    def _table(self, table: TableRef) -> FromItem:
        kinds = self.kinds
        kind = kinds[self.index]
        if kind not in COLUMN_ID and kind not in ("as", "for", "tablesample"):
            return table
        system_time = self.system_time()
        alias = self.alias()
        if alias is not None and system_time is None:
            system_time = self.system_time()
        sample = None
        if kinds[self.index] == "tablesample":
            self.index += 1
            at = self.position()
            method = self.any_name()
            self.expect("(")
            arguments = self.expressions()
            self.expect(")")
            seed: Expression | None = None
            if self.accept("repeatable"):
                self.expect("(")
                seed = self.expression()
                self.expect(")")
            sample = TableSample(at, method, arguments, seed)
        return TableRef(table.position, table.name, alias, table.only, sample, system_time)

    def alias(self) -> Alias | None:
        """[AS] name [(columns)], or nothing."""
        kinds = self.kinds
        if kinds[self.index] == "as":
            if self.system_time_words_follow():
                return None
            self.index += 1
        elif kinds[self.index] not in COLUMN_ID:
            return None
        position = self.position()
        name = self.column_id()
        return Alias(position, name, self.optional_names_in_parentheses())

    # --- points in time ----------------------------------------------------------------------------------------------

    def system_time_words_follow(self) -> bool:
        """Whether AS OF SYSTEM TIME stands here."""
        index = self.index
        return self.kinds[index : index + 4] == ["as", "of", "system", "time"]

    def system_time(self) -> SystemTime | None:
        """FOR SYSTEM_TIME .., or nothing."""
        index = self.index
        if self.kinds[index] != "for" or self.kinds[index + 1] != IDENT or self.values[index + 1] != "system_time":
            return None
        position = self.position()
        self.index = index + 2
        kind = self.choose("as", "between", "from", "all")
        if kind == "all":
            return SystemTime(position, "all")
        if kind == "as":
            self.expect("of")
            return SystemTime(position, "as of", self.restricted_expression())
        start = self.restricted_expression()
        self.expect("and" if kind == "between" else "to")
        return SystemTime(position, "between" if kind == "between" else "from", start, self.restricted_expression())

    # --- parentheses -------------------------------------------------------------------------------------------------

    def _reference_in_parentheses(self) -> Query | FromItem:
        """(query), ((query) UNION ..), or a join in parentheses with or without an alias."""
        position = self.position()
        self.index += 1
        kinds = self.kinds
        item: FromItem
        if kinds[self.index] == "(":
            inner_position = self.position()
            inner = self._reference_in_parentheses()
            if isinstance(inner, Query):
                query = self.query_after(inner)
                if self.accept(")"):
                    return query
                inner = self._aliased_query(inner_position, query, False)
            item = self._joins(inner)
        elif self.at_query(self.index):
            query = self.query()
            self.expect(")")
            return query
        else:
            item = self.table_reference()
        if not isinstance(item, Join):
            raise self.syntax_error()
        self.expect(")")
        alias = self.alias()
        if alias is None:
            return item
        return Join(
            position, item.kind, item.left, item.right, item.on, item.using, item.natural, item.using_alias, alias
        )

    def _aliased_query(self, position: int, query: Query, lateral: bool) -> SubqueryRef:
        alias = self.alias()
        if alias is None:
            values = isinstance(query.body, Values) and query.with_clause is None
            what, example = ("VALUES", "(VALUES ...)") if values else ("subquery", "(SELECT ...)")
            self.refuse(f"{what} in FROM must have an alias", position, hint=f"For example, FROM {example} [AS] foo.")
        return SubqueryRef(position, query, alias, lateral)

    # --- functions ---------------------------------------------------------------------------------------------------

    def _function_reference(self, lateral: bool) -> FromItem:
        position = self.position()
        kinds = self.kinds
        if kinds[self.index] == "xmltable" and kinds[self.index + 1] == "(":
            self.index += 2
            self.skip_to_closing_parenthesis()
            self.index += 1
            self.alias()
            return UnsupportedFromItem(position, "xmltable")
        rows_from = kinds[self.index] == "rows" and kinds[self.index + 1] == "from"
        functions: list[TableFunction] = []
        if rows_from:
            self.index += 2
            self.expect("(")
            while True:
                at = self.position()
                call = self.windowless_call()
                columns: tuple[ColumnDefinitionItem, ...] = ()
                if self.accept("as"):
                    columns = self._column_definitions()
                functions.append(TableFunction(at, call, columns))
                if not self.accept(","):
                    break
            self.expect(")")
        else:
            functions.append(TableFunction(position, self.windowless_call()))
        ordinality = self.accept_words("with", "ordinality")
        alias, definitions = self._function_alias()
        return FunctionRef(position, tuple(functions), alias, definitions, lateral, ordinality, rows_from)

    def windowless_call(self) -> Expression:
        """A call without FILTER, OVER and the like: in FROM, index keys, partition keys."""
        kinds = self.kinds
        index = self.index
        kind = kinds[index]
        if kind not in TYPE_FUNCTION_NAME or kind in ("collation", "current_schema"):
            call = self.special_call()
            if call is not None:
                return call
        if kind not in COLUMN_ID and kind not in TYPE_FUNCTION_NAME:
            raise self.syntax_error()
        name = [self.values[index]]
        self.index = index + 1
        if kind in COLUMN_ID:
            while self.accept("."):
                name.append(self.column_label())
        if kinds[self.index] != "(" or (len(name) == 1 and kind not in TYPE_FUNCTION_NAME):
            raise self.syntax_error()
        return self.function_application(self.starts[index] + 1, tuple(name))

    def _function_alias(self) -> tuple[Alias | None, tuple[ColumnDefinitionItem, ...]]:
        kinds = self.kinds
        worded = False
        if kinds[self.index] == "as" and not self.system_time_words_follow():
            self.index += 1
            worded = True
            if kinds[self.index] == "(":
                return None, self._column_definitions()
        if kinds[self.index] not in COLUMN_ID:
            if worded:
                raise self.syntax_error()
            return None, ()
        position = self.position()
        name = self.column_id()
        if kinds[self.index] != "(":
            return Alias(position, name), ()
        if kinds[self.index + 1] in COLUMN_ID and kinds[self.index + 2] not in (",", ")"):
            return Alias(position, name), self._column_definitions()
        return Alias(position, name, self.names_in_parentheses()), ()

    def _column_definitions(self) -> tuple[ColumnDefinitionItem, ...]:
        self.expect("(")
        found = [self.column_definition_item()]
        while self.accept(","):
            found.append(self.column_definition_item())
        self.expect(")")
        return tuple(found)

    def column_definition_item(self) -> ColumnDefinitionItem:
        """`name type [COLLATE c]`."""
        position = self.position()
        name = self.column_id()
        type_name = self.type_name()
        collation = self.any_name() if self.accept("collate") else None
        return ColumnDefinitionItem(position, name, type_name, collation)

    def call_statement(self) -> FunctionCall:
        """The call of CALL: a plain function application."""
        position = self.position()
        call = self.windowless_call()
        if not isinstance(call, FunctionCall) or call.sql_syntax:
            self.refuse("syntax error", position)
        return call
