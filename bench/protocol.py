"""The wire: microseconds per statement read, nanoseconds per row written, megabytes per second of copy data.

    python -m bench.protocol

No sockets and no SQL: what the protocol alone costs. Figures are the best of seven.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

from datacave_core.types import DEFAULT_SETTINGS, oids
from datacave_protocol import NEED_DATA, Connection, backend, data_row_encoder, parameter_decoder, result_encoder
from datacave_protocol.writer import Inline

REPEATS = 7


def message(code: bytes, body: bytes = b"") -> bytes:
    """A frontend message."""
    return code + (len(body) + 4).to_bytes(4, "big") + body


def opened() -> Connection:
    """A connection that is ready for its first command."""
    options = b"user\0bench\0\0"
    connection = Connection()
    connection.receive_data((len(options) + 8).to_bytes(4, "big") + b"\0\3\0\0" + options)
    connection.next_event()
    connection.accept_user()
    connection.ready_for_query("I")
    return connection


def best_microseconds(work: Callable[[], object], rounds: int) -> float:
    """Microseconds per call, in the fastest of the repeats."""
    return min(timeit.repeat(work, number=rounds, repeat=REPEATS)) / rounds * 1e6


def group(parameters: list[bytes], formats: tuple[int, ...] = ()) -> bytes:
    """Bind, Describe, Execute and Sync of a prepared statement."""
    codes = len(formats).to_bytes(2, "big") + b"".join(code.to_bytes(2, "big") for code in formats)
    values = b"".join(len(value).to_bytes(4, "big") + value for value in parameters)
    bind = message(b"B", b"\0P0_1\0" + codes + len(parameters).to_bytes(2, "big") + values + b"\0\1\0\0")
    return bind + message(b"D", b"P\0") + message(b"E", bytes(5)) + message(b"S")


def one_statement(connection: Connection, data: bytes, events: int = 1) -> Callable[[], object]:
    """What a server does on the wire for one chunk with one statement in it, its answer not counted."""

    def work() -> None:
        connection.receive_data(data)
        for _ in range(events):
            connection.next_event()
        connection.ready_for_query("I")
        if connection.next_event() is not NEED_DATA:
            raise AssertionError("the chunk holds one statement")

    return work


def bench_statements() -> None:
    """Reading commands."""
    cases = {
        "Bind+Describe+Execute+Sync, 1 parameter": group([b"12345"]),
        "Bind+Describe+Execute+Sync, 4 parameters": group([b"12345", b"7", b"-42", b"some text"]),
        "Bind+Describe+Execute+Sync, 4 binary parameters": group([b"\0\0\0\1"] * 4, (1, 1, 1, 1)),
        "Query": message(b"Q", b"SELECT abalance FROM pgbench_accounts WHERE aid = 12345;\0"),
    }
    for name, data in cases.items():
        print(f"  {name:52} {best_microseconds(one_statement(opened(), data), 20_000):8.2f} us")
    parse = message(b"P", b"\0SELECT abalance FROM pgbench_accounts WHERE aid = $1;\0\0\0")
    together = parse + group([b"12345"])
    print(f"  {'Parse and such a group':52} {best_microseconds(one_statement(opened(), together, 2), 20_000):8.2f} us")
    decode = parameter_decoder((oids.INT4,), (), DEFAULT_SETTINGS)
    print(f"  {'decode 1 int4 parameter':52} {best_microseconds(lambda: decode([b'12345']), 50_000):8.2f} us")


def bench_rows() -> None:
    """Writing rows."""
    rows = [(number, number * 7, f"text {number}", -1) for number in range(1000)]
    encode = data_row_encoder([Inline.INT_TEXT, Inline.INT_TEXT, Inline.STR, Inline.INT_TEXT])
    print(f"  {'1,000 rows of int, int, text, int':52} {best_microseconds(lambda: encode(rows), 100):8.0f} ns/row")
    binary = data_row_encoder([Inline.INT4, Inline.INT8, Inline.STR, Inline.INT4])
    print(f"  {'the same in binary':52} {best_microseconds(lambda: binary(rows), 100):8.0f} ns/row")
    single = result_encoder((oids.INT4,), (), DEFAULT_SETTINGS)
    answer = [(12345,)]

    def reply() -> bytes:
        return backend.BIND_COMPLETE + single(answer) + backend.command_complete("SELECT 1") + backend.READY_IDLE

    print(f"  {'a whole answer of one row of int':52} {best_microseconds(reply, 20_000):8.2f} us")


def bench_copy() -> None:
    """Reading COPY data that comes in chunks of 64 KiB, one message per row."""
    row = message(b"d", b"12345\t678\t-42\tsome text that fills the row to some hundred bytes, as many of them are\n")
    stream = row * 20_000
    chunks = [stream[start : start + 65_536] for start in range(0, len(stream), 65_536)]
    connection = opened()

    def work() -> None:
        connection.receive_data(message(b"Q", b"copy t from stdin\0"))
        connection.next_event()
        connection.start_copy_in(0, (0, 0, 0, 0))
        for chunk in chunks:
            connection.receive_data(chunk)
            while connection.next_event() is not NEED_DATA:
                pass
        connection.receive_data(message(b"c"))
        connection.next_event()
        connection.ready_for_query("I")

    microseconds = best_microseconds(work, 3)
    print(f"  {'copy data, messages of one row':52} {20_000 / microseconds:8.1f} M rows/s")
    print(f"  {'':52} {len(stream) / microseconds:8.0f} MB/s")


def main() -> None:
    """Prints all figures."""
    print("reading statements")
    bench_statements()
    print("writing rows")
    bench_rows()
    print("copying in")
    bench_copy()


if __name__ == "__main__":
    main()
