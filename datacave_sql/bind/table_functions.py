"""Functions in FROM: f(..), ROWS FROM (..), WITH ORDINALITY, column definition lists."""

from __future__ import annotations

from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import calls, coercion, set_calls, typenames
from datacave_sql.bind.names import Scope, Source, SourceColumn
from datacave_sql.bind.routine_inlining import inlined_rows
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import Attribute
from datacave_sql.parse import ast, figure_column_name
from datacave_sql.plan import logical as l


def bind_function_ref(b: Binding, item: ast.FunctionRef, lateral: Scope) -> tuple[l.LogicalPlan, Source]:
    """The scan of the functions and its names; arguments may read what stands to the left."""
    boundary = lateral.inner()
    boundary.clause = "functions in FROM"
    bound: list[tuple[n.Expression, int]] = []
    columns: list[l.OutputColumn] = []
    first_name = ""
    scalar = False
    functions = _spread_unnest(item.functions)
    for function in functions:
        definitions = function.columns or (item.columns if not item.rows_from else ())
        call = _call(b, function.call, boundary)
        name = figure_column_name(function.call)
        first_name = first_name or name
        parts = _columns(b, call, name, definitions, item)
        if definitions and isinstance(call, n.FunctionCall):
            call = replace(call, columns=tuple(Attribute(p.name, p.type, p.typmod) for p in parts))
        scalar = len(functions) == 1 and not _composite(b, call)
        labelled = isinstance(call, n.FunctionCall) and len(call.function.columns) == 1 and call.function.columns[0][0]
        if scalar and item.alias is not None and not labelled:
            # A function that gives plain values, not an OUT parameter, names its column after the alias.
            parts = [l.OutputColumn(p.id, item.alias.name, p.type, p.typmod) for p in parts]
        bound.append((call, len(parts)))
        columns += parts
    if item.ordinality:
        columns.append(l.OutputColumn(b.new_id(), "ordinality", oids.INT8))
        scalar = False
    lateral.taken |= boundary.outer
    plan: l.LogicalPlan = l.FunctionScan(tuple(bound), tuple(columns), item.ordinality)
    first = bound[0][0]
    if len(bound) == 1 and not item.ordinality and isinstance(first, n.FunctionCall):
        inlined = inlined_rows(b, first, [column.name for column in columns])
        if inlined is not None:
            plan, columns = inlined, list(inlined.columns)
    if isinstance(plan, l.FunctionScan) and any(_is_routine(call) for call, _ in bound):
        b.calls_routines = True
    alias = item.alias
    if alias is not None and len(alias.columns) > len(columns):
        raise DatacaveError(
            f'table "{alias.name}" has {len(columns)} columns available but {len(alias.columns)} columns specified',
            sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
        )
    labels = list(alias.columns) if alias is not None else []
    labels += [column.name for column in columns[len(labels) :]]
    named = tuple(
        SourceColumn(label, n.ColumnReference(column.id, column.type, column.typmod, label))
        for label, column in zip(labels, columns, strict=True)
    )
    source = Source(alias.name if alias is not None else first_name, named, scalar=scalar)
    if len(bound) == 1 and not item.ordinality and b.types.attributes(b.types.base(first.type)):
        source.row_type = first.type
    return plan, source


def _spread_unnest(functions: tuple[ast.TableFunction, ...]) -> list[ast.TableFunction]:
    """unnest of several arrays stands for several unnests side by side."""
    found: list[ast.TableFunction] = []
    for function in functions:
        call = function.call
        several = isinstance(call, ast.FunctionCall) and call.name[-1] == "unnest" and len(call.arguments) > 1
        if not several or not isinstance(call, ast.FunctionCall) or call.variadic:
            found.append(function)
        else:
            found += [replace(function, call=replace(call, arguments=(argument,))) for argument in call.arguments]
    return found


def _call(b: Binding, node: ast.Expression, scope: Scope) -> n.Expression:
    if isinstance(node, ast.FunctionCall):
        call = calls.resolve_call(b, node, scope)
    else:
        call = b.expression(node, scope)
    return coercion.settled(b, call)


def _is_routine(call: n.Expression) -> bool:
    return isinstance(call, n.FunctionCall) and call.function.routine is not None


def _composite(b: Binding, call: n.Expression) -> bool:
    if isinstance(call, n.FunctionCall) and len(call.function.columns) > 1:
        return True
    return call.type == oids.RECORD or bool(b.types.attributes(b.types.base(call.type)))


def _columns(
    b: Binding,
    call: n.Expression,
    name: str,
    definitions: tuple[ast.ColumnDefinitionItem, ...],
    item: ast.FunctionRef,
) -> list[l.OutputColumn]:
    described = call.function.columns if isinstance(call, n.FunctionCall) else ()
    if definitions:
        if call.type != oids.RECORD or described:
            raise DatacaveError(
                'a column definition list is only allowed for functions returning "record"',
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=definitions[0].position,
            )
        found = []
        for definition in definitions:
            type_oid, typmod = typenames.resolve_type(b, definition.type_name)
            found.append(l.OutputColumn(b.new_id(), definition.name, type_oid, typmod))
        return found
    if len(described) > 1:
        return [l.OutputColumn(b.new_id(), label, set_calls.element_of(b, call, oid)) for label, oid in described]
    if len(described) == 1 and described[0][0]:
        return [l.OutputColumn(b.new_id(), described[0][0], call.type, call.typmod)]
    attributes = b.types.attributes(b.types.base(call.type))
    if attributes:
        return [l.OutputColumn(b.new_id(), a.name, a.type, a.typmod) for a in attributes]
    if call.type == oids.RECORD:
        raise DatacaveError(
            'a column definition list is required for functions returning "record"',
            sqlstate=sqlstate.SYNTAX_ERROR,
            position=item.functions[0].position,
        )
    return [l.OutputColumn(b.new_id(), name, call.type, call.typmod)]
