"""Definition statements: the actions of rules as pg_get_ruledef lays them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datacave_core.errors import FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import relations
from datacave_sql.bind.definition_query import STANDARD, VARIABLE, DefinitionQuery
from datacave_sql.bind.definition_text import literal
from datacave_sql.bind.sqltext import quote_identifier
from datacave_sql.parse import ast, figure_column_name


class DefinitionStatement(DefinitionQuery):
    """Writes INSERT, UPDATE, DELETE and NOTIFY beside queries."""

    def query(self, statement: ast.Statement, names: Sequence[str] = (), visible: bool = False) -> str:
        """A statement; see DefinitionQuery."""
        if isinstance(statement, ast.Notify):
            payload = f", {literal(statement.payload)}" if statement.payload else ""
            return f"{self.keyword('', 1)}NOTIFY {quote_identifier(statement.channel)}{payload}"
        if not isinstance(statement, ast.Insert | ast.Update | ast.Delete):
            return super().query(statement, names, visible)
        before = self.indent
        others = () if isinstance(statement, ast.Insert) else _others(statement)
        self.open_frame((statement.table, *others))
        text = self.with_clause(statement.with_clause) if statement.with_clause is not None else ""
        if not text:
            self.indent += STANDARD
            text = " "
        if isinstance(statement, ast.Insert):
            text += self._insert(statement)
        elif isinstance(statement, ast.Update):
            text += self._update(statement)
        else:
            text += f"DELETE FROM {self._written(statement.table)}"
            text += self._more(" USING ", statement.using) + self._where(statement.where)
        text += self._returning(statement.returning)
        self.indent = before
        self.frames.pop()
        return text

    def rule_condition(self, condition: ast.Expression) -> str:
        """The WHERE of a rule."""
        return self.keyword("   WHERE ") + self(condition).text

    def _written(self, table: ast.TableRef) -> str:
        alias = f" {quote_identifier(table.alias.name)}" if table.alias is not None else ""
        return f"{'ONLY ' if table.only else ''}{self.relation_name(table)}{alias}"

    def _types(self, table: ast.TableRef) -> dict[str, int]:
        found = relations.require_table(self.b, table.name, table.position)
        return {column.name: column.type_oid for column in found.live_columns}

    def _given(self, node: ast.Expression, target: int) -> str:
        """A value for a column of type `target`: casts of assignments are not shown."""
        if isinstance(node, ast.DefaultMarker):
            return "DEFAULT"
        return (self.argument(node, target) if self.type_of(node)[0] == oids.UNKNOWN else self(node)).text

    def _target(self, target: ast.AssignmentTarget) -> str:
        if any(not isinstance(part, str) for part in target.indirection):
            raise FeatureNotSupported("subscripts of assignments have no definition")
        parts = [part for part in target.indirection if isinstance(part, str)]
        return ".".join(map(quote_identifier, (target.column, *parts)))

    def _insert(self, q: ast.Insert) -> str:
        alias = f"AS {quote_identifier(q.table.alias.name)} " if q.table.alias is not None else ""
        text = f"INSERT INTO {self.relation_name(q.table)} {alias}"
        if q.columns:
            text += f"({', '.join(map(self._target, q.columns))}) "
        if q.overriding:
            text += f"OVERRIDING {q.overriding.upper()} VALUE "
        source = q.source
        types = self._types(q.table)
        if not q.columns and source is not None and isinstance(source.body, ast.Values):
            # Columns that are not listed are shown all the same.
            names = list(types)[: len(source.body.rows[0])]
            q = replace(q, columns=tuple(ast.AssignmentTarget(0, name) for name in names))
            text += f"({', '.join(map(self._target, q.columns))}) "
        wanted = [types.get(one.column, oids.TEXT) if not one.indirection else 0 for one in q.columns]
        if source is None:
            text += "DEFAULT VALUES"
        elif isinstance(source.body, ast.Values) and source.with_clause is None and not source.order_by:
            rows = [
                [self._given(node, target) for node, target in zip(row, wanted, strict=False)]
                for row in source.body.rows
            ]
            if len(rows) == 1:
                text += self.clause("VALUES (", 2) + f"{', '.join(rows[0])})"
            else:
                text += "VALUES " + ", ".join(f"({','.join(row)})" for row in rows)
        else:
            self.literals_untyped = True
            text += self.query(source, visible=False)
        return text + (self._conflict(q.on_conflict, types) if q.on_conflict is not None else "")

    def _conflict(self, clause: ast.OnConflict, types: dict[str, int]) -> str:
        text = " ON CONFLICT"
        target = clause.target
        if target is not None and target.constraint is not None:
            text += f" ON CONSTRAINT {quote_identifier(target.constraint)}"
        elif target is not None:
            if any(element.expression is not None for element in target.elements) or target.where is not None:
                raise FeatureNotSupported("this ON CONFLICT has no definition")
            text += f"({', '.join(quote_identifier(element.column or '') for element in target.elements)})"
        if clause.action == "nothing":
            return f"{text} DO NOTHING"
        text += f" DO UPDATE SET {self._assignments(clause.assignments, types)}"
        return text + (self.clause(" WHERE ", 1) + self(clause.where).text if clause.where is not None else "")

    def _update(self, q: ast.Update) -> str:
        text = f"UPDATE {self._written(q.table)} SET {self._assignments(q.assignments, self._types(q.table))}"
        return text + self._more(" FROM ", q.from_items) + self._where(q.where)

    def _assignments(self, items: Sequence[ast.SetItem], types: dict[str, int]) -> str:
        shown = []
        for item in items:
            if isinstance(item, ast.Assignment):
                target = 0 if item.target.indirection else types.get(item.target.column, 0)
                shown.append(f"{self._target(item.target)} = {self._given(item.value, target)}")
                continue
            names = ", ".join(map(self._target, item.targets))
            if isinstance(item.source, ast.RowExpression):
                pairs = zip(item.source.fields, item.targets, strict=True)
                values = ", ".join(self._given(node, types.get(target.column, 0)) for node, target in pairs)
                shown.append(f"({names}) = ROW({values})")
            else:
                shown.append(f"({names}) = {self(item.source).text}")
        return ", ".join(shown)

    def _more(self, word: str, items: Sequence[ast.FromItem]) -> str:
        return self.from_clause(word, items) if items else ""

    def _where(self, where: ast.Expression | None) -> str:
        return self.clause(" WHERE ", 1) + self(where).text if where is not None else ""

    def _returning(self, targets: Sequence[ast.Target]) -> str:
        if not targets:
            return ""
        shown = []
        for target in targets:
            node = target.expression
            text = self.argument(node, self.type_of(node)[0]).text
            name = target.alias or figure_column_name(node)
            own = node.parts[-1] if isinstance(node, ast.ColumnRef) else "?column?"
            shown.append(text if name == own else f"{text} AS {quote_identifier(name)}")
        return self.clause(" RETURNING ", 1) + ("," + self.clause("", VARIABLE)).join(shown)


def _others(statement: ast.Update | ast.Delete) -> tuple[ast.FromItem, ...]:
    return statement.from_items if isinstance(statement, ast.Update) else statement.using
