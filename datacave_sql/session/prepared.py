"""Prepared statements: a parsed statement, its parameter types, and its plan as long as the catalog stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from datacave_core.catalog import Catalog
from datacave_sql.session.compiled import CompiledQuery, CompiledUtility

CUSTOM_PLANS_MAX = 5


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
    custom_plans: int = 0
    generic_plans: int = 0
    cache: Any = None

    def count_plan(self, mode: str) -> None:
        """Counts an execution as PostgreSQL would plan it: the first ones for their own parameters, later ones for any;
        plans here hold for any parameters. `mode` is plan_cache_mode."""
        generic = mode == "force_generic_plan" if mode != "auto" else self.custom_plans >= CUSTOM_PLANS_MAX
        if not self.compiled or not self.compiled.parameter_types or (generic and mode != "force_custom_plan"):
            self.generic_plans += 1
        else:
            self.custom_plans += 1


_NO_CATALOG = Catalog()


def stale(compiled: CompiledQuery | CompiledUtility) -> CompiledQuery | CompiledUtility:
    """A plan that holds no longer, whatever the catalog says."""
    return replace(compiled, catalog=_NO_CATALOG)
