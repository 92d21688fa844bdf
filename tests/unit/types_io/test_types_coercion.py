"""Do assignments coerce lengths as PostgreSQL does, and do wire bytes that are no value get its errors?"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.types import (
    DEFAULT_SETTINGS,
    binary_decoder,
    input_function,
    oids,
    output_function,
    text_decoder,
    type_io,
    typmod_function,
)
from datacave_core.types.codec import GREATEST
from datacave_core.types.enumeration import enum_io
from datacave_core.types.floating import to_single
from datacave_core.types.integer import INT4_IO
from datacave_core.types.numeric import (
    EXACT,
    NUMERIC_IO,
    check_numeric,
    normal_numeric,
    round_numeric,
    select_div_scale,
)
from datacave_core.types.record import format_record, parse_record, record_io
from datacave_core.types.text import TEXT_IO, VARCHAR_IO
from datacave_core.types.typmod import encode_typmod
from datacave_core.values import Array, Interval, TimeTz

NOON = 25 * 86_400_000_000 + 12 * 3_600_000_000
"""2000-01-26 12:00 UTC."""


@pytest.mark.parametrize(
    ("oid", "modifiers", "text", "value"),
    [
        (oids.VARCHAR, [3], "abc", "abc"),
        (oids.VARCHAR, [3], "abc   ", "abc"),
        (oids.BPCHAR, [3], "a", "a  "),
        (oids.BPCHAR, [3], "abc ", "abc"),
        (oids.NUMERIC, [4, 1], "12.25", Decimal("12.3")),
        (oids.NUMERIC, [4, -2], "1250", Decimal("1300")),
        (oids.TIMESTAMP, [0], "2000-01-01 00:00:00.5", 1_000_000),
        (oids.TIMESTAMP, [0], "1999-12-31 23:59:59.5", -1_000_000),
        (oids.TIMESTAMP, [0], "infinity", 2**63 - 1),
        (oids.TIME, [1], "10:00:00.05", 36_000_100_000),
        (oids.INTERVAL, [4], "1 day 2:03 7 years", Interval(84, 0, 0)),
        (oids.BIT, [3], "101", "101"),
        (oids.VARCHAR_ARRAY, [2], "{ab,c}", Array(("ab", "c"), (2,), (1,))),
    ],
)
def test_text_is_coerced_on_the_way_in(oid: int, modifiers: list[int], text: str, value: object) -> None:
    element = oids.VARCHAR if oid == oids.VARCHAR_ARRAY else oid
    typmod = encode_typmod(element, modifiers)
    assert text_decoder(oid, DEFAULT_SETTINGS, typmod)(text.encode()) == value
    assert input_function(oid)(text, typmod, DEFAULT_SETTINGS) == value


@pytest.mark.parametrize(
    ("oid", "modifiers", "text", "code", "message"),
    [
        (oids.VARCHAR, [3], "abcd", "22001", "value too long for type character varying(3)"),
        (oids.BPCHAR, [3], "abcd", "22001", "value too long for type character(3)"),
        (oids.NUMERIC, [3, 1], "100", "22003", "numeric field overflow"),
        (oids.NUMERIC, [3, 1], "inf", "22003", "numeric field overflow"),
        (oids.BIT, [3], "10", "22026", "bit string length 2 does not match type bit(3)"),
        (oids.VARBIT, [3], "1011", "22001", "bit string too long for type bit varying(3)"),
    ],
)
def test_what_does_not_fit_is_refused(oid: int, modifiers: list[int], text: str, code: str, message: str) -> None:
    typmod = encode_typmod(oid, modifiers)
    for read in (
        lambda: text_decoder(oid, DEFAULT_SETTINGS, typmod)(text.encode()),
        lambda: input_function(oid)(text, typmod, DEFAULT_SETTINGS),
        lambda: binary_decoder(oid, typmod)(type_io(oid).send(input_function(oid)(text, -1, DEFAULT_SETTINGS))),
    ):
        with pytest.raises(DatacaveError) as caught:
            read()
        assert (caught.value.sqlstate, caught.value.message) == (code, message)


def test_an_explicit_cast_cuts() -> None:
    for oid, text, value in [(oids.VARCHAR, "abcd", "abc"), (oids.BPCHAR, "abcd", "abc"), (oids.BIT, "10", "100")]:
        apply = typmod_function(oid)
        assert apply is not None
        assert apply(text, encode_typmod(oid, [3]), True) == value


@pytest.mark.parametrize(
    ("oid", "data", "code", "message"),
    [
        (oids.INT4, b"\0\0\0", "08P01", "insufficient data left in message"),
        (oids.INT4, b"\0\0\0\0\0", "22P03", "incorrect binary data format"),
        (oids.BOOL, b"", "08P01", "insufficient data left in message"),
        (oids.UUID, b"\0" * 17, "22P03", "incorrect binary data format"),
        (oids.FLOAT8, b"\0" * 4, "08P01", "insufficient data left in message"),
        (oids.NUMERIC, b"\0\1\0\0\x12\x34\0\0\0\1", "22P03", 'invalid sign in external "numeric" value'),
        (oids.NUMERIC, b"\0\1\0\0\0\0\0\0\x27\x10", "22P03", 'invalid digit in external "numeric" value'),
        (oids.NUMERIC, b"\0\1\0\0\0\0\x40\0\0\1", "22P03", 'invalid scale in external "numeric" value'),
        (oids.TIMESTAMP, b"\x80\0\0\0\0\0\0\1", "22008", "timestamp out of range"),
        (oids.DATE, b"\x80\0\0\1", "22008", "date out of range"),
        (oids.TIME, b"\xff" * 8, "22008", "time out of range"),
        (oids.TEXT, b"a\xff", "22021", 'invalid byte sequence for encoding "UTF8": 0xff'),
        (oids.TEXT, b"a\xe2\x28\xa1", "22021", 'invalid byte sequence for encoding "UTF8": 0xe2 0x28 0xa1'),
        (oids.TEXT, b"a\0", "22021", 'invalid byte sequence for encoding "UTF8": 0x00'),
        (oids.JSONB, b"\2{}", "XX000", "unsupported jsonb version number 2"),
        (oids.INT4_ARRAY, b"\0\0\0\7" + b"\0" * 8, "54000", None),
        (oids.INT4_ARRAY, b"\0\0\0\0\0\0\0\2\0\0\0\x17", "22P03", "invalid array flags"),
        (
            oids.INT4_ARRAY,
            b"\0\0\0\0\0\0\0\0\0\0\0\x14",
            "42804",
            "binary data has array element type 20 (bigint) instead of expected 23 (integer)",
        ),
    ],
)
def test_bytes_that_are_no_value_are_refused(oid: int, data: bytes, code: str, message: str | None) -> None:
    with pytest.raises(DatacaveError) as caught:
        binary_decoder(oid)(data)
    assert caught.value.sqlstate == code
    assert message is None or caught.value.message == message


def test_binary_numerics_lose_digits_beyond_their_scale() -> None:
    assert NUMERIC_IO.receive(b"\0\2\0\0\0\0\0\1\0\1\x23\x28") == Decimal("1.9")
    assert str(NUMERIC_IO.receive(b"\0\0\0\0\x40\0\0\2")) == "0.00"


def test_the_present_comes_from_the_transaction() -> None:
    here = replace(DEFAULT_SETTINGS, time_zone="America/New_York", transaction_time=lambda: NOON)
    stamp = input_function(oids.TIMESTAMPTZ)
    assert stamp("now", -1, here) == NOON
    assert input_function(oids.TIMESTAMP)("now", -1, here) == NOON - 5 * 3_600_000_000
    assert output_function(oids.TIMESTAMPTZ)(stamp("today", -1, here), here) == "2000-01-26 00:00:00-05"
    assert output_function(oids.TIMESTAMPTZ)(stamp("tomorrow 08:00", -1, here), here) == "2000-01-27 08:00:00-05"
    assert output_function(oids.DATE)(input_function(oids.DATE)("yesterday", -1, here), here) == "2000-01-25"
    assert input_function(oids.TIME)("now", -1, here) == 7 * 3_600_000_000
    assert input_function(oids.TIMETZ)("10:00", -1, here) == TimeTz(36_000_000_000, 18000)
    with pytest.raises(DatacaveError, match="no current time"):
        stamp("now", -1, DEFAULT_SETTINGS)


def test_unknown_zones_are_refused() -> None:
    elsewhere = replace(DEFAULT_SETTINGS, time_zone="Nowhere/Land")
    with pytest.raises(DatacaveError, match='invalid value for parameter "TimeZone": "Nowhere/Land"'):
        input_function(oids.TIMESTAMPTZ)("2000-01-01", -1, elsewhere)


def test_deep_json_does_not_exhaust_the_stack() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert input_function(oids.JSON)(deep, -1, DEFAULT_SETTINGS) == deep
    with pytest.raises(DatacaveError) as caught:
        input_function(oids.JSONB)(deep, -1, DEFAULT_SETTINGS)
    assert caught.value.sqlstate == "54001"


@pytest.mark.parametrize(
    ("left", "right", "scale"),
    [("1", "3", 20), ("10", "3", 16), ("1000000", "3", 12), ("1.5", "0.0001", 16), ("0", "7", 20), ("1", "9999.9", 20)],
)
def test_the_scale_of_a_quotient(left: str, right: str, scale: int) -> None:
    assert select_div_scale(Decimal(left), Decimal(right)) == scale


def test_numeric_results_keep_their_invariants() -> None:
    assert str(normal_numeric(Decimal("1E+3"))) == "1000"
    assert str(normal_numeric(Decimal("-0.00"))) == "0.00"
    assert str(normal_numeric(Decimal("0E+5"))) == "0"
    assert str(round_numeric(Decimal("-2.5"), 0)) == "-3"
    assert str(round_numeric(Decimal("1250"), -2)) == "1300"
    assert str(round_numeric(Decimal("-0.001"), 2)) == "0.00"
    assert EXACT.multiply(Decimal("9" * 500), Decimal("9" * 500)) == (10**500 - 1) ** 2
    with pytest.raises(DatacaveError, match="value overflows numeric format"):
        check_numeric(Decimal("1E131072"))


def test_casts_to_single_precision_overflow_and_vanish() -> None:
    assert to_single(0.1) == 0.10000000149011612
    for value, message in ((1e39, "value out of range: overflow"), (1e-60, "value out of range: underflow")):
        with pytest.raises(DatacaveError, match=message):
            to_single(value)


def test_rows_with_known_columns() -> None:
    row = record_io([INT4_IO, TEXT_IO, VARCHAR_IO], [oids.INT4, oids.TEXT, oids.VARCHAR], [-1, -1, 6])
    value = row.input('(7,"a ""b"", \\\\c",)', -1, DEFAULT_SETTINGS)
    assert value == (7, 'a "b", \\c', None)
    assert row.output(value, DEFAULT_SETTINGS) == '(7,"a ""b"", \\\\c",)'
    assert row.receive(row.send(value)) == value
    assert row.comparison_key is not None
    assert row.comparison_key(value) == (7, 'a "b", \\c', GREATEST)


def test_untyped_rows_print_what_is_certain() -> None:
    record = type_io(oids.RECORD)
    assert record.output((1, "a b", True, None, Decimal("1.50"), ("x", "")), DEFAULT_SETTINGS) == (
        '(1,"a b",t,,1.50,"(x,"""")")'
    )
    with pytest.raises(DatacaveError) as caught:
        record.output((Interval(1, 2, 3),), DEFAULT_SETTINGS)
    assert caught.value.sqlstate == "0A000"


@pytest.mark.parametrize(
    ("text", "count", "detail"),
    [
        ("1,2)", 2, "Missing left parenthesis."),
        ("(1)", 2, "Too few columns."),
        ("(1,2,3)", 2, "Too many columns."),
        ("(1,2", 2, "Unexpected end of input."),
        ("(1,2)x", 2, "Junk after right parenthesis."),
    ],
)
def test_broken_row_literals(text: str, count: int, detail: str) -> None:
    with pytest.raises(DatacaveError) as caught:
        parse_record(text, count)
    assert (caught.value.message, caught.value.detail) == (f'malformed record literal: "{text}"', detail)


def test_row_members_are_quoted_only_where_needed() -> None:
    assert format_record(["a", "", None, "NULL", "(", "é"]) == '(a,"",,NULL,"(",é)'


def test_enumerations_know_their_labels_and_order() -> None:
    mood = enum_io("mood", ["sad", "ok", "happy"])
    assert mood.input("ok", -1, DEFAULT_SETTINGS) == "ok"
    assert mood.receive(mood.send("happy")) == "happy"
    assert sorted(["happy", "sad", "ok"], key=mood.comparison_key) == ["sad", "ok", "happy"]
    with pytest.raises(DatacaveError) as caught:
        mood.input("angry", -1, DEFAULT_SETTINGS)
    assert (caught.value.sqlstate, caught.value.message) == ("22P02", 'invalid input value for enum mood: "angry"')
