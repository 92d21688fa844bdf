"""SQL text of syntax trees: how defaults, checks, index expressions and view queries are stored.

The text reads back as the same tree. Operators stand in parentheses, names are quoted where they must be. Table names
can be completed with their schemas on the way (`relation`), so that a stored text does not depend on a search path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from datacave_core.errors import FeatureNotSupported
from datacave_sql.parse import ast
from datacave_sql.parse.keywords import KEYWORDS

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")

RelationName = Callable[[ast.TableRef], tuple[str, ...]]
StarColumns = Callable[[ast.ColumnRef], tuple[tuple[str, ...], ...] | None]
RoutineName = Callable[[ast.FunctionCall], tuple[str, ...]]
NaturalColumns = Callable[[ast.Join], tuple[str, ...] | None]


def quote_identifier(name: str) -> str:
    """A name as SQL reads it back, with quotes where PostgreSQL puts them."""
    if _PLAIN.fullmatch(name) and KEYWORDS.get(name, "unreserved") == "unreserved":
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """A string constant."""
    body = text.replace("'", "''")
    return " E'" + body.replace("\\", "\\\\") + "'" if "\\" in text else f"'{body}'"


class SqlText:
    """Writes trees. `relation` and `routine` give full names of tables and functions; None leaves names as they are."""

    def __init__(
        self,
        relation: RelationName | None = None,
        star: StarColumns | None = None,
        routine: RoutineName | None = None,
        natural: NaturalColumns | None = None,
    ) -> None:
        self._natural = natural
        self._relation = relation
        self._star = star
        self.routine = routine

    # names and types

    def name(self, parts: Sequence[str]) -> str:
        return ".".join(quote_identifier(part) for part in parts)

    def type(self, t: ast.TypeName) -> str:
        """A type name; internal names read back as themselves."""
        text = self.name(t.names)
        if t.modifiers:
            text += f"({', '.join(self(m) for m in t.modifiers)})"
        if t.names[-1] == "interval" and t.names[0] == "pg_catalog" and t.modifiers:
            text = self._interval(t)
        for bound in t.array_bounds:
            text += "[]" if bound < 0 else f"[{bound}]"
        return f"SETOF {text}" if t.setof else text

    def _interval(self, t: ast.TypeName) -> str:
        words = {
            2: "month", 4: "year", 8: "day", 1024: "hour", 2048: "minute", 4096: "second", 6: "year to month",
            1032: "day to hour", 3080: "day to minute", 7176: "day to second", 3072: "hour to minute",
            7168: "hour to second", 6144: "minute to second",
        }  # fmt: skip
        numbers = [m.value for m in t.modifiers if isinstance(m, ast.IntegerLiteral)]
        field = words.get(numbers[0], "")
        precision = f"({numbers[1]})" if len(numbers) > 1 else ""
        return f"interval {field}{precision}" if field else f"interval{precision}"

    # expressions

    def __call__(self, e: ast.Expression) -> str:
        """The text of an expression. Raises 0A000 for forms that cannot be stored."""
        write = _EXPRESSIONS.get(type(e))
        if write is None:
            raise FeatureNotSupported(
                f"{type(e).__name__} cannot be stored in an expression", position=e.position or None
            )
        return write(self, e)

    def list(self, items: Sequence[ast.Expression]) -> str:
        return ", ".join(self(item) for item in items)

    def row(self, items: Sequence[ast.Expression]) -> str:
        """The fields of a row; stars in it are spelled out."""
        starred = (ast.Target(item.position, item) for item in items)
        return ", ".join(self.target(one) if isinstance(one.expression, ast.ColumnRef) else self(one.expression)
                         for one in starred)  # fmt: skip

    def order(self, items: Sequence[ast.OrderItem]) -> str:
        words = []
        for item in items:
            text = self(item.expression)
            if item.using is not None:
                text += f" USING OPERATOR({self.operator(item.using[:-1], item.using[-1])})"
            elif item.descending:
                text += " DESC"
            if item.nulls_first is not None:
                text += " NULLS FIRST" if item.nulls_first else " NULLS LAST"
            words.append(text)
        return ", ".join(words)

    def operator(self, schema: Sequence[str], name: str) -> str:
        return f"{self.name(schema)}.{name}" if schema else name

    def infix(self, schema: Sequence[str], name: str) -> str:
        return f"OPERATOR({self.operator(schema, name)})" if schema else name

    def window(self, w: ast.WindowDefinition) -> str:
        """An OVER clause or a window's definition."""
        if w.name is not None and not (w.partition_by or w.order_by or w.frame or w.reference):
            return quote_identifier(w.name)
        parts = [quote_identifier(w.reference)] if w.reference else []
        if w.partition_by:
            parts.append(f"PARTITION BY {self.list(w.partition_by)}")
        if w.order_by:
            parts.append(f"ORDER BY {self.order(w.order_by)}")
        if w.frame is not None:
            text = f"{w.frame.mode.upper()} BETWEEN {self._bound(w.frame.start)} AND {self._bound(w.frame.end)}"
            if w.frame.exclusion:
                text += f" EXCLUDE {w.frame.exclusion.upper()}"
            parts.append(text)
        return f"({' '.join(parts)})"

    def _bound(self, bound: ast.FrameBound) -> str:
        words = bound.kind.upper()
        return f"{self(bound.offset)} {words}" if bound.offset is not None else words

    # queries

    def query(self, q: ast.Statement) -> str:
        """The text of a query. Raises 0A000 for statements that are none."""
        if not isinstance(q, ast.Query):
            raise FeatureNotSupported("data-modifying statements cannot be stored in a view")
        parts = []
        if q.with_clause is not None:
            parts.append(self.with_text(q.with_clause))
        parts.append(self._body(q.body))
        if q.order_by:
            parts.append(f"ORDER BY {self.order(q.order_by)}")
        if q.with_ties:
            if q.offset is not None:
                parts.append(f"OFFSET {self(q.offset)}")
            assert q.limit is not None
            parts.append(f"FETCH FIRST ({self(q.limit)}) ROWS WITH TIES")
        else:
            if q.limit is not None:
                parts.append(f"LIMIT {self(q.limit)}")
            if q.offset is not None:
                parts.append(f"OFFSET {self(q.offset)}")
        for clause in q.locking:
            text = f"FOR {clause.strength.upper()}"
            if clause.tables:
                text += " OF " + ", ".join(self.name(t) for t in clause.tables)
            parts.append(text + ("" if clause.wait_policy == "wait" else f" {clause.wait_policy.upper()}"))
        return " ".join(parts)

    def with_text(self, clause: ast.WithClause) -> str:
        """The text of a WITH clause."""
        tables = []
        for table in clause.tables:
            columns = f"({', '.join(map(quote_identifier, table.columns))})" if table.columns else ""
            hint = {None: "", True: "MATERIALIZED ", False: "NOT MATERIALIZED "}[table.materialized]
            text = f"{quote_identifier(table.name)}{columns} AS {hint}({self.query(table.statement)})"
            tables.append(text + search_text(table) + cycle_text(table, self))
        return f"WITH {'RECURSIVE ' if clause.recursive else ''}{', '.join(tables)}"

    def _body(self, body: ast.Select | ast.Values | ast.SetOperation) -> str:
        if isinstance(body, ast.Values):
            return "VALUES " + ", ".join(f"({self.row(row)})" for row in body.rows)
        if isinstance(body, ast.SetOperation):
            every = " ALL" if body.all else ""
            return f"({self.query(body.left)}) {body.operator.upper()}{every} ({self.query(body.right)})"
        parts = ["SELECT"]
        if body.distinct_on:
            parts.append(f"DISTINCT ON ({self.list(body.distinct_on)})")
        elif body.distinct:
            parts.append("DISTINCT")
        parts.append(", ".join(self.target(t) for t in body.targets))
        if body.from_items:
            parts.append("FROM " + ", ".join(self.from_item(item) for item in body.from_items))
        if body.where is not None:
            parts.append(f"WHERE {self(body.where)}")
        if body.group_by:
            parts.append(f"GROUP BY {'DISTINCT ' if body.group_distinct else ''}{self.list(body.group_by)}")
        if body.having is not None:
            parts.append(f"HAVING {self(body.having)}")
        if body.windows:
            words = []
            for w in body.windows:
                bare = ast.WindowDefinition(w.position, None, w.reference, w.partition_by, w.order_by, w.frame)
                words.append(f"{quote_identifier(w.name or '')} AS {self.window(bare)}")
            parts.append("WINDOW " + ", ".join(words))
        return " ".join(part for part in parts if part)

    def target(self, t: ast.Target) -> str:
        if isinstance(t.expression, ast.ColumnRef) and t.expression.star and self._star is not None:
            columns = self._star(t.expression)
            if columns is not None:
                return ", ".join(self.name(column) for column in columns)
        text = self(t.expression)
        return f"{text} AS {quote_identifier(t.alias)}" if t.alias is not None else text

    def alias(self, alias: ast.Alias | None) -> str:
        if alias is None:
            return ""
        columns = f"({', '.join(map(quote_identifier, alias.columns))})" if alias.columns else ""
        return f" AS {quote_identifier(alias.name)}{columns}"

    def _sample(self, item: ast.TableRef) -> str:
        sample = item.sample
        if sample is None:
            return ""
        arguments = ", ".join(self(argument) for argument in sample.arguments)
        seed = f" REPEATABLE ({self(sample.repeatable)})" if sample.repeatable is not None else ""
        return f" TABLESAMPLE {self.name(sample.method)} ({arguments}){seed}"

    def from_item(self, item: ast.FromItem) -> str:
        """The text of a FROM item."""
        if isinstance(item, ast.TableRef):
            if item.system_time is not None:
                raise FeatureNotSupported("FOR SYSTEM_TIME cannot be stored in a view")
            name = self._relation(item) if self._relation is not None else item.name
            return ("ONLY " if item.only else "") + self.name(name) + self.alias(item.alias) + self._sample(item)
        if isinstance(item, ast.SubqueryRef):
            return f"{'LATERAL ' if item.lateral else ''}({self.query(item.query)}){self.alias(item.alias)}"
        if isinstance(item, ast.FunctionRef):
            return self._functions(item)
        if isinstance(item, ast.Join):
            return self._join(item)
        raise FeatureNotSupported("this FROM item cannot be stored in a view")

    def _definitions(self, columns: Sequence[ast.ColumnDefinitionItem]) -> str:
        return "(" + ", ".join(f"{quote_identifier(c.name)} {self.type(c.type_name)}" for c in columns) + ")"

    def _functions(self, item: ast.FunctionRef) -> str:
        calls = []
        for function in item.functions:
            text = self(function.call)
            calls.append(text + (f" AS {self._definitions(function.columns)}" if function.columns else ""))
        text = f"ROWS FROM ({', '.join(calls)})" if item.rows_from else calls[0]
        if item.ordinality:
            text += " WITH ORDINALITY"
        text = ("LATERAL " if item.lateral else "") + text
        if item.columns:
            name = f" {quote_identifier(item.alias.name)}" if item.alias is not None else ""
            return f"{text} AS{name}{self._definitions(item.columns)}"
        return text + self.alias(item.alias)

    def _join(self, item: ast.Join) -> str:
        words = {
            "inner": "JOIN",
            "left": "LEFT JOIN",
            "right": "RIGHT JOIN",
            "full": "FULL JOIN",
            "cross": "CROSS JOIN",
        }
        using = item.using
        word = words[item.kind]
        if item.natural:
            using = (self._natural(item) if self._natural is not None else None) or ()
            word = "CROSS JOIN" if item.kind == "inner" and not using else word if using else f"NATURAL {word}"
        text = f"{self.from_item(item.left)} {word} {self.from_item(item.right)}"
        if using:
            text += f" USING ({', '.join(map(quote_identifier, using))})"
            if item.using_alias is not None:
                text += f" AS {quote_identifier(item.using_alias)}"
        elif item.on is not None:
            text += f" ON {self(item.on)}"
        return f"({text}){self.alias(item.alias)}"


def search_text(table: ast.CommonTable) -> str:
    """The SEARCH clause of a WITH query, or nothing."""
    search = table.search
    if search is None:
        return ""
    columns = ", ".join(map(quote_identifier, search.columns))
    order = "BREADTH" if search.breadth_first else "DEPTH"
    return f" SEARCH {order} FIRST BY {columns} SET {quote_identifier(search.sequence_column)}"


def cycle_text(table: ast.CommonTable, shown: Callable[[ast.Expression], str]) -> str:
    """The CYCLE clause of a WITH query, or nothing; `shown` writes its values."""
    cycle = table.cycle
    if cycle is None:
        return ""
    text = f" CYCLE {', '.join(map(quote_identifier, cycle.columns))} SET {quote_identifier(cycle.mark_column)}"
    if cycle.mark_value is not None and cycle.mark_default is not None:
        text += f" TO {shown(cycle.mark_value)} DEFAULT {shown(cycle.mark_default)}"
    return f"{text} USING {quote_identifier(cycle.path_column)}"


_SIDES = {"btrim": "BOTH", "ltrim": "LEADING", "rtrim": "TRAILING"}


def _sql_words(name: str, given: Sequence[str]) -> str | None:
    """A call that was written in SQL's own words, in these words; None where there are none."""
    if name == "extract":
        return f"EXTRACT({given[0]} FROM {given[1]})"
    if name == "timezone":
        return f"({given[1]} AT TIME ZONE {given[0]})"
    if name == "position":
        return f"POSITION(({given[1]}) IN ({given[0]}))"
    if name == "pg_collation_for":
        return f"COLLATION FOR ({given[0]})"
    if name == "overlaps" and len(given) == 4:
        return f"(({given[0]}, {given[1]}) OVERLAPS ({given[2]}, {given[3]}))"
    if name == "normalize":
        return f"NORMALIZE({', '.join([given[0], *(form.strip(chr(39)) for form in given[1:])])})"
    if name == "is_normalized":
        return f"({given[0]} IS {''.join(form.strip(chr(39)) + ' ' for form in given[1:])}NORMALIZED)"
    if name == "substring" and len(given) > 1:
        return f"SUBSTRING({given[0]} FROM {' FOR '.join(given[1:])})"
    if name in _SIDES:
        return f"TRIM({_SIDES[name]} {''.join(given[1:])} FROM {given[0]})"
    if name == "overlay":
        return f"OVERLAY({given[0]} PLACING {given[1]} FROM {' FOR '.join(given[2:])})"
    return None


def _call(s: SqlText, e: ast.FunctionCall) -> str:
    arguments = [s(a) for a in e.arguments]
    words = _sql_words(e.name[-1], arguments) if e.sql_syntax else None
    if words is not None:
        return words
    if e.variadic and arguments:
        arguments[-1] = f"VARIADIC {arguments[-1]}"
    inside = "*" if e.star else ("DISTINCT " if e.distinct else "") + ", ".join(arguments)
    if e.order_by and not e.within_group:
        inside += f" ORDER BY {s.order(e.order_by)}"
    text = f"{s.name(e.name if s.routine is None else s.routine(e))}({inside})"
    if e.within_group:
        text += f" WITHIN GROUP (ORDER BY {s.order(e.order_by)})"
    if e.filter is not None:
        text += f" FILTER (WHERE {s(e.filter)})"
    return f"{text} OVER {s.window(e.over)}" if e.over is not None else text


def _case(s: SqlText, e: ast.Case) -> str:
    text = "CASE" + (f" {s(e.operand)}" if e.operand is not None else "")
    for when in e.whens:
        text += f" WHEN {s(when.condition)} THEN {s(when.result)}"
    return text + (f" ELSE {s(e.default)}" if e.default is not None else "") + " END"


def _column(s: SqlText, e: ast.ColumnRef) -> str:
    parts = [quote_identifier(part) for part in e.parts] + (["*"] if e.star else [])
    return ".".join(parts)


def _between(s: SqlText, e: ast.Between) -> str:
    words = f"{'NOT ' if e.negated else ''}BETWEEN {'SYMMETRIC ' if e.symmetric else ''}"
    return f"({s(e.operand)} {words}{s(e.low)} AND {s(e.high)})"


def _like(s: SqlText, e: ast.Like) -> str:
    words = {"like": "LIKE", "ilike": "ILIKE", "similar": "SIMILAR TO"}[e.kind]
    escape = f" ESCAPE {s(e.escape)}" if e.escape is not None else ""
    return f"({s(e.operand)} {'NOT ' if e.negated else ''}{words} {s(e.pattern)}{escape})"


def _subscripts(s: SqlText, e: ast.SubscriptedExpression) -> str:
    operand = s(e.operand)
    text = operand if isinstance(e.operand, ast.ColumnRef) else f"({operand})"
    for part in e.subscripts:
        upper = s(part.upper) if part.upper is not None else ""
        lower = s(part.lower) if part.lower is not None else ""
        text += f"[{lower}:{upper}]" if part.is_slice else f"[{upper}]"
    return text


def _grouping_set(s: SqlText, e: ast.GroupingSet) -> str:
    if e.kind == "empty":
        return "()"
    words = {"rollup": "ROLLUP", "cube": "CUBE", "sets": "GROUPING SETS"}[e.kind]
    return f"{words} ({s.list(e.items)})"


def _value_function(s: SqlText, e: ast.SqlValueFunction) -> str:
    return e.name.upper() + (f"({e.precision})" if e.precision is not None else "")


def _unary(s: SqlText, e: ast.UnaryOperation) -> str:
    return f"({s.infix(e.schema, e.operator)} {s(e.operand)})"


def _binary(s: SqlText, e: ast.BinaryOperation) -> str:
    return f"({s(e.left)} {s.infix(e.schema, e.operator)} {s(e.right)})"


def _row(s: SqlText, e: ast.RowExpression) -> str:
    return f"{'ROW' if e.explicit or len(e.fields) < 2 else ''}({s.row(e.fields)})"


def _quantified(s: SqlText, e: Any) -> str:
    inner = s(e.array) if isinstance(e, ast.QuantifiedArray) else s.query(e.query)
    return f"({s(e.operand)} {s.infix(e.schema, e.operator)} {e.quantifier.upper()} ({inner}))"


def _number(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


_EXPRESSIONS: dict[type, Callable[[SqlText, Any], str]] = {
    ast.IntegerLiteral: lambda s, e: _number(str(e.value)),
    ast.DecimalLiteral: lambda s, e: _number(e.text),
    ast.StringLiteral: lambda s, e: quote_literal(e.value),
    ast.BitStringLiteral: lambda s, e: f"{'X' if e.hexadecimal else 'B'}'{e.digits}'",
    ast.BooleanLiteral: lambda s, e: "true" if e.value else "false",
    ast.NullLiteral: lambda s, e: "NULL",
    ast.Parameter: lambda s, e: f"${e.number}",
    ast.ColumnRef: _column,
    ast.FieldSelection: lambda s, e: f"({s(e.operand)}).{quote_identifier(e.field)}",
    ast.FieldStar: lambda s, e: f"({s(e.operand)}).*",
    ast.SubscriptedExpression: _subscripts,
    ast.UnaryOperation: _unary,
    ast.BinaryOperation: _binary,
    ast.Not: lambda s, e: f"(NOT {s(e.operand)})",
    ast.And: lambda s, e: "(" + " AND ".join(s(o) for o in e.operands) + ")",
    ast.Or: lambda s, e: "(" + " OR ".join(s(o) for o in e.operands) + ")",
    ast.IsNull: lambda s, e: f"({s(e.operand)} IS {'NOT ' if e.negated else ''}NULL)",
    ast.BooleanTest: lambda s, e: f"({s(e.operand)} IS {'NOT ' if e.negated else ''}{e.test.upper()})",
    ast.DistinctFrom: lambda s, e: f"({s(e.left)} IS {'NOT ' if e.negated else ''}DISTINCT FROM {s(e.right)})",
    ast.Between: _between,
    ast.InList: lambda s, e: f"({s(e.operand)} {'NOT ' if e.negated else ''}IN ({s.list(e.items)}))",
    ast.InSubquery: lambda s, e: f"({s(e.operand)} {'NOT ' if e.negated else ''}IN ({s.query(e.query)}))",
    ast.Like: _like,
    ast.QuantifiedArray: _quantified,
    ast.QuantifiedSubquery: _quantified,
    ast.Exists: lambda s, e: f"EXISTS ({s.query(e.query)})",
    ast.ScalarSubquery: lambda s, e: f"({s.query(e.query)})",
    ast.ArraySubquery: lambda s, e: f"ARRAY({s.query(e.query)})",
    ast.ArrayLiteral: lambda s, e: f"ARRAY[{s.list(e.elements)}]",
    ast.RowExpression: _row,
    ast.Case: _case,
    ast.Coalesce: lambda s, e: f"COALESCE({s.list(e.arguments)})",
    ast.NullIf: lambda s, e: f"NULLIF({s(e.left)}, {s(e.right)})",
    ast.MinMax: lambda s, e: f"{e.kind.upper()}({s.list(e.arguments)})",
    ast.Cast: lambda s, e: f"CAST({s(e.operand)} AS {s.type(e.type_name)})",
    ast.Collate: lambda s, e: f"({s(e.operand)} COLLATE {s.name(e.collation)})",
    ast.NamedArgument: lambda s, e: f"{quote_identifier(e.name)} => {s(e.value)}",
    ast.FunctionCall: _call,
    ast.SqlValueFunction: _value_function,
    ast.GroupingCall: lambda s, e: f"GROUPING({s.list(e.arguments)})",
    ast.GroupingSet: _grouping_set,
}
