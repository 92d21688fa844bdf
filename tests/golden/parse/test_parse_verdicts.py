"""Does the parser accept what PostgreSQL 15 accepts, and refuse the rest with the same code, message and position?

The verdicts were recorded from PostgreSQL by tests/oracle/record_parse.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datacave_core.errors import DatacaveError
from datacave_sql.parse import figure_column_name, parse_expression, parse_statements

HERE = Path(__file__).parent
VERDICTS = [json.loads(line) for line in (HERE / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()]
COLUMN_NAMES = [json.loads(line) for line in (HERE / "column_names.jsonl").read_text(encoding="utf-8").splitlines()]


def verdict(text: str) -> list[object]:
    try:
        parse_statements(text)
    except DatacaveError as error:
        return [error.sqlstate, error.message, error.position or 0]
    return [None]


@pytest.mark.parametrize("recorded", VERDICTS, ids=lambda row: row[0][:60])
def test_same_verdict(recorded: list[object]) -> None:
    assert verdict(str(recorded[0])) == recorded[1:]


@pytest.mark.parametrize("expression, name", COLUMN_NAMES)
def test_same_column_name(expression: str, name: str) -> None:
    assert figure_column_name(parse_expression(expression)) == name


def test_every_statement_has_a_verdict() -> None:
    lines = (HERE / "statements.sql").read_text(encoding="utf-8").splitlines()
    assert [row[0] for row in VERDICTS] == [line for line in lines if not line.startswith("-- ")]
