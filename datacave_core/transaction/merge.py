"""Merging a transaction's own writes over what a store's scan yields."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from datacave_core.layout import Layout
from datacave_core.rowbatch import ColumnBatch
from datacave_core.values import Row
from datacave_core.vectors import column_vector, keep_rows


def merge_rows(
    batches: Iterator[list[tuple[bytes, Row]]],
    own: list[tuple[bytes, Row | None]],
    reverse: bool,
    batch_rows: int,
) -> Iterator[list[tuple[bytes, Row]]]:
    """The rows of a scan with own writes (ascending) put in their places and own deletes taken out."""
    for batch in batches:
        # Own writes up to the last key of the batch belong into it; the rest waits for the next.
        last = batch[-1][0]
        if reverse:
            place = bisect_right(own, last, key=_key) if own else 0
            while place and own[place - 1][0] == last:
                place -= 1
            due, own = own[place:], own[:place]
        else:
            place = bisect_right(own, last, key=_key)
            due, own = own[:place], own[place:]
        if not due:
            yield batch
            continue
        rows: dict[bytes, Row] = dict(batch)
        for key, row in due:
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
        if rows:
            yield sorted(rows.items(), reverse=reverse)
    rest = [(key, row) for key, row in own if row is not None]
    if reverse:
        rest.reverse()
    for start in range(0, len(rest), batch_rows):
        yield rest[start : start + batch_rows]


def _key(pair: tuple[bytes, Any]) -> bytes:
    return pair[0]


def merge_columns(
    batches: Iterator[ColumnBatch],
    own: list[tuple[bytes, Row | None]],
    layout: Layout,
    columns: Sequence[int],
    with_keys: bool,
) -> Iterator[ColumnBatch]:
    """The column batches of a scan (which carry keys) without the rows written anew, then the own rows."""
    hidden = {key for key, _ in own}
    for batch in batches:
        keys = batch.keys
        assert keys is not None
        if hidden.isdisjoint(keys):
            yield batch if with_keys else ColumnBatch(batch.row_count, batch.columns)
            continue
        flags = [key not in hidden for key in keys]
        keep = np.array(flags, dtype=np.bool_)
        row_count = int(keep.sum())
        if row_count:
            kept_keys = [key for key in keys if key not in hidden] if with_keys else None
            yield ColumnBatch(row_count, [keep_rows(vector, keep) for vector in batch.columns], kept_keys)
    live = [(key, row) for key, row in own if row is not None]
    if live:
        vectors = [column_vector(layout.columns[i], [row[i] for _, row in live]) for i in columns]
        yield ColumnBatch(len(live), vectors, [key for key, _ in live] if with_keys else None)
