"""Options of CREATE and ALTER FUNCTION: each at most once, with PostgreSQL's limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from datacave_core import sqlstate
from datacave_core.catalog import Routine
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.parse import ast

_VOLATILITY = {"immutable": "i", "stable": "s", "volatile": "v"}
_PARALLEL = {"safe": "s", "restricted": "r", "unsafe": "u"}
_NOT_FOR_PROCEDURES = frozenset({"volatility", "strict", "leakproof", "cost", "rows", "support", "parallel", "window"})


@dataclass(slots=True)
class RoutineOptions:
    """What the options say; None where they say nothing."""

    language: str | None = None
    body: tuple[str, ...] | None = None
    window: bool = False
    changes: dict[str, object] = field(default_factory=dict)
    settings: list[ast.SetParameter | str | None] = field(default_factory=list)
    """SET clauses in order; RESET as the parameter's name, None for RESET ALL."""

    def applied(self, routine: Routine) -> Routine:
        """The routine with the options in it; the SET clauses are the session's business."""
        changed = replace(routine, **self.changes)  # type: ignore[arg-type]
        if changed.returns_set:
            if changed.rows == 0:
                changed = replace(changed, rows=1000.0)
        elif "rows" in self.changes:
            raise DatacaveError(
                "ROWS is not applicable when function does not return a set",
                sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            )
        return changed


def read_options(options: Iterable[ast.Option], *, procedure: bool) -> RoutineOptions:
    """The options of a function or procedure. Raises 42601, 22023, 42P13, 0A000."""
    found = RoutineOptions()
    seen: set[str] = set()
    for option in options:
        name, value = option.name, option.value
        if name in seen and name not in ("set", "reset"):
            raise DatacaveError(
                "conflicting or redundant options", sqlstate=sqlstate.SYNTAX_ERROR, position=option.position
            )
        seen.add(name)
        if procedure and name in _NOT_FOR_PROCEDURES:
            raise DatacaveError(
                "invalid attribute in procedure definition",
                sqlstate=sqlstate.INVALID_FUNCTION_DEFINITION,
                position=option.position,
            )
        if name == "language":
            found.language = str(value)
        elif name == "as" and isinstance(value, tuple):
            found.body = value
        elif name == "window":
            found.window = True
        elif name == "volatility":
            found.changes["volatility"] = _VOLATILITY[str(value)]
        elif name in ("strict", "leakproof"):
            found.changes[name] = value
        elif name == "security":
            found.changes["security_definer"] = value == "definer"
        elif name == "parallel":
            if value not in _PARALLEL:
                raise DatacaveError(
                    'parameter "parallel" must be SAFE, RESTRICTED, or UNSAFE', sqlstate=sqlstate.SYNTAX_ERROR
                )
            found.changes["parallel"] = _PARALLEL[str(value)]
        elif name in ("cost", "rows"):
            number = float(str(value))
            if number <= 0:
                raise DatacaveError(f"{name.upper()} must be positive", sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
            found.changes[name] = number
        elif name == "set":
            if not isinstance(value, ast.SetParameter):
                raise FeatureNotSupported("SET TRANSACTION is not supported as an option of a function")
            found.settings.append(value)
        elif name == "reset":
            found.settings.append(None if value is None else str(value))
        else:
            raise FeatureNotSupported(
                f"option {name.upper()} of functions is not supported", hint="Leave it out.", position=option.position
            )
    return found
