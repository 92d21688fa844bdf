"""Monitoring functions: pg_stat_get_*, pg_stat_reset* and what only a standby has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.exec.relation_counts import COUNTED
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext

BODIES = Bodies()

_COUNTED: Final = {
    "numscans": "scans", "tuples_returned": "read", "tuples_fetched": "fetched", "tuples_inserted": "inserted",
    "tuples_updated": "updated", "tuples_hot_updated": "updated_hot", "tuples_deleted": "deleted",
}  # fmt: skip
_SHARED: Final = ("archiver", "bgwriter", "recovery_prefetch", "wal")


def _counter(place: int, in_transaction: bool) -> Callable[[EvaluationContext, int], int]:
    return lambda context, oid: context.statistics.counts(oid, in_transaction)[place]


for _name, _counts in _COUNTED.items():
    BODIES.add_with_context(f"pg_stat_get_{_name}", _counter(COUNTED.index(_counts), False))
    BODIES.add_with_context(f"pg_stat_get_xact_{_name}", _counter(COUNTED.index(_counts), True))

# Blocks are counted for the whole store, and background upkeep does not exist as a thing of its own.
BODIES.add(
    "pg_stat_get_autoanalyze_count pg_stat_get_autovacuum_count pg_stat_get_blocks_fetched pg_stat_get_blocks_hit "
    "pg_stat_get_dead_tuples pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit",
    lambda oid: 0,
)
BODIES.add("pg_stat_get_last_autoanalyze_time pg_stat_get_last_autovacuum_time", lambda oid: None)
BODIES.add_with_context("pg_stat_get_live_tuples", lambda context, oid: context.statistics.live_rows(oid))


def _upkeep(kind: str, part: int) -> Callable[[EvaluationContext, int], int | None]:
    return lambda context, oid: context.statistics.upkeep(oid, kind)[part]


for _kind in ("analyze", "vacuum"):
    BODIES.add_with_context(f"pg_stat_get_last_{_kind}_time", _upkeep(_kind, 0))
    BODIES.add_with_context(f"pg_stat_get_{_kind}_count", _upkeep(_kind, 1))
BODIES.add_with_context("pg_stat_get_mod_since_analyze", _upkeep("analyze", 2))
BODIES.add_with_context("pg_stat_get_ins_since_vacuum", _upkeep("vacuum", 3))

BODIES.add_with_context("pg_stat_reset", lambda context: context.statistics.reset())
BODIES.add_with_context(
    "pg_stat_reset_single_table_counters pg_stat_reset_single_function_counters",
    lambda context, oid: context.statistics.reset_one(oid),
)


@BODIES.with_context("pg_stat_reset_shared")
def reset_shared(context: EvaluationContext, target: str) -> None:
    """Raises 22023 for an unknown target; the counts of the store itself go on."""
    context.statistics.check_may_reset("pg_stat_reset_shared")
    if target not in _SHARED:
        raise DatacaveError(
            f'unrecognized reset target: "{target}"',
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            hint='Target must be "archiver", "bgwriter", "recovery_prefetch", or "wal".',
        )
    raise DatacaveError(
        f'counts of "{target}" cannot be reset',
        sqlstate=sqlstate.FEATURE_NOT_SUPPORTED,
        hint="They belong to the store and begin anew when the server starts.",
    )


@BODIES("pg_is_wal_replay_paused")
def replay_paused() -> NoReturn:
    """Raises 55000: this server is never in recovery."""
    raise DatacaveError(
        "recovery is not in progress",
        sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        hint="Recovery control functions can only be executed during recovery.",
    )
