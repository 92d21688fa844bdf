"""TriggerCalls: which triggers of a table a session calls, and how: their conditions, their functions, their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from datacave_core.catalog import Catalog, Table, Trigger
from datacave_core.errors import FeatureNotSupported
from datacave_core.values import Row
from datacave_core.wait import Steps
from datacave_sql.bind import coercion
from datacave_sql.bind.binder import binding
from datacave_sql.bind.names import Scope
from datacave_sql.bind.rules import rule_sources
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.exec.built_in_triggers import BUILT_IN_TRIGGERS, call_built_in
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.rowfunction import Factory, compile_factory
from datacave_sql.exec.suspension import suspended
from datacave_sql.exec.triggers import AfterQueue, TriggerCall
from datacave_sql.expr.generate import Code
from datacave_sql.plan.physical import PLANNERS
from datacave_sql.plan.planning import Planner
from datacave_sql.plan.subqueries import plan_subquery


class TriggerCalls:
    """The triggers of one session. `queues` are those of the executions at hand, by the id of their context."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._catalog: Catalog | None = None
        self._conditions: dict[tuple[int, int], Factory] = {}
        self.queues: dict[int, AfterQueue] = {}
        self.current: TriggerCall | None = None
        """The call that runs now, innermost."""
        self.depth = 0

    # Executions

    def enter(self, context: ExecutionContext) -> tuple[AfterQueue, bool]:
        """The queue of an execution, and whether it has been made for this write."""
        known = self.queues.get(id(context))
        if known is not None:
            return known, False
        made = self.queues[id(context)] = AfterQueue(context)
        return made, True

    def leave(self, context: ExecutionContext) -> None:
        """Ends `enter`."""
        self.queues.pop(id(context), None)

    def queue_of(self, context: ExecutionContext) -> AfterQueue | None:
        """The queue of an execution, if it may call triggers."""
        return self.queues.get(id(context))

    def transition_tables(self) -> dict[str, TransitionTable]:
        """The transition tables of the trigger that runs, by name."""
        call = self.current
        if call is None or not (call.trigger.old_table or call.trigger.new_table):
            return {}
        names = ((call.trigger.old_table, "old"), (call.trigger.new_table, "new"))
        return {name: TransitionTable(call.table, name, which) for name, which in names if name}

    # Calls

    def _is_enabled(self, trigger: Trigger) -> bool:
        replica = self._session.settings.value("session_replication_role") == "replica"
        return trigger.enabled == "A" or trigger.enabled == ("R" if replica else "O")

    def applies(self, call: TriggerCall) -> bool:
        """Whether the trigger is switched on and its condition holds."""
        trigger = call.trigger
        if not self._is_enabled(trigger):
            return False
        if trigger.condition is None:
            return True
        session = self._session
        if self._catalog is not session.catalog_snapshot:
            self._catalog, self._conditions = session.catalog_snapshot, {}
        key = (trigger.oid, call.table.oid)
        make = self._conditions.get(key)
        if make is None:
            make = self._conditions[key] = self._condition(trigger, call.table)
        run: Callable[[Row | None, Row | None], bool] = make(ExecutionContext(session, session.transaction, ()))
        width = len(call.table.columns)
        return bool(run(call.old or (None,) * width, call.new or (None,) * width))

    def _condition(self, trigger: Trigger, table: Table) -> Factory:
        session = self._session
        state = session.catalog_state
        b = binding(session.binding_environment(state), trigger.condition or "")
        sources = rule_sources(b, table)
        scope = Scope(None, sources, [], "trigger WHEN conditions")
        condition = coercion.to_boolean(b, b.expression(expression_tree(trigger.condition or ""), scope), "WHEN")
        codes: dict[int, Code] = {}
        for source, variable in zip(sources, ("o", "w"), strict=True):
            for column in source.columns:
                reference: Any = column.expression
                codes[reference.column] = Code(f"{variable}[{column.attribute - 1}]", True, True)
        environment = session.database.environment(state)
        generator = Planner(environment, PLANNERS, plan_subquery).generator(codes, "o", "w")
        return compile_factory(generator, "o, w", [f"return {generator.truth(condition)}"])

    def before(self, call: TriggerCall) -> Steps[Row | None]:
        """Calls a BEFORE or INSTEAD OF trigger: the row that it gives, None to leave the row alone."""
        if not self.applies(call):
            return call.new if call.new is not None else call.old
        return (yield from suspended(lambda: self._call(call)))

    def after(self, call: TriggerCall) -> Steps[None]:
        """Calls an AFTER trigger, at the commit if it is a deferred constraint."""
        trigger = call.trigger
        modes: dict[int, bool] = self._session.evaluation.constraint_modes
        if trigger.constraint and trigger.deferrable and modes.get(trigger.oid, modes.get(0, trigger.deferred)):
            self._session.transaction.before_commit.append(DeferredTrigger(self, call))
            return
        yield from suspended(lambda: self._call(call))

    def _call(self, call: TriggerCall) -> Row | None:
        session = self._session
        trigger, table = call.trigger, call.table
        if trigger.function_oid in BUILT_IN_TRIGGERS:
            return call_built_in(session.evaluation, call)
        routine = session.catalog_snapshot.routines.get(trigger.function_oid)
        if routine is None or routine.language != "plpgsql":
            raise FeatureNotSupported("this trigger function cannot be called", hint="Write it in LANGUAGE plpgsql.")
        places = [column.number - 1 for column in table.live_columns]
        whole = len(places) == len(table.columns)
        old = call.old if whole or call.old is None else tuple(call.old[at] for at in places)
        new = call.new if whole or call.new is None else tuple(call.new[at] for at in places)
        outside, self.current = self.current, call
        self.depth += 1
        try:
            given = session.evaluation.routines.trigger(routine, call, old, new)
        finally:
            self.current = outside
            self.depth -= 1
        if given is None or not trigger.for_each_row or trigger.timing == "a":
            return None
        if whole:
            return tuple(given)
        row: list[Any] = [None] * len(table.columns)
        for at, value in zip(places, given, strict=True):
            row[at] = value
        return tuple(row)


class TransitionTable:
    """The rows that a statement has changed, as a relation: `which` are the old or the new ones."""

    __slots__ = ("_places", "_which", "columns", "name", "oid")

    def __init__(self, table: Table, name: str, which: str) -> None:
        self.oid = table.oid
        self.name = name
        self.columns = [(column.name, column.type_oid) for column in table.live_columns]
        self._places = [column.number - 1 for column in table.live_columns]
        self._which = which

    def rows(self, context: Any) -> Iterable[Row]:
        """The rows of the trigger that runs now."""
        call: TriggerCall | None = context.session.evaluation.triggers.current
        if call is None or call.transition is None:
            return ()
        kept = call.transition.old if self._which == "old" else call.transition.new
        return [tuple([row[place] for place in self._places]) for row in kept.get(call.event, ())]


class DeferredTrigger:
    """A constraint trigger that waits for the commit (Transaction.before_commit) or for SET CONSTRAINTS IMMEDIATE."""

    __slots__ = ("_call", "_calls", "constraint_oid", "table_oid")

    def __init__(self, calls: TriggerCalls, call: TriggerCall) -> None:
        self._calls = calls
        self._call = call
        self.constraint_oid = call.trigger.oid
        self.table_oid = call.table.oid

    def __call__(self) -> Steps[None]:
        yield from suspended(lambda: self._calls._call(self._call))
