"""ParsedStatement: one statement of a query string with the slice of the text it came from."""

from __future__ import annotations

from dataclasses import dataclass

from datacave_sql.parse.ast import Statement


@dataclass(frozen=True, slots=True)
class ParsedStatement:
    """`text[start:end]` is the statement without leading blanks, comments and its semicolon; counted from 0.

    Node positions count from 1 in the whole text, not in the slice. `parameter_count` is the highest `$n`.
    """

    statement: Statement
    start: int
    end: int
    parameter_count: int = 0
