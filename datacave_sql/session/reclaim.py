"""Reclaimer: deletes the rows of dropped and truncated tables and the entries of dropped indexes, piece by piece.

Nobody can read them any more except through older snapshots, which tombstones leave alone. Each piece is one small
commit; between pieces other work runs. What is left when the process ends is found again at the next opening, because
a key prefix that no table or index has belongs to nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from datacave_core.catalog import FIRST_USER_TABLE_ID
from datacave_core.errors import StorageStopped
from datacave_core.keycode import key_successor, prefix_end, table_prefix
from datacave_core.layout import PREFIX_LENGTH
from datacave_sql.session.prepared_definitions import prepared_prefixes

ROWS_PER_PIECE = 2000
STORAGE_ID_BYTES = 4
PAUSE_SECONDS = 0.05


class Reclaimer:
    """The key ranges that are to be emptied. `call_later` gives it its turns."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._ranges: deque[tuple[bytes, bytes | None]] = deque()
        self._scheduled = False

    def add(self, storage_ids: Iterable[int]) -> None:
        """Deletes everything under these storage ids, soon."""
        self._ranges += [_storage_range(storage_id) for storage_id in storage_ids if storage_id]
        self._schedule()

    def add_index(self, storage_id: int, index_number: int) -> None:
        """Deletes the entries of an index, soon; the clustered one has none of its own."""
        if index_number:
            low = table_prefix(storage_id, index_number)
            self._ranges.append((low, prefix_end(low)))
            self._schedule()

    def start(self) -> None:
        """Called once `call_later` is there: begins with what has been found until then."""
        self._schedule()

    @property
    def pending(self) -> int:
        """How many ranges still have keys."""
        return len(self._ranges)

    def _schedule(self) -> None:
        call_later: Callable[[float, Callable[[], None]], Any] | None = self._database.call_later
        if self._ranges and not self._scheduled and call_later is not None:
            self._scheduled = True
            call_later(PAUSE_SECONDS, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        try:
            self.step()
        except StorageStopped:
            # Found again at the next opening.
            self._ranges.clear()
        self._schedule()

    def step(self) -> bool:
        """Deletes one piece; whether there is more to do."""
        if not self._ranges:
            return False
        store = self._database.store
        if store.write_delay() is not None:
            return True
        low, high = self._ranges.popleft()
        batch = next(store.scan(low, high, store.newest_timestamp, batch_rows=ROWS_PER_PIECE), None)
        if batch:
            self._database.transactions.write_now({key: None for key, _ in batch}, wait_durable=False)
            self._ranges.appendleft((key_successor(batch[-1][0]), high))
        return bool(self._ranges)

    def find_orphans(self) -> None:
        """Finds keys under prefixes that no table or index has: what an earlier process has not finished."""
        database = self._database
        known = {
            table_prefix(table.storage_id, number)
            for home in database.homes.values()
            for table in home.catalog.tables.values()
            for number in (0, *(index.index_number for index in table.indexes))
        }
        known.update(prepared_prefixes(database))
        store = database.store
        low: bytes | None = FIRST_USER_TABLE_ID.to_bytes(4, "big")
        while low is not None:
            batch = next(store.scan(low, None, store.newest_timestamp, batch_rows=1), None)
            if not batch:
                break
            prefix = batch[0][0][:PREFIX_LENGTH]
            low = prefix_end(prefix)
            if prefix not in known:
                self._ranges.append((prefix, low))
                # Nobody must get this storage id while what lies there is being deleted.
                database.keep_taken(int.from_bytes(prefix[:STORAGE_ID_BYTES], "big") + 1)


def _storage_range(storage_id: int) -> tuple[bytes, bytes | None]:
    low = storage_id.to_bytes(4, "big")
    return low, prefix_end(low)
