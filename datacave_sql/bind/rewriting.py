"""Rewriting by rules: what INSERT, UPDATE and DELETE become on relations that have rules.

A statement becomes a list of steps: itself, unless an unconditional INSTEAD rule takes its place, and the actions of
its rules. An action is bound anew for every statement, with one more item in its FROM: the rows that the statement
would write, under the names OLD and NEW (`RuleRows`). An INSERT runs before its actions, UPDATE and DELETE after them,
and each step sees what those before it have done. Actions are asked in the name of the relation's owner; they fire
rules themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from datacave_core import sqlstate
from datacave_core.catalog import Rule, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import assignments, coercion, insert, operators, relations, row_rules, with_clause
from datacave_sql.bind.from_clause import RuleRows, bind_from
from datacave_sql.bind.names import Scope, Source, SourceColumn
from datacave_sql.bind.rule_actions import with_rows
from datacave_sql.bind.rule_events import EVENTS, rules_for, runs_itself
from datacave_sql.bind.rules import condition_scope, mentions
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree, query_tree
from datacave_sql.bind.write_target import WriteTarget, find_rule_target
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

BindWrite = Callable[[Binding, Any, Scope], l.LogicalPlan]
Write = ast.Insert | ast.Update | ast.Delete

_VERBS = {"i": "insert into", "u": "update", "d": "delete from"}
_NAMES = {"i": "INSERT", "u": "UPDATE", "d": "DELETE"}
_STATEMENTS: dict[str, type] = {letter: kind for kind, letter in EVENTS.items()}


@dataclass(slots=True)
class _Rows:
    """The rows that a statement would write: their plan, the rows under OLD and NEW, and names of other tables."""

    plan: l.LogicalPlan
    rows: tuple[Source, ...]
    others: list[Source]


@dataclass(slots=True)
class _Step:
    plan: l.LogicalPlan
    rule: Rule | None
    action: ast.Statement | None = None


def with_rules(bind: BindWrite) -> BindWrite:
    """The binder of a write, that heeds the rules of what is written."""

    def bound(b: Binding, statement: Write, outer: Scope) -> l.LogicalPlan:
        table = relations.find_relation(b, statement.table.name, statement.table.position)
        if isinstance(table, Table) and table.rules and b.notes is None:
            return _rewritten(b, statement, table, outer, bind)
        return bind(b, statement, outer)

    return bound


def _rewritten(b: Binding, statement: Write, table: Table, outer: Scope, bind: BindWrite) -> l.LogicalPlan:
    event = EVENTS[type(statement)]
    upserts = isinstance(statement, ast.Insert) and statement.on_conflict is not None
    if upserts and (rules_for(table, "i") or rules_for(table, "u")):
        raise FeatureNotSupported(
            "INSERT with ON CONFLICT clause cannot be used with table that has INSERT or UPDATE rules"
        )
    rules = rules_for(table, event)
    if not rules:
        return bind(b, statement, outer)
    steps = [
        _Step(_action(b, statement, table, rule, action, outer), rule, action)
        for rule in rules
        for action in map(query_tree, rule.actions)
    ]
    if runs_itself(rules):
        own = _Step(_own(b, statement, table, rules, outer, bind), None)
        steps = [own, *steps] if event == "i" else [*steps, own]
    elif statement.returning and not any(getattr(step.action, "returning", ()) for step in steps):
        raise FeatureNotSupported(
            f'cannot perform {_NAMES[event]} RETURNING on relation "{table.name}"',
            hint=f"You need an unconditional ON {_NAMES[event]} DO INSTEAD rule with a RETURNING clause.",
        )
    b.writes = b.modifies_data = True
    return _in_order(steps, statement, event)


def _in_order(steps: list[_Step], statement: Write, event: str) -> l.LogicalPlan:
    answering = counting = None
    for number, step in enumerate(steps):
        if step.rule is None:
            answering = counting = number
            break
        if statement.returning and getattr(step.action, "returning", ()):
            if answering is not None:
                raise FeatureNotSupported("cannot have RETURNING lists in multiple rules")
            answering = number
        if type(step.action) is _STATEMENTS[event] and step.rule.instead and step.rule.condition is None:
            counting = number
    if len(steps) == 1 and counting == 0:
        return steps[0].plan
    columns = steps[answering].plan.columns if answering is not None and statement.returning else ()
    returning = tuple(map(_reference, columns))
    return l.RuleSteps(
        tuple(step.plan for step in steps),
        answering,
        counting,
        returning if statement.returning else None,
        columns,
    )


# --- the statement itself --------------------------------------------------------------------------------------------


def _own(
    b: Binding, statement: Write, table: Table, rules: Sequence[Rule], outer: Scope, bind: BindWrite
) -> l.LogicalPlan:
    """The statement for the rows that no conditional INSTEAD rule takes."""
    conditions = [rule.condition for rule in rules if rule.instead and rule.condition is not None]
    if conditions and table.kind == "v":
        verb = _VERBS[EVENTS[type(statement)]]
        doing = {"insert into": "inserting into", "update": "updating", "delete from": "deleting from"}[verb]
        name = _NAMES[EVENTS[type(statement)]]
        raise DatacaveError(
            f'cannot {verb} view "{table.name}"',
            sqlstate=sqlstate.OBJECT_NOT_IN_PREREQUISITE_STATE,
            detail="Views with conditional DO INSTEAD rules are not automatically updatable.",
            hint=f"To enable {doing} the view, provide an INSTEAD OF {name} trigger or an unconditional ON {name} DO "
            "INSTEAD rule.",
        )
    plan = bind(b, statement, outer)
    if not conditions:
        return plan
    tables: list[l.With] = []
    while isinstance(plan, l.With):
        tables.append(plan)
        plan = plan.child
    assert isinstance(plan, l.Insert | l.Update | l.Delete)
    scope = condition_scope(list(_written_rows(b, table, plan)), EVENTS[type(statement)])
    tests = []
    with _inside(b, table, statement.position):
        for condition in conditions:
            node = ast.BooleanTest(0, expression_tree(condition), "true", True)
            tests.append(b.expression(node, scope))
    test = operators.conjunction(tests)
    assert test is not None
    plan = replace(plan, child=l.Filter(plan.child, test))
    for around in reversed(tables):
        plan = l.With(around.tables, plan)
    return plan


def _written_rows(b: Binding, table: Table, plan: l.Insert | l.Update | l.Delete) -> Iterator[Source]:
    """OLD and NEW over the columns of a plan that finds or makes the rows."""
    if isinstance(plan, l.Insert):
        values = {number: _reference(c) for number, c in zip(plan.targets, plan.child.columns, strict=True)}
        # Columns that are neither given nor have a default are not in the plan.
        nulls = {c.number: n.Constant(None, c.type_oid, c.typmod) for c in table.live_columns}
        yield _source(table, "new", {**nulls, **dict(plan.defaults), **values})
        return
    old = {column.attribute: _reference(column) for column in plan.target_columns if column.attribute > 0}
    yield _source(table, "old", old)
    if isinstance(plan, l.Update):
        yield _source(table, "new", {**old, **dict(plan.assignments)})


# --- actions ---------------------------------------------------------------------------------------------------------


@contextmanager
def _inside(b: Binding, table: Table, position: int) -> Iterator[None]:
    """Names and privileges as they are in the rules of a relation."""
    environment, acting_role = b.environment, b.acting_role
    schema = b.catalog.schemas[table.schema_oid].name
    path = tuple(dict.fromkeys((schema, *environment.search_path)))
    b.environment = replace(environment, search_path=path)
    b.acting_role = table.owner_oid
    b.view_depth += 1
    try:
        yield
    except DatacaveError as error:
        error.position = None
        raise
    finally:
        b.view_depth -= 1
        b.environment, b.acting_role = environment, acting_role


def _action(
    b: Binding, statement: Write, table: Table, rule: Rule, action: ast.Statement, outer: Scope
) -> l.LogicalPlan:
    """The plan of one action for the rows of the statement."""
    key = (table.oid, rule.event)
    if key in b.active_rules:
        raise DatacaveError(
            f'infinite recursion detected in rules for relation "{table.name}"',
            sqlstate=sqlstate.INVALID_OBJECT_DEFINITION,
        )
    level = Scope(outer)
    clause = statement.with_clause
    tables = with_clause.bind_with(b, clause, level) if clause is not None else []
    if isinstance(action, ast.Notify):
        return b.query(_notification(action), Scope())
    target = find_rule_target(b, statement.table, _VERBS[rule.event])
    _note(statement, target)
    modifies = clause is not None and any(not isinstance(one.statement, ast.Query) for one in clause.tables)
    if modifies and isinstance(action, ast.Insert) and _selects(action):
        raise FeatureNotSupported(
            "INSERT...SELECT rule actions are not supported for queries having data-modifying statements in WITH"
        )
    found = _rows(b, statement, target, rule, action, level)
    b.active_rules.append(key)
    try:
        with _inside(b, table, statement.position):
            plan = found.plan
            if rule.condition is not None:
                scope = condition_scope(found.rows, rule.event)
                test = coercion.to_boolean(b, b.expression(expression_tree(rule.condition), scope), "WHERE")
                plan = l.Filter(plan, test)
            rows = RuleRows(0, plan, found.rows)
            made = b.query(with_rows(b, action, rows, table), Scope(level))
    finally:
        b.active_rules.pop()
    made = _answered(b, made, statement, target, level, found)
    return with_clause.close_with(b, tables, clause, made)


def _notification(action: ast.Notify) -> ast.Query:
    words = (ast.StringLiteral(0, action.channel), ast.StringLiteral(0, action.payload))
    call = ast.FunctionCall(0, ("pg_catalog", "pg_notify"), words)
    return ast.Query(0, ast.Select(0, (ast.Target(0, call),)))


def _selects(action: ast.Insert) -> bool:
    return action.source is not None and not isinstance(action.source.body, ast.Values)


def _note(statement: Write, target: WriteTarget) -> None:
    """What the statement wants with the relation that it names."""
    if isinstance(statement, ast.Delete):
        target.note_deleted()
    elif isinstance(statement, ast.Insert):
        names = [one.column for one in statement.columns] or target.all_columns()
        target.note_inserted({column.number for name in names if (column := target.columns.get(name)) is not None})
    else:
        target.note_updated(set())


def _answered(
    b: Binding, plan: l.LogicalPlan, statement: Write, target: WriteTarget, level: Scope, found: _Rows
) -> l.LogicalPlan:
    """The action's plan with what the statement's RETURNING asks of the rows that the action's gives."""
    if isinstance(plan, l.With):
        return l.With(plan.tables, _answered(b, plan.child, statement, target, level, found))
    given = getattr(plan, "returning", None)
    if given is None:
        return plan
    if isinstance(plan, l.RuleSteps):
        if not statement.returning or plan.answering is None:
            return replace(plan, returning=None, answering=None, columns=())
        steps = list(plan.steps)
        answer = _answered(b, steps[plan.answering], statement, target, level, found)
        steps[plan.answering] = answer
        columns = answer.columns
        return replace(plan, steps=tuple(steps), returning=tuple(map(_reference, columns)), columns=columns)
    assert isinstance(plan, l.Insert | l.Update | l.Delete)
    if not statement.returning:
        return replace(plan, returning=None, columns=())
    table = target.named
    names = [column.name for column in table.live_columns]
    shown = tuple(SourceColumn(name, e) for name, e in zip(names, given, strict=True))
    source = Source(target.name, shown, None, table.name, table, (), table.row_type_oid or oids.RECORD)
    scope = Scope(level, [source], list(shown), "RETURNING")
    others = Scope(None, found.others, [column for other in found.others for column in other.columns])
    returning, outputs = insert.bind_returning(b, statement.returning, scope, level, others)
    return replace(plan, returning=returning, columns=outputs)


# --- the rows of the statement ---------------------------------------------------------------------------------------


def _rows(b: Binding, statement: Write, target: WriteTarget, rule: Rule, action: ast.Statement, level: Scope) -> _Rows:
    table = target.named
    if isinstance(statement, ast.Insert):
        plan, written = insert.source_rows(b, statement, target, level)
        given = {column.number: _reference(c) for column, c in zip(written, plan.columns, strict=True)}
        for column in table.live_columns:
            if column.number not in given:
                given[column.number] = (
                    n.Constant(None, column.type_oid, column.typmod)
                    if column.generated
                    else row_rules.default_value(b, table, column)
                )
        return _Rows(plan, (_source(table, "new", given),), [])
    if isinstance(statement.where, ast.CurrentOf):
        raise FeatureNotSupported(f"WHERE CURRENT OF on a {'view' if table.kind == 'v' else 'table with rules'} is not"
                                  " implemented")  # fmt: skip
    others = statement.from_items if isinstance(statement, ast.Update) else statement.using
    parts = (rule.condition and expression_tree(rule.condition), action)
    reads = rule.condition is not None or mentions(parts, "old") or mentions(parts, "new")
    scope, found, test = _found(b, (statement.table, *others), statement.where, level)
    own = scope.sources[0]
    _only_writes(own)
    if not reads and not (test is not None and _uses(test, own)):
        # Nobody asks which rows of the relation there are: the action runs for those of the other tables, or once.
        if others:
            scope, found, _ = _found(b, others, statement.where, level)
            return _Rows(found, (), scope.sources)
        once: l.LogicalPlan = l.Values(((),), ())
        return _Rows(once if test is None else l.Filter(once, test), (), [])
    old = {column.attribute: column.expression for column in own.columns}
    sources = [_source(table, "old", old)]
    if isinstance(statement, ast.Update):
        scope.clause = "UPDATE"
        changes = assignments.bind_assignments(b, statement.assignments, target, scope)
        target.note_updated({number for number, _ in changes})
        sources.append(_source(table, "new", {**old, **dict(changes)}))
    return _Rows(found, tuple(sources), scope.sources[1:])


def _found(
    b: Binding, items: Sequence[ast.FromItem], where: ast.Expression | None, level: Scope
) -> tuple[Scope, l.LogicalPlan, n.Expression | None]:
    """The names and the rows of the statement's tables, and its condition."""
    scope = Scope(level)
    joined = bind_from(b, items, scope)
    assert joined is not None
    plan = joined.plan
    test = None
    if where is not None:
        scope.clause = "WHERE"
        test = coercion.to_boolean(b, b.expression(where, scope), "WHERE")
        plan = l.Filter(plan, test)
    return scope, plan, test


def _only_writes(source: Source) -> None:
    """The relation is named to be written, not to be read: SELECT is needed for what the statement mentions only."""
    for column in source.columns:
        if column.use is not None:
            column.use.selects = False


def _uses(test: n.Expression, source: Source) -> bool:
    own = {c.expression.column for c in source.columns if isinstance(c.expression, n.ColumnReference)}
    return bool(n.columns_used(test) & own)


def _reference(column: l.OutputColumn) -> n.Expression:
    return n.ColumnReference(column.id, column.type, column.typmod, column.name)


def _source(table: Table, name: str, values: dict[int, n.Expression]) -> Source:
    columns = tuple(SourceColumn(c.name, values[c.number], table.oid, c.number) for c in table.live_columns)
    return Source(name, columns, None, None, table, (), table.row_type_oid or oids.RECORD)
