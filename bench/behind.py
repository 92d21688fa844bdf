"""Behind: where the storage engine is slower than another store, and why."""

from __future__ import annotations

from collections.abc import Mapping

OBJECTS = (
    "a row becomes objects (dictionary entry, cell, row) and, at the flush, columns, all on the thread that serves; "
    "the others copy bytes, and RocksDB flushes on threads of its own"
)
ALONE = "a lone committer waits for each sync and its way to another thread and back, and flushes go on meanwhile"
MAPPED = "LMDB reads its memory map: no filter, no cache to keep, no check of what it reads"

REASONS = {
    "batched put": OBJECTS,
    "put, in order, sync": ALONE,
    "put, random, sync": ALONE,
    "put": OBJECTS,
    "commits": ALONE,
    "get": MAPPED,
    "scan of 10 rows": "a scan begins in Python: a snapshot of memtables and files, then a search in a row group",
    "scan": "each row is a tuple beside its key and value, and what is read first is verified and decompressed",
    "mixed, sync": ALONE,
    "mixed": OBJECTS,
}
"""Why a load whose name begins so may be slower than elsewhere; the first that fits counts."""


def behind(load: str, ours: float, others: Mapping[str, float]) -> str | None:
    """Which other stores do a load faster (per second, by name), and why; None if none does."""
    faster = [f"{ours / each:.2f} of {store}" for store, each in others.items() if ours < each]
    if not faster:
        return None
    reason = next(reason for start, reason in REASONS.items() if load.startswith(start))
    return f"behind at {load}: {', '.join(faster)}; {reason}"
