"""OsServerFiles: the files and programs of the machine that COPY may name: the real body of the ServerFiles port.

A pipe, a slow disk or a program may block for as long as it likes, so every call has a thread of its own and the
worker threads, which the storage engine needs, stay free. One call per file at a time.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from datacave_core.wait import Steps, Wait, wait_for

FILE_MODE = 0o644

T = TypeVar("T")


def _in_thread(
    loop: asyncio.AbstractEventLoop, reason: str, work: Callable[[], T], abandoned: Callable[[T | None], None]
) -> Steps[T]:
    """What `work` returns or raises; `abandoned` gets its result if the statement has ended meanwhile."""
    event = Wait(reason)
    results: list[T] = []
    waiting = True

    def done(error: BaseException | None) -> None:
        if not waiting:
            abandoned(results[0] if results else None)
        event.finish(error)

    def run() -> None:
        failure: BaseException | None = None
        try:
            results.append(work())
        except BaseException as error:  # every failure belongs to the statement that waits
            failure = error
        try:
            loop.call_soon_threadsafe(done, failure)
        except RuntimeError:  # the server has ended: nobody waits any more
            abandoned(results[0] if results else None)

    threading.Thread(target=run, name="datacave-server-file", daemon=True).start()
    try:
        yield from wait_for(event)
    finally:
        waiting = False
    return results[0]


def _close_late(opened: IO[bytes] | OsServerFile | None) -> None:
    if opened is not None:
        opened.close()


class OsServerFile:
    """The ServerFile port over a descriptor, and the program at its other end, if any."""

    __slots__ = ("_busy", "_closed", "_loop", "_program", "_stream")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, stream: IO[bytes], program: subprocess.Popen[bytes] | None = None
    ) -> None:
        self._loop = loop
        self._stream = stream
        self._program = program
        self._busy = False
        self._closed = False

    def read(self, length: int) -> Steps[bytes]:
        """The next bytes, at most `length`; nothing at the end. Raises OSError."""
        return (yield from self._call("IO:CopyFileRead", lambda: self._stream.read(length)))

    def write(self, data: bytes) -> Steps[None]:
        """Appends all of it. Raises OSError."""

        def work() -> None:
            rest = memoryview(data)
            while rest:
                rest = rest[self._stream.write(rest) :]

        yield from self._call("IO:CopyFileWrite", work)

    def finish(self) -> Steps[int]:
        """Completes it; returns a program's exit status, minus the signal that ended it, or 0. Raises OSError."""

        def work() -> int:
            self._stream.close()
            return self._program.wait() if self._program is not None else 0

        status = yield from self._call("IO:CopyFileWrite", work)
        self._closed = True
        return status

    def close(self) -> None:
        """Gives it up, which ends a program; may be called at any time, and does nothing after `finish`."""
        if self._closed:
            return
        self._closed = True
        if self._program is not None and self._program.poll() is None:
            os.killpg(self._program.pid, signal.SIGTERM)
        if not self._busy:
            self._let_go()

    def _call(self, reason: str, work: Callable[[], T]) -> Steps[T]:
        """A call that the statement gives up leaves the file busy, and lets go of it once it is over."""
        self._busy = True
        try:
            result = yield from _in_thread(self._loop, reason, work, lambda _: self._let_go())
        except OSError:
            self._busy = False
            raise
        self._busy = False
        return result

    def _let_go(self) -> None:
        """Closes the descriptor. A program that has been told to end is waited for, or it would stay a zombie."""
        self._stream.close()
        if self._program is not None:
            threading.Thread(target=self._program.wait, name="datacave-server-file", daemon=True).start()


class OsServerFiles:
    """The ServerFiles port over the machine's files and its shell; relative paths begin at `folder`."""

    __slots__ = ("_folder", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        self._loop = loop
        self._folder = folder

    def open(self, path: str, *, writing: bool) -> Steps[OsServerFile]:
        """A file to read, or one to write, made or emptied. Raises OSError."""

        def work() -> IO[bytes]:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if writing else os.O_RDONLY
            descriptor = os.open(self._folder / path, flags | os.O_CLOEXEC, FILE_MODE)
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            return os.fdopen(descriptor, "wb" if writing else "rb", buffering=0)

        stream = yield from _in_thread(self._loop, "IO:CopyFileRead", work, _close_late)
        return OsServerFile(self._loop, stream)

    def start(self, command: str, *, writing: bool) -> Steps[OsServerFile]:
        """A command of the shell in a process group of its own. Raises OSError."""

        def work() -> OsServerFile:
            program = subprocess.Popen(
                command,
                shell=True,  # the command is a line for the shell, and who may give one is as good as the server's user
                cwd=self._folder,
                stdin=subprocess.PIPE if writing else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if writing else subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
            stream = program.stdin if writing else program.stdout
            assert stream is not None
            return OsServerFile(self._loop, stream, program)

        return (yield from _in_thread(self._loop, "IO:CopyFileRead", work, _close_late))
