"""SET, RESET, SHOW."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_core.types.names import quote_name
from datacave_core.wait import Wait
from datacave_sql.parse import ast
from datacave_sql.session.parameter import LIST_PARAMETERS, PARAMETERS, unknown_parameter
from datacave_sql.session.replies import Complete, Reply, ResultColumn
from datacave_sql.session.transaction_parameters import TRANSACTION_PARAMETERS, set_setting
from datacave_sql.session.utility.arguments import zone_of_interval
from datacave_sql.session.warnings import warn

Steps = Iterator[Reply | Wait]

_SET = Complete("SET")
_RESET = Complete("RESET")
_SHOW = Complete("SHOW")


def set_parameter(session: Any, statement: ast.SetParameter) -> Steps:
    """SET. Outside a block SET LOCAL does nothing but warn."""
    if statement.from_current:
        raise DatacaveError("SET FROM CURRENT is not allowed here", sqlstate=sqlstate.SYNTAX_ERROR)
    name = statement.name
    session.begin_statement()
    if statement.local and not (session.in_block or session.in_function):
        warn(session, "SET LOCAL can only be used in transaction blocks", sqlstate.NO_ACTIVE_SQL_TRANSACTION)
    if statement.interval is not None:
        set_setting(session, "timezone", zone_of_interval(session, statement.interval), statement.local)
    else:
        set_setting(session, name, setting_text(statement), statement.local)
    yield _SET


def setting_text(statement: ast.SetParameter) -> str | None:
    """The values of a SET as one text; None is DEFAULT."""
    name, values = statement.name, statement.values
    if not values:
        return None
    key = name.lower()
    if len(values) > 1 and key not in LIST_PARAMETERS:
        known = PARAMETERS.get(key)
        raise DatacaveError(
            f"SET {known.name if known is not None else name} takes only one argument",
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
        )
    if key in ("search_path", "temp_tablespaces"):
        return ", ".join(_identifier(value) for value in values)
    return ", ".join(value if isinstance(value, str) else f"{value:.15g}" for value in values)


def _identifier(value: ast.SettingValue) -> str:
    return quote_name(value) if isinstance(value, str) and value else '""' if value == "" else str(value)


def reset_parameter(session: Any, statement: ast.ResetParameter) -> Steps:
    """RESET name, RESET ALL."""
    session.begin_statement()
    if statement.name is None:
        session.settings.reset_all()
    else:
        set_setting(session, statement.name, None, False)
    yield _RESET


def show_columns(session: Any, statement: ast.ShowParameter) -> tuple[ResultColumn, ...]:
    """What SHOW returns. Raises 42704."""
    if statement.name is None:
        return tuple(ResultColumn(name, oids.TEXT, -1) for name in ("name", "setting", "description"))
    name = statement.name
    key = name.lower()
    known = PARAMETERS.get(key)
    if known is None and session.evaluation.setting(name) is None:
        raise unknown_parameter(name)
    return (ResultColumn(known.name if known is not None else name, oids.TEXT, -1),)


def show_parameter(session: Any, statement: ast.ShowParameter) -> Steps:
    """SHOW name, SHOW ALL."""
    session.begin_statement()
    evaluation = session.evaluation
    if statement.name is None:
        hidden = {*TRANSACTION_PARAMETERS[:0], "role", "session_authorization", "seed", "is_superuser"}
        rows = [
            (one.name, evaluation.setting(one.name) or "", one.category)
            for one in session.settings.known()
            if one.name.lower() not in hidden
        ]
        if rows:
            yield rows
    else:
        value = evaluation.setting(statement.name)
        if value is None:
            raise unknown_parameter(statement.name)
        yield [(value,)]
    yield _SHOW
