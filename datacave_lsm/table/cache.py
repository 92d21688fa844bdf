"""SegmentCache: opened segments within a byte budget; a scan does not push out what point reads use."""

from __future__ import annotations

from typing import Any


class SegmentCache:
    """Two-queue cache by (file id, group, column)."""

    def __init__(self, bytes_max: int) -> None:
        raise NotImplementedError

    def get(self, key: tuple[int, int, int]) -> Any | None:
        raise NotImplementedError

    def put(self, key: tuple[int, int, int], value: Any, cost_bytes: int) -> None:
        raise NotImplementedError

    def drop_file(self, file_id: int) -> None:
        """Forgets all segments of a deleted file."""
        raise NotImplementedError
