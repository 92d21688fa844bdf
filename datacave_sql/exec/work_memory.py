"""Work memory: what statements hold in memory while they run, bounded per operator, per statement and in all.

An operator counts what it keeps in a WorkMemory of its own. Above `work_mem` (times `hash_mem_multiplier` for what is
hashed), or when the server is short of memory, `take` tells it to put rows aside; what cannot be put aside fails with
53200 at the limit of the statement or of the server, and everything else goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError

SHARE_MIN_BYTES = 1 << 20
"""What an operator may hold even when the server is short of memory."""

MIB = 1 << 20


@dataclass(slots=True)
class MemoryPool:
    """What all statements of a server hold, and what they have put aside since its start.

    Above `pressure` operators with more than a small share put rows aside; `limit` is never exceeded.
    """

    limit: int = 4096 * MIB
    statement_limit: int = 2048 * MIB
    used: int = 0
    temporary_files: dict[int, list[int]] = field(default_factory=dict)
    """By database oid: [files, bytes] since the start."""

    def count_file(self, database_oid: int, files: int, size: int) -> None:
        """Counts temporary files that a statement is done with."""
        counts = self.temporary_files.setdefault(database_oid, [0, 0])
        counts[0] += files
        counts[1] += size


class StatementMemory:
    """What the statements of one session hold in memory, and on disk."""

    __slots__ = ("pool", "temporary_bytes", "used")

    def __init__(self, pool: MemoryPool) -> None:
        self.pool = pool
        self.used = 0
        self.temporary_bytes = 0

    def take(self, size: int) -> None:
        """Counts more bytes. Raises 53200."""
        pool = self.pool
        self.used += size
        pool.used += size
        if size <= 0:
            return
        if self.used > pool.statement_limit:
            raise _out_of_memory("a statement", pool.statement_limit, "limits.statement_memory_bytes")
        if pool.used > pool.limit:
            raise _out_of_memory("all statements together", pool.limit, "limits.memory_bytes")


class WorkMemory:
    """What one operator holds. `limit` is in bytes."""

    __slots__ = ("_statement", "limit", "peak", "used")

    def __init__(self, statement: StatementMemory, limit: int) -> None:
        self._statement = statement
        self.limit = limit
        self.used = 0
        self.peak = 0

    def take(self, size: int) -> bool:
        """Counts more bytes; True where some of them should be put aside now. Raises 53200."""
        statement = self._statement
        self.used += size
        if self.used > self.peak:
            self.peak = self.used
        statement.take(size)
        if self.used > self.limit:
            return True
        pool = statement.pool
        return self.used > SHARE_MIN_BYTES and 2 * pool.used > pool.limit

    def give_back(self, size: int) -> None:
        """Counts fewer bytes."""
        self.used -= size
        self._statement.take(-size)

    def release(self) -> None:
        """Nothing is held any more."""
        self._statement.take(-self.used)
        self.used = 0


def _out_of_memory(whose: str, limit: int, setting: str) -> DatacaveError:
    return DatacaveError(
        "out of memory",
        sqlstate=sqlstate.OUT_OF_MEMORY,
        detail=f"The memory of {whose} would exceed {limit // MIB} MB.",
        hint=f"Ask for fewer rows at a time, or raise {setting} in the server's configuration.",
    )
