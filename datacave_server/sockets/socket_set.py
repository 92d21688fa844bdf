"""SocketSet: the sockets of all clients behind one epoll descriptor.

An event loop spends more on telling a protocol that bytes have come than the kernel spends on handing them over. Here
it is told once per turn that something has come at all; then every socket that has something is read in one go.
The compiled body (_socket_set.pyx) does it in C, the plain one gives the same answers.
Source: epoll(7), recv(2), send(2).
"""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Callable
from typing import Protocol

from datacave_core.compiled import compiled

EVENTS_MAX = 64
"""Sockets that are asked for at once."""

TURN_EVENTS_MAX = 12
"""After so many the event loop has its turn. Asking again before that costs far less than going round the loop, and
with a few busy clients there mostly is something by then."""

READ_BYTES_MAX = 256 * 1024
"""What is read from a socket at once."""


class Member(Protocol):
    """Whose socket it is."""

    def ended(self) -> None:
        """The other side sends nothing any more."""

    def failed(self, number: int) -> None:
        """The connection is broken, with this error number."""

    def writable(self) -> None:
        """There is room for what has to be sent, which was asked for."""

    def broken(self, error: Exception) -> None:
        """What takes the bytes has raised an error."""


class PlainSocketSet:
    """`turn` belongs to whoever finds `descriptor` readable. Sockets must not block."""

    __slots__ = ("_epoll", "_members", "descriptor")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._members: dict[int, tuple[Callable[[bytes], None], Member]] = {}
        self.descriptor = self._epoll.fileno()

    def add(self, descriptor: int, received: Callable[[bytes], None], member: Member) -> None:
        """Watches a socket; `received` gets what comes."""
        self._members[descriptor] = received, member
        self._epoll.register(descriptor, select.EPOLLIN)

    def watch(self, descriptor: int, reading: bool, writing: bool) -> None:
        """Changes what is watched."""
        self._epoll.modify(descriptor, (select.EPOLLIN if reading else 0) | (select.EPOLLOUT if writing else 0))

    def remove(self, descriptor: int) -> None:
        """Forgets a socket, before it is closed."""
        if self._members.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def turn(self) -> None:
        """Reads and tells whatever is due."""
        members = self._members
        handled = 0
        while handled < TURN_EVENTS_MAX and (due := self._epoll.poll(0, EVENTS_MAX)):
            handled += len(due)
            for descriptor, events in due:
                entry = members.get(descriptor)
                if entry is None:
                    continue  # gone in this very turn
                received, member = entry
                if events & select.EPOLLIN:
                    try:
                        data = os.read(descriptor, READ_BYTES_MAX)
                    except OSError as error:
                        if error.errno not in (errno.EAGAIN, errno.EINTR):
                            member.failed(error.errno or errno.EIO)
                    else:
                        try:
                            if data:
                                received(data)
                            else:
                                member.ended()
                        except Exception as error:
                            member.broken(error)
                elif events & (select.EPOLLHUP | select.EPOLLERR):
                    member.failed(errno.ECONNRESET)  # nobody reads, and nobody could answer
                if events & select.EPOLLOUT and members.get(descriptor) is entry:
                    member.writable()

    def close(self) -> None:
        """Gives up the descriptor."""
        self._epoll.close()


def plain_send(descriptor: int, data: bytes) -> int:
    """How many bytes a socket has taken, or an error number, negative."""
    try:
        return os.write(descriptor, data)
    except OSError as error:
        return -(error.errno or errno.EIO)


SocketSet = compiled("datacave_server.sockets._socket_set", "SocketSet", PlainSocketSet, 1)
"""The fastest body there is."""

send = compiled("datacave_server.sockets._socket_set", "send", plain_send, 1)
"""The fastest body of `plain_send`."""
