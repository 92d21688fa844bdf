"""Does the comparison of storage engines say where Datacave is behind, with a reason for every load?"""

from __future__ import annotations

import pytest

from bench.behind import ALONE, OBJECTS, behind

LOADS = (
    "batched put, in order",
    "batched put, random, sync",
    "put, in order",
    "put, random",
    "put, random, sync",
    "commits, 32 committers",
    "get, missing",
    "scan of 10,000 rows",
    "scan of 10 rows, scans",
    "mixed, 9 gets to 1 put",
)


@pytest.mark.parametrize("load", LOADS)
def test_every_load_has_a_reason(load: str) -> None:
    line = behind(load, 50.0, {"rocksdict": 100.0, "LMDB": 40.0, "sqlite3": 51.0})
    assert line is not None
    assert line.startswith(f"behind at {load}: 0.50 of rocksdict, 0.98 of sqlite3; ")


def test_nothing_is_said_where_it_is_ahead() -> None:
    assert behind("put, random", 50.0, {"LMDB": 49.0}) is None


def test_the_reason_is_that_of_the_load() -> None:
    assert str(behind("put, random, sync", 1.0, {"LMDB": 2.0})).endswith(ALONE)
    assert str(behind("put, random", 1.0, {"LMDB": 2.0})).endswith(OBJECTS)
