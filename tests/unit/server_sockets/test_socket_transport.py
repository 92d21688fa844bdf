"""Do connections over a SocketSet behave as asyncio's transports do, with the compiled set and with the plain one?"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct

import pytest

from datacave_server.sockets import _socket_set, acceptor, socket_set, transport
from datacave_server.sockets.acceptor import Acceptor
from datacave_server.sockets.transport import SocketTransport


class Server(asyncio.Protocol):
    """Keeps what happens; answers with what `reply` makes of the bytes."""

    def __init__(self):
        self.events = []
        self.received = b""
        self.reply = None
        self.keep_open = False
        self.transport = None
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, made):
        self.transport = made
        self.events.append("made")

    def data_received(self, data):
        self.received += data
        if self.reply is not None:
            self.transport.write(self.reply(data))

    def eof_received(self):
        self.events.append("eof")
        return self.keep_open

    def pause_writing(self):
        self.events.append("pause")

    def resume_writing(self):
        self.events.append("resume")

    def connection_lost(self, exc):
        self.events.append("lost")
        self.lost.set_result(exc)


@pytest.fixture(params=["compiled", "plain"])
async def connect(request, monkeypatch):
    """A function that gives a client's socket and the server's side of it."""
    body = _socket_set if request.param == "compiled" else None
    monkeypatch.setattr(acceptor, "SocketSet", body.SocketSet if body else socket_set.PlainSocketSet)
    monkeypatch.setattr(transport, "send", body.send if body else socket_set.plain_send)
    made = []

    def make():
        made.append(Server())
        return made[-1]

    loop = asyncio.get_running_loop()
    accepting = Acceptor(loop, make)
    ((host, port),) = await accepting.listen("127.0.0.1", 0, 16)
    clients = []

    async def connected():
        client = socket.socket()
        client.setblocking(False)
        await loop.sock_connect(client, (host, port))
        clients.append(client)
        while len(made) < len(clients):
            await asyncio.sleep(0.001)
        return client, made[len(clients) - 1]

    connected.acceptor = accepting
    yield connected
    for client in clients:
        client.close()
    for one in made:
        one.transport.abort()
        await one.lost
    accepting.close()


async def receive(client, count):
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < count:
        more = await loop.sock_recv(client, 1 << 20)
        assert more, "the connection has ended"
        data += more
    return data


async def until(condition):
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come about")


async def test_bytes_go_both_ways(connect):
    client, server = await connect()
    server.reply = lambda data: data.upper()
    for text in (b"one", b"two" * 1000):
        await asyncio.get_running_loop().sock_sendall(client, text)
        assert await receive(client, len(text)) == text.upper()
    assert server.transport.get_extra_info("peername") == client.getsockname()
    assert server.transport.get_extra_info("nothing", 7) == 7
    assert client.getpeername() == server.transport.get_extra_info("socket").getsockname()


async def test_several_clients_in_one_turn(connect):
    pairs = [await connect() for _ in range(10)]
    for number, (client, server) in enumerate(pairs):
        server.reply = lambda data: data * 2
        client.send(b"%d" % number)
    for number, (client, _) in enumerate(pairs):
        assert await receive(client, 2) == b"%d" % number * 2


async def test_the_end_closes_after_everything_is_sent(connect):
    client, server = await connect()
    loop = asyncio.get_running_loop()
    server.transport.set_write_buffer_limits(high=1 << 20)
    big = bytes(range(256)) * 40_000
    server.transport.write(big)
    server.transport.write(b"last")
    assert server.events == ["made", "pause"]
    assert server.transport.get_write_buffer_size() > 1 << 20
    client.shutdown(socket.SHUT_WR)
    await until(lambda: "eof" in server.events)
    assert server.transport.is_closing()
    assert not server.lost.done()
    assert await receive(client, len(big) + 4) == big + b"last"
    assert await server.lost is None
    assert await loop.sock_recv(client, 1) == b""
    assert server.events[-1] == "lost"


async def test_writing_is_paused_and_resumed(connect):
    client, server = await connect()
    server.transport.write(bytes(8 << 20))
    assert server.events[-1] == "pause"
    await receive(client, 8 << 20)
    await until(lambda: server.events[-1] == "resume")
    server.transport.write(b"more")
    assert await receive(client, 4) == b"more"


async def test_what_comes_while_reading_is_paused_waits(connect):
    client, server = await connect()
    server.transport.pause_reading()
    client.send(b"early")
    await asyncio.sleep(0.02)
    assert server.received == b""
    server.transport.resume_reading()
    await until(lambda: server.received == b"early")


async def test_an_end_that_keeps_the_connection_open(connect):
    client, server = await connect()
    server.keep_open = True
    client.shutdown(socket.SHUT_WR)
    await until(lambda: "eof" in server.events)
    server.transport.write(b"still here")
    assert await receive(client, 10) == b"still here"
    server.transport.close()
    assert await server.lost is None


@pytest.mark.parametrize("paused", [False, True])
async def test_a_reset_loses_the_connection(connect, paused):
    client, server = await connect()
    if paused:
        server.transport.pause_reading()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    lost = await server.lost
    assert isinstance(lost, OSError)
    assert lost.errno == errno.ECONNRESET
    server.transport.write(b"nobody is there")
    server.transport.close()
    assert server.events == ["made", "lost"]


async def test_writes_to_a_broken_connection_lose_it(connect):
    client, server = await connect()
    server.transport.pause_reading()
    client.close()
    for _ in range(100):
        server.transport.write(b"x")
        await asyncio.sleep(0.001)
        if server.lost.done():
            break
    assert isinstance(await server.lost, OSError)


async def test_a_protocol_that_fails_ends_its_connection_alone(connect, caplog):
    client, server = await connect()
    other, beside = await connect()
    beside.reply = lambda data: data
    server.reply = lambda data: 1 / 0
    client.send(b"x")
    other.send(b"y")
    assert isinstance(await server.lost, ZeroDivisionError)
    assert await receive(other, 1) == b"y"
    assert "a connection is given up" in caplog.text


async def test_a_client_that_closes_another_in_the_same_turn(connect):
    first, one = await connect()
    second, two = await connect()
    one.reply = lambda data: two.transport.abort() or data
    two.reply = lambda data: one.transport.abort() or data
    first.send(b"1")
    second.send(b"2")
    await until(lambda: one.lost.done() or two.lost.done())
    assert one.lost.done() is not two.lost.done()


async def test_a_protocol_that_closes_when_it_begins(connect, monkeypatch):
    def greet(self, made):
        self.transport = made
        made.write(b"hello")
        made.close()

    monkeypatch.setattr(Server, "connection_made", greet)
    client, server = await connect()
    assert await receive(client, 5) == b"hello"
    assert await server.lost is None


async def test_a_protocol_that_fails_when_it_begins(connect, monkeypatch, caplog):
    def fail(self, made):
        self.transport = made
        raise ValueError("no")

    monkeypatch.setattr(Server, "connection_made", fail)
    _, server = await connect()
    assert isinstance(await server.lost, ValueError)
    assert "a connection is given up" in caplog.text


async def test_a_socket_that_is_handed_on(connect):
    client, server = await connect()
    taken = server.transport.detach()
    client.send(b"for somebody else")
    assert await asyncio.get_running_loop().sock_recv(taken, 100) == b"for somebody else"
    server.transport.close()
    assert server.events == ["made"]
    taken.close()
    server.lost.set_result(None)


async def test_no_descriptor_left_is_waited_out(connect, monkeypatch, caplog):
    monkeypatch.setattr(acceptor, "RETRY_SECONDS", 0.05)
    real, failures = acceptor.Acceptor._listen, []

    class Exhausted:
        def __init__(self, listening):
            self._listening = listening

        def accept(self):
            if not failures:
                failures.append(1)
                raise OSError(errno.EMFILE, "too many open files")
            return self._listening.accept()

        def __getattr__(self, name):
            return getattr(self._listening, name)

    monkeypatch.setattr(acceptor.Acceptor, "_listen", staticmethod(lambda *given: Exhausted(real(*given))))
    made = []
    loop = asyncio.get_running_loop()
    accepting = Acceptor(loop, lambda: made.append(Server()) or made[-1])
    ((host, port),) = await accepting.listen("127.0.0.1", 0, 16)
    client = socket.create_connection((host, port))
    await until(lambda: made)
    assert "no connection can be accepted" in caplog.text
    client.close()
    await made[0].lost
    accepting.close()


async def test_a_port_in_use_is_named(connect):
    _, server = await connect()
    port = server.transport.get_extra_info("socket").getsockname()[1]
    second = Acceptor(asyncio.get_running_loop(), Server)
    with pytest.raises(OSError, match=f"127.0.0.1:{port}") as raised:
        await second.listen("127.0.0.1", port, 16)
    assert raised.value.errno == errno.EADDRINUSE
    second.close()


async def test_it_is_a_transport(connect):
    _, server = await connect()
    assert isinstance(server.transport, SocketTransport)
    assert isinstance(server.transport, asyncio.Transport)
