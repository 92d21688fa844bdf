"""SessionSettings: the values of configuration parameters in one session.

A value is found in this order: SET LOCAL of the running transaction, SET of the session, the default (server's
configuration, start-up packet, start-up options). Every change is noted with what it replaced, so that ROLLBACK and
ROLLBACK TO undo it; SET LOCAL ends with the transaction.
Not here: what the parameters are (parameter.py), those that show the running transaction (utility/parameters.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from datacave_core.errors import DatacaveError
from datacave_core.transaction import Isolation
from datacave_core.types import FormatSettings
from datacave_core.types.settings import no_current_time
from datacave_sql.session.parameter import (
    PARAMETERS,
    Parameter,
    Setting,
    check_changeable,
    find_parameter,
    unknown_parameter,
)
from datacave_sql.session.parameter_checks import check_text, is_built_in_configuration
from datacave_sql.session.parameter_text import (
    check_client_encoding,
    check_date_style,
    check_search_path,
    check_time_zone,
    split_command_line,
)
from datacave_sql.session.replies import ParameterChanged

_BUILTIN_DEFAULTS: dict[str, Setting] = {key: one.parse(one.default) for key, one in PARAMETERS.items()}
_DERIVED = frozenset(
    {
        "datestyle", "intervalstyle", "timezone", "extra_float_digits", "bytea_output", "search_path",
        "default_transaction_isolation", "default_transaction_read_only", "default_transaction_deferrable",
        "synchronous_commit", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "role",
        "session_authorization", "row_security", "client_min_messages", "datacave.as_of", "work_mem",
        "hash_mem_multiplier", "temp_file_limit", "log_temp_files",
    }
)  # fmt: skip
_ISOLATIONS = {
    "serializable": Isolation.SERIALIZABLE,
    "repeatable read": Isolation.REPEATABLE_READ,
    "read committed": Isolation.READ_COMMITTED,
    "read uncommitted": Isolation.READ_COMMITTED,
}
_SESSION_START_CONTEXTS = ("user", "superuser", "backend", "superuser-backend")
_NONE: Any = object()


class SessionSettings:
    """One session's parameters. The attributes without underscore are kept up to date for quick reads."""

    def __init__(self, defaults: dict[str, str], startup: dict[str, str], command_line: str | None) -> None:
        self._defaults = dict(_BUILTIN_DEFAULTS)
        self._custom: dict[str, Parameter] = {}
        self._session: dict[str, Setting] = {}
        self._local: dict[str, Setting] = {}
        self._undo: list[tuple[dict[str, Setting], str, Any]] = []
        self._time_source: Callable[[], int] = no_current_time
        self.superuser = True
        self.has_changes = False
        self.search_path: tuple[str, ...] = ()
        self.format_settings = FormatSettings()
        self.default_isolation = Isolation.READ_COMMITTED
        self.default_read_only = False
        self.default_deferrable = False
        self.synchronous_commit = True
        self.statement_timeout_ms = 0
        self.lock_timeout_ms = 0
        self.idle_in_transaction_session_timeout_ms = 0
        self.client_min_messages = "notice"
        self.work_mem_bytes = 0
        self.hash_mem_bytes = 0
        self.temp_file_limit_kb = -1
        self.log_temp_files_kb = -1
        self.as_of = ""
        self.rights_changed: Callable[[], None] = lambda: None
        self.reading_changed: Callable[[], None] = lambda: None
        """Told when `reads_in_transactions` or the moment of datacave.as_of changes."""
        self.is_configuration: Callable[[str], bool] = is_built_in_configuration
        """Whether a text names a configuration of text search."""
        self.row_security = True
        self.role = "none"
        self.session_authorization = ""
        for name, value in defaults.items():
            self._set_default(name, value)
        for name, value in split_command_line(command_line) if command_line else ():
            self._set_at_start(name, value)
        for name, value in startup.items():
            self._set_at_start(name, value)
        self._derive()
        self._reported = dict(self.reported())

    @property
    def reads_in_transactions(self) -> bool:
        """Whether even the lookup of one row needs a transaction: it reads the past, or counts as SERIALIZABLE."""
        return bool(self.as_of) or self.default_isolation is Isolation.SERIALIZABLE

    def _set_default(self, name: str, value: str) -> None:
        parameter = find_parameter(name)
        key = parameter.name.lower()
        if key not in PARAMETERS:
            self._custom[key] = parameter
        self._defaults[key] = self._parse(parameter, name, value)

    def _set_at_start(self, name: str, value: str) -> None:
        parameter = find_parameter(name)
        if parameter.context not in _SESSION_START_CONTEXTS:
            check_changeable(parameter, name, self.superuser)
        self._set_default(name, value)

    def set_identity(self, user: str, is_superuser: Callable[[str], bool], time_source: Callable[[], int]) -> None:
        """Tells who the session belongs to, which roles are superusers, and where `now` comes from."""
        self._defaults["session_authorization"] = user
        self._is_superuser = is_superuser
        self._time_source = time_source
        self._derive()
        self._identify()
        self._derive()
        self._reported = dict(self.reported())

    # Reading

    def value(self, name: str) -> Setting:
        """A parameter's value in its base unit. Raises 42704."""
        key = name.lower()
        for values in (self._local, self._session, self._defaults):
            found: Setting | None = values.get(key)
            if found is not None:
                return found
        if key in self._custom:
            return ""
        raise unknown_parameter(name)

    def get(self, name: str) -> str:
        """A parameter as SHOW prints it. Raises 42704."""
        value = self.value(name)
        parameter = PARAMETERS.get(name.lower())
        return parameter.show(value) if parameter is not None else str(value)

    def known(self) -> list[Parameter]:
        """All parameters, custom ones included, by name."""
        found = [*PARAMETERS.values(), *self._custom.values()]
        return sorted(found, key=lambda one: one.name.lower())

    def default(self, name: str) -> str:
        """What RESET would make of a parameter, as SHOW would print it."""
        key = name.lower()
        parameter = PARAMETERS.get(key)
        value = self._defaults.get(key, "")
        return parameter.show(value) if parameter is not None else str(value)

    # Changing

    def set(self, name: str, value: str, local: bool = False) -> None:
        """SET. Raises 42704, 55P02, 42501, 22023."""
        parameter = find_parameter(name)
        check_changeable(parameter, name, self.superuser)
        key = parameter.name.lower()
        parsed = self._parse(parameter, name, value)
        if key not in PARAMETERS:
            self._custom.setdefault(key, parameter)
        self._store(key, parsed, local)

    def reset(self, name: str, local: bool = False) -> None:
        """RESET, or SET .. TO DEFAULT. Raises 42704, 55P02, 42501."""
        parameter = find_parameter(name)
        key = parameter.name.lower()
        if key not in PARAMETERS and key not in self._custom:
            raise unknown_parameter(name)
        check_changeable(parameter, name, self.superuser)
        self._store(key, self._defaults.get(key, ""), local)

    def reset_all(self) -> None:
        """RESET ALL; role, session_authorization and the transaction's own parameters stay."""
        for key in sorted({*self._session, *self._local} - {"role", "session_authorization"}):
            self._store(key, self._defaults.get(key, ""), False)

    def check(self, name: str, value: str) -> None:
        """Raises what SET would raise, without setting anything."""
        parameter = find_parameter(name)
        check_changeable(parameter, name, self.superuser)
        self._parse(parameter, name, value)

    def _identify(self) -> None:
        """Whether the current role is a superuser, as is_superuser shows it."""
        current = self.role if self.role != "none" else self.session_authorization
        self.superuser = self._is_superuser(current)
        if self._defaults["is_superuser"] is not self.superuser:
            self._defaults["is_superuser"] = self.superuser
            self.has_changes = True

    def _store(self, key: str, value: Setting, local: bool) -> None:
        target = self._local if local else self._session
        self._undo.append((target, key, target.get(key, _NONE)))
        target[key] = value
        if not local and key in self._local:
            self._undo.append((self._local, key, self._local.pop(key)))
        self._changed(key)

    def _changed(self, key: str) -> None:
        if key in _DERIVED:
            self._derive()
            if key in ("role", "session_authorization"):
                self._identify()
            if key in ("role", "session_authorization", "row_security", "search_path"):
                self.rights_changed()
        parameter = PARAMETERS.get(key)
        if parameter is not None and parameter.reported:
            self.has_changes = True

    def _parse(self, parameter: Parameter, name: str, value: str) -> Setting:
        key = parameter.name.lower()
        if key == "datestyle":
            present = self._date_style(self.value("DateStyle"))
            return ", ".join(check_date_style(value, present, self._date_style(self._defaults["datestyle"])))
        if key == "timezone":
            return check_time_zone(value)
        if key == "client_encoding":
            return check_client_encoding(value)
        if key == "search_path":
            check_search_path(value)
            return value
        if key == "application_name":
            return "".join(letter if " " <= letter <= "~" else "?" for letter in value)
        check_text(key, name, value, self.is_configuration)
        return parameter.parse(value, name)

    @staticmethod
    def _date_style(value: Setting) -> tuple[str, str]:
        style, order = str(value).split(", ")
        return style, order

    # Transactions

    def savepoint(self) -> int:
        """A mark for `rollback_to`."""
        return len(self._undo)

    def rollback_to(self, mark: int) -> None:
        """Takes back everything set since the mark."""
        while len(self._undo) > mark:
            target, key, old = self._undo.pop()
            if old is _NONE:
                del target[key]
            else:
                target[key] = old
            self._changed(key)

    def transaction_ended(self, committed: bool) -> None:
        """Takes back what the transaction set if it has not committed, and SET LOCAL in any case."""
        if not self._undo:
            return
        if not committed:
            self.rollback_to(0)
        self._undo.clear()
        if self._local:
            keys = list(self._local)
            self._local.clear()
            for key in keys:
                self._changed(key)

    # What clients follow

    def reported(self) -> list[tuple[str, str]]:
        """The parameters that clients follow, with their values."""
        return [(one.name, self.get(one.name)) for one in PARAMETERS.values() if one.reported]

    def take_changes(self) -> list[ParameterChanged]:
        """Those of them that have changed since the last call."""
        self.has_changes = False
        changes = []
        for name, value in self.reported():
            if self._reported.get(name) != value:
                self._reported[name] = value
                changes.append(ParameterChanged(name, value))
        return changes

    # Kept at hand

    def _derive(self) -> None:
        value = self.value
        style, order = self._date_style(value("DateStyle"))
        settings = FormatSettings(
            style,
            order,
            str(value("IntervalStyle")),
            str(value("TimeZone")),
            int(value("extra_float_digits")),
            str(value("bytea_output")),
            self._time_source,
        )
        if settings != self.format_settings or settings.transaction_time is not self.format_settings.transaction_time:
            self.format_settings = settings
        path = check_search_path(str(value("search_path")))
        if path != self.search_path:
            self.search_path = path
        isolation = _ISOLATIONS[str(value("default_transaction_isolation"))]
        self.default_read_only = value("default_transaction_read_only") is True
        self.default_deferrable = value("default_transaction_deferrable") is True
        self.synchronous_commit = value("synchronous_commit") != "off"
        self.statement_timeout_ms = int(value("statement_timeout"))
        self.lock_timeout_ms = int(value("lock_timeout"))
        self.idle_in_transaction_session_timeout_ms = int(value("idle_in_transaction_session_timeout"))
        self.client_min_messages = str(value("client_min_messages"))
        self.work_mem_bytes = int(value("work_mem")) * 1024
        self.hash_mem_bytes = int(self.work_mem_bytes * float(value("hash_mem_multiplier")))
        self.temp_file_limit_kb = int(value("temp_file_limit"))
        self.log_temp_files_kb = int(value("log_temp_files"))
        self.row_security = value("row_security") is True
        self.role = str(value("role"))
        as_of = str(value("datacave.as_of"))
        tracked = isolation is Isolation.SERIALIZABLE
        if as_of != self.as_of or tracked is not (self.default_isolation is Isolation.SERIALIZABLE):
            self.as_of = as_of
            # Whoever keeps something ready for the present recognises it by this object.
            self.format_settings = replace(settings)
            self.default_isolation = isolation
            self.reading_changed()
        self.default_isolation = isolation
        self.session_authorization = str(value("session_authorization"))


def setting_or_none(settings: SessionSettings, name: str) -> str | None:
    """A parameter as SHOW prints it, or None if there is none of this name."""
    try:
        return settings.get(name)
    except DatacaveError:
        return None
