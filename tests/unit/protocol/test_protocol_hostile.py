"""What no client can do: break out of ProtocolViolation, hang the reader, or change events by cutting its bytes."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacave_core.errors import DatacaveError
from datacave_protocol import NEED_DATA, Connection, ProtocolViolation, State
from datacave_protocol import frontend as f


def message(code: bytes, body: bytes = b"") -> bytes:
    return code + (len(body) + 4).to_bytes(4, "big") + body


def packet(major: int, minor: int, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + major.to_bytes(2, "big") + minor.to_bytes(2, "big") + body


STARTUP = packet(3, 0, b"user\0ada\0client_encoding\0UTF8\0\0")
LOGIN = [
    packet(1234, 5680, b""),
    packet(1234, 5679, b""),
    STARTUP,
    message(b"p", b"SCRAM-SHA-256\0\0\0\0\x04n,,n"),
    message(b"p", b"c=biws"),
]
BIND = message(b"B", b"\0s1\0\0\1\0\1\0\2\0\0\0\1a\xff\xff\xff\xff\0\1\0\0")
COMMANDS = [
    message(b"Q", b"select 1\0"),
    message(b"P", b"s1\0select $1\0\0\1\0\0\0\x17"),
    BIND,
    BIND + message(b"D", b"P\0") + message(b"E", bytes(5)) + message(b"S"),
    BIND + message(b"E", bytes(5)) + message(b"S"),
    message(b"D", b"Ss1\0"),
    message(b"E", b"p\0\0\0\0\7"),
    message(b"C", b"Pp\0"),
    message(b"H"),
    message(b"S"),
    message(b"F", b"\0\0\0\1\0\0\0\1\0\0\0\0\0\0"),
    message(b"Q", b"copy t from stdin\0") + message(b"d", b"1\t2\n") + message(b"d", b"3\t4\n") + message(b"c"),
    message(b"Q", b"copy t from stdin\0") + message(b"d", b"1\t2\n") + message(b"S") + message(b"f", b"no\0"),
    message(b"Q", b"fail\0"),
    message(b"P", b"\0fail\0\0\0"),
]


class Server:
    """Answers every event in a way the protocol allows, and writes down what it was told."""

    def __init__(self) -> None:
        self.wire = Connection(message_bytes_max=100_000)
        self.events: list[f.Event] = []
        self.copied = b""

    def feed(self, data: bytes) -> None:
        self.wire.receive_data(data)
        for _ in range(2 * self.wire.buffered_bytes + 3):
            event = self.wire.next_event()
            if event is NEED_DATA:
                return
            self.answer(event)
        raise AssertionError("more events than the bytes can hold")

    def answer(self, event: f.Event) -> None:
        wire = self.wire
        if isinstance(event, f.CopyData):
            self.copied += event.data
            return
        if self.copied:
            self.events.append(f.CopyData(self.copied))
            self.copied = b""
        if isinstance(event, f.BoundExecution):
            self.events.append(f.Bind("", *event[:4]))
            self.events.extend([f.DescribePortal("")] if event.describe else [])
            self.events.extend([f.Execute("", 0), f.Sync()])
        elif isinstance(event, f.Malformed):
            self.events.append(f.Malformed(DatacaveError(""), event.ready_owed)._replace(error=str(event.error)))
        else:
            self.events.append(event)
        match event:
            case f.SSLRequest() | f.GSSENCRequest():
                wire.refuse_encryption()
            case f.StartupMessage():
                wire.negotiate_version()
                wire.request_sasl(["SCRAM-SHA-256"])
            case f.SASLInitialResponse():
                wire.continue_sasl(b"challenge")
            case f.SASLResponse():
                wire.finish_sasl(b"outcome")
                wire.accept_user()
                wire.ready_for_query("I")
            case f.Query(text) if text.startswith("copy"):
                wire.start_copy_in(0, [])
            case f.Parse(text="fail"):
                wire.send_error(DatacaveError("no"))
            case f.Query() | f.BoundExecution() | f.Sync() | f.FunctionCall():
                wire.ready_for_query("I")
            case f.Malformed(error, ready_owed):
                wire.send_error(error)
                if ready_owed:
                    wire.ready_for_query("I")
            case f.CopyDone() | f.CopyFail() if wire.state is State.BUSY:
                wire.ready_for_query("I")


def told(chunks: list[bytes]) -> tuple[list[f.Event], bytes, str | None, State]:
    """All that a server learns from a session fed in these chunks, and the violation it ends with."""
    server = Server()
    try:
        for chunk in chunks:
            server.feed(chunk)
        server.feed(b"")
    except ProtocolViolation as violation:
        server.wire.send_error(violation)
        assert server.wire.next_event() is NEED_DATA
        return server.events, server.copied, str(violation), server.wire.state
    return server.events, server.copied, None, server.wire.state


SESSIONS = st.lists(st.sampled_from(COMMANDS), max_size=8).map(lambda commands: b"".join([*LOGIN, *commands]))
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(("set", "insert", "delete", "length")),
        st.integers(0, 2**16),
        st.one_of(st.integers(0, 255), st.sampled_from(b"\0\1\4\xff\xfe\x7f\x80QPBDECHSFXdcfp")),
    ),
    min_size=1,
    max_size=6,
)


def mutated(session: bytes, mutations: list[tuple[str, int, int]]) -> bytes:
    data = bytearray(session)
    for kind, place, byte in mutations:
        position = place % (len(data) or 1)
        if kind == "set":
            data[position : position + 1] = bytes([byte])
        elif kind == "insert":
            data.insert(position, byte)
        elif kind == "delete":
            del data[position : position + 1 + byte % 8]
        else:
            data[position : position + 4] = random.Random(byte).choice(
                [
                    b"\xff\xff\xff\xff",
                    b"\x7f\xff\xff\xff",
                    b"\x80\0\0\0",
                    b"\0\0\0\0",
                    b"\0\0\0\3",
                    bytes([0, 0, byte, byte]),
                ]
            )
    return bytes(data)


def test_a_valid_session_tells_all_its_events() -> None:
    events, copied, violation, state = told([b"".join([*LOGIN, *COMMANDS[:9], COMMANDS[9]])])
    assert violation is None and copied == b"" and state is State.CLOSED
    assert [type(event).__name__ for event in events] == [
        *("GSSENCRequest", "SSLRequest", "StartupMessage", "SASLInitialResponse", "SASLResponse"),
        *("Query", "Parse", "Bind", "Bind", "DescribePortal", "Execute", "Sync", "Bind", "Execute", "Sync"),
        *("DescribeStatement", "Execute", "ClosePortal", "Flush", "Sync", "Disconnected"),
    ]


@given(SESSIONS)
@settings(max_examples=100, deadline=None)
def test_a_session_byte_by_byte_tells_the_same(session: bytes) -> None:
    assert told([session[i : i + 1] for i in range(len(session))]) == told([session])


@given(SESSIONS, st.lists(st.integers(0, 400), max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_session_in_any_pieces_tells_the_same(session: bytes, cuts: list[int]) -> None:
    borders = [0, *sorted(cut for cut in cuts if cut < len(session)), len(session)]
    pieces = [session[low:high] for low, high in pairwise(borders) if low < high]
    assert told(pieces) == told([session])


@given(SESSIONS, MUTATIONS)
@example(session=b"".join(LOGIN) + BIND, mutations=[("length", len(b"".join(LOGIN)) + 9, 3)])
@settings(max_examples=500, deadline=None)
def test_broken_sessions_end_in_a_violation_or_go_on(session: bytes, mutations: list[tuple[str, int, int]]) -> None:
    data = mutated(session, mutations)
    whole = told([data])
    assert told([data[i : i + 1] for i in range(len(data))]) == whole


@given(st.binary(max_size=200), st.sampled_from([b"", STARTUP, b"".join(LOGIN)]))
@settings(max_examples=300, deadline=None)
def test_noise_ends_in_a_violation_or_waits(noise: bytes, before: bytes) -> None:
    whole = told([before + noise] if before + noise else [])
    assert told([bytes([byte]) for byte in before + noise]) == whole
