"""What happens inside COPY: data in batches, its end, its failure, and the Sync that falls into it."""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_protocol import NEED_DATA, ProtocolViolation, State
from datacave_protocol.frontend import (
    BoundExecution,
    CopyData,
    CopyDone,
    CopyFail,
    Disconnected,
    Execute,
    Parse,
    Query,
    Sync,
)

ERROR = DatacaveError("no", sqlstate="22P04")


@pytest.fixture
def copying(client, feed, ready):
    """A connection in the middle of COPY FROM STDIN by the simple protocol."""
    feed(ready, client.query("copy t from stdin"))
    assert ready.start_copy_in(0, [0, 0]) == b"G\0\0\0\x0b\0\0\2\0\0\0\0"
    return ready


def test_all_data_at_hand_comes_as_one_event(client, feed, copying):
    data = client.copy_data(b"1\t2\n") + client.copy_data(b"") + client.copy_data(b"3\t4\n")
    assert feed(copying, data + client.copy_done()) == [CopyData(b"1\t2\n3\t4\n"), CopyDone()]
    assert copying.state is State.BUSY
    copying.ready_for_query("I")


def test_data_in_pieces_comes_as_it_gets_whole(client, feed, copying):
    data = b"".join(client.copy_data(b"row %d\n" % number) for number in range(10))
    collected = b""
    for start in range(0, len(data), 7):
        for event in feed(copying, data[start : start + 7]):
            assert isinstance(event, CopyData)
            collected += event.data
    assert collected == b"".join(b"row %d\n" % number for number in range(10))
    assert feed(copying, client.copy_done()) == [CopyDone()]


def test_a_large_message_is_collected_until_it_is_whole(client, feed, copying):
    message = client.copy_data(b"x" * 100_000)
    for start in range(0, 99_000, 1000):
        assert feed(copying, message[start : start + 1000]) == []
    assert feed(copying, message[99_000:]) == [CopyData(b"x" * 100_000)]


def test_the_client_can_give_up(client, feed, copying):
    assert feed(copying, client.copy_data(b"1\n") + client.copy_fail("lost it")) == [
        CopyData(b"1\n"),
        CopyFail("lost it"),
    ]
    assert copying.state is State.BUSY
    copying.send_error(ERROR)
    copying.ready_for_query("I")


@pytest.mark.parametrize("body", [b"", b"no end", b"\xff\0", b"a\0b\0"])
def test_giving_up_needs_no_good_reason(client, feed, copying, body):
    (event,) = feed(copying, client.message(b"f", body))
    assert isinstance(event, CopyFail)


def test_what_comes_after_a_failed_copy_is_dropped(client, feed, copying):
    feed(copying, client.copy_data(b"bad\n"))
    copying.send_error(ERROR)
    assert copying.state is State.BUSY
    copying.ready_for_query("I")
    rest = client.copy_data(b"more\n") + client.copy_done() + client.copy_fail("x")
    assert feed(copying, rest + client.query("select 1")) == [Query("select 1")]


def test_sync_and_flush_mean_nothing_inside(client, feed, copying):
    data = client.copy_data(b"1") + client.sync() + client.flush() + client.copy_data(b"2") + client.copy_done()
    events = feed(copying, data)
    assert b"".join(event.data for event in events if isinstance(event, CopyData)) == b"12"
    assert events[-1] == CopyDone()


@pytest.mark.parametrize("code", b"QPBDECFXp\0")
def test_other_messages_break_the_protocol(client, copying, code):
    copying.receive_data(client.copy_data(b"1") + bytes([code]))
    assert copying.next_event() == CopyData(b"1")
    with pytest.raises(ProtocolViolation, match=f"unexpected message type 0x{code:02X} during COPY from stdin"):
        copying.next_event()


@pytest.mark.parametrize("length", [-1, 3, 2**31 - 1])
def test_lengths_out_of_bounds_break_the_protocol(client, copying, length):
    copying.receive_data(b"d" + length.to_bytes(4, "big", signed=True))
    with pytest.raises(ProtocolViolation, match="invalid message length"):
        copying.next_event()


def test_a_closed_stream_is_told(feed, copying):
    assert feed(copying, b"") == [Disconnected(False)]


def test_a_copy_in_a_series_returns_to_it(client, feed, ready):
    assert feed(ready, client.parse("", "copy") + client.execute("")) == [Parse("", "copy", ()), Execute("", 0)]
    ready.start_copy_in(1, [])
    assert feed(ready, client.copy_done() + client.sync()) == [CopyDone(), Sync()]
    ready.ready_for_query("I")


def test_a_failed_copy_in_a_series_skips_to_sync(client, feed, ready):
    feed(ready, client.parse("", "copy") + client.execute(""))
    ready.start_copy_in(0, [])
    ready.send_error(ERROR)
    assert ready.state is State.SKIPPING
    assert feed(ready, client.copy_data(b"1") + client.copy_done() + client.sync()) == [Sync()]


@pytest.mark.parametrize("fails", [False, True])
def test_the_sync_of_a_group_that_copies_is_ignored(client, feed, ready, fails):
    """The group's Sync stands before the data, where it means nothing; the client sends another one behind it."""
    group = client.bind("", "") + client.execute("") + client.sync()
    assert feed(ready, group) == [BoundExecution("", (), [], (), False)]
    ready.start_copy_in(0, [])
    if fails:
        ready.send_error(ERROR)
        assert ready.state is State.SKIPPING
    else:
        assert feed(ready, client.copy_data(b"1") + client.copy_done()) == [CopyData(b"1"), CopyDone()]
    assert ready.ready_for_query("I") == b""
    rest = client.copy_data(b"2") + client.copy_done() if fails else b""
    assert feed(ready, rest + client.sync()) == [Sync()]
    assert ready.ready_for_query("I") == b"Z\0\0\0\5I"


def test_nothing_is_read_while_data_goes_out(client, feed, ready):
    feed(ready, client.query("copy t to stdout"))
    assert ready.start_copy_out(1, [1]) == b"H\0\0\0\x09\1\0\1\0\1"
    assert feed(ready, client.query("next")) == []
    assert ready.finish_copy_out() == b"c\0\0\0\4"
    assert ready.next_event() is NEED_DATA
    ready.ready_for_query("I")
    assert ready.next_event() == Query("next")


@pytest.mark.parametrize("series", [False, True])
def test_copying_out_can_fail(client, feed, ready, series):
    feed(ready, client.execute("") if series else client.query("copy t to stdout"))
    ready.start_copy_out(0, [])
    ready.send_error(ERROR)
    assert ready.state is (State.SKIPPING if series else State.BUSY)
