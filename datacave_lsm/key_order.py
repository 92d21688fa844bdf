"""KeyOrder: the keys of a memtable in order, which only scans and flushes ask for.

New keys gather in an unsorted tail, which becomes a sorted run; runs are merged like the digits of a counter, so that a
key is moved a few times at most and a scan meets few runs.

Invariants: a key is added once; a run never changes once made, so that a scan keeps the runs it began with.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from datacave_core.compiled import compiled

TAIL_KEYS_MAX = 4096
"""Unsorted keys that become a run of their own during writes; sorting them takes about a millisecond."""

RUN_KEYS_MAX = 65536
"""Runs of this size are not merged further: the merge would hold up the loop."""

RUN_RATIO = 4

GROWTH = 4
"""By what the chunks of one scan grow: a short range pays for few keys, a long one for few chunks."""

CHUNK_KEYS_MAX = 2048

Span = tuple[list[bytes], int, int]
"""A run and the half-open range of places in it."""


def plain_ordered(keys: list[bytes]) -> list[bytes]:
    """The keys in order, as a new list."""
    return sorted(keys)


def plain_merged(left: list[bytes], right: list[bytes]) -> list[bytes]:
    """Two ascending runs as one."""
    return sorted(left + right)  # one linear merge


ordered = compiled("datacave_lsm._memtable", "ordered", plain_ordered, 1)
merged = compiled("datacave_lsm._memtable", "merged", plain_merged, 1)


class KeyOrder:
    """Keys in any order in, in ascending or descending order out. Whoever fills `tail` settles it in time."""

    __slots__ = ("_runs", "tail")

    def __init__(self) -> None:
        self.tail: list[bytes] = []
        self._runs: list[list[bytes]] = []

    def settle(self) -> None:
        """Makes a run of the tail and merges it with smaller neighbours."""
        run = ordered(self.tail)
        self.tail.clear()
        # A new list: iterators hold the one they began with.
        runs = list(self._runs)
        while runs and len(runs[-1]) < RUN_RATIO * len(run) and len(runs[-1]) + len(run) <= RUN_KEYS_MAX:
            older = runs.pop()
            run = older + run if older[-1] < run[0] else merged(older, run)
        runs.append(run)
        self._runs = runs

    def chunks(
        self, low: bytes | None, high: bytes | None, chunk_keys: int, *, reverse: bool = False
    ) -> Iterator[list[bytes]]:
        """The keys of this moment with low <= key < high in order, in chunks that begin with `chunk_keys` and grow."""
        if self.tail:
            self.settle()
        spans: list[Span] = []
        for run in self._runs:
            start = 0 if low is None else bisect_left(run, low)
            stop = len(run) if high is None else bisect_left(run, high, start)
            if start < stop:
                spans.append((run, start, stop))
        if not spans:
            return iter(())
        if len(spans) == 1:
            return _slices(*spans[0], chunk_keys, reverse)
        spans.sort(key=_first_key)
        if all(left[0][left[2] - 1] < right[0][right[1]] for left, right in pairwise(spans)):
            return _one_after_the_other(spans, chunk_keys, reverse)
        return _merge_backward(spans, chunk_keys) if reverse else _merge_forward(spans, chunk_keys)

    def overlaps(self, low: bytes, high: bytes | None) -> bool:
        """Whether there is a key with low <= key < high."""
        if self.tail:
            self.settle()
        for run in self._runs:
            start = bisect_left(run, low)
            if start < len(run) and (high is None or run[start] < high):
                return True
        return False

    def dismantle(self) -> Iterator[None]:
        """Frees the runs one by one."""
        runs = self._runs
        while runs:
            runs.pop()
            yield

    @property
    def smallest_key(self) -> bytes:
        """The first key; there is one."""
        self._settle_tail()
        return min(run[0] for run in self._runs)

    @property
    def largest_key(self) -> bytes:
        """The last key; there is one."""
        self._settle_tail()
        return max(run[-1] for run in self._runs)

    def _settle_tail(self) -> None:
        if self.tail:
            self.settle()


def _first_key(span: Span) -> bytes:
    return span[0][span[1]]


def _one_after_the_other(spans: list[Span], chunk_keys: int, reverse: bool) -> Iterator[list[bytes]]:
    """Runs that do not overlap: keys that came in ascending order."""
    for span in reversed(spans) if reverse else spans:
        yield from _slices(*span, chunk_keys, reverse)
        chunk_keys = max(chunk_keys, min(span[2] - span[1], CHUNK_KEYS_MAX))


def _slices(run: list[bytes], start: int, stop: int, chunk_keys: int, reverse: bool) -> Iterator[list[bytes]]:
    if reverse:
        while start < stop:
            from_ = max(start, stop - chunk_keys)
            yield run[from_:stop][::-1]
            stop = from_
            chunk_keys = min(chunk_keys * GROWTH, CHUNK_KEYS_MAX)
    else:
        while start < stop:
            yield run[start : min(start + chunk_keys, stop)]
            start += chunk_keys
            chunk_keys = min(chunk_keys * GROWTH, CHUNK_KEYS_MAX)


def _merge_forward(spans: list[Span], chunk_keys: int) -> Iterator[list[bytes]]:
    """Per chunk, every run gives its keys up to a pivot that no run has left behind; sorting joins them."""
    while spans:
        share = max(1, chunk_keys // len(spans))
        pivot = min(run[min(start + share, stop) - 1] for run, start, stop in spans)
        chunk: list[bytes] = []
        rest = []
        for run, start, stop in spans:
            end = bisect_left(run, pivot, start, min(start + share, stop))
            if end < stop and run[end] == pivot:
                end += 1
            chunk += run[start:end]
            if end < stop:
                rest.append((run, end, stop))
        chunk.sort()
        yield chunk
        spans = rest
        chunk_keys = min(chunk_keys * GROWTH, CHUNK_KEYS_MAX)


def _merge_backward(spans: list[Span], chunk_keys: int) -> Iterator[list[bytes]]:
    while spans:
        share = max(1, chunk_keys // len(spans))
        pivot = max(run[max(stop - share, start)] for run, start, stop in spans)
        chunk: list[bytes] = []
        rest = []
        for run, start, stop in spans:
            begin = bisect_left(run, pivot, start, stop)
            chunk += run[begin:stop]
            if start < begin:
                rest.append((run, start, begin))
        chunk.sort(reverse=True)
        yield chunk
        spans = rest
        chunk_keys = min(chunk_keys * GROWTH, CHUNK_KEYS_MAX)
