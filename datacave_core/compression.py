"""Compression: what becomes of the texts and bytes of a table on their way into files."""

from __future__ import annotations

import enum
from dataclasses import dataclass

ZSTD_LEVEL = 3
"""zstd's own default."""

ZSTD_LEVEL_MAX = 22


class Compression(enum.IntEnum):
    """How data is compressed. Numbers are stored and never change meaning."""

    NONE = 0
    LZ4 = 1
    ZSTD = 2


@dataclass(frozen=True, slots=True)
class TableCompression:
    """What was chosen for a table; `level` counts for zstd only, from 1 (fast) to ZSTD_LEVEL_MAX (small)."""

    method: Compression
    level: int = ZSTD_LEVEL

    @classmethod
    def parse(cls, text: str) -> TableCompression:
        """From `none`, `lz4`, `zstd` or `zstd:LEVEL`, in any case. Raises ValueError."""
        name, colon, level = text.strip().lower().partition(":")
        method = Compression.__members__.get(name.upper())
        if method is None or (colon and method is not Compression.ZSTD):
            raise ValueError(f"no compression: {text!r}")
        if not colon:
            return cls(method)
        if not level.isascii() or not level.isdecimal() or not 1 <= int(level) <= ZSTD_LEVEL_MAX:
            raise ValueError(f"no level of zstd: {level!r}")
        return cls(method, int(level))
