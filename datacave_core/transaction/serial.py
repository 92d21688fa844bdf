"""SerialTransaction: what is known of one SERIALIZABLE transaction: its reads, its writes, and whom it depends on.

A transaction R that has read what a concurrent W writes anew must come before W in any serial order: an
rw-antidependency R -> W (`W in R.conflicts_out`, `R in W.conflicts_in`).
Invariants: the two sets mirror each other; `committed` implies `prepared`; nobody who is `prepared` becomes `doomed`.
Not here: who must fail (dependencies.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from datacave_core.keycode import prefix_end
from datacave_core.layout import PREFIX_LENGTH
from datacave_core.transaction.write_set import WriteSet
from datacave_core.wait import Wait

Range: TypeAlias = list[bytes | None]
"""[low, high], which grows while its scan is consumed; a high of None is the end of everything."""

READS_OF_PREFIX_MAX = 4096
"""So many keys and ranges of one prefix are remembered; after that the whole prefix counts as read."""


class SerialTransaction:
    """One SERIALIZABLE transaction, from its snapshot until nobody who overlaps it is left."""

    __slots__ = (
        "begun",
        "bulk",
        "commit_timestamp",
        "committed",
        "conflicts_in",
        "conflicts_out",
        "doomed",
        "earliest_out",
        "finished",
        "keys",
        "late",
        "loaded",
        "possible_unsafe",
        "prepared",
        "prepared_timestamp",
        "ranges",
        "read_counts",
        "read_only",
        "safe",
        "safety",
        "snapshot",
        "summary_in",
        "summary_out",
        "unsafe",
        "writes",
        "written",
        "wrote",
    )

    def __init__(self, snapshot: int, read_only: bool, begun: int) -> None:
        self.snapshot = snapshot
        self.read_only = read_only
        """Declared so, or committed without having written."""
        self.begun = begun
        """Its place, and with `finished` the place of its end, in the order of such events on this node."""
        self.finished = 0
        self.prepared = self.committed = False
        self.prepared_timestamp = self.commit_timestamp = 0
        self.doomed = False
        """Whether another one needs it to fail; it finds out at its next step."""
        self.late = False
        """Whether it comes after some that it overlaps, who have let it go on (`Dependencies.comes_after`)."""
        self.wrote = False
        self.keys: set[bytes] = set()
        self.read_counts: dict[bytes, int] = {}
        """Keys and ranges read by prefix; -1 where the whole prefix counts."""
        self.ranges: list[Range] = []
        self.writes: WriteSet | None = None
        self.written: set[bytes] = set()
        """Written keys that are in the index by key; `bulk`: there are more, in `writes`."""
        self.bulk = False
        self.loaded: list[tuple[bytes, bytes]] = []
        self.conflicts_in: set[SerialTransaction] = set()
        self.conflicts_out: set[SerialTransaction] = set()
        self.earliest_out = 0
        """Of a committed one: when the first of those it must come before had been prepared, if that was earlier."""
        self.summary_in = self.summary_out = False
        """Whether there are conflicts with transactions that have been summarized."""
        self.possible_unsafe: set[SerialTransaction] = set()
        """Of a read-only one: the writers that could still make its snapshot unsafe; of a writer: those it could."""
        self.safe = self.unsafe = False
        self.safety: Wait | None = None
        """Done when a deferrable one knows whether its snapshot is safe."""

    def overlaps(self, other: SerialTransaction) -> bool:
        """Whether it began before a committed one had ended, or at least before that one's commit was visible."""
        return self.begun < other.finished or self.snapshot < other.commit_timestamp

    def covers(self, prefix: bytes) -> bool:
        """Whether a whole prefix counts as read."""
        return self.read_counts.get(prefix, 0) < 0

    def wrote_between(self, low: bytes, high: bytes | None) -> bool:
        """Whether any key with low <= key < high has been written."""
        if any(first < (high or first + b"\0") and low <= last for first, last in self.loaded):
            return True
        return self.writes is not None and self.writes.touches(low, high)

    def has_written(self, key: bytes) -> bool:
        """Whether a key is among what was written in bulk."""
        if self.bulk and self.writes is not None and key in self.writes.rows:
            return True
        return any(first <= key <= last for first, last in self.loaded)

    def prefixes_read(self) -> Iterable[bytes]:
        """The prefixes of everything that was read; b"" for ranges over several."""
        found = set(self.read_counts)
        found.update(prefix_of(one) for one in self.ranges)
        return found

    def prefixes_written(self) -> Iterable[bytes]:
        """The prefixes of everything that was written."""
        found = {first[:PREFIX_LENGTH] for first, _ in self.loaded}
        if self.writes is not None:
            found.update(key[:PREFIX_LENGTH] for key in self.writes.rows)
        return found


def prefix_of(one: Range) -> bytes:
    """The prefix that a range lies in; b"" for one over several."""
    low, high = one
    assert low is not None
    prefix = low[:PREFIX_LENGTH]
    if high is not None and (high[:PREFIX_LENGTH] == prefix or high <= (prefix_end(prefix) or high)):
        return prefix
    return b""
