"""The pg_stat views of databases and of the server: transactions, log, checkpoints.

The rows of all databases lie in one store. Its blocks and its log are counted as a whole: blocks are shown for the
database, where there is only one besides the templates, else in the row of what databases share.
A flush of a memtable stands for a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from datacave_core.values import Row
from datacave_sql.exec.moment import EPOCH_MICROSECONDS
from datacave_sql.exec.relation_counts import COUNTED
from datacave_sql.pgcatalog.activity import database_oid, maker
from datacave_sql.pgcatalog.facts import base_type, relation_shapes
from datacave_sql.pgcatalog.snapshot import CatalogRows

_INT8: Final = 20
_FLOAT8: Final = 701
_SLRU: Final = ("CommitTs", "MultiXactMember", "MultiXactOffset", "Notify", "Serial", "Subtrans", "Xact", "other")


def counters_of(view: str) -> dict[str, int | float]:
    """The counter columns of a view, all at zero."""
    columns = next(s.columns for s in relation_shapes().values() if s.name == view and s.schema == "pg_catalog")
    kinds = {_INT8: 0, _FLOAT8: 0.0}
    return {one.name: kinds[base_type(one.type_oid)] for one in columns if base_type(one.type_oid) in kinds}


def _open_counts(session: Any, oid: int) -> list[Any]:
    return [one.counts for one in list(session.database.sessions.values()) if one.home.oid == oid]


def _blocks(session: Any) -> dict[str, int]:
    """Reads of the store that found what they wanted in memory, and those that went to a file."""
    found = session.database.store.statistics()
    hits = found.get("row_cache_hits", 0) + found.get("segment_cache_hits", 0)
    return {"blks_hit": hits, "blks_read": found.get("segment_cache_misses", 0)}


def database_statistics(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stat_database."""
    make = maker("pg_stat_database", **counters_of("pg_stat_database"))
    places = {name: COUNTED.index(name) for name in COUNTED}
    alone = sum(not one.template for one in rows.catalog.databases.values()) == 1
    blocks = _blocks(session)
    yield make(datid=0, numbackends=0, **({} if alone else blocks))
    for database in rows.catalog.databases.values():
        home = session.database.homes.get(database.oid)
        connected = sum(database_oid(one) == database.oid for one in list(session.database.sessions.values()))
        files, size = session.database.memory.temporary_files.get(database.oid, (0, 0))
        facts: dict[str, Any] = {}
        if home is not None:
            counts = _open_counts(session, database.oid)
            committed, rolled_back = home.activity.transactions(counts)
            totals = list(home.activity.totals(counts).values())
            sums = {name: sum(one[place] for one in totals) for name, place in places.items()}
            facts = {
                "xact_commit": committed, "xact_rollback": rolled_back, "sessions": home.activity.sessions,
                "tup_returned": sums["read"] + sums["fetched"], "tup_fetched": sums["fetched"],
                "tup_inserted": sums["inserted"], "tup_updated": sums["updated"], "tup_deleted": sums["deleted"],
                "stats_reset": home.activity.reset_at - EPOCH_MICROSECONDS if home.activity.was_reset else None,
                "deadlocks": home.activity.deadlocks,
            }  # fmt: skip
        if alone and not database.template:
            facts |= blocks
        yield make(
            datid=database.oid, datname=database.name, numbackends=connected, temp_files=files, temp_bytes=size, **facts
        )


def conflict_statistics(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stat_database_conflicts: only a standby has any."""
    make = maker("pg_stat_database_conflicts", **counters_of("pg_stat_database_conflicts"))
    return (make(datid=one.oid, datname=one.name) for one in rows.catalog.databases.values())


def _started(session: Any) -> int:
    started: int = session.database.start_microseconds
    return started - EPOCH_MICROSECONDS


def checkpoint_statistics(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stat_bgwriter."""
    found = session.database.store.statistics()
    make = maker("pg_stat_bgwriter", **counters_of("pg_stat_bgwriter"))
    yield make(
        checkpoints_req=found.get("flushes", 0), buffers_alloc=found.get("segment_cache_misses", 0),
        stats_reset=_started(session),
    )  # fmt: skip


def log_statistics(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stat_wal."""
    found = session.database.store.statistics()
    make = maker("pg_stat_wal", **counters_of("pg_stat_wal"))
    syncs = found.get("log_syncs", 0)
    yield make(
        wal_records=found.get("log_synced_commits", 0), wal_bytes=Decimal(found.get("log_bytes_written", 0)),
        wal_write=syncs, wal_sync=syncs, stats_reset=_started(session),
    )  # fmt: skip


def archive_statistics(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stat_archiver: nothing is archived."""
    yield maker("pg_stat_archiver", **counters_of("pg_stat_archiver"))(stats_reset=_started(session))


def slru_statistics(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stat_slru: there are no such caches, so nothing happens in them."""
    make = maker("pg_stat_slru", **counters_of("pg_stat_slru"))
    return (make(name=name, stats_reset=_started(session)) for name in _SLRU)


def prefetch_statistics(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stat_recovery_prefetch: recovery has ended before anybody asks."""
    make = maker("pg_stat_recovery_prefetch", **counters_of("pg_stat_recovery_prefetch"))
    yield make(stats_reset=_started(session), wal_distance=0, block_distance=0, io_depth=0)


SERVER_STATISTICS: Final[dict[str, Callable[[Any, CatalogRows], Iterator[Row]]]] = {
    "pg_stat_archiver": archive_statistics,
    "pg_stat_bgwriter": checkpoint_statistics,
    "pg_stat_database": database_statistics,
    "pg_stat_database_conflicts": conflict_statistics,
    "pg_stat_recovery_prefetch": prefetch_statistics,
    "pg_stat_slru": slru_statistics,
    "pg_stat_wal": log_statistics,
}
"""The views by name."""
