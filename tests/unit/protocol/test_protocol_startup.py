"""What happens before login: start-up packets, encryption requests, versions, passwords."""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_protocol import NEED_DATA, Connection, ProtocolMisuse, ProtocolVersion, ProtocolViolation, State
from datacave_protocol.frontend import (
    CancelRequest,
    GSSENCRequest,
    PasswordMessage,
    SASLInitialResponse,
    SASLResponse,
    SSLRequest,
    StartupMessage,
)

SSL = (1234, 5679)
GSSENC = (1234, 5680)
CANCEL = (1234, 5678)


def test_a_startup_message_names_user_database_and_settings(client, feed):
    connection = Connection()
    packet = client.startup("user", "ada", "database", "loom", "application_name", "psql", "options", "-c a=b")
    assert feed(connection, packet) == [
        StartupMessage(ProtocolVersion(3, 0), "ada", "loom", {"application_name": "psql"}, "-c a=b")
    ]
    assert connection.state is State.AUTHENTICATING
    assert connection.version == (3, 0)
    assert connection.cancel_key_bytes == 4


def test_the_database_is_named_like_the_user_unless_told(client, feed):
    for pairs in (("user", "ada"), ("user", "ada", "database", "")):
        (event,) = feed(Connection(), client.startup(*pairs))
        assert event.database == "ada"


@pytest.mark.parametrize(
    ("asked", "spoken", "key_bytes", "negotiated"),
    [
        ((3, 0), (3, 0), 4, b""),
        ((3, 2), (3, 2), 32, b""),
        ((3, 9), (3, 2), 32, b"v\0\0\0\x0c\0\3\0\2\0\0\0\0"),
    ],
)
def test_the_version_is_the_newest_both_sides_speak(client, feed, asked, spoken, key_bytes, negotiated):
    connection = Connection()
    (event,) = feed(connection, client.startup("user", "ada", version=asked))
    assert event.version == asked
    assert connection.version == spoken
    assert connection.cancel_key_bytes == key_bytes
    assert connection.negotiate_version() == negotiated


def test_unknown_protocol_options_are_named_to_the_client(client, feed):
    connection = Connection()
    (event,) = feed(connection, client.startup("user", "ada", "_pq_.compress", "on"))
    assert event.unknown_options == ("_pq_.compress",)
    assert event.parameters == {}
    assert connection.negotiate_version() == b"v\0\0\0\x1a\0\3\0\0\0\0\0\1_pq_.compress\0"


@pytest.mark.parametrize("version", [(2, 0), (4, 0), (0, 0), (1234, 5681)])
def test_other_major_versions_are_refused(client, version):
    connection = Connection()
    connection.receive_data(client.startup("user", "ada", version=version))
    with pytest.raises(ProtocolViolation, match=r"server supports 3\.0 to 3\.2") as refused:
        connection.next_event()
    assert refused.value.sqlstate == "0A000"


@pytest.mark.parametrize("length", [-1, 0, 4, 7, 10_001, 2**31 - 1])
def test_lengths_out_of_bounds_are_refused_before_the_packet_is_there(length):
    connection = Connection()
    connection.receive_data(length.to_bytes(4, "big", signed=True))
    with pytest.raises(ProtocolViolation, match="invalid length of startup packet"):
        connection.next_event()
    assert connection.state is State.FAILED


@pytest.mark.parametrize(
    "body", [b"", b"user\0ada\0", b"user\0ada", b"user\0\0", b"user\0ada\0x\0\0", b"\0\0user\0ada\0\0"]
)
def test_option_lists_without_their_form_are_refused(client, body):
    connection = Connection()
    connection.receive_data(client.packet(3, 0, body))
    with pytest.raises(ProtocolViolation, match="expected terminator as last byte") as broken:
        connection.next_event()
    assert broken.value.sqlstate == "08P01"


def test_a_user_has_to_be_named(client):
    connection = Connection()
    connection.receive_data(client.startup("database", "loom"))
    with pytest.raises(ProtocolViolation, match="no PostgreSQL user name") as refused:
        connection.next_event()
    assert refused.value.sqlstate == "28000"


def test_names_have_to_be_utf8(client):
    connection = Connection()
    connection.receive_data(client.packet(3, 0, b"user\0\xff\0\0"))
    with pytest.raises(ProtocolViolation, match="0xff") as refused:
        connection.next_event()
    assert refused.value.sqlstate == "22021"


def test_a_cancel_request_carries_process_and_key_and_ends_the_connection(client, feed):
    for key in (b"\1\2\3\4", bytes(range(256))):
        connection = Connection()
        assert feed(connection, client.packet(*CANCEL, b"\0\0\0\x2a" + key)) == [CancelRequest(42, key)]
        assert connection.state is State.CLOSED


def test_a_cancel_request_has_a_key_of_bounded_length(client):
    for key in (b"", b"\1\2\3", bytes(257)):
        connection = Connection()
        connection.receive_data(client.packet(*CANCEL, b"\0\0\0\x2a" + key))
        with pytest.raises(ProtocolViolation, match="invalid length of query cancel packet"):
            connection.next_event()


def test_refused_encryption_leads_back_to_startup(client, feed):
    connection = Connection()
    assert feed(connection, client.packet(*GSSENC)) == [GSSENCRequest()]
    assert connection.state is State.NEGOTIATING
    assert connection.refuse_encryption() == b"N"
    assert feed(connection, client.packet(*SSL)) == [SSLRequest()]
    assert connection.refuse_encryption() == b"N"
    assert isinstance(feed(connection, client.startup("user", "ada"))[0], StartupMessage)


def test_accepted_tls_leads_to_a_startup_inside_it(client, feed):
    connection = Connection()
    feed(connection, client.packet(*SSL))
    assert connection.accept_encryption() == b"S"
    assert isinstance(feed(connection, client.startup("user", "ada"))[0], StartupMessage)


@pytest.mark.parametrize("second", [SSL, GSSENC])
def test_encryption_is_asked_for_once(client, feed, second):
    connection = Connection()
    feed(connection, client.packet(*SSL))
    connection.accept_encryption()
    connection.receive_data(client.packet(*second))
    with pytest.raises(ProtocolViolation, match=r"unsupported frontend protocol 1234\.56"):
        connection.next_event()


def test_clear_text_behind_a_tls_request_is_refused(client, feed):
    """CVE-2021-23214: whoever sits in between could slip in a command before the handshake."""
    connection = Connection()
    feed(connection, client.packet(*SSL) + client.startup("user", "mallory"))
    with pytest.raises(ProtocolViolation, match="received unencrypted data after SSL request") as refused:
        connection.accept_encryption()
    assert refused.value.detail is not None
    assert connection.buffered_bytes == 0
    assert connection.next_event() is NEED_DATA


def test_clear_text_behind_a_refused_request_is_the_next_packet(client, feed):
    connection = Connection()
    feed(connection, client.packet(*SSL) + client.startup("user", "ada"))
    connection.refuse_encryption()
    assert isinstance(connection.next_event(), StartupMessage)


def test_gss_encryption_cannot_be_accepted(client, feed):
    connection = Connection()
    feed(connection, client.packet(*GSSENC))
    with pytest.raises(ProtocolMisuse):
        connection.accept_encryption()


def test_a_password_comes_as_bytes(client, feed, authenticating):
    assert authenticating.request_password() == b"R\0\0\0\x08\0\0\0\3"
    assert feed(authenticating, client.message(b"p", b"s\xe9cret\0")) == [PasswordMessage(b"s\xe9cret")]


@pytest.mark.parametrize("body", [b"", b"secret", b"sec\0ret\0"])
def test_a_password_ends_with_its_only_nul(client, authenticating, body):
    authenticating.request_password()
    authenticating.receive_data(client.message(b"p", body))
    with pytest.raises(ProtocolViolation, match="invalid password packet size"):
        authenticating.next_event()


def test_sasl_messages_are_told_apart_by_what_was_asked(client, feed, authenticating):
    assert authenticating.request_sasl(["SCRAM-SHA-256"]) == b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"
    initial = client.message(b"p", b"SCRAM-SHA-256\0\0\0\0\5n,,n=")
    assert feed(authenticating, initial) == [SASLInitialResponse("SCRAM-SHA-256", b"n,,n=")]
    assert authenticating.continue_sasl(b"r=1") == b"R\0\0\0\x0b\0\0\0\x0br=1"
    assert feed(authenticating, client.message(b"p", b"c=biws")) == [SASLResponse(b"c=biws")]
    assert authenticating.finish_sasl(b"v=1") == b"R\0\0\0\x0b\0\0\0\x0cv=1"
    assert authenticating.accept_user() == b"R\0\0\0\x08\0\0\0\0"
    assert authenticating.state is State.BUSY


def test_a_sasl_mechanism_may_come_without_a_first_message(client, feed, authenticating):
    authenticating.request_sasl(["SCRAM-SHA-256"])
    assert feed(authenticating, client.message(b"p", b"X\0\xff\xff\xff\xff")) == [SASLInitialResponse("X", None)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"X",
        b"X\0",
        b"X\0\0\0\0",
        b"X\0\0\0\0\2a",
        b"X\0\0\0\0\1ab",
        b"X\0\xff\xff\xff\xffa",
        b"X\0\xff\xff\xff\xfe",
    ],
)
def test_broken_sasl_messages_are_refused(client, authenticating, body):
    authenticating.request_sasl(["SCRAM-SHA-256"])
    authenticating.receive_data(client.message(b"p", body))
    with pytest.raises(ProtocolViolation) as broken:
        authenticating.next_event()
    assert broken.value.sqlstate == "08P01"


def test_password_messages_are_short(client, feed, authenticating):
    authenticating.request_password()
    authenticating.receive_data(b"p" + (65_537).to_bytes(4, "big"))
    with pytest.raises(ProtocolViolation, match="invalid message length"):
        authenticating.next_event()


@pytest.mark.parametrize("code", [b"Q", b"X", b"S", b"\0"])
def test_only_passwords_are_read_before_login(client, authenticating, code):
    authenticating.request_password()
    authenticating.receive_data(client.message(code, b""))
    with pytest.raises(ProtocolViolation, match=f"expected password response, got message type {code[0]}"):
        authenticating.next_event()


def test_nothing_is_read_before_the_server_asks(client, feed, authenticating):
    assert feed(authenticating, client.query("select 1")) == []
    assert authenticating.buffered_bytes > 0


def test_every_error_before_the_first_ready_is_fatal(authenticating):
    authenticating.request_password()
    sent = authenticating.send_error(DatacaveError("no", sqlstate="28P01"))
    assert sent.startswith(b"E") and b"SFATAL\0VFATAL\0C28P01\0" in sent
    assert authenticating.state is State.CLOSED


def test_errors_between_login_and_the_first_ready_are_fatal(authenticating):
    authenticating.accept_user()
    assert b"SFATAL\0" in authenticating.send_error(DatacaveError("no", sqlstate="3D000"))
    assert authenticating.state is State.CLOSED
