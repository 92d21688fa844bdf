"""Parameter: what is known about one configuration parameter, and how its values are read and shown.

The table lies in parameters.tsv: name, kind, unit, bounds, values of enums, default, context. Numbers are kept
in the parameter's base unit. Not here: which value a session has (settings.py), texts with a grammar of their own
(parameter_text.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.version import VERSION

POSTGRES_VERSION: Final = "15.18"
SERVER_VERSION: Final = f"{POSTGRES_VERSION} (Datacave {VERSION})"
"""What clients parse: the PostgreSQL release whose behaviour is followed, then this program's own."""

Setting = bool | int | float | str
"""A parameter's value; enums are texts."""

_MEMORY_UNITS: Final = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_TIME_UNITS: Final = {
    "us": 1,
    "ms": 1000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_BASE_MEMORY: Final = {"B": 1, "kB": 1024, "8kB": 8192, "MB": 1024**2}
_NUMBER: Final = re.compile(r"\s*([+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))\s*([A-Za-z]*)\s*\Z")
_INT_LIMIT: Final = 2**31
_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")
_BOOLEAN_SYNONYMS: Final = {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}

_REPORTED: Final = frozenset(
    {
        "application_name", "client_encoding", "datestyle", "default_transaction_read_only", "in_hot_standby",
        "integer_datetimes", "intervalstyle", "is_superuser", "server_encoding", "server_version",
        "session_authorization", "standard_conforming_strings", "timezone",
    }
)  # fmt: skip
LIST_PARAMETERS: Final = frozenset({"datestyle", "search_path", "temp_tablespaces"})
"""Parameters that SET may give several values."""

_ONLY: Final[dict[str, Setting]] = {
    "standard_conforming_strings": True,
    "array_nulls": True,
    "transform_null_equals": False,
    "default_tablespace": "",
    "temp_tablespaces": "",
    "default_table_access_method": "heap",
}
"""Parameters whose other values would change meaning in ways that are not built."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `context` is PostgreSQL's: who may change it, and when."""

    name: str
    kind: str  # bool, int, real, enum, string
    unit: str
    minimum: float | None
    maximum: float | None
    values: tuple[str, ...]
    default: str
    context: str
    category: str
    reported: bool = False

    def parse(self, text: str, written: str | None = None) -> Setting:
        """A value from its text. `written` is the name as the client wrote it. Raises 22023, 0A000."""
        name = written or self.name
        value: Setting
        if self.kind == "bool":
            value = _parse_bool(name, text)
        elif self.kind == "enum":
            value = self._parse_enum(name, text)
        elif self.kind == "string":
            value = text
        else:
            value = self._parse_number(name, text)
        only = _ONLY.get(self.name)
        if only is not None and value != only:
            raise DatacaveError(
                f'parameter "{self.name}" cannot be set to "{text}"',
                sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
                hint=f'Datacave supports only the value "{self.show(only)}".',
            )
        return value

    def _parse_enum(self, name: str, text: str) -> str:
        word = text.lower()
        for value in self.values:
            if value.lower() == word:
                return value
        synonym = _BOOLEAN_SYNONYMS.get(word)
        if synonym is not None and synonym in self.values:
            return synonym
        if word == "debug" and "debug2" in self.values:
            return "debug2"
        shown = ", ".join(value for value in self.values)
        raise _invalid(name, text, hint=f"Available values: {shown}.")

    def _parse_number(self, name: str, text: str) -> int | float:
        found = _NUMBER.match(text)
        if found is None:
            raise _invalid(name, text)
        digits, unit = found.groups()
        number = float(int(digits, 16)) if "x" in digits.lower() else float(digits)
        if unit:
            number *= self._factor(name, text, unit)
        if self.kind == "int":
            if not -_INT_LIMIT <= number < _INT_LIMIT:
                raise _invalid(name, text, hint="Value exceeds integer range.")
            number = round(number)
        if (self.minimum is not None and number < self.minimum) or (self.maximum is not None and number > self.maximum):
            unit_shown = f" {self.unit}" if self.unit else ""
            raise DatacaveError(
                f'{number:g}{unit_shown} is outside the valid range for parameter "{name}"'
                f" ({_bound(self.kind, self.minimum)} .. {_bound(self.kind, self.maximum)})"
                if self.kind == "real"
                else f'{number:.0f}{unit_shown} is outside the valid range for parameter "{name}"'
                f" ({_bound(self.kind, self.minimum)} .. {_bound(self.kind, self.maximum)})",
                sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            )
        return int(number) if self.kind == "int" else number

    def _factor(self, name: str, text: str, unit: str) -> float:
        """How many base units a unit is."""
        if self.unit in _BASE_MEMORY:
            if unit in _MEMORY_UNITS:
                return _MEMORY_UNITS[unit] / _BASE_MEMORY[self.unit]
            hint = 'Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".'
        elif self.unit in _TIME_UNITS:
            if unit in _TIME_UNITS:
                return _TIME_UNITS[unit] / _TIME_UNITS[self.unit]
            hint = 'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".'
        else:
            raise _invalid(name, text)
        raise _invalid(name, text, hint=hint)

    def show(self, value: Setting) -> str:
        """A value as SHOW prints it."""
        if isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, str):
            return value
        if not self.unit or value <= 0:
            return f"{value:g}" if isinstance(value, float) else str(value)
        units, base = (
            (_MEMORY_UNITS, _BASE_MEMORY[self.unit])
            if self.unit in _BASE_MEMORY
            else (_TIME_UNITS, _TIME_UNITS[self.unit])
        )
        size = value * base
        for unit in reversed(units):
            factor = units[unit]
            if size % factor == 0:
                return f"{size // factor:.0f}{unit}"
        return f"{value:g}{self.unit}"


def _read() -> dict[str, Parameter]:
    lines = files(__package__).joinpath("parameters.tsv").read_text(encoding="utf-8").splitlines()
    found: dict[str, Parameter] = {}
    for line in lines[1:]:
        name, kind, unit, low, high, values, default, context, category = line.split("\t")
        found[name.lower()] = Parameter(
            name,
            kind,
            unit,
            float(low) if low else None,
            float(high) if high else None,
            tuple(values.split(",")) if values else (),
            SERVER_VERSION if name == "server_version" else default,
            context,
            category,
            name.lower() in _REPORTED,
        )
    return found


PARAMETERS: Final[dict[str, Parameter]] = _read()
"""Every known parameter by its name in lower case."""

_CUSTOM_NAME: Final = re.compile(r"[A-Za-z_\x80-\U0010ffff][\w$]*(?:\.[A-Za-z_\x80-\U0010ffff][\w$]*)+\Z")


def find_parameter(name: str) -> Parameter:
    """A parameter by its name in any case; names with a dot may be anything. Raises 42704, 42602."""
    found = PARAMETERS.get(name.lower())
    if found is not None:
        return found
    if "." in name:
        if _CUSTOM_NAME.match(name) is None:
            raise DatacaveError(
                f'invalid configuration parameter name "{name}"',
                sqlstate=sqlstate.INVALID_NAME,
                detail="Custom parameter names must be two or more simple identifiers separated by dots.",
            )
        return Parameter(name, "string", "", None, None, (), "", "user", "Customized Options")
    raise unknown_parameter(name)


def unknown_parameter(name: str) -> DatacaveError:
    """42704."""
    return DatacaveError(f'unrecognized configuration parameter "{name}"', sqlstate=sqlstate.UNDEFINED_OBJECT)


def check_changeable(parameter: Parameter, name: str, superuser: bool) -> None:
    """Raises 55P02 for parameters that a session cannot change, 42501 for those of superusers."""
    context = parameter.context
    if context in ("user", "superuser"):
        if context == "superuser" and not superuser:
            raise DatacaveError(
                f'permission denied to set parameter "{name}"', sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE
            )
        return
    how = {
        "internal": "cannot be changed",
        "postmaster": "cannot be changed without restarting the server",
        "sighup": "cannot be changed now",
    }.get(context, "cannot be set after connection start")
    raise DatacaveError(f'parameter "{name}" {how}', sqlstate=sqlstate.CANT_CHANGE_RUNTIME_PARAM)


def _parse_bool(name: str, text: str) -> bool:
    word = text.strip().lower()
    if word:
        if any(full.startswith(word) for full in _TRUE) and word != "o":
            return True
        if any(full.startswith(word) for full in _FALSE) and word != "o":
            return False
    raise DatacaveError(f'parameter "{name}" requires a Boolean value', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)


def _bound(kind: str, bound: float | None) -> str:
    if bound is None:
        return ""
    return f"{bound:g}" if kind == "real" else f"{bound:.0f}"


def _invalid(name: str, text: str, hint: str | None = None) -> DatacaveError:
    return DatacaveError(
        f'invalid value for parameter "{name}": "{text}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE, hint=hint
    )
