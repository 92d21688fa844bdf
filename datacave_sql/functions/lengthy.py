"""Lengthy functions: those that may take long over one big value. They pause now and then (exec/suspension.py), so the
plans with calls of them are suspendable, and calls over big constants are not folded."""

from __future__ import annotations

from typing import Final

_REPLACE = ("", "_noopt", "_extended", "_extended_no_n", "_extended_no_flags")
_FLAGS = ("", "_no_flags")
_SPLIT = ("regexp_split_to_array", "regexp_split_to_table", "regexp_matches", "regexp_count")
_PATH = ("exists", "match", "query", "query_array", "query_first")

LENGTHY: Final = frozenset(
    {f"textregexreplace{end}" for end in _REPLACE}
    | {name + end for name in _SPLIT for end in _FLAGS}
    | {f"jsonb_path_{name}{end}" for name in _PATH for end in ("", "_opr", "_tz")}
    | {"regexp_count_no_start", "to_tsvector", "to_tsvector_byid", "jsonb_contains", "jsonb_contained", "jsonb_pretty"}
)
"""By symbol."""

LENGTHY_AGGREGATES: Final = frozenset(("json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"))
"""By name."""

SHORT_CHARACTERS_MAX: Final = 2_000
"""Over texts no longer than this none of them takes long."""
