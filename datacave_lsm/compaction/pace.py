"""Pace: keeps a merge from writing more bytes a second than it may, by pauses between its slices."""

from __future__ import annotations

from datacave_core.ports import Scheduler
from datacave_lsm.background import Slices, pause

PAUSE_SECONDS_MIN = 0.01
"""Shorter pauses are saved up."""


class Pace:
    """`bytes_per_second` of 0 is no limit. What the work itself takes is not counted, so it stays a little below."""

    __slots__ = ("_bytes_per_second", "_owed_seconds", "_scheduler", "_seen_bytes")

    def __init__(self, scheduler: Scheduler, bytes_per_second: int) -> None:
        self._scheduler = scheduler
        self._bytes_per_second = bytes_per_second
        self._seen_bytes = 0
        self._owed_seconds = 0.0

    def follow(self, written_bytes: int) -> Slices[None]:
        """Pauses for what was written since the last call; a smaller total than then is that of a new file."""
        if not self._bytes_per_second:
            return
        added = written_bytes - self._seen_bytes if written_bytes >= self._seen_bytes else written_bytes
        self._seen_bytes = written_bytes
        self._owed_seconds += added / self._bytes_per_second
        if self._owed_seconds >= PAUSE_SECONDS_MIN:
            owed, self._owed_seconds = self._owed_seconds, 0.0
            yield from pause(self._scheduler, owed)
