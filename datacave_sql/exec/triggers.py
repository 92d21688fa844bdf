"""Triggers at work: rows on their way into a table and out of it, and what is left for the end of the statement.

BEFORE ROW triggers are called for each row before it is checked and written; AFTER triggers when the outermost write
of the statement is done, rows first, in the order in which they were written. The queue belongs to one execution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Table, Trigger
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.values import Row
from datacave_core.wait import Steps
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.table.access import TableAccess
from datacave_sql.table.triggers import TableTriggers

Regenerate = Callable[[Row], Row] | None
"""Computes the generated columns of a row."""


@dataclass(slots=True)
class Transition:
    """The rows that a statement has changed in one table and in those below it, for transition tables."""

    table: Table
    old: dict[str, list[Row]] = field(default_factory=dict)
    new: dict[str, list[Row]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TriggerCall:
    """One call of a trigger. `event` is i, d, u or t; `old` and `new` are rows of the table."""

    trigger: Trigger
    table: Table
    event: str
    old: Row | None = None
    new: Row | None = None
    transition: Transition | None = None


class AfterQueue:
    """The AFTER triggers that one execution has to call."""

    __slots__ = ("calls", "context", "transition")

    def __init__(self, context: ExecutionContext) -> None:
        self.context = context
        self.calls: list[TriggerCall] = []
        self.transition: Transition | None = None
        """Where the write that runs now notes its rows."""

    def fire(self) -> Steps[None]:
        """Calls them; those of deferred constraints wait for the commit."""
        fire = self.context.session.evaluation.triggers
        done = 0
        while done < len(self.calls):
            call = self.calls[done]
            done += 1
            yield from fire.after(call)
        self.calls.clear()


class RowTriggers:
    """The row triggers of one table in one execution."""

    __slots__ = ("_access", "_calls", "_places", "_queue", "_rows", "_transition", "assigned")

    def __init__(self, context: ExecutionContext, access: TableAccess) -> None:
        self._access = access
        self.assigned: frozenset[int] | None = None
        """The columns that the UPDATE names; None: any."""
        self._calls = context.session.evaluation.triggers
        self._queue: AfterQueue | None = self._calls.queue_of(context)
        self._rows = access.triggers.rows if access.triggers is not None else {}
        self._transition = self._queue.transition if self._queue is not None else None
        self._places: list[int] | None = None
        if self._transition is not None and self._transition.table.oid != access.table.oid:
            self._places = _places(self._transition.table, access.table)

    @property
    def of_view(self) -> bool:
        """Whether triggers do the writing."""
        return self._access.table.kind == "v"

    def _chosen(self, key: str) -> Sequence[Trigger]:
        triggers = self._rows.get(key, ())
        assigned = self.assigned
        if key[1] != "u" or assigned is None:
            return triggers
        return [one for one in triggers if not one.update_columns or assigned & set(one.update_columns)]

    def before(self, event: str, old: Row | None, new: Row | None) -> Steps[Row | None]:
        """The row as BEFORE triggers leave it; None: nothing is to be done to it."""
        row = new if new is not None else old
        for trigger in self._chosen("b" + event):
            call = TriggerCall(trigger, self._access.table, event, old, new)
            row = yield from self._calls.before(call)
            if row is None:
                return None
            if new is not None:
                new = row
        return row

    def before_insert(self, row: Row, regenerate: Regenerate) -> Steps[Row | None]:
        """The row that is to be inserted, with its generated columns computed anew."""
        given = yield from self.before("i", None, row)
        return regenerate(given) if regenerate is not None and given is not None and given is not row else given

    def before_write(
        self,
        writer: Any,
        key: bytes,
        mode: int,
        old: Row,
        new: Row | None,
        regenerate: Regenerate = None,
        what: str = "",
    ) -> Steps[Row | None]:
        """What becomes of a locked row that is to be updated, or deleted; None: nothing. Raises 27000."""
        event = "u" if new is not None else "d"
        if "b" + event not in self._rows:
            return new if new is not None else old
        given = yield from self.before(event, old, new)
        if given is None:
            return None
        if (yield from writer.lock_row(key, mode)) != old:
            raise changed_meanwhile(what or ("updated" if new is not None else "deleted"))
        return regenerate(given) if regenerate is not None and given is not new and new is not None else given

    def instead(self, event: str, old: Row | None, new: Row | None) -> Steps[Row | None]:
        """What INSTEAD OF triggers of a view make of a row; None: nothing."""
        row = new if new is not None else old
        for trigger in self._chosen("i" + event):
            row = yield from self._calls.before(TriggerCall(trigger, self._access.table, event, old, new))
            if row is None:
                return None
            if new is not None:
                new = row
        return row

    def after(self, event: str, old: Row | None, new: Row | None) -> None:
        """Notes a row that has been written."""
        transition = self._transition
        if transition is not None:
            if old is not None:
                transition.old.setdefault(event, []).append(self._seen(old))
            if new is not None:
                transition.new.setdefault(event, []).append(self._seen(new))
        queue = self._queue
        if queue is None:
            return
        for trigger in self._chosen("a" + event):
            call = TriggerCall(trigger, self._access.table, event, old, new, transition)
            if self._calls.applies(call):
                queue.calls.append(call)

    def _seen(self, row: Row) -> Row:
        return row if self._places is None else tuple(None if at < 0 else row[at] for at in self._places)


def row_triggers(context: ExecutionContext, access: TableAccess) -> RowTriggers | None:
    """The triggers of a table's writer; None where no row of it calls or shows to any."""
    if access.triggers is None and not context.session.evaluation.triggers.queues:
        return None
    return RowTriggers(context, access)


def _places(named: Table, table: Table) -> list[int]:
    """Where a row of a table has the columns of the table that is named."""
    columns = table.columns_by_name
    return [columns[one.name].number - 1 if not one.dropped and one.name in columns else -1 for one in named.columns]


def before_statement(context: ExecutionContext, triggers: TableTriggers, event: str, assigned: Any) -> Steps[None]:
    """Calls BEFORE STATEMENT triggers."""
    calls = context.session.evaluation.triggers
    for trigger in _statement(triggers, "b" + event, assigned):
        yield from calls.before(TriggerCall(trigger, triggers.table, event))


def note_statement(
    queue: AfterQueue, triggers: TableTriggers, event: str, assigned: Any, transition: Transition | None
) -> None:
    """Notes AFTER STATEMENT triggers, to be called after those of the rows."""
    calls = queue.context.session.evaluation.triggers
    for trigger in _statement(triggers, "a" + event, assigned):
        call = TriggerCall(trigger, triggers.table, event, transition=transition)
        if calls.applies(call):
            queue.calls.append(call)


def _statement(triggers: TableTriggers, key: str, assigned: frozenset[int] | None) -> list[Trigger]:
    return [
        one
        for one in triggers.statements.get(key, ())
        if assigned is None or key[1] != "u" or not one.update_columns or assigned & set(one.update_columns)
    ]


def changed_meanwhile(what: str) -> DatacaveError:
    """The error of a BEFORE trigger that has changed the very row it was called for."""
    return DatacaveError(
        f"tuple to be {what} was already modified by an operation triggered by the current command",
        sqlstate=sqlstate.TRIGGERED_DATA_CHANGE_VIOLATION,
        hint="Consider using an AFTER trigger instead of a BEFORE trigger to propagate changes to other rows.",
    )


def moved_by_trigger() -> DatacaveError:
    """The error of a BEFORE trigger whose row belongs into another partition than the one that was chosen."""
    return FeatureNotSupported("moving row to another partition during a BEFORE FOR EACH ROW trigger is not supported")
