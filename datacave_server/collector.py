"""Collector: when Python looks for garbage in cycles.

Young objects are looked through as they come, which takes a few milliseconds at most. A look at everything takes a
hundred for a million objects, and holds everybody up: it waits for a second in which the server has little to do,
unless that is long in coming. What has survived one is not looked at again (`gc.freeze`) before the server has been at
rest for a while.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from time import process_time
from typing import Any

THRESHOLDS = (10_000, 5, 1_000_000)
"""Objects until the youngest are looked through, and how often that is until the next older ones are; the oldest are
for `Collector`. Rows in memory are many objects and no cycles: with the usual thresholds the collector takes a third
of the time of writes."""

CHECK_SECONDS = 1.0
QUIET_SHARE = 0.1
"""A second with less processor time than this is quiet."""

DUE_AFTER = 100
"""Collections of the middle generation (five million objects) after which everything is to be looked through."""

OVERDUE_AFTER = 2_000
"""After so many the collector waits no longer for a quiet second."""

REST_CHECKS = 60
"""After so many quiet seconds what was frozen is looked at again."""


def set_up() -> None:
    """For a server that is ready: what was made so far lives as long as it does."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*THRESHOLDS)


class Collector:
    """Looks through everything when that is due. `body` is the module `gc`, `used` gives the processor time so far."""

    def __init__(self, body: Any = gc, used: Callable[[], float] = process_time) -> None:
        self._body = body
        self._used = used
        self._seen = self._middle_collections()
        self._used_before = used()
        self._frozen = False
        self._quiet_checks = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Checks from now on, as long as the loop runs."""
        loop.call_later(CHECK_SECONDS, self._check_again, loop)

    def _check_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self.check()
        self.start(loop)

    def check(self) -> None:
        """Called every CHECK_SECONDS."""
        used, before = self._used(), self._used_before
        self._used_before = used
        quiet = used - before < QUIET_SHARE * CHECK_SECONDS
        self._quiet_checks = self._quiet_checks + 1 if quiet else 0
        if self._middle_collections() - self._seen >= (DUE_AFTER if quiet else OVERDUE_AFTER):
            self._look_through()
            self._frozen = True
        elif self._frozen and self._quiet_checks >= REST_CHECKS:
            self._body.unfreeze()
            self._look_through()
            self._frozen = False

    def _look_through(self) -> None:
        self._body.collect()
        self._body.freeze()
        self._seen = self._middle_collections()
        self._used_before = self._used()
        self._quiet_checks = 0

    def _middle_collections(self) -> int:
        count: int = self._body.get_stats()[1]["collections"]
        return count
