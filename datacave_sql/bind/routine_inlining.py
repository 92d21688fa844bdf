"""Inlining of SQL functions: the body in place of the call, so that it is planned as part of the query.

A function of one plain SELECT is put in place of its call where nothing can tell the difference: conditions on its
result reach its tables, and no statement is run per row. The rules are PostgreSQL's: no SECURITY DEFINER, no SET, no
work that is more volatile than declared, no argument evaluated more often than written if it is volatile or costly.
Arguments are placeholder columns while the body is bound, and are put in afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from datacave_core.catalog import Routine
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import coercion
from datacave_sql.bind.folding import fold
from datacave_sql.bind.names import Scope
from datacave_sql.bind.parameters import Parameters
from datacave_sql.bind.routine_body import body_environment, parameter_scope, result_shape, shaped
from datacave_sql.bind.state import Binding
from datacave_sql.bind.statements import BoundQuery
from datacave_sql.bind.stored_text import statements_of
from datacave_sql.expr import nodes as n
from datacave_sql.functions.coercion import ASSIGNMENT
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

DEPTH_MAX = 20
CALLS_MAX = 10
"""Calls in an argument that may be evaluated several times."""
_ORDER = {"i": 0, "s": 1, "v": 2}


class _Arguments(Parameters):
    """`$n` of a body as the placeholder of argument n."""

    def __init__(self, placeholders: Sequence[n.ColumnReference], b: Binding) -> None:
        super().__init__(None, b.types)
        self._placeholders = placeholders

    def reference(self, number: int, position: int) -> n.Parameter:
        if 0 < number <= len(self._placeholders):
            return self._placeholders[number - 1]  # type: ignore[return-value]
        return super().reference(number, position)


def _only_query(routine: Routine) -> ast.Query | None:
    """The body's one SELECT, where it has nothing but that and the routine may be inlined at all."""
    if routine.kind != "f" or routine.security_definer or routine.settings or routine.is_compiled:
        return None
    if routine.language != "sql":
        return None
    statements = statements_of(routine.body)
    if len(statements) != 1:
        return None
    statement = statements[0].statement
    return statement if isinstance(statement, ast.Query) and not statement.locking else None


def _within(b: Binding, call: n.FunctionCall, bind: Callable[[Sequence[n.ColumnReference], Scope], Any]) -> Any:
    """What `bind(placeholders, scope)` gives as if the body stood by itself; None where it does not bind."""
    routine = call.function.routine
    assert routine is not None
    if routine.oid in b.active_routines or len(b.active_routines) >= DEPTH_MAX:
        return None
    labels = [argument.name for argument in routine.arguments if argument.mode in "ibv"]
    holders = [n.ColumnReference(b.new_id(), value.type) for value in call.arguments]
    environment, parameters, dependencies, depth = b.environment, b.parameters, b.dependencies, b.view_depth
    called, writes, modifies, mentions = b.calls_routines, b.writes, b.modifies_data, b.mentions
    uses, acting_role, b.acting_role = len(b.uses), b.acting_role, 0
    b.environment = body_environment(routine, environment)
    b.parameters = _Arguments(holders, b)
    b.dependencies, b.view_depth, b.mentions = set(), 0, None
    b.active_routines.append(routine.oid)
    try:
        done = bind(holders, parameter_scope(routine.name, labels, holders))
        if b.modifies_data and not modifies:
            done = None
    except DatacaveError:
        # What is wrong with the body is told by the call when it runs.
        done = None
    finally:
        inner = b.dependencies
        b.environment, b.parameters, b.dependencies, b.view_depth = environment, parameters, dependencies, depth
        b.mentions, b.acting_role = mentions, acting_role
        b.active_routines.pop()
    if done is None:
        del b.uses[uses:]
        b.calls_routines, b.writes, b.modifies_data = called, writes, modifies
        return None
    b.inlined |= inner
    return done


def inlined_value(b: Binding, call: n.FunctionCall) -> n.Expression | None:
    """The expression of a scalar function in place of its call, or None."""
    routine = call.function.routine
    if routine is None or routine.returns_set or call.type in (oids.RECORD, oids.VOID):
        return None
    if b.types.kind(b.types.base(call.type)) == "c":
        return None
    query = _only_query(routine)
    if query is None or not _is_expression(query):
        return None
    assert isinstance(query.body, ast.Select)
    target = query.body.targets[0].expression

    def bind(holders: Sequence[n.ColumnReference], scope: Scope) -> n.Expression | None:
        value = coercion.coerce(b, coercion.settled(b, b.expression(target, scope)), call.type, -1, ASSIGNMENT)
        if value is None or not _may_stand(call, value, holders):
            return None
        placed = substituted(value, _meanings(holders, call))
        return refolded(b, placed if placed.type == call.type else n.Relabel(placed, call.type))

    found: n.Expression | None = _within(b, call, bind)
    return found


def inlined_rows(b: Binding, call: n.FunctionCall, names: Sequence[str]) -> l.LogicalPlan | None:
    """The query of a set-returning function in place of its call in FROM, or None; columns of the given names."""
    routine = call.function.routine
    if routine is None or not routine.returns_set or routine.volatility == "v" or routine.strict:
        return None
    if any(_is_costly(argument) or volatility_of(argument) == "v" for argument in call.arguments):
        return None
    query = _only_query(routine)
    if query is None:
        return None

    def bind(holders: Sequence[n.ColumnReference], scope: Scope) -> l.LogicalPlan | None:
        columns = tuple((one.name, one.type, one.typmod) for one in call.columns) or tuple(
            (name, oid, -1) for name, oid in call.function.columns
        )
        shape = result_shape(call.type, columns, b.types)
        plan = b.query(query, scope)
        if shape.row and len(plan.columns) == 1 and b.types.kind(b.types.base(plan.columns[0].type)) in ("c", "p"):
            return None
        bound = shaped(b, BoundQuery(plan, "select", plan.columns, True, (), True), shape)
        plan = substituted(bound.plan, _meanings(holders, call))
        if len(plan.columns) != len(names):
            return None
        read = tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in plan.columns)
        outputs = tuple(l.OutputColumn(b.new_id(), name, e.type, e.typmod) for name, e in zip(names, read, strict=True))
        return l.Project(plan, read, outputs)

    found: l.LogicalPlan | None = _within(b, call, bind)
    return found


def _meanings(holders: Sequence[n.ColumnReference], call: n.FunctionCall) -> dict[int, n.Expression]:
    return {holder.column: value for holder, value in zip(holders, call.arguments, strict=True)}


def _is_expression(query: ast.Query) -> bool:
    """Whether a query is `SELECT expression` and nothing else."""
    body = query.body
    if query.with_clause is not None or query.order_by or query.limit is not None or query.offset is not None:
        return False
    if not isinstance(body, ast.Select) or len(body.targets) != 1:
        return False
    target = body.targets[0].expression
    if isinstance(target, ast.FieldStar) or (isinstance(target, ast.ColumnRef) and target.star):
        return False
    clauses = (body.from_items, body.group_by, body.windows, body.distinct, body.where, body.having, body.into)
    return not any(clauses) and body.as_of is None


def _may_stand(call: n.FunctionCall, value: n.Expression, holders: Sequence[n.ColumnReference]) -> bool:
    """Whether the value may take the place of the call."""
    routine = call.function.routine
    assert routine is not None
    nodes = list(n.walk(value))
    if any(isinstance(node, n.SubqueryExpression) for node in nodes):
        return False
    if _ORDER[volatility_of(value)] > _ORDER[routine.volatility]:
        return False
    if routine.strict and not all(_is_strict(node) for node in nodes):
        return False
    for holder, argument in zip(holders, call.arguments, strict=True):
        uses = sum(isinstance(node, n.ColumnReference) and node.column == holder.column for node in nodes)
        if routine.strict and not uses:
            return False
        if uses != 1 and (volatility_of(argument) == "v" or _is_costly(argument)):
            return False
    return True


def _is_strict(node: Any) -> bool:
    if isinstance(node, n.FunctionCall):
        return node.function.strict
    return isinstance(node, n.Relabel | n.TextCast | n.LengthCast | n.Constant | n.ColumnReference | n.Parameter)


def _is_costly(e: n.Expression) -> bool:
    nodes = list(n.walk(e))
    calls = [node for node in nodes if isinstance(node, n.FunctionCall)]
    if any(isinstance(node, n.SubqueryExpression) for node in nodes):
        return True
    return len(calls) > CALLS_MAX or any(one.function.routine is not None for one in calls)


def volatility_of(e: n.Expression) -> str:
    """The highest volatility of what an expression calls: i, s or v."""
    found = "i"
    for node in n.walk(e):
        function = getattr(node, "function", None)
        letter = function.volatility if function is not None else "v" if isinstance(node, n.SubqueryExpression) else "i"
        if _ORDER[letter] > _ORDER[found]:
            found = letter
    return found


def substituted(node: Any, meanings: Mapping[int, n.Expression]) -> Any:
    """A plan or an expression with columns replaced by expressions, subqueries included."""
    if isinstance(node, n.ColumnReference):
        return meanings.get(node.column, node)
    if isinstance(node, tuple):
        items = tuple(substituted(item, meanings) for item in node)
        return node if all(new is old for new, old in zip(items, node, strict=True)) else items
    if isinstance(node, n.Constant) or not isinstance(node, (*l.PLAN_NODES, *n.EXPRESSION_NODES)):
        return node
    changes: dict[str, Any] = {}
    for item in fields(node):
        old = getattr(node, item.name)
        if item.name == "outer" and isinstance(node, n.SubqueryExpression):
            new: Any = _outer(old, meanings)
        else:
            new = substituted(old, meanings)
        if new is not old:
            changes[item.name] = new
    return replace(node, **changes) if changes else node


def _outer(columns: tuple[int, ...], meanings: Mapping[int, n.Expression]) -> tuple[int, ...]:
    if not any(column in meanings for column in columns):
        return columns
    found: dict[int, None] = {}
    for column in columns:
        value = meanings.get(column)
        found.update(dict.fromkeys(sorted(n.columns_used(value)) if value is not None else [column]))
    return tuple(found)


def refolded(b: Binding, e: n.Expression) -> n.Expression:
    """The expression with calls over what are constants now computed."""

    def change(node: Any) -> Any:
        if not isinstance(node, n.FunctionCall):
            return node
        arguments = tuple(refolded(b, argument) for argument in node.arguments)
        return fold(b, replace(node, arguments=arguments))

    changed: n.Expression = n.transform(e, change)
    return changed
