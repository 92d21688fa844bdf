"""Functions of pg_snapshot and txid_snapshot, and conversions of transaction numbers."""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core.types.snapshot import parse_snapshot
from datacave_sql.functions.body import Bodies

BODIES = Bodies()
_BITS64 = 2**64 - 1

BODIES.add("pg_snapshot_xmin", lambda value: parse_snapshot(value).xmin)
BODIES.add("pg_snapshot_xmax", lambda value: parse_snapshot(value).xmax)
BODIES.add("pg_visible_in_snapshot", lambda number, value: parse_snapshot(value).sees(number & _BITS64))
BODIES.add("xid8toxid", lambda number: number & 0xFFFFFFFF)


@BODIES("pg_snapshot_xip")
def running(value: str) -> Iterator[int]:
    """The transactions that were at work."""
    return iter(parse_snapshot(value).running)
