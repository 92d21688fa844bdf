"""Stories on the wire: raw messages of a client, and the messages that Datacave and PostgreSQL 15 answer with.

Run: python -m tests.clients.wire_stories [--record]
Each story of STORIES is a session of its own: setup in SQL, then messages in one write (or several). What comes back is
noted message by message (kinds, tags, row counts, SQLSTATEs, transaction states) and must be PostgreSQL's. With
--record PostgreSQL's answers are written to shop/wire.txt, which the tests read. The exit code is the number of
stories that differ.
"""

from __future__ import annotations

import re
import socket
import struct
import sys
from collections.abc import Iterator, Mapping

from bench.servers import Target
from tests.clients.twins import SHOP, psql, twins

RECORDED = SHOP / "wire.txt"
ANSWER_SECONDS_MAX = 30
SCHEMA = """
    CREATE TABLE wired (id int PRIMARY KEY, t text CHECK (t <> 'no'));
    CREATE FUNCTION wired_refuses() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.id = 13 THEN RAISE EXCEPTION ''unlucky'' USING ERRCODE = ''U0013''; END IF; RETURN NEW; END';
    CREATE TRIGGER refuses BEFORE INSERT ON wired FOR EACH ROW EXECUTE FUNCTION wired_refuses();
    CREATE TABLE wired_later (id int REFERENCES wired DEFERRABLE INITIALLY DEFERRED);
    CREATE VIEW zeros AS SELECT g FROM generate_series(0, 0) g;
    CREATE VIEW wired_view AS SELECT id FROM wired;
"""
_BEFORE_AN_ERROR = re.compile(r"(?:[dD]\([0-9a-f]*\) )+E")
"""Rows that are followed by an error: PostgreSQL sends each as soon as it is there, Datacave those of full batches."""
_BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


def query(text: str) -> bytes:
    return message(b"Q", text.encode() + b"\0")


def parse(text: str, name: str = "", types: tuple[int, ...] = ()) -> bytes:
    body = f"{name}\0{text}\0".encode() + struct.pack(f">H{len(types)}I", len(types), *types)
    return message(b"P", body)


def bind(*values: bytes | None, portal: str = "", name: str = "", given: int = 0, wanted: int = 0) -> bytes:
    parts = [f"{portal}\0{name}\0".encode(), struct.pack(">HHH", 1, given, len(values))]
    parts += [struct.pack(">i", -1) if one is None else struct.pack(">i", len(one)) + one for one in values]
    return message(b"B", b"".join(parts) + struct.pack(">HH", 1, wanted))


def describe(kind: str, name: str = "") -> bytes:
    return message(b"D", f"{kind}{name}\0".encode())


def execute(portal: str = "", limit: int = 0) -> bytes:
    return message(b"E", f"{portal}\0".encode() + struct.pack(">i", limit))


def close(kind: str, name: str = "") -> bytes:
    return message(b"C", f"{kind}{name}\0".encode())


def row(*fields: bytes) -> bytes:
    """A row of COPY in binary."""
    return struct.pack(">h", len(fields)) + b"".join(struct.pack(">i", len(one)) + one for one in fields)


def copied(*pieces: bytes) -> bytes:
    return b"".join(message(b"d", piece) for piece in pieces)


FAILS = "SELECT 1 / g FROM zeros"
SYNC, FLUSH = message(b"S"), message(b"H")
DONE, FAIL = message(b"c"), message(b"f", b"changed my mind\0")
TERMINATOR = b"\xff\xff"
COUNT = query("SELECT count(*) FROM wired")


def number(value: int) -> bytes:
    return struct.pack(">i", value)


STORIES: Mapping[str, tuple[bytes, ...]] = {
    "COPY text in": (query("COPY wired FROM STDIN"), copied(b"1\ta\n2\tb\n"), DONE, COUNT),
    "COPY text in, split anywhere": (query("COPY wired FROM STDIN"), copied(b"1", b"\t", b"a\n2", b"\tb"), DONE, COUNT),
    "COPY text in, end mark inside": (query("COPY wired FROM STDIN"), copied(b"1\ta\n\\.\n", b"x"), DONE, COUNT),
    "COPY text in, bad row": (query("COPY wired FROM STDIN"), copied(b"1\ta\n", b"x\tb\n", b"3\tc\n"), DONE, COUNT),
    "COPY text in, too few": (query("COPY wired FROM STDIN"), copied(b"1\ta\n", b"2\n"), DONE, COUNT),
    "COPY text in, too many": (query("COPY wired FROM STDIN"), copied(b"1\ta\tb\n"), DONE, COUNT),
    "COPY text in, bad bytes": (query("COPY wired FROM STDIN"), copied(b"1\t\xff\n"), DONE, COUNT),
    "COPY text in, fails": (query("COPY wired FROM STDIN"), copied(b"1\ta\n"), FAIL, COUNT),
    "COPY text in, a check": (query("COPY wired FROM STDIN"), copied(b"1\ta\n2\tno\n"), DONE, COUNT),
    "COPY text in, a key": (query("COPY wired FROM STDIN"), copied(b"1\ta\n1\tb\n"), DONE, COUNT),
    "COPY text in, a trigger": (query("COPY wired FROM STDIN"), copied(b"1\ta\n13\tb\n"), DONE, COUNT),
    "COPY text in, a deferred key": (query("COPY wired_later FROM STDIN"), copied(b"7\n"), DONE, COUNT),
    "COPY text in, in a block": (
        query("BEGIN"),
        query("COPY wired FROM STDIN"),
        copied(b"x\ta\n"),
        DONE,
        COUNT,
        query("ROLLBACK"),
        COUNT,
    ),
    "COPY in, Sync and Flush are passed over": (
        query("COPY wired FROM STDIN"),
        copied(b"1\ta\n"),
        SYNC,
        FLUSH,
        copied(b"2\tb\n"),
        DONE,
        COUNT,
    ),
    "COPY in and more in one string": (
        query("COPY wired FROM STDIN; SELECT 1; COPY wired FROM STDIN"),
        copied(b"1\ta\n"),
        DONE,
        copied(b"2\tb\n"),
        DONE,
        COUNT,
    ),
    "COPY in, the first of two fails": (
        query("COPY wired FROM STDIN; SELECT 1"),
        copied(b"1\ta\n"),
        FAIL,
        COUNT,
    ),
    "COPY csv in": (query("COPY wired FROM STDIN (FORMAT csv, HEADER)"), copied(b'id,t\n1,"a\nb"\n'), DONE, COUNT),
    "COPY csv in, open quote": (query("COPY wired FROM STDIN (FORMAT csv)"), copied(b'1,"a\n'), DONE, COUNT),
    "COPY csv in, fails": (query("COPY wired FROM STDIN (FORMAT csv)"), copied(b"1,a\n"), FAIL, COUNT),
    "COPY csv in, wrong header": (
        query("COPY wired FROM STDIN (FORMAT csv, HEADER match)"),
        copied(b"id,x\n1,a\n"),
        DONE,
        COUNT,
    ),
    "COPY csv in, a check": (query("COPY wired FROM STDIN CSV"), copied(b"1,a\n2,no\n"), DONE, COUNT),
    "COPY binary in": (
        query("COPY wired FROM STDIN BINARY"),
        copied(_BINARY_HEAD, row(number(1), b"a"), TERMINATOR),
        DONE,
        COUNT,
    ),
    "COPY binary in, no signature": (query("COPY wired FROM STDIN BINARY"), copied(b"1\ta\n"), DONE, COUNT),
    "COPY binary in, cut": (
        query("COPY wired FROM STDIN BINARY"),
        copied(_BINARY_HEAD, row(number(1), b"a")[:9]),
        DONE,
        COUNT,
    ),
    "COPY binary in, no terminator": (
        query("COPY wired FROM STDIN BINARY"),
        copied(_BINARY_HEAD, row(number(1), b"a")),
        DONE,
        COUNT,
    ),
    "COPY binary in, more behind the terminator": (
        query("COPY wired FROM STDIN BINARY"),
        copied(_BINARY_HEAD, TERMINATOR, b"xx"),
        DONE,
        COUNT,
    ),
    "COPY binary in, one field": (
        query("COPY wired FROM STDIN BINARY"),
        copied(_BINARY_HEAD, row(number(1)), TERMINATOR),
        DONE,
        COUNT,
    ),
    "COPY binary in, a long number": (
        query("COPY wired FROM STDIN BINARY"),
        copied(_BINARY_HEAD, row(b"12345", b"a"), TERMINATOR),
        DONE,
        COUNT,
    ),
    "COPY binary in, fails": (query("COPY wired FROM STDIN BINARY"), copied(_BINARY_HEAD), FAIL, COUNT),
    "COPY binary in, a key": (
        query("COPY wired FROM STDIN BINARY"),
        copied(_BINARY_HEAD, row(number(1), b"a"), row(number(1), b"b"), TERMINATOR),
        DONE,
        COUNT,
    ),
    "COPY out": (query("COPY (SELECT g FROM generate_series(1, 3) g) TO STDOUT"),),
    "COPY out binary": (query("COPY (SELECT g FROM generate_series(1, 3) g) TO STDOUT BINARY"),),
    "COPY out csv": (query("COPY (SELECT g, 'x,' FROM generate_series(1, 3) g) TO STDOUT CSV HEADER"),),
    "COPY out, an error in the middle": (
        query("COPY (SELECT 1 / (3 - g) FROM generate_series(1, 5) g) TO STDOUT"),
        COUNT,
    ),
    "COPY out binary, an error in the middle": (
        query("COPY (SELECT 1 / (3 - g) FROM generate_series(1, 5) g) TO STDOUT BINARY"),
        COUNT,
    ),
    "COPY in, extended": (
        parse("COPY wired FROM STDIN") + bind() + execute() + SYNC,
        copied(b"1\ta\n"),
        DONE,
        SYNC,
        COUNT,
    ),
    "COPY in, extended, fails": (
        parse("COPY wired FROM STDIN") + bind() + execute(),
        copied(b"1\ta\n"),
        FAIL,
        SYNC,
        COUNT,
    ),
    "COPY out, extended": (parse("COPY (SELECT 1) TO STDOUT") + bind() + describe("P") + execute() + SYNC,),
    "a pipeline whose second statement fails": (
        parse("INSERT INTO wired VALUES (1, 'a')")
        + bind()
        + execute()
        + parse(FAILS)
        + bind()
        + execute()
        + parse("INSERT INTO wired VALUES (2, 'b')")
        + bind()
        + execute()
        + SYNC
        + COUNT,
    ),
    "a pipeline with two Syncs": (
        parse("INSERT INTO wired VALUES (1, 'a')")
        + bind()
        + execute()
        + SYNC
        + parse("SELECT nothing")
        + bind()
        + execute()
        + SYNC
        + parse("INSERT INTO wired VALUES (2, 'b')")
        + bind()
        + execute()
        + SYNC
        + COUNT,
    ),
    "a pipeline with BEGIN inside": (
        parse("BEGIN")
        + bind()
        + execute()
        + parse("INSERT INTO wired VALUES (1, 'a')")
        + bind()
        + execute()
        + parse(FAILS)
        + bind()
        + execute()
        + SYNC
        + parse("COMMIT")
        + bind()
        + execute()
        + SYNC
        + COUNT,
    ),
    "a pipeline whose commit fails": (parse("INSERT INTO wired_later VALUES (7)") + bind() + execute() + SYNC + COUNT,),
    "a query between Parse and Sync": (parse("SELECT 1", "s") + query("SELECT 2") + bind(name="s") + execute() + SYNC,),
    "Flush brings what there is": (parse("SELECT 1") + bind() + execute() + FLUSH, SYNC),
    "a wrong number of parameters": (parse("SELECT $1::int") + bind() + execute() + SYNC,),
    "a wrong parameter": (parse("SELECT $1::int") + bind(b"x") + execute() + SYNC,),
    "a wrong binary parameter": (parse("SELECT $1::int") + bind(b"x", given=1) + execute() + SYNC,),
    "an unknown format": (parse("SELECT $1::int") + bind(b"1", given=7) + execute() + SYNC,),
    "a missing statement": (bind(name="none") + SYNC, describe("S", "none") + SYNC, close("S", "none") + SYNC),
    "a missing portal": (execute("none") + SYNC, describe("P", "none") + SYNC, close("P", "none") + SYNC),
    "a statement twice": (parse("SELECT 1", "s") + SYNC, parse("SELECT 2", "s") + SYNC),
    "a portal twice": (parse("SELECT 1", "s") + bind(portal="p", name="s") + bind(portal="p", name="s") + SYNC,),
    "two statements in one Parse": (parse("SELECT 1; SELECT 2") + SYNC,),
    "an empty statement": (parse("") + bind() + describe("P") + execute() + SYNC, query(""), query(" ; ; ")),
    "rows in portions": (
        query("BEGIN"),
        parse("SELECT g FROM generate_series(1, 5) g")
        + bind(portal="p")
        + execute("p", 2)
        + execute("p", 2)
        + execute("p", 2)
        + execute("p", 2)
        + SYNC,
        query("COMMIT"),
        execute("p") + SYNC,
    ),
    "rows in portions, all of them": (
        parse("SELECT g FROM generate_series(1, 4) g") + bind(portal="p") + execute("p", 4) + execute("p", 4) + SYNC,
    ),
    "portions of two portals": (
        query("BEGIN"),
        parse("SELECT g FROM generate_series(1, 4) g", "s")
        + bind(portal="a", name="s")
        + bind(portal="b", name="s")
        + execute("a", 1)
        + execute("b", 3)
        + execute("a", 9)
        + execute("b")
        + SYNC,
        query("ROLLBACK"),
    ),
    "portions of a write": (
        parse("INSERT INTO wired SELECT g FROM generate_series(1, 4) g RETURNING id")
        + bind(portal="p")
        + execute("p", 2)
        + execute("p", 2)
        + SYNC
        + COUNT,
    ),
    "a portal after its block": (
        query("BEGIN"),
        parse("SELECT 1") + bind(portal="p") + SYNC,
        query("COMMIT"),
        execute("p") + SYNC,
    ),
    "a portal read by FETCH": (
        query("BEGIN"),
        parse("SELECT g FROM generate_series(1, 4) g") + bind(portal="p") + SYNC,
        query("FETCH 2 FROM p"),
        execute("p", 1) + SYNC,
        query("CLOSE p"),
        execute("p") + SYNC,
    ),
    "a cursor read by Execute": (
        query("BEGIN; DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 4) g"),
        execute("c", 3) + SYNC,
        describe("P", "c") + SYNC,
        execute("c") + SYNC,
        query("COMMIT"),
    ),
    "an error in the middle of rows": (query("SELECT 1 / (3 - g) FROM generate_series(1, 5) g"), COUNT),
    "several statements, the second fails": (
        query("INSERT INTO wired VALUES (1, 'a'); SELECT 1 / g FROM zeros; INSERT INTO wired VALUES (2, 'b')"),
        COUNT,
    ),
    "several statements with COMMIT inside": (
        query("INSERT INTO wired VALUES (1, 'a'); COMMIT; INSERT INTO wired VALUES (2, 'b'); SELECT 1 / g FROM zeros"),
        COUNT,
    ),
    "a failed block": (query("BEGIN"), query(FAILS), query("SELECT 1"), parse("SELECT 1") + SYNC, query("COMMIT")),
    "a failed block goes on from a savepoint": (
        query("BEGIN"),
        query("SAVEPOINT s"),
        query(FAILS),
        query("ROLLBACK TO s"),
        query("SELECT 1"),
        query("COMMIT"),
    ),
    "settings are told": (
        query("SET TimeZone = 'Asia/Tokyo'"),
        query("SET application_name = 'told'"),
        query("SET DateStyle = 'SQL, DMY'"),
        query("SET IntervalStyle = 'iso_8601'"),
        query("SET client_encoding = 'UTF8'"),
        query("SET work_mem = '8MB'"),
        query("SET default_transaction_read_only = on"),
        query("RESET ALL"),
    ),
    "settings are told when they are taken back": (
        query("BEGIN"),
        query("SET TimeZone = 'Asia/Tokyo'"),
        query("ROLLBACK"),
        query("BEGIN"),
        query("SET LOCAL TimeZone = 'Asia/Tokyo'"),
        query("COMMIT"),
    ),
    "roles are told": (
        query("SET ROLE NONE"),
        query("SET SESSION AUTHORIZATION wired_role"),
        query("RESET SESSION AUTHORIZATION"),
    ),
    "notices come before the end": (
        query("DO $$BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END$$"),
        query("DROP TABLE IF EXISTS none"),
    ),
    "notifications": (query("LISTEN wired"), query("NOTIFY wired, 'hello'"), query("BEGIN; NOTIFY wired; COMMIT")),
    "a message of no kind": (message(b"y", b""),),
    "text without an end": (message(b"Q", b"SELECT 1"),),
}


def started(target: Target) -> socket.socket:
    """A connection with its first ReadyForQuery taken away."""
    connection = socket.create_connection(("127.0.0.1", target.port), ANSWER_SECONDS_MAX)
    pairs = "\0".join(("user", target.user, "database", target.database, "TimeZone", "UTC"))
    body = struct.pack(">I", 196608) + f"{pairs}\0\0".encode()
    connection.sendall(struct.pack(">I", len(body) + 4) + body)
    return connection


def told(connection: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of the messages that come."""
    buffer = b""
    while True:
        while len(buffer) < 5 or len(buffer) < 1 + int.from_bytes(buffer[1:5], "big"):
            try:
                data = connection.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return
            buffer += data
        end = 1 + int.from_bytes(buffer[1:5], "big")
        yield buffer[:1], buffer[5:end]
        buffer = buffer[end:]


def noted(kind: bytes, body: bytes) -> str:
    """A message in short."""
    letter = kind.decode()
    if letter in "EN":
        fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
        return f"{letter}({fields[b'V']} {fields[b'C']})"
    if letter == "C":
        return f"C({body[:-1].decode()})"
    if letter == "Z":
        return f"Z({body.decode()})\n"
    if letter == "S":
        return "S({}={})".format(*body[:-1].decode().split("\0"))
    if letter == "T":
        return f"T({struct.unpack('>H', body[:2])[0]})"
    if letter == "t":
        return f"t{struct.unpack(f'>H{(len(body) - 2) // 4}I', body)[1:]}"
    if letter == "A":
        return f"A{tuple(body[4:-1].decode().split(chr(0)))}"
    if letter in "GH":
        return f"{letter}{tuple(body)}"
    if letter in "dD":
        return f"{letter}({body.hex()})"
    return letter


def play(target: Target, steps: tuple[bytes, ...]) -> str:
    """What a server answers to a story; the connection is said goodbye to at its end."""
    connection = started(target)
    answers = told(connection)
    for kind, _ in answers:
        if kind == b"Z":
            break
    for step in steps:
        connection.sendall(step)
    connection.sendall(SYNC + message(b"X"))
    shown = [noted(kind, body) for kind, body in answers]
    connection.close()
    return _BEFORE_AN_ERROR.sub("E", " ".join(shown).replace("\n ", "\n").strip())


def answers_of(target: Target) -> dict[str, str]:
    """Every story, each with empty tables."""
    psql(target, "CREATE ROLE wired_role LOGIN;" + SCHEMA)
    found = {}
    for name, steps in STORIES.items():
        psql(target, "TRUNCATE wired, wired_later")
        found[name] = play(target, steps)
    return found


def recorded() -> dict[str, str]:
    """PostgreSQL's answers."""
    parts = RECORDED.read_text(encoding="utf-8").split("== ")[1:]
    return {name: answer.removesuffix("\n") for name, _, answer in (part.partition("\n") for part in parts)}


def main() -> int:
    """Prints what differs."""
    failed = 0
    with twins() as targets:
        ours, theirs = map(answers_of, targets)
    if "--record" in sys.argv:
        RECORDED.write_text("".join(f"== {name}\n{answer}\n" for name, answer in theirs.items()), encoding="utf-8")
    for name, other in theirs.items():
        if ours[name] != other:
            failed += 1
            print(f"== {name}\n-- Datacave\n{ours[name]}\n-- PostgreSQL\n{other}")
    print(f"{len(theirs) - failed} of {len(theirs)} stories go the same way")
    return failed


if __name__ == "__main__":
    sys.exit(main())
