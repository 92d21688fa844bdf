"""Messages in another encoding than UTF-8, in both directions, however the bytes come."""

from __future__ import annotations

import pytest

from datacave_core.encodings import ENCODINGS, PieceReader, codec_of, encoding_named, read_text, write_text
from datacave_core.errors import DatacaveError
from datacave_protocol import Connection, FieldDescription, backend, frontend, notice_response, result_encoder
from datacave_protocol.transcoding import Transcoding

TEXT, INT4, BYTEA = 25, 23, 17


def message(code: str, body: bytes) -> bytes:
    return code.encode() + (len(body) + 4).to_bytes(4, "big") + body


def latin1() -> Transcoding:
    return Transcoding("LATIN1", 1000)


PARSE = message("P", b"\xe4\0select '\xfc'\0\0\1\0\0\0\x19")
BIND = message("B", b"p\xe4\0s\0" + b"\0\0\0\1\0\0\0\1\xe4\0\0")
CLOSE = message("C", b"S\xe4\0")
COPIED = message("d", b"\xe4\n")


def test_texts_of_the_client_become_utf8_and_values_stay() -> None:
    whole = PARSE + BIND + CLOSE + COPIED + message("S", b"")
    wanted = (
        message("P", "ä\0select 'ü'\0".encode() + b"\0\1\0\0\0\x19")
        + message("B", "pä\0".encode() + b"s\0" + b"\0\0\0\1\0\0\0\1\xe4\0\0")
        + message("C", b"S" + "ä\0".encode())
        + COPIED
        + message("S", b"")
    )
    assert latin1().received(whole) == wanted
    slow = latin1()
    assert b"".join(slow.received(whole[at : at + 1]) for at in range(len(whole))) == wanted


def test_what_means_nothing_in_the_encoding_is_refused_by_the_reader() -> None:
    wire = Connection()
    wire.transcoding = Transcoding("EUC_JP", 1000)
    assert b"\xff" in wire.transcoding.received(message("Q", b"select '\x8f\xff'\0"))


def test_lengths_that_cannot_be_are_passed_on() -> None:
    nonsense = b"Q\0\0\0\1select \xe4"
    assert latin1().received(nonsense) == nonsense
    too_long = b"Q\0\1\0\0\xe4"
    assert latin1().received(too_long) == too_long


def test_half_a_message_outlives_a_change_of_encoding() -> None:
    wire = Connection()
    wire.transcoding = latin1()
    query = message("Q", "select 'ä'\0".encode())
    wire.receive_data(query[:7])
    wire.speak("UTF8")
    wire.receive_data(query[7:])
    assert wire.transcoding is None
    assert wire.buffered_bytes == len(query)


def test_only_marked_columns_of_rows_are_written_anew() -> None:
    encode = result_encoder((TEXT, BYTEA, INT4, TEXT), (0, 1, 0, 0), None)  # type: ignore[arg-type]
    rows = encode([("ä", "ä".encode(), 5, None), ("x", b"\xff", None, "é")])
    found = latin1().rows(rows, (True, False, False, True))
    assert found == (
        message("D", b"\0\4\0\0\0\1\xe4\0\0\0\2\xc3\xa4\0\0\0\x015\xff\xff\xff\xff")
        + message("D", b"\0\4\0\0\0\1x\0\0\0\1\xff\xff\xff\xff\xff\0\0\0\1\xe9")
    )


def test_rows_with_characters_that_the_encoding_lacks_fail() -> None:
    rows = result_encoder((TEXT,), (), None)([("€",)])  # type: ignore[arg-type]
    with pytest.raises(DatacaveError) as caught:
        latin1().rows(rows, (True,))
    assert caught.value.sqlstate == "22P05"
    assert 'byte sequence 0xe2 0x82 0xac in encoding "UTF8" has no equivalent in encoding "LATIN1"' in str(caught.value)


def test_other_messages_never_fail() -> None:
    field = FieldDescription("ä€", TEXT, -1, -1, 0xC3A4, 3)
    sent = latin1().sent(
        backend.row_description([field])
        + notice_response(DatacaveError("ä€", hint="ö"))
        + backend.notification_response(0xE4E4, "ü", "é")
        + backend.copy_data("ä".encode())
        + backend.READY_IDLE
    )
    assert b"\xe4?\0" in sent and b"M\xe4?\0" in sent and b"H\xf6\0" in sent
    assert b"\0\0\xe4\xe4\xfc\0\xe9\0" in sent and message("d", "ä".encode()) in sent
    assert sent.endswith(backend.READY_IDLE)
    assert (0xC3A4).to_bytes(4, "big") in sent


def test_parameters() -> None:
    spoken = Transcoding("WIN1252", 1000)
    assert spoken.parameter(b"\x80", 0, INT4) == "€".encode()
    assert spoken.parameter(b"\x80", 1, TEXT) == "€".encode()
    assert spoken.parameter(b"\x80", 1, BYTEA) == b"\x80"
    assert spoken.parameter(None, 0, TEXT) is None
    with pytest.raises(DatacaveError, match='invalid byte sequence for encoding "WIN1252": 0x81'):
        spoken.parameter(b"\x81", 0, TEXT)


@pytest.mark.parametrize(
    ("name", "found"),
    [("latin-1", "LATIN1"), ("ISO 8859-15", "LATIN9"), ("windows1252", "WIN1252"), ("Shift_JIS", "SJIS"),
     ("utf-8", "UTF8"), ("unicode", "UTF8"), ("nothing", None)],
)  # fmt: skip
def test_names_are_spelt_in_many_ways(name: str, found: str | None) -> None:
    assert encoding_named(name) == found


def test_every_encoding_but_two_reads_what_it_writes() -> None:
    lacking = set()
    for encoding in ENCODINGS:
        try:
            codec_of(encoding)
        except DatacaveError as error:
            assert error.sqlstate == "0A000"
            lacking.add(encoding)
            continue
        assert read_text(write_text("plain ~", encoding), encoding) == "plain ~"
    assert lacking == {"EUC_TW", "MULE_INTERNAL"}


def test_pieces_may_cut_characters() -> None:
    data = "日本語".encode("euc_jp")
    reader = PieceReader("EUC_JP")
    assert b"".join(reader.take(data[at : at + 1]) for at in range(len(data))).decode() == "日本語"
    with pytest.raises(DatacaveError, match='encoding "EUC_JP"'):
        reader.take(data[:1], last=True)


def test_queries_come_out_as_text() -> None:
    wire = Connection()
    wire.state = type(wire.state).READY
    wire.speak("LATIN1")
    wire.receive_data(message("Q", b"select '\xe4'\0"))
    assert wire.next_event() == frontend.Query("select 'ä'")
