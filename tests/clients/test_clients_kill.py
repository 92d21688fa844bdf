"""The server is killed while clients commit; more rounds by `python -m tests.clients.kill_rounds`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.kill_rounds import (
    ACCOUNTS,
    MONEY,
    Documents,
    Record,
    check_accounts,
    check_documents,
    expected_parts,
    run_rounds,
)


def test_acknowledged_commits_survive_kills_whole_and_alone(tmp_path: Path) -> None:
    tally = run_rounds(tmp_path, 3)
    assert tally.wrong == []
    assert tally.rounds == 3
    assert tally.acknowledged > 0


@pytest.mark.parametrize("unanswered", [None, {1: 2, 2: 3}])
def test_the_judge_accepts_what_may_be(unanswered: Documents | None) -> None:
    for state in ({1: 2}, *([unanswered] if unanswered else [])):
        record = Record(5, {1: 2}, unanswered)
        assert check_documents(record, expected_parts(5, state)) == []
        assert record.documents == state


def test_the_judge_sees_what_may_not_be() -> None:
    whole = expected_parts(5, {1: 2, 2: 3})

    def verdict(found: set[tuple[int, int, str]]) -> list[str]:
        return check_documents(Record(5, {1: 2}, {1: 2, 2: 3}), found)

    assert verdict(whole - {(2, 0, "5/2/0 ")}) == ["client 5: 2 parts that may not be, as (2, 1, '5/2/1 mmmmmmm')"]
    assert verdict(whole - {(1, 0, "5/1/0 ")}) == [
        "client 5: 1 parts lost, as (1, 0, '5/1/0 ')",
        "client 5: 3 parts that may not be, as (2, 0, '5/2/0 ')",
    ]
    assert len(verdict({(1, 0, "5/1/0 "), (1, 1, "another text")})) == 2
    assert check_accounts([MONEY] * ACCOUNTS) == []
    assert check_accounts([MONEY] * (ACCOUNTS - 1)) != []
    assert check_accounts([MONEY] * (ACCOUNTS - 1) + [MONEY + 1]) != []
