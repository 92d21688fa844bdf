"""Moves: rows that have got another key, for those who wait for such a row and want to go on with it.

PostgreSQL's rows keep a chain from version to version; here the old key has a tombstone, and this says where the row
went. It is remembered while other transactions are under way, and only so many: whoever comes too late finds the row
deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from datacave_core.ports import Version

MOVES_MAX = 65_536


class Moves:
    """Old keys with the timestamp of the commit that moved the row, and its new key."""

    __slots__ = ("_moved",)

    def __init__(self) -> None:
        self._moved: dict[bytes, tuple[int, bytes]] = {}

    def add(self, moves: Iterable[tuple[bytes, bytes]], timestamp: int) -> None:
        """Remembers moves of a commit."""
        moved = self._moved
        for old, new in moves:
            moved[old] = (timestamp, new)
        while len(moved) > MOVES_MAX:
            del moved[next(iter(moved))]

    def forget(self) -> None:
        """Nobody is under way who could ask."""
        self._moved.clear()

    def find(self, key: bytes, tombstone: Version) -> bytes | None:
        """Where the row of a key went with the commit of a tombstone."""
        found = self._moved.get(key)
        return found[1] if found is not None and found[0] == tombstone.timestamp else None

    def __bool__(self) -> bool:
        return bool(self._moved)
