"""Hostile bytes: mutations of valid sessions, sent to a live server.

Run: python -m tests.clients.hostile_bytes [mutations [seed]]
Every mutation is one connection: a recorded session with bytes flipped, cut, repeated, inserted or reordered, or
lengths changed. The server may refuse it, in well-formed messages; it may not answer XX000, write a traceback, end, or
let a healthy session beside it wait for a second.
"""

from __future__ import annotations

import asyncio
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.servers import Target, running_datacave

MUTATIONS = 10_000
AT_ONCE = 16
REPLY_SECONDS = 10.0
HEALTHY_SECONDS_MAX = 1.0
KINDS = frozenset(b"RSKZTDCEN123stnIAGHWdcvV")
"""The messages a server may send."""


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A message of the protocol."""
    return kind + struct.pack("!I", len(body) + 4) + body


def sessions(target: Target) -> list[list[bytes]]:
    """Valid sessions, message by message."""
    words = f"user\0{target.user}\0database\0{target.database}\0application_name\0x\0\0".encode()
    start = struct.pack("!II", len(words) + 8, 196608) + words
    query, sync, end = (lambda text: message(b"Q", text + b"\0")), message(b"S"), message(b"X")
    bind = message(b"B", b"p\0s\0\0\1\0\1\0\2\0\0\0\4\0\0\0\7\xff\xff\xff\xff\0\1\0\1")
    prepare = message(b"P", b"s\0SELECT $1::int, $2::text, now()\0\0\2\0\0\0\x17\0\0\0\x19")
    copied = [message(b"d", b"1\tone\n2\ttwo\n"), message(b"d", b"3\tthree\n"), message(b"c")]
    binary = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\2\0\0\0\4\0\0\0\1\0\0\0\1a\xff\xff"
    table = query(b"CREATE TEMPORARY TABLE t (a int, b text)")
    return [
        [start, query(b"SELECT 1, 'x', ARRAY[1,2]; SELECT now()"), query(b"SELECT 1/0"), end],
        [start, prepare, message(b"D", b"Ss\0"), bind, message(b"D", b"Pp\0"), message(b"E", b"p\0\0\0\0\1"), sync],
        [start, prepare, bind, message(b"E", b"p\0\0\0\0\0"), message(b"C", b"Ss\0"), message(b"H"), sync, end],
        [start, table, query(b"COPY t FROM STDIN"), *copied, query(b"SELECT count(*) FROM t"), end],
        [start, table, query(b"COPY t FROM STDIN (FORMAT binary)"), message(b"d", binary), message(b"c"), end],
        [start, table, query(b"COPY t FROM STDIN (FORMAT csv)"), copied[0], message(b"f", b"enough\0"), end],
        [start, query(b"COPY (SELECT 1, 'a') TO STDOUT (FORMAT binary)"), message(b"F", bytes(10)), sync, end],
        [start, query(b"BEGIN; DECLARE c CURSOR FOR SELECT i FROM generate_series(1,9) i"), query(b"FETCH 3 c"), end],
        [struct.pack("!II", 8, 80877103), struct.pack("!II", 8, 80877104), start, query(b"SELECT 1"), end],
        [struct.pack("!IIII", 16, 80877102, 1, 2)],
        [start, message(b"P", b"\0BEGIN\0\0\0"), message(b"B", bytes(8)), message(b"E", bytes(5)), sync,
         query(b"LISTEN x; NOTIFY x, 'y'"), end],
    ]  # fmt: skip


def mutated(parts: list[bytes], chance: random.Random) -> bytes:
    """A session with one to three changes."""
    parts = list(parts)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(parts))
        part = bytearray(parts[place])
        spot = chance.randrange(len(part)) if part else 0
        kind = chance.randrange(9)
        if kind == 0 and part:
            part[spot] ^= 1 << chance.randrange(8)
        elif kind == 1 and part:
            part[spot] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind == 2:
            del part[spot:]
        elif kind == 3:
            del part[spot : spot + chance.randint(1, 8)]
        elif kind == 4:
            part[spot:spot] = chance.randbytes(chance.randint(1, 40))
        elif kind == 5 and len(part) >= 5:
            length = chance.choice((0, 3, 4, 5, 2**31 - 1, 2**31, 2**32 - 1, chance.randrange(2**16)))
            part[1:5] = struct.pack("!I", length)
        elif kind == 6:
            part += bytes(part)
        elif kind == 7 and len(part) > 6:
            body = bytearray(part[5:])
            body[chance.randrange(len(body))] = chance.randrange(256)
            part[5:] = body
        else:
            other = chance.randrange(len(parts))
            parts[place], parts[other] = parts[other], parts[place]
            continue
        parts[place] = bytes(part)
    return b"".join(parts)


def fault_of(reply: bytes) -> str:
    """What is wrong with what the server sent; empty for nothing."""
    at = 0
    while at < len(reply):
        if reply[at : at + 1] in (b"N", b"S") and at < 2 and (at + 5 > len(reply) or reply[at + 1] not in (0,)):
            at += 1  # the answer to a request for encryption
            continue
        if reply[at] not in KINDS:
            return f"a message of kind {reply[at : at + 1]!r} at byte {at}"
        if at + 5 > len(reply):
            return "a message that is cut off"
        (length,) = struct.unpack_from("!I", reply, at + 1)
        if length < 4 or at + 1 + length > len(reply):
            return f"a message with a length of {length} at byte {at}"
        if reply[at : at + 1] == b"E" and b"CXX000\0" in reply[at : at + 1 + length]:
            return "XX000: " + reply[at : at + 1 + length].decode(errors="replace").replace("\0", " ")
        at += 1 + length
    return ""


@dataclass
class Findings:
    """What was found."""

    faults: list[tuple[str, bytes]] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    healthy_seconds_max: float = 0.0


async def attack(target: Target, data: bytes, findings: Findings) -> None:
    """Sends one mutation and reads until the server has closed the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    reply = b""
    try:
        writer.write(data)
        writer.write_eof()
        reply = await asyncio.wait_for(reader.read(), REPLY_SECONDS)
        findings.ended["closed"] += 1
    except TimeoutError:
        findings.ended["not closed in time"] += 1
        findings.faults.append(("the connection stays open", data))
    except OSError:
        findings.ended["reset"] += 1
    finally:
        writer.close()
    fault = fault_of(reply)
    if fault:
        findings.faults.append((fault, data))


async def healthy(target: Target, findings: Findings) -> None:
    """A session that asks for a row again and again."""
    where = f"host=127.0.0.1 port={target.port} user={target.user} dbname={target.database}"
    async with await psycopg.AsyncConnection.connect(where, autocommit=True) as connection:
        while True:
            start = time.monotonic()
            await connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'pg_class'")
            findings.healthy_seconds_max = max(findings.healthy_seconds_max, time.monotonic() - start)
            await asyncio.sleep(0.02)


async def attacked(target: Target, mutations: int, seed: int) -> Findings:
    """Sends mutations and says what came of it."""
    chance, findings = random.Random(seed), Findings()
    valid = sessions(target)
    beside = asyncio.create_task(healthy(target, findings))
    for first in range(0, mutations, AT_ONCE):
        batch = [mutated(chance.choice(valid), chance) for _ in range(min(AT_ONCE, mutations - first))]
        await asyncio.gather(*(attack(target, data, findings) for data in batch))
    beside.cancel()
    return findings


def main() -> int:
    """Attacks a server of its own; the exit code is the number of faults."""
    mutations = int(sys.argv[1]) if len(sys.argv) > 1 else MUTATIONS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as name, running_datacave(Path(name)) as target:
        findings = asyncio.run(attacked(target, mutations, seed))
        log = (Path(name) / "datacave.log").read_text(encoding="utf-8")
    for fault, data in findings.faults[:20]:
        print(f"{fault}: {data!r}")
    outcomes = ", ".join(f"{count} {kind}" for kind, count in findings.ended.items())
    print(f"{mutations} mutations with seed {seed}: {outcomes}; {len(findings.faults)} faults")
    print(f"the healthy session waited {findings.healthy_seconds_max * 1000:.0f} ms at most")
    slow = findings.healthy_seconds_max > HEALTHY_SECONDS_MAX
    if "Traceback" in log:
        print(log[log.index("Traceback") :][:3000])
    return len(findings.faults) + slow + ("Traceback" in log)


if __name__ == "__main__":
    sys.exit(main())
