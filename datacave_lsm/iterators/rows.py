"""Row scans: the live rows of a range as batches of (key, row)."""

from __future__ import annotations

from collections.abc import Iterator

from datacave_core.values import Row
from datacave_lsm.iterators.merge import merge
from datacave_lsm.iterators.sources import Sources


def scan_rows(
    sources: Sources, low: bytes, high: bytes | None, timestamp: int, reverse: bool, batch_rows: int
) -> Iterator[list[tuple[bytes, Row]]]:
    """Batches of at most `batch_rows` live rows; the first ones are shorter, so that a limited scan stops early."""
    found = sources.stretches(low, high, timestamp, reverse=reverse)
    if not found:
        return
    for keys, rows in merge(found, reverse=reverse):
        pairs: list[tuple[bytes, Row]]
        if None in rows:
            pairs = [(key, row) for key, row in zip(keys, rows, strict=True) if row is not None]
        else:
            pairs = list(zip(keys, rows, strict=True))  # type: ignore[arg-type]  # no row is None
        if len(pairs) <= batch_rows:
            if pairs:
                yield pairs
            continue
        for start in range(0, len(pairs), batch_rows):
            yield pairs[start : start + batch_rows]
