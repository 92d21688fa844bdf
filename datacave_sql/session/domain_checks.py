"""Domain checks at run time, for values that functions make (json_populate_record): compiled once per catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core.catalog import Catalog
from datacave_sql.bind.binder import binding
from datacave_sql.bind.domains import domain_value
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.rowfunction import Factory, compile_factory
from datacave_sql.expr import nodes as n
from datacave_sql.plan.physical import PLANNERS
from datacave_sql.plan.planning import Planner
from datacave_sql.plan.subqueries import plan_subquery


class DomainChecks:
    """The checks of one session."""

    __slots__ = ("_catalog", "_made", "_session")

    def __init__(self, session: Any) -> None:
        self._session = session
        self._catalog: Catalog | None = None
        self._made: dict[int, Factory] = {}

    def value(self, domain: int, value: Any) -> Any:
        """The value, if it satisfies the domain. Raises 23514, 23502."""
        session = self._session
        if self._catalog is not session.catalog_snapshot:
            self._catalog, self._made = session.catalog_snapshot, {}
        make = self._made.get(domain)
        if make is None:
            make = self._made[domain] = self._compile(domain)
        run: Callable[[], Any] = make(ExecutionContext(session, session.transaction, (value,)))
        return run()

    def _compile(self, domain: int) -> Factory:
        session = self._session
        state = session.catalog_state
        facts = state.types.type(domain)
        b = binding(session.binding_environment(state), "", (facts.base_oid,))
        expression = domain_value(b, n.Parameter(1, state.types.base(domain)), domain)
        generator = Planner(session.database.environment(state), PLANNERS, plan_subquery).generator({})
        return compile_factory(generator, "", [f"return {generator.value(expression).text}"])
