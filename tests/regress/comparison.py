"""When two answers count as the same.

Rows of a statement without ORDER BY are compared as a bag. EXPLAIN is left out, as are values nobody can repeat.
"""

from __future__ import annotations

import re
from collections import Counter
from enum import Enum

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
    if got.rows != expected.rows and (_ORDERED.search(statement) or Counter(got.rows) != Counter(expected.rows)):
        return Verdict.ROWS
    return Verdict.SAME if got.tag == expected.tag else Verdict.TAG
