"""Compressions: what was chosen for single tables. The others go by level, as tablebuild.py has it.

A choice counts for files that are written from then on: flushes, merges, bulk loads. What is there stays readable as it
is until a merge writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from datacave_core.compression import Compression, TableCompression
from datacave_core.layout import check_table_prefix

CompressionRecord = tuple[bytes, int, int]
"""[prefix, method, level], as in the manifest and in requests for merges."""


class Compressions:
    """`chosen` by table prefix changes under those who hold it."""

    __slots__ = ("_recorded", "chosen")

    def __init__(self, chosen: Mapping[bytes, TableCompression]) -> None:
        self.chosen = dict(chosen)
        self._recorded = bool(chosen)  # whether the manifest may name any table

    def set(self, prefix: bytes, choice: TableCompression | None) -> bool:
        """Chooses for a table; None: as the others. Whether that changes anything.

        Raises ValueError for a prefix of another length.
        """
        if self.chosen.get(check_table_prefix(prefix)) == choice:
            return False
        if choice is None:
            del self.chosen[prefix]
        else:
            self.chosen[prefix] = choice
        return True

    def edit_fields(self) -> dict[str, Any]:
        """What an edit of the manifest says of them; nothing while there never were any.

        Every edit says so that none is left, since one that says it may fail.
        """
        self._recorded = self._recorded or bool(self.chosen)
        if not self._recorded:
            return {}
        return {"compressions": tuple(sorted(self.chosen.items(), key=itemgetter(0)))}


def compression_records(chosen: Iterable[tuple[bytes, TableCompression]]) -> list[CompressionRecord]:
    """As plain values."""
    return [(prefix, int(choice.method), choice.level) for prefix, choice in chosen]


def compressions_of(records: Iterable[CompressionRecord]) -> tuple[tuple[bytes, TableCompression], ...]:
    """The inverse of compression_records; raises ValueError for a method that nobody knows."""
    return tuple((prefix, TableCompression(Compression(method), level)) for prefix, method, level in records)
