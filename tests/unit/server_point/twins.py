"""Two clients of which one never takes the short way of point statements: they must get the same bytes."""

from __future__ import annotations

import asyncio

from datacave_core.memory import MemoryStore
from datacave_server.client import SessionClient
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.pump import Pump
from datacave_server.turns import Turns
from datacave_sql import Database, DatabaseOptions

SELECT = b"SELECT b, c FROM t WHERE a = $1"


def message(code, body=b""):
    return code + (len(body) + 4).to_bytes(4, "big") + body


def query(text):
    return message(b"Q", text.encode() + b"\0")


def parse(name, text, types=()):
    oids = len(types).to_bytes(2, "big") + b"".join(oid.to_bytes(4, "big") for oid in types)
    return message(b"P", name + b"\0" + text + b"\0" + oids) + message(b"S")


def execution(name, values, *, describe=True, formats=(), results=()):
    def codes(numbers):
        return len(numbers).to_bytes(2, "big") + b"".join(number.to_bytes(2, "big") for number in numbers)

    parts = [b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4, "big") + value for value in values]
    bind = b"\0" + name + b"\0" + codes(formats) + len(values).to_bytes(2, "big") + b"".join(parts) + codes(results)
    middle = message(b"D", b"P\0") if describe else b""
    return message(b"B", bind) + middle + message(b"E", bytes(5)) + message(b"S")


class Transport:
    """Keeps what is written."""

    def __init__(self):
        self.written = b""

    def set_write_buffer_limits(self, high):
        pass

    def write(self, data):
        self.written += data

    def is_closing(self):
        return False

    def close(self):
        pass


class Client:
    """A client of a database in memory; `quick` counts the answers that took the short way."""

    def __init__(self, database, short):
        self.quick = 0
        loop = asyncio.get_running_loop()
        make = lambda pump: self._make(database, pump)  # noqa: E731
        self.pump = Pump(loop, make, lambda pump: None, 2**20, Turns(loop))
        self.transport = Transport()
        self.pump.connection_made(self.transport)
        options = b"user\0admin\0\0"
        wire = self.pump.wire
        wire.receive_data((len(options) + 8).to_bytes(4, "big") + b"\0\3\0\0" + options)
        wire.next_event()
        wire.accept_user()
        wire.ready_for_query("I")
        answer = self.pump.client.answer_at_once

        def counted(data):
            found = answer(data) if short else None
            self.quick += found is not None
            return found

        self.pump.client.answer_at_once = counted

    def _make(self, database, pump):
        self.session = database.connect("admin", "default", {}, None, None, lambda: None)
        return SessionClient(pump, self.session)

    async def settled(self):
        """Lets the event loop run until nothing is due."""
        for _ in range(20):
            await asyncio.sleep(0)

    def send(self, data):
        self.transport.written = b""
        self.pump.data_received(data)
        return self.transport.written


def make_twins(monkeypatch):
    """A client that takes the short way where it can, and one that never does, each with a database of its own."""
    # Nothing is interrupted for others' sake: answers are compared as soon as they are there.
    monkeypatch.setattr("datacave_sql.exec.context.SLICE_SECONDS", 3600.0)
    clients = []
    for short in (True, False):
        clock = SystemClock()
        client = Client(Database(MemoryStore(clock), clock, SystemRandomness(), DatabaseOptions()), short)
        client.send(query("CREATE TABLE t (a int PRIMARY KEY, b text, c timestamptz)"))
        client.send(query("INSERT INTO t VALUES (1, 'one', '2020-01-02 03:04:05+00'), (2, NULL, NULL)"))
        client.send(parse(b"s", SELECT))
        clients.append(client)
    return clients


def same(both, data, *, quick):
    fast, slow = both
    before = fast.quick
    answer = fast.send(data)
    expected = slow.send(data)
    assert answer == expected
    assert answer
    assert quick is None or fast.quick - before == quick
    assert slow.quick == 0
    return answer
