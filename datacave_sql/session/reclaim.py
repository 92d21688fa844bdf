"""Reclaimer: deletes the rows of dropped and truncated tables, piece by piece, after the transaction has committed.

Nobody can read these rows any more except through older snapshots, which tombstones leave alone. Each piece is one
small commit; between pieces other work runs. What is left when the process ends is found again at the next opening,
because a storage id that no table has belongs to nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from datacave_core.catalog import FIRST_USER_TABLE_ID
from datacave_core.transaction import NEWEST

LAST_STORAGE_ID = 2**32 - 1
ROWS_PER_PIECE = 2000
PAUSE_SECONDS = 0.05


class Reclaimer:
    """The storage ids whose rows are to be deleted. `call_later` gives it its turns."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._storage_ids: deque[int] = deque()
        self._low = b""  # where the next piece of the first one begins
        self._scheduled = False

    def add(self, storage_ids: Iterable[int]) -> None:
        """Deletes everything under these storage ids, soon."""
        self._storage_ids += [storage_id for storage_id in storage_ids if storage_id]
        self._schedule()

    @property
    def pending(self) -> int:
        """How many storage ids still have rows."""
        return len(self._storage_ids)

    def _schedule(self) -> None:
        call_later: Callable[[float, Callable[[], None]], Any] | None = self._database.call_later
        if self._storage_ids and not self._scheduled and call_later is not None:
            self._scheduled = True
            call_later(PAUSE_SECONDS, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self.step()
        self._schedule()

    def step(self) -> bool:
        """Deletes one piece; whether there is more to do."""
        if not self._storage_ids:
            return False
        storage_id = self._storage_ids[0]
        low, high = _storage_range(storage_id)
        store = self._database.store
        if store.write_delay() is not None:
            return True
        batch = next(store.scan(max(low, self._low), high, NEWEST, batch_rows=ROWS_PER_PIECE), None)
        if batch:
            self._low = batch[-1][0] + b"\0"
            self._database.transactions.write_now({key: None for key, _ in batch}, wait_durable=False)
        else:
            self._low = b""
            self._storage_ids.popleft()
        return bool(self._storage_ids)

    def find_orphans(self) -> None:
        """Finds rows under storage ids that no table has: what an earlier process has not finished."""
        database = self._database
        known = {table.storage_id for table in database.catalog.tables.values()}
        low = FIRST_USER_TABLE_ID.to_bytes(4, "big")
        while batch := next(database.store.scan(low, None, NEWEST, batch_rows=1), None):
            storage_id = int.from_bytes(batch[0][0][:4], "big")
            if storage_id not in known:
                self.add((storage_id,))
            if storage_id == LAST_STORAGE_ID:
                break
            low = (storage_id + 1).to_bytes(4, "big")


def _storage_range(storage_id: int) -> tuple[bytes, bytes | None]:
    low = storage_id.to_bytes(4, "big")
    return low, None if storage_id == LAST_STORAGE_ID else (storage_id + 1).to_bytes(4, "big")
