"""Constants, parameters and references: the leaves of expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import names
from datacave_sql.bind.names import Scope, Source, SourceColumn
from datacave_sql.bind.state import Binding, place_of
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast


def bind_integer(b: Binding, e: ast.IntegerLiteral, scope: Scope) -> n.Expression:
    """int4, int8 or numeric, by the size of the value."""
    value = e.value
    if -(2**31) <= value < 2**31:
        return n.Constant(value, oids.INT4)
    if -(2**63) <= value < 2**63:
        return n.Constant(value, oids.INT8)
    return n.Constant(Decimal(value), oids.NUMERIC)


def bind_decimal(b: Binding, e: ast.DecimalLiteral, scope: Scope) -> n.Expression:
    """numeric, read by its input function, which knows the limits."""
    return n.Constant(b.types.io(oids.NUMERIC).input(e.text, -1, b.environment.format_settings), oids.NUMERIC)


def bind_string(b: Binding, e: ast.StringLiteral, scope: Scope) -> n.Expression:
    return n.Constant(e.value, oids.UNKNOWN)


def bind_bits(b: Binding, e: ast.BitStringLiteral, scope: Scope) -> n.Expression:
    text = ("x" if e.hexadecimal else "b") + e.digits
    return n.Constant(b.types.io(oids.BIT).input(text, -1, b.environment.format_settings), oids.BIT)


def bind_boolean(b: Binding, e: ast.BooleanLiteral, scope: Scope) -> n.Expression:
    return n.Constant(e.value, oids.BOOL)


def bind_null(b: Binding, e: ast.NullLiteral, scope: Scope) -> n.Expression:
    return n.Constant(None, oids.UNKNOWN)


def bind_default(b: Binding, e: ast.DefaultMarker, scope: Scope) -> n.Expression:
    raise DatacaveError("DEFAULT is not allowed in this context", sqlstate=sqlstate.SYNTAX_ERROR, position=e.position)


def bind_parameter(b: Binding, e: ast.Parameter, scope: Scope) -> n.Expression:
    return b.parameters.reference(e.number, e.position)


def fresh(b: Binding, column: SourceColumn, position: int) -> n.Expression:
    """A node of its own for one mention of a column, so that errors find the place."""
    e = column.expression
    column.note_read()
    if isinstance(e, n.ColumnReference):
        if b.mentions is not None and not b.view_depth:
            b.mentions.append((position, e.column, column.table_oid, column.attribute))
        e = n.ColumnReference(e.column, e.type, e.typmod, e.name)
    return b.placed(e, position)


def whole_row(b: Binding, source: Source, owner: Scope, scope: Scope, position: int) -> n.Expression:
    """A FROM item as one value: a row of its columns, or the value of a function that gives plain values."""
    fields = tuple(column.expression for column in source.columns)
    for column in source.columns:
        column.note_read()
    if scope is not owner:
        for column in source.columns:
            names.note_outer(scope, owner, n.columns_used(column.expression))
    if source.scalar:
        return b.placed(fields[0], position)
    labels = tuple(column.name for column in source.columns)
    row: n.Expression = n.RowConstructor(fields, source.row_type, -1, labels, source.nullable)
    return b.placed(row, position)


def bind_column(b: Binding, e: ast.ColumnRef, scope: Scope) -> n.Expression:
    """a, t.a, s.t.a, t (a whole row). Raises 42703, 42702, 42P01."""
    if e.star and e.parts:
        return starred_row(b, e, scope)
    if e.star:
        raise DatacaveError(
            'row expansion via "*" is not supported here', sqlstate=sqlstate.SYNTAX_ERROR, position=e.position
        )
    if scope.clause == "DEFAULT expressions":
        raise FeatureNotSupported("cannot use column reference in DEFAULT expression", position=e.position)
    parts = e.parts
    if len(parts) == 1:
        column = names.find_column(scope, parts[0], e.position)
        if column is not None:
            return fresh(b, column, e.position)
        found = names.find_source(scope, parts[0], None, e.position)
        if found is not None:
            return whole_row(b, found[1], found[0], scope, e.position)
        raise names.undefined_column(scope, parts[0], None, e.position)
    if len(parts) > 4:
        raise DatacaveError(
            f"improper qualified name (too many dotted names): {'.'.join(parts)}",
            sqlstate=sqlstate.SYNTAX_ERROR,
            position=e.position,
        )
    if len(parts) == 4:
        if b.catalog.database_named(parts[0]) is None:
            raise FeatureNotSupported(
                f"cross-database references are not implemented: {'.'.join(parts)}", position=e.position
            )
        parts = parts[1:]
    schema = parts[0] if len(parts) == 3 else None
    qualifier, name = parts[-2], parts[-1]
    found = names.find_source(scope, qualifier, schema, e.position)
    if found is not None:
        owner, source = found
        column = names.column_of(scope, owner, source, name, e.position)
        if column is not None:
            return fresh(b, column, e.position)
        if source.record:
            raise names.undefined_field(source, name)
        call = _function_as_column(b, ast.ColumnRef(e.position, e.parts[:-1]), name, scope)
        if call is not None:
            return call
        raise names.undefined_column(scope, name, qualifier, e.position)
    value = variable_row(b, parts[:-1], scope, e.position)
    if value is not None:
        return select_field(b, value, name, e.position)
    raise names.missing_source(scope, qualifier, e.position, schema)


def variable_row(b: Binding, parts: Sequence[str], scope: Scope, position: int) -> n.Expression | None:
    """The composite value of a variable or a function's argument, `name` or `function.name`.

    Columns are left out: `column.field` is no reference in SQL.
    """
    column = None
    if len(parts) == 1:
        column = names.find_variable(scope, parts[0])
    elif (found := names.find_source(scope, parts[-2], None, position)) is not None and found[0].variables:
        column = names.column_of(scope, *found, parts[-1], position)
    if column is None or not b.types.attributes(b.types.base(column.expression.type)):
        return None
    return fresh(b, column, position)


def _function_as_column(b: Binding, row: ast.ColumnRef, name: str, scope: Scope) -> n.Expression | None:
    """`t.name` for a function of that name that takes a row of t; None if there is none."""
    if not b.catalog.routines:
        return None
    try:
        return b.expression(ast.FunctionCall(row.position, (name,), (row,)), scope)
    except DatacaveError as error:
        if error.sqlstate != sqlstate.UNDEFINED_FUNCTION:
            raise
        return None


def select_field(b: Binding, value: n.Expression, field: str, position: int) -> n.Expression:
    """A field of a composite value. Raises 42703, 42809."""
    if isinstance(value, n.RowConstructor) and value.names:
        for label, item in zip(value.names, value.fields, strict=True):
            if label == field:
                return item
    attributes = b.types.attributes(b.types.base(value.type))
    for index, attribute in enumerate(attributes):
        if attribute.name == field:
            return n.FieldSelect(value, index, attribute.type, attribute.typmod)
    if isinstance(value, n.FunctionCall) and value.function.columns:
        for index, (label, type_oid) in enumerate(value.function.columns):
            if label == field:
                return n.FieldSelect(value, index, type_oid)
    known = b.record_fields.get(value.column, ()) if isinstance(value, n.ColumnReference) else ()
    for index, attribute in enumerate(known):
        if attribute.name == field:
            return n.FieldSelect(value, index, attribute.type, attribute.typmod)
    if attributes:
        raise DatacaveError(
            f'column "{field}" not found in data type {b.types.name(value.type)}',
            sqlstate=sqlstate.UNDEFINED_COLUMN,
            position=position,
        )
    if value.type == oids.RECORD:
        raise DatacaveError(
            f'could not identify column "{field}" in record data type',
            sqlstate=sqlstate.UNDEFINED_COLUMN,
            position=position,
        )
    raise DatacaveError(
        f"column notation .{field} applied to type {b.types.name(value.type)}, which is not a composite type",
        sqlstate=sqlstate.WRONG_OBJECT_TYPE,
        position=position,
    )


def bind_field(b: Binding, e: ast.FieldSelection, scope: Scope) -> n.Expression:
    if isinstance(e.operand, ast.ColumnRef) and e.operand.star and e.operand.parts:
        return select_field(b, starred_row(b, e.operand, scope), e.field, place_of(e))
    return select_field(b, b.expression(e.operand, scope), e.field, place_of(e))


def starred_row(b: Binding, node: ast.ColumnRef, scope: Scope) -> n.Expression:
    """`t.*` as one value."""
    schema = node.parts[-2] if len(node.parts) > 1 else None
    found = names.find_source(scope, node.parts[-1], schema, node.position)
    if found is None:
        value = variable_row(b, node.parts, scope, node.position)
        if value is not None:
            return value
        raise names.missing_source(scope, node.parts[-1], node.position, schema)
    return whole_row(b, found[1], found[0], scope, node.position)


def bind_field_star(b: Binding, e: ast.FieldStar, scope: Scope) -> n.Expression:
    return b.expression(e.operand, scope)


REFERENCES: Mapping[type, Callable[..., n.Expression]] = {
    ast.IntegerLiteral: bind_integer,
    ast.DecimalLiteral: bind_decimal,
    ast.StringLiteral: bind_string,
    ast.BitStringLiteral: bind_bits,
    ast.BooleanLiteral: bind_boolean,
    ast.NullLiteral: bind_null,
    ast.DefaultMarker: bind_default,
    ast.Parameter: bind_parameter,
    ast.ColumnRef: bind_column,
    ast.FieldSelection: bind_field,
    ast.FieldStar: bind_field_star,
}
