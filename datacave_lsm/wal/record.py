"""Record: the framing that log segments and manifests share.

    file:    header (format/header.py) | record | record | ...
    record:  marker 2 | kind 2 | length 4 | number 8 | segment (length bytes)

A segment of the log lies in a file that was made long enough beforehand, or had another segment in it: record 0, its
opening, says where the segment before it ends, and 16 zero bytes follow the newest record. What is behind them is zeros
or was sealed for another file, and opens as nothing.

All integers are little-endian. `kind` tells a whole payload from the first, middle and last fragment of a longer one;
`number` counts the records of the file from 0. The segment is sealed or checksummed (format/sealing.py) at position
(number, kind), so that every byte of a record is covered. Inside it, 8 bytes before the payload hold `synced`: the
length of the file that was known to be on the disk when the record was written. If a later record is intact and its
`synced` lies behind a broken one, the broken one was once durable: it is damage and no torn write.

Not here: what the payloads mean (log.py, replay.py, version/edit.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from datacave_core.errors import DataCorrupted
from datacave_core.ports import File
from datacave_lsm.format import HEADER_BYTES, Opener, Sealer

MARKER = b"\xdc\x1e"
FRAME = struct.Struct("<2sHIQ")
SYNCED = struct.Struct("<Q")
RECORD_BYTES_EXTRA = FRAME.size + SYNCED.size + 16
"""At most what one record adds to its payload, the seal included."""

WHOLE, FIRST, MIDDLE, LAST, OPENING = 1, 2, 3, 4, 5
LENGTH = struct.Struct("<Q")
OPENING_BYTES_MAX = RECORD_BYTES_EXTRA + LENGTH.size
END = bytes(FRAME.size)
"""What follows the newest record of a segment of the log."""

READ_BYTES = 4 * 1024 * 1024


class RecordWriter:
    """Frames payloads for one new file; `offset` is where the next record goes, `synced` what is on the disk."""

    __slots__ = ("_fragment_bytes_max", "_number", "_sealer", "offset", "synced")

    def __init__(self, sealer: Sealer, fragment_bytes_max: int) -> None:
        self._sealer = sealer
        self._fragment_bytes_max = fragment_bytes_max
        self._number = 0
        self.offset = HEADER_BYTES
        self.synced = 0

    def opening(self, previous_bytes: int) -> bytes:
        """Record 0 of a segment of the log: the length of the one before it, 0 if there is none."""
        return self._record(OPENING, LENGTH.pack(previous_bytes))

    def encode(self, payload: bytes) -> bytes:
        """The bytes to append for one payload of any size."""
        most = self._fragment_bytes_max
        if len(payload) <= most:
            return self._record(WHOLE, payload)
        records = []
        for start in range(0, len(payload), most):
            kind = FIRST if start == 0 else LAST if start + most >= len(payload) else MIDDLE
            records.append(self._record(kind, payload[start : start + most]))
        return b"".join(records)

    def _record(self, kind: int, payload: bytes) -> bytes:
        segment = self._sealer.seal(self._number, kind, SYNCED.pack(self.synced) + payload)
        record = FRAME.pack(MARKER, kind, len(segment), self._number) + segment
        self._number += 1
        self.offset += len(record)
        return record


@dataclass(slots=True)
class Tail:
    """How a file ends: its readable payloads end at offset `end`; `torn`: what follows is no END but other bytes."""

    end: int = HEADER_BYTES
    torn: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """What stands in front of the payloads of a file: they begin with record `number` at offset `start`.

    `previous_bytes` is the length of the segment before it; None where no opening tells.
    """

    opener: Opener
    start: int = HEADER_BYTES
    number: int = 0
    previous_bytes: int | None = None


def read_opening(file: File, name: str, opener: Opener) -> Head | None:
    """The head of a segment of the log; None for one that was not begun, or whose beginning did not reach the disk.

    Raises DataCorrupted for an opening that had been durable.
    """
    data = file.read_at(HEADER_BYTES, OPENING_BYTES_MAX)
    if len(data) >= FRAME.size:
        marker, kind, length, number = FRAME.unpack_from(data)
        segment = data[FRAME.size : FRAME.size + length]
        if (marker, kind, number) == (MARKER, OPENING, 0) and len(segment) == length:
            with suppress(DataCorrupted):
                body = opener.open(number, kind, segment, HEADER_BYTES)
                previous_bytes = LENGTH.unpack_from(body, SYNCED.size)[0]
                return Head(opener, HEADER_BYTES + FRAME.size + length, 1, previous_bytes)
    if _was_durable(file, opener, HEADER_BYTES, 0, file.size()):
        raise damaged(name, HEADER_BYTES)
    return None


def read_records(
    file: File, name: str, head: Head, tail: Tail, known_bytes: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """The payloads of a file, each with the offset of its first record; fills `tail` when they are exhausted.

    `known_bytes` is where they are known to end. Raises DataCorrupted, naming file and offset, for a record that had
    been durable and is damaged.
    """
    size = file.size()
    if known_bytes is not None:
        if size < known_bytes:
            raise DataCorrupted(f'file "{name}" has {size} bytes; {known_bytes} were written')
        size = known_bytes
    opener, offset, number = head.opener, head.start, head.number
    tail.end = offset
    window, window_start = b"", offset
    fragments: list[bytes] = []
    payload_start = offset
    while offset < size:
        at = offset - window_start
        if at + FRAME.size > len(window):
            window, window_start, at = file.read_at(offset, READ_BYTES), offset, 0
            if FRAME.size > len(window):
                break
        marker, kind, length, found_number = FRAME.unpack_from(window, at)
        end = offset + FRAME.size + length
        if marker != MARKER or found_number != number or not WHOLE <= kind <= LAST or end > size:
            break
        if at + FRAME.size + length > len(window):
            window, window_start, at = file.read_at(offset, max(READ_BYTES, FRAME.size + length)), offset, 0
        segment = window[at + FRAME.size : at + FRAME.size + length]
        try:
            body = opener.open(number, kind, segment, offset)
        except DataCorrupted:
            break
        if (kind in (WHOLE, FIRST)) != (not fragments):
            raise damaged(name, offset)
        if not fragments:
            payload_start = offset
        fragments.append(body[SYNCED.size :])
        number += 1
        offset = end
        if kind in (WHOLE, LAST):
            payload, fragments = b"".join(fragments) if kind == LAST else fragments[0], []
            tail.end = end
            yield payload_start, payload
    if known_bytes is not None:
        if tail.end != size:
            raise damaged(name, offset)
    elif offset < size and _was_durable(file, opener, offset, number, size):
        raise damaged(name, offset)
    tail.torn = any(file.read_at(tail.end, min(FRAME.size, size - tail.end)))


def damaged(name: str, offset: int) -> DataCorrupted:
    """The error for a record that was durable once and cannot be read any more."""
    return DataCorrupted(
        f'file "{name}" is damaged: the record at byte {offset} cannot be read',
    )


def _was_durable(file: File, opener: Opener, broken: int, broken_number: int, size: int) -> bool:
    """Whether an intact record behind `broken` says that the broken one had reached the disk."""
    start = broken + 1
    while start + FRAME.size <= size:
        window = file.read_at(start, min(READ_BYTES, size - start))
        at = window.find(MARKER)
        while 0 <= at <= len(window) - FRAME.size:
            _, kind, length, number = FRAME.unpack_from(window, at)
            end = at + FRAME.size + length
            if WHOLE <= kind <= LAST and number > broken_number and start + end <= size:
                segment = window[at + FRAME.size : end]
                if end > len(window):
                    segment = file.read_at(start + at + FRAME.size, length)
                try:
                    body = opener.open(number, kind, segment, start + at)
                except DataCorrupted:
                    body = b""
                if len(body) >= SYNCED.size and SYNCED.unpack_from(body)[0] > broken:
                    return True
            at = window.find(MARKER, at + 1)
        start += max(len(window) - FRAME.size + 1, 1)
    return False
