"""Thinning: a table that is to keep versions for less time than before is merged, so that the older ones go at once.

Settings may change several times within a turn of the loop; what they come to is looked at in the next one.
"""

from __future__ import annotations

from collections.abc import Callable

from datacave_core.keycode import prefix_end
from datacave_core.ports import KeptFor, Scheduler
from datacave_lsm.horizons import Horizons
from datacave_lsm.retention import Retentions


class Thinning:
    """`merge(low, high, before)` merges a range of keys for the sake of versions before a timestamp."""

    __slots__ = ("_before", "_horizons", "_merge", "_retentions", "_scheduler")

    def __init__(
        self,
        scheduler: Scheduler,
        horizons: Horizons,
        retentions: Callable[[], Retentions],
        merge: Callable[[bytes, bytes | None, int], object],
    ) -> None:
        self._scheduler = scheduler
        self._horizons = horizons
        self._retentions = retentions
        self._merge = merge
        self._before: dict[bytes, int] = {}  # microseconds of tables whose settings have changed in this turn

    def set(self, prefix: bytes, kept: KeptFor | None) -> bool:
        """Horizons.set, with its consequences."""
        before = self._horizons.microseconds(prefix)
        if not self._horizons.set(prefix, kept):
            return False
        if not self._before:
            self._scheduler.call_soon(self._look)
        self._before.setdefault(prefix, before)
        return True

    def _look(self) -> None:
        changed, self._before = self._before, {}
        for prefix, before in changed.items():
            if self._horizons.microseconds(prefix) < before:
                self._merge(prefix, prefix_end(prefix), self._retentions().of(prefix).horizon)
