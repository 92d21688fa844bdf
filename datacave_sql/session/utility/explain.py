"""EXPLAIN: the operators of a plan as a tree with their costs; with ANALYZE it runs and tells rows and times.

Not here: how the tree is written (plan_text.py), where costs come from (plan/costs.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from time import perf_counter
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.transaction import TableLockMode
from datacave_core.types import oids
from datacave_core.wait import Wait, wait_for
from datacave_sql.bind.statements import BoundQuery, CreateTableAs, DeclareCursor, ExecuteStatement, Explain
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Operator
from datacave_sql.plan.costs import Costs
from datacave_sql.plan.physical import plan_query
from datacave_sql.session.compiled import CompiledQuery, written_tables
from datacave_sql.session.replies import Complete, Reply, ResultColumn
from datacave_sql.session.utility.arguments import evaluate_arguments
from datacave_sql.session.utility.plan_text import Report, fact_lines, written
from datacave_sql.session.utility.prepared import find_prepared
from datacave_sql.vectors.vector import Frame

Steps = Iterator[Reply | Wait]

_FLAGS = ("analyze", "verbose", "costs", "settings", "buffers", "wal", "timing", "summary")
_FORMATS = ("text", "json", "xml", "yaml")


class Options:
    """The checked options of an EXPLAIN. Raises 42601, 22023, 0A000."""

    def __init__(self, bound: Explain) -> None:
        found: dict[str, bool] = {}
        self.format = "text"
        for option in bound.options:
            name = option.name
            value = None if option.value is None else str(option.value).lower()
            if name == "format":
                if value not in _FORMATS:
                    raise DatacaveError(
                        f'unrecognized value for EXPLAIN option "format": "{value}"',
                        sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
                        position=option.position,
                    )
                self.format = value
            elif name in _FLAGS:
                if value not in (None, "true", "false", "on", "off", "1", "0"):
                    raise DatacaveError(f"{name} requires a Boolean value", sqlstate=sqlstate.SYNTAX_ERROR)
                found[name] = value in (None, "true", "on", "1")
            else:
                raise DatacaveError(
                    f'unrecognized EXPLAIN option "{name}"', sqlstate=sqlstate.SYNTAX_ERROR, position=option.position
                )
        self.analyze = found.get("analyze", False)
        for name in ("timing", "wal"):
            if found.get(name) and not self.analyze:
                raise DatacaveError(
                    f"EXPLAIN option {name.upper()} requires ANALYZE", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
                )
        self.costs = found.get("costs", True)
        self.buffers = found.get("buffers", False)
        self.settings = found.get("settings", False)
        self.verbose = found.get("verbose", False)
        self.timing = found.get("timing", self.analyze)
        self.summary = found.get("summary", self.analyze)


def explain_columns(bound: Explain) -> tuple[ResultColumn, ...]:
    """What EXPLAIN returns."""
    return (ResultColumn("QUERY PLAN", oids.JSON if Options(bound).format == "json" else oids.TEXT, -1),)


def explain(session: Any, bound: Explain, parameters: Sequence[Any]) -> Steps:
    """EXPLAIN [ANALYZE]."""
    options = Options(bound)
    transaction = session.begin_statement()
    started = perf_counter()
    costs = Costs()
    operator, values = _operator(session, bound.target, parameters, costs)
    if operator is None:
        shown: Any = "Utility statements have no plan structure"
        yield [(shown if options.format == "text" else written(shown, options.format),)]
        yield Complete("EXPLAIN")
        return
    planned = perf_counter()
    finished = planned
    before = storage_counts(session)
    context = ExecutionContext(session, transaction, values)
    findings = context.findings = {}
    if options.analyze:
        query = bound.target if isinstance(bound.target, BoundQuery) else None
        if query is not None and not query.read_only:
            yield from _may_write(session, transaction, query)
        yield from transaction.safe_snapshot()
        transaction.statement_snapshot()
        operator = _measured(operator, {})
        for step in operator.open(context):
            if isinstance(step, Wait):
                yield step
        finished = perf_counter()
    times = ((planned - started) * 1000, (finished - planned) * 1000)
    report = Report(options.costs, options.timing, costs, findings)
    facts: dict[str, Any] = {}
    if options.settings and (changed := changed_settings(session)):
        facts["Settings"] = changed
    if options.buffers and options.analyze:
        facts["Storage"] = {name: count - before.get(name, 0) for name, count in storage_counts(session).items()}
    if options.summary:
        facts["Planning Time"] = round(times[0], 3)
        if options.analyze:
            facts["Execution Time"] = round(times[1], 3)
    if options.format == "text":
        yield [(line,) for line in (*report.lines(operator), *fact_lines(facts))]
    else:
        yield [(written({"Plan": report.node(operator), **facts}, options.format),)]
    yield Complete("EXPLAIN")


def _may_write(session: Any, transaction: Any, query: BoundQuery) -> Iterator[Wait]:
    if transaction.read_only:
        raise DatacaveError(
            f"cannot execute {query.kind.upper()} in a read-only transaction",
            sqlstate=sqlstate.READ_ONLY_SQL_TRANSACTION,
        )
    for oid in written_tables(query.plan):
        wait = transaction.lock_table(oid, TableLockMode.ROW_EXCLUSIVE)
        if wait is not None:
            yield from wait_for(wait)


def _operator(
    session: Any, target: Any, parameters: Sequence[Any], costs: Costs
) -> tuple[Operator | None, Sequence[Any]]:
    """The plan of what is explained, and the parameters to run it with."""
    environment = session.database.environment(session.catalog_state)
    if isinstance(target, BoundQuery):
        return plan_query(environment, target.plan, costs), parameters
    if isinstance(target, ExecuteStatement):
        prepared = find_prepared(session, target.name)
        compiled = prepared.compiled
        if isinstance(compiled, CompiledQuery):
            prepared.count_plan(session.settings.get("plan_cache_mode"))
            return plan_query(environment, compiled.plan, costs), evaluate_arguments(
                session, target, compiled.parameter_types, parameters
            )
    if isinstance(target, DeclareCursor):
        return plan_query(environment, target.query.plan, costs), parameters
    if isinstance(target, CreateTableAs) and target.query is not None:
        return plan_query(environment, target.query.plan, costs), parameters
    return None, ()


@dataclass(slots=True)
class Measured:
    """An operator that counts what passes through it."""

    inner: Operator
    columns: tuple[int, ...]
    not_null: frozenset[int]
    original: Operator
    rows: int = 0
    loops: int = 0
    first_seconds: float = 0.0
    seconds: float = 0.0

    def open(self, context: ExecutionContext) -> Iterator[Any]:
        """Runs the operator, with a watch on it."""
        return self._watched(self.inner.open(context))

    def open_frames(self, context: ExecutionContext) -> Iterator[Any]:
        """The same for an operator that is read column by column."""
        inner: Any = self.inner
        return self._watched(inner.open_frames(context))

    def found(self, attribute: int, values: Sequence[Any], context: ExecutionContext) -> Iterator[Any]:
        """The same for rows of a virtual relation that are found by values of a column."""
        inner: Any = self.inner
        return self._watched(inner.found(attribute, values, context))

    def _watched(self, batches: Iterator[Any]) -> Iterator[Any]:
        self.loops += 1
        steps = iter(batches)
        spent = 0.0
        seen = False
        while True:
            started = perf_counter()
            step = next(steps, None)
            spent += perf_counter() - started
            if not seen and not isinstance(step, Wait):
                seen = True
                self.first_seconds += spent
            if step is None:
                break
            if not isinstance(step, Wait):
                self.rows += step.count if isinstance(step, Frame) else len(step)
            yield step
        self.seconds += spent

    def children(self) -> Sequence[Operator]:
        return self.inner.children()

    def label(self) -> str:
        return self.inner.label()

    def details(self) -> Sequence[str]:
        return self.inner.details()


def _measured(operator: Any, done: dict[int, Any]) -> Any:
    """The same plan with every operator measured; an operator that is used twice stays one."""
    found = done.get(id(operator))
    if found is not None:
        return found
    changed = operator
    if is_dataclass(operator) and not isinstance(operator, type):
        replaced = {}
        for one in fields(operator):
            value = getattr(operator, one.name)
            if one.init and _is_operator(value):
                replaced[one.name] = _measured(value, done)
            elif one.init and isinstance(value, tuple) and value and all(_is_operator(item) for item in value):
                replaced[one.name] = tuple(_measured(item, done) for item in value)
        if replaced:
            changed = replace(operator, **replaced)
    measured = Measured(changed, operator.columns, operator.not_null, operator)
    done[id(operator)] = measured
    return measured


def _is_operator(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("open", "children", "label", "details"))


def changed_settings(session: Any) -> dict[str, str]:
    """The parameters of the planner that do not have their built-in values."""
    found = {}
    for row in session.evaluation.catalog.settings():
        name, value, category, built_in = row[0], row[1], row[3], row[12]
        if value != built_in and str(category).startswith(("Query Tuning", "Resource Usage / Memory")):
            found[name] = value
    return dict(sorted(found.items()))


_COUNTS = (
    "row_cache_hits", "row_cache_misses", "filters_asked", "filters_passed", "segment_cache_hits",
    "segment_cache_misses",
)  # fmt: skip


def storage_counts(session: Any) -> dict[str, int]:
    """What the store has counted of reads so far, of all sessions; nothing where a store does not count."""
    counted = getattr(session.database.store, "statistics", None)
    known = counted() if counted is not None else {}
    return {name: known[name] for name in _COUNTS if name in known}
