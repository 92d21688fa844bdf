"""The parser's entry points: text in, syntax trees or one error out.

Deep nesting answers 54001 as PostgreSQL's stack limit does, never a RecursionError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_sql.parse.ast import Expression, TypeName
from datacave_sql.parse.dialect_hint import dialect_hint
from datacave_sql.parse.lexer import END, tokenize
from datacave_sql.parse.statement import ParsedStatement
from datacave_sql.parse.statements import StatementGrammar

T = TypeVar("T")


def parse_statements(text: str) -> list[ParsedStatement]:
    """Every statement of a query string; an empty list for blanks, comments and semicolons.

    Raises DatacaveError: 42601 with the position of the token that does not fit, other codes where PostgreSQL's
    grammar itself refuses (0A000, 22023, 42P20 and so on), 54001 for nesting beyond the stack.
    """
    try:
        return _guarded(text, StatementGrammar.statements)
    except DatacaveError as error:
        if error.hint is None and error.message.startswith("syntax error"):
            error.hint = dialect_hint(text, _accepts)
        raise


def _accepts(text: str) -> bool:
    """Whether a text parses; asked for hints only."""
    try:
        _guarded(text, StatementGrammar.statements)
    except DatacaveError:
        return False
    return True


def parse_expression(text: str) -> Expression:
    """One expression that fills the whole text: a stored default, check or index expression."""
    return _guarded(text, lambda grammar: _whole(grammar, grammar.expression()))


def parse_type(text: str) -> TypeName:
    """One type name that fills the whole text, as regtype and casts in text take it."""
    return _guarded(text, lambda grammar: _whole(grammar, grammar.type_name()))


def _whole(grammar: StatementGrammar, found: T) -> T:
    if grammar.kinds[grammar.index] != END:
        raise grammar.syntax_error()
    return found


def _guarded(text: str, rule: Callable[[StatementGrammar], T]) -> T:
    try:
        return rule(StatementGrammar(tokenize(text)))
    except RecursionError:
        raise DatacaveError(
            "stack depth limit exceeded",
            sqlstate=sqlstate.STATEMENT_TOO_COMPLEX,
            hint="The statement nests expressions or subqueries too deeply; write it with fewer levels.",
        ) from None
