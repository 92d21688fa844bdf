"""EXPLAIN: the operators of a plan as a tree; with ANALYZE it runs, and every operator tells its rows and its time.

Costs are not shown: the planner chooses by rules and row counts, and has no unit of cost to show.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from time import perf_counter
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.transaction import TableLockMode
from datacave_core.types import oids
from datacave_core.wait import Wait, wait_for
from datacave_sql.bind.statements import BoundQuery, CreateTableAs, DeclareCursor, ExecuteStatement, Explain
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Operator
from datacave_sql.plan.physical import plan_query
from datacave_sql.session.compiled import CompiledQuery, written_tables
from datacave_sql.session.replies import Complete, Reply, ResultColumn
from datacave_sql.session.utility.arguments import evaluate_arguments
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
        if self.format not in ("text", "json"):
            raise FeatureNotSupported(f"EXPLAIN (FORMAT {self.format.upper()}) is not supported yet")
        self.analyze = found.get("analyze", False)
        for name in ("timing", "wal"):
            if found.get(name) and not self.analyze:
                raise DatacaveError(
                    f"EXPLAIN option {name.upper()} requires ANALYZE", sqlstate=sqlstate.INVALID_PARAMETER_VALUE
                )
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
    operator, values = _operator(session, bound.target, parameters)
    if operator is None:
        shown: Any = "Utility statements have no plan structure"
        yield [(shown if options.format == "text" else json.dumps([shown]),)]
        yield Complete("EXPLAIN")
        return
    planned = perf_counter()
    finished = planned
    if options.analyze:
        query = bound.target if isinstance(bound.target, BoundQuery) else None
        if query is not None and not query.read_only:
            yield from _may_write(session, transaction, query)
        transaction.statement_snapshot()
        operator = _measured(operator, {})
        for step in operator.open(ExecutionContext(session, transaction, values)):
            if isinstance(step, Wait):
                yield step
        finished = perf_counter()
    times = ((planned - started) * 1000, (finished - planned) * 1000)
    if options.format == "json":
        yield [(_json(operator, options, times),)]
    else:
        lines = list(_lines(operator, options, 0))
        if options.summary:
            lines.append(f"Planning Time: {times[0]:.3f} ms")
        if options.summary and options.analyze:
            lines.append(f"Execution Time: {times[1]:.3f} ms")
        yield [(line,) for line in lines]
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


def _operator(session: Any, target: Any, parameters: Sequence[Any]) -> tuple[Operator | None, Sequence[Any]]:
    """The plan of what is explained, and the parameters to run it with."""
    environment = session.database.environment(session.catalog_state)
    if isinstance(target, BoundQuery):
        return plan_query(environment, target.plan), parameters
    if isinstance(target, ExecuteStatement):
        compiled = find_prepared(session, target.name).compiled
        if isinstance(compiled, CompiledQuery):
            return compiled.operator, evaluate_arguments(session, target, compiled.parameter_types, parameters)
    if isinstance(target, DeclareCursor):
        return plan_query(environment, target.query.plan), parameters
    if isinstance(target, CreateTableAs) and target.query is not None:
        return plan_query(environment, target.query.plan), parameters
    return None, ()


@dataclass(slots=True)
class Measured:
    """An operator that counts what passes through it."""

    inner: Operator
    columns: tuple[int, ...]
    not_null: frozenset[int]
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
    measured = Measured(changed, operator.columns, operator.not_null)
    done[id(operator)] = measured
    return measured


def _is_operator(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("open", "children", "label", "details"))


def _lines(operator: Any, options: Options, depth: int) -> Iterator[str]:
    """PostgreSQL's shape: children are indented below an arrow, details stand below their operator."""
    margin = "" if depth == 0 else "  " + "      " * (depth - 1) + "->  "
    yield margin + operator.label() + _actual(operator, options)
    inner = " " * (2 + 6 * depth)
    for detail in operator.details():
        yield inner + detail
    for child in operator.children():
        yield from _lines(child, options, depth + 1)


def _actual(operator: Any, options: Options) -> str:
    if not isinstance(operator, Measured):
        return ""
    if not operator.loops:
        return " (never executed)"
    loops = operator.loops
    time = ""
    if options.timing:
        time = f"time={operator.first_seconds * 1000 / loops:.3f}..{operator.seconds * 1000 / loops:.3f} "
    return f" (actual {time}rows={round(operator.rows / loops)} loops={loops})"


def _json(operator: Any, options: Options, times: tuple[float, float]) -> str:
    plan: dict[str, Any] = {"Plan": _node(operator, options)}
    if options.summary:
        plan["Planning Time"] = round(times[0], 3)
        if options.analyze:
            plan["Execution Time"] = round(times[1], 3)
    return json.dumps([plan], indent=2)


def _node(operator: Any, options: Options) -> dict[str, Any]:
    kind, _, target = operator.label().partition(" on ")
    node: dict[str, Any] = {"Node Type": kind}
    if target:
        name, _, alias = target.partition(" ")
        node["Relation Name"] = name
        node["Alias"] = alias or name
    for detail in operator.details():
        name, _, text = detail.partition(": ")
        node[name] = text
    if isinstance(operator, Measured):
        loops = max(operator.loops, 1)
        if options.timing:
            node["Actual Startup Time"] = round(operator.first_seconds * 1000 / loops, 3)
            node["Actual Total Time"] = round(operator.seconds * 1000 / loops, 3)
        node["Actual Rows"] = round(operator.rows / loops)
        node["Actual Loops"] = operator.loops
    children = [_node(child, options) for child in operator.children()]
    if children:
        node["Plans"] = children
    return node
