"""The pg_stat and pg_statio views of tables, indexes and sequences, and time zones.

What tables and indexes were used for is counted; which blocks that took is known for the whole store only, so that
the blocks of single relations are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from datacave_core.catalog import Table
from datacave_core.types.zone_names import ABBREVIATIONS, session_zone
from datacave_core.types.zones import find_zone, zone_names
from datacave_core.values import Interval, Row
from datacave_sql.exec.relation_counts import COUNTED
from datacave_sql.pgcatalog.activity import maker
from datacave_sql.pgcatalog.facts import index_shapes, relation_shapes
from datacave_sql.pgcatalog.server_statistics import SERVER_STATISTICS, counters_of
from datacave_sql.pgcatalog.snapshot import CatalogRows

_NOTHING: Final = (0,) * len(COUNTED)
_TOAST: Final = ("toast_blks_read", "toast_blks_hit", "tidx_blks_read", "tidx_blks_hit")

LiveRows = Callable[[Any, CatalogRows], Iterator[Row]]


def _totals(session: Any, view: str) -> dict[int, tuple[int, ...]]:
    """The counts that a view shows: those of the running transaction, or all."""
    if "_xact_" not in view:
        totals: dict[int, tuple[int, ...]] = session.evaluation.statistics.totals()
        return totals
    transaction = session.transaction
    number = transaction.number if transaction is not None else 0
    return {oid: one.of_transaction(number) for oid, one in session.counts.relations.items()}


def _of_table(totals: dict[int, tuple[int, ...]], oid: int, indexes: Iterable[int]) -> dict[str, int | None]:
    """The counts of a table and its indexes by column; those of indexes are NULL where it has none."""
    scans, read, fetched, inserted, updated, hot, deleted = totals.get(oid, _NOTHING)
    found: dict[str, int | None] = {
        "seq_scan": scans, "seq_tup_read": read, "n_tup_ins": inserted, "n_tup_upd": updated, "n_tup_del": deleted,
        "n_tup_hot_upd": hot, "idx_scan": None, "idx_tup_fetch": None,
    }  # fmt: skip
    used = [totals.get(one, _NOTHING) for one in indexes]
    if used:
        found["idx_scan"] = sum(one[0] for one in used)
        found["idx_tup_fetch"] = fetched + sum(one[2] for one in used)
    return found


def _upkeep(session: Any, table: Table, values: tuple[int, ...]) -> dict[str, Any]:
    """How many rows a table has, and when it was looked after."""
    statistics = session.evaluation.statistics
    analyzed, analyses, changed, _ = statistics.upkeep_after(values, table.oid, "analyze")
    vacuumed, vacuums, _, inserted = statistics.upkeep_after(values, table.oid, "vacuum")
    return {
        "n_live_tup": statistics.live_rows(table.oid), "n_mod_since_analyze": changed, "n_ins_since_vacuum": inserted,
        "last_analyze": analyzed, "analyze_count": analyses, "last_vacuum": vacuumed, "vacuum_count": vacuums,
    }  # fmt: skip


def table_statistics(view: str, *, system: bool, user: bool) -> LiveRows:
    """One of pg_stat_all_tables and its family, pg_statio included."""
    kinds = "rm" if view.startswith("pg_statio") else "rmp"

    def make_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
        columns = counters_of(view)
        make = maker(view, **columns)
        blocks = "heap_blks_read" in columns
        if system:
            for shape in relation_shapes().values():
                if shape.kind == "r":
                    yield make(
                        relid=shape.oid, schemaname=shape.schema, relname=shape.name,
                        **dict.fromkeys(_TOAST if blocks else ()),
                    )  # fmt: skip
        if not user:
            return
        totals = _totals(session, view)
        for table in rows.catalog.tables.values():
            if table.kind not in kinds:
                continue
            facts: dict[str, Any] = {}
            if blocks:
                facts = dict.fromkeys(_TOAST if table.indexes else (*_TOAST, "idx_blks_read", "idx_blks_hit"))
            else:
                facts = dict(_of_table(totals, table.oid, (one.oid for one in table.indexes)))
                if "n_live_tup" in columns:
                    facts |= _upkeep(session, table, totals.get(table.oid, _NOTHING))
            yield make(
                relid=table.oid, schemaname=rows.schema_name(table.schema_oid), relname=table.name, **facts
            )  # fmt: skip

    return make_rows


def index_statistics(view: str, *, system: bool, user: bool) -> LiveRows:
    """One of pg_stat_all_indexes and its family, pg_statio included."""

    def make_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
        columns = counters_of(view)
        make = maker(view, **columns)
        counted = "idx_scan" in columns
        if system:
            shapes = relation_shapes()
            for index in index_shapes().values():
                relation = shapes[index.relation_oid]
                yield make(
                    relid=relation.oid, indexrelid=index.oid, schemaname=relation.schema, relname=relation.name,
                    indexrelname=shapes[index.oid].name,
                )  # fmt: skip
        if not user:
            return
        totals = _totals(session, view)
        for table in rows.catalog.tables.values():
            for one in table.indexes if table.kind != "p" else ():
                facts: dict[str, Any] = {}
                if counted:
                    scans, read, fetched = totals.get(one.oid, _NOTHING)[:3]
                    facts = {"idx_scan": scans, "idx_tup_read": max(read, fetched), "idx_tup_fetch": fetched}
                yield make(
                    relid=table.oid, indexrelid=one.oid, schemaname=rows.schema_name(table.schema_oid),
                    relname=table.name, indexrelname=one.name, **facts,
                )  # fmt: skip

    return make_rows


def sequence_statistics(view: str) -> LiveRows:
    """pg_statio_all_sequences and pg_statio_user_sequences."""

    def make_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
        make = maker(view, **counters_of(view))
        for sequence in rows.catalog.sequences.values():
            yield make(relid=sequence.oid, schemaname=rows.schema_name(sequence.schema_oid), relname=sequence.name)

    return make_rows


def zone_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_timezone_names, as of the start of the transaction."""
    now = session.evaluation.transaction_timestamp // 1_000_000
    for name in sorted(zone_names().values()):
        zone = find_zone(name)
        if zone is not None:
            kind = zone.at(now)
            yield name, kind.abbreviation, Interval(0, 0, kind.offset * 1_000_000), kind.is_dst


def abbreviation_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_timezone_abbrevs."""
    now = session.evaluation.transaction_timestamp // 1_000_000
    for word in sorted(ABBREVIATIONS):
        fact = ABBREVIATIONS[word]
        offset, is_dst = fact.offset, fact.is_dst
        if fact.zone_name is not None:
            zone = session_zone(fact.zone_name)
            kind = zone.meaning(word.upper(), now) or zone.at(now)
            offset, is_dst = kind.offset, kind.is_dst
        yield word.upper(), Interval(0, 0, offset * 1_000_000), is_dst


STATISTICS: Final[dict[str, LiveRows]] = {
    **{
        f"pg_{kind}_{whose}_tables": table_statistics(
            f"pg_{kind}_{whose}_tables", system=whose != "user", user=whose != "sys"
        )
        for kind in ("stat", "statio")
        for whose in ("all", "sys", "user")
    },
    **{
        f"pg_{kind}_{whose}_indexes": index_statistics(
            f"pg_{kind}_{whose}_indexes", system=whose != "user", user=whose != "sys"
        )
        for kind in ("stat", "statio")
        for whose in ("all", "sys", "user")
    },
    **{
        f"pg_stat_xact_{whose}_tables": table_statistics(
            f"pg_stat_xact_{whose}_tables", system=whose != "user", user=whose != "sys"
        )
        for whose in ("all", "sys", "user")
    },
    "pg_statio_all_sequences": sequence_statistics("pg_statio_all_sequences"),
    "pg_statio_user_sequences": sequence_statistics("pg_statio_user_sequences"),
    **SERVER_STATISTICS,
    "pg_timezone_names": zone_rows,
    "pg_timezone_abbrevs": abbreviation_rows,
}
"""The views by name."""
