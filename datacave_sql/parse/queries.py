"""QueryGrammar: SELECT, VALUES, TABLE, set operations, WITH, and what may follow a query.

UNION and EXCEPT go left to right, INTERSECT binds tighter. A query in parentheses that goes on behind them
(`(SELECT 1) LIMIT 1`) takes the tail into itself, and refuses what it has already, as PostgreSQL does.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from datacave_sql.parse.ast import (
    ColumnRef,
    CommonTable,
    CycleClause,
    Expression,
    FromItem,
    GroupingSet,
    IntegerLiteral,
    IntoTable,
    LockingClause,
    OrderItem,
    Persistence,
    QualifiedName,
    Query,
    SearchClause,
    Select,
    SetOperation,
    Statement,
    Target,
    UnaryOperation,
    Values,
    WithClause,
)
from datacave_sql.parse.keywords import BARE_LABEL
from datacave_sql.parse.lexer import END, FCONST, ICONST
from datacave_sql.parse.windows import WindowGrammar

_AFTER_TARGETS = frozenset(
    ["from", "into", "where", "group", "having", "window", "union", "intersect", "except", "order"]
)
_AFTER_TARGETS |= {"limit", "offset", "fetch", "for", "on", "returning", "with", ")", ";", END}
_SET_LEVELS = {"union": 1, "except": 1, "intersect": 2}
_TAIL_WORDS = frozenset(["order", "limit", "offset", "fetch", "for"])


class QueryGrammar(WindowGrammar):
    """select_no_parens and its parts."""

    __slots__ = ()

    @abstractmethod
    def preparable_statement(self) -> Statement:
        """A query or a data-modifying statement: what WITH, PREPARE and COPY may hold."""

    def query(self) -> Query:
        """A query that may begin with WITH and parentheses and may have a tail."""
        position = self.position()
        with_clause = self.with_clause() if self.kinds[self.index] == "with" else None
        return self.query_with(position, with_clause)

    def query_with(self, position: int, with_clause: WithClause | None) -> Query:
        """A query whose WITH has been read."""
        return self._tail(self._set_operations(self._query_term(), 0), position, with_clause)

    def query_after(self, left: Query) -> Query:
        kind = self.kinds[self.index]
        if kind not in _SET_LEVELS and kind not in _TAIL_WORDS:
            return left
        return self._tail(self._set_operations(left, 0), left.position, None)

    def select_statement(self) -> Query:
        """A whole query with or without parentheses round it."""
        if self.kinds[self.index] == "(":
            return self.query_after(self.subquery())
        if not self.at_query(self.index) and self.kinds[self.index] != "values":
            raise self.syntax_error()
        return self.query()

    # --- set operations ----------------------------------------------------------------------------------------------

    def _query_term(self) -> Query:
        kind = self.kinds[self.index]
        position = self.starts[self.index] + 1
        if kind == "select":
            return Query(position, self._select())
        if kind == "(":
            return self.subquery()
        if kind == "values":
            return Query(position, self._values())
        if kind == "table":
            self.index += 1
            star = Target(position, ColumnRef(position, (), True))
            return Query(position, Select(position, (star,), (self.relation(),)))
        raise self.syntax_error()

    def _set_operations(self, left: Query, floor: int) -> Query:
        while (level := _SET_LEVELS.get(self.kinds[self.index], 0)) > floor:
            position = self.position()
            word = self.kinds[self.index]
            self.index += 1
            keep_all = self.accept("all")
            if not keep_all:
                self.accept("distinct")
            right = self._set_operations(self._query_term(), level)
            operator: Literal["union", "intersect", "except"]
            operator = "union" if word == "union" else "intersect" if word == "intersect" else "except"
            left = Query(left.position, SetOperation(position, operator, keep_all, left, right))
        return left

    # --- SELECT ------------------------------------------------------------------------------------------------------

    def _select(self) -> Select:
        kinds = self.kinds
        position = self.starts[self.index] + 1
        self.index += 1
        distinct = False
        distinct_on: tuple[Expression, ...] = ()
        if kinds[self.index] == "distinct":
            self.index += 1
            distinct = True
            if self.accept("on"):
                self.expect("(")
                distinct_on = self.expressions()
                self.expect(")")
            targets = self.targets()
        else:
            self.accept("all")
            targets = () if kinds[self.index] in _AFTER_TARGETS else self.targets()
        into = self._into() if kinds[self.index] == "into" else None
        from_items: tuple[FromItem, ...] = ()
        if kinds[self.index] == "from":
            self.index += 1
            from_items = self.from_list()
        as_of = self.as_of_system_time()
        where = None
        if kinds[self.index] == "where":
            self.index += 1
            where = self.expression()
        if kinds[self.index] not in ("group", "having", "window"):
            return Select(position, targets, from_items, where, (), False, None, (), distinct, distinct_on, into, as_of)
        group_by, group_distinct = self._group_by()
        having = self.expression() if self.accept("having") else None
        windows = self.window_clause()
        return Select(
            position,
            targets,
            from_items,
            where,
            group_by,
            group_distinct,
            having,
            windows,
            distinct,
            distinct_on,
            into,
            as_of,
        )

    def targets(self) -> tuple[Target, ...]:
        """A select list, or that of RETURNING."""
        first = self._target()
        if self.kinds[self.index] != ",":
            return (first,)
        found = [first]
        while self.accept(","):
            found.append(self._target())
        return tuple(found)

    def _target(self) -> Target:
        kinds = self.kinds
        position = self.starts[self.index] + 1
        if kinds[self.index] == "*":
            self.index += 1
            return Target(position, ColumnRef(position, (), True))
        expression = self.expression()
        kind = kinds[self.index]
        if kind == "as":
            if self.system_time_words_follow():
                return Target(position, expression)
            self.index += 1
            return Target(position, expression, self.column_label())
        if kind in BARE_LABEL:
            self.index += 1
            return Target(position, expression, self.values[self.index - 1])
        return Target(position, expression)

    def as_of_system_time(self) -> Expression | None:
        """AS OF SYSTEM TIME expression, or nothing."""
        if self.kinds[self.index] != "as" or not self.system_time_words_follow():
            return None
        self.index += 4
        return self.expression()

    def _into(self) -> IntoTable:
        self.index += 1
        position = self.position()
        persistence: Persistence = "permanent"
        kind = self.kinds[self.index]
        following = self.kinds[self.index + 1]
        if kind in ("temporary", "temp") and following != ".":
            self.index += 1
            persistence = "temporary"
        elif kind in ("local", "global") and following in ("temporary", "temp"):
            self.index += 2
            persistence = "temporary"
        elif kind == "unlogged" and following != ".":
            self.index += 1
            persistence = "unlogged"
        self.accept("table")
        return IntoTable(position, self.qualified_name(), persistence=persistence)

    def _group_by(self) -> tuple[tuple[Expression, ...], bool]:
        if not self.accept("group"):
            return (), False
        self.expect("by")
        distinct = self.accept("distinct")
        if not distinct:
            self.accept("all")
        return self._grouping_items(), distinct

    def _grouping_items(self) -> tuple[Expression, ...]:
        found = [self._grouping_item()]
        while self.accept(","):
            found.append(self._grouping_item())
        return tuple(found)

    def _grouping_item(self) -> Expression:
        kind = self.kinds[self.index]
        following = self.kinds[self.index + 1]
        position = self.position()
        if kind == "(" and following == ")":
            self.index += 2
            return GroupingSet(position, "empty")
        if kind in ("rollup", "cube") and following == "(":
            self.index += 2
            items = self.expressions()
            self.expect(")")
            return GroupingSet(position, "rollup" if kind == "rollup" else "cube", items)
        if kind == "grouping" and following == "sets":
            self.index += 2
            self.expect("(")
            items = self._grouping_items()
            self.expect(")")
            return GroupingSet(position, "sets", items)
        return self.expression()

    def _values(self) -> Values:
        position = self.position()
        self.index += 1
        rows = [self._values_row()]
        while self.accept(","):
            rows.append(self._values_row())
        return Values(position, tuple(rows))

    def _values_row(self) -> tuple[Expression, ...]:
        self.expect("(")
        row = self.expressions()
        self.expect(")")
        return row

    # --- WITH --------------------------------------------------------------------------------------------------------

    def with_clause(self) -> WithClause:
        """WITH and its tables; the current token is WITH."""
        position = self.position()
        self.index += 1
        # WITH recursive AS (..) and WITH recursive (a) AS (..) name a table so.
        recursive = self.kinds[self.index + 1] not in ("as", "(") and self.accept("recursive")
        tables = [self._common_table()]
        while self.accept(","):
            tables.append(self._common_table())
        return WithClause(position, recursive, tuple(tables))

    def _common_table(self) -> CommonTable:
        position = self.position()
        name = self.column_id()
        columns = self.optional_names_in_parentheses()
        self.expect("as")
        materialized: bool | None = None
        if self.accept("materialized"):
            materialized = True
        elif self.accept("not"):
            self.expect("materialized")
            materialized = False
        self.expect("(")
        statement = self.preparable_statement()
        self.expect(")")
        return CommonTable(position, name, columns, statement, materialized, self._search(), self._cycle())

    def _search(self) -> SearchClause | None:
        position = self.position()
        if not self.accept("search"):
            return None
        breadth = self.choose("depth", "breadth") == "breadth"
        self.expect_words("first", "by")
        columns = self.names()
        self.expect("set")
        return SearchClause(position, breadth, columns, self.column_id())

    def _cycle(self) -> CycleClause | None:
        position = self.position()
        if not self.accept("cycle"):
            return None
        columns = self.names()
        self.expect("set")
        mark = self.column_id()
        value: Expression | None = None
        default: Expression | None = None
        if self.accept("to"):
            value = self.primary()
            self.expect("default")
            default = self.primary()
        self.expect("using")
        return CycleClause(position, columns, mark, value, default, self.column_id())

    # --- what follows a query ----------------------------------------------------------------------------------------

    def order_by(self) -> tuple[OrderItem, ...]:
        if self.kinds[self.index] != "order":
            return ()
        self.index += 1
        self.expect("by")
        found = [self._order_item()]
        while self.accept(","):
            found.append(self._order_item())
        return tuple(found)

    def _order_item(self) -> OrderItem:
        position = self.position()
        expression = self.expression()
        descending = False
        using: QualifiedName | None = None
        kind = self.kinds[self.index]
        if kind == "desc" or kind == "asc":
            self.index += 1
            descending = kind == "desc"
        elif kind == "using":
            self.index += 1
            position = self.position()
            if self.kinds[self.index] == "operator":
                schema, operator = self.operator_name()
                using = (*schema, operator)
            else:
                using = (self.any_operator()[1],)
        return OrderItem(position, expression, descending, self.nulls_order(), using)

    def nulls_order(self) -> bool | None:
        """NULLS FIRST (true), NULLS LAST (false), or nothing."""
        if self.kinds[self.index] != "nulls" or self.kinds[self.index + 1] not in ("first", "last"):
            return None
        self.index += 2
        return self.kinds[self.index - 1] == "first"

    def _tail(self, query: Query, position: int, with_clause: WithClause | None) -> Query:
        kinds = self.kinds
        if kinds[self.index] not in _TAIL_WORDS:
            if with_clause is None:
                return query
            self._refuse_second(query.with_clause, with_clause, "WITH", with_clause.position)
            return Query(
                position,
                query.body,
                with_clause,
                query.order_by,
                query.limit,
                query.offset,
                query.with_ties,
                query.locking,
            )
        order_at = self.starts[self.index + 2] + 1
        order_by = self.order_by()
        locking = self._locking()
        limit_at = offset_at = self.position()
        limit: Expression | None = None
        offset: Expression | None = None
        ties = limited = False
        while True:
            kind = kinds[self.index]
            if kind in ("limit", "fetch") and not limited:
                limit_at = self.starts[self.index + 1] + 1
                limit, ties = self._limit() if kind == "limit" else self._fetch()
                limited = True
            elif kind == "offset" and offset is None:
                offset_at = self.starts[self.index + 1] + 1
                offset = self._offset()
            else:
                break
        if not locking:
            locking = self._locking()
        self._refuse_second(query.with_clause, with_clause, "WITH", position)
        self._refuse_second(query.order_by, order_by, "ORDER BY", order_at)
        self._refuse_second(query.limit, limit, "LIMIT", limit_at)
        self._refuse_second(query.offset, offset, "OFFSET", offset_at)
        if ties:
            if not order_by and not query.order_by:
                self.refuse("WITH TIES cannot be specified without ORDER BY clause", None)
            for clause in locking:
                if clause.wait_policy == "skip locked":
                    self.refuse("SKIP LOCKED and WITH TIES options cannot be used together", None)
        return Query(
            position,
            query.body,
            with_clause or query.with_clause,
            order_by or query.order_by,
            limit if limit is not None else query.limit,
            offset if offset is not None else query.offset,
            ties or query.with_ties,
            query.locking + locking,
        )

    def _refuse_second(self, first: object, second: object, name: str, position: int) -> None:
        if first and second:
            self.refuse(f"multiple {name} clauses not allowed", position)

    def _limit(self) -> tuple[Expression | None, bool]:
        position = self.position()
        self.index += 1
        value = None if self.accept("all") else self.expression()
        if self.kinds[self.index] == ",":
            self.refuse("LIMIT #,# syntax is not supported", position, hint="Use separate LIMIT and OFFSET clauses.")
        return value, False

    def _fetch(self) -> tuple[Expression | None, bool]:
        self.index += 1
        self.choose("first", "next")
        position = self.position()
        kind = self.kinds[self.index]
        value: Expression
        if kind in ("row", "rows") and self.kinds[self.index + 1] in ("only", "with"):
            value = IntegerLiteral(position, 1)
        else:
            value = self._fetch_count()
        self.choose("row", "rows")
        if self.choose("only", "with") == "only":
            return value, False
        self.expect("ties")
        return value, True

    def _fetch_count(self) -> Expression:
        """A signed number or an operand without operators."""
        if self.kinds[self.index] not in ("+", "-"):
            return self.primary()
        if self.kinds[self.index + 1] not in (ICONST, FCONST):
            raise self.syntax_error(self.index + 1)
        position = self.position()
        if self.accept("+"):
            return UnaryOperation(position, "+", self.primary())
        return self.expression(15)

    def _offset(self) -> Expression:
        self.index += 1
        value = self.expression()
        if self.kinds[self.index] in ("row", "rows"):
            self.index += 1
        return value

    def _locking(self) -> tuple[LockingClause, ...]:
        kinds = self.kinds
        found: list[LockingClause] = []
        while kinds[self.index] == "for":
            position = self.position()
            self.index += 1
            if self.accept_words("read", "only"):
                continue
            strength: Literal["update", "no key update", "share", "key share"]
            if self.accept("update"):
                strength = "update"
            elif self.accept("share"):
                strength = "share"
            elif self.accept("no"):
                self.expect_words("key", "update")
                strength = "no key update"
            else:
                self.expect_words("key", "share")
                strength = "key share"
            tables = self.qualified_names() if self.accept("of") else ()
            policy: Literal["wait", "nowait", "skip locked"] = "wait"
            if self.accept("nowait"):
                policy = "nowait"
            elif self.accept("skip"):
                self.expect("locked")
                policy = "skip locked"
            found.append(LockingClause(position, strength, tables, policy))
        return tuple(found)
