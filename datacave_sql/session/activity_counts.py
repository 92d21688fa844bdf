"""DatabaseActivity: what the sessions of one database have done since its counts were set to zero, for the pg_stat
views. Counts live in memory: like PostgreSQL's after a crash, they begin anew when the server starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from datacave_sql.exec.relation_counts import COUNTED, SessionCounts

_NOTHING: Final = (0,) * len(COUNTED)
_WRITTEN: Final = tuple(COUNTED.index(name) for name in ("inserted", "updated", "deleted"))


@dataclass(frozen=True, slots=True)
class Upkeep:
    """When a table was last analyzed or vacuumed by a command, how often, and how many rows had been written then."""

    at: int = 0  # microseconds
    count: int = 0
    written: int = 0
    inserted: int = 0


class DatabaseActivity:
    """The counts of closed sessions, with what is known of open ones added where they are asked for."""

    __slots__ = ("_closed", "_zero", "_zero_transactions", "analyzed", "committed", "deadlocks", "reset_at",
                 "rolled_back", "sessions", "vacuumed", "was_reset")  # fmt: skip

    def __init__(self, now: int) -> None:
        self._closed: dict[int, tuple[int, ...]] = {}
        self._zero: dict[int, tuple[int, ...]] = {}
        self._zero_transactions = (0, 0)
        self.analyzed: dict[int, Upkeep] = {}
        self.vacuumed: dict[int, Upkeep] = {}
        self.committed = 0
        self.rolled_back = 0
        self.sessions = 0
        self.deadlocks = 0
        self.reset_at = now
        self.was_reset = False

    def session_began(self) -> SessionCounts:
        """Counts a session; gives what its work is counted in."""
        self.sessions += 1
        return SessionCounts()

    def session_ended(self, counts: SessionCounts) -> None:
        """Keeps what a session has done."""
        self.committed, self.rolled_back = self._with_transactions((counts,))
        for oid, one in counts.relations.items():
            self._closed[oid] = _sum(self._closed.get(oid, _NOTHING), one.values())

    def _with_transactions(self, open_counts: Iterable[SessionCounts]) -> tuple[int, int]:
        committed, rolled_back = self.committed, self.rolled_back
        for counts in open_counts:
            committed += counts.committed + sum(one.lone for one in counts.relations.values())
            rolled_back += counts.rolled_back
        return committed, rolled_back

    def _absolute(self, open_counts: Iterable[SessionCounts]) -> dict[int, tuple[int, ...]]:
        found = dict(self._closed)
        for counts in open_counts:
            for oid, one in counts.relations.items():
                found[oid] = _sum(found.get(oid, _NOTHING), one.values())
        return found

    def totals(self, open_counts: Iterable[SessionCounts]) -> dict[int, tuple[int, ...]]:
        """The counts of every relation, in the order of COUNTED, with those of open sessions."""
        zero = self._zero
        return {
            oid: tuple(now - then for now, then in zip(values, zero[oid], strict=True)) if oid in zero else values
            for oid, values in self._absolute(open_counts).items()
        }

    def total(self, oid: int, open_counts: Iterable[SessionCounts]) -> tuple[int, ...]:
        """The counts of one relation."""
        values, zero = self._absolute_of(oid, open_counts), self._zero.get(oid)
        return values if zero is None else tuple(now - then for now, then in zip(values, zero, strict=True))

    def _absolute_of(self, oid: int, open_counts: Iterable[SessionCounts]) -> tuple[int, ...]:
        found = self._closed.get(oid, _NOTHING)
        for counts in open_counts:
            if (one := counts.relations.get(oid)) is not None:
                found = _sum(found, one.values())
        return found

    def transactions(self, open_counts: Iterable[SessionCounts]) -> tuple[int, int]:
        """(committed, rolled back)."""
        committed, rolled_back = self._with_transactions(open_counts)
        return committed - self._zero_transactions[0], rolled_back - self._zero_transactions[1]

    def reset(self, open_counts: list[SessionCounts], now: int) -> None:
        """Sets all counts to zero."""
        self._zero = self._absolute(open_counts)
        self._zero_transactions = self._with_transactions(open_counts)
        self.analyzed.clear()
        self.vacuumed.clear()
        self.sessions = self.deadlocks = 0
        self.reset_at = now
        self.was_reset = True

    def reset_one(self, oid: int, open_counts: Iterable[SessionCounts]) -> None:
        """Sets the counts of one relation to zero."""
        self._zero[oid] = self._absolute_of(oid, open_counts)
        self.analyzed.pop(oid, None)
        self.vacuumed.pop(oid, None)

    def note_upkeep(self, kept: dict[int, Upkeep], oid: int, now: int, open_counts: Iterable[SessionCounts]) -> None:
        """Notes that a table has been analyzed or vacuumed."""
        values = self.total(oid, open_counts)
        before = kept.get(oid, Upkeep())
        kept[oid] = Upkeep(now, before.count + 1, sum(values[place] for place in _WRITTEN), values[_WRITTEN[0]])


def _sum(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def open_counts(session: Any) -> list[SessionCounts]:
    """The counts of the open sessions of a session's database."""
    return [one.counts for one in list(session.database.sessions.values()) if one.home is session.home]
