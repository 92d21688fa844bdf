"""row_history('table', key...): every kept version of a row, or of all rows, as a query over FOR SYSTEM_TIME ALL."""

from __future__ import annotations

from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.bind import relations
from datacave_sql.bind.state import Binding
from datacave_sql.bind.stored_text import expression_tree, query_tree
from datacave_sql.parse import ast

NAME = "row_history"
_TEMPLATE = (
    "SELECT system_begin, system_end, system_transaction, versions.*"
    " FROM versions FOR SYSTEM_TIME ALL ORDER BY system_begin"
)


def history_query(b: Binding, item: ast.FunctionRef) -> ast.SubqueryRef | None:
    """The query that a call of row_history in FROM stands for; None for other functions. Raises 42P01, 42883."""
    call = item.functions[0].call
    if len(item.functions) != 1 or not isinstance(call, ast.FunctionCall) or call.name != (NAME,):
        return None
    arguments = call.arguments
    if not arguments or not isinstance(arguments[0], ast.StringLiteral):
        raise DatacaveError(
            "row_history takes the name of a table as a string, then the values of its primary key",
            sqlstate=sqlstate.UNDEFINED_FUNCTION,
            hint="For example, row_history('orders', 17).",
            position=call.position,
        )
    written = expression_tree(arguments[0].value)
    name = written.parts if isinstance(written, ast.ColumnRef) else (arguments[0].value,)
    table = relations.require_table(b, name, arguments[0].position)
    keys = [table.column(number).name for number in table.primary_key]
    if len(arguments) > 1 and len(arguments) - 1 != len(keys):
        raise DatacaveError(
            f'the primary key of "{table.name}" has {len(keys)} columns, not {len(arguments) - 1}',
            sqlstate=sqlstate.UNDEFINED_FUNCTION,
            position=call.position,
        )
    place = call.position
    query = query_tree(_TEMPLATE)
    assert isinstance(query, ast.Query) and isinstance(query.body, ast.Select)
    (source,) = query.body.from_items
    assert isinstance(source, ast.TableRef)
    source = replace(source, name=name, alias=ast.Alias(place, "versions"), position=arguments[0].position)
    tests = tuple(
        ast.BinaryOperation(place, "=", ast.ColumnRef(place, ("versions", key)), value)
        for key, value in zip(keys, arguments[1:], strict=False)
    )
    where = None if not tests else tests[0] if len(tests) == 1 else ast.And(place, tests)
    body = replace(query.body, from_items=(source,), where=where)
    alias = item.alias if item.alias is not None else ast.Alias(place, NAME)
    return ast.SubqueryRef(item.position, replace(query, body=body), alias, True)
