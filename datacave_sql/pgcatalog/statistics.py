"""The pg_stat and pg_statio views of tables and indexes, pg_stat_database, and time zones.

Activity of single tables is not counted: counters are 0 and times NULL, as in a PostgreSQL that has just started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from datacave_core.types.zone_names import ABBREVIATIONS, session_zone
from datacave_core.types.zones import find_zone, zone_names
from datacave_core.values import Interval, Row
from datacave_sql.pgcatalog.activity import database_oid, maker
from datacave_sql.pgcatalog.facts import base_type, index_shapes, relation_shapes
from datacave_sql.pgcatalog.snapshot import CatalogRows

_COUNTERS: Final = frozenset({20, 701})

LiveRows = Callable[[Any, CatalogRows], Iterator[Row]]


def _counters(view: str) -> dict[str, int | float]:
    """The counter columns of a view, all at zero."""
    for shape in relation_shapes().values():
        if shape.name == view and shape.schema == "pg_catalog":
            return {c.name: 0 if c.type_oid == 20 else 0.0 for c in shape.columns if base_type(c.type_oid) in _COUNTERS}
    raise KeyError(view)


def table_statistics(view: str, *, system: bool, user: bool) -> LiveRows:
    """One of pg_stat_all_tables and its family, pg_statio included."""

    def make_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
        make = maker(view, **_counters(view))
        if system:
            for shape in relation_shapes().values():
                if shape.kind == "r":
                    yield make(relid=shape.oid, schemaname=shape.schema, relname=shape.name)
        if user:
            kinds = "rm" if view.startswith("pg_statio") else "rmp"
            for table in rows.catalog.tables.values():
                if table.kind in kinds:
                    yield make(relid=table.oid, schemaname=rows.schema_name(table.schema_oid), relname=table.name)

    return make_rows


def index_statistics(view: str, *, system: bool, user: bool) -> LiveRows:
    """One of pg_stat_all_indexes and its family, pg_statio included."""

    def make_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
        make = maker(view, **_counters(view))
        if system:
            shapes = relation_shapes()
            for index in index_shapes().values():
                relation = shapes[index.relation_oid]
                yield make(
                    relid=relation.oid,
                    indexrelid=index.oid,
                    schemaname=relation.schema,
                    relname=relation.name,
                    indexrelname=shapes[index.oid].name,
                )
        if user:
            for table in rows.catalog.tables.values():
                for one in table.indexes if table.kind != "p" else ():
                    yield make(
                        relid=table.oid,
                        indexrelid=one.oid,
                        schemaname=rows.schema_name(table.schema_oid),
                        relname=table.name,
                        indexrelname=one.name,
                    )

    return make_rows


def sequence_statistics(view: str) -> LiveRows:
    """pg_statio_all_sequences and pg_statio_user_sequences."""

    def make_rows(session: Any, rows: CatalogRows) -> Iterator[Row]:
        make = maker(view, **_counters(view))
        for sequence in rows.catalog.sequences.values():
            yield make(relid=sequence.oid, schemaname=rows.schema_name(sequence.schema_oid), relname=sequence.name)

    return make_rows


def database_statistics(session: Any, rows: CatalogRows) -> Iterator[Row]:
    """pg_stat_database: sessions and temporary files are counted, the rest is not."""
    make = maker("pg_stat_database", **_counters("pg_stat_database"))
    for database in rows.catalog.databases.values():
        connected = sum(database_oid(one) == database.oid for one in list(session.database.sessions.values()))
        files, size = session.database.memory.temporary_files.get(database.oid, (0, 0))
        yield make(
            datid=database.oid,
            datname=database.name,
            numbackends=connected,
            sessions=connected,
            temp_files=files,
            temp_bytes=size,
        )


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
    "pg_stat_database": database_statistics,
    "pg_timezone_names": zone_rows,
    "pg_timezone_abbrevs": abbreviation_rows,
}
"""The views by name."""
