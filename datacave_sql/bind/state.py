"""Binding: what is shared while one statement is bound: the environment, its parameters, fresh column numbers.

The families of expressions and statements call each other through it (`expression`, `query`), so that none of them
has to import the others; `binder.py` puts the tables together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.bind.access import RelationUse
from datacave_sql.bind.environment import BindingEnvironment
from datacave_sql.bind.names import Scope
from datacave_sql.bind.parameters import Parameters
from datacave_sql.exec.suspension import pause_inside
from datacave_sql.expr import nodes as n
from datacave_sql.functions.typelookup import Attribute
from datacave_sql.parse import ast
from datacave_sql.plan import logical as l

BindExpression = Callable[["Binding", Any, Scope], n.Expression]
BindPart = Callable[["Binding", Any, Scope], l.LogicalPlan]


_AFTER_OPERAND = (
    ast.IsNull, ast.BooleanTest, ast.InList, ast.InSubquery, ast.Like, ast.Between, ast.QuantifiedArray,
    ast.QuantifiedSubquery, ast.Cast, ast.Collate, ast.SubscriptedExpression, ast.FieldSelection,
)  # fmt: skip


def place_of(node: ast.Expression) -> int:
    """Where an expression begins: for infix forms that is at their first operand, not at the operator."""
    first = node.position
    while True:
        if isinstance(node, ast.BinaryOperation | ast.DistinctFrom):
            node = node.left
        elif isinstance(node, ast.Cast) and isinstance(node.operand, ast.StringLiteral):
            # A cast literal is a constant, which stands where its text stands.
            return node.operand.position if first >= node.position else first
        elif isinstance(node, _AFTER_OPERAND):
            node = node.operand
        elif isinstance(node, ast.And | ast.Or):
            node = node.operands[0]
        else:
            return first
        if 0 < node.position < first:
            first = node.position


class Binding:
    """One statement being bound."""

    def __init__(
        self,
        environment: BindingEnvironment,
        text: str,
        parameters: Parameters,
        expressions: Mapping[type, BindExpression],
        queries: Mapping[type, BindPart],
    ) -> None:
        self.environment = environment
        self.catalog = environment.catalog
        self.types = environment.types
        self.text = text
        self.parameters = parameters
        self.dependencies: set[int] = set()
        """Oids of relations and routines that the statement names itself, outside of views."""
        self.moment: l.Moment | None = None
        """When tables are read, inside a query with AS OF SYSTEM TIME."""
        self.shareable = True
        """Whether the plan holds as long as the catalog; one that reads the past depends on the time too."""
        self.inlined: set[int] = set()
        """The same of functions whose bodies have been put in place of their calls."""
        self.calls_routines = False
        self.active_routines: list[int] = []
        self.routine_names: dict[int, tuple[str, str]] = {}
        """Schema and name of the routine behind a call, by the id of its tree."""
        self.writes = False
        self.modifies_data = False
        self.stars: dict[int, tuple[tuple[str, ...], ...]] = {}
        self.needed_keys: set[int] = set()
        """Oids of the primary keys without which the statement would not group by enough."""
        self.natural_names: dict[int, tuple[str, ...]] = {}
        """The columns that NATURAL joins merge, by the ids of their trees."""
        self.mentions: list[tuple[int, int, int, int]] | None = None
        """If a list: where columns are mentioned outside of views: (position, column id, table oid, attribute)."""
        self.notes: dict[int, tuple[n.Expression, Scope]] | None = None
        """If a dictionary: what each tree, by its id, was bound to and where, for texts of definitions."""
        self.materialized: set[int] = set()
        """WITH queries that are marked MATERIALIZED, by id."""
        self.recursing: set[int] = set()
        """WITH queries whose recursive term is being bound, by id."""
        self.view_depth = 0
        self.uses: list[RelationUse] = []
        self.defining = False
        self.unread = environment.unread
        """Whether the statement is bound only to see whether it can be: materialized views need not be populated."""
        """Whether the statement only stores what is bound: row security counts when that is run."""
        self.policy_tables: list[int] = []
        """Oids of the tables whose policies are being bound."""
        self.active_rules: list[tuple[int, str]] = []
        """Relations (by oid) and events whose rules are being applied."""
        self.acting_role = 0
        """Whose privileges count: the owner of the view that is being bound, or 0 for the current user."""
        self.record_fields: dict[int, tuple[Attribute, ...]] = {}
        """The fields of columns of type record whose shape is known: results of set-returning functions."""
        self._expressions = expressions
        self._queries = queries
        self._last_id = 0
        self._positions: dict[int, tuple[n.Expression, int]] = {}

    def use(self, relation: Any, *, selects: bool = True) -> RelationUse:
        """Notes that the statement mentions a relation."""
        made = RelationUse(relation, self.acting_role, selects, not self.view_depth)
        self.uses.append(made)
        return made

    def new_id(self) -> int:
        """A column number that is new in the statement."""
        self._last_id += 1
        return self._last_id

    def expression(self, node: ast.Expression, scope: Scope) -> n.Expression:
        """Binds an expression of any form; untyped literals and parameters keep the type unknown."""
        bind = self._expressions.get(type(node))
        if bind is None:
            raise DatacaveError(
                f"{type(node).__name__} cannot stand here", sqlstate=sqlstate.SYNTAX_ERROR, position=node.position
            )
        try:
            bound = bind(self, node, scope)
        except DatacaveError as error:
            raise error.at(node.position) from None
        self._positions[id(bound)] = (bound, place_of(node))
        if not len(self._positions) & 0xFF:
            pause_inside()
        if self.notes is not None:
            self.notes[id(node)] = (bound, scope)
        return bound

    def query(self, statement: ast.Statement, scope: Scope) -> l.LogicalPlan:
        """Binds a query, or a statement of WITH, inside the names of `scope`."""
        return self._queries[type(statement)](self, statement, scope)

    def routine_name(self, call: ast.FunctionCall) -> tuple[str, ...]:
        """The full name of the routine that a bound call means; of built-in functions the name as written."""
        return self.routine_names.get(id(call), call.name)

    def position(self, expression: n.Expression) -> int | None:
        """Where an expression was written, as far as that is known."""
        found = self._positions.get(id(expression))
        return found[1] if found is not None else None

    def mention(self, column: int, after: int) -> int | None:
        """The first place from `after` on where a column is mentioned."""
        places = [
            place
            for e, place in self._positions.values()
            if isinstance(e, n.ColumnReference) and e.column == column and place >= after
        ]
        return min(places, default=after or None)

    def placed(self, expression: n.Expression, position: int) -> n.Expression:
        """Remembers where an expression was written."""
        self._positions.setdefault(id(expression), (expression, position))
        return expression

    def output(self, name: str, expression: n.Expression, table_oid: int = 0, attribute: int = 0) -> l.OutputColumn:
        """A new column for the value of an expression."""
        return l.OutputColumn(self.new_id(), name, expression.type, expression.typmod, table_oid, attribute)
