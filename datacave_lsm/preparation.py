"""Preparation: what a commit of many rows costs, done ahead of it in slices between the turns of the loop.

Encoding, log writing and ordering hold nobody up for longer than a slice, and what is encoded does not pile up in
memory: every few megabytes the batch waits for the disk. The commit itself is then one short entry in the log.
Not here: what a batch is (batch.py), when it is worth it (core's Transaction).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import islice

from datacave_core.errors import DiskFull, StorageStopped
from datacave_core.values import Row
from datacave_core.wait import TURN, Steps, Wait, wait_for
from datacave_lsm.batch import Batch
from datacave_lsm.wal import EntryEncoder, Log, abandoned_entry

UNSYNCED_BYTES_MAX = 8 * 1024 * 1024
"""What a batch writes before it waits for the disk."""

_COUNT_BITS = 24


class Preparations:
    """The batches of an engine that are prepared and not committed yet."""

    __slots__ = ("_count", "_encoder", "_log", "_slice_rows", "batches")

    def __init__(self, log: Log, encoder: EntryEncoder, slice_rows: int) -> None:
        self._log = log
        self._encoder = encoder
        self._slice_rows = slice_rows
        self._count = 0
        self.batches: set[Batch] = set()

    def begin(self, rows: dict[bytes, Row | None]) -> Batch:
        """A batch without any row in the log. Its number begins with that of a segment, which no later start reuses."""
        self._count += 1
        number = self._log.number << _COUNT_BITS | self._count & (1 << _COUNT_BITS) - 1
        batch = Batch(rows, number, self._log.number, self.give_up)
        self.batches.add(batch)
        return batch

    def run(self, rows: dict[bytes, Row | None], delay: Callable[[], Wait | None]) -> Steps[Batch]:
        """A batch with all its rows in the log, written once there is no `delay`. Raises DiskFull or StorageStopped."""
        batch = self.begin(rows)
        try:
            while (wait := delay()) is not None:
                yield from wait_for(wait)
            unsynced = 0
            items = iter(rows.items())
            while part := dict(islice(items, self._slice_rows)):
                unsynced += self._write(batch, part)
                if unsynced > UNSYNCED_BYTES_MAX:
                    unsynced = 0
                    yield from wait_for(self._log.sync())
                else:
                    yield TURN
        except BaseException:
            batch.give_up()
            raise
        return batch

    def at_once(self, rows: dict[bytes, Row | None]) -> Batch:
        """The same without a pause, for callers that cannot wait."""
        batch = self.begin(rows)
        try:
            items = iter(rows.items())
            while part := dict(islice(items, self._slice_rows)):
                self._write(batch, part)
        except BaseException:
            batch.give_up()
            raise
        return batch

    def give_up(self, batch: Batch) -> None:
        """Tells the log that the batch will not be committed; nothing for one that has been."""
        if batch in self.batches:
            self.batches.discard(batch)
            # Saves recovery some memory; without it the rows are forgotten at the end of the log.
            with suppress(DiskFull, StorageStopped):
                self._log.note(self._encoder.encode(abandoned_entry(batch.number)))

    def _write(self, batch: Batch, part: dict[bytes, Row | None]) -> int:
        payload = self._encoder.commit(-batch.number, part)
        self._log.note(payload)
        batch.add(part, len(payload))
        return len(payload)
