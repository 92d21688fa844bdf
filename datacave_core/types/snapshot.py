"""pg_snapshot and txid_snapshot: which transactions a snapshot sees, as the canonical text `xmin:xmax:xip,..`."""

from __future__ import annotations

import re
from itertools import pairwise
from struct import Struct
from typing import Final, NamedTuple

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import TypeIO, bad_length, invalid_input
from datacave_core.types.settings import FormatSettings

_TEXT: Final = re.compile(r"([0-9]+):([0-9]+):((?:[0-9]+(?:,[0-9]+)*)?)")
_HEAD: Final = Struct("!iQQ")
_NUMBER: Final = Struct("!Q")


class TransactionSnapshot(NamedTuple):
    """All before `xmin` have ended, none from `xmax` on has begun, and those of `running` were at work."""

    xmin: int
    xmax: int
    running: tuple[int, ...]

    def sees(self, number: int) -> bool:
        """Whether the transaction with a number had ended."""
        return number < self.xmin or (number < self.xmax and number not in self.running)


def parse_snapshot(text: str) -> TransactionSnapshot:
    """Raises 22P02."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise invalid_input("pg_snapshot", text)
    xmin, xmax = int(found[1]), int(found[2])
    running = [int(part) for part in found[3].split(",")] if found[3] else []
    if not _is_sound(xmin, xmax, running):
        raise invalid_input("pg_snapshot", text)
    return TransactionSnapshot(xmin, xmax, tuple(dict.fromkeys(running)))


def _is_sound(xmin: int, xmax: int, running: list[int]) -> bool:
    in_order = all(a <= b for a, b in pairwise(running))
    return 0 < xmin <= xmax < 2**63 and in_order and all(xmin <= one < xmax for one in running)


def format_snapshot(value: TransactionSnapshot) -> str:
    """The canonical text."""
    return f"{value.xmin}:{value.xmax}:{','.join(map(str, value.running))}"


def _input(text: str, typmod: int, settings: FormatSettings) -> str:
    return format_snapshot(parse_snapshot(text))


def _output(value: str, settings: FormatSettings) -> str:
    return value


def _receive(data: bytes) -> str:
    if len(data) < _HEAD.size:
        raise bad_length(data, _HEAD.size)
    count, xmin, xmax = _HEAD.unpack_from(data)
    length = _HEAD.size + max(count, 0) * _NUMBER.size
    if len(data) != length:
        raise bad_length(data, length)
    running = [_NUMBER.unpack_from(data, at)[0] for at in range(_HEAD.size, length, _NUMBER.size)]
    if count < 0 or not _is_sound(xmin, xmax, running):
        raise DatacaveError("invalid external pg_snapshot data", sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION)
    return format_snapshot(TransactionSnapshot(xmin, xmax, tuple(dict.fromkeys(running))))


def _send(value: str) -> bytes:
    found = parse_snapshot(value)
    parts = [_HEAD.pack(len(found.running), found.xmin, found.xmax), *map(_NUMBER.pack, found.running)]
    return b"".join(parts)


SNAPSHOT_IO: Final = TypeIO(_input, _output, _receive, _send, comparable=False)
