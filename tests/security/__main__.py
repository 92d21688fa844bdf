"""Measures what strangers and readers of the disk can learn: python -m tests.security [NAME ...].

A server process of its own is started and attacked; each check prints what it measured. Exit code 0 when every
check holds. The names of the checks: logins, forgeries, guessing, passwords, disk.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from tests.clients.conftest import RunningServer, start
from tests.security.logins import PASSWORD, login_config
from tests.security.wire import HEADER, Attempt, attempt

TIMING_ROUNDS = 400
TIMING_SECONDS_MAX = 0.001
FREE_TRIES = 8  # of one user from one address, before guessing is slowed down
CONFIG = """
[log]
level = "debug"
[security.audit]
enabled = true
"""
ENCRYPTION = """
[security.encryption]
active_key = "k1"
[[security.encryption.keys]]
id = "k1"
hex = "{key}"
"""


class Broken(Exception):
    """A check does not hold."""


def must(holds: bool, text: str) -> None:
    """Prints a finding; raises Broken if it is bad."""
    print(f"  {'ok' if holds else 'NOT MET'}: {text}", flush=True)
    if not holds:
        raise Broken(text)


def launch(folder: Path, more: str = "") -> RunningServer:
    """A server whose users ann and bob log in by password."""
    config = folder / "datacave.toml"
    config.write_text(CONFIG + login_config("ann", "bob") + more, encoding="utf-8")
    config.chmod(0o600)
    return start(folder, ("--config", str(config)))


def check_logins(server: RunningServer, folder: Path) -> None:
    """A wrong password and an unknown user look the same, also to a stopwatch."""
    must(attempt(server.port, "ann", PASSWORD).accepted, "the right password lets in")
    known = [attempt(server.port, "ann", "wrong", "127.0.2.1") for _ in range(2)]
    unknown = [attempt(server.port, "nobody", "wrong", "127.0.2.1") for _ in range(2)]
    must(unknown[0].salt == unknown[1].salt, "an unknown user's salt is the same at every try")
    must(known[0].salt == known[1].salt, "a known user's salt is the same at every try")
    must({each.iterations for each in known + unknown} == {5000}, "both are asked for as many rounds of hashing")
    texts = {each.error.replace("nobody", "ann") for each in known + unknown}
    must(texts == {'28P01 password authentication failed for user "ann"'}, f"both are told {texts}")
    times: dict[str, list[float]] = {"ann": [], "nobody": []}
    for number in range(TIMING_ROUNDS):
        source = f"127.0.3.{1 + number // FREE_TRIES}"
        for user in ("ann", "nobody") if number % 2 else ("nobody", "ann"):
            times[user].append(attempt(server.port, user, "wrong", source).answer_seconds)
    medians = {user: statistics.median(values) for user, values in times.items()}
    # Pair by pair: how busy the machine is changes during the measurement, and for both alike.
    difference = abs(statistics.median(a - b for a, b in zip(times["ann"], times["nobody"], strict=True)))
    must(
        difference < TIMING_SECONDS_MAX,
        f"over {TIMING_ROUNDS} pairs of tries, the verdict takes {medians['ann'] * 1e6:.0f} us for a wrong password "
        f"and {medians['nobody'] * 1e6:.0f} us for an unknown user; in a pair they are {difference * 1e6:.1f} us apart",
    )


def check_forgeries(server: RunningServer, folder: Path) -> None:
    """Nobody gets in without the password."""
    port = server.port
    seen = attempt(port, "ann", PASSWORD, "127.0.4.1")
    tries: list[Attempt] = []
    for number, forge in enumerate(
        (
            lambda proof, about: secrets.token_bytes(32),
            lambda proof, about: bytes(32),
            lambda proof, about: b"",
            lambda proof, about: proof[:31],
            lambda proof, about: proof + b"\0",
            lambda proof, about: bytes([proof[0] ^ 1]) + proof[1:],
            lambda proof, about: proof[:31] + bytes([proof[31] ^ 0x80]),
            lambda proof, about: proof[::-1],
            lambda proof, about: seen.proof,
            lambda proof, about: b"\xff" * 32,
        )
    ):
        for user in ("ann", "nobody"):
            tries.append(attempt(port, user, PASSWORD, f"127.0.4.{10 + number}", forge))
    spoilt: dict[str, dict[str, str | bytes]] = {
        "another nonce": {"nonce_suffix": "x"},
        "another channel binding": {"binding": b"y,,"},
        "an authorization identity": {"binding": b"n,a=admin,"},
        "channel binding without TLS": {"binding": b"p=tls-server-end-point,," + bytes(32)},
    }
    for number, change in enumerate(spoilt.values()):
        tries.append(attempt(port, "ann", PASSWORD, f"127.0.4.{30 + number}", None, **change))
    tries.append(attempt(port, "ann", "", "127.0.4.40"))
    tries.append(attempt(port, "bob", PASSWORD.upper(), "127.0.4.40"))
    accepted = sum(each.accepted for each in tries)
    must(accepted == 0, f"{accepted} of {len(tries)} forged logins were accepted")
    must(attempt(port, "ann", PASSWORD, "127.0.4.50", binding=HEADER).accepted, "an honest one still is")


def check_guessing(server: RunningServer, folder: Path) -> None:
    """Who guesses is slowed down, and nobody else."""
    source = "127.0.5.1"
    begin = time.monotonic()
    for _ in range(10):
        attempt(server.port, "ann", secrets.token_hex(4), source)
    free_seconds = time.monotonic() - begin
    begin = time.monotonic()
    for _ in range(15):
        attempt(server.port, "ann", secrets.token_hex(4), source)
    rate = 15 / (time.monotonic() - begin)
    must(rate <= 5.5, f"10 tries took {free_seconds:.2f} s; the next 15 came at {rate:.1f} per second")
    begin = time.monotonic()
    other = attempt(server.port, "ann", PASSWORD, "127.0.5.2")
    third = attempt(server.port, "bob", PASSWORD, source)
    seconds = time.monotonic() - begin
    must(other.accepted and third.accepted and seconds < 0.5, "the user elsewhere and others there log in at once")


def check_passwords(server: RunningServer, folder: Path) -> None:
    """Passwords in statements, right and wrong ones, are in no file, log, error or view."""
    marker = "Pa55-" + secrets.token_hex(8)
    errors: list[str] = []
    statements = (
        f"CREATE ROLE p_one LOGIN PASSWORD '{marker}'",
        f"CREATE ROLE p_one LOGIN PASSWORD '{marker}'",
        f"ALTER ROLE p_one PASSWORD '{marker}' VALID UNTIL 'never ever'",
        f"ALTER ROLE p_none PASSWORD '{marker}'",
        f"ALTER USER p_one WITH ENCRYPTED PASSWORD '{marker}'",
        f"ALTER ROLE p_one PASSWORD E'{marker}' LOGIN LOGIN",
        f"CREATE USER p_two PASSWORD $${marker}$$ CONNECTION LIMIT -7",
        f"CREATE ROLE p_three PASSWORD '{marker}' NONSENSE",
        f"DO 'CREATE ROLE p_five PASSWORD ''{marker}'''",
        f"PREPARE p AS CREATE ROLE p_six PASSWORD '{marker}'",
        f"EXPLAIN CREATE ROLE p_seven PASSWORD '{marker}'",
    )
    shown: list[str] = []
    with psycopg.connect(server.dsn, autocommit=True) as one, psycopg.connect(server.dsn, autocommit=True) as two:
        for statement in statements:
            try:
                one.execute(statement.encode())
            except psycopg.Error as error:
                errors.append(f"{error} {error.diag.message_detail} {error.diag.context}")
            for row in two.execute("SELECT to_jsonb(a)::text FROM pg_stat_activity a"):
                shown.append(row[0])
            for view in ("pg_roles", "pg_user", "pg_prepared_statements"):
                shown += [
                    row[0] for row in two.execute(sql.SQL("SELECT v::text FROM {} v").format(sql.Identifier(view)))
                ]
        verifiers = two.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'p_one'").fetchone()
        two.execute("CHECKPOINT")
    must(verifiers is not None and verifiers[0].startswith("SCRAM-SHA-256$5000:"), "the catalog holds a verifier")
    # `LINE 1: ...` is what the client makes of its own text.
    told = [text for text in errors if marker in text.partition("LINE 1:")[0]]
    must(not told, f"{len(errors)} errors tell {len(told)} passwords")
    must(not [text for text in shown if marker in text], f"{len(shown)} rows of views show none")
    attempt(server.port, "p_one", marker + "x", "127.0.6.1")
    must(attempt(server.port, "p_one", marker, "127.0.6.1").accepted, "the password lets in")
    found, files = search(folder, marker.encode())
    must(not found, f"{files} files of the data directory, log and audit hold none {found or ''}")


def check_disk(server: RunningServer, folder: Path) -> None:
    """With encryption nothing readable is on the disk; without, the same search finds it."""
    for is_encrypted in (False, True):
        marker = "marker" + secrets.token_hex(8)
        with tempfile.TemporaryDirectory(prefix="datacave-disk-") as name:
            place = Path(name)
            more = ENCRYPTION.format(key=secrets.token_hex(32)) if is_encrypted else ""
            own = launch(place, more)
            try:
                fill(own, marker)
                own.process.kill()  # what only the log holds stays in the log
                own.process.wait()
                found, files = search(own.data_dir, marker.encode())
                # The audit log stays readable for who audits; it names objects, and holds no data.
                found = [name for name in found if not name.startswith("audit")]
            finally:
                own.stop()
        if is_encrypted:
            must(not found, f"with encryption {len(found)} of {files} files hold a marker {found or ''}")
        else:
            must(len(found) > 1, f"without encryption {len(found)} of {files} files do, so the search can see it")


def fill(server: RunningServer, marker: str) -> None:
    """Brings a marker to all places: names, rows, indexes, comments, large values, spilled sorts."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        execute = connection.execute
        execute(f"CREATE TABLE t_{marker} (id int PRIMARY KEY, a text, b text)".encode())
        execute(f"CREATE INDEX ON t_{marker} (a)".encode())
        execute(f"COMMENT ON TABLE t_{marker} IS '{marker}'".encode())
        execute(
            f"INSERT INTO t_{marker} SELECT i, '{marker}' || i, repeat('{marker}', 500) "
            "FROM generate_series(1, 5000) i".encode()
        )
        execute("CHECKPOINT")
        execute(f"UPDATE t_{marker} SET a = a || 'x' WHERE id < 500".encode())
        execute("SET work_mem = '64kB'")
        execute(f"SELECT count(*) FROM (SELECT a FROM t_{marker} ORDER BY b, a) s".encode())


def search(folder: Path, text: bytes) -> tuple[list[str], int]:
    """The files below a folder that hold a text, and how many there are."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if text in path.read_bytes()], len(files)


CHECKS: dict[str, Callable[[RunningServer, Path], None]] = {
    "logins": check_logins,
    "forgeries": check_forgeries,
    "guessing": check_guessing,
    "passwords": check_passwords,
    "disk": check_disk,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.security", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the checks to make; without any, all")
    names = parser.parse_args().names or list(CHECKS)
    if unknown := [name for name in names if name not in CHECKS]:
        parser.error(f"no such check: {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    broken = 0
    with tempfile.TemporaryDirectory(prefix="datacave-security-") as folder:
        server = launch(Path(folder))
        try:
            for name in names:
                print(f"{name}: {CHECKS[name].__doc__}", flush=True)
                try:
                    CHECKS[name](server, Path(folder))
                except Broken:
                    broken += 1
        finally:
            server.stop()
    print(f"{len(names) - broken} of {len(names)} checks hold")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
