"""Prepared statements: a parsed statement, its parameter types, and its plan as long as the catalog stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from datacave_core.catalog import Catalog
from datacave_sql.session.compiled import CompiledQuery, CompiledUtility


@dataclass(slots=True)
class PreparedStatement:
    """One statement prepared by Parse or PREPARE.

    `parsed` is None for an empty statement. `declared_types` are those the client gave; `compiled.parameter_types` all.
    `from_sql` tells PREPARE from Parse, and `source` is then the whole query string, for pg_prepared_statements;
    `prepared_at` is in microseconds since 2000.
    `cache` is the caller's: the wire keeps its decoders and encoders there.
    """

    name: str
    text: str
    parsed: Any
    declared_types: tuple[int, ...]
    compiled: CompiledQuery | CompiledUtility | None
    from_sql: bool = False
    source: str = ""
    prepared_at: int = 0
    executions: int = 0
    cache: Any = None


_NO_CATALOG = Catalog()


def stale(compiled: CompiledQuery | CompiledUtility) -> CompiledQuery | CompiledUtility:
    """A plan that holds no longer, whatever the catalog says."""
    return replace(compiled, catalog=_NO_CATALOG)
