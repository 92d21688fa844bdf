"""Raising: RAISE, ASSERT, GET DIAGNOSTICS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.plpgsql import syntax as x
from datacave_sql.plpgsql.compiler import Compiler, Run
from datacave_sql.plpgsql.conditions import codes_of, is_code
from datacave_sql.plpgsql.contexts import whole_context
from datacave_sql.plpgsql.expressions import Expression
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.targets import Targets, find
from datacave_sql.plpgsql.variables import Level
from datacave_sql.session.replies import Notice
from datacave_sql.session.warnings import passes

_CODES = {"warning": sqlstate.WARNING, "exception": sqlstate.RAISE_EXCEPTION}


def _texts(frame: Frame, parameters: list[Expression]) -> list[str]:
    """The parameters as they print."""
    types = frame.session.catalog_state.types
    settings = frame.session.format_settings
    found = []
    for one in parameters:
        value = one(frame)
        kind = one.type if one.type not in (oids.UNKNOWN, 0) else oids.TEXT
        if value is None:
            found.append("<NULL>")
        elif isinstance(value, str) and kind in (oids.TEXT, oids.VARCHAR):
            found.append(value)
        else:
            found.append(types.io(kind).output(value, settings))
    return found


def _formatted(message: str, texts: list[str]) -> str:
    parts = message.split("%")
    found = [parts[0]]
    place, index = 0, 1
    while index < len(parts):
        if parts[index] == "" and index + 1 < len(parts):
            found += ["%", parts[index + 1]]
            index += 2
            continue
        found += [texts[place], parts[index]]
        place += 1
        index += 1
    return "".join(found)


def compile_raise(c: Compiler, level: Level, s: x.Raise) -> Run:
    """RAISE"""
    if s.again:

        def again(frame: Frame) -> None:
            if frame.error is None:
                raise DatacaveError(
                    "RAISE without parameters cannot be used outside an exception handler",
                    sqlstate=sqlstate.STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER,
                )
            raise frame.error

        return again
    parameters = [c.expression(level, one) for one in s.parameters]
    options = [(name, c.expression(level, one, (oids.TEXT, -1))) for name, one in s.options]

    def run(frame: Frame) -> None:
        code = s.condition
        message = _formatted(s.message, _texts(frame, parameters)) if s.message is not None else None
        fields: dict[str, str] = {}
        for name, expression in options:
            value = expression(frame)
            if value is None:
                raise DatacaveError("RAISE statement option cannot be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
            taken = {"errcode": code, "message": message}.get(name, fields.get(name))
            if taken is not None:
                raise DatacaveError(f"RAISE option already specified: {name.upper()}", sqlstate=sqlstate.SYNTAX_ERROR)
            if name == "errcode":
                code = value if is_code(value) else codes_of(value)[0]
            elif name == "message":
                message = value
            else:
                fields[name] = value
        if message is None:
            message = s.name or code or "unhandled exception"
        error = DatacaveError(
            message,
            sqlstate=code or _CODES.get(s.level, sqlstate.SUCCESSFUL_COMPLETION),
            detail=fields.get("detail"),
            hint=fields.get("hint"),
            schema=fields.get("schema"),
            table=fields.get("table"),
            column=fields.get("column"),
            data_type=fields.get("datatype"),
            constraint=fields.get("constraint"),
        )
        if s.level == "exception":
            raise error
        _tell(frame, s.level.upper(), error)

    return run


def _tell(frame: Frame, severity: str, error: DatacaveError) -> None:
    session = frame.session
    if passes(session, severity):
        error.severity = severity
        error.context = whole_context(frame)
        session.notices.append(Notice(error))


def compile_assert(c: Compiler, level: Level, s: x.Assert) -> Run:
    """ASSERT"""
    condition = c.condition(level, s.condition)
    message = c.expression(level, s.message, (oids.TEXT, -1)) if s.message is not None else None

    def run(frame: Frame) -> None:
        if not frame.session.settings.value("plpgsql.check_asserts") or condition(frame):
            return
        text = message(frame) if message is not None else None
        raise DatacaveError(text if text is not None else "assertion failed", sqlstate=sqlstate.ASSERT_FAILURE)

    return run


def compile_get(c: Compiler, level: Level, s: x.GetDiagnostics) -> Run:
    """GET [STACKED] DIAGNOSTICS"""
    targets = []
    for target, item in s.items:
        datum, fields = find(level, target.names)
        if datum.kind != "s" and not fields:
            raise DatacaveError(f'"{target.text}" is not a scalar variable', sqlstate=sqlstate.SYNTAX_ERROR)
        targets.append((Targets(level, c.types, [target]), item))

    def run(frame: Frame) -> None:
        error = frame.error
        if s.stacked and error is None:
            raise DatacaveError(
                "GET STACKED DIAGNOSTICS cannot be used outside an exception handler",
                sqlstate=sqlstate.STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER,
            )
        for target, item in targets:
            value: Any = (
                frame.row_count
                if item == "row_count"
                else (whole_context(frame) if item == "pg_context" else _stacked(error, item))
            )
            if target.wanted is not None and target.wanted[0][0] in (oids.TEXT, oids.VARCHAR, oids.BPCHAR, oids.NAME):
                value = str(value)
            target.store(frame, (value,), None)

    return run


def _stacked(error: DatacaveError | None, item: str) -> str:
    assert error is not None
    value = {
        "returned_sqlstate": error.sqlstate,
        "message_text": error.message,
        "pg_exception_detail": error.detail,
        "pg_exception_hint": error.hint,
        "pg_exception_context": error.context,
        "column_name": error.column,
        "constraint_name": error.constraint,
        "pg_datatype_name": error.data_type,
        "table_name": error.table,
        "schema_name": error.schema,
    }[item]
    return value or ""


RAISING: dict[type, Callable[[Compiler, Level, Any], Run]] = {
    x.Raise: compile_raise,
    x.Assert: compile_assert,
    x.GetDiagnostics: compile_get,
}
