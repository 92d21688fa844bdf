"""Windows: OVER clauses, named windows and what they inherit, frames."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion
from datacave_sql.bind.names import Scope
from datacave_sql.bind.sorting import require_equality, sort_keys
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast

Window = tuple[tuple[n.Expression, ...], tuple[n.SortKey, ...], n.WindowFrame]

_RANGE_OFFSETS = {
    oids.INT2: (oids.INT8, oids.INT4, oids.INT2),
    oids.INT4: (oids.INT8, oids.INT4, oids.INT2),
    oids.INT8: (oids.INT8,),
    oids.FLOAT4: (oids.FLOAT8,),
    oids.FLOAT8: (oids.FLOAT8,),
    oids.NUMERIC: (oids.NUMERIC,),
    **dict.fromkeys(
        (oids.DATE, oids.TIMESTAMP, oids.TIMESTAMPTZ, oids.TIME, oids.TIMETZ, oids.INTERVAL), (oids.INTERVAL,)
    ),
}
"""Types of ORDER BY columns that RANGE can count along, with the types of its offsets (in_range in PostgreSQL)."""


def _bad(message: str, position: int, code: str = sqlstate.WINDOWING_ERROR, detail: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=code, position=position, detail=detail)


def _named(scope: Scope, name: str, position: int) -> ast.WindowDefinition:
    found = scope.windows.get(name)
    if not isinstance(found, ast.WindowDefinition):
        raise _bad(f'window "{name}" does not exist', position, sqlstate.UNDEFINED_OBJECT)
    return found


def define_windows(scope: Scope, definitions: tuple[ast.WindowDefinition, ...]) -> None:
    """The WINDOW clause. Raises 42P20 for a name that is defined twice."""
    for definition in definitions:
        assert definition.name is not None
        if definition.name in scope.windows:
            raise _bad(f'window "{definition.name}" is already defined', definition.position)
        scope.windows[definition.name] = definition


def resolve_window(b: Binding, over: ast.WindowDefinition, scope: Scope) -> Window:
    """Partition, order and frame of an OVER clause, inherited parts included."""
    if over.name is not None:
        return resolve_window(b, _without_name(_named(scope, over.name, over.position)), scope)
    clause, scope.clause = scope.clause, "window definitions"
    try:
        partition, order = _parts(b, over, scope)
        frame = _frame(b, over.frame, order, scope)
    finally:
        scope.clause = clause
    return partition, order, frame


def _without_name(definition: ast.WindowDefinition) -> ast.WindowDefinition:
    return ast.WindowDefinition(
        definition.position,
        None,
        definition.reference,
        definition.partition_by,
        definition.order_by,
        definition.frame,
    )


def _parts(
    b: Binding, over: ast.WindowDefinition, scope: Scope
) -> tuple[tuple[n.Expression, ...], tuple[n.SortKey, ...]]:
    inherited: ast.WindowDefinition | None = None
    if over.reference is not None:
        inherited = _named(scope, over.reference, over.position)
        if over.partition_by:
            raise _bad(f'cannot override PARTITION BY clause of window "{over.reference}"', over.position)
        if over.order_by and inherited.order_by:
            raise _bad(f'cannot override ORDER BY clause of window "{over.reference}"', over.position)
        if inherited.frame is not None:
            raise _bad(f'cannot copy window "{over.reference}" because it has a frame clause', over.position)
    saved, scope.clause = scope.clause, "WINDOW"
    try:
        if inherited is not None:
            partition, order = _parts(b, _without_name(inherited), scope)
            return partition, sort_keys(b, over.order_by, scope) if over.order_by else order
        values = []
        for item in over.partition_by:
            value = coercion.settled(b, b.expression(item, scope))
            require_equality(b, value, item.position)
            values.append(value)
        return tuple(values), sort_keys(b, over.order_by, scope)
    finally:
        scope.clause = saved


def _frame(b: Binding, frame: ast.WindowFrame | None, order: tuple[n.SortKey, ...], scope: Scope) -> n.WindowFrame:
    if frame is None:
        return n.WindowFrame()
    offsets = any(bound.offset is not None for bound in (frame.start, frame.end))
    if frame.mode == "range" and offsets and len(order) != 1:
        raise _bad("RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column", frame.position)
    if frame.mode == "groups" and not order:
        raise _bad("GROUPS mode requires an ORDER BY clause", frame.position)

    def bound(end: ast.FrameBound) -> n.FrameBound:
        if end.offset is None:
            return n.FrameBound(end.kind)
        words = frame.mode.upper()
        inside = Scope(scope.parent, scope.sources, scope.columns, f"window {words}")
        value = b.expression(end.offset, inside)
        if n.columns_used(value) & scope.owned():
            raise _bad(
                f"argument of {words} must not contain variables",
                b.position(value) or frame.position,
                sqlstate.INVALID_COLUMN_REFERENCE,
            )
        if frame.mode != "range":
            return n.FrameBound(end.kind, coercion.to_type(b, value, oids.INT8, frame.mode.upper()))
        return n.FrameBound(end.kind, _range_offset(b, value, order[0].expression.type))

    return n.WindowFrame(frame.mode, bound(frame.start), bound(frame.end), frame.exclusion or "no others")


def _range_offset(b: Binding, value: n.Expression, column_type: int) -> n.Expression:
    """The offset of RANGE in a type that goes with the ORDER BY column. Raises 0A000."""
    key = b.types.base(column_type)
    wanted = _RANGE_OFFSETS.get(key, ())
    message = f"RANGE with offset PRECEDING/FOLLOWING is not supported for column type {b.types.name(column_type)}"
    if not wanted:
        raise FeatureNotSupported(message, position=b.position(value))
    preferred = key if value.type == oids.UNKNOWN else value.type
    for type_oid in (preferred, *wanted) if preferred in wanted else wanted:
        found = coercion.coerce(b, value, type_oid)
        if found is not None:
            return found
    raise FeatureNotSupported(
        f"{message} and offset type {b.types.name(value.type)}",
        hint="Cast the offset value to an appropriate type.",
        position=b.position(value),
    )
