"""What SERIALIZABLE transactions do passes by here: scans that say how far they got, and a write set that says what it
is about to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from datacave_core.transaction.dependencies import Dependencies
from datacave_core.transaction.serial import Range, SerialTransaction
from datacave_core.transaction.write_set import WriteSet
from datacave_core.values import Row


def tracked_scan(
    dependencies: Dependencies,
    me: SerialTransaction,
    batches: Iterator[list[tuple[bytes, Row]]],
    low: bytes,
    high: bytes | None,
    reverse: bool,
) -> Iterator[list[tuple[bytes, Row]]]:
    """Passes a scan on and notes how far it got: a LIMIT reads no further than its last batch."""
    # Nothing is read before the first batch arrives, and then everything between the border and its last key.
    read: Range = [low, low] if not reverse else [high, high]
    first = True
    for batch in batches:
        last = batch[-1][0]
        part: Range
        if reverse:
            part = [last, read[0]]
            read[0] = last
        else:
            part = [read[1], last + b"\0"]
            read[1] = part[1]
        dependencies.read_further(me, read, part, first=first)
        first = False
        yield batch
    part = [low, read[0]] if reverse else [read[1], high]
    read[0], read[1] = low, high
    dependencies.read_further(me, read, part, first=first)


class TrackedWriteSet(WriteSet):
    """The write set of a SERIALIZABLE transaction: whoever has read a key is met before it is written."""

    __slots__ = ("_dependencies", "_serial")

    def __init__(self, dependencies: Dependencies, serial: SerialTransaction, earlier: WriteSet) -> None:
        super().__init__()
        self._dependencies = dependencies
        self._serial = serial
        serial.writes = self
        if earlier.rows:
            dependencies.write_all(serial, earlier.rows)
        self.rows = earlier.rows
        self.undo = earlier.undo

    def put(self, key: bytes, row: Any) -> None:
        """Writes a row, or None for a delete. Raises SerializationFailure."""
        self._dependencies.write(self._serial, key)
        super().put(key, row)

    def put_all(self, new: Mapping[bytes, Any]) -> None:
        """Writes many rows. Raises SerializationFailure."""
        self._dependencies.write_all(self._serial, new)
        super().put_all(new)

    def undo_to(self, length: int) -> None:
        """Takes back every write after the first `length` entries of the undo log."""
        later = [key for key, _ in self.undo[length:] if key is not None]
        super().undo_to(length)
        for key in later:
            if key not in self.rows:
                self._dependencies.take_back_write(self._serial, key)
