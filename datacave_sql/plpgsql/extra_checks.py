"""Extra checks of INTO: parameters of a STRICT statement that fails, too many rows, rows of another width."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.parse import ast
from datacave_sql.plpgsql.contexts import whole_context
from datacave_sql.plpgsql.expressions import Names, Query
from datacave_sql.plpgsql.frames import Frame
from datacave_sql.plpgsql.variables import Datum, Level
from datacave_sql.session.replies import Notice
from datacave_sql.session.warnings import passes

Parameters = Callable[[Frame], Sequence[tuple[str, int, Any]]]
"""(name, type, value) of what a statement was run with."""


def prints_parameters(names: Names, frame: Frame) -> bool:
    """#print_strict_params, or the setting where the function says nothing."""
    written = names.strict_parameters
    return written if written is not None else bool(frame.session.settings.value("plpgsql.print_strict_params"))


def variables_of(level: Level, query: Query) -> Parameters:
    """The variables that a statement names, in the order in which they are declared."""
    found: list[Datum] | None = None

    def read(frame: Frame) -> Sequence[tuple[str, int, Any]]:
        nonlocal found
        if found is None:
            named = {datum.number: datum for datum in _named(level, query.parsed().statement)}
            found = [named[number] for number in sorted(named)]
        return [(one.name, one.type, frame.values[one.number]) for one in found]

    return read


def _named(level: Level, node: Any) -> Iterator[Datum]:
    if isinstance(node, ast.ColumnRef) and not node.star:
        known = level.find(node.parts)
        if known is not None and not known[1]:
            yield known[0]
    elif isinstance(node, tuple):
        for item in node:
            yield from _named(level, item)
    elif isinstance(node, ast.Node):
        for part in fields(node):
            yield from _named(level, getattr(node, part.name))


def parameter_detail(frame: Frame, parameters: Sequence[tuple[str, int, Any]]) -> str | None:
    """The detail of an error of STRICT: parameters with their values."""
    shown = []
    for name, type_oid, value in parameters:
        if value is None:
            shown.append(f"{name} = NULL")
            continue
        text = frame.session.find_io(type_oid).output(value, frame.session.format_settings)
        shown.append(f"{name} = '" + text.replace("'", "''") + "'")
    return f"parameters: {', '.join(shown)}" if shown else None


def _told(frame: Frame, check: str) -> str:
    """ERROR, WARNING, or "": what plpgsql.extra_errors and extra_warnings ask for."""
    for setting, severity in (("plpgsql.extra_errors", "ERROR"), ("plpgsql.extra_warnings", "WARNING")):
        words = str(frame.session.settings.value(setting)).lower().split(",")
        if check in [word.strip() for word in words]:
            return severity
    return ""


def _tell(frame: Frame, severity: str, error: DatacaveError) -> None:
    if severity == "ERROR":
        raise error
    if passes(frame.session, severity):
        error.severity = severity
        error.context = whole_context(frame)
        frame.session.notices.append(Notice(error))


def too_many_rows(detail: str | None = None, *, hinted: bool = True) -> DatacaveError:
    """P0003; that of EXECUTE comes without a hint."""
    return DatacaveError(
        "query returned more than one row",
        sqlstate=sqlstate.TOO_MANY_ROWS,
        detail=detail,
        hint="Make sure the query returns a single row, or use LIMIT 1." if hinted else None,
    )


def check_single(frame: Frame) -> None:
    """More than one row for INTO without STRICT."""
    severity = _told(frame, "too_many_rows")
    if severity:
        _tell(frame, severity, too_many_rows())


def check_width(frame: Frame, given: int, wanted: int | None) -> None:
    """As many columns as targets."""
    if wanted is None or given == wanted:
        return
    severity = _told(frame, "strict_multi_assignment")
    if severity:
        setting = "extra_errors" if severity == "ERROR" else "extra_warnings"
        _tell(
            frame,
            severity,
            DatacaveError(
                "number of source and target fields in assignment does not match",
                sqlstate=sqlstate.DATATYPE_MISMATCH,
                detail=f"strict_multi_assignment check of {setting} is active.",
                hint="Make sure the query returns the exact list of columns.",
            ),
        )
