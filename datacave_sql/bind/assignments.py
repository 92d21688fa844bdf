"""SET: assignments of UPDATE and ON CONFLICT DO UPDATE, single and multiple, DEFAULT, and parts of columns."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core import sqlstate
from datacave_core.catalog import Column
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import partial_assignment, row_rules, targets
from datacave_sql.bind.names import Scope
from datacave_sql.bind.state import Binding
from datacave_sql.bind.write_target import WriteTarget
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l


def bind_assignments(
    b: Binding, items: Sequence[ast.SetItem], goal: WriteTarget, scope: Scope
) -> tuple[tuple[int, n.Expression], ...]:
    """Pairs of attribute number and new value. Raises 42703, 42601 for a column set twice, 428C9, 42804."""
    found: dict[int, n.Expression] = {}
    table = goal.table
    own = Scope(scope.parent, scope.sources[:1], list(scope.sources[0].columns), scope.clause)

    def assign(target: ast.AssignmentTarget, node: ast.Expression | None, value: n.Expression | None) -> None:
        column = goal.column(target.column, target.position)
        if column.number in found and not target.indirection:
            raise DatacaveError(
                f'multiple assignments to same column "{table.column(column.number).name}"',
                sqlstate=sqlstate.SYNTAX_ERROR,
            )
        default = isinstance(node, ast.DefaultMarker)
        _check_generated(column, default)
        if default:
            found[column.number] = row_rules.default_value(b, table, column)
            return
        if value is None:
            assert node is not None
            value = b.expression(node, scope)
        if target.indirection:
            # Several parts of one column may be set: each starts from what the others have made of it.
            old = found.get(column.number) or b.expression(ast.ColumnRef(target.position, (target.column,)), own)
            found[column.number] = partial_assignment.replaced(b, target, old, value, scope)
            return
        place = node.position if node is not None else target.position
        found[column.number] = row_rules.assigned(b, value, column, place)

    goal.require(_written_names(items))
    for item in items:
        if isinstance(item, ast.Assignment):
            assign(item.target, item.value, None)
        else:
            _multiple(b, item, scope, assign)
    return tuple((number, e) for number, e in found.items() if not table.column(number).generated)


def _written_names(items: Sequence[ast.SetItem]) -> list[str]:
    """The columns that are set as wholes."""
    found: list[str] = []
    for item in items:
        parts = (item.target,) if isinstance(item, ast.Assignment) else item.targets
        found += [part.column for part in parts]
    return list(dict.fromkeys(found))


def _multiple(b: Binding, item: ast.MultiAssignment, scope: Scope, assign) -> None:  # type: ignore[no-untyped-def]
    source = item.source
    if isinstance(source, ast.RowExpression):
        if targets.has_stars(source.fields):
            source = ast.RowExpression(source.position, targets.spelled_row(b, source.fields, scope), source.explicit)
        if len(source.fields) != len(item.targets):
            raise DatacaveError(
                "number of columns does not match number of values",
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=source.position,
            )
        for target, node in zip(item.targets, source.fields, strict=True):
            assign(target, node, None)
        return
    if isinstance(source, ast.ScalarSubquery):
        boundary = scope.inner()
        plan = b.query(source.query, boundary)
        if len(plan.columns) != len(item.targets):
            raise DatacaveError(
                "number of columns does not match number of values",
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=source.position,
            )
        outer = tuple(sorted(boundary.outer))
        for target, column in zip(item.targets, plan.columns, strict=True):
            single = _one_column(plan, column)
            value = n.SubqueryExpression("scalar", single, column.type, column.typmod, outer=outer)
            assign(target, None, value)
        return
    if len(item.targets) == 1:
        assign(item.targets[0], source, None)
        return
    raise FeatureNotSupported(
        "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
        position=source.position,
    )


def _one_column(plan: l.LogicalPlan, column: l.OutputColumn) -> l.LogicalPlan:
    """The plan with one of its columns."""
    reference = n.ColumnReference(column.id, column.type, column.typmod, column.name)
    return l.Project(plan, (reference,), (column,))


def _check_generated(column: Column, default: bool) -> None:
    if default:
        return
    if column.generated:
        raise DatacaveError(
            f'column "{column.name}" can only be updated to DEFAULT',
            sqlstate=sqlstate.GENERATED_ALWAYS,
            detail=f'Column "{column.name}" is a generated column.',
        )
    if column.identity == "a":
        raise DatacaveError(
            f'column "{column.name}" can only be updated to DEFAULT',
            sqlstate=sqlstate.GENERATED_ALWAYS,
            detail=f'Column "{column.name}" is an identity column defined as GENERATED ALWAYS.',
        )
