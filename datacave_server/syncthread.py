"""SyncThread: fdatasync away from the loop, one after the other, with as little between asking and answer as can be.

Asking and answering go through eventfds, so that the loop hears of the end as it hears of its sockets. The compiled
body (_syncthread.pyx) does it all without the interpreter lock, which a busy loop gives up only every half millisecond;
the plain one has to wait for it three times in a sync.
Source: eventfd(2), fdatasync(2).
"""

from __future__ import annotations

import errno
import os

from datacave_core.compiled import compiled


class PlainSyncThread:
    """Somebody runs `work` in a thread. Each `want` is answered by one count in the eventfd `done`."""

    __slots__ = ("_descriptor", "_done", "_error", "_stopping", "_wanted")

    def __init__(self, done: int) -> None:
        self._done = done
        self._descriptor = -1
        self._error = 0
        self._stopping = False
        self._wanted = os.eventfd(0, os.EFD_CLOEXEC)

    def work(self) -> None:
        """The thread's body."""
        while True:
            os.eventfd_read(self._wanted)
            if self._stopping:
                return
            try:
                os.fdatasync(self._descriptor)
                self._error = 0
            except OSError as error:
                self._error = error.errno or errno.EIO
            except ValueError:  # the file has been closed
                self._error = errno.EBADF
            os.eventfd_write(self._done, 1)

    def want(self, descriptor: int) -> None:
        """Syncs a descriptor; the last one must have been done."""
        self._descriptor = descriptor
        os.eventfd_write(self._wanted, 1)

    def error(self) -> int:
        """The error number of the sync that is done; 0 for none."""
        return self._error

    def stop(self) -> None:
        """Ends the thread; nothing must be under way."""
        self._stopping = True
        os.eventfd_write(self._wanted, 1)

    def close(self) -> None:
        """Gives up the descriptor once the thread has ended."""
        os.close(self._wanted)


SyncThread = compiled("datacave_server._syncthread", "SyncThread", PlainSyncThread, 1)
"""The fastest body there is."""
