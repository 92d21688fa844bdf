"""Statement text: how the actions of rules are stored, INSERT, UPDATE, DELETE and NOTIFY beside queries."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core.errors import FeatureNotSupported
from datacave_sql.bind.sqltext import SqlText, quote_identifier, quote_literal
from datacave_sql.parse import ast


class StatementText(SqlText):
    """Writes statements that change rows too."""

    def query(self, q: ast.Statement) -> str:
        """The text of a statement. Raises 0A000 for kinds that cannot be stored."""
        if isinstance(q, ast.Insert):
            return self._insert(q)
        if isinstance(q, ast.Update):
            return self._update(q)
        if isinstance(q, ast.Delete):
            return self._delete(q)
        if isinstance(q, ast.Notify):
            payload = f", {quote_literal(q.payload)}" if q.payload else ""
            return f"NOTIFY {quote_identifier(q.channel)}{payload}"
        if isinstance(q, ast.Query):
            return super().query(q)
        raise FeatureNotSupported(f"{type(q).__name__.upper()} cannot be stored in a rule")

    def _value(self, e: ast.Expression) -> str:
        return "DEFAULT" if isinstance(e, ast.DefaultMarker) else self(e)

    def _table(self, clause: ast.WithClause | None, words: str, table: ast.TableRef) -> str:
        start = f"{self.with_text(clause)} " if clause is not None else ""
        return f"{start}{words} {self.from_item(table)}"

    def _assigned(self, target: ast.AssignmentTarget) -> str:
        text = quote_identifier(target.column)
        for part in target.indirection:
            if isinstance(part, str):
                text += f".{quote_identifier(part)}"
                continue
            upper = self(part.upper) if part.upper is not None else ""
            lower = self(part.lower) if part.lower is not None else ""
            text += f"[{lower}:{upper}]" if part.is_slice else f"[{upper}]"
        return text

    def _assignments(self, items: Sequence[ast.SetItem]) -> str:
        shown = []
        for item in items:
            if isinstance(item, ast.Assignment):
                shown.append(f"{self._assigned(item.target)} = {self._value(item.value)}")
                continue
            names = ", ".join(self._assigned(target) for target in item.targets)
            source = item.source
            if isinstance(source, ast.RowExpression):
                values = ", ".join(self._value(field) for field in source.fields)
                shown.append(f"({names}) = ROW({values})")
            else:
                shown.append(f"({names}) = {self(source)}")
        return ", ".join(shown)

    def _returning(self, targets: Sequence[ast.Target]) -> str:
        return f" RETURNING {', '.join(self.target(one) for one in targets)}" if targets else ""

    def _insert(self, q: ast.Insert) -> str:
        text = self._table(q.with_clause, "INSERT INTO", q.table)
        if q.columns:
            text += f" ({', '.join(self._assigned(one) for one in q.columns)})"
        if q.overriding:
            text += f" OVERRIDING {q.overriding.upper()} VALUE"
        text += self._source(q.source)
        if q.on_conflict is not None:
            text += self._conflict(q.on_conflict)
        return text + self._returning(q.returning)

    def _source(self, source: ast.Query | None) -> str:
        if source is None:
            return " DEFAULT VALUES"
        body = source.body
        if isinstance(body, ast.Values):
            rows = ", ".join(f"({', '.join(map(self._item, row))})" for row in body.rows)
            plain = not (source.with_clause or source.order_by or source.limit or source.offset)
            if plain:
                return f" VALUES {rows}"
        return f" {self.query(source)}"

    def _item(self, e: ast.Expression) -> str:
        """A value of a row; a star in it is spelled out."""
        if isinstance(e, ast.ColumnRef):
            return self.row((e,))
        return self._value(e)

    def _conflict(self, clause: ast.OnConflict) -> str:
        text = " ON CONFLICT"
        target = clause.target
        if target is not None and target.constraint is not None:
            text += f" ON CONSTRAINT {quote_identifier(target.constraint)}"
        elif target is not None:
            text += f" ({', '.join(map(self._element, target.elements))})"
            text += f" WHERE {self(target.where)}" if target.where is not None else ""
        if clause.action == "nothing":
            return f"{text} DO NOTHING"
        text += f" DO UPDATE SET {self._assignments(clause.assignments)}"
        return text + (f" WHERE {self(clause.where)}" if clause.where is not None else "")

    def _element(self, element: ast.IndexElement) -> str:
        if element.column is not None:
            text = quote_identifier(element.column)
        else:
            assert element.expression is not None
            text = f"({self(element.expression)})"
        text += f" COLLATE {self.name(element.collation)}" if element.collation else ""
        return text + (f" {self.name(element.operator_class)}" if element.operator_class else "")

    def _update(self, q: ast.Update) -> str:
        text = self._table(q.with_clause, "UPDATE", q.table) + f" SET {self._assignments(q.assignments)}"
        if q.from_items:
            text += " FROM " + ", ".join(map(self.from_item, q.from_items))
        if q.where is not None:
            text += f" WHERE {self(q.where)}"
        return text + self._returning(q.returning)

    def _delete(self, q: ast.Delete) -> str:
        text = self._table(q.with_clause, "DELETE FROM", q.table)
        if q.using:
            text += " USING " + ", ".join(map(self.from_item, q.using))
        if q.where is not None:
            text += f" WHERE {self(q.where)}"
        return text + self._returning(q.returning)
