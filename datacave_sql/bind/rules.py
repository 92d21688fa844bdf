"""CREATE, ALTER and DROP RULE: the rewrite rules of a table or view, as they will be.

Actions are bound once when a rule is made, over the names OLD and NEW, and stored as text with every name in full.
What they do to statements is in `rewriting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace

from datacave_core import sqlstate
from datacave_core.catalog import Rule, Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_rules import ChangeRules
from datacave_sql.bind.names import Scope, Source
from datacave_sql.bind.row_rules import row_columns, row_scope
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_query import expression_text, statement_text
from datacave_sql.bind.table_parts import require_part, table_to_drop_from, undefined_part
from datacave_sql.bind.targets import has_stars
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

EVENTS = {"insert": "i", "update": "u", "delete": "d"}
ENABLED = {"enable rule": "O", "disable rule": "D", "enable always rule": "A", "enable replica rule": "R"}
VIEW_RULE = "_RETURN"


def mentions(node: object, name: str) -> bool:
    """Whether a part of a rule reads the row `old` or `new`."""
    return any(part.parts[0] == name for part in _columns(node))


def _columns(node: object) -> Iterator[ast.ColumnRef]:
    if isinstance(node, ast.ColumnRef):
        if node.parts:
            yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from _columns(item)
    elif isinstance(node, ast.Node):
        for one in fields(node):
            yield from _columns(getattr(node, one.name))


def _table(b: Binding, name: ast.QualifiedName, position: int) -> Table:
    table = relations.require_table(b, name, position)
    if table.kind == "m":
        raise FeatureNotSupported("rules on materialized views are not supported")
    if table.kind not in "rvp":
        raise DatacaveError(
            f'relation "{table.name}" cannot have rules',
            sqlstate=sqlstate.WRONG_OBJECT_TYPE,
            detail="This operation is not supported for composite types.",
        )
    return table


def _invalid(message: str, detail: str | None = None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_OBJECT_DEFINITION, detail=detail)


def rule_sources(b: Binding, table: Table) -> list[Source]:
    """OLD and NEW as names over complete rows of a relation."""
    sources: list[Source] = []
    for name in ("old", "new"):
        source = row_scope(b, table, row_columns(b, table), name, "").sources[0]
        source.relation = None
        sources.append(source)
    return sources


def condition_scope(sources: Sequence[Source], event: str) -> Scope:
    """The names in the condition of a rule: those of its rows go without OLD and NEW too."""
    unseen = {"i": "old", "d": "new"}.get(event)
    columns = [column for source in sources if source.name != unseen for column in source.columns]
    return Scope(None, list(sources), columns, "rule WHERE condition")


def bind_create_rule(b: Binding, statement: ast.CreateRule, entries: object) -> s.BoundStatement:
    """CREATE RULE. Raises 42P17 for forms that rules cannot have, 0A000, 42710, 42809."""
    table = _table(b, statement.table, statement.table_position)
    if statement.event == "select":
        raise FeatureNotSupported("rules on SELECT are not supported", hint="Use views instead.")
    _check_form(statement, table)
    b.defining = True
    sources = rule_sources(b, table)
    condition = None
    if statement.condition is not None:
        scope = condition_scope(sources, EVENTS[statement.event])
        coercion.to_boolean(b, b.expression(statement.condition, scope), "WHERE")
        condition = expression_text(b, statement.condition)
    actions = tuple(_action(b, one, table, Scope(None, sources, [])) for one in statement.actions)
    existing = next((one for one in table.rules if one.name == statement.name), None)
    if existing is not None and not statement.or_replace:
        raise DatacaveError(
            f'rule "{statement.name}" for relation "{table.name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT
        )
    made = Rule(
        existing.oid if existing is not None else 0,
        statement.name,
        EVENTS[statement.event],
        statement.instead,
        condition,
        actions,
        "O",
        tuple(sorted(b.dependencies - {table.oid})),
    )
    others = (one for one in table.rules if one is not existing)
    return ChangeRules(table, (*others, made), "CREATE RULE")


def _check_form(statement: ast.CreateRule, table: Table) -> None:
    if statement.name == VIEW_RULE:
        raise _invalid(f'non-view rule for "{table.name}" must not be named "{VIEW_RULE}"')
    missing = {"insert": "old", "delete": "new"}.get(statement.event)
    if missing is not None and mentions(statement.condition, missing):
        raise DatacaveError(
            f'invalid reference to FROM-clause entry for table "{missing}"',
            sqlstate=sqlstate.UNDEFINED_TABLE,
            hint=f'There is an entry for table "{missing}", but it cannot be referenced from this part of the query.',
        )
    if missing is not None and mentions(statement.actions, missing):
        raise _invalid(f"ON {statement.event.upper()} rule cannot use {missing.upper()}")
    returning = [one for one in statement.actions if getattr(one, "returning", ())]
    for action in statement.actions:
        if isinstance(action, ast.Notify):
            if statement.condition is not None:
                raise _invalid("rules with WHERE conditions can only have SELECT, INSERT, UPDATE, or DELETE actions")
            continue
        clause = getattr(action, "with_clause", None)
        for name in ("OLD", "NEW"):
            if clause is not None and mentions(clause.tables, name.lower()):
                raise FeatureNotSupported(f"cannot refer to {name} within WITH query")
        combined = isinstance(action, ast.Query) and isinstance(action.body, ast.SetOperation)
        if combined and statement.condition is not None:
            raise FeatureNotSupported("conditional UNION/INTERSECT/EXCEPT statements are not implemented")
    if len(returning) > 1:
        raise FeatureNotSupported("cannot have multiple RETURNING lists in a rule")
    if returning and statement.condition is not None:
        raise FeatureNotSupported("RETURNING lists are not supported in conditional rules")
    if returning and not statement.instead:
        raise FeatureNotSupported("RETURNING lists are not supported in non-INSTEAD rules")


def _action(b: Binding, action: ast.Statement, table: Table, scope: Scope) -> str:
    """The text of an action, bound once to see that it means something."""
    if isinstance(action, ast.Notify):
        return statement_text(b, action)
    if isinstance(action, ast.Merge):
        raise FeatureNotSupported("MERGE is not supported in rules")
    plan = b.query(action, Scope(scope))
    if getattr(action, "returning", ()):
        _check_result(b, table, plan.columns)
    if isinstance(action, ast.Insert) and not action.columns and action.source is not None:
        action = replace(action, columns=_inserted(b, action, plan))
    return statement_text(b, action)


def _inserted(b: Binding, action: ast.Insert, plan: l.LogicalPlan) -> tuple[ast.AssignmentTarget, ...]:
    """The columns that an INSERT without a list of them fills."""
    while isinstance(plan, l.With):
        plan = plan.child
    source = action.source
    assert source is not None
    if isinstance(source.body, ast.Values) and not has_stars(source.body.rows[0]):
        width = len(source.body.rows[0])
    else:
        width = len(plan.targets) if isinstance(plan, l.Insert) else 0
    target = relations.require_table(b, action.table.name, action.table.position)
    return tuple(ast.AssignmentTarget(action.position, column.name) for column in target.live_columns[:width])


def _check_result(b: Binding, table: Table, columns: tuple[l.OutputColumn, ...]) -> None:
    """Raises 42P17 where a RETURNING list does not give the rows of the relation."""
    wanted = table.live_columns
    for number, (column, found) in enumerate(zip(wanted, columns, strict=False), 1):
        if column.type_oid != found.type and found.type != oids.UNKNOWN:
            raise _invalid(
                f'RETURNING list\'s entry {number} has different type from column "{column.name}"',
                f"RETURNING list entry has type {b.types.name(found.type)}, but column has type "
                f"{b.types.name(column.type_oid)}.",
            )
    if len(columns) != len(wanted):
        raise _invalid(f"RETURNING list has too {'many' if len(columns) > len(wanted) else 'few'} entries")


def require_rule(table: Table, name: str) -> Rule:
    """A rule by name. Raises 42704."""
    return require_part("rule", table, table.rules, name)


def drop_rule(b: Binding, statement: ast.Drop) -> s.BoundStatement:
    """DROP RULE name ON table. Raises 42704, 42P01."""
    name = statement.names[0][-1]
    assert statement.on_table is not None
    view = relations.find_relation(b, statement.on_table, statement.position)
    if name == VIEW_RULE and isinstance(view, Table) and view.view_query is not None:
        raise DatacaveError(
            f"cannot drop rule {VIEW_RULE} on view {view.name} because view {view.name} requires it",
            sqlstate=sqlstate.DEPENDENT_OBJECTS_STILL_EXIST,
            hint=f"You can drop view {view.name} instead.",
        )
    table = table_to_drop_from(b, statement, "rule", lambda table: table.rules, relations.require_table)
    if not isinstance(table, Table):
        return table
    return ChangeRules(table, tuple(rule for rule in table.rules if rule.name != name), "DROP RULE")


def rename_rule(b: Binding, statement: ast.Rename) -> s.BoundStatement:
    """ALTER RULE name ON table RENAME TO. Raises 42704, 42710, 42P17."""
    table = _table(b, statement.name, statement.position)
    rule = next((one for one in table.rules if one.name == statement.member), None)
    if rule is None and statement.member == VIEW_RULE and table.view_query is not None:
        raise _invalid("renaming an ON SELECT rule is not allowed")
    if rule is None:
        raise undefined_part("rule", table, statement.member or "")
    taken = {one.name for one in table.rules} | ({VIEW_RULE} if table.view_query is not None else set())
    if statement.new_name in taken:
        raise DatacaveError(
            f'rule "{statement.new_name}" for relation "{table.name}" already exists',
            sqlstate=sqlstate.DUPLICATE_OBJECT,
        )
    renamed = tuple(replace(one, name=statement.new_name) if one is rule else one for one in table.rules)
    return ChangeRules(table, renamed, "ALTER RULE")


def switched(table: Table, words: str, name: str) -> tuple[Rule, ...]:
    """The rules after ALTER TABLE ENABLE or DISABLE RULE. Raises 42704."""
    require_rule(table, name)
    return tuple(replace(rule, enabled=ENABLED[words]) if rule.name == name else rule for rule in table.rules)


RULES: Mapping[type, Callable[..., s.BoundStatement]] = {ast.CreateRule: bind_create_rule}
