"""SQL types: facts about the built-in ones, and how their values are read, written and compared."""

from __future__ import annotations

from datacave_core.types.names import format_type
from datacave_core.types.registry import BUILTIN_TYPES, find_type, type_by_name, type_by_oid
from datacave_core.types.settings import DEFAULT_SETTINGS, FormatSettings
from datacave_core.types.sqltype import SqlType

__all__ = [
    "BUILTIN_TYPES",
    "DEFAULT_SETTINGS",
    "FormatSettings",
    "SqlType",
    "find_type",
    "format_type",
    "type_by_name",
    "type_by_oid",
]
