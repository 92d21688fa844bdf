"""Stored text: expressions and queries of the catalog as syntax trees, parsed once per process.

Trees are immutable, so statements can share them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache

from datacave_sql.parse import ParsedStatement, ast, parse_expression, parse_statements

EXPRESSIONS_MAX = 4096
QUERIES_MAX = 256


@lru_cache(EXPRESSIONS_MAX)
def expression_tree(text: str) -> ast.Expression:
    """The tree of a stored default, check or index expression."""
    return parse_expression(text)


@lru_cache(QUERIES_MAX)
def query_tree(text: str) -> ast.Statement:
    """The tree of a view's query."""
    return parse_statements(text)[0].statement


@lru_cache(QUERIES_MAX)
def statements_of(text: str) -> tuple[ParsedStatement, ...]:
    """The statements of a routine's body."""
    return tuple(parse_statements(text))


def mentioned_columns(node: object) -> Iterator[ast.ColumnRef]:
    """Every column reference below a node of a syntax tree."""
    if isinstance(node, ast.ColumnRef):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from mentioned_columns(item)
    elif isinstance(node, ast.Node):
        for one in fields(node):
            yield from mentioned_columns(getattr(node, one.name))
