"""When two answers count as the same.

Rows of a statement without ORDER BY are compared as a bag; with it, rows that are equal in the ORDER BY columns may
change places, as far as these columns are among the output. EXPLAIN is left out, as are values nobody can repeat.
"""

from __future__ import annotations

import re
from collections import Counter
from enum import Enum

from datacave_core.errors import DatacaveError
from datacave_sql.parse import ast, parse_statements
from tests.regress.target import Answer, Outcome

_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)
_LEFT_OUT = re.compile(r"^\s*(explain|vacuum|analyze)\b", re.IGNORECASE)


class Verdict(Enum):
    """How an answer compares with the oracle's."""

    SAME = "same"
    LEFT_OUT = "left out"
    CRASH = "crash"
    HANG = "hang"
    UNSUPPORTED = "unsupported"
    SQLSTATE = "sqlstate"
    ERROR = "unexpected error"
    NO_ERROR = "missing error"
    COLUMNS = "columns"
    ROWS = "rows"
    TAG = "tag"
    MESSAGE = "message"


BAD = (Verdict.CRASH, Verdict.HANG)


def comparable(statement: str) -> bool:
    """Whether an answer to this says anything about being right."""
    return _LEFT_OUT.match(re.sub(r"^(\s*--[^\n]*\n|\s*/\*.*?\*/)*", "", statement, flags=re.DOTALL)) is None


def compare(statement: str, expected: Outcome, got: Outcome) -> Verdict:
    """The verdict over a query string."""
    if got.fate == "hang":
        return Verdict.HANG if expected.fate != "hang" else Verdict.LEFT_OUT
    if got.fate == "lost" and expected.fate != "lost":
        return Verdict.CRASH
    if "XX000" in got.sqlstates and "XX000" not in expected.sqlstates:
        return Verdict.CRASH
    if not comparable(statement):
        return Verdict.LEFT_OUT
    for ours, theirs in zip(got.answers, expected.answers, strict=False):
        verdict = _compare_answers(statement, theirs, ours)
        if verdict is not Verdict.SAME:
            return verdict
    return Verdict.SAME if len(got.answers) == len(expected.answers) else Verdict.TAG


def _compare_answers(statement: str, expected: Answer, got: Answer) -> Verdict:
    if got.sqlstate != expected.sqlstate:
        if not got.sqlstate:
            return Verdict.NO_ERROR
        if got.sqlstate == "0A000":
            return Verdict.UNSUPPORTED
        return Verdict.SQLSTATE if expected.sqlstate else Verdict.ERROR
    if got.sqlstate:
        return Verdict.SAME if got.message == expected.message else Verdict.MESSAGE
    if got.columns != expected.columns:
        return Verdict.COLUMNS
    if got.rows != expected.rows and not _same_rows(statement, expected, got):
        return Verdict.ROWS
    return Verdict.SAME if got.tag == expected.tag else Verdict.TAG


def _same_rows(statement: str, expected: Answer, got: Answer) -> bool:
    if Counter(got.rows) != Counter(expected.rows):
        return False
    places = sort_places(statement, [name for name, _ in expected.columns])
    if places is None:
        return False
    return [[row[i] for i in places] for row in got.rows] == [[row[i] for i in places] for row in expected.rows]


def sort_places(statement: str, names: list[str]) -> list[int] | None:
    """Which output columns a query is ordered by; none if in no order; None if by something else or if unknown."""
    try:
        parsed = parse_statements(statement)
    except DatacaveError:
        return None if _ORDERED.search(statement) else []
    if len(parsed) != 1 or not isinstance(parsed[0].statement, ast.Query):
        return None if _ORDERED.search(statement) else []
    query = parsed[0].statement
    targets = query.body.targets if isinstance(query.body, ast.Select) else ()
    written = [target.expression for target in targets] if len(targets) == len(names) else []
    places = []
    for item in query.order_by:
        e = item.expression
        if isinstance(e, ast.IntegerLiteral):
            places.append(e.value - 1)
        elif isinstance(e, ast.ColumnRef) and len(e.parts) == 1 and names.count(e.parts[0]) == 1:
            places.append(names.index(e.parts[0]))
        elif e in written:
            places.append(written.index(e))
        else:
            return None
    return places
