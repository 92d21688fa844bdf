"""Definition queries: the query of a view as pg_get_viewdef lays it out, a clause a line.

Names of columns always say where they come from; stars have been spelled out when the view was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from itertools import count

from datacave_core.errors import FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind.definition_text import DefinitionText, ObjectName, Shown, TypeName, literal
from datacave_sql.bind.routine_resolution import resolve_named
from datacave_sql.bind.sqltext import cycle_text, quote_identifier, search_text
from datacave_sql.bind.state import Binding
from datacave_sql.bind.typenames import resolve_type
from datacave_sql.functions.resolution import ResolvedFunction
from datacave_sql.parse import ast, figure_column_name

STANDARD, JOIN, VARIABLE = 8, 4, 4
"""Steps of indentation: a query, a join, an item of a list."""


class DefinitionQuery(DefinitionText):
    """Writes queries. `relation_name(reference)` is a table's name as the search path needs it."""

    def __init__(
        self,
        b: Binding,
        type_name: TypeName,
        object_name: ObjectName,
        relation_name: Callable[[ast.TableRef], str],
        pretty: bool,
    ) -> None:
        super().__init__(b, type_name, object_name, pretty)
        self.relation_name = relation_name
        self.qualified = True
        self.literals_untyped = False
        """Whether literals of the next select list have no type yet: that of INSERT ... SELECT."""

    def clause(self, word: str, plus: int) -> str:
        """A clause's word on a line of its own, a step before the query's own indentation."""
        return "\n" + " " * (max(0, self.indent - STANDARD) + plus) + word

    def query(self, statement: ast.Statement, names: Sequence[str] = (), visible: bool = False) -> str:
        """A query; `names` are those of its columns where it belongs to a view, `visible` whether they matter."""
        if not isinstance(statement, ast.Query):
            raise FeatureNotSupported("only queries have a definition")
        before = self.indent
        self.open_frame(statement.body.from_items if isinstance(statement.body, ast.Select) else ())
        text = ""
        if statement.with_clause is not None:
            text = self.with_clause(statement.with_clause, isinstance(statement.body, ast.SetOperation))
        if isinstance(statement.body, ast.SetOperation):
            text += self._set_operation(statement.body, names, visible)
        else:
            if not text:
                self.indent += STANDARD
                text = " "
            text += (
                self._values(statement.body)
                if isinstance(statement.body, ast.Values)
                else self._select(statement.body, names, visible)
            )
        text += self._tail(statement)
        self.indent = before
        self.frames.pop()
        return text

    def open_frame(self, items: Sequence[ast.FromItem]) -> None:
        """Names for the FROM items of a query that the queries around it do not use."""
        taken = {printed for frame in self.frames for printed in frame.values()}
        self.frames.append({name: _free(name, taken) for name in _from_names(items)})

    def with_clause(self, clause: ast.WithClause, combined: bool = False) -> str:
        """WITH; `combined`: a set operation follows."""
        self.indent += STANDARD
        parts = []
        for table in clause.tables:
            columns = f"({', '.join(map(quote_identifier, table.columns))})" if table.columns else ""
            hint = {None: "", True: "MATERIALIZED ", False: "NOT MATERIALIZED "}[table.materialized]
            inner = self.keyword("") + self.query(table.statement, visible=True) + self.keyword("")
            tail = search_text(table) + cycle_text(table, lambda node: self.argument(node, self._settled(node)).text)
            parts.append(f"{quote_identifier(table.name)}{columns} AS {hint}({inner}){tail}")
        text = f" WITH {'RECURSIVE ' if clause.recursive else ''}" + ", ".join(parts)
        self.indent -= STANDARD
        if combined:
            return text + self.keyword("")
        self.indent += STANDARD
        return text + self.clause("", 0) + " "

    def _settled(self, node: ast.Expression) -> int:
        found = self.type_of(node)[0]
        return oids.TEXT if found == oids.UNKNOWN else found

    def _values(self, body: ast.Values) -> str:
        width = len(body.rows[0])
        common = [self.common([row[place] for row in body.rows]) for place in range(width)]
        rows = []
        for row in body.rows:
            items = ",".join(self.value(item, target) for item, target in zip(row, common, strict=True))
            rows.append(f"({items})")
        return "VALUES " + ", ".join(rows)

    def _select(self, body: ast.Select, names: Sequence[str], visible: bool) -> str:
        text = "SELECT"
        if body.distinct_on:
            text += " DISTINCT ON (" + ", ".join(self._key(item, body) for item in body.distinct_on) + ")"
        elif body.distinct:
            text += " DISTINCT"
        text += self._targets(body, names, visible)
        if body.from_items:
            text += self.from_clause(" FROM ", body.from_items)
        if body.where is not None:
            text += self.clause(" WHERE ", 1) + self(body.where).text
        if body.group_by:
            items = [self._group(item, body) for item in body.group_by]
            word = " GROUP BY DISTINCT " if body.group_distinct else " GROUP BY "
            text += self.clause(word, 1) + ", ".join(items)
        if body.having is not None:
            text += self.clause(" HAVING ", 0) + self(body.having).text
        if body.windows:
            shown = [f"{quote_identifier(w.name or '')} AS {self.window(_nameless(w))}" for w in body.windows]
            text += self.clause(" WINDOW ", 1) + ", ".join(shown)
        return text

    def _targets(self, body: ast.Select, names: Sequence[str], visible: bool) -> str:
        text = ""
        untyped, self.literals_untyped = self.literals_untyped, False
        for number, target in enumerate(_spelled_out(body.targets)):
            node = target.expression
            if untyped and isinstance(node, ast.StringLiteral):
                shown = literal(node.value)
            else:
                shown = self.argument(node, self.type_of(node)[0]).text
            name = names[number] if number < len(names) else target.alias or figure_column_name(node)
            own = None if visible else "?column?"
            if isinstance(node, ast.ColumnRef):
                row = shown.endswith(".*")
                shown += f"::{self.type_name(*self.type_of(node))}" if row else ""
                own = None if row else node.parts[-1]
            if name != own:
                shown += f" AS {quote_identifier(name)}"
            if shown.startswith("\n"):
                text = f"{text},{shown}" if number else shown
            elif number:
                text += "," + self.clause("", VARIABLE) + shown
            else:
                text = " " + shown
        return text

    def from_clause(self, word: str, items: Sequence[ast.FromItem]) -> str:
        """FROM or USING with its items."""
        text = self.clause(word, 2)
        for number, item in enumerate(items):
            shown = self._item(item)
            text += ("," + self.clause("", VARIABLE) if number else "") + shown
        return text

    def _item(self, item: ast.FromItem) -> str:
        if isinstance(item, ast.TableRef):
            name = self.relation_name(item)
            shown = f"{'ONLY ' if item.only else ''}{name}{self._alias(item.alias, item.name[-1])}"
            return shown if item.sample is None else shown + self._sample(item.sample)
        if isinstance(item, ast.SubqueryRef):
            return (
                f"{'LATERAL ' if item.lateral else ''}({self.query(item.query, visible=True)}){self._alias(item.alias)}"
            )
        if isinstance(item, ast.FunctionRef):
            return self._function(item)
        if isinstance(item, ast.Join):
            return self._join(item)
        raise FeatureNotSupported("this FROM item has no definition")

    def _sample(self, sample: ast.TableSample) -> str:
        arguments = ", ".join(self(argument).text for argument in sample.arguments)
        seed = f" REPEATABLE ({self(sample.repeatable).text})" if sample.repeatable is not None else ""
        return f" TABLESAMPLE {quote_identifier(sample.method[-1])} ({arguments}){seed}"

    def _alias(self, alias: ast.Alias | None, name: str = "") -> str:
        """An alias as written, or made up where an enclosing query has an item of that name."""
        if alias is None:
            printed = self.source(name)
            return f" {printed}" if name and printed != quote_identifier(name) else ""
        columns = f"({', '.join(map(quote_identifier, alias.columns))})" if alias.columns else ""
        return f" {self.source(alias.name)}{columns}"

    def _function(self, item: ast.FunctionRef) -> str:
        calls = [one for function in item.functions for one in _spread(function)]
        if len(calls) == 1 and not (calls[0].columns and item.ordinality):
            text = self._call_item(calls[0].call)
        elif all(_is_unnest(one) for one in calls):
            text = f"UNNEST({', '.join(self(one.call.arguments[0]).text for one in calls)})"  # type: ignore[attr-defined]
        else:
            text = f"ROWS FROM({', '.join(map(self._call_in_rows_from, calls))})"
        lateral = item.lateral or any(_reads_columns(function.call) for function in item.functions)
        text = f"{'LATERAL ' if lateral else ''}{text}{' WITH ORDINALITY' if item.ordinality else ''}"
        call = item.functions[0].call
        name = call.name[-1] if isinstance(call, ast.FunctionCall) else figure_column_name(call)
        alias = item.alias.name if item.alias is not None else name
        if item.columns:
            return f"{text} {quote_identifier(alias)}({self._column_definitions(item.columns)})"
        columns = item.alias.columns if item.alias is not None else ()
        if len(calls) == 1 and not item.ordinality:
            columns = (*columns, *self._result_names(call, alias)[len(columns) :])
        return text + self._alias(ast.Alias(item.position, alias, columns))

    def _result_names(self, call: ast.Expression, alias: str) -> tuple[str, ...]:
        """The columns of a call in FROM, as far as they are known by its function."""
        kind = self.type_of(call)[0]
        if isinstance(call, ast.FunctionCall):
            types = [self.type_of(node)[0] for node in call.arguments]
            labels = tuple(node.name for node in call.arguments if isinstance(node, ast.NamedArgument))
            found = resolve_named(self.b, call.name, types, labels, call.variadic)
            if isinstance(found, ResolvedFunction):
                kind = found.result_type
                if found.function.columns:
                    return tuple(name for name, _ in found.function.columns)
        if kind == oids.RECORD:
            return ()
        return tuple(one.name for one in self.b.types.attributes(kind)) or (alias,)

    def _column_definitions(self, columns: Sequence[ast.ColumnDefinitionItem]) -> str:
        shown = []
        for column in columns:
            found = resolve_type(self.b, column.type_name)
            shown.append(f"{quote_identifier(column.name)} {self.type_name(found.oid, found.typmod)}")
        return ", ".join(shown)

    def _call_in_rows_from(self, function: ast.TableFunction) -> str:
        text = self._call_item(function.call)
        return f"{text} AS ({self._column_definitions(function.columns)})" if function.columns else text

    def _call_item(self, node: ast.Expression) -> str:
        """A call in FROM; what does not look like one stands in a cast to its own type."""
        text = self(node).text
        if isinstance(node, ast.FunctionCall | ast.Coalesce | ast.MinMax | ast.NullIf | ast.SqlValueFunction):
            return text
        return f"CAST({text} AS {self.type_name(*self.type_of(node))})"

    def _join(self, item: ast.Join) -> str:
        words = {"inner": " JOIN ", "left": " LEFT JOIN ", "right": " RIGHT JOIN ", "full": " FULL JOIN ",
                 "cross": " CROSS JOIN "}  # fmt: skip
        left = self._item(item.left)
        text = left + self.clause(words[item.kind], JOIN)
        right = self._item(item.right)
        text += f"({right})" if self.pretty and isinstance(item.right, ast.Join) and item.right.alias is None else right
        if item.using:
            text += f" USING ({', '.join(map(quote_identifier, item.using))})"
            text += f" AS {quote_identifier(item.using_alias)}" if item.using_alias else ""
        elif item.on is not None:
            condition = self(item.on).text
            text += f" ON {condition}" if self.pretty else f" ON ({condition})"
        elif item.natural:
            text += " ON TRUE"
        if not self.pretty or item.alias is not None:
            text = f"({text})"
        return text + self._alias(item.alias)

    def _key(self, node: ast.Expression, body: ast.Select, output_first: bool = True) -> str:
        """A grouping or sorting expression; numbers and names of result columns stand for what they name."""
        targets = _spelled_out(body.targets)
        if isinstance(node, ast.IntegerLiteral) and 0 < node.value <= len(targets):
            node = targets[node.value - 1].expression
        elif isinstance(node, ast.ColumnRef) and len(node.parts) == 1:
            named = [
                one.expression for one in targets if (one.alias or figure_column_name(one.expression)) == node.parts[0]
            ]
            if named and (output_first or id(node) not in (self.b.notes or {})):
                node = named[0]
        node = next((target.expression for target in targets if target.expression == node), node)
        text = self(node).text
        bare = isinstance(node, ast.ColumnRef | ast.IntegerLiteral | ast.DecimalLiteral | ast.StringLiteral)
        return f"({text})" if isinstance(node, ast.FunctionCall) or (self.pretty and not bare) else text

    def _group(self, item: ast.Expression, body: ast.Select) -> str:
        if isinstance(item, ast.RowExpression) and not item.explicit and item.fields:
            return f"({', '.join(self._group(part, body) for part in item.fields)})"
        if not isinstance(item, ast.GroupingSet):
            return self._key(item, body, output_first=False)
        parts = [self._group(part, body) for part in item.items]
        if item.kind == "sets":
            bare = (ast.GroupingSet, ast.RowExpression)
            parts = [
                text if isinstance(part, bare) else f"({text})" for text, part in zip(parts, item.items, strict=True)
            ]
        inner = ", ".join(parts)
        word = {"empty": "", "rollup": "ROLLUP", "cube": "CUBE", "sets": "GROUPING SETS "}[item.kind]
        return f"{word}({inner})"

    def _set_operation(self, body: ast.SetOperation, names: Sequence[str], visible: bool) -> str:
        left = body.left.body
        changes = False
        if isinstance(left, ast.SetOperation) and not _has_tail(body.left):
            changes = (left.operator, left.all) != (body.operator, body.all)
        text = ""
        if changes:
            self.indent += STANDARD
            text = "(" + self.keyword("")
        text += self._operand(body.left, names, visible)
        if changes:
            self.indent -= STANDARD
            text += self.keyword(") ")
        else:
            text += self.keyword("")
        text += f"{body.operator.upper()} " + ("ALL " if body.all else "")
        inner = isinstance(body.right.body, ast.SetOperation) and not _has_tail(body.right)
        if inner:
            self.indent += STANDARD
            text += "("
        text += self.keyword("") + self._operand(body.right, names, False)
        if inner:
            self.indent -= STANDARD
            text += self.keyword(")")
        return text

    def _operand(self, query: ast.Query, names: Sequence[str], visible: bool) -> str:
        if isinstance(query.body, ast.SetOperation) and not _has_tail(query):
            return self._set_operation(query.body, names, visible)
        text = self.query(query, names, visible)
        return f"({text})" if _has_tail(query) else text

    def _tail(self, query: ast.Query) -> str:
        text = ""
        if query.order_by:
            body = query.body
            if isinstance(body, ast.Select):
                keys = self.order(query.order_by, lambda node: self._key(node, body))
            else:
                keys = self.order(query.order_by, lambda node: _result_column(query, node))
            text += self.clause(" ORDER BY ", 1) + keys
        if query.offset is not None:
            text += self.clause(" OFFSET ", 0) + self._count(query.offset)
        if query.limit is not None:
            if query.with_ties:
                text += self.clause(" FETCH FIRST ", 0) + f"({self._count(query.limit)}) ROWS WITH TIES"
            else:
                text += self.clause(" LIMIT ", 0) + self._count(query.limit)
        for locking in query.locking:
            text += self.clause(f" FOR {locking.strength.upper()}", 0)
            if locking.tables:
                text += " OF " + ", ".join(quote_identifier(name[-1]) for name in locking.tables)
            text += "" if locking.wait_policy == "wait" else f" {locking.wait_policy.upper()}"
        return text

    def _count(self, node: ast.Expression) -> str:
        if isinstance(node, ast.IntegerLiteral):
            return str(node.value)
        shown: Shown = self.argument(node, oids.INT8)
        return shown.text if not self.pretty or shown.shape == "atom" else f"({shown.text})"


def _spread(function: ast.TableFunction) -> list[ast.TableFunction]:
    """unnest of several arrays is several functions side by side."""
    call = function.call
    if isinstance(call, ast.FunctionCall) and call.name[-1] == "unnest" and len(call.arguments) > 1:
        return [ast.TableFunction(function.position, replace(call, arguments=(one,))) for one in call.arguments]
    return [function]


def _is_unnest(function: ast.TableFunction) -> bool:
    call = function.call
    return isinstance(call, ast.FunctionCall) and call.name[-1] == "unnest" and not function.columns


def _reads_columns(node: object) -> bool:
    """Whether a call in FROM reads columns of items before it."""
    if isinstance(node, ast.ColumnRef):
        return True
    if isinstance(node, tuple):
        return any(map(_reads_columns, node))
    return isinstance(node, ast.Node) and any(
        _reads_columns(getattr(node, part.name)) for part in fields(node) if part.name != "position"
    )


def _from_names(items: Sequence[ast.FromItem]) -> list[str]:
    """What the FROM items of a SELECT are called."""
    found: list[str] = []

    def visit(item: ast.FromItem) -> None:
        alias = getattr(item, "alias", None)
        if alias is not None:
            found.append(alias.name)
        elif isinstance(item, ast.TableRef):
            found.append(item.name[-1])
        elif isinstance(item, ast.Join):
            visit(item.left)
            visit(item.right)

    for item in items:
        visit(item)
    return found


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(f"{name}_{number}" for number in count(1) if f"{name}_{number}" not in taken)


def _nameless(window: ast.WindowDefinition) -> ast.WindowDefinition:
    return ast.WindowDefinition(
        window.position, None, window.reference, window.partition_by, window.order_by, window.frame
    )


def _spelled_out(targets: Sequence[ast.Target]) -> Sequence[ast.Target]:
    for target in targets:
        if isinstance(target.expression, ast.ColumnRef | ast.FieldStar) and getattr(target.expression, "star", True):
            raise FeatureNotSupported("stars of stored queries are spelled out")
    return targets


def _has_tail(query: ast.Query) -> bool:
    return bool(
        query.with_clause is not None
        or query.order_by
        or query.locking
        or query.limit is not None
        or query.offset is not None
    )


def _result_column(query: ast.Query, node: ast.Expression) -> str:
    """ORDER BY of a set operation: by number or by the first operand's names; printed as the number or the name."""
    body: object = query.body
    while isinstance(body, ast.SetOperation):
        body = body.left.body
    if isinstance(node, ast.ColumnRef):
        return quote_identifier(node.parts[-1])
    if isinstance(node, ast.IntegerLiteral) and isinstance(body, ast.Select):
        return str(node.value)
    raise FeatureNotSupported("this ORDER BY has no definition")
