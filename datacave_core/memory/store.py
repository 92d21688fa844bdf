"""MemoryStore: the Store port in the simplest form that is right.

Every version of every key in a list per key, all keys in one sorted list. It is the oracle of the engine's tests and
serves every SQL script; nothing in it survives the process.
Not here: a log, files, compaction. Versions are dropped only by `forget`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sortedcontainers import SortedList

from datacave_core.compression import TableCompression
from datacave_core.errors import SnapshotTooOld
from datacave_core.layout import PREFIX_LENGTH, RAW_LAYOUT, TABLE_PREFIX_LENGTH, Layout, check_prefix
from datacave_core.memory.clock import SimulatedClock
from datacave_core.ports import Clock, Commit, KeptFor, Load, Prepared, Version
from datacave_core.rowbatch import BATCH_ROWS, ColumnBatch, rows_of
from datacave_core.values import Row
from datacave_core.vectors import column_vector
from datacave_core.wait import Steps, Wait


@dataclass(slots=True)
class MemoryCommit:
    """Commit port."""

    timestamp: int
    durable: Wait = field(default_factory=lambda: Wait("IO:WALSync"))


class MemoryPrepared:
    """Prepared port: nothing."""

    def give_up(self) -> None:
        """There is nothing to forget."""


@dataclass(slots=True)
class _Versions:
    """The versions of one key, oldest first."""

    timestamps: list[int]
    rows: list[Row | None]


RETENTION_MICROSECONDS = 3_600_000_000
_NO_VERSIONS = _Versions([], [])


class MemoryStore:
    """Store port over dictionaries.

    With `hold_durability`, commits become durable only when `make_durable` is called, as on a slow disk.
    """

    def __init__(self, clock: Clock | None = None, *, hold_durability: bool = False) -> None:
        self._clock = clock if clock is not None else SimulatedClock()
        self._hold_durability = hold_durability
        self._keys: Any = SortedList()
        self._versions: dict[bytes, _Versions] = {}
        self._layouts: dict[bytes, Layout] = {}
        self._pending: list[MemoryCommit] = []
        self._pins: dict[int, int] = {}
        self._horizons: dict[bytes, int] = {}
        self._retentions: dict[bytes, KeptFor] = {}
        self._compressions: dict[bytes, TableCompression] = {}
        self.retention_microseconds = RETENTION_MICROSECONDS
        self.visible_timestamp = 0
        self.newest_timestamp = 0

    def set_layout(self, prefix: bytes, layout: Layout) -> None:
        """Registers or evolves the layout of the keys under a prefix."""
        self._layouts[check_prefix(prefix)] = layout

    def evolve_layout(self, prefix: bytes, layout: Layout) -> Steps[None]:
        """Adds columns to a layout or takes some back."""
        yield from ()
        self.set_layout(prefix, layout)

    def get(self, key: bytes, timestamp: int) -> Row | None:
        """The newest row at or before the timestamp."""
        found = self.get_version(key, timestamp)
        return found.row if found is not None else None

    def get_version(self, key: bytes, timestamp: int) -> Version | None:
        """The newest version at or before the timestamp, tombstones included."""
        self._check_readable(timestamp, key)
        versions = self._versions.get(key)
        if versions is None:
            return None
        place = bisect_right(versions.timestamps, timestamp)
        if place == 0:
            return None
        row = versions.rows[place - 1]
        return Version(versions.timestamps[place - 1], row if row is None else self._complete(key, row))

    def scan(
        self,
        low: bytes,
        high: bytes | None,
        timestamp: int,
        *,
        reverse: bool = False,
        batch_rows: int = BATCH_ROWS,
    ) -> Iterator[list[tuple[bytes, Row]]]:
        """Live rows of a range in batches."""
        self._check_readable(timestamp, low)
        batch: list[tuple[bytes, Row]] = []
        # The keys of this moment: later ones are newer than the timestamp, and none is ever taken out of _versions
        # that a timestamp still readable could see.
        for key in list(self._range(low, high, reverse=reverse)):
            row = self.get(key, timestamp)
            if row is not None:
                batch.append((key, row))
                if len(batch) >= batch_rows:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def scan_rows(
        self,
        low: bytes,
        high: bytes | None,
        timestamp: int,
        columns: Sequence[int] | None = None,
        *,
        reverse: bool = False,
        batch_rows: int = BATCH_ROWS,
    ) -> Iterator[list[Row]]:
        """Live rows of a range without keys."""
        for batch in self.scan(low, high, timestamp, reverse=reverse, batch_rows=batch_rows):
            yield rows_of(batch, columns)

    def scan_columns(
        self, low: bytes, high: bytes | None, timestamp: int, columns: Sequence[int], *, with_keys: bool = False
    ) -> Iterator[ColumnBatch]:
        """Live rows of a range as column vectors."""
        layout = self._layouts.get(low[:PREFIX_LENGTH], RAW_LAYOUT)
        for batch in self.scan(low, high, timestamp):
            vectors = [column_vector(layout.columns[i], [row[i] for _, row in batch]) for i in columns]
            yield ColumnBatch(len(batch), vectors, [key for key, _ in batch] if with_keys else None)

    def history(self, low: bytes, high: bytes | None, after: int, until: int) -> Iterator[tuple[bytes, Version]]:
        """Versions with after < timestamp <= until, by key, newest first."""
        for key in list(self._range(low, high)):
            versions = self._versions.get(key, _NO_VERSIONS)
            for timestamp, row in zip(reversed(versions.timestamps), reversed(versions.rows), strict=True):
                if after < timestamp <= until:
                    yield key, Version(timestamp, row if row is None else self._complete(key, row))

    def newest_in_range(self, low: bytes, high: bytes | None, after: int) -> int | None:
        """The newest timestamp in the range if it is newer than `after`."""
        newest = max((self._versions[key].timestamps[-1] for key in self._range(low, high)), default=0)
        return newest if newest > after else None

    def prepare(self, writes: Mapping[bytes, Row | None]) -> Steps[Prepared]:
        """There is nothing to do ahead."""
        yield from ()
        return MemoryPrepared()

    def begin_load(self, prefix: bytes) -> Load | None:
        """There is no way past single rows."""
        return None

    def commit(
        self,
        writes: Mapping[bytes, Row | None],
        *,
        wait_durable: bool = True,
        prepared: Prepared | None = None,
        loads: Sequence[Load] = (),
    ) -> Commit:
        """Writes all rows under one new timestamp."""
        timestamp = max(self.newest_timestamp + 1, self._clock.now_microseconds())
        self.newest_timestamp = timestamp
        for key, row in writes.items():
            versions = self._versions.get(key)
            if versions is None:
                self._versions[key] = _Versions([timestamp], [row])
                self._keys.add(key)
            else:
                versions.timestamps.append(timestamp)
                versions.rows.append(row)
        commit = MemoryCommit(timestamp)
        self._pending.append(commit)
        if not self._hold_durability:
            self.make_durable()
        elif not wait_durable:
            # Asked not to wait: this one, and with it everything before it, may be seen now.
            self.visible_timestamp = timestamp
            commit.durable.finish()
        return commit

    def make_durable(self) -> None:
        """Everything committed so far becomes durable and visible."""
        self.visible_timestamp = self.newest_timestamp
        pending, self._pending = self._pending, []
        for commit in pending:
            commit.durable.finish()

    def write_delay(self) -> Wait | None:
        """Memory never falls behind."""
        return None

    def pin(self, timestamp: int, *, kept: bool = False) -> Callable[[], None]:
        """Keeps the versions visible at a timestamp from `forget`. Raises SnapshotTooOld if all are gone."""
        earliest = min(self._horizons.get(b"", 0), *self._horizons.values()) if self._horizons else 0
        if not kept and timestamp < earliest and timestamp not in self._pins:
            raise SnapshotTooOld(timestamp, earliest)
        self._pins[timestamp] = self._pins.get(timestamp, 0) + 1
        released = False

        def release() -> None:
            nonlocal released
            if not released:
                released = True
                self._pins[timestamp] -= 1
                if not self._pins[timestamp]:
                    del self._pins[timestamp]

        return release

    def forget(self, timestamp: int, table: bytes = b"") -> None:
        """Drops the versions that no reader at or after the timestamp, and no pin, can see (what compaction does).

        Those of one table, by its prefix, or of all that have had no horizon of their own so far.
        """
        horizon = min([timestamp, *self._pins])
        self._horizons[table] = max(self.oldest_readable(table), horizon)
        for key, versions in list(self._versions.items()):
            if not key.startswith(table) or (not table and key[:TABLE_PREFIX_LENGTH] in self._horizons):
                continue
            keep_from = max(bisect_right(versions.timestamps, horizon) - 1, 0)
            if versions.rows[keep_from] is None and versions.timestamps[keep_from] <= horizon:
                keep_from += 1
            del versions.timestamps[:keep_from]
            del versions.rows[:keep_from]
            if not versions.timestamps:
                del self._versions[key]
                self._keys.remove(key)

    def is_readable(self, timestamp: int, key: bytes) -> bool:
        """Whether `forget` has left whole what the table of a key had at a timestamp."""
        return timestamp >= self.oldest_readable(key) or timestamp in self._pins

    def oldest_readable(self, key: bytes | None = None) -> int:
        """The earliest timestamp that `forget` has left whole."""
        horizons = self._horizons
        default = horizons.get(b"", 0)
        return default if key is None else horizons.get(key[:TABLE_PREFIX_LENGTH], default)

    def _check_readable(self, timestamp: int, key: bytes) -> None:
        if self._horizons and not self.is_readable(timestamp, key):
            raise SnapshotTooOld(timestamp, self.oldest_readable(key))

    def set_retention(self, prefix: bytes, kept: KeptFor | None) -> None:
        """Notes it; nothing goes by it but who asks."""
        if kept is None:
            self._retentions.pop(prefix, None)
        else:
            self._retentions[prefix] = kept

    def retentions(self) -> Mapping[bytes, KeptFor]:
        """What was noted."""
        return self._retentions

    def set_compression(self, prefix: bytes, choice: TableCompression | None) -> None:
        """Notes it; there are no files."""
        if choice is None:
            self._compressions.pop(prefix, None)
        else:
            self._compressions[prefix] = choice

    def compressions(self) -> Mapping[bytes, TableCompression]:
        """What was noted."""
        return self._compressions

    def statistics(self) -> Mapping[str, Any]:
        """Sizes."""
        return {"keys": len(self._keys), "versions": sum(len(v.rows) for v in self._versions.values())}

    def close(self) -> Wait:
        """Makes everything durable."""
        self.make_durable()
        closed = Wait("IO:Close")
        closed.finish()
        return closed

    def _range(self, low: bytes, high: bytes | None, *, reverse: bool = False) -> Iterator[bytes]:
        keys: Iterator[bytes] = self._keys.irange(low, high, (True, False), reverse)
        return keys

    def _complete(self, key: bytes, row: Row) -> Row:
        layout = self._layouts.get(key[:PREFIX_LENGTH])
        if layout is None or len(row) >= len(layout.columns):
            return row
        return row + tuple(column.missing for column in layout.columns[len(row) :])
