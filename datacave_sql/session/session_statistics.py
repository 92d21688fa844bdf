"""SessionStatistics: the counts of a session's database as functions and the pg_stat views ask for them."""

from __future__ import annotations

from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.exec.relation_counts import COUNTED
from datacave_sql.session.activity_counts import DatabaseActivity, Upkeep, open_counts

_NOTHING: Final = (0,) * len(COUNTED)
_NEVER: Final = Upkeep()


class SessionStatistics:
    """What one session may know."""

    __slots__ = ("_session",)

    def __init__(self, session: Any) -> None:
        self._session = session

    @property
    def _activity(self) -> DatabaseActivity:
        activity: DatabaseActivity = self._session.home.activity
        return activity

    def totals(self) -> dict[int, tuple[int, ...]]:
        """The counts of every relation by oid."""
        return self._activity.totals(open_counts(self._session))

    def counts(self, oid: int, in_transaction: bool = False) -> tuple[int, ...]:
        """The counts of one relation; or only what the running transaction has done."""
        if not in_transaction:
            return self._activity.total(oid, open_counts(self._session))
        found = self._session.counts.relations.get(oid)
        transaction = self._session.transaction
        if found is None or transaction is None:
            return _NOTHING
        values: tuple[int, ...] = found.of_transaction(transaction.number)
        return values

    def upkeep(self, oid: int, kind: str) -> tuple[int | None, int, int, int]:
        """(timestamp, count, rows written since, rows inserted since) of `kind` analyze or vacuum."""
        return self.upkeep_after(self.counts(oid), oid, kind)

    def upkeep_after(self, values: tuple[int, ...], oid: int, kind: str) -> tuple[int | None, int, int, int]:
        """The same for a relation whose counts are known."""
        activity = self._activity
        done = (activity.analyzed if kind == "analyze" else activity.vacuumed).get(oid, _NEVER)
        inserted, updated, _, deleted = values[3:]
        written = inserted + updated + deleted
        return done.at or None, done.count, max(0, written - done.written), max(0, inserted - done.inserted)

    def live_rows(self, oid: int) -> int:
        """How many rows a table has, about."""
        table = self._session.catalog_snapshot.tables.get(oid)
        if table is None or not table.storage_id:
            return 0
        return int(self._session.database.sizes.row_count(table))

    def note_analyze(self, oid: int) -> None:
        """Notes that a table has been analyzed."""
        self._note(self._activity.analyzed, oid)

    def note_vacuum(self, oid: int) -> None:
        """Notes that a table has been vacuumed."""
        self._note(self._activity.vacuumed, oid)

    def _note(self, kept: dict[int, Upkeep], oid: int) -> None:
        now = self._session.evaluation.clock_timestamp()
        self._activity.note_upkeep(kept, oid, now, open_counts(self._session))

    def check_may_reset(self, function: str) -> None:
        """Raises 42501 for all but superusers."""
        if not self._session.evaluation.current_role.superuser:
            raise DatacaveError(f"permission denied for function {function}", sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE)

    def reset(self) -> None:
        """Begins all counts of the database anew. Raises 42501."""
        self.check_may_reset("pg_stat_reset")
        self._activity.reset(open_counts(self._session), self._session.evaluation.clock_timestamp())

    def reset_one(self, oid: int) -> None:
        """Begins the counts of one relation anew. Raises 42501."""
        self.check_may_reset("pg_stat_reset_single_table_counters")
        self._activity.reset_one(oid, open_counts(self._session))
