"""SEARCH and CYCLE: columns that a recursive WITH query carries along to order its rows and to notice cycles.

Both are rewritten into the terms of the query, as the SQL standard defines them. Depth first: an array of the rows on
the way; breadth first: a row of the depth and the row's columns. CYCLE keeps such an array too, marks the rows that
are in it already, and goes on from unmarked ones only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import oids
from datacave_sql.bind import coercion, operators
from datacave_sql.bind.names import Scope
from datacave_sql.bind.sorting import require_equality
from datacave_sql.bind.state import Binding
from datacave_sql.expr import nodes as n
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

_RECORDS = 2287


class CarriedColumns:
    """The extra columns of one recursive query: `columns` describes them, `start` and `step` extend its terms."""

    def __init__(self, b: Binding, item: ast.CommonTable, columns: Sequence[l.OutputColumn]) -> None:
        self._b = b
        self._item = item
        self._columns = columns
        self.columns: list[l.OutputColumn] = []
        self._mark: tuple[n.Expression, n.Expression] | None = None
        search, cycle = item.search, item.cycle
        if search is not None:
            self._check(search.columns, "search", search.position)
            self._free(search.sequence_column, "search sequence column", search.position)
            kind = oids.RECORD if search.breadth_first else _RECORDS
            self.columns.append(l.OutputColumn(b.new_id(), search.sequence_column, kind))
        if cycle is not None:
            self._check(cycle.columns, "cycle", cycle.position)
            self._mark = self._mark_values(cycle)
            self._free(cycle.mark_column, "cycle mark column", cycle.position)
            self._free(cycle.path_column, "cycle path column", cycle.position)
            if cycle.mark_column == cycle.path_column:
                raise _same("cycle mark column", "cycle path column", cycle.position)
            self.columns.append(l.OutputColumn(b.new_id(), cycle.mark_column, self._mark[0].type, self._mark[0].typmod))
            self.columns.append(l.OutputColumn(b.new_id(), cycle.path_column, _RECORDS))
            for name, words in ((cycle.mark_column, "cycle mark column"), (cycle.path_column, "cycle path column")):
                if search is not None and search.sequence_column == name:
                    raise _same("search sequence column", words, search.position)

    def _check(self, names: Sequence[str], words: str, position: int) -> None:
        known = [column.name for column in self._columns]
        for place, name in enumerate(names):
            if name not in known:
                raise DatacaveError(
                    f'{words} column "{name}" not in WITH query column list',
                    sqlstate=sqlstate.SYNTAX_ERROR,
                    position=position,
                )
            if name in names[:place]:
                raise DatacaveError(
                    f'{words} column "{name}" specified more than once',
                    sqlstate=sqlstate.DUPLICATE_COLUMN,
                    position=position,
                )

    def _free(self, name: str, words: str, position: int) -> None:
        if any(column.name == name for column in self._columns):
            raise DatacaveError(
                f'{words} name "{name}" already used in WITH query column list',
                sqlstate=sqlstate.SYNTAX_ERROR,
                position=position,
            )

    def _mark_values(self, cycle: ast.CycleClause) -> tuple[n.Expression, n.Expression]:
        """The values of a row that closes a cycle and of others."""
        b = self._b
        if cycle.mark_value is None or cycle.mark_default is None:
            return n.Constant(True, oids.BOOL), n.Constant(False, oids.BOOL)
        scope = Scope(clause="CYCLE")
        values = [b.expression(cycle.mark_value, scope), b.expression(cycle.mark_default, scope)]
        (value, default), _ = coercion.to_common(b, values, "CYCLE")
        require_equality(b, value, cycle.position)
        return value, default

    def _row(self, names: Sequence[str], columns: Sequence[l.OutputColumn]) -> list[n.Expression]:
        """The columns of these names of the query, read from `columns` by their places."""
        by_name = {known.name: column for known, column in zip(self._columns, columns, strict=False)}
        found = [by_name[name] for name in names]
        return [n.ColumnReference(column.id, column.type, column.typmod, column.name) for column in found]

    @staticmethod
    def _record(fields: Sequence[n.Expression]) -> n.Expression:
        return n.RowConstructor(tuple(fields), oids.RECORD, -1, tuple(f"f{i + 1}" for i in range(len(fields))))

    def start(self, plan: l.LogicalPlan) -> l.LogicalPlan:
        """The non-recursive term with the extra columns."""
        added: list[n.Expression] = []
        search, cycle = self._item.search, self._item.cycle
        if search is not None:
            row = self._row(search.columns, plan.columns)
            if search.breadth_first:
                added.append(self._record([n.Constant(0, oids.INT8), *row]))
            else:
                added.append(n.ArrayConstructor((self._record(row),), False, _RECORDS))
        if cycle is not None:
            assert self._mark is not None
            row = self._row(cycle.columns, plan.columns)
            added += [self._mark[1], n.ArrayConstructor((self._record(row),), False, _RECORDS)]
        return self._with(plan, plan.columns, added)

    def step(self, plan: l.LogicalPlan, table_id: int) -> l.LogicalPlan:
        """The recursive term with the extra columns. Raises 0A000 where it is too complex for that."""
        before = tuple(replace(column, id=self._b.new_id()) for column in self.columns)
        plan = self._carrying(plan, table_id, before)
        count = len(plan.columns) - len(before)
        own = plan.columns[:count]
        old = [n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in before]
        added: list[n.Expression] = []
        search, cycle = self._item.search, self._item.cycle
        at = 0
        if search is not None:
            row = self._row(search.columns, own)
            if search.breadth_first:
                depth = n.FieldSelect(old[0], 0, oids.INT8)
                added.append(self._record([self._apply("+", depth, n.Constant(1, oids.INT8)), *row]))
            else:
                added.append(self._joined(old[0], row))
            at = 1
        if cycle is not None:
            assert self._mark is not None
            row = self._row(cycle.columns, own)
            equal = operators.find_operator(self._b, "=", oids.RECORD, oids.RECORD, cycle.position)
            seen = n.ArrayComparison(self._record(row), old[at + 1], equal.function, False)
            value, default = self._mark
            added.append(n.Case(None, ((seen, value),), default, value.type, value.typmod))
            added.append(self._joined(old[at + 1], row))
        return self._with(plan, own, added)

    def _joined(self, path: n.Expression, row: Sequence[n.Expression]) -> n.Expression:
        return self._apply("||", path, n.ArrayConstructor((self._record(row),), False, _RECORDS))

    def _apply(self, operator: str, left: n.Expression, right: n.Expression) -> n.Expression:
        return operators.apply_operator(self._b, operator, left, right, self._item.position)

    def _with(
        self, plan: l.LogicalPlan, columns: Sequence[l.OutputColumn], added: Sequence[n.Expression]
    ) -> l.LogicalPlan:
        kept = [n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in columns]
        outputs = [
            replace(column, id=self._b.new_id()) if extra else column
            for extra, column in [*((False, c) for c in columns), *((True, c) for c in self.columns)]
        ]
        return l.Project(plan, (*kept, *added), tuple(outputs))

    def _carrying(self, plan: l.LogicalPlan, table_id: int, extra: tuple[l.OutputColumn, ...]) -> l.LogicalPlan:
        """The term with the extra columns of the row it starts from as further columns; marked rows go no further."""
        if not isinstance(plan, l.Project):
            raise _too_complex(self._item)
        found = [False]

        def visit(node: l.LogicalPlan) -> l.LogicalPlan:
            if isinstance(node, l.CommonTableScan) and node.id == table_id:
                found[0] = True
                return replace(node, columns=node.columns + extra)
            if isinstance(node, l.Filter):
                return replace(node, child=visit(node.child))
            if isinstance(node, l.Join):
                return replace(node, left=visit(node.left), right=visit(node.right))
            return node

        passed = tuple(n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in extra)
        if isinstance(plan.child, l.Project):
            inner = self._carrying(plan.child, table_id, extra)
        else:
            inner = visit(plan.child)
            if not found[0]:
                raise _too_complex(self._item)
            if self._mark is not None:
                mark = extra[-2]
                reference = n.ColumnReference(mark.id, mark.type, mark.typmod, mark.name)
                inner = l.Filter(inner, self._apply("<>", reference, self._mark[0]))
        return l.Project(inner, plan.expressions + passed, plan.columns + extra)


def _same(one: str, other: str, position: int) -> DatacaveError:
    return DatacaveError(f"{one} name and {other} name are the same", sqlstate=sqlstate.SYNTAX_ERROR, position=position)


def _is_named_in(item: ast.FromItem, name: str) -> bool:
    if isinstance(item, ast.Join):
        return _is_named_in(item.left, name) or _is_named_in(item.right, name)
    return isinstance(item, ast.TableRef) and item.name == (name,)


def check_form(item: ast.CommonTable, body: ast.SetOperation) -> None:
    """Raises 0A000 and 42601 for queries that SEARCH and CYCLE cannot be written into."""
    if isinstance(body.left.body, ast.SetOperation):
        raise FeatureNotSupported("with a SEARCH or CYCLE clause, the left side of the UNION must be a SELECT")
    if isinstance(body.right.body, ast.SetOperation):
        raise DatacaveError(
            "with a SEARCH or CYCLE clause, the right side of the UNION must be a SELECT",
            sqlstate=sqlstate.SYNTAX_ERROR,
        )
    shadowed = body.right.with_clause is not None and any(
        table.name == item.name for table in body.right.with_clause.tables
    )
    named = isinstance(body.right.body, ast.Select) and any(
        _is_named_in(one, item.name) for one in body.right.body.from_items
    )
    if shadowed or not named:
        raise _too_complex(item)


def _too_complex(item: ast.CommonTable) -> DatacaveError:
    return FeatureNotSupported(
        f'with a SEARCH or CYCLE clause, the recursive reference to WITH query "{item.name}" must be at the top level '
        "of its right-hand SELECT"
    )
