"""Acceptor: listening sockets, and a SocketTransport for every client that connects to them.

Source: accept(2); tcp(7) for TCP_NODELAY, socket(7) for SO_KEEPALIVE.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from datacave_server.sockets.socket_set import SocketSet
from datacave_server.sockets.transport import SocketTransport

ACCEPTED_MAX = 64
"""Clients that are taken in one turn of the loop."""

RETRY_SECONDS = 1.0
"""How long nobody is accepted after the system had no descriptor or memory left."""

logger = logging.getLogger(__name__)


class Acceptor:
    """`make_protocol` gives the protocol of a new connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._loop = loop
        self._make_protocol = make_protocol
        self._sockets = SocketSet()
        self._listening: list[socket.socket] = []
        self._closed = False
        loop.add_reader(self._sockets.descriptor, self._sockets.turn)

    async def listen(self, host: str, port: int, backlog: int) -> list[tuple[str, int]]:
        """Listens on every address of a host; the addresses with the ports taken. Raises OSError."""
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
        try:
            for family, address in addresses:
                self._listening.append(self._listen(family, address, backlog))
        except OSError:
            self.stop()
            raise
        for one in self._listening:
            self._loop.add_reader(one.fileno(), self._accept, one)
        return [one.getsockname()[:2] for one in self._listening]

    @staticmethod
    def _listen(family: int, address: tuple[object, ...], backlog: int) -> socket.socket:
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(address)
            made.listen(backlog)
        except OSError as error:
            made.close()
            raise OSError(error.errno, f"cannot listen on {address[0]}:{address[1]}: {error.strerror}") from None
        return made

    def stop(self) -> None:
        """Listens no more; connections stay."""
        while self._listening:
            one = self._listening.pop()
            self._loop.remove_reader(one.fileno())
            one.close()

    def close(self) -> None:
        """Gives everything up; there must be no connections any more."""
        self.stop()
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._sockets.descriptor)
            self._sockets.close()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTED_MAX):
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                logger.error("no connection can be accepted: %s", error)
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(RETRY_SECONDS, self._go_on, listening)
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            SocketTransport(self._loop, self._sockets, connection, self._make_protocol())

    def _go_on(self, listening: socket.socket) -> None:
        if listening in self._listening:
            self._loop.add_reader(listening.fileno(), self._accept, listening)
