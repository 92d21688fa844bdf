"""MemoryTemporaryFiles: the TemporaryFiles port in memory, for databases without a folder."""

from __future__ import annotations

from datacave_core.ports import TemporaryFile
from datacave_core.wait import Steps


class MemoryTemporaryFile:
    """Blocks in a list."""

    __slots__ = ("_blocks", "size")

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self.size = 0

    def append(self, block: bytes) -> Steps[tuple[int, int]]:
        """Keeps the block."""
        self._blocks.append(block)
        self.size += len(block)
        return len(self._blocks) - 1, len(block)
        yield

    def read(self, place: tuple[int, int]) -> Steps[bytes]:
        """The block."""
        return self._blocks[place[0]]
        yield

    def close(self) -> None:
        """Forgets all blocks."""
        self._blocks.clear()


class MemoryTemporaryFiles:
    """Makes them."""

    __slots__ = ()

    def create(self) -> TemporaryFile:
        """A new one."""
        return MemoryTemporaryFile()
