"""What happens after login: commands, series of extended messages, errors and the ways between the states."""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_protocol import NEED_DATA, Connection, ProtocolMisuse, ProtocolViolation, State
from datacave_protocol.frontend import (
    Bind,
    BoundExecution,
    ClosePortal,
    CloseStatement,
    DescribePortal,
    DescribeStatement,
    Disconnected,
    Execute,
    Flush,
    FunctionCall,
    Malformed,
    Parse,
    Query,
    Sync,
    Terminate,
)

ERROR = DatacaveError("no", sqlstate="42601")
FATAL = ProtocolViolation("no more")


def test_a_query_is_answered_before_the_next_one_is_read(client, feed, ready):
    assert feed(ready, client.query("select 1") + client.query("select 2")) == [Query("select 1")]
    assert ready.state is State.BUSY
    assert ready.ready_for_query("I") == b"Z\0\0\0\5I"
    assert ready.next_event() == Query("select 2")
    assert ready.ready_for_query("T") == b"Z\0\0\0\5T"
    assert feed(ready, client.query("")) == [Query("")]
    assert ready.ready_for_query("E") == b"Z\0\0\0\5E"


def test_every_message_of_a_series_is_read(client, feed, ready):
    data = (
        client.parse("s", "select $1", [23])
        + client.bind("p", "s", [b"1", None], [0, 1], [1])
        + client.describe("S", "s")
        + client.describe("P", "p")
        + client.execute("p", 5)
        + client.close("S", "s")
        + client.close("P", "p")
        + client.flush()
        + client.sync()
    )
    assert feed(ready, data) == [
        Parse("s", "select $1", (23,)),
        Bind("p", "s", (0, 1), [b"1", None], (1,)),
        DescribeStatement("s"),
        DescribePortal("p"),
        Execute("p", 5),
        CloseStatement("s"),
        ClosePortal("p"),
        Flush(),
        Sync(),
    ]
    assert ready.state is State.BUSY


@pytest.mark.parametrize("limit", [0, -1, -(2**31)])
def test_a_limit_below_one_is_none(client, feed, ready, limit):
    assert feed(ready, client.execute("p", limit)) == [Execute("p", 0)]


@pytest.mark.parametrize("describe", [True, False])
@pytest.mark.parametrize("formats", [(), (0,), (1,), (0, 1), (1, -1)])
@pytest.mark.parametrize("results", [(), (0,), (1,), (0, 1, 0)])
def test_the_common_group_comes_as_one_event(client, feed, ready, describe, formats, results):
    parameters = [b"", None]
    group = client.bind("", "name", parameters, formats, results)
    group += client.describe("P", "") if describe else b""
    group += client.execute("") + client.sync()
    expected = BoundExecution("name", formats, parameters, results, describe)
    for _ in range(2):  # the second time from what the first has left in its memory
        assert feed(ready, group + group) == [expected]
        ready.ready_for_query("I")
        assert ready.next_event() == expected
        ready.ready_for_query("I")
    assert feed(ready, client.parse("", "x") + group) == [Parse("", "x", ()), expected]


@pytest.mark.parametrize("size", [0, 1, 3, 300, 70_000])
def test_parameters_of_any_length_come_whole(client, feed, ready, size):
    group = client.bind("", "", [b"x" * size] * 3) + client.execute("") + client.sync()
    assert feed(ready, group) == [BoundExecution("", (), [b"x" * size] * 3, (), False)]


def test_many_different_statements_do_not_confuse_the_short_way(client, feed, ready):
    for number in range(3000):
        name = f"statement {number}"
        group = client.bind("", name, [b"%d" % number]) + client.execute("") + client.sync()
        assert feed(ready, group) == [BoundExecution(name, (), [b"%d" % number], (), False)]
        ready.ready_for_query("I")


def test_groups_that_differ_come_as_their_parts(client, feed, ready):
    bind, sync = client.bind("", "s", [b"1"]), client.sync()
    event = Bind("", "s", (), [b"1"], ())
    cases = {
        bind + client.execute("", 1) + sync: [event, Execute("", 1), Sync()],
        bind + client.execute("p") + sync: [event, Execute("p", 0), Sync()],
        bind + client.describe("P", "p") + client.execute("") + sync: [
            event,
            DescribePortal("p"),
            Execute("", 0),
            Sync(),
        ],
        bind + client.execute("") + client.flush() + sync: [event, Execute("", 0), Flush(), Sync()],
        client.bind("p", "s", [b"1"]) + client.execute("") + sync: [
            Bind("p", "s", (), [b"1"], ()),
            Execute("", 0),
            Sync(),
        ],
        bind + client.execute("") + client.parse("", ""): [event, Execute("", 0), Parse("", "", ())],
    }
    for data, events in cases.items():
        assert feed(ready, data) == events
        if ready.state is State.EXTENDED:
            feed(ready, sync)
        ready.ready_for_query("I")


def test_a_group_in_two_pieces_comes_as_its_parts(client, feed, ready):
    bind = client.bind("", "s", [b"1"])
    assert feed(ready, bind + client.execute("")) == [Bind("", "s", (), [b"1"], ()), Execute("", 0)]
    assert feed(ready, client.sync()) == [Sync()]


def test_an_error_in_a_series_skips_to_its_sync(client, feed, ready):
    feed(ready, client.parse("", "bad"))
    ready.send_error(ERROR)
    assert ready.state is State.SKIPPING
    skipped = client.bind("", "") + client.execute("") + client.query("x") + client.copy_data(b"x") + client.flush()
    assert feed(ready, skipped) == []
    assert feed(ready, client.sync()) == [Sync()]
    assert ready.ready_for_query("E") == b"Z\0\0\0\5E"
    assert feed(ready, client.query("rollback")) == [Query("rollback")]


def test_a_session_can_end_while_skipping(client, feed, ready):
    feed(ready, client.parse("", "bad"))
    ready.send_error(ERROR)
    assert feed(ready, client.terminate()) == [Terminate()]
    assert ready.state is State.CLOSED


@pytest.mark.parametrize("kind", ["query", "group", "sync", "function"])
def test_an_error_outside_a_series_skips_nothing(client, feed, ready, kind):
    data = {
        "query": client.query("bad"),
        "group": client.bind("", "") + client.execute("") + client.sync(),
        "sync": client.sync(),
        "function": client.message(b"F", bytes(10)),
    }[kind]
    assert len(feed(ready, data)) == 1
    ready.send_error(ERROR)
    assert ready.state is State.BUSY
    ready.ready_for_query("I")
    assert ready.state is State.READY


@pytest.mark.parametrize(
    "state", [State.BUSY, State.READY, State.EXTENDED, State.SKIPPING, State.COPY_IN, State.COPY_OUT]
)
def test_a_fatal_error_ends_the_session_anywhere(client, feed, ready, state):
    if state in (State.BUSY, State.COPY_IN, State.COPY_OUT):
        feed(ready, client.query("x"))
    if state in (State.EXTENDED, State.SKIPPING):
        feed(ready, client.parse("", ""))
    if state is State.SKIPPING:
        ready.send_error(ERROR)
    if state is State.COPY_IN:
        ready.start_copy_in(0, [])
    if state is State.COPY_OUT:
        ready.start_copy_out(0, [])
    assert ready.state is state
    assert b"SFATAL\0" in ready.send_error(FATAL)
    assert ready.state is State.CLOSED
    assert feed(ready, client.query("x")) == []
    with pytest.raises(ProtocolMisuse):
        ready.send_error(FATAL)


def test_a_function_call_is_read(client, feed, ready):
    body = b"\0\0\0\x2a" + client.formats([1]) + b"\0\2\0\0\0\1a\xff\xff\xff\xff\0\1"
    assert feed(ready, client.message(b"F", body)) == [FunctionCall(42, (1,), [b"a", None], 1)]


def test_goodbye_ends_the_session(client, feed, ready):
    assert feed(ready, client.terminate() + client.query("after")) == [Terminate()]
    assert ready.state is State.CLOSED
    assert ready.buffered_bytes == 0


@pytest.mark.parametrize(("rest", "mid_message"), [(b"", False), (b"Q\0\0\0\x20sel", True)])
def test_a_closed_stream_is_told_once(feed, ready, rest, mid_message):
    assert feed(ready, rest) == ([] if rest else [Disconnected(False)])
    if rest:
        assert feed(ready, b"") == [Disconnected(mid_message)]
    assert ready.state is State.CLOSED
    assert ready.next_event() is NEED_DATA


def test_a_closed_stream_is_told_after_what_came_before(client, feed, ready):
    ready.receive_data(client.query("select 1"))
    ready.receive_data(b"")
    assert ready.next_event() == Query("select 1")
    assert ready.next_event() is NEED_DATA
    ready.ready_for_query("I")
    assert ready.next_event() == Disconnected(False)


@pytest.mark.parametrize("code", [*b"pRGZ", 0, 127, 255])
def test_unknown_messages_are_refused_at_their_first_byte(client, code):
    connection = Connection()
    connection.receive_data(client.startup("user", "ada"))
    connection.next_event()
    connection.accept_user()
    connection.ready_for_query("I")
    connection.receive_data(bytes([code]))
    with pytest.raises(ProtocolViolation, match=f"invalid frontend message type {code}"):
        connection.next_event()
    assert connection.state is State.FAILED
    assert connection.next_event() is NEED_DATA
    assert b"C08P01\0" in connection.send_error(FATAL)
    assert connection.state is State.CLOSED


@pytest.mark.parametrize("code", [b"Q", b"P", b"B", b"F", b"d"])
@pytest.mark.parametrize("length", [-1, -(2**31), 0, 3, 1001, 2**31 - 1])
def test_lengths_out_of_bounds_are_refused_at_once(client, feed, ready, code, length):
    ready.message_bytes_max = 1000
    ready.receive_data(code + length.to_bytes(4, "big", signed=True))
    with pytest.raises(ProtocolViolation, match="invalid message length"):
        ready.next_event()


@pytest.mark.parametrize("code", [b"D", b"E", b"C", b"H", b"S", b"X", b"c", b"f"])
def test_messages_without_data_are_short(ready, code):
    ready.receive_data(code + (10_001).to_bytes(4, "big"))
    with pytest.raises(ProtocolViolation, match="invalid message length"):
        ready.next_event()


def test_a_whole_message_over_the_limit_is_refused_too(client, feed, ready):
    ready.message_bytes_max = 1000
    assert feed(ready, client.query("x" * 995)) == [Query("x" * 995)]
    ready.ready_for_query("I")
    ready.receive_data(client.query("x" * 996))
    with pytest.raises(ProtocolViolation, match="invalid message length"):
        ready.next_event()


def test_a_long_announcement_takes_no_memory(ready):
    ready.receive_data(b"Q" + (2**30).to_bytes(4, "big") + b"select")
    assert ready.next_event() is NEED_DATA
    assert ready.buffered_bytes == 11


MALFORMED = {
    "query without NUL": (b"Q", b"select 1", "invalid string in message"),
    "query with NUL inside": (b"Q", b"sel\0ect\0", "invalid message format"),
    "empty query body": (b"Q", b"", "invalid string in message"),
    "query not UTF-8": (b"Q", b"select '\xc3('\0", 'invalid byte sequence for encoding "UTF8": 0xc3 0x28'),
    "sync with a body": (b"S", b"x", "invalid message format"),
    "short function call": (b"F", b"\0\0", "insufficient data left in message"),
    "function call with a rest": (b"F", bytes(11), "invalid message format"),
    "parse without NUL": (b"P", b"s", "invalid string in message"),
    "parse without types": (b"P", b"s\0t\0", "insufficient data left in message"),
    "parse with too few types": (b"P", b"s\0t\0\0\2\0\0\0\1", "insufficient data left in message"),
    "parse with a rest": (b"P", b"s\0t\0\0\0x", "invalid message format"),
    "bind without counts": (b"B", b"\0\0", "insufficient data left in message"),
    "bind with too few formats": (b"B", b"\0\0\0\2\0\0", "insufficient data left in message"),
    "bind without values": (b"B", b"\0\0\0\0", "insufficient data left in message"),
    "bind with a cut length": (b"B", b"\0\0\0\0\0\1\0\0", "insufficient data left in message"),
    "bind with a cut value": (b"B", b"\0\0\0\0\0\1\0\0\0\2a", "insufficient data left in message"),
    "bind with a negative length": (b"B", b"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0", "insufficient data left in message"),
    "bind without result formats": (b"B", b"\0\0\0\0\0\0", "insufficient data left in message"),
    "bind with a rest": (b"B", b"\0\0\0\0\0\0\0\0x", "invalid message format"),
    "bind with a name not UTF-8": (b"B", b"\0\xff\0\0\0\0\0\0\0", 'invalid byte sequence for encoding "UTF8": 0xff'),
    "empty describe": (b"D", b"", "no data left in message"),
    "describe of nothing": (b"D", b"Xa\0", "invalid DESCRIBE message subtype 88"),
    "describe with a rest": (b"D", b"Sa\0b", "invalid message format"),
    "close of nothing": (b"C", b"Xa\0", "invalid CLOSE message subtype 88"),
    "execute without a limit": (b"E", b"p\0\0\0", "insufficient data left in message"),
    "execute with a rest": (b"E", b"p\0\0\0\0\0x", "invalid message format"),
    "flush with a body": (b"H", b"x", "invalid message format"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_senseless_contents_fail_like_a_statement(client, feed, ready, case):
    code, body, text = MALFORMED[case]
    (event,) = feed(ready, client.message(code, body))
    assert isinstance(event, Malformed)
    assert event.error.message == text
    assert event.error.severity == "ERROR"
    assert event.error.sqlstate == ("22021" if "UTF8" in text else "08P01")
    assert event.ready_owed is (code in b"QFS")
    ready.send_error(event.error)
    if not event.ready_owed:
        assert feed(ready, client.execute("") + client.sync()) == [Sync()]
    ready.ready_for_query("I")
    assert feed(ready, client.query("select 1")) == [Query("select 1")]


def test_the_server_cannot_send_what_the_state_does_not_allow(client, feed, ready):
    for call in (
        lambda: ready.ready_for_query("I"),
        lambda: ready.start_copy_in(0, []),
        lambda: ready.start_copy_out(0, []),
        ready.finish_copy_out,
        ready.accept_user,
        ready.request_password,
        ready.accept_encryption,
        ready.refuse_encryption,
        ready.negotiate_version,
        lambda: ready.request_sasl([]),
        lambda: ready.continue_sasl(b""),
        lambda: ready.finish_sasl(b""),
    ):
        with pytest.raises(ProtocolMisuse):
            call()
    assert ready.state is State.READY
    feed(ready, client.parse("", ""))
    with pytest.raises(ProtocolMisuse):
        ready.ready_for_query("I")
