"""WorkUnderWay: what whoever drives a session tells of the statement that it is inside of."""

from __future__ import annotations

from typing import Protocol


class WorkUnderWay(Protocol):
    """The connection of a session, as pg_stat_activity asks it."""

    @property
    def busy(self) -> bool:
        """Whether a statement is under way."""

    @property
    def wait_reason(self) -> str | None:
        """What that statement waits for, such as "IO:WALSync"; None when it runs or waits for its turn only."""
