"""SnapshotReader: reads of one key at the newest visible moment, for statements that need no transaction."""

from __future__ import annotations

from datacave_core.ports import Store
from datacave_core.values import Row


class SnapshotReader:
    """Stands in for a Transaction where a statement only gets keys. `renew` takes a fresh snapshot."""

    __slots__ = ("_get", "_store", "must_be_durable_before_rows", "timestamp")

    number = 0
    """It is no transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._get = store.get
        self.timestamp = 0
        self.must_be_durable_before_rows = 0

    def renew(self) -> int:
        """Reads from now on see everything visible at this moment; returns its timestamp."""
        timestamp = self.timestamp = self._store.visible_timestamp
        return timestamp

    def get(self, key: bytes) -> Row | None:
        """The row of a key."""
        return self._get(key, self.timestamp)


class StaleReader(SnapshotReader):
    """Stands in for a SnapshotReader while every read of a session needs a transaction: it is never up to date."""

    __slots__ = ()

    def renew(self) -> int:
        """A timestamp before every commit."""
        return -1
