"""SocketTransport: the connection of one client, as asyncio's protocols see it, over a SocketSet.

    reading --pause_reading--> not reading          what is written goes to the socket at once; what that does not take
       |                                            is kept, and sent when there is room
       +--end, error, close, abort--> closing --nothing left to send--> connection_lost, closed

Invariants: `connection_lost` is called once, in a turn of its own, unless the socket was handed on by `detach`; nothing
is received afterwards.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from typing import Any

from datacave_server.sockets.socket_set import PlainSocketSet, send

SENT_BYTES_MAX = 256 * 1024
"""What is offered to the socket at once of what had to be kept."""

logger = logging.getLogger(__name__)


class SocketTransport(asyncio.Transport):
    """One connection; `protocol.connection_made` is called from here."""

    __slots__ = (
        "_closing",
        "_connection",
        "_descriptor",
        "_gone",
        "_high_bytes",
        "_loop",
        "_low_bytes",
        "_paused_writing",
        "_pending",
        "_protocol",
        "_reading",
        "_sockets",
        "_writing",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: PlainSocketSet,
        connection: socket.socket,
        protocol: asyncio.Protocol,
    ) -> None:
        super().__init__()
        self._loop = loop
        self._sockets = sockets
        self._connection = connection
        self._protocol = protocol
        self._descriptor = connection.fileno()
        self._pending = bytearray()
        self._high_bytes = 64 * 1024
        self._low_bytes = 16 * 1024
        self._paused_writing = False
        self._reading = True
        self._writing = False
        self._closing = False
        self._gone = False
        sockets.add(self._descriptor, protocol.data_received, self)
        try:
            protocol.connection_made(self)
        except Exception as error:
            self.broken(error)

    # The protocol's side

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Sends, or keeps what the socket does not take."""
        if self._pending:
            self._keep(data)
            return
        sent = send(self._descriptor, data)  # type: ignore[arg-type]  # the pump has nothing but bytes
        if sent != len(data):
            self._sent_less(data, sent)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When the protocol is asked to stop writing, and to go on."""
        self._high_bytes = high if high is not None else 64 * 1024
        self._low_bytes = low if low is not None else self._high_bytes // 4

    def get_write_buffer_size(self) -> int:
        """How many bytes are kept."""
        return len(self._pending)

    def is_closing(self) -> bool:
        """Whether nothing is received any more."""
        return self._closing

    def pause_reading(self) -> None:
        """Leaves what comes in the socket."""
        self._read(False)

    def resume_reading(self) -> None:
        """Receives again."""
        self._read(not self._closing)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The peer's address, or the socket."""
        if name == "socket":
            return self._connection
        if name != "peername":
            return default
        try:
            return self._connection.getpeername()
        except OSError:
            return default

    def close(self) -> None:
        """Closes once everything is sent."""
        if self._closing:
            return
        self._closing = True
        self._read(False)
        if not self._pending:
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Closes at once."""
        self._give_up(None)

    def detach(self) -> socket.socket:
        """Hands the socket on to somebody else; this transport is no more, and says nothing of it."""
        self._closing = self._gone = True
        self._sockets.remove(self._descriptor)
        return self._connection

    # The set's side

    def ended(self) -> None:
        """The other side sends nothing any more."""
        if self._protocol.eof_received():
            self._read(False)
        else:
            self.close()

    def failed(self, number: int) -> None:
        """The connection is broken."""
        self._give_up(OSError(number, os.strerror(number)))

    def broken(self, error: Exception) -> None:
        """The protocol has raised what it should not."""
        logger.error("a connection is given up", exc_info=error)
        self._give_up(error)

    def writable(self) -> None:
        """Sends what was kept."""
        pending = self._pending
        sent = send(self._descriptor, bytes(pending[:SENT_BYTES_MAX]))
        if sent < 0:
            if -sent not in (errno.EAGAIN, errno.EINTR):
                self.failed(-sent)
            return
        del pending[:sent]
        if not pending:
            self._write_later(False)
            if self._closing:
                self._lose(None)
                return
        if self._paused_writing and len(pending) <= self._low_bytes:
            self._paused_writing = False
            self._protocol.resume_writing()

    # Within

    def _sent_less(self, data: bytes | bytearray | memoryview[Any], sent: int) -> None:
        if sent < 0:
            if -sent not in (errno.EAGAIN, errno.EINTR):
                self.failed(-sent)
                return
            sent = 0
        if not self._closing or not self._gone:
            self._keep(memoryview(data)[sent:])

    def _keep(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if self._gone:
            return
        self._pending += data
        self._write_later(True)
        if not self._paused_writing and len(self._pending) > self._high_bytes:
            self._paused_writing = True
            self._protocol.pause_writing()

    def _read(self, reading: bool) -> None:
        if reading is not self._reading and not self._gone:
            self._reading = reading
            self._sockets.watch(self._descriptor, reading, self._writing)

    def _write_later(self, writing: bool) -> None:
        if writing is not self._writing and not self._gone:
            self._writing = writing
            self._sockets.watch(self._descriptor, self._reading, writing)

    def _give_up(self, error: Exception | None) -> None:
        if self._gone:
            return
        self._closing = self._gone = True
        self._pending.clear()
        self._sockets.remove(self._descriptor)
        self._loop.call_soon(self._tell, error)

    def _lose(self, error: Exception | None) -> None:
        if self._gone:
            return
        self._gone = True
        self._sockets.remove(self._descriptor)
        self._tell(error)

    def _tell(self, error: Exception | None) -> None:
        self._descriptor = -1
        try:
            self._protocol.connection_lost(error)
        finally:
            self._connection.close()
