"""pg_settings: the configuration parameters as the session sees them. Numbers are in their base unit, without it."""

from __future__ import annotations

from typing import Any

from datacave_core.values import Array, Row
from datacave_sql.pgcatalog.snapshot import CatalogRows
from datacave_sql.session.parameter import PARAMETERS, Parameter, Setting


def _plain(value: Setting) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _bound(parameter: Parameter, bound: float | None) -> str | None:
    if bound is None:
        return None
    return f"{bound:g}" if parameter.kind == "real" else f"{bound:.0f}"


def setting_rows(session: Any, rows: CatalogRows) -> list[Row]:
    """All of pg_settings."""
    settings = session.settings
    found = []
    for parameter in settings.known():
        key = parameter.name.lower()
        known = key in PARAMETERS
        if known:
            value = settings.value(key)
            # The running transaction's own parameters are not stored; show them as SHOW does.
            plain = session.evaluation.setting(key) if key.startswith("transaction_") else _plain(value)
            boot = _plain(parameter.parse(parameter.default))
            reset = (
                _plain(parameter.parse(settings.default(key))) if parameter.kind != "string" else settings.default(key)
            )
        else:
            plain, boot, reset = settings.get(key), "", settings.default(key)
        source = "default" if plain == boot else "session" if plain != reset else "configuration file"
        found.append(
            (
                parameter.name, plain, parameter.unit or None, parameter.category, "", None, parameter.context,
                {"int": "integer"}.get(parameter.kind, parameter.kind), source, _bound(parameter, parameter.minimum),
                _bound(parameter, parameter.maximum), Array.of(parameter.values) if parameter.kind == "enum" else None,
                boot, reset, None, None, False,
            )
        )  # fmt: skip
    return found
