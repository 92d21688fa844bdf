"""Progress: how far long commands are, for the pg_stat_progress views."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """One command under way; the numbers mean what the columns of its view mean."""

    command: str
    table_oid: int
    index_oid: int = 0
    phase: str = "initializing"
    lockers_total: int = 0
    lockers_done: int = 0
    current_locker: int = 0
    tuples_total: int = 0
    tuples_done: int = 0
    bytes_done: int = 0


class SessionProgress:
    """What a session is busy with: None, or the command of its present statement."""

    __slots__ = ("current",)

    def __init__(self) -> None:
        self.current: Progress | None = None

    def begin(self, command: str, table_oid: int, index_oid: int = 0) -> Progress:
        """Begins to count; the end of the statement ends it."""
        self.current = Progress(command, table_oid, index_oid)
        return self.current

    def end(self) -> None:
        """Nothing is under way any more."""
        self.current = None
