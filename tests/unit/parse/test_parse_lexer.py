"""Does the lexer cut text as PostgreSQL's does?"""

from __future__ import annotations

import pytest

from datacave_sql.parse.lexer import tokenize


def cut(text: str) -> list[tuple[str, str]]:
    tokens = tokenize(text)
    assert tokens.error is None
    return [pair for pair in zip(tokens.kinds, tokens.values, strict=True) if pair[0] != "END"]


@pytest.mark.parametrize(
    "text, values",
    [
        ("Foo FOO_1$ é1", ["foo", "foo_1$", "é1"]),
        ("ÄB", ["Äb"]),
        ('"Foo" "a""b"', ["Foo", 'a"b']),
        ('U&"d\\0061t\\+000061"', ["data"]),
        ("U&\"d!0061\" UESCAPE '!'", ["da"]),
        ("a--b\nc", ["a", "c"]),
        ("a/* /* */ */b", ["a", "b"]),
        ("a$b", ["a$b"]),
    ],
)
def test_names(text: str, values: list[str]) -> None:
    assert cut(text) == [("IDENT", value) for value in values]


def test_long_names_lose_what_is_beyond_63_bytes() -> None:
    assert cut("a" * 70) == [("IDENT", "a" * 63)]
    assert cut('"' + "é" * 40 + '"') == [("IDENT", "é" * 31)]


@pytest.mark.parametrize(
    "text, value",
    [
        ("'a''b'", "a'b"),
        ("'a\\n'", "a\\n"),
        ("'a'\n  'b'", "ab"),
        ("'a' -- c\n 'b'", "ab"),
        (r"E'\n\t\x41\101\u0041\U00000042\'\\'", "\n\tAAAB'\\"),
        (r"E'\xC3\xA9'", "é"),
        (r"E'\ud83d\ude00'", "😀"),
        ("E'a'\n'\\n'", "a\n"),
        (r"U&'\0041\\!'", "A\\!"),
        ("$$a'$b$$", "a'$b"),
        ("$q$ $$ $q$", " $$ "),
        ("''", ""),
    ],
)
def test_strings(text: str, value: str) -> None:
    assert cut(text) == [("SCONST", value)]


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("1 .5 5. 1e5 1.5E-3", ["ICONST", "FCONST", "FCONST", "FCONST", "FCONST"]),
        ("1..2", ["ICONST", "..", "ICONST"]),
        ("$1,$22", ["PARAM", ",", "PARAM"]),
        ("B'01' X'1f'", ["BCONST", "XCONST"]),
        ("N'x'", ["nchar", "SCONST"]),
        ("a<-1", ["IDENT", "<", "-", "ICONST"]),
        ("a@-1", ["IDENT", "OP", "ICONST"]),
        ("a+-1", ["IDENT", "+", "-", "ICONST"]),
        ("a*/*x*/b", ["IDENT", "*", "IDENT"]),
        ("a---1\n", ["IDENT"]),
        ("a<>b!=c<=d>=e", ["IDENT", "<>", "IDENT", "<>", "IDENT", "<=", "IDENT", ">=", "IDENT"]),
        ("a=>f:=g::h", ["IDENT", "=>", "IDENT", ":=", "IDENT", "::", "IDENT"]),
        ("->> @> ?| #>>", ["OP", "OP", "OP", "OP"]),
        ("SELECT", ["select"]),
    ],
)
def test_kinds(text: str, tokens: list[str]) -> None:
    assert [kind for kind, _value in cut(text)] == tokens


def test_an_error_waits_for_its_turn() -> None:
    tokens = tokenize("a 'b")
    assert tokens.kinds[:2] == ["IDENT", "BAD"]
    assert tokens.error is not None and tokens.error.message == 'unterminated quoted string at or near "\'b"'


def test_bytes_of_escapes_must_be_utf8() -> None:
    error = tokenize(r"E'\xff'").error
    assert error is not None and error.sqlstate == "22021"
