"""Subqueries inside expressions: compiled once, run when generated code first needs them.

A subquery that takes nothing from outside runs once per execution and its result is kept; one that does is run for
each combination of outer values, and remembers the results of recent ones unless it holds a volatile function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import Factory, compile_factory
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.expr.runtime import build_array, nest_arrays
from datacave_sql.plan.access_path import same_family
from datacave_sql.plan.planning import Planner, comparable, holds_volatile, scope_of

MEMO_ENTRIES_MAX = 10_000


@dataclass(slots=True)
class Subquery:
    """One compiled subquery. `make_test(c)(arguments, rows)` gives ANY's and ALL's three-valued answer."""

    number: int
    kind: str
    plan: Operator
    outer: tuple[int, ...]
    make_test: Factory | None
    volatile: bool

    def runner(self, c: ExecutionContext) -> Callable[..., Any]:
        """The function that generated code calls with the outer values, then the arguments of ANY and ALL."""
        outer = self.outer
        count = len(outer)
        test = self.make_test(c) if self.make_test is not None else None
        memo: dict[Any, Any] = c.subquery_results.setdefault(self.number, {})

        def run(*values: Any) -> Any:
            key = values[:count]
            try:
                found = memo.get(key, memo)
            except TypeError:
                found = memo
            if found is memo:
                found = self._evaluate(c, key)
                if not self.volatile and len(memo) < MEMO_ENTRIES_MAX:
                    memo[key] = found
            return found if test is None else test(values[count:], found)

        return run

    def _evaluate(self, c: ExecutionContext, outer_values: tuple[Any, ...]) -> Any:
        saved = {column: c.outer.get(column) for column in self.outer}
        c.outer.update(zip(self.outer, outer_values, strict=True))
        inner = c.subquery_results
        if self.outer:
            # Subqueries inside depend on these outer values: their results are not kept beyond this run.
            c.subquery_results = {}
        try:
            limit = {"exists": 1, "scalar": 2, "row": 2}.get(self.kind)
            rows = c.collect_inline(self.plan.open(c), limit)
        finally:
            c.outer.update(saved)
            c.subquery_results = inner
        if self.kind == "exists":
            return bool(rows)
        if self.kind in ("scalar", "row") and len(rows) > 1:
            raise DatacaveError(
                "more than one row returned by a subquery used as an expression",
                sqlstate=sqlstate.CARDINALITY_VIOLATION,
            )
        if self.kind == "scalar":
            return rows[0][0] if rows else None
        if self.kind == "array":
            return build_array([row[0] for row in rows])
        if self.kind == "nested array":
            return nest_arrays([row[0] for row in rows])
        return _Rows(rows)


class _Rows:
    """The rows of an ANY or ALL subquery, with a set for hashed membership built on first use."""

    __slots__ = ("has_null", "hashed", "rows")

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows
        self.hashed: set[Any] | None = None
        self.has_null = False


def plan_subquery(p: Planner, generator: Generator, e: n.SubqueryExpression) -> Code:
    """Code that runs a subquery; see Subquery."""
    plan: Any = e.plan
    before, p.repeated = p.repeated, p.repeated or bool(e.outer)
    try:
        operator = p.root(plan) if e.kind != "exists" else p.plan(plan, frozenset())
    finally:
        p.repeated = before
    number = p.subquery_count
    p.subquery_count += 1
    make_test = None
    if e.kind in ("any", "all", "row"):
        make_test = _test(p, e, operator)
    nested = e.kind == "array" and e.type == plan.columns[0].type
    # Whether one that takes something from outside may answer differently each time it is run.
    volatile = bool(e.outer) and holds_volatile(e.plan)
    subquery = Subquery(number, "nested array" if nested else e.kind, operator, e.outer, make_test, volatile)
    name = generator.name("q", subquery)
    runner = generator.bind_line(f"s{number}", f"s{number} = {name}.runner(c)")
    values = [_outer_code(generator, column) for column in e.outer]
    values += [generator.value(argument).text for argument in e.arguments]
    return Code(f"{runner}({', '.join(values)})", e.kind != "exists")


def _outer_code(generator: Generator, column: int) -> str:
    code = generator.scope.get(column)
    if code is not None:
        return code.text
    name = f"o{column}"
    return generator.bind_line(name, f"{name} = c.outer[{column}]")


def _test(p: Planner, e: n.SubqueryExpression, operator: Operator) -> Factory:
    """`run(arguments, rows)`: does the test hold for some (ANY) or every (ALL) row?"""
    assert e.test is not None
    plan: Any = e.plan
    scope = scope_of([column.id for column in plan.columns], operator.not_null, "r")
    arguments = {-(i + 1): Code(f"a[{i}]", True, True) for i in range(len(e.arguments))}
    generator = p.generator({**scope, **arguments}, "a", "r")
    test = n.transform(e.test, lambda node: _as_argument(e, node))
    any_row = e.kind == "any"
    if any_row and _is_plain_equality(e, test):
        key = comparable(generator, n.ColumnReference(plan.columns[0].id, plan.columns[0].type))
        value = comparable(generator, n.ColumnReference(-1, e.arguments[0].type))
        return compile_factory(
            generator,
            "a, found",
            [
                "hashed = found.hashed",
                "if hashed is None:",
                f"    hashed = found.hashed = {{{key} for r in found.rows}}",
                "    if None in hashed:",
                "        hashed.discard(None)",
                "        found.has_null = True",
                "if not found.rows: return False",
                f"v = {value}",
                "if v is None: return None",
                "return True if v in hashed else (None if found.has_null else False)",
            ],
        )
    code = generator.value(test)
    if e.kind == "row":
        lines = ["if not found.rows: return None", "r = found.rows[0]", f"return {code.text}"]
        return compile_factory(generator, "a, found", lines)
    return compile_factory(
        generator,
        "a, found",
        [
            "unknown = False",
            "for r in found.rows:",
            f"    t = {code.text}",
            f"    if t is {any_row}: return {any_row}",
            "    if t is None: unknown = True",
            f"return None if unknown else {not any_row}",
        ],
    )


def _as_argument(e: n.SubqueryExpression, node: Any) -> Any:
    for position, argument in enumerate(e.arguments):
        if node is argument or node == argument:
            return n.ColumnReference(-(position + 1), argument.type, argument.typmod)
    return node


def _is_plain_equality(e: n.SubqueryExpression, test: n.Expression) -> bool:
    return (
        isinstance(test, n.FunctionCall)
        and test.operator == "="
        and len(e.arguments) == 1
        and all(isinstance(a, n.ColumnReference) for a in test.arguments)
        and same_family(test.arguments[0].type, test.arguments[1].type)
    )
