"""pg_settings: the configuration parameters as the session sees them, numbers in their base unit; and pg_config."""

from __future__ import annotations

from typing import Any

from datacave_core.values import Array, Row
from datacave_sql.pgcatalog.snapshot import CatalogRows
from datacave_sql.session.parameter import PARAMETERS, SERVER_VERSION, Parameter, Setting
from datacave_sql.session.parameter_descriptions import descriptions

_NOT_LISTED = frozenset({"is_superuser", "role", "seed", "session_authorization"})
"""Parameters that only SHOW tells of."""
_PATHS = frozenset(
    {"config_file", "data_directory", "external_pid_file", "hba_file", "ident_file", "timezone_abbreviations"}
)
"""Parameters without a value of their own before the server has started."""


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
    texts = descriptions()
    for parameter in settings.known():
        key = parameter.name.lower()
        if key in _NOT_LISTED:
            continue
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
                parameter.name, plain, parameter.unit or None, parameter.category,
                texts.get(parameter.name, ""), None, parameter.context,
                {"int": "integer"}.get(parameter.kind, parameter.kind), source, _bound(parameter, parameter.minimum),
                _bound(parameter, parameter.maximum), Array.of(parameter.values) if parameter.kind == "enum" else None,
                None if key in _PATHS else boot, reset, None, None, False,
            )
        )  # fmt: skip
    return found


_BUILD = (
    "BINDIR", "DOCDIR", "HTMLDIR", "INCLUDEDIR", "PKGINCLUDEDIR", "INCLUDEDIR-SERVER", "LIBDIR", "PKGLIBDIR",
    "LOCALEDIR", "MANDIR", "SHAREDIR", "SYSCONFDIR", "PGXS", "CONFIGURE", "CC", "CPPFLAGS", "CFLAGS", "CFLAGS_SL",
    "LDFLAGS", "LDFLAGS_EX", "LDFLAGS_SL", "LIBS",
)  # fmt: skip


def build_rows(session: Any, rows: CatalogRows) -> list[Row]:
    """pg_config: nothing was configured or compiled in PostgreSQL's way, so only the version is known."""
    return [*((name, "not recorded") for name in _BUILD), ("VERSION", f"PostgreSQL {SERVER_VERSION}")]
