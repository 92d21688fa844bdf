"""Commands: what an operator can ask of a running server through the admin address, and how a client finds it.

The server writes `admin.json` (mode 0600) into its data directory: the admin address and a token that is new at every
start. Whoever can read it may command; nobody else can, whatever reaches the address.
"""

from __future__ import annotations

import errno
import http.client
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from datacave_core.errors import DatacaveError
from datacave_core.ports import FileSystem, Randomness
from datacave_server.config import Address

FILE_NAME = "admin.json"
TOKEN_BYTES = 32
ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}

Command: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Takes and returns JSON objects; raises CommandError, ConfigError, DatacaveError, OSError."""


Stream: TypeAlias = Callable[[Mapping[str, str]], Awaitable[AsyncIterator[bytes]]]
"""Takes the parameters of a query string and returns pieces of lines without end; raises as commands do."""


class CommandError(Exception):
    """A command that cannot be meant: unknown, or with wrong parameters."""


class Commands:
    """Commands by name. `token` is what a client has to know."""

    def __init__(self, randomness: Randomness) -> None:
        self.token = randomness.token_bytes(TOKEN_BYTES).hex()
        self._commands: dict[str, Command] = {}
        self._streams: dict[str, Stream] = {}

    def add(self, name: str, command: Command) -> None:
        """Makes a command known."""
        self._commands[name] = command

    def add_stream(self, name: str, stream: Stream) -> None:
        """Makes a stream known."""
        self._streams[name] = stream

    async def open(self, name: str, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Opens a stream."""
        stream = self._streams.get(name)
        if stream is None:
            raise CommandError(f'there is no stream "{name}"')
        return await stream(parameters)

    async def run(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Runs a command to its end."""
        command = self._commands.get(name)
        if command is None:
            raise CommandError(f'there is no command "{name}"')
        return await command(parameters)

    def publish(self, root: FileSystem, address: Address, certificate: str = "") -> None:
        """Writes where and with which token commands are taken, over TLS with which certificate. Raises OSError."""
        temporary = f"{FILE_NAME}.tmp"
        if root.exists(temporary):
            root.remove(temporary)
        file = root.create(temporary)
        try:
            file.write(
                json.dumps({"address": str(address), "token": self.token, "certificate": certificate}).encode("ascii")
            )
        finally:
            file.close()
        root.rename(temporary, FILE_NAME)

    def withdraw(self, root: FileSystem) -> None:
        """Takes that back."""
        if root.exists(FILE_NAME):
            root.remove(FILE_NAME)


def ask_server(data_dir: Path, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Runs a command on the server of a data directory and waits for its end. Raises OSError, DatacaveError."""
    path = data_dir / FILE_NAME
    try:
        found = json.loads(path.read_text("ascii"))
    except FileNotFoundError:
        reason = "no server with an admin address uses this data directory (metrics.enabled)"
        raise FileNotFoundError(errno.ENOENT, reason, str(data_dir)) from None
    host, _, port = found["address"].rpartition(":")
    host = host.strip("[]")
    connection = _connection(ANY_HOST.get(host, host), int(port), found.get("certificate", ""))
    try:
        headers = {"Authorization": f"Bearer {found['token']}", "Content-Type": "application/json"}
        connection.request("POST", f"/commands/{name}", json.dumps(dict(parameters)), headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise DatacaveError(body.get("error", answer.reason), hint=body.get("hint"), sqlstate=body.get("sqlstate"))
    return dict(body)


def _connection(host: str, port: int, certificate: str) -> http.client.HTTPConnection:
    """A connection to the admin address; over TLS only to who has the server's own certificate."""
    if not certificate:
        return http.client.HTTPConnection(host, port)
    context = ssl.create_default_context(cafile=certificate)
    # The certificate names the server as clients see it, not the address it is reached by here.
    context.check_hostname = False
    return http.client.HTTPSConnection(host, port, context=context)
