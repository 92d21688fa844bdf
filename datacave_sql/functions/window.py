"""Window functions proper: bodies over one sorted partition.

A body is called once per partition and returns one value per row. It sees the partition through `Partition`; which
rows are peers and where each row's frame lies is the executor's business. Aggregates over windows are not here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Partition:
    """One partition, sorted.

    `arguments` holds one list of values per call argument, one value per row. `peer_starts[i]` is the index of the
    first row of the peer group of row i, `peer_ends[i]` the index after its last. `frames[i]` is the sequence of row
    indexes in row i's frame (a range unless rows are excluded); only filled when the body's `uses_frames` is set.
    """

    row_count: int
    arguments: Sequence[list[Any]]
    peer_starts: Sequence[int]
    peer_ends: Sequence[int]
    frames: Sequence[Sequence[int]] = ()


@dataclass(frozen=True, slots=True)
class WindowBody:
    """`call(partition)` gives the values of all rows of the partition, in order."""

    call: Callable[[Partition], list[Any]]
    uses_frames: bool = False
