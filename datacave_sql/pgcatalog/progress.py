"""The pg_stat_progress views: how far long commands of other sessions are.

What PostgreSQL counts in blocks of a file has no like here and stays 0; rows and bytes are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from datacave_core.values import Row
from datacave_sql.pgcatalog.activity import maker
from datacave_sql.pgcatalog.facts import relation_shapes
from datacave_sql.pgcatalog.snapshot import CatalogRows

LiveRows = Callable[[Any, CatalogRows], Iterator[Row]]


def progress_view(name: str, commands: tuple[str, ...], **fields: str) -> LiveRows:
    """A view of the sessions that run one of some commands. `fields` names what its own columns show of a Progress."""

    def make_rows(asking: Any, rows: CatalogRows) -> Iterator[Row]:
        shape = next(one for one in relation_shapes().values() if one.name == name and one.schema == "pg_catalog")
        make = maker(name, **{column.name: 0 for column in shape.columns[4:]})
        for session in list(asking.database.sessions.values()):
            progress = session.progress.current
            if progress is not None and progress.command in commands:
                yield make(
                    pid=session.process_id,
                    datid=session.home.oid,
                    datname=session.database_name,
                    relid=progress.table_oid,
                    **{column: getattr(progress, field) for column, field in fields.items()},
                )

    return make_rows


PROGRESS: dict[str, LiveRows] = {
    "pg_stat_progress_create_index": progress_view(
        "pg_stat_progress_create_index",
        ("CREATE INDEX", "CREATE INDEX CONCURRENTLY", "REINDEX", "REINDEX CONCURRENTLY"),
        index_relid="index_oid",
        command="command",
        phase="phase",
        lockers_total="lockers_total",
        lockers_done="lockers_done",
        current_locker_pid="current_locker",
        tuples_total="tuples_total",
        tuples_done="tuples_done",
    ),
    "pg_stat_progress_analyze": progress_view("pg_stat_progress_analyze", ("ANALYZE",), phase="phase"),
    "pg_stat_progress_copy": progress_view(
        "pg_stat_progress_copy",
        ("COPY FROM", "COPY TO"),
        command="command",
        type="phase",
        bytes_processed="bytes_done",
        tuples_processed="tuples_done",
    ),
}
