"""ON CONFLICT: which unique indexes decide, and what happens to the row in the way."""

from __future__ import annotations

from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import Index, Table
from datacave_core.errors import DatacaveError
from datacave_sql.bind import assignments, coercion, row_rules, row_security
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree
from datacave_sql.bind.write_target import WriteTarget
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l
from datacave_sql.plan.implication import implies
from datacave_sql.plan.planning import split_conjuncts


def bind_on_conflict(b: Binding, clause: ast.OnConflict, goal: WriteTarget, level: Scope) -> l.OnConflict:
    """The arbiter indexes and the bound DO UPDATE. Raises 42P10, 42601, 42704."""
    table = goal.table
    indexes = _arbiters(b, clause, goal)
    if goal.named is table:
        goal.use.read |= {key.column for index in indexes for key in index.keys if key.column}
    numbers = tuple(index.index_number for index in indexes)
    if clause.action == "nothing":
        return l.OnConflict(numbers)
    if clause.target is None:
        raise DatacaveError(
            "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            sqlstate=sqlstate.SYNTAX_ERROR,
            hint="For example, ON CONFLICT (column_name).",
            position=clause.position,
        )
    existing, excluded = row_rules.row_columns(b, table), row_rules.row_columns(b, table)
    scope = goal.row_scope(existing, "UPDATE")
    other = goal.row_scope(excluded, "UPDATE", "excluded")
    other.sources[0].relation = None
    scope.sources = [*scope.sources, *other.sources]
    scope.parent = level
    # Bare names mean the row that exists; the proposed one is named excluded.
    scope.columns = [*scope.columns, *other.columns]
    changes = assignments.bind_assignments(b, clause.assignments, goal, scope)
    goal.note_updated({number for number, _ in changes})
    predicate = None
    if clause.where is not None:
        scope.clause = "WHERE"
        predicate = coercion.to_boolean(b, b.expression(clause.where, scope), "WHERE")
    return l.OnConflict(numbers, changes, predicate, existing, excluded)


def secured(b: Binding, goal: WriteTarget, row: tuple[l.OutputColumn, ...], action: l.OnConflict) -> l.OnConflict:
    """An ON CONFLICT DO UPDATE with what row security asks of the row in the way and of what it becomes."""
    table, use = goal.table, goal.base_use()
    if not action.assignments or not row_security.applies(b, table, use):
        return action
    return replace(
        action,
        secured_existing=row_security.conflict_checks(b, table, use, action.existing),
        secured=row_security.update_checks(b, table, use, row),
    )


def _arbiters(b: Binding, clause: ast.OnConflict, goal: WriteTarget) -> list[Index]:
    table = goal.table
    target = clause.target
    if target is None:
        return []
    if target.constraint is not None:
        for index in table.indexes:
            if index.name == target.constraint and (index.unique or index.exclusion) and index.constraint_oid:
                if index.exclusion and clause.action != "nothing":
                    raise DatacaveError(
                        "ON CONFLICT DO UPDATE not supported with exclusion constraints",
                        sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                    )
                return [index]
        for constraint in table.constraints:
            if constraint.name == target.constraint:
                raise DatacaveError(
                    "constraint in ON CONFLICT clause has no associated index",
                    sqlstate=sqlstate.WRONG_OBJECT_TYPE,
                    position=target.position,
                )
        raise DatacaveError(
            f'constraint "{target.constraint}" for table "{table.name}" does not exist',
            sqlstate=sqlstate.UNDEFINED_OBJECT,
        )
    wanted_columns, wanted_expressions = _inference(b, target, goal)
    found = [
        index
        for index in table.indexes
        if index.unique
        and index.valid
        and {key.column for key in index.keys if key.column} == wanted_columns
        and {_expression_of(b, table, key.expression) for key in index.keys if key.expression} == wanted_expressions
        and _predicate_allows(b, goal, index, target)
    ]
    if not found:
        raise DatacaveError(
            "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            sqlstate=sqlstate.INVALID_COLUMN_REFERENCE,
        )
    return found


def _inference(b: Binding, target: ast.ConflictTarget, goal: WriteTarget) -> tuple[set[int], set[ast.Expression]]:
    columns: set[int] = set()
    expressions: set[ast.Expression] = set()
    for element in target.elements:
        name = element.column
        if name is None and isinstance(element.expression, ast.ColumnRef) and len(element.expression.parts) == 1:
            name = element.expression.parts[0]
        if name is not None:
            column = goal.columns.get(name)
            if column is None:
                raise DatacaveError(
                    f'column "{name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN, position=element.position
                )
            columns.add(column.number)
        elif element.expression is not None:
            expressions.add(element.expression)
    return columns, expressions


def _expression_of(b: Binding, table: Table, text: str | None) -> ast.Expression | None:
    return expression_tree(text) if text is not None else None


def _predicate_allows(b: Binding, goal: WriteTarget, index: Index, target: ast.ConflictTarget) -> bool:
    """A partial index decides only where its condition follows from the one that is written."""
    if index.predicate is None:
        return True
    if target.where is None:
        return False
    table = goal.table
    row = row_rules.row_columns(b, table)
    written = coercion.to_boolean(b, b.expression(target.where, goal.row_scope(row, "WHERE")), "WHERE")
    scope = row_rules.row_scope(b, table, row, table.name, "WHERE")
    known = row_rules.stored_expression(b, index.predicate, scope, row_rules.schema_name(b, table))
    return implies(split_conjuncts(written), coercion.to_boolean(b, known, "WHERE"))
