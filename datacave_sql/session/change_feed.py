"""Change feed: what commits did to a table, in commit order, from a commit timestamp on.

Every version keeps its commit timestamp, so the feed reads the table's versions after that timestamp and needs nothing
written beside them. A reader that remembers the last timestamp it has finished goes on from there, after a kill of
either side too, and gets each change once.
Not here: how changes reach a client (the function table_changes, the server's HTTP stream).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import DEFAULT_SETTINGS
from datacave_core.values import Row
from datacave_sql.functions.jsontext import json_writer, quote

SLICE_CHANGES = 50_000
"""So many changes are gathered and sorted at once; more where one commit has more."""


class Change(NamedTuple):
    """One row of one commit; `old` and `new` are rows as JSON texts, None where there is none."""

    commit_timestamp: int
    operation: str  # insert, update, delete
    old: str | None
    new: str | None


def changed_table(session: Any, name: str) -> Table:
    """The table of a name as a session finds it. Raises 42P01, 42809, 42501 without the right to read it."""
    oid = session.evaluation.catalog.relation_oid(name)
    table: Table | None = session.catalog_snapshot.tables.get(oid) if oid is not None else None
    if table is None:
        raise DatacaveError(f'relation "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_TABLE)
    if table.kind not in ("r", "m"):
        raise DatacaveError(f'"{table.name}" is not a table', sqlstate=sqlstate.WRONG_OBJECT_TYPE)
    if not session.evaluation.catalog.has_privilege("table", None, table.oid, "SELECT"):
        raise DatacaveError(f"permission denied for table {table.name}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)
    if table.persistence == "t":
        raise FeatureNotSupported("temporary tables keep no history")
    return table


class ChangeFeed:
    """The changes of one table of a database."""

    def __init__(self, database: Any, home: Any, table: Table) -> None:
        self._database = database
        self._store = database.store
        access = home.state.access(table)
        self._low, self._high = access.table_range
        self._from_physical: Callable[[Row], Row] | None = access.from_physical
        columns = table.live_columns
        self._names = [f"{quote(column.name)}:" for column in columns]
        self._slots = [column.number - 1 for column in columns]
        self._writers = [json_writer(column.type_oid, home.state.types) for column in columns]

    @property
    def newest(self) -> int:
        """The timestamp up to which the changes are complete now."""
        newest: int = self._store.visible_timestamp
        return newest

    def check_kept(self, after: int) -> None:
        """Raises 72000 if not all changes after a timestamp are kept."""
        self._database.transactions.check_kept(after, self._low)

    def has_changed(self, after: int) -> bool:
        """Whether there is any change after a timestamp; much cheaper than asking for it."""
        return self._store.newest_in_range(self._low, self._high, after) is not None

    def changes(self, after: int, until: int) -> Iterator[Change]:
        """The changes with after < commit timestamp <= until. Raises 72000 if not all of them are kept.

        They are gathered a slice of whole commits at a time, so that memory does not limit their number.
        """
        for _, changes in self.slices(after, until):
            yield from changes

    def slices(self, after: int, until: int) -> Iterator[tuple[int, Iterator[Change]]]:
        """The same in slices of whole commits, each with the timestamp up to which it is complete."""
        for end in self._slice_ends(after, until):
            yield end, self._slice(after, end)
            after = end

    def _slice_ends(self, after: int, until: int) -> Iterator[int]:
        """The timestamps at which slices end, the last one included."""
        self.check_kept(after)
        timestamps = array("q", [])
        for _, version in self._store.history(self._low, self._high, after, until):
            timestamps.append(version.timestamp)
        if len(timestamps) > SLICE_CHANGES:
            ordered = np.sort(np.frombuffer(timestamps, dtype=np.int64))
            for place in range(SLICE_CHANGES - 1, len(ordered), SLICE_CHANGES):
                end = int(ordered[place])
                if after < end < until:
                    yield end
                    after = end
        yield until

    def _slice(self, after: int, until: int) -> Iterator[Change]:
        self.check_kept(after)
        found: list[tuple[int, bytes, Row | None, Row | None]] = []
        versions: list[Any] = []
        previous: bytes | None = None
        for key, version in self._store.history(self._low, self._high, after, until):
            if key != previous and versions:
                assert previous is not None
                self._add(found, previous, versions, after)
                versions = []
            previous = key
            versions.append(version)
        if versions:
            assert previous is not None
            self._add(found, previous, versions, after)
        found.sort(key=lambda one: (one[0], one[1]))
        for timestamp, _, old, new in found:
            operation = "insert" if old is None else "delete" if new is None else "update"
            yield Change(timestamp, operation, self._json(old), self._json(new))

    def _add(self, found: list[Any], key: bytes, versions: list[Any], after: int) -> None:
        """The changes of one key; `versions` stand newest first."""
        old: Row | None = self._store.get(key, after)
        for version in reversed(versions):
            if old is not None or version.row is not None:
                found.append((version.timestamp, key, old, version.row))
            old = version.row

    def _json(self, row: Row | None) -> str | None:
        if row is None:
            return None
        values = row if self._from_physical is None else self._from_physical(row)
        parts = []
        for name, slot, write in zip(self._names, self._slots, self._writers, strict=True):
            value = values[slot]
            parts.append(name + ("null" if value is None else write(value, DEFAULT_SETTINGS)))
        return "{" + ",".join(parts) + "}"
