"""MergeProcess: a niced child process that merges table files, so that merges never hold the server's interpreter lock.

    server                                   child: python -m datacave_server.merge_process
    settings (JSON) ------------------------> once: root folder and master keys
    request --------------------------------> perform_merge
            <-------------------------------- answer

Frames on the child's standard input and output: length (8 bytes, big-endian), payload. The keys travel through the pipe
only, never through arguments, environment or files. The child ends when its input does. One merge at a time; a child
that dies, or is killed to end a merge early, is replaced at the next one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO

from datacave_core.ports import Scheduler
from datacave_lsm import KeyRing, perform_merge
from datacave_server.clock import SystemRandomness
from datacave_server.files import OsFileSystem

LENGTH_BYTES = 8
NICENESS = 10


class MergeProcess:
    """MergeWorker of the storage engine in `root`. `keys` and `current` make the key ring; no keys: plain files."""

    __slots__ = ("_process", "_root", "_scheduler", "_settings")

    def __init__(
        self,
        root: Path,
        scheduler: Scheduler,
        keys: Mapping[str, bytes] | None = None,
        current: str = "",
        *,
        allow_plain: bool = False,
    ) -> None:
        self._scheduler = scheduler
        self._root = root
        self._settings = b""
        self._process: subprocess.Popen[bytes] | None = None
        self.replace_keys(keys or {}, current, allow_plain=allow_plain)

    def replace_keys(self, keys: Mapping[str, bytes], current: str, *, allow_plain: bool) -> None:
        """Lets the next merge use another key ring; one under way is ended."""
        self._settings = json.dumps(
            {
                "root": str(self._root),
                "keys": {key_id: key.hex() for key_id, key in keys.items()},
                "current": current,
                "allow_plain": allow_plain,
            }
        ).encode()
        self.close()

    def submit(self, request: bytes, done: Callable[[bytes | None, BaseException | None], None]) -> Callable[[], None]:
        """Sends a merge to the child; `done(answer, error)` is called once. Returns what ends it early."""
        self._scheduler.run(partial(self._exchange, request), done)
        return self.close

    def close(self) -> None:
        """Ends the child and with it the merge under way."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _exchange(self, request: bytes) -> bytes:
        """In a worker thread: it waits for the child most of the time."""
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            write_frame(process.stdin, request)
            answer = read_frame(process.stdout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if answer is None:
            raise EOFError(f"the merge process ended with status {process.wait()}")
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        # A session of its own: an interrupt from the terminal is for the server, which then ends the child.
        process = subprocess.Popen(
            [sys.executable, "-m", "datacave_server.merge_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        write_frame(process.stdin, self._settings)
        return process


def write_frame(stream: IO[bytes], payload: bytes) -> None:
    """One frame, sent at once."""
    stream.write(len(payload).to_bytes(LENGTH_BYTES, "big") + payload)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame; None at the end of the stream."""
    length = stream.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    payload = stream.read(int.from_bytes(length, "big"))
    return payload if len(payload) == int.from_bytes(length, "big") else None


def main() -> None:
    """The child: answers merges until its input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    frame = read_frame(requests)
    if frame is None:
        return
    settings = json.loads(frame)
    os.nice(NICENESS)
    keys = {key_id: bytes.fromhex(key) for key_id, key in settings["keys"].items()}
    ring = KeyRing(keys, settings["current"], allow_plain=settings["allow_plain"]) if keys else None
    files = OsFileSystem(settings["root"])
    randomness = SystemRandomness()
    while (request := read_frame(requests)) is not None:
        try:
            write_frame(answers, perform_merge(files, randomness, ring, request, time.sleep))
        except BrokenPipeError:
            # The server is gone; nobody refers to the files, and its next start removes them.
            os._exit(0)


if __name__ == "__main__":
    main()
