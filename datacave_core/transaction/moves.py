"""Moves: rows that have got another key, and keys that have got another row, for those who wait for such a row.

PostgreSQL's rows keep a chain from version to version; here a key has its versions, whichever row they are of, and this
says where a row went that had a key before, or that it is gone. It is remembered as long as a snapshot may show the old
key, and only so many: whoever comes too late goes by the newest version of the key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

MOVES_MAX = 65_536
ELSEWHERE = b""
"""Where a row is that has gone to another partition: nobody follows it there."""


class Moves:
    """What has happened to the rows of keys, in order."""

    __slots__ = ("_events", "_number", "_order", "newest")

    def __init__(self) -> None:
        self._events: dict[bytes, list[tuple[int, int, bytes]]] = {}  # by old key: (timestamp, number, new key)
        self._order: deque[bytes] = deque()
        self._number = 0
        self.newest = 0
        """The timestamp of the newest commit among them."""

    def add(self, moves: Iterable[tuple[bytes, bytes]], timestamp: int) -> None:
        """Remembers moves of a commit in order, as (old key, new key); the same key twice: it has another row now."""
        for old, new in moves:
            self._number += 1
            self._events.setdefault(old, []).append((timestamp, self._number, new))
            self._order.append(old)
        self.newest = timestamp
        while len(self._order) > MOVES_MAX:
            oldest = self._order.popleft()
            events = self._events[oldest]
            del events[0]
            if not events:
                del self._events[oldest]

    def forget(self) -> None:
        """Nobody is under way who could ask."""
        self._events.clear()
        self._order.clear()

    def follow(self, key: bytes, since: int) -> bytes | None:
        """Where the row is that had a key at a timestamp: the key itself if nothing is known; None if it is gone."""
        events = self._events.get(key)
        if events is None:
            return key
        after = next((number for timestamp, number, _ in events if timestamp > since), None)
        if after is None:
            return key
        after -= 1
        while True:
            event = next((one for one in self._events.get(key, ()) if one[1] > after), None)
            if event is None:
                return key
            _, after, place = event
            if place == key:
                return None
            key = place
