"""Door: the listening sockets, and who answers there: until the storage is open everybody hears that the server starts.

    bound -> newcomers get FATAL 57P03 "the database system is starting up" -> handed over to the listener -> closed

So a client finds the address as soon as the server is there, and can tell a long recovery from a server that is down.
Encryption is negotiated as ever, and nothing else of what a client sends is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from datacave_core import sqlstate
from datacave_core.disposal import DISPOSAL
from datacave_core.errors import DatacaveError
from datacave_protocol import Event, ProtocolViolation, frontend
from datacave_server.config import Address, Config
from datacave_server.early_client import EarlyClient
from datacave_server.pump import Pump, Work
from datacave_server.sockets import Acceptor
from datacave_server.tls import ServerTls
from datacave_server.turns import Turns

BACKLOG = 512


class Door:
    """Listens on the configured address. `open` is the way in."""

    def __init__(self, config: Config, tls: ServerTls | None) -> None:
        self._config = config
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self.turns = Turns(self._loop)
        DISPOSAL.on_wanted = self.turns.dispose
        self._newcomers: set[Pump] = set()
        self._make: Callable[[], asyncio.Protocol] = self._newcomer
        self._acceptor = Acceptor(self._loop, lambda: self._make())
        self.addresses: Sequence[Address] = ()
        """The addresses with the ports that were taken."""

    @classmethod
    async def open(cls, config: Config, tls: ServerTls | None) -> Door:
        """Takes the address. Raises OSError."""
        door = cls(config, tls)
        listen = config.server.listen
        try:
            found = await door._acceptor.listen(listen.host, listen.port, BACKLOG)
        except OSError:
            door.end()
            raise
        door.addresses = [Address(*one) for one in found]
        return door

    def hand_over(self, make: Callable[[], asyncio.Protocol]) -> None:
        """Lets somebody else answer those who come from now on."""
        self._make = make

    def close(self) -> None:
        """Closes the listening sockets and what newcomers have not heard yet; other connections go on."""
        self._acceptor.stop()
        for pump in list(self._newcomers):
            pump.abort()

    def end(self) -> None:
        """Gives up everything, once there are no connections any more."""
        DISPOSAL.on_wanted = None
        while DISPOSAL.step():
            pass
        self._acceptor.close()

    def _newcomer(self) -> Pump:
        limits = self._config.limits
        pump = Pump(
            self._loop,
            lambda pump: Newcomer(pump, self._tls, limits.login_seconds),
            self._newcomers.discard,
            limits.message_bytes_max,
            self.turns,
        )
        self._newcomers.add(pump)
        return pump


class Newcomer(EarlyClient):
    """Answers one connection of somebody who has come too early."""

    def __init__(self, pump: Pump, tls: ServerTls | None, seconds: float) -> None:
        self._pump = pump
        self._tls = tls
        self._deadline = asyncio.get_running_loop().call_later(seconds, pump.abort)

    def answer(self, event: Event) -> bytes | Work:
        wire = self._pump.wire
        if isinstance(event, frontend.SSLRequest):
            if self._tls is None:
                return wire.refuse_encryption()
            answer, tls, self._tls = wire.accept_encryption(), self._tls, None
            self._pump.begin_tls(answer, tls.context)
            return b""
        if isinstance(event, frontend.GSSENCRequest):
            return wire.refuse_encryption()
        last_words = b""
        if isinstance(event, frontend.StartupMessage):
            last_words = self.failed(
                DatacaveError("the database system is starting up", sqlstate=sqlstate.CANNOT_CONNECT_NOW)
            )
        self._pump.close_soon()
        return last_words

    def violated(self, error: ProtocolViolation) -> bytes:
        return self._pump.wire.send_error(error)

    def failed(self, error: DatacaveError) -> bytes:
        error.severity = "FATAL"
        return self._pump.wire.send_error(error)

    def lost(self) -> None:
        self._deadline.cancel()
