"""Does every message lead from every state to where the protocol says, and no other message anywhere?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_protocol import NEED_DATA, ProtocolViolation, State

BODIES = {
    b"Q": b"select 1\0",
    b"P": b"s\0select 1\0\0\0",
    b"B": b"p\0s\0\0\0\0\0\0\0",
    b"D": b"Ss\0",
    b"E": b"p\0\0\0\0\0",
    b"C": b"Ss\0",
    b"H": b"",
    b"S": b"",
    b"F": bytes(10),
    b"X": b"",
    b"d": b"row\n",
    b"c": b"",
    b"f": b"no\0",
}
SAME, BROKEN = "same, without an event", "a violation"

# Message codes in the order of the lists below.
CODES = list("QPBDECHSFXdcf")
NEXT = {
    State.READY: [
        *(State.BUSY, *[State.EXTENDED] * 6, State.BUSY, State.BUSY, State.CLOSED),
        *(SAME, SAME, SAME),
    ],
    State.EXTENDED: [
        *(State.BUSY, *[State.EXTENDED] * 6, State.BUSY, State.BUSY, State.CLOSED),
        *(SAME, SAME, SAME),
    ],
    State.SKIPPING: [*[SAME] * 7, State.BUSY, SAME, State.CLOSED, SAME, SAME, SAME],
    State.COPY_IN: [*[BROKEN] * 6, SAME, SAME, BROKEN, BROKEN, State.COPY_IN, State.BUSY, State.BUSY],
    State.BUSY: [SAME] * 13,
    State.COPY_OUT: [SAME] * 13,
    State.AUTHENTICATING: [BROKEN] * 13,
}


@pytest.fixture
def connection_in(client, feed, authenticating):
    """Leads a connection to a state."""

    def lead(state: State):
        if state is State.AUTHENTICATING:
            authenticating.request_password()
            return authenticating
        authenticating.accept_user()
        authenticating.ready_for_query("I")
        if state in (State.EXTENDED, State.SKIPPING):
            feed(authenticating, client.parse("", ""))
        elif state is not State.READY:
            feed(authenticating, client.query(""))
        if state is State.SKIPPING:
            authenticating.send_error(DatacaveError("no"))
        elif state is State.COPY_IN:
            authenticating.start_copy_in(0, [])
        elif state is State.COPY_OUT:
            authenticating.start_copy_out(0, [])
        assert authenticating.state is state
        return authenticating

    return lead


@pytest.mark.parametrize("state", NEXT, ids=lambda state: state.name)
@pytest.mark.parametrize("number", range(len(CODES)), ids=lambda number: CODES[number])
def test_step(client, connection_in, state, number) -> None:
    connection = connection_in(state)
    code = CODES[number].encode()
    expected = NEXT[state][number]
    connection.receive_data(client.message(code, BODIES[code]))
    if expected is BROKEN:
        with pytest.raises(ProtocolViolation) as broken:
            connection.next_event()
        assert broken.value.sqlstate == "08P01"
        assert connection.state is State.FAILED
    elif expected is SAME:
        assert connection.next_event() is NEED_DATA
        assert connection.state is state
    else:
        assert connection.next_event() is not NEED_DATA
        assert connection.state is expected


@pytest.mark.parametrize("state", [State.AUTHENTICATING, State.READY, State.EXTENDED, State.SKIPPING, State.COPY_IN])
def test_no_other_message_is_read(connection_in, state) -> None:
    known = {*"".join(CODES).encode(), *(b"p" if state is State.AUTHENTICATING else b"")}
    connection = connection_in(state)
    for code in set(range(256)) - known:
        connection.state = state
        connection.receive_data(bytes([code]))
        with pytest.raises(ProtocolViolation):
            connection.next_event()
