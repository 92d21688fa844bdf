"""A client in a few lines: frontend messages as bytes, and connections led to the state a test begins in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from datacave_protocol import NEED_DATA, Connection, Event

Feed = Callable[[Connection, bytes], list[Event]]


class Client:
    """Frontend messages, written from the documentation and not with the code under test."""

    @staticmethod
    def message(code: bytes, body: bytes = b"") -> bytes:
        return code + (len(body) + 4).to_bytes(4, "big") + body

    @staticmethod
    def packet(major: int, minor: int, body: bytes = b"") -> bytes:
        return (len(body) + 8).to_bytes(4, "big") + major.to_bytes(2, "big") + minor.to_bytes(2, "big") + body

    def startup(self, *pairs: str, version: tuple[int, int] = (3, 0)) -> bytes:
        return self.packet(*version, b"".join(text.encode() + b"\0" for text in pairs) + b"\0")

    def query(self, text: str) -> bytes:
        return self.message(b"Q", text.encode() + b"\0")

    def parse(self, statement: str, text: str, types: Sequence[int] = ()) -> bytes:
        body = statement.encode() + b"\0" + text.encode() + b"\0" + len(types).to_bytes(2, "big")
        return self.message(b"P", body + b"".join(oid.to_bytes(4, "big") for oid in types))

    def bind(
        self,
        portal: str,
        statement: str,
        parameters: Sequence[bytes | None] = (),
        formats: Sequence[int] = (),
        results: Sequence[int] = (),
    ) -> bytes:
        body = portal.encode() + b"\0" + statement.encode() + b"\0" + self.formats(formats)
        body += len(parameters).to_bytes(2, "big")
        for value in parameters:
            body += b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4, "big") + value
        return self.message(b"B", body + self.formats(results))

    @staticmethod
    def formats(codes: Sequence[int]) -> bytes:
        return len(codes).to_bytes(2, "big") + b"".join(code.to_bytes(2, "big", signed=True) for code in codes)

    def describe(self, kind: str, name: str) -> bytes:
        return self.message(b"D", kind.encode() + name.encode() + b"\0")

    def close(self, kind: str, name: str) -> bytes:
        return self.message(b"C", kind.encode() + name.encode() + b"\0")

    def execute(self, portal: str, limit: int = 0) -> bytes:
        return self.message(b"E", portal.encode() + b"\0" + limit.to_bytes(4, "big", signed=True))

    def sync(self) -> bytes:
        return self.message(b"S")

    def flush(self) -> bytes:
        return self.message(b"H")

    def copy_data(self, payload: bytes) -> bytes:
        return self.message(b"d", payload)

    def copy_done(self) -> bytes:
        return self.message(b"c")

    def copy_fail(self, reason: str) -> bytes:
        return self.message(b"f", reason.encode() + b"\0")

    def terminate(self) -> bytes:
        return self.message(b"X")


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def feed() -> Feed:
    """Gives bytes to a connection and takes all events it has for them."""

    def feed(connection: Connection, data: bytes) -> list[Event]:
        connection.receive_data(data)
        events: list[Event] = []
        while (event := connection.next_event()) is not NEED_DATA:
            events.append(event)
        return events

    return feed


@pytest.fixture
def authenticating(client: Client, feed: Feed) -> Connection:
    """A connection whose start-up packet has been read."""
    connection = Connection()
    feed(connection, client.startup("user", "ada"))
    return connection


@pytest.fixture
def ready(authenticating: Connection) -> Connection:
    """A connection that waits for its first command."""
    authenticating.accept_user()
    authenticating.ready_for_query("I")
    return authenticating
