"""Plan cache: compiled statements by text, and by the text without its literals.

Two levels, as looking up is cheap and compiling is not: the exact text first, then its fingerprint, whose literals
become parameters. Entries are checked against the catalog when they are used. Least recently used ones go first.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class LeastRecentlyUsed(Generic[T]):
    """A dictionary of bounded size; a hit makes an entry young again."""

    __slots__ = ("_entries", "entries_max", "hits", "misses")

    def __init__(self, entries_max: int) -> None:
        self.entries_max = entries_max
        self.hits = 0
        self.misses = 0
        self._entries: dict[Hashable, T] = {}

    def get(self, key: Hashable) -> T | None:
        """The entry, or None."""
        entries = self._entries
        found = entries.pop(key, None)
        if found is None:
            self.misses += 1
            return None
        entries[key] = found
        self.hits += 1
        return found

    def put(self, key: Hashable, value: T) -> None:
        """Adds or replaces an entry; the oldest one leaves when there are too many."""
        entries = self._entries
        entries.pop(key, None)
        entries[key] = value
        if len(entries) > self.entries_max:
            del entries[next(iter(entries))]

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
