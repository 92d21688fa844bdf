"""SQL text to syntax trees: PostgreSQL 15's lexical rules and grammar, written by hand."""

from __future__ import annotations

from datacave_sql.parse.naming import figure_column_name
from datacave_sql.parse.parser import parse_expression, parse_statements, parse_type
from datacave_sql.parse.statement import ParsedStatement

__all__ = ["ParsedStatement", "figure_column_name", "parse_expression", "parse_statements", "parse_type"]
