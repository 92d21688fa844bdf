"""Sockets: the connections of clients, watched together and read without the event loop's machinery for each of them.

Acceptor --> SocketTransport --> Pump
                  |
              SocketSet: one epoll descriptor for all, which the event loop watches as one of its own
"""

from datacave_server.sockets.acceptor import Acceptor
from datacave_server.sockets.transport import SocketTransport

__all__ = ["Acceptor", "SocketTransport"]
