"""Table properties: what is known about a whole table file without reading its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from datacave_core.layout import Layout


@dataclass(frozen=True, slots=True)
class TableProperties:
    """Facts about one table file, as its writer counted them.

    `entries` counts versions, `tombstones` those among them that delete; `bytes` is the file's size. `layouts` are the
    distinct layouts of its rows; `key_id` names the master key that wraps the file's data key ("" for a plain file).
    """

    file_id: int
    smallest_key: bytes
    largest_key: bytes
    min_timestamp: int
    max_timestamp: int
    entries: int
    tombstones: int
    groups: int
    bytes: int
    layouts: tuple[Layout, ...] = field(default=())
    key_id: str = ""


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """The range of one column within one group, for skipping groups.

    Bounds hold for every value that is not NULL; None means unknown (also: all NULL, or a NaN among the values).
    DECIMAL64 bounds are scaled integers. TEXT compares by code point. A long TEXT or BYTES minimum is a prefix of the
    true one; a long maximum is unknown.
    """

    minimum: Any
    maximum: Any
    null_count: int
