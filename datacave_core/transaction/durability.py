"""DurabilityQueue: commits on their way to the disk, to be waited for by timestamp."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from datacave_core.ports import Commit, Store
from datacave_core.wait import Wait


class DurabilityQueue:
    """Commits in the order of their timestamps; the durable ones leave at the front."""

    __slots__ = ("_commits", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._commits: deque[Commit] = deque()

    def add(self, commit: Commit) -> None:
        """Adds the newest commit."""
        commits = self._commits
        while commits and commits[0].durable.done:
            commits.popleft()
        if not commit.durable.done:
            commits.append(commit)

    def wait_for(self, timestamp: int) -> Wait | None:
        """The event after which every commit up to the timestamp is durable; None if they all are."""
        if timestamp <= self._store.visible_timestamp:
            return None
        commits = self._commits
        place = bisect_left(commits, timestamp, key=_timestamp)
        if place == len(commits):
            return None
        return commits[place].durable


def _timestamp(commit: Commit) -> int:
    return commit.timestamp
