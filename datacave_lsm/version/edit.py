"""VersionEdit: one change of the level state, as it stands in the manifest.

A msgpack map from small integers to values, so that fields can be added; an unknown field is refused, because leaving
it out could lose data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack

from datacave_core.compression import TableCompression
from datacave_lsm.compressions import compression_records, compressions_of
from datacave_lsm.horizons import TableHorizon, horizon_records, horizons_of
from datacave_lsm.version.levels import TableFile

_LOG_NUMBER, _NEXT_NUMBER, _HORIZON, _TIMESTAMP, _REMOVED, _ADDED, _CLOSED, _INGESTED, _HORIZONS = range(1, 10)
_COMPRESSIONS = 10


@dataclass(frozen=True, slots=True)
class VersionEdit:
    """Fields that are None change nothing.

    `log_number`: the first log segment that recovery has to read. `next_number`: file numbers from here on are unused.
    `horizon`: versions hidden before this timestamp may be gone. `timestamp`: no commit before it is missing from the
    tables and the log. `closed`: the last log segment and its length after an orderly close or in a checkpoint,
    (0, 0) once reopened.
    `ingested`: files that commits up to this timestamp name in the log are among those added.
    `horizons`: all tables with a horizon of their own. `compressions`: all tables with a compression of their own.
    """

    log_number: int | None = None
    next_number: int | None = None
    horizon: int | None = None
    timestamp: int | None = None
    removed: frozenset[int] = frozenset()
    added: tuple[tuple[int, TableFile], ...] = ()
    closed: tuple[int, int] | None = None
    ingested: int | None = None
    horizons: tuple[tuple[bytes, TableHorizon], ...] | None = None
    compressions: tuple[tuple[bytes, TableCompression], ...] | None = None

    def encode(self) -> bytes:
        """The payload of one manifest record."""
        fields: dict[int, Any] = {}
        for code, value in (
            (_LOG_NUMBER, self.log_number),
            (_NEXT_NUMBER, self.next_number),
            (_HORIZON, self.horizon),
            (_TIMESTAMP, self.timestamp),
            (_CLOSED, self.closed),
            (_INGESTED, self.ingested),
        ):
            if value is not None:
                fields[code] = value
        if self.horizons is not None:
            fields[_HORIZONS] = horizon_records(self.horizons)
        if self.compressions is not None:
            fields[_COMPRESSIONS] = compression_records(self.compressions)
        if self.removed:
            fields[_REMOVED] = sorted(self.removed)
        if self.added:
            fields[_ADDED] = [(level, *file.fields()) for level, file in self.added]
        return bytes(msgpack.packb(fields))

    @classmethod
    def decode(cls, payload: bytes) -> VersionEdit:
        """The inverse of encode; raises ValueError for anything else."""
        fields = msgpack.unpackb(payload, use_list=False, strict_map_key=False)
        if not isinstance(fields, dict) or not fields.keys() <= set(range(_LOG_NUMBER, _COMPRESSIONS + 1)):
            raise ValueError("unknown fields in a version edit")
        return cls(
            fields.get(_LOG_NUMBER),
            fields.get(_NEXT_NUMBER),
            fields.get(_HORIZON),
            fields.get(_TIMESTAMP),
            frozenset(fields.get(_REMOVED, ())),
            tuple([(added[0], TableFile(*added[1:])) for added in fields.get(_ADDED, ())]),
            fields.get(_CLOSED),
            fields.get(_INGESTED),
            horizons_of(fields[_HORIZONS]) if _HORIZONS in fields else None,
            compressions_of(fields[_COMPRESSIONS]) if _COMPRESSIONS in fields else None,
        )
