"""dialect_hint: a hint for a syntax error in a statement that was written for another database.

The one place that meets sqlglot. It never changes what runs: its answer is text in the HINT of an error, and only when
our own parser accepts it. Bounded: statements of up to 4,096 bytes, at most two dialects, and only those of which the
statement bears a mark (a backtick, TOP, AUTO_INCREMENT, ..); whatever sqlglot raises means no hint.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

TEXT_BYTES_MAX = 4096
DIALECTS_TRIED_MAX = 2

# Unsupported syntax is an answer here, not news for the server's log.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

_MARKS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (dialect, label, re.compile(pattern, re.IGNORECASE))
    for dialect, label, pattern in (
        (
            "tsql",
            "T-SQL",
            r"\[[A-Za-z_ ]+\]|\bTOP\s*\(?\s*[0-9]|\bNVARCHAR\b|\bIDENTITY\s*\(|\bCROSS\s+APPLY\b|#[A-Za-z]",
        ),
        (
            "mysql",
            "MySQL",
            r"`|\bAUTO_INCREMENT\b|\bENGINE\s*=|\bLIMIT\s+[0-9]+\s*,|\bSTRAIGHT_JOIN\b|\bUNSIGNED\b|\bINTERVAL\s+[0-9]|\bREGEXP\b|\bDIV\b|\bREPLACE\s+INTO\b|\bON\s+DUPLICATE\b",
        ),
        ("sqlite", "SQLite", r"\bAUTOINCREMENT\b|\bINSERT\s+OR\s+\w+|\bGLOB\b|\bWITHOUT\s+ROWID\b"),
        ("oracle", "Oracle", r"\bCONNECT\s+BY\b|\bMINUS\b|\bVARCHAR2\b|\bNUMBER\s*\(|\bMERGE\b|\(\+\)|\bROWNUM\b"),
        ("bigquery", "BigQuery", r"`|\bSAFE_CAST\b|\bSTRUCT\s*[<(]|\bQUALIFY\b|\bEXCEPT\s*\("),
        ("snowflake", "Snowflake", r"\bQUALIFY\b|\bFLATTEN\b|\bTRY_CAST\b|\bILIKE\s+ANY\b"),
    )
)


def dialect_hint(text: str, accepts: Callable[[str], bool]) -> str | None:
    """The HINT for a statement that PostgreSQL's grammar refuses, or None. `accepts` asks our parser."""
    if len(text) > TEXT_BYTES_MAX or len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
        return None
    tried = 0
    for dialect, label, mark in _MARKS:
        if mark.search(text) is None:
            continue
        tried += 1
        if tried > DIALECTS_TRIED_MAX:
            return None
        translated = _translate(text, dialect)
        if translated is not None and translated != text and accepts(translated):
            return f"This looks like {label}; in PostgreSQL it reads: {translated}"
    return None


def _translate(text: str, dialect: str) -> str | None:
    """The first and only statement of a text in PostgreSQL's words, or None where sqlglot does not understand it."""
    try:
        trees = sqlglot.parse(text, read=dialect, error_level=ErrorLevel.RAISE)
        if len(trees) != 1 or trees[0] is None or trees[0].find(exp.Command) is not None:
            return None
        return trees[0].sql(dialect="postgres", unsupported_level=ErrorLevel.RAISE)
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return None  # the library's own troubles with odd input are no reason to change the error the client sees
