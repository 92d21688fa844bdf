"""Binary values: what every type looks like in binary on the wire, in and out, on Datacave and on PostgreSQL 15.

Run: python -m tests.clients.binary_values [--record]
Each value of binary_values.txt (type, then its texts) is asked for in binary, sent back in binary and read as text;
then its bytes are sent shortened and lengthened. Bytes, texts and SQLSTATEs must be PostgreSQL's. With --record
PostgreSQL's answers are written to shop/binary.txt, which the tests read. The exit code is the number of values that
differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import pq

from bench.servers import Target
from tests.clients.psql_commands import open_works
from tests.clients.twins import SHOP, twins

RECORDED = SHOP / "binary.txt"
TEXT, BINARY = 0, 1
FIRST_USER_OID = 16384


def values() -> Iterator[tuple[str, str]]:
    """(type, text) of all values."""
    lines = (Path(__file__).parent / "binary_values.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        kind, *texts = line.split("\t")
        for text in texts:
            yield kind, text.replace("\\\\", "\\")


def asked(connection: psycopg.Connection, kind: str, value: bytes, given: int, wanted: int) -> tuple[str, bytes | None]:
    """(SQLSTATE or empty, the value of a type as it comes back)."""
    command = f"SELECT $1::{kind}".encode()
    result = connection.pgconn.exec_params(command, [value], None, [given], wanted)
    if result.status != pq.ExecStatus.TUPLES_OK:
        return (result.error_field(pq.DiagnosticField.SQLSTATE) or b"?").decode(), None
    assert result.fformat(0) == wanted
    return "", result.get_value(0, 0)


def answers(target: Target) -> dict[tuple[str, str], str]:
    """What a server answers about each value: bytes, text, and what it says to wrong bytes."""
    found = {}
    dsn = f"host=127.0.0.1 port={target.port} user={target.user} dbname={target.database}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for kind, text in values():
            state, data = asked(connection, kind, text.encode(), TEXT, BINARY)
            told = [state or _shown(data or b"")]
            if data is not None:
                state, back = asked(connection, kind, data, BINARY, TEXT)
                told.append(state or repr(back))
                for wrong in (data[:-1], data + b"\0", b"", b"\xff" * len(data)):
                    state, back = asked(connection, kind, wrong, BINARY, TEXT)
                    told.append(state or repr(back))
            # What PostgreSQL takes for an internal error of its own is the client's.
            found[kind, text] = " ".join(told).replace("XX000", "22P03")
    return found


def _shown(data: bytes) -> str:
    """Bytes without the oids of user types, which are of each server's own: that in the head of an array."""
    if len(data) >= 12 and FIRST_USER_OID <= int.from_bytes(data[8:12], "big") < 2 * FIRST_USER_OID:
        return f"{data[:8].hex()}(oid){data[12:].hex()}"
    return data.hex()


def recorded() -> dict[tuple[str, str], str]:
    """PostgreSQL's answers."""
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    return dict(zip(values(), lines, strict=True))


def main() -> int:
    """Prints what differs."""
    failed = 0
    with twins() as targets:
        for target in targets:
            open_works(target)
        ours, theirs = map(answers, targets)
    if "--record" in sys.argv:
        RECORDED.write_text("".join(f"{line}\n" for line in theirs.values()), encoding="utf-8")
    for (kind, text), other in theirs.items():
        if ours[kind, text] != other:
            failed += 1
            print(f"{kind} {text!r}\n  Datacave:   {ours[kind, text]}\n  PostgreSQL: {other}")
    print(f"{len(theirs) - failed} of {len(theirs)} values are the same on the wire")
    return failed


if __name__ == "__main__":
    sys.exit(main())
