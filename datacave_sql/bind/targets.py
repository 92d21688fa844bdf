"""Select lists and RETURNING: stars expanded, every item with its output name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import coercion, names, references
from datacave_sql.bind.names import Scope, SourceColumn
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import Attribute
from datacave_sql.parse import ast, figure_column_name
from datacave_sql.plan import logical as l


@dataclass(slots=True)
class TargetItem:
    """One output column in the making; `node` is the syntax it came from, for matching; `id` once it has a number."""

    name: str
    expression: n.Expression
    node: ast.Expression | None
    table_oid: int = 0
    attribute: int = 0
    id: int = 0

    def column(self, b: Binding) -> l.OutputColumn:
        """The output column."""
        if not self.id:
            self.id = b.new_id()
        e = self.expression
        if e.type == oids.RECORD and isinstance(e, n.RowConstructor):
            labels = e.names or tuple(f"f{place}" for place in range(1, len(e.fields) + 1))
            b.record_fields[self.id] = tuple(
                Attribute(label, field.type if field.type != oids.UNKNOWN else oids.TEXT, field.typmod)
                for label, field in zip(labels, e.fields, strict=True)
            )
        return l.OutputColumn(self.id, self.name, e.type, e.typmod, self.table_oid, self.attribute)


def bind_targets(b: Binding, targets: Sequence[ast.Target], scope: Scope) -> list[TargetItem]:
    """The items of a select list or of RETURNING."""
    items: list[TargetItem] = []
    for target in targets:
        node = target.expression
        if isinstance(node, ast.ColumnRef) and node.star:
            items += starred(b, node, scope)
        elif isinstance(node, ast.FieldStar):
            items += field_items(b, node, scope)
        else:
            items.append(_item(b, target, scope))
    return items


def starred(b: Binding, node: ast.ColumnRef, scope: Scope) -> list[TargetItem]:
    """What a star stands for; how that is written out is noted for stored texts."""
    expanded = star_items(b, node, scope)
    b.stars[id(node)] = tuple(_spelled(item, scope) for item in expanded)
    return expanded


def _spelled(item: TargetItem, scope: Scope) -> tuple[str, ...]:
    """How a column of a star is written out: with its source's name, unless a join has merged it."""
    for level in scope.chain():
        for source in level.sources:
            for column in source.columns:
                if column.name == item.name and column.expression == item.expression:
                    return (source.name, column.name)
    return (item.name,)


def _item(b: Binding, target: ast.Target, scope: Scope) -> TargetItem:
    node = target.expression
    e = b.expression(node, scope)
    name = target.alias or figure_column_name(node)
    item = TargetItem(name, e, node)
    if isinstance(e, n.ColumnReference):
        origin = _origin(scope, e.column)
        if origin is not None:
            item.table_oid, item.attribute = origin.table_oid, origin.attribute
    return item


def _origin(scope: Scope, column: int) -> SourceColumn | None:
    for source in scope.sources:
        for candidate in source.columns:
            if isinstance(candidate.expression, n.ColumnReference) and candidate.expression.column == column:
                return candidate
    return None


def _expanded(b: Binding, columns: Sequence[SourceColumn], position: int) -> list[TargetItem]:
    return [TargetItem(c.name, references.fresh(b, c, position), None, c.table_oid, c.attribute) for c in columns]


def star_items(b: Binding, node: ast.ColumnRef, scope: Scope) -> list[TargetItem]:
    if not node.parts:
        if not scope.sources:
            raise DatacaveError(
                "SELECT * with no tables specified is not valid",
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=node.position,
            )
        return _expanded(b, scope.columns, node.position)
    schema = node.parts[-2] if len(node.parts) > 1 else None
    found = names.find_source(scope, node.parts[-1], schema, node.position)
    if found is None:
        value = references.variable_row(b, node.parts, scope, node.position)
        if value is not None:
            return _fields(b, value, node.position)
        raise names.missing_source(scope, node.parts[-1], node.position)
    owner, source = found
    if owner is not scope:
        for column in source.columns:
            names.note_outer(scope, owner, n.columns_used(column.expression))
    return _expanded(b, source.columns, node.position)


def has_stars(row: Sequence[ast.Expression]) -> bool:
    """Whether a row that is written out has stars in it."""
    return any(isinstance(node, ast.FieldStar) or (isinstance(node, ast.ColumnRef) and node.star) for node in row)


def spelled_row(b: Binding, row: Sequence[ast.Expression], scope: Scope) -> tuple[ast.Expression, ...]:
    """A row that is written out, with the columns that its stars stand for."""
    nodes: list[ast.Expression] = []
    for node in row:
        if isinstance(node, ast.ColumnRef) and node.star:
            items = starred(b, node, scope)
            if any(isinstance(item.expression, n.FieldSelect) for item in items):
                operand = ast.ColumnRef(node.position, node.parts)
                nodes += [ast.FieldSelection(node.position, operand, item.name) for item in items]
                continue
            nodes += [ast.ColumnRef(node.position, parts) for parts in b.stars[id(node)]]
        elif isinstance(node, ast.FieldStar):
            nodes += [
                ast.FieldSelection(node.position, node.operand, item.name) for item in field_items(b, node, scope)
            ]
        else:
            nodes.append(node)
    return tuple(nodes)


def field_items(b: Binding, node: ast.FieldStar, scope: Scope) -> list[TargetItem]:
    return _fields(b, b.expression(node.operand, scope), node.position)


def _fields(b: Binding, value: n.Expression, position: int) -> list[TargetItem]:
    """`(value).*`."""
    if isinstance(value, n.RowConstructor):
        labels = value.names or tuple(f"f{i + 1}" for i in range(len(value.fields)))
        return [TargetItem(label, field, None) for label, field in zip(labels, value.fields, strict=True)]
    attributes = b.types.attributes(b.types.base(value.type))
    described = [(a.name, a.type, a.typmod) for a in attributes]
    if not described and isinstance(value, n.FunctionCall):
        described = [(label, type_oid, -1) for label, type_oid in value.function.columns]
    if not described and isinstance(value, n.ColumnReference):
        described = [(a.name, a.type, a.typmod) for a in b.record_fields.get(value.column, ())]
    if not described:
        if value.type == oids.RECORD:
            raise DatacaveError(
                "record type has not been registered", sqlstate=sqlstate.WRONG_OBJECT_TYPE, position=position
            )
        raise DatacaveError(
            f"type {b.types.name(value.type)} is not composite",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            position=position,
        )
    return [
        TargetItem(label, n.FieldSelect(value, index, type_oid, typmod), None)
        for index, (label, type_oid, typmod) in enumerate(described)
    ]


def settled_target(b: Binding, e: n.Expression) -> n.Expression:
    """An output value of a known type: what is still unknown becomes text."""
    return coercion.settled(b, e)
