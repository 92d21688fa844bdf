"""Do the COPY formats split and write data as PostgreSQL does, however the data is cut into pieces?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import oids, type_io
from datacave_sql.session.copying.binary_format import HEADER, TRAILER, BinaryReader, BinaryWriter
from datacave_sql.session.copying.csv_format import CsvReader, CsvWriter
from datacave_sql.session.copying.text_format import TextReader, TextWriter, unescape


def text_reader(delimiter: str = "\t") -> TextReader:
    return TextReader(delimiter, "\\N")


def csv_reader(
    escape: str = '"', force_not_null: frozenset[int] = frozenset(), force_null: frozenset[int] = frozenset()
) -> CsvReader:
    return CsvReader(",", "", '"', escape, force_not_null, force_null)


def cuts(data: str) -> Iterator[tuple[str, ...]]:
    """The data whole, letter by letter, and in two pieces at every place."""
    yield (data,)
    yield tuple(data)
    for at in range(1, len(data)):
        yield data[:at], data[at:]


def fields_of(make: object, data: str) -> list[list[str | None]]:
    """The rows of the data, which must be the same for every cut."""
    found: list[list[list[str | None]]] = []
    for pieces in cuts(data):
        reader = make() if callable(make) else None
        assert isinstance(reader, TextReader | CsvReader)
        rows: list[list[str | None]] = []
        for number, piece in enumerate(pieces):
            stretch = reader.take(piece, number == len(pieces) - 1)
            lines = stretch.split()
            rows += [reader.fields(line) for line in lines]
            columns = reader.columns(stretch, len(rows[-1])) if lines and len({len(row) for row in rows}) == 1 else None
            if columns is not None:
                assert [list(row) for row in zip(*columns, strict=True)] == rows[-len(lines) :]
        found.append(rows)
    assert all(rows == found[0] for rows in found)
    return found[0]


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ("1\ta\n2\tb\n", [["1", "a"], ["2", "b"]]),
        ("1\ta\n2\tb", [["1", "a"], ["2", "b"]]),
        ("1\t\\N\n", [["1", None]]),
        ("1\t\\\\N\n", [["1", "\\N"]]),
        ("\\N\t\n", [[None, ""]]),
        ("a\\\tb\tc\n", [["a\tb", "c"]]),
        ("a\\\\\tb\n", [["a\\", "b"]]),
        ("a\\nb\tc\\td\n", [["a\nb", "c\td"]]),
        ("a\\\nb\tc\n", [["a\nb", "c"]]),
        ("\\x41\\101\\q\n", [["AAq"]]),
        ("a\r\nb\r\n", [["a"], ["b"]]),
        ("a\rb\r", [["a"], ["b"]]),
        ("a\n\\.\nafter\n", [["a"]]),
        ("\n\n", [[""], [""]]),
    ],
)
def test_text(data: str, rows: list[list[str | None]]) -> None:
    assert fields_of(text_reader, data) == rows


def test_text_refuses_other_line_ends_inside() -> None:
    with pytest.raises(DatacaveError) as caught:
        text_reader().take("a\nb\rc\n", True)
    assert (caught.value.sqlstate, caught.value.message) == ("22P04", "literal carriage return found in data")


def test_lines_of_other_lengths_are_not_split_as_columns() -> None:
    # As many fields in all as two rows of two have.
    stretch = text_reader().take("1\n2\t3\t4\n", False)
    assert text_reader().columns(stretch, 2) is None


def test_escaped_bytes_make_characters() -> None:
    assert unescape("\\xc3\\xa9") == "\u00e9"
    with pytest.raises(DatacaveError) as caught:
        unescape("\\xc3")
    assert caught.value.sqlstate == "22021"


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ("1,a\n2,\n", [["1", "a"], ["2", None]]),
        ('1,""\n', [["1", ""]]),
        ('"a,b","c""d"\n', [["a,b", 'c"d']]),
        ('"two\nlines",x\n', [["two\nlines", "x"]]),
        ('a"b"c,"d"e\n', [["abc", "de"]]),
        ("a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
        ('"a\r\nb"\r\n', [["a\r\nb"]]),
        ("a\n\\.\nb\n", [["a"]]),
        ('"\\."\n', [["\\."]]),
        (",\n", [[None, None]]),
        ('"a",\n', [["a", None]]),
    ],
)
def test_csv(data: str, rows: list[list[str | None]]) -> None:
    assert fields_of(csv_reader, data) == rows


def test_csv_with_another_escape() -> None:
    reader = csv_reader(escape="\\")
    lines = reader.take('"a\\"b","c\\\\"\n', True).split()
    assert [reader.fields(line) for line in lines] == [['a"b', "c\\"]]


def test_csv_forces() -> None:
    reader = csv_reader(force_not_null=frozenset({0}), force_null=frozenset({1}))
    assert reader.fields(',"",') == ["", None, None]
    stretch = reader.take(",,\n", False)
    columns = reader.columns(stretch, 3)
    assert columns is not None
    assert [list(column) for column in columns] == [[""], [None], [None]]


def test_csv_open_at_the_end() -> None:
    with pytest.raises(DatacaveError) as caught:
        csv_reader().take('1,"a\n', True)
    assert (caught.value.sqlstate, caught.value.message) == ("22P04", "unterminated CSV quoted field")


ROWS: list[Sequence[str | None]] = [("a", None), ("b\tc\\", ""), ('say "x", y\n', "\\.")]


def columns(rows: Sequence[Sequence[str | None]]) -> list[Sequence[str | None]]:
    return list(zip(*rows, strict=True))


def test_written_text_reads_back() -> None:
    data = b"".join(TextWriter("\t", "\\N").lines(columns(ROWS))).decode()
    assert data.splitlines()[1] == "b\\tc\\\\\t"
    assert fields_of(text_reader, data) == [list(row) for row in ROWS]


def test_written_csv_reads_back() -> None:
    data = b"".join(CsvWriter(",", "", '"', '"', frozenset()).lines(columns(ROWS))).decode()
    assert data.startswith('a,\nb\tc\\,""\n"say ""x"", y\n",')
    assert fields_of(csv_reader, data) == [list(row) for row in ROWS]


def test_text_writer_escapes_its_delimiter() -> None:
    assert TextWriter("|", "").lines([["a|b"], [None]]) == [b"a\\|b|\n"]


def test_binary_reads_back_in_any_pieces() -> None:
    ios = [type_io(oids.INT4), type_io(oids.TEXT)]
    rows = [(1, "a"), (None, "b" * 300), (-5, None)]
    data = HEADER + b"".join(BinaryWriter(ios).rows(rows)) + TRAILER
    types = [(oids.INT4, -1), (oids.TEXT, -1)]
    for size in (1, 2, 7, 50, len(data)):
        reader = BinaryReader(types, ios, ["a", "b"])
        found = []
        for at in range(0, len(data), size):
            found += reader.take(data[at : at + size], at + size >= len(data))
        assert found == rows
        assert reader.ended


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\\.\n", "COPY file signature not recognized"),
        (HEADER[:-8] + b"\0\1\0\0" + bytes(4), "invalid COPY file header (WITH OIDS)"),
        (HEADER + b"\0\3", "row field count is 3, expected 1"),
        (HEADER + b"\0\1\xff\xff\xff\xfe", "invalid field size"),
        (HEADER + b"\0\1\0\0\0\4\0\0", "unexpected EOF in COPY data"),
    ],
)
def test_broken_binary(data: bytes, message: str) -> None:
    reader = BinaryReader([(oids.INT4, -1)], [type_io(oids.INT4)], ["a"])
    with pytest.raises(DatacaveError) as caught:
        reader.take(data, True)
    assert (caught.value.sqlstate, caught.value.message) == ("22P04", message)
