"""Do generated row encoders and parameter decoders say the same as one value at a time?"""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import DEFAULT_SETTINGS, oids, type_io
from datacave_protocol import (
    Inline,
    check_parameter_count,
    column_function,
    data_row_encoder,
    encode_row,
    parameter_decoder,
    parameter_formats,
    result_encoder,
    result_formats,
)
from datacave_protocol.codecs.results import column_encoder

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
VALUES = {
    Inline.INT_TEXT: st.integers(-(2**63), 2**63 - 1),
    Inline.STR: st.one_of(TEXTS, st.sampled_from(["x" * 1023, "x" * 4095, "x" * 4096, "é" * 5000])),
    Inline.BOOL_TEXT: st.booleans(),
    Inline.BYTES: st.one_of(st.binary(max_size=20), st.just(b"x" * 70_000)),
    Inline.INT2: st.integers(-(2**15), 2**15 - 1),
    Inline.INT4: st.integers(-(2**31), 2**31 - 1),
    Inline.INT8: st.integers(-(2**63), 2**63 - 1),
    Inline.OID: st.integers(0, 2**32 - 1),
    Inline.FLOAT4: st.floats(width=32),
    Inline.FLOAT8: st.floats(),
    Inline.BOOL: st.booleans(),
}
BINARY = {
    Inline.INT2: ">h",
    Inline.INT4: ">i",
    Inline.INT8: ">q",
    Inline.OID: ">I",
    Inline.FLOAT4: ">f",
    Inline.FLOAT8: ">d",
    Inline.BOOL: ">?",
}


def reversed_text(value: str) -> bytes:
    return value[::-1].encode()


def plain(kind: object, value: object) -> bytes | None:
    """The wire form of one value, spelled out."""
    if value is None:
        return None
    if kind in BINARY:
        return struct.pack(BINARY[kind], value)
    if kind is Inline.BOOL_TEXT:
        return b"t" if value else b"f"
    if kind is reversed_text:
        return reversed_text(value)
    return value if isinstance(value, bytes) else str(value).encode()


@st.composite
def batches(draw):
    kinds = draw(st.lists(st.sampled_from([*Inline, reversed_text]), max_size=8))
    row = st.tuples(*(st.one_of(st.none(), VALUES.get(kind, TEXTS)) for kind in kinds))
    return kinds, draw(st.lists(row, max_size=6))


@given(batches())
@settings(max_examples=200, deadline=None)
def test_a_batch_is_its_rows_one_after_the_other(batch) -> None:
    kinds, rows = batch
    expected = b"".join(
        encode_row([plain(kind, value) for kind, value in zip(kinds, row, strict=True)]) for row in rows
    )
    assert data_row_encoder(kinds)(rows) == expected


@pytest.mark.parametrize("kind", Inline)
def test_every_kind_has_a_function_too(kind) -> None:
    value = {"STR": "text", "BYTES": b"bytes", "BOOL": True, "BOOL_TEXT": False}.get(kind.name, 42)
    assert column_function(kind)(value) == plain(kind, value)
    assert column_function(reversed_text) is reversed_text


def test_many_columns_are_encoded() -> None:
    row = tuple(range(1600))
    assert data_row_encoder([Inline.INT_TEXT] * 1600)([row]) == encode_row([b"%d" % value for value in row])


def test_a_row_longer_than_a_message_is_refused() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 2**30

    with pytest.raises(DatacaveError, match="out of memory") as refused:
        data_row_encoder([Inline.BYTES])([(Huge(),)])
    assert refused.value.sqlstate == "54000"


@pytest.mark.parametrize("wire_format", [0, 1])
@pytest.mark.parametrize(
    ("oid", "value"),
    [
        (oids.INT2, -7),
        (oids.INT4, 2**31 - 1),
        (oids.INT8, -(2**63)),
        (oids.OID, 2**32 - 1),
        (oids.XID, 3),
        (oids.CID, 3),
        (oids.XID8, 2**64 - 1),
        (oids.TEXT, "é"),
        (oids.VARCHAR, "v"),
        (oids.BPCHAR, "c  "),
        (oids.NAME, "n"),
        (oids.CHAR, "c"),
        (oids.UNKNOWN, "u"),
        (oids.CSTRING, "s"),
        (oids.JSON, '{"a": 1}'),
        (oids.JSONB, '{"a": 1}'),
        (oids.BOOL, True),
        (oids.BOOL, False),
        (oids.BYTEA, b"\0\xff"),
        (oids.UUID, bytes(range(16))),
        (oids.FLOAT4, 1.5),
        (oids.FLOAT8, -0.0),
        (oids.NUMERIC, Decimal("1.50")),
    ],
)
def test_inline_kinds_agree_with_the_types(oid, value, wire_format) -> None:
    io = type_io(oid)
    own = io.output(value, DEFAULT_SETTINGS).encode() if wire_format == 0 else io.send(value)
    assert column_function(column_encoder(oid, wire_format, DEFAULT_SETTINGS))(value) == own
    assert result_encoder((oid,), (wire_format,), DEFAULT_SETTINGS)([(value,), (None,)]) == encode_row(
        [own]
    ) + encode_row([None])


@pytest.mark.parametrize("wire_format", [0, 1])
@pytest.mark.parametrize(
    ("oid", "value"), [(oids.INT4, 42), (oids.TEXT, "é"), (oids.BOOL, True), (oids.NUMERIC, Decimal("1.50"))]
)
def test_parameters_come_back_as_they_went(oid, value, wire_format) -> None:
    form = column_function(column_encoder(oid, wire_format, DEFAULT_SETTINGS))(value)
    decode = parameter_decoder((oid, oid, oid), (wire_format,), DEFAULT_SETTINGS)
    assert decode([form, None, form]) == (value, None, value)


def test_a_statement_without_parameters_has_an_empty_row() -> None:
    assert parameter_decoder((), (), DEFAULT_SETTINGS)([]) == ()


def test_types_of_the_catalog_are_asked_for_every_time() -> None:
    asked: list[int] = []

    def find_io(oid: int):
        asked.append(oid)
        return type_io(oids.TEXT if oid > 16384 else oid)

    for _ in range(2):
        assert result_encoder((20000, 23), (), DEFAULT_SETTINGS, find_io)([("a", 1)]) == encode_row([b"a", b"1"])
        assert parameter_decoder((20000,), (), DEFAULT_SETTINGS, find_io)([b"a"]) == ("a",)
    assert asked == [20000, 20000, 20000, 20000]


def test_types_without_output_are_refused() -> None:
    with pytest.raises(FeatureNotSupported):
        result_encoder((oids.XML,), (), DEFAULT_SETTINGS)


def test_formats_are_spelled_out() -> None:
    for spell_out in (parameter_formats, result_formats):
        assert spell_out((), 2) == (0, 0)
        assert spell_out((1,), 3) == (1, 1, 1)
        assert spell_out((1,), 0) == ()
        assert spell_out((0, 1), 2) == (0, 1)


@pytest.mark.parametrize(
    ("call", "state", "text"),
    [
        (lambda: parameter_formats((0, 1), 3), "08P01", "bind message has 2 parameter formats but 3 parameters"),
        (lambda: result_formats((0, 1), 3), "08P01", "bind message has 2 result formats but query has 3 columns"),
        (lambda: result_formats((2,), 1), "22023", "unsupported format code: 2"),
        (lambda: parameter_formats((0, -1), 2), "22023", "unsupported format code: -1"),
        (
            lambda: check_parameter_count(1, 2, "s"),
            "08P01",
            'bind message supplies 1 parameters, but prepared statement "s" requires 2',
        ),
        (
            lambda: parameter_decoder((23, 23), (1,), DEFAULT_SETTINGS)([b"\0\0\0\1", b"\0\0\0\0\1"]),
            "22P03",
            "incorrect binary data format in bind parameter 2",
        ),
        (
            lambda: parameter_decoder((23,), (1,), DEFAULT_SETTINGS)([b"\1"]),
            "08P01",
            "insufficient data left in message",
        ),
        (
            lambda: parameter_decoder((23,), (), DEFAULT_SETTINGS)([b"x"]),
            "22P02",
            'invalid input syntax for type integer: "x"',
        ),
    ],
)
def test_wrong_parameters_and_formats_are_refused(call, state, text) -> None:
    with pytest.raises(DatacaveError) as refused:
        call()
    assert (refused.value.sqlstate, refused.value.message) == (state, text)


def test_the_right_number_of_parameters_passes() -> None:
    check_parameter_count(2, 2, "s")
