"""Past: the definitions of earlier moments, and the names of restore points.

The catalog lies in the same versioned rows as everything else, so that its past is as readable as that of a table.
Loaded catalogs are kept by the moment they came into force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgpack

from datacave_core import sqlstate
from datacave_core.catalog import CATALOG_KEY, Catalog, load_catalogs
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.keycode import key_successor, prefix_end, table_prefix
from datacave_core.ports import Commit, Store
from datacave_core.values import Row
from datacave_sql.exec.moment import EPOCH_MICROSECONDS, interval_microseconds
from datacave_sql.expr import nodes as n
from datacave_sql.session.change_feed import ChangeFeed, changed_table
from datacave_sql.session.utility.arguments import values_of

KEPT_CATALOGS_MAX = 8
RESTORE_POINTS_TABLE_ID = 22
_RESTORE_POINTS = table_prefix(RESTORE_POINTS_TABLE_ID)


class Past:
    """The past of one database, for all sessions."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._catalogs: dict[int, dict[int, Catalog]] = {}
        self.newest_write = 0
        """The timestamp of the newest change of restore points: it is told once that is durable."""

    def span_of(self, moment: int) -> tuple[int, int | None]:
        """From when until when the definitions of a moment held, in microseconds since 1970; no end: they still do."""
        store = self._database.store
        newest = store.newest_timestamp
        version = store.get_version(CATALOG_KEY, min(moment, newest))
        self._database.transactions.check_past(moment)
        if version is None:
            raise _too_young()
        if store.get_version(CATALOG_KEY, newest).timestamp == version.timestamp:
            return version.timestamp, None
        later = [one.timestamp for _, one in store.history(CATALOG_KEY, key_successor(CATALOG_KEY), moment, newest)]
        return version.timestamp, min(later, default=None)

    def changed_at(self, moment: int | None) -> int:
        """When the definitions of a moment (None: the present ones) came into force."""
        store = self._database.store
        version = store.get_version(CATALOG_KEY, store.newest_timestamp if moment is None else moment)
        return 0 if version is None else int(version.timestamp)

    def catalog_at(self, moment: int, database_oid: int) -> Catalog:
        """The definitions of a moment in one database. Raises 72000 if that is younger."""
        since = self.changed_at(moment)
        found = self._catalogs.get(since)
        if found is None:
            if len(self._catalogs) >= KEPT_CATALOGS_MAX:
                del self._catalogs[next(iter(self._catalogs))]
            found = self._catalogs[since] = load_catalogs(self._database.store, moment)
        if database_oid not in found:
            raise _too_young()
        return found[database_oid]

    # Restore points

    def restore_point(self, name: str) -> int | None:
        """The commit timestamp of a restore point."""
        store = self._database.store
        row = store.get(_RESTORE_POINTS + name.encode(), store.newest_timestamp)
        return None if row is None else int(msgpack.unpackb(row[0]))

    def restore_points(self) -> list[tuple[str, int]]:
        """All restore points, by name."""
        store = self._database.store
        batches = store.scan(_RESTORE_POINTS, prefix_end(_RESTORE_POINTS), store.newest_timestamp)
        return [
            (key[len(_RESTORE_POINTS) :].decode(), int(msgpack.unpackb(row[0])))
            for batch in batches
            for key, row in batch
        ]

    def keep_restore_points(self) -> None:
        """Called when the database is opened: versions of these moments stay readable."""
        for name, moment in self.restore_points():
            self._database.restore_point_pins[name] = self._database.store.pin(moment, kept=True)

    def create_restore_point(self, name: str) -> int:
        """Names this moment, until the name is dropped. Raises 42710 for a name in use."""
        if self.restore_point(name) is not None:
            raise DatacaveError(f'restore point "{name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT)
        moment: int = self._database.store.visible_timestamp
        self._database.restore_point_pins[name] = self._database.store.pin(moment)
        self.newest_write = self._write(name, (msgpack.packb(moment),))
        return moment

    def drop_restore_point(self, name: str) -> bool:
        """Forgets a name; False if there is none."""
        if self.restore_point(name) is None:
            return False
        self.newest_write = self._write(name, None)
        self._database.restore_point_pins.pop(name, lambda: None)()
        return True

    def _write(self, name: str, row: Row | None) -> int:
        commit: Commit = self._database.transactions.write_now({_RESTORE_POINTS + name.encode(): row})
        return commit.timestamp


def _too_young() -> DatacaveError:
    return DatacaveError(
        "the database is younger than that",
        sqlstate=sqlstate.SNAPSHOT_TOO_OLD,
        detail="Not even its definitions are as old.",
    )


def pin_restore_points(store: Store) -> list[Callable[[], None]]:
    """Keeps what the restore points show, from before the database is opened; gives what takes that back."""
    batches = store.scan(_RESTORE_POINTS, prefix_end(_RESTORE_POINTS), store.newest_timestamp)
    return [store.pin(int(msgpack.unpackb(row[0])), kept=True) for batch in batches for _, row in batch]


class SessionPast:
    """The past as one session's statements are bound against it (see bind/environment.py)."""

    def __init__(self, session: Any) -> None:
        self._session = session
        past: Past = session.database.past
        self.restore_point = past.restore_point
        self.changed_at = past.changed_at
        self.span_of = past.span_of

    def catalog_at(self, moment: int) -> Catalog:
        """The definitions of a moment."""
        session = self._session
        found: Catalog = session.database.past.catalog_at(moment, session.home.oid)
        return found

    def now(self) -> int:
        """The start of the running statement, or this moment before it."""
        now: int = self._session.database.clock.now_microseconds()
        return now

    def evaluate(self, expression: n.Expression) -> Any:
        """The value of an expression over nothing. Raises 0A000 if it has parameters."""
        if any(isinstance(part, n.Parameter) for part in n.walk(expression)):
            raise FeatureNotSupported("the moment is a parameter")
        (value,) = values_of(self._session, [expression], ())
        return value

    def moment(self, text: str) -> int:
        """The moment that datacave.as_of names. Raises 22007 and the like."""
        session = self._session
        named = self.restore_point(text.strip())
        if named is not None:
            return named
        if text.strip().isdigit():
            return int(text)
        if text.strip().startswith("-"):
            interval = session.find_io(1186).input(text, -1, session.format_settings)
            return self.now() + interval_microseconds(interval)
        value: int = session.find_io(1184).input(text, -1, session.format_settings)
        return value + EPOCH_MICROSECONDS


class SessionHistory:
    """The history as functions see it from a session (see functions/context.py)."""

    def __init__(self, session: Any) -> None:
        self._session = session

    @property
    def _past(self) -> Past:
        past: Past = self._session.database.past
        return past

    def newest(self) -> int:
        """The newest commit that everybody sees, or the moment that the transaction reads."""
        transaction = self._session.transaction
        if transaction is not None and transaction.snapshot:
            return int(transaction.snapshot)
        return int(self._session.database.store.visible_timestamp)

    def create_restore_point(self, name: str) -> int:
        """Names this moment. Raises 42501 for others than superusers."""
        self._check_superuser()
        moment = self._past.create_restore_point(name)
        self._show_once_durable()
        return moment

    def drop_restore_point(self, name: str) -> bool:
        """Forgets a name. Raises 42501 for others than superusers."""
        self._check_superuser()
        dropped = self._past.drop_restore_point(name)
        self._show_once_durable()
        return dropped

    def _show_once_durable(self) -> None:
        if self._session.transaction is not None:
            self._session.transaction.show_after(self._past.newest_write)

    def restore_points(self) -> list[tuple[str, int]]:
        """All restore points, by name."""
        return self._past.restore_points()

    def changes(self, table: str, after: int, until: int | None) -> Iterator[Row]:
        """The changes of a table after a commit timestamp."""
        if table is None or after is None:
            raise DatacaveError("table and timestamp must not be null", sqlstate=sqlstate.NULL_VALUE_NOT_ALLOWED)
        feed = ChangeFeed(self._session.database, self._session.home, changed_table(self._session, table))
        newest = self.newest()
        return feed.changes(after, newest if until is None else min(until, newest))

    def _check_superuser(self) -> None:
        if not self._session.evaluation.current_role.superuser:
            raise DatacaveError("permission denied for restore points", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
