"""Grouping: GROUP BY, GROUPING SETS, and the rule that what is not grouped must be aggregated.

Expressions are bound over the rows of FROM first. When the query is grouped, every part of them that equals a group
expression becomes that group's column; a column that is left over is an error, unless the primary key of its table is
among the groups, which makes it a group too. A group that is a plain column keeps its number above the Aggregate, so
that subqueries need not be rewritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations, product

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError
from datacave_core.types import oids
from datacave_sql.bind import coercion
from datacave_sql.bind.names import Scope
from datacave_sql.bind.sorting import require_equality
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.functions import registry
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

SETS_MAX = 4096


@dataclass(slots=True)
class Groups:
    """The groups of one query; `sets` lists positions into `expressions`, None without GROUPING SETS."""

    expressions: list[n.Expression] = field(default_factory=list)
    columns: list[l.OutputColumn] = field(default_factory=list)
    sets: list[tuple[int, ...]] | None = None
    grouping_column: l.OutputColumn | None = None

    def add(self, b: Binding, e: n.Expression, name: str) -> int:
        """The position of a group expression, which is added where it is new."""
        for position, known in enumerate(self.expressions):
            if known == e:
                return position
        self.expressions.append(e)
        if isinstance(e, n.ColumnReference):
            self.columns.append(l.OutputColumn(e.column, e.name or name, e.type, e.typmod))
        else:
            self.columns.append(b.output(name, e))
        return len(self.expressions) - 1

    def reference(self, position: int) -> n.Expression:
        """A reference to a group's column."""
        column = self.columns[position]
        return n.ColumnReference(column.id, column.type, column.typmod, column.name)


def bind_groups(b: Binding, body: ast.Select, scope: Scope, resolve) -> Groups:  # type: ignore[no-untyped-def]
    """GROUP BY; `resolve(node)` binds one item, output names and ordinals included."""
    groups = Groups()
    factors: list[list[tuple[int, ...]]] = []
    plain = True
    for item in body.group_by:
        if isinstance(item, ast.GroupingSet):
            plain = False
            factors.append(_sets(b, item, groups, resolve))
        else:
            factors.append([_members(b, item, groups, resolve)])
    if plain:
        return groups
    sets: list[tuple[int, ...]] = []
    count = 1
    for factor in factors:
        count *= len(factor)
    if count > SETS_MAX:
        raise DatacaveError(
            f"too many grouping sets present (maximum {SETS_MAX})", sqlstate=sqlstate.STATEMENT_TOO_COMPLEX
        )
    for choice in product(*factors):
        sets.append(tuple(dict.fromkeys(chain(*choice))))
    if body.group_distinct:
        sets = [list_of for i, list_of in enumerate(sets) if set(list_of) not in [set(s) for s in sets[:i]]]
    groups.sets = sets
    return groups


def _members(b: Binding, item: ast.Expression, groups: Groups, resolve) -> tuple[int, ...]:  # type: ignore[no-untyped-def]
    if isinstance(item, ast.RowExpression) and not item.explicit:
        return tuple(chain(*(_members(b, part, groups, resolve) for part in item.fields)))
    e = coercion.settled(b, resolve(item))
    require_equality(b, e, item.position)
    return (groups.add(b, e, "group"),)


def _sets(b: Binding, item: ast.GroupingSet, groups: Groups, resolve) -> list[tuple[int, ...]]:  # type: ignore[no-untyped-def]
    if item.kind == "empty":
        return [()]
    if item.kind == "sets":
        found: list[tuple[int, ...]] = []
        for part in item.items:
            if isinstance(part, ast.GroupingSet):
                found += _sets(b, part, groups, resolve)
            else:
                found.append(_members(b, part, groups, resolve))
        return found
    members = [_members(b, part, groups, resolve) for part in item.items]
    if item.kind == "rollup":
        return [tuple(chain(*members[:count])) for count in range(len(members), -1, -1)]
    if len(members) > 12:
        raise DatacaveError(
            "CUBE is limited to 12 elements", sqlstate=sqlstate.TOO_MANY_COLUMNS, position=item.position
        )
    return [tuple(chain(*chosen)) for count in range(len(members), -1, -1) for chosen in combinations(members, count)]


class GroupedExpressions:
    """Rewrites expressions of a grouped query to read the Aggregate's columns. Raises 42803."""

    def __init__(self, b: Binding, scope: Scope, groups: Groups, expanded: set[int]) -> None:
        self._b = b
        self._scope = scope
        self._groups = groups
        self._input = scope.owned() | expanded
        self._dependent = self._dependent_columns()
        grouping = scope.grouping
        assert grouping is not None
        self._calls = {call.column.id: call.arguments for call in grouping.grouping_calls}

    def _dependent_columns(self) -> set[int]:
        """Columns of tables whose whole primary key is grouped by, in all grouping sets."""
        expressions, sets = self._groups.expressions, self._groups.sets
        common = set(range(len(expressions))).intersection(*(sets or ()))
        grouped = {e.column for at, e in enumerate(expressions) if at in common and isinstance(e, n.ColumnReference)}
        found: set[int] = set()
        for source in self._scope.sources:
            table = source.table
            if table is None or not table.primary_key:
                continue
            by_number = {
                column.attribute: column.expression.column
                for column in source.columns
                if isinstance(column.expression, n.ColumnReference)
            }
            if all(by_number.get(number) in grouped for number in table.primary_key):
                found |= set(by_number.values())
                self._needs_key(table)
        return found

    def _needs_key(self, table: Table) -> None:
        """What is stored with this query hangs on the primary key."""
        for constraint in table.constraints:
            if constraint.kind == "p" and not self._b.view_depth:
                self._b.needed_keys.add(constraint.oid)

    def rewrite_item(self, e: n.Expression) -> n.Expression:
        """A select-list item: a constant that is grouped by itself is NULL where its grouping set leaves it out."""
        if isinstance(e, n.Constant) and self._groups.sets is not None:
            for position, known in enumerate(self._groups.expressions):
                if known is e:
                    return self._groups.reference(position)
        return self.rewrite(e)

    def masks_from_inside(self) -> list[tuple[l.OutputColumn, n.Expression]]:
        """The columns of GROUPING() that subqueries read, with their values over the groups."""
        grouping = self._scope.grouping
        assert grouping is not None
        calls = [call for call in grouping.grouping_calls if call.from_inside]
        return [(one.column, self._mask(one.arguments)) for one in calls]

    def rewrite(self, e: n.Expression) -> n.Expression:
        """The expression over groups and aggregates."""
        rewritten: n.Expression = n.transform(e, self._change)
        return rewritten

    def _change(self, e: n.Expression) -> n.Expression:
        groups = self._groups
        for position, known in enumerate(groups.expressions):
            if e == known and not isinstance(e, n.Constant):
                return groups.reference(position)
        if isinstance(e, n.ColumnReference):
            if e.column in self._calls:
                return self._mask(self._calls[e.column])
            if e.column in self._input:
                return self._ungrouped(e)
        elif isinstance(e, n.SubqueryExpression):
            for column in e.outer:
                if column in self._input:
                    self._check_outer(column, e)
        return e

    def _ungrouped(self, e: n.ColumnReference) -> n.Expression:
        if e.column in self._dependent:
            return self._groups.reference(self._add_everywhere(e, e.name))
        source = self._source_name(e.column)
        raise DatacaveError(
            f'column "{source}" must appear in the GROUP BY clause or be used in an aggregate function',
            sqlstate=sqlstate.GROUPING_ERROR,
            position=self._b.position(e),
        )

    def _add_everywhere(self, e: n.Expression, name: str) -> int:
        """Makes an expression that depends on the groups one of them, in all grouping sets."""
        groups = self._groups
        position = groups.add(self._b, e, name)
        if groups.sets is not None:
            groups.sets = [one if position in one else (*one, position) for one in groups.sets]
        return position

    def _check_outer(self, column: int, e: n.Expression) -> None:
        for known in self._groups.expressions:
            if isinstance(known, n.ColumnReference) and known.column == column:
                return
        if column in self._dependent:
            for source in self._scope.sources:
                for candidate in source.columns:
                    if isinstance(candidate.expression, n.ColumnReference) and candidate.expression.column == column:
                        self._add_everywhere(candidate.expression, candidate.name)
                        return
        raise DatacaveError(
            f'subquery uses ungrouped column "{self._source_name(column)}" from outer query',
            sqlstate=sqlstate.GROUPING_ERROR,
            position=self._b.mention(column, self._b.position(e) or 0),
        )

    def _source_name(self, column: int) -> str:
        for source in self._scope.sources:
            for candidate in source.columns:
                if isinstance(candidate.expression, n.ColumnReference) and candidate.expression.column == column:
                    return f"{source.name}.{candidate.name}"
        return "?column?"

    def _mask(self, arguments: Sequence[n.Expression]) -> n.Expression:
        """GROUPING(a, b): the bits of its arguments out of the Aggregate's mask."""
        positions = []
        for argument in arguments:
            for position, known in enumerate(self._groups.expressions):
                if known == argument:
                    positions.append(position)
                    break
            else:
                raise DatacaveError(
                    "arguments to GROUPING must be grouping expressions of the associated query level",
                    sqlstate=sqlstate.GROUPING_ERROR,
                    position=self._b.position(argument),
                )
        if self._groups.sets is None:
            return n.Constant(0, oids.INT4)
        if self._groups.grouping_column is None:
            self._groups.grouping_column = self._b.output("grouping", n.Constant(0, oids.INT4))
        mask = self._groups.grouping_column
        return MaskBits.expression(n.ColumnReference(mask.id, oids.INT4, -1, "grouping"), positions)


class MaskBits:
    """GROUPING() as integer arithmetic over the mask column."""

    @staticmethod
    def expression(mask: n.Expression, positions: Sequence[int]) -> n.Expression:
        """The bits at `positions`, the last one the least significant."""
        result: n.Expression | None = None
        count = len(positions)
        for place, position in enumerate(positions):
            shift = count - 1 - place
            bit = _operator("&", _operator(">>", mask, n.Constant(position, oids.INT4)), n.Constant(1, oids.INT4))
            if shift:
                bit = _operator("<<", bit, n.Constant(shift, oids.INT4))
            result = bit if result is None else _operator("|", result, bit)
        assert result is not None
        return result


def _operator(name: str, left: n.Expression, right: n.Expression) -> n.Expression:
    function = next(
        op.function for op in registry.operators_named(name) if (op.left, op.right) == (oids.INT4, oids.INT4)
    )
    return n.FunctionCall(registry.function(function), (left, right), oids.INT4, -1, name)
