"""figure_column_name: what PostgreSQL calls a result column that has no alias.

A name of strength 2 (column, function, field) wins; one of strength 1 (the type of a cast, `case`) stands only when
nothing better lies inside; without either the column is `?column?`.
"""

from __future__ import annotations

from datacave_sql.parse.ast import (
    ArrayLiteral,
    ArraySubquery,
    Case,
    Cast,
    Coalesce,
    Collate,
    ColumnRef,
    Exists,
    Expression,
    FieldSelection,
    FunctionCall,
    GroupingCall,
    MinMax,
    NullIf,
    Query,
    RowExpression,
    ScalarSubquery,
    Select,
    SetOperation,
    SqlValueFunction,
    SubscriptedExpression,
    UnsupportedExpression,
)

UNNAMED_COLUMN = "?column?"


def figure_column_name(expression: Expression) -> str:
    """The output name of an expression without alias; `*` expansions are the binder's."""
    name, _strength = _name_and_strength(expression)
    return name or UNNAMED_COLUMN


def _name_and_strength(node: Expression) -> tuple[str, int]:
    """A loop, not recursion, over the wrappers: the strongest name wins, else the outermost weak one."""
    weak = ""
    while True:
        if isinstance(node, ColumnRef):
            if node.parts and not node.star:
                return node.parts[-1], 2
            return weak, 1 if weak else 0
        if isinstance(node, FieldSelection):
            return node.field, 2
        if isinstance(node, SubscriptedExpression):
            node = node.operand
        elif isinstance(node, FunctionCall):
            return node.name[-1], 2
        elif isinstance(node, Collate):
            node = node.operand
        elif isinstance(node, Cast):
            weak = weak or node.type_name.names[-1]
            node = node.operand
        elif isinstance(node, Case):
            weak = weak or "case"
            if node.default is None:
                return weak, 1
            node = node.default
        elif isinstance(node, ScalarSubquery):
            return _first_target_name(node.query) or UNNAMED_COLUMN, 2
        else:
            fixed = _fixed_name(node)
            if fixed:
                return fixed, 2
            return weak, 1 if weak else 0


def _first_target_name(query: object) -> str:
    """The name of a query's first column, found through set operations; a star has to be expanded by the binder."""
    while isinstance(query, Query):
        body = query.body
        if isinstance(body, SetOperation):
            query = body.left
        elif isinstance(body, Select):
            if not body.targets:
                return ""
            return body.targets[0].alias or figure_column_name(body.targets[0].expression)
        else:
            return "column1"
    return ""


def _fixed_name(node: Expression) -> str:
    if isinstance(node, Coalesce):
        return "coalesce"
    if isinstance(node, NullIf):
        return "nullif"
    if isinstance(node, MinMax):
        return node.kind
    if isinstance(node, Exists):
        return "exists"
    if isinstance(node, ArrayLiteral | ArraySubquery):
        return "array"
    if isinstance(node, RowExpression):
        return "row"
    if isinstance(node, GroupingCall):
        return "grouping"
    if isinstance(node, SqlValueFunction):
        return node.name
    if isinstance(node, UnsupportedExpression):
        return node.column_name
    return ""
