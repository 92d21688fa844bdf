"""TableWriter: sorted versions in, one table file out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datacave_core.layout import Layout
from datacave_core.ports import File, FileSystem
from datacave_core.rowbatch import ColumnVector
from datacave_core.values import Row
from datacave_lsm.format import Seals
from datacave_lsm.table.properties import TableProperties


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a table file is built."""

    group_rows_max: int = 8192
    group_bytes_target: int = 512 * 1024
    filter_bits_per_key: int = 10
    compression: str = "lz4"


class TableWriter:
    """Builds one table file. Keys ascend, timestamps descend within a key; anything else raises ValueError."""

    def __init__(
        self,
        file: File,
        file_id: int,
        layout_of: Callable[[bytes], Layout],
        seals: Seals,
        options: TableOptions | None = None,
        *,
        name: str = "",
    ) -> None:
        raise NotImplementedError

    @property
    def entries(self) -> int:
        """Versions added so far."""
        raise NotImplementedError

    @property
    def bytes_written(self) -> int:
        """Bytes in the file so far, without the rows of the group that is still open; for splitting outputs."""
        raise NotImplementedError

    def add(self, key: bytes, timestamp: int, row: Row | None) -> None:
        """Adds one version; a row of None is a tombstone."""
        raise NotImplementedError

    def add_many(self, entries: Sequence[tuple[bytes, int, Row | None]]) -> None:
        """Adds many versions in order; prefixes may change on the way."""
        raise NotImplementedError

    def add_columns(
        self,
        keys: Sequence[bytes],
        timestamps: NDArray[np.int64],
        operations: NDArray[np.uint8],
        columns: Sequence[ColumnVector],
        layout: Layout,
    ) -> None:
        """Adds versions of one key prefix as column vectors (operation 0: put, 1: tombstone)."""
        raise NotImplementedError

    def finish(self) -> TableProperties:
        """Writes index, filter, properties and footer. Neither syncs nor closes the file."""
        raise NotImplementedError


def write_table(
    files: FileSystem,
    name: str,
    file_id: int,
    layout_of: Callable[[bytes], Layout],
    seals: Seals,
    fill: Callable[[TableWriter], None],
    options: TableOptions | None = None,
) -> TableProperties:
    """Writes a table under a temporary name, fsyncs, renames, fsyncs the folder; removes the rest on failure."""
    raise NotImplementedError
