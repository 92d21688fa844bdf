"""Row ids: hidden keys for tables without a primary key; unique and ascending over restarts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

IDS_PER_MICROSECOND = 256


class RowIds:
    """One ascending line of ids for all tables of a node.

    It starts at the wall time (or the newest commit, if that is later), so that no id of an earlier run comes again.
    """

    __slots__ = ("_next",)

    def __init__(self, now_microseconds: int) -> None:
        self._next: Callable[[], int] = count(now_microseconds * IDS_PER_MICROSECOND).__next__

    def allocator(self, storage_id: int) -> Callable[[], int]:
        """A function that gives the next id for a table."""
        return self._next
