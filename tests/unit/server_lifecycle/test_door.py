"""What does a client hear who comes while the server still reads its log, and who after that?"""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from datacave_server.config import load
from datacave_server.door import Door

START = struct.pack(">ii", 31, 196608) + b"user\0admin\0database\0x\0\0"
SSL_REQUEST = struct.pack(">ii", 8, 80877103)


async def heard(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    answer = await reader.read()
    writer.close()
    return answer


async def test_newcomers_are_told_until_somebody_else_answers(tmp_path: Path) -> None:
    config = load(environment={"DATACAVE_SERVER__LISTEN": "127.0.0.1:0"}, folder=tmp_path).config
    door = await Door.open(config, None)
    port = door.addresses[0].port
    answer = await heard(port, START)
    assert answer[:1] == b"E" and b"SFATAL\0" in answer and b"C57P03\0" in answer
    assert b"Mthe database system is starting up\0" in answer
    assert (await heard(port, SSL_REQUEST + START))[:2] == b"NE"
    assert await heard(port, struct.pack(">iiii", 16, 80877102, 1, 2)) == b""

    class Greeter(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.write(b"hello")
            transport.close()

    door.hand_over(Greeter)
    assert await heard(port, b"") == b"hello"
    door.close()
    with pytest.raises(OSError, match="Connect"):
        await heard(port, START)
