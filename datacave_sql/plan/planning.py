"""Planning: what the planners of all kinds of nodes share.

The Planner walks the logical plan, tells every node which columns its parents need, and hands each kind of node
to the module that knows it. Filters travel down with `conjuncts` until something can use them: a scan for its key
ranges, a join for its keys. Everything generated is compiled here, once per plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from datacave_core.catalog import Table
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.pipeline import Pipeline
from datacave_sql.exec.rowfunction import Factory, compile_factory, tuple_text
from datacave_sql.expr import nodes as n
from datacave_sql.expr.deparse import Deparser
from datacave_sql.expr.generate import Code, Generator, Scope
from datacave_sql.functions.typelookup import TypeLookup
from datacave_sql.plan import logical as l
from datacave_sql.plan.column_plans import column_filter, column_operator, column_projection, narrowed
from datacave_sql.table.access import TableAccess
from datacave_sql.table.column_statistics import ColumnStatistics

_PASSING = frozenset({l.Scan, l.Filter, l.Project})
_GROUPING = frozenset({l.Aggregate, l.Distinct})
"""Nodes that ask for an order themselves, of what is asked of them."""
_ORDERLESS = frozenset({l.Aggregate, l.Join, l.Sort})

FRESH_COLUMNS = 1_000_000_000
"""Ids of columns that the planner makes begin above this; the binder's count from 1."""


class Statistics(Protocol):
    """What the planner asks about the sizes of tables."""

    def row_count(self, table: Table) -> float:
        """An estimate of the number of live rows."""

    def column(self, table: Table, number: int) -> ColumnStatistics | None:
        """What is known of a column's values."""


class PlanningEnvironment:
    """What plans are made for: types, sizes, the access code of tables, and whether definitions are past."""

    def __init__(
        self, types: TypeLookup, statistics: Statistics, access: TableAccessLookup, *, past: bool = False
    ) -> None:
        self.types = types
        self.statistics = statistics
        self.access = access
        self.past = past


class TableAccessLookup(Protocol):
    """Finds the compiled access of a table."""

    def __call__(self, table: Table) -> TableAccess: ...


def split_conjuncts(predicate: n.Expression | None) -> list[n.Expression]:
    """The parts of a condition that all have to hold."""
    if predicate is None:
        return []
    if isinstance(predicate, n.And):
        return [part for argument in predicate.arguments for part in split_conjuncts(argument)]
    if isinstance(predicate, n.Constant) and predicate.value is True:
        return []
    if isinstance(predicate, n.Or):
        return factored(predicate)
    return [predicate]


def factored(disjunction: n.Or) -> list[n.Expression]:
    """A disjunction as conditions that all have to hold: what every arm asks for stands by itself."""
    arms = [split_conjuncts(arm) for arm in disjunction.arguments]
    common = [part for part in arms[0] if not is_volatile(part) and all(part in arm for arm in arms[1:])]
    if not common:
        return [disjunction]
    rests = [conjunction([part for part in arm if part not in common]) for arm in arms]
    if any(rest is None for rest in rests):
        return common
    return [*common, n.Or(tuple(rest for rest in rests if rest is not None))]


def conjunction(parts: Sequence[n.Expression]) -> n.Expression | None:
    """The opposite of split_conjuncts."""
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else n.And(tuple(parts))


def is_volatile(expression: n.Expression) -> bool:
    """Whether evaluating it more or less often could show."""
    for node in n.walk(expression):
        if isinstance(node, n.FunctionCall) and (node.function.volatility == "v" or node.function.is_row_source):
            return True
        if isinstance(node, n.SubqueryExpression) and not is_initial(node):
            return True
    return False


def is_initial(subquery: n.SubqueryExpression) -> bool:
    """Whether a subquery gives one value that is the same for the whole execution, so that it counts as a constant."""
    if subquery.kind != "scalar" or subquery.outer or subquery.arguments:
        return False
    return not holds_volatile(subquery.plan)


def holds_volatile(node: Any) -> bool:
    """Whether anything in a plan or an expression, subqueries included, may differ from one evaluation to the next."""
    if isinstance(node, l.LockRows) or (isinstance(node, n.FunctionCall) and node.function.volatility == "v"):
        return True
    if isinstance(node, n.SubqueryExpression):
        return holds_volatile(node.plan) or any(map(holds_volatile, node.arguments))
    if isinstance(node, n.EXPRESSION_NODES):
        return any(map(holds_volatile, n.children(node)))
    if isinstance(node, l.PLAN_NODES):
        return any(holds_volatile(getattr(node, name)) for name in node.__slots__)
    return isinstance(node, tuple) and any(map(holds_volatile, node))


def correlated_scalars(expression: n.Expression) -> list[n.SubqueryExpression]:
    """The scalar subqueries in an expression that are evaluated for each of its rows and depend on them."""
    if isinstance(expression, n.SubqueryExpression):
        return [expression] if expression.kind == "scalar" and expression.outer else []
    if not isinstance(expression, _ALWAYS_EVALUATED):
        return []
    return [found for part in n.children(expression) for found in correlated_scalars(part)]


def is_over_aggregate(subquery: n.SubqueryExpression) -> bool:
    """Whether a subquery computes its only column from aggregates, so that a join may stand for it."""
    plan: Any = subquery.plan
    return isinstance(plan, l.Project) and isinstance(plan.child, l.Aggregate) and len(plan.columns) == 1


_ALWAYS_EVALUATED = (n.FunctionCall, n.Relabel, n.TextCast, n.LengthCast, n.Not, n.IsNull)
"""Expressions that evaluate all of their parts; a subquery below others may never be asked."""


def scope_of(columns: Sequence[int], not_null: Iterable[int], variable: str) -> dict[int, Code]:
    """How generated code reads the columns of rows held in `variable`."""
    known = frozenset(not_null)
    return {column: Code(f"{variable}[{slot}]", column not in known, True) for slot, column in enumerate(columns)}


def row_builder(
    generator: Generator, outputs: Sequence[Code], filters: Sequence[n.Expression], pattern: str, identity: str | None
) -> Factory:
    """`run(rows)`: the comprehension over `rows` with the filters; `identity` is the row variable when it is kept."""
    conditions = [generator.truth(part) for part in filters]
    item = identity if identity is not None else tuple_text([code.text for code in outputs])
    test = f" if {' and '.join(conditions)}" if conditions else ""
    if not conditions and identity is not None and identity == pattern:
        return compile_factory(generator, "rows", ["return rows"])
    return compile_factory(generator, "rows", [f"return [{item} for {pattern} in rows{test}]"])


def value_function(generator: Generator, expressions: Sequence[n.Expression]) -> Factory:
    """`run()`: the values of expressions without columns, as a tuple."""
    texts = [generator.value(expression).text for expression in expressions]
    return compile_factory(generator, "", [f"return {tuple_text(texts)}"])


@dataclass(frozen=True, slots=True)
class WantedOrder:
    """The order that a Sort asks for, and how many rows of it a LIMIT lets through (None: all)."""

    keys: tuple[n.SortKey, ...]
    rows: float | None
    groups: bool = False
    """Whether it is groups of these rows that would be sorted instead, which are few."""


class NodePlanner(Protocol):
    """Plans one kind of node: an operator for its rows that satisfy the conjuncts, with at least the needed columns."""

    def __call__(
        self, planner: Planner, node: Any, needed: frozenset[int], conjuncts: list[n.Expression], /
    ) -> Operator: ...


class SubqueryPlanner(Protocol):
    """Writes the code of a subquery inside an expression."""

    def __call__(self, planner: Planner, generator: Generator, expression: n.SubqueryExpression, /) -> Code: ...


class Planner:
    """Plans one statement."""

    def __init__(
        self, environment: PlanningEnvironment, planners: Mapping[type, NodePlanner], subquery: SubqueryPlanner
    ) -> None:
        self.environment = environment
        self.types = environment.types
        self.deparse = Deparser(environment.types)
        self.subquery_count = 0
        self._fresh_columns = FRESH_COLUMNS
        self.repeated = False
        """Whether what is planned at the moment may run for every row of something else."""
        self.column_types: dict[int, int] = {}
        self.columns_welcome = False
        """Whether whoever reads the operator that is being planned does not care about the order of its rows."""
        self.wanted_order: WantedOrder | None = None
        """The order of rows that whoever reads the operator that is being planned would sort them by."""
        self.noted: Callable[[Operator, l.LogicalPlan, Sequence[n.Expression]], None] | None = None
        """Told of every operator with the node and the conditions it stands for."""
        self.noted_rows: Callable[[Operator, float], None] | None = None
        """Told of operators that stand for no node by themselves, with the rows they are likely to give."""
        self._planners = planners
        self._subquery = subquery

    def fresh_column(self) -> int:
        """A column id that the statement's own columns do not have."""
        self._fresh_columns += 1
        return self._fresh_columns

    def generator(self, scope: Scope, *variables: str) -> Generator:
        """A code generator over a scope that can plan the subqueries it meets."""
        return Generator(scope, variables, self.types, lambda g, e: self._subquery(self, g, e))

    def root(self, node: l.LogicalPlan) -> Operator:
        """The operator for a whole statement; its rows have the statement's columns in order."""
        wanted = tuple(column.id for column in node.columns)
        return self.arranged(self.plan(node, frozenset(wanted)), wanted)

    def plan(self, node: l.LogicalPlan, needed: frozenset[int], conjuncts: Sequence[n.Expression] = ()) -> Operator:
        """An operator for the rows of a node that satisfy the conjuncts, with at least the needed columns."""
        for column in node.columns:
            self.column_types[column.id] = column.type
        kind = type(node)
        welcome, order = self.columns_welcome, self.wanted_order
        if kind not in _PASSING:
            self.columns_welcome = kind in _ORDERLESS
            if kind not in _GROUPING:
                self.wanted_order = None
        try:
            operator = self._planners[kind](self, node, needed, list(conjuncts))
            if self.noted is not None:
                self.noted(operator, node, conjuncts)
            return operator
        finally:
            self.columns_welcome, self.wanted_order = welcome, order

    def arranged(self, operator: Operator, wanted: tuple[int, ...]) -> Operator:
        """The same rows with exactly these columns in this order."""
        if operator.columns == wanted:
            return operator
        if (columns := column_operator(operator)) is not None:
            return narrowed(columns, wanted)
        scope = scope_of(operator.columns, operator.not_null, "r")
        generator = self.generator(scope, "r")
        make = row_builder(generator, [scope[column] for column in wanted], (), "r", None)
        return Pipeline(
            operator, make, wanted, operator.not_null & frozenset(wanted), (), ordering_of(operator, wanted)
        )

    def filtered(self, operator: Operator, conjuncts: Sequence[n.Expression]) -> Operator:
        """The rows of an operator that satisfy the conjuncts."""
        if not conjuncts:
            return operator
        if (columns := column_operator(operator)) is not None and (found := column_filter(self, columns, conjuncts)):
            return found
        generator = self.generator(scope_of(operator.columns, operator.not_null, "r"), "r")
        make = row_builder(generator, (), conjuncts, "r", "r")
        texts = tuple(self.deparse(part) for part in conjuncts)
        return Pipeline(operator, make, operator.columns, operator.not_null, texts, ordering_of(operator))

    def projected(
        self,
        operator: Operator,
        expressions: Sequence[n.Expression],
        columns: Sequence[int],
        conjuncts: Sequence[n.Expression] = (),
    ) -> Operator:
        """Filters by the conjuncts over the operator's columns, then computes the expressions."""
        if (child := column_operator(operator)) is not None and (
            found := column_projection(self, child, expressions, columns, conjuncts)
        ):
            return found
        generator = self.generator(scope_of(operator.columns, operator.not_null, "r"), "r")
        codes = [generator.value(expression) for expression in expressions]
        make = row_builder(generator, codes, conjuncts, "r", None)
        not_null = frozenset(column for column, code in zip(columns, codes, strict=True) if not code.nullable)
        texts = tuple(self.deparse(part) for part in conjuncts)
        kept = {
            expression.column: column
            for column, expression in zip(columns, expressions, strict=True)
            if isinstance(expression, n.ColumnReference)
        }
        ordering = []
        for column, descending, nulls_first in ordering_of(operator):
            if column not in kept:
                break
            ordering.append((kept[column], descending, nulls_first))
        return Pipeline(operator, make, tuple(columns), not_null, texts, tuple(ordering))

    def key_function(self, operator: Operator, expressions: Sequence[n.Expression]) -> Factory:
        """`run(rows)`: a list of keys that are equal exactly when SQL calls the values not distinct."""
        generator = self.generator(scope_of(operator.columns, operator.not_null, "r"), "r")
        text = tuple_text([comparable(generator, expression) for expression in expressions])
        if len(expressions) == 1:
            text = comparable(generator, expressions[0])
        return compile_factory(generator, "rows", [f"return [{text} for r in rows]"])

    def matching_keys(self, operator: Operator, expressions: Sequence[n.Expression]) -> Factory:
        """`run(rows)`: a list of keys that compare as SQL does, None where one with a NULL in it matches nothing."""
        generator = self.generator(scope_of(operator.columns, operator.not_null, "r"), "r")
        texts = [comparable(generator, expression) for expression in expressions]
        if len(texts) == 1:
            return compile_factory(generator, "rows", [f"return [{texts[0]} for r in rows]"])
        lines = [f"found = [{tuple_text(texts)} for r in rows]", "return [None if None in k else k for k in found]"]
        return compile_factory(generator, "rows", lines)

    def references(self, columns: Sequence[l.OutputColumn]) -> list[n.Expression]:
        """Expressions that read columns."""
        return [n.ColumnReference(column.id, column.type, column.typmod, column.name) for column in columns]


def ordering_of(operator: Operator, columns: Sequence[int] | None = None) -> tuple[tuple[int, bool, bool], ...]:
    """The order in which the rows of an operator come, as far as it is one of these columns."""
    ordering: tuple[tuple[int, bool, bool], ...] = getattr(operator, "ordering", ())
    if columns is None:
        return ordering
    kept = []
    for one in ordering:
        if one[0] not in columns:
            break
        kept.append(one)
    return tuple(kept)


def comparable(generator: Generator, expression: n.Expression) -> str:
    """Code of a value in the form in which Python's equality, hash and order are the type's; None stays None."""
    code = generator.value(expression)
    key = generator.types.comparison_key(expression.type)
    if key is None:
        return code.text
    name = generator.name("k", key)
    if not code.nullable:
        return f"{name}({code.text})"
    first, after = generator.atom(code)
    return f"(None if {first} is None else {name}({after}))"
