"""Blocks: declarations, assignments, handlers with what they take back, RETURN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.record import Record
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.compiler import RETURN, Compiler, Exit, Run, Signal
from datacave_sql.plpgsql.conditions import matches
from datacave_sql.plpgsql.contexts import note_context
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.targets import assignment, find, store_record, store_whole
from datacave_sql.plpgsql.variables import Datum, Level

_DURING = "during statement block local variable initialization"


def compile_block(c: Compiler, level: Level, s: x.Block) -> Run:
    """DECLARE ... BEGIN ... EXCEPTION ... END"""
    inner = Level(level, s.label)
    steps = [step for one in s.declarations if (step := _declaration(c, inner, one)) is not None]
    body = c.statements(inner, s.body)
    if s.handlers is not None:
        body = _guarded(c, inner, s.handlers, body)
    label = s.label

    def run(frame: Frame) -> Signal:
        if steps:
            frame.what = _DURING
            for line, step in steps:
                frame.line = line
                step(frame)
        signal = body(frame)
        if (
            signal is not None
            and type(signal) is Exit
            and label is not None
            and signal.label == label
            and signal.leaves
        ):
            return None
        return signal

    return run


def _declaration(
    c: Compiler, level: Level, one: x.Variable | x.Alias | x.Cursor
) -> tuple[int, Callable[[Frame], None]] | None:
    """The step that gives a variable its first value."""
    if isinstance(one, x.Alias):
        level.names[one.name] = find(level, one.other)[0]
        return None
    if isinstance(one, x.Cursor):
        cursor = c.new(level, one.name, oids.REFCURSOR)
        arguments = Level(level)
        given = [c.new(arguments, label, *c.type_of(level, kind)) for label, kind in one.arguments]
        cursor.cursor = (one, given, c.query(arguments, one.query), len(given))
        number, name = cursor.number, one.name

        def named(frame: Frame) -> None:
            frame.values[number] = name

        return one.line, named
    # A variable's own name is not known in its default.
    outside = Level(level.parent, level.label, dict(level.names))
    oid, typmod = c.type_of(outside, one.type)
    default = c.expression(outside, one.default, (oid, typmod)) if one.default is not None else None
    datum = c.new(level, one.name, oid, typmod)
    datum.constant = one.constant
    datum.not_null = one.not_null
    if default is None:
        if datum.kind != "r" and c.types.base(oid) != oid:
            # The domain may refuse NULL.
            null = c.expression(outside, x.Sql("NULL", 0, one.line), (oid, typmod))
            return one.line, lambda frame: store_whole(datum, c.types)(frame, null(frame))
        return one.line, lambda frame: _empty(frame, datum)
    if datum.kind == "r":
        return one.line, lambda frame: store_record(frame, datum.number, default(frame), default.shape, c.types)
    store = store_whole(datum, c.types)
    return one.line, lambda frame: store(frame, default(frame))


def _empty(frame: Frame, datum: Datum) -> None:
    frame.values[datum.number] = None
    frame.shapes[datum.number] = None


def _guarded(c: Compiler, level: Level, handlers: tuple[x.Handler, ...], body: Run) -> Run:
    names = Level(level)
    code = c.new(names, "sqlstate", oids.TEXT)
    message = c.new(names, "sqlerrm", oids.TEXT)
    compiled = [(one.conditions, c.statements(names, one.body)) for one in handlers]

    def run(frame: Frame) -> Signal:
        session = frame.session
        transaction = session.transaction
        mark = transaction.savepoint()
        state = session.savepoint_state()
        frame.subtransactions += 1
        try:
            signal = body(frame)
            frame.subtransactions -= 1
            return signal
        except RecursionError:
            frame.subtransactions -= 1
            error = DatacaveError("stack depth limit exceeded", sqlstate=sqlstate.STATEMENT_TOO_COMPLEX)
        except DatacaveError as caught:
            frame.subtransactions -= 1
            error = caught
        if error.severity in ("FATAL", "PANIC") or session.transaction is not transaction:
            raise error
        chosen = next((run for conditions, run in compiled if matches(conditions, error.sqlstate)), None)
        if chosen is None:
            raise error
        note_context(error, frame)
        transaction.cancel_wait()
        transaction.rollback_to(mark)
        session.restore_savepoint_state(state)
        frame.values[code.number] = error.sqlstate
        frame.values[message.number] = error.message
        before, frame.error = frame.error, error
        try:
            return chosen(frame)
        finally:
            frame.error = before

    return run


def compile_assign(c: Compiler, level: Level, s: x.Assign) -> Run:
    return assignment(c.names, level, c.types, s.target, s.value)


def compile_null(c: Compiler, level: Level, s: x.Null) -> Run:
    return lambda frame: None


# --- RETURN ----------------------------------------------------------------------------------------------------------


def _refused(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.DATATYPE_MISMATCH)


def compile_return(c: Compiler, level: Level, s: x.Return) -> Run:
    """RETURN [value]. Raises 42804 where the function's result does not allow it."""
    returns = c.returns
    if s.value is None:
        if returns.kind == "function" and not returns.is_set and not returns.outputs and returns.type != oids.VOID:
            raise DatacaveError("missing expression", sqlstate=sqlstate.SYNTAX_ERROR)
        return lambda frame: RETURN
    if returns.kind in ("procedure", "block"):
        raise DatacaveError(
            "RETURN cannot have a parameter in a procedure"
            if returns.kind == "procedure"
            else "RETURN cannot have a parameter in function returning void",
            sqlstate=sqlstate.SYNTAX_ERROR if returns.kind == "procedure" else sqlstate.DATATYPE_MISMATCH,
        )
    if returns.is_set:
        error = _refused("RETURN cannot have a parameter in function returning set")
        error.hint = "Use RETURN NEXT or RETURN QUERY."
        raise error
    if returns.outputs:
        raise _refused("RETURN cannot have a parameter in function with OUT parameters")
    if returns.type == oids.VOID and returns.kind == "function":
        raise _refused("RETURN cannot have a parameter in function returning void")
    if returns.is_row and c.types.base(returns.type) == returns.type:
        row = _returned_row(c, level, s.value)

        def composite(frame: Frame) -> Signal:
            frame.result = row(frame)
            return RETURN

        return composite
    expression = c.expression(level, s.value, returns.wanted)

    def plain(frame: Frame) -> Signal:
        frame.result = expression(frame)
        return RETURN

    return plain


def _returned_row(c: Compiler, level: Level, sql: x.Sql) -> Callable[[Frame], Any]:
    """A row that RETURN gives, checked to be one of the result's."""
    returns, types = c.returns, c.types
    expression = c.expression(level, sql)

    def row(frame: Frame) -> Any:
        value = expression(frame)
        if value is None or types.base(expression.type) == returns.type != oids.RECORD:
            return value
        if isinstance(value, tuple) and not isinstance(value, Record) and expression.shape is not None:
            value = expression.shape.make(value)
        return returns.fitted(value, types)

    return row


def compile_return_next(c: Compiler, level: Level, s: x.ReturnNext) -> Run:
    """RETURN NEXT"""
    returns = c.returns
    if not returns.is_set:
        raise _refused("cannot use RETURN NEXT in a non-SETOF function")
    if s.value is None:
        if not returns.outputs:
            raise DatacaveError("RETURN NEXT must have a parameter", sqlstate=sqlstate.SYNTAX_ERROR)
        return lambda frame: frame.rows.append(returns.output_value(frame))
    if returns.outputs:
        raise _refused("RETURN NEXT cannot have a parameter in function with OUT parameters")
    if not returns.is_row:
        expression = c.expression(level, s.value, returns.wanted)
        return lambda frame: frame.rows.append(expression(frame))
    given = _returned_row(c, level, s.value)

    def row(frame: Frame) -> None:
        value = given(frame)
        if value is None and returns.columns is not None:
            value = returns.row((None,) * len(returns.columns.attributes))
        frame.rows.append(value)

    return row


BLOCKS: dict[type, Callable[[Compiler, Level, Any], Run]] = {
    x.Block: compile_block,
    x.Assign: compile_assign,
    x.Null: compile_null,
    x.Return: compile_return,
    x.ReturnNext: compile_return_next,
}
