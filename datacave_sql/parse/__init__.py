"""SQL text to syntax trees: PostgreSQL 15's lexical rules and grammar, written by hand. The tree is in `ast`.

Beside the door: `fingerprint.py`, for the plan cache.
"""

from __future__ import annotations

from datacave_sql.parse.naming import figure_column_name
from datacave_sql.parse.parser import parse_expression, parse_statements, parse_type
from datacave_sql.parse.statement import ParsedStatement
from datacave_sql.parse.values_scanner import ScannedValues, scan_values

__all__ = [
    "ParsedStatement",
    "ScannedValues",
    "figure_column_name",
    "parse_expression",
    "parse_statements",
    "parse_type",
    "scan_values",
]
