"""ReadSet: the keys and ranges a SERIALIZABLE transaction has read, checked once when it commits.

A transaction whose reads are all unchanged at its commit could have run wholly at that moment, so the order of commits
is a serial order (backward validation: H. T. Kung and J. T. Robinson, "On Optimistic Methods for Concurrency Control",
1981). Absent keys and whole ranges count, so phantoms are caught.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from datacave_core.ports import Store
from datacave_core.values import Row


class ReadSet:
    """What was read at one snapshot."""

    __slots__ = ("keys", "ranges")

    def __init__(self) -> None:
        self.keys: set[bytes] = set()
        self.ranges: list[list[bytes | None]] = []  # [low, high]; they grow while their scans are consumed

    def add_range(self, low: bytes, high: bytes | None) -> None:
        """A range that is read as a whole."""
        if [low, high] not in self.ranges[-8:]:
            self.ranges.append([low, high])

    def follow(
        self, batches: Iterator[list[tuple[bytes, Row]]], low: bytes, high: bytes | None, reverse: bool
    ) -> Iterator[list[tuple[bytes, Row]]]:
        """Passes a scan on and records how far it got: a LIMIT reads no further than its last batch."""
        # Nothing is read before the first batch arrives, and then everything between the border and its last key.
        read: list[bytes | None] = [low, low] if not reverse else [high, high]
        tracked = False
        for batch in batches:
            last = batch[-1][0]
            if reverse:
                read[0] = last
            else:
                read[1] = last + b"\0"
            if not tracked:
                self.ranges.append(read)
                tracked = True
            yield batch
        read[0], read[1] = low, high
        if not tracked:
            self.ranges.append(read)

    def meets(self, keys: Collection[bytes]) -> bool:
        """Whether any of these keys is among what was read."""
        if not self.keys.isdisjoint(keys):
            return True
        return any(
            low is not None and low <= key and (high is None or key < high) for low, high in self.ranges for key in keys
        )

    def changed_since(self, store: Store, snapshot: int) -> bool:
        """Whether any transaction that committed after the snapshot changed what was read."""
        newest = store.newest_timestamp
        if newest <= snapshot:
            return False
        for key in self.keys:
            version = store.get_version(key, newest)
            if version is not None and version.timestamp > snapshot:
                return True
        for low, high in self.ranges:
            assert low is not None
            if store.newest_in_range(low, high, snapshot) is not None:
                return True
        return False
