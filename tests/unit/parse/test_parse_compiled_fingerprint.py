"""Does the compiled fingerprint give what the plain one gives, for every text?"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_sql.parse import _fingerprint
from datacave_sql.parse.fingerprint import LENGTH_MAX, fingerprint, plain_fingerprint

ROOT = Path(__file__).parents[3]
compiled_fingerprint = _fingerprint.make_fingerprint(plain_fingerprint)

STARTS = [
    "SELECT a FROM t WHERE ",
    "update t SET ",
    "INSERT INTO t VALUES",
    "delete\nfrom t\nwhere ",
    "select 'x' where ",
]
PIECES = [
    *("a", "b1", "_c", "x.y", "=", "<", ">=", "<>", "+", "-", "*", "/", "%", "||", "@", "(", ")", ",", ".", "[", "]"),
    *("1", "0", "42", "3.5", "1.", ".5", "1e5", "1e-5", "2147483648", "9223372036854775808", "007", "1x", "x1"),
    *("'s'", "''", "'it''s'", "'", '"', '"n"', '"a""b"', "E'x'", "'a' 'b'", "' from '", "'$'", "'--'"),
    *(" ", "  ", "\n", "\t", ";", "--", "/*", "::", ":", "$1", "$", "é", "\x0b", "\x1c", "\xa0"),
    *(" and ", " or ", " not ", " between ", "AND ", " like ", " in ", " is ", " select ", " group by "),
    *(" order ", " limit "),
    *(" from ", " cast", "(cast(", " returning ", " on ", " for ", " with ", " union ", " fetch "),
    *("form ", " time ", "time("),
    *("timestamp (", "current_time(", "localtime(", "mtime(", "current_timestamp", "e+", "E-", "e -", "= -", "=-"),
    *(">=-", "(-"),
]  # fmt: skip


@given(st.sampled_from(STARTS), st.lists(st.sampled_from(PIECES), max_size=14))
@settings(max_examples=3000, deadline=None)
def test_pieces_in_any_order(start, pieces):
    text = start + "".join(pieces)
    assert compiled_fingerprint(text) == plain_fingerprint(text)


@given(st.text(alphabet="selctupdaинwher inov=<>-+()'\"0123456789.,;$:\n/*", max_size=60))
@settings(max_examples=1000, deadline=None)
def test_characters_in_any_order(tail):
    for text in (tail, "select a from t where " + tail, "update t set a" + tail):
        assert compiled_fingerprint(text) == plain_fingerprint(text)


def statements():
    for path in sorted((ROOT / "tests").rglob("*")):
        if path.suffix in (".sql", ".slt", ".test", ".txt", ".tsv") and path.stat().st_size < 2_000_000:
            yield from path.read_text(encoding="utf-8", errors="replace").split("\n")


def test_statements_of_all_tests():
    checked = found = 0
    for text in statements():
        expected = plain_fingerprint(text)
        assert compiled_fingerprint(text) == expected
        checked += 1
        found += expected is not None
    assert checked > 1000
    assert found > 50


@pytest.mark.parametrize("count", [1, 9, 10, 99, 100, 999, 1000, 2030])
def test_many_literals(count):
    text = "INSERT INTO t VALUES (" + ",".join("1" * count) + ")"
    assert len(text) <= LENGTH_MAX
    expected = plain_fingerprint(text)
    assert expected is not None
    assert compiled_fingerprint(text) == expected


def test_the_longest_texts():
    for length in (LENGTH_MAX - 1, LENGTH_MAX, LENGTH_MAX + 1):
        text = "select a from t where a = 1".ljust(length)
        assert compiled_fingerprint(text) == plain_fingerprint(text)
        assert (plain_fingerprint(text) is None) == (length > LENGTH_MAX)


def test_the_compiled_body_is_in_use():
    assert fingerprint is not plain_fingerprint
