"""Calls: plain functions, aggregates, window functions and set-returning functions.

Aggregates, window calls and set-returning functions do not stay in expressions: they are collected at their query
level and a reference to the column that will hold their value stands in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, names, references, relations, set_calls, typenames, windows
from datacave_sql.bind.folding import fold
from datacave_sql.bind.names import Grouping, Scope
from datacave_sql.bind.resolving import function_for
from datacave_sql.bind.routine_inlining import inlined_value
from datacave_sql.bind.routine_resolution import note_call, resolve_named, routines_of
from datacave_sql.bind.sorting import require_equality, sort_keys
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.expr import nodes as n
from datacave_sql.functions import registry
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.functions.registry import Function
from datacave_sql.functions.resolution import ResolvedCast, ResolvedFunction, is_cast_call, signature
from datacave_sql.functions.routines import specialised
from datacave_sql.parse import ast

AGGREGATE_CLAUSES = frozenset({"SELECT", "HAVING", "ORDER BY", "DISTINCT ON", "WINDOW"})
WINDOW_CLAUSES = frozenset({"SELECT", "ORDER BY", "DISTINCT ON"})


def bind_call(b: Binding, e: ast.FunctionCall, scope: Scope) -> n.Expression:
    """A call of any kind in an expression."""
    bound = set_calls.collected(b, resolve_call(b, e, scope), scope, e.position)
    return fold(b, bound) if isinstance(bound, n.FunctionCall) else bound


def _argument(b: Binding, node: ast.Expression, scope: Scope) -> n.Expression:
    if isinstance(node, ast.ColumnRef) and node.star and node.parts:
        return references.starred_row(b, node, scope)
    return b.expression(node, scope)


def _builtin_name(b: Binding, e: ast.FunctionCall, types: Sequence[int], labels: Sequence[str]) -> str:
    if len(e.name) > 1 and e.name[-2] != "pg_catalog":
        # The facts name the functions of information_schema with their schema.
        if registry.functions_named(".".join(e.name[-2:])):
            return ".".join(e.name[-2:])
        if b.catalog.schema_named(e.name[-2]) is None:
            raise DatacaveError(
                f'schema "{e.name[-2]}" does not exist', sqlstate=sqlstate.UNDEFINED_SCHEMA, position=e.position
            )
        raise DatacaveError(
            f"function {signature('.'.join(e.name), types, b.types, labels)} does not exist",
            sqlstate=sqlstate.UNDEFINED_FUNCTION,
            hint="No function matches the given name and argument types. You might need to add explicit type casts.",
            position=e.position,
        )
    return e.name[-1]


def argument_names(e: ast.FunctionCall) -> tuple[str, ...]:
    """The names of the named arguments. Raises 42601 for a name used twice, or a plain argument behind a named one."""
    labels: list[str] = []
    for item in e.arguments:
        if isinstance(item, ast.NamedArgument):
            if item.name in labels:
                raise DatacaveError(
                    f'argument name "{item.name}" used more than once',
                    sqlstate=sqlstate.SYNTAX_ERROR,
                    position=item.position,
                )
            labels.append(item.name)
        elif labels:
            raise DatacaveError(
                "positional argument cannot follow named argument",
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=item.position,
            )
    return tuple(labels)


def resolve_name(
    b: Binding, e: ast.FunctionCall, types: Sequence[int], labels: tuple[str, ...]
) -> ResolvedFunction | ResolvedCast:
    """The function that a call names, a user's or a built-in one. Raises 42883, 42725, 42804, 3F000."""
    try:
        if b.catalog.routines and routines_of(b, e.name):
            return resolve_named(b, e.name, types, labels, e.variadic)
        name = _builtin_name(b, e, types, labels)
        return function_for(name, tuple(types), b.types, labels, e.variadic)
    except DatacaveError as error:
        if error.sqlstate in (sqlstate.UNDEFINED_FUNCTION, sqlstate.UNDEFINED_SCHEMA) and not labels:
            target = _named_type(b, e.name)
            if target and len(types) == 1 and is_cast_call(types[0], target, b.types):
                return ResolvedCast(target)
        if len(e.name) > 1:
            error.message = error.message.replace(f"function {e.name[-1]}(", f"function {'.'.join(e.name)}(", 1)
        raise error.at(e.position) from None


def _named_type(b: Binding, name: ast.QualifiedName) -> int:
    """The type that a call in function notation can be a cast to, 0 if none; those of a temporary schema only with
    the schema."""
    if len(name) > 1:
        return typenames.find_type_oid(b, name)
    schemas = relations.callable_schemas(b)
    return next((oid for schema in schemas if (oid := typenames.find_type_oid(b, (schema, *name)))), 0)


def resolve_call(b: Binding, e: ast.FunctionCall, scope: Scope) -> n.Expression:
    """The bound call; a set-returning function comes as the call itself, for FROM."""
    special = e.over is not None or e.distinct or e.order_by or e.filter is not None or e.star
    level, before = scope, scope.in_aggregate
    noted = names.noted_outer(scope)
    arguments = [_argument(b, item, scope) for item in e.arguments]
    labels = argument_names(e)
    ordered: tuple[n.SortKey, ...] = ()
    if e.within_group:
        ordered = sort_keys(b, e.order_by, scope)
        arguments += [key.expression for key in ordered]
    types = [argument.type for argument in arguments]
    try:
        found = resolve_name(b, e, types, labels)
    except DatacaveError as error:
        field = _field_of(b, e, arguments) if error.sqlstate == sqlstate.UNDEFINED_FUNCTION and not special else None
        if field is None:
            raise
        return field
    if isinstance(found, ResolvedCast):
        return coercion.cast(b, arguments[0], found.target, -1, e.position)
    function = found.function
    level.in_aggregate = before
    if function.kind == "p":
        raise DatacaveError(
            f"{signature(e.name[-1], types, b.types)} is a procedure",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            hint="To call a procedure, use CALL.",
            position=e.position,
        )
    if function.kind == "f":
        if special or e.within_group:
            raise _not_aggregate(e, function)
        if function.routine is not None:
            return routine_call(b, e, found, arguments)
        return plain_call(b, found, arguments, e.position)
    if function.routine is not None:
        note_call(b, function.routine, e)
        b.calls_routines = True
    if function.kind == "w" and e.over is None:
        raise DatacaveError(
            f"window function {function.name} requires an OVER clause",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            position=e.position,
        )
    if e.over is not None:
        return _window_call(b, e, found, arguments, scope)
    return _aggregate_call(b, e, found, arguments, ordered, scope, noted)


def _field_of(b: Binding, e: ast.FunctionCall, arguments: Sequence[n.Expression]) -> n.Expression | None:
    """`field(row)`: another way to write `row.field`."""
    if len(e.name) > 1 or len(arguments) != 1:
        return None
    for index, attribute in enumerate(b.types.attributes(b.types.base(arguments[0].type))):
        if attribute.name == e.name[0]:
            return n.FieldSelect(arguments[0], index, attribute.type, attribute.typmod)
    return None


def _not_aggregate(e: ast.FunctionCall, function: Function) -> DatacaveError:
    name = ".".join(e.name) if e.name[0] != "pg_catalog" else e.name[-1]
    if e.star:
        message = f"{name}(*) specified, but {name} is not an aggregate function"
    elif e.distinct:
        message = f"DISTINCT specified, but {name} is not an aggregate function"
    elif e.within_group:
        message = f"WITHIN GROUP specified, but {name} is not an aggregate function"
    elif e.order_by:
        message = f"ORDER BY specified, but {name} is not an aggregate function"
    elif e.filter is not None:
        message = f"FILTER specified, but {name} is not an aggregate function"
    else:
        message = f"OVER specified, but {name} is not a window function nor an aggregate function"
    return DatacaveError(message, sqlstate=sqlstate.WRONG_OBJECT_TYPE, position=e.position)


def final_arguments(b: Binding, found: ResolvedFunction, arguments: Sequence[n.Expression]) -> list[n.Expression]:
    """The arguments in declared order, coerced, defaults put in, VARIADIC ones collected."""
    function = found.function
    values: list[n.Expression] = []
    first_default = len(function.argument_types) - function.default_count
    for place, (source, type_oid) in enumerate(zip(found.sources, found.argument_types, strict=True)):
        if source is None and function.routine is not None:
            values.append(_routine_default(b, str(function.default_values[place - first_default]), type_oid))
        elif source is None:
            values.append(n.Constant(function.default_values[place - first_default], type_oid))
        elif type_oid == oids.ANY:
            # pg_typeof is the one function that tells an untyped literal from text; nothing tells a parameter's type.
            given = arguments[source]
            kept = function.name == "pg_typeof" or isinstance(given, n.Parameter)
            values.append(given if kept else coercion.settled(b, given))
        else:
            values.append(coercion.require(b, arguments[source], type_oid))
    if found.collected:
        items = tuple(values[-found.collected :])
        array = b.types.array(items[0].type)
        values[-found.collected :] = [n.ArrayConstructor(items, False, array)]
    return values


def plain_call(b: Binding, found: ResolvedFunction, arguments: Sequence[n.Expression], position: int) -> n.Expression:
    """A call of a plain function. Raises 0A000 for one that Datacave has not."""
    function = found.function
    if not function.supported:
        raise registry.unsupported(function).at(position)
    values = final_arguments(b, found, arguments)
    return n.FunctionCall(function, tuple(values), found.result_type, position=position, variadic=found.spread)


def _routine_default(b: Binding, text: str, type_oid: int) -> n.Expression:
    value = b.expression(expression_tree(text), Scope(clause="DEFAULT expressions"))
    coerced = coercion.coerce(b, value, type_oid, -1, ASSIGNMENT)
    return coerced if coerced is not None else coercion.require(b, value, type_oid)


def routine_call(
    b: Binding, e: ast.FunctionCall, found: ResolvedFunction, arguments: Sequence[n.Expression]
) -> n.Expression:
    """A call of a user's function: its body in place of it, where that makes no difference, else the call."""
    function = specialised(found.function, found.argument_types, b.types)
    routine = function.routine
    assert routine is not None
    note_call(b, routine, e)
    values = final_arguments(b, found, arguments)
    call = n.FunctionCall(function, tuple(values), found.result_type, position=e.position, variadic=found.spread)
    if routine.is_compiled:
        if not function.supported:
            raise registry.unsupported(function).at(e.position)
        return call
    inlined = inlined_value(b, call)
    if inlined is not None:
        return b.placed(inlined, e.position)
    b.calls_routines = True
    return call


def grouping_of(level: Scope, what: str, allowed: frozenset[str], code: str, position: int) -> Grouping:
    """What a level collects, where calls of a kind are allowed at the clause at hand."""
    if level.grouping is None or level.clause not in allowed:
        place = level.clause or "this context"
        raise DatacaveError(f"{what} are not allowed in {place}", sqlstate=code, position=position)
    return level.grouping


def _inside(b: Binding, scope: Scope, nodes: Sequence[ast.Expression]) -> list[n.Expression]:
    return [b.expression(node, scope) for node in nodes]


def _filter(b: Binding, e: ast.FunctionCall, scope: Scope) -> n.Expression | None:
    if e.filter is None:
        return None
    clause, scope.clause = scope.clause, "FILTER"
    try:
        return coercion.to_boolean(b, b.expression(e.filter, scope), "FILTER")
    finally:
        scope.clause = clause


def _check_aggregate_form(e: ast.FunctionCall, function: Function) -> str:
    name = function.name
    kind = registry.aggregate_kind(function)
    if e.within_group and kind == "n":
        raise DatacaveError(
            f"{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            position=e.position,
        )
    if kind != "n" and not e.within_group:
        raise DatacaveError(
            f"WITHIN GROUP is required for ordered-set aggregate {name}",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            position=e.position,
        )
    if not e.arguments and not e.star and kind == "n":
        raise DatacaveError(
            f"{name}(*) must be used to call a parameterless aggregate function",
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            position=e.position,
        )
    return kind


def _aggregate_call(
    b: Binding,
    e: ast.FunctionCall,
    found: ResolvedFunction,
    arguments: list[n.Expression],
    ordered: tuple[n.SortKey, ...],
    scope: Scope,
    noted: names.NotedOuter,
) -> n.Expression:
    """`noted` is what boundaries had noted of outer columns before the arguments were bound."""
    function = found.function
    kind = _check_aggregate_form(e, function)
    if not function.supported:
        raise registry.unsupported(function).at(e.position)
    condition = _filter(b, e, scope)
    direct: tuple[n.Expression, ...] = ()
    if kind == "n":
        values = tuple(final_arguments(b, found, arguments))
        order = sort_keys(b, e.order_by, scope) if e.order_by else ()
        if e.distinct:
            order = _distinct_order(b, values, order, e)
    else:
        values, direct, order = _ordered_set(b, found, arguments, ordered, kind)
    parts = [*values, *direct, *(key.expression for key in order), *([condition] if condition is not None else [])]
    used: set[int] = set()
    for part in parts:
        used |= n.columns_used(part)
    level = _placeholder_level(scope, used) or names.level_of(scope, used)
    grouping = grouping_of(level, "aggregate functions", AGGREGATE_CLAUSES, sqlstate.GROUPING_ERROR, e.position)
    _check_nesting(b, grouping, parts, e.position)
    call = n.AggregateCall(function, values, found.result_type, -1, e.distinct, order, condition, direct)
    column = grouping.aggregates.get(call)
    if column is None:
        column = grouping.aggregates[call] = b.output(function.name, call)
    names.take_from_outside(scope, level, column.id, noted)
    return b.placed(n.ColumnReference(column.id, call.type, -1, column.name), e.position)


def _placeholder_level(scope: Scope, used: set[int]) -> Scope | None:
    """The level whose aggregates or windows are among the used columns, if there is one."""
    for level in scope.chain():
        if level.grouping is None:
            continue
        columns = {column.id for column in level.grouping.aggregates.values()}
        columns |= {column.id for column in level.grouping.windows.values()}
        columns |= {column.id for _, column in level.grouping.sets}
        if columns & used:
            return level
    return None


def _place_of(b: Binding, parts: Sequence[n.Expression], columns: set[int], otherwise: int) -> int | None:
    """Where one of the columns is mentioned in the expressions; None where none is."""
    for part in parts:
        for node in n.walk(part):
            if isinstance(node, n.ColumnReference) and node.column in columns:
                return b.position(node) or otherwise
            if isinstance(node, n.SubqueryExpression) and (inside := columns.intersection(node.outer)):
                return min(b.mention(column, 0) or otherwise for column in inside)
    return None


def _check_nesting(b: Binding, grouping: Grouping, parts: Sequence[n.Expression], otherwise: int) -> None:
    place = _place_of(b, parts, {column.id for column in grouping.aggregates.values()}, otherwise)
    if place is not None:
        raise DatacaveError(
            "aggregate function calls cannot be nested", sqlstate=sqlstate.GROUPING_ERROR, position=place
        )
    place = _place_of(b, parts, {column.id for column in grouping.windows.values()}, otherwise)
    if place is not None:
        raise DatacaveError(
            "aggregate function calls cannot contain window function calls",
            sqlstate=sqlstate.GROUPING_ERROR,
            position=place,
        )
    position = _place_of(b, parts, {column.id for _, column in grouping.sets}, otherwise)
    if position is not None:
        raise DatacaveError(
            "aggregate function calls cannot contain set-returning function calls",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            hint="You might be able to move the set-returning function into a LATERAL FROM item.",
            position=position,
        )


def _distinct_order(
    b: Binding, values: Sequence[n.Expression], order: tuple[n.SortKey, ...], e: ast.FunctionCall
) -> tuple[n.SortKey, ...]:
    """The sort keys of an aggregate with DISTINCT, each one of its arguments, as coerced. Raises 0A000, 42P10."""
    if not values:
        raise DatacaveError(
            "DISTINCT is not implemented for parameterless aggregates",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            position=e.position,
        )
    keys = []
    for key in order:
        found = key.expression if key.expression in values else None
        for value in values:
            if found is None and isinstance(value, n.Relabel) and value.argument == key.expression:
                found = value
        if found is None:
            raise DatacaveError(
                "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
                sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
                position=b.position(key.expression),
            )
        keys.append(replace(key, expression=found))
    for value in values:
        require_equality(b, value, b.position(value))
    return tuple(keys)


def _ordered_set(
    b: Binding, found: ResolvedFunction, arguments: list[n.Expression], ordered: tuple[n.SortKey, ...], kind: str
) -> tuple[tuple[n.Expression, ...], tuple[n.Expression, ...], tuple[n.SortKey, ...]]:
    """(aggregated arguments, direct arguments, sort keys) of an ordered-set aggregate."""
    direct_count = len(arguments) - len(ordered)
    if kind == "h":
        if direct_count != len(ordered):
            raise FeatureNotSupported(
                f"To use the hypothetical-set aggregate {found.function.name}, the number of hypothetical direct "
                f"arguments (here {direct_count}) must match the number of ordering columns (here {len(ordered)})."
            )
        keys, direct = [], []
        for value, key in zip(arguments[:direct_count], ordered, strict=True):
            (left, right), _ = coercion.to_common(b, [value, key.expression], "WITHIN GROUP")
            direct.append(left)
            keys.append(n.SortKey(right, key.descending, key.nulls_first))
        return tuple(key.expression for key in keys), tuple(direct), tuple(keys)
    values = [
        coercion.settled(b, argument) if type_oid == oids.ANY else coercion.require(b, argument, type_oid)
        for argument, type_oid in zip(arguments, found.argument_types, strict=True)
    ]
    keys = [
        n.SortKey(value, key.descending, key.nulls_first)
        for value, key in zip(values[direct_count:], ordered, strict=True)
    ]
    return tuple(values[direct_count:]), tuple(values[:direct_count]), tuple(keys)


def _window_call(
    b: Binding, e: ast.FunctionCall, found: ResolvedFunction, arguments: list[n.Expression], scope: Scope
) -> n.Expression:
    function = found.function
    if not function.supported:
        raise registry.unsupported(function).at(e.position)
    grouping = grouping_of(scope, "window functions", WINDOW_CLAUSES, sqlstate.WINDOWING_ERROR, e.position)
    if e.distinct:
        raise FeatureNotSupported("DISTINCT is not implemented for window functions", position=e.position)
    if e.order_by and function.kind == "a":
        raise FeatureNotSupported("aggregate ORDER BY is not implemented for window functions", position=e.position)
    if e.within_group or (function.kind == "a" and registry.aggregate_kind(function) != "n"):
        raise FeatureNotSupported(
            f"OVER is not supported for ordered-set aggregate {function.name}", position=e.position
        )
    if function.kind == "a" and not e.arguments and not e.star:
        _check_aggregate_form(e, function)
    if e.filter is not None and function.kind == "w":
        raise FeatureNotSupported("FILTER is not implemented for non-aggregate window functions", position=e.position)
    condition = _filter(b, e, scope)
    values = tuple(final_arguments(b, found, arguments))
    assert e.over is not None
    partition, order, frame = windows.resolve_window(b, e.over, scope)
    parts = [*values, *partition, *(key.expression for key in order), *([condition] if condition is not None else [])]
    window_columns = {column.id for column in grouping.windows.values()}
    place = _place_of(b, parts, window_columns, e.position)
    if place is not None:
        raise DatacaveError("window function calls cannot be nested", sqlstate=sqlstate.WINDOWING_ERROR, position=place)
    place = _place_of(b, parts, {column.id for _, column in grouping.sets}, e.position)
    if place is not None:
        raise DatacaveError(
            "window function calls cannot contain set-returning function calls",
            sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
            hint="You might be able to move the set-returning function into a LATERAL FROM item.",
            position=e.position,
        )
    call = n.WindowCall(function, values, partition, order, frame, found.result_type, -1, condition)
    column = grouping.windows.get(call)
    if column is None:
        column = grouping.windows[call] = b.output(function.name, call)
    return b.placed(n.ColumnReference(column.id, call.type, -1, column.name), e.position)


CALLS: Mapping[type, Callable[..., n.Expression]] = {ast.FunctionCall: bind_call}
