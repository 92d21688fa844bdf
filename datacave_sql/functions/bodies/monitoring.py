"""Monitoring functions: pg_stat_get_* and what only a standby has.

Activity of single tables and indexes is not counted, so their counters are 0 and their times NULL, as in a PostgreSQL
that has just started.
"""

from __future__ import annotations

from typing import NoReturn

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.functions.body import Bodies

BODIES = Bodies()

BODIES.add(
    "pg_stat_get_analyze_count pg_stat_get_autoanalyze_count pg_stat_get_autovacuum_count pg_stat_get_vacuum_count "
    "pg_stat_get_blocks_fetched pg_stat_get_blocks_hit pg_stat_get_dead_tuples pg_stat_get_live_tuples "
    "pg_stat_get_ins_since_vacuum pg_stat_get_mod_since_analyze pg_stat_get_numscans pg_stat_get_tuples_deleted "
    "pg_stat_get_tuples_fetched pg_stat_get_tuples_hot_updated pg_stat_get_tuples_inserted "
    "pg_stat_get_tuples_returned pg_stat_get_tuples_updated pg_stat_get_xact_blocks_fetched "
    "pg_stat_get_xact_blocks_hit pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted "
    "pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted "
    "pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated",
    lambda oid: 0,
)
BODIES.add(
    "pg_stat_get_last_analyze_time pg_stat_get_last_autoanalyze_time pg_stat_get_last_autovacuum_time "
    "pg_stat_get_last_vacuum_time",
    lambda oid: None,
)


@BODIES("pg_is_wal_replay_paused")
def replay_paused() -> NoReturn:
    """Raises 55000: this server is never in recovery."""
    raise DatacaveError(
        "recovery is not in progress",
        sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
        hint="Recovery control functions can only be executed during recovery.",
    )
