"""Real servers for real clients: `datacave serve` in a process of its own, with a fresh data directory.

`server` is shared by a module and listens on loopback with trust; `secure_server` asks for SCRAM over TLS, with a
certificate made here. `start_server` starts others. With SERVER_UNDER_TEST=postgresql in the environment the first two
are PostgreSQL 15 instead, which shows whether the tests ask only for what PostgreSQL does.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg import sql

from bench.servers import running_postgresql
from datacave_protocol import make_verifier
from datacave_server.clock import SystemRandomness

ORACLE = os.environ.get("SERVER_UNDER_TEST") == "postgresql"
START_SECONDS = 30
STOP_SECONDS = 30
READY = re.compile(
    r"ready on (\S+):(\d+); data in (.+)\n\s+metrics: http://(\S+)/metrics\n(?:\s+console: \S+\n)?\s+connect: (.+)\n"
)


@dataclass
class RunningServer:
    """A server process. `log` is what it says on standard error."""

    process: subprocess.Popen[bytes]
    host: str
    port: int
    metrics: str
    data_dir: Path
    log_file: Path
    user: str = "admin"
    database: str = "default"

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    @property
    def dsn(self) -> str:
        """Connection parameters as libpq reads them."""
        return f"host={self.host} port={self.port} user={self.user} dbname={self.database}"

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@dataclass(frozen=True)
class SecureServer:
    """A server that asks for a password over TLS."""

    server: RunningServer
    certificate: Path
    password: str


StartServer = Callable[..., RunningServer]


def serve_command(folder: Path) -> list[str]:
    """The command line of a server with its data in `folder`/data and on free ports."""
    listen = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]
    return [sys.executable, "-m", "datacave_server", "serve", "--data-dir", str(folder / "data"), *listen]


def start(folder: Path, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> RunningServer:
    """Starts `datacave serve` with its data in `folder`/data, and waits until it is ready."""
    log_file = folder / "server.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DATACAVE_", "PG"))}
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [*serve_command(folder), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=clean | dict(environment or {}),
        )
    try:
        match = read_ready_line(process, log_file)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return RunningServer(process, match[1], int(match[2]), match[4], Path(match[3]), log_file)


def read_ready_line(process: subprocess.Popen[bytes], log_file: Path) -> re.Match[str]:
    """What the server prints once clients can connect; fails with the server's log if that does not come."""
    assert process.stdout is not None
    text, deadline = "", time.monotonic() + START_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        if select.select([process.stdout], [], [], left)[0]:
            data = os.read(process.stdout.fileno(), 4096)
            text += data.decode()
            if match := READY.search(text):
                return match
            if not data:
                break
    log = log_file.read_text(encoding="utf-8")
    pytest.fail(f"the server did not get ready (exit code {process.poll()}):\n{text}{log}")


@contextlib.contextmanager
def postgresql() -> Iterator[RunningServer]:
    """PostgreSQL 15 in the place of the server, with the same superuser and database."""
    # Not in pytest's folder: that one is closed to the user PostgreSQL runs as.
    with tempfile.TemporaryDirectory() as name, running_postgresql(folder := Path(name), "admin") as target:
        process = subprocess.Popen(["true"])  # stands for a process that is not ours to stop
        process.wait()
        data, log = folder / "postgresql", folder / "postgresql.log"
        with psycopg.connect(
            f"host=127.0.0.1 port={target.port} user=admin dbname=postgres", autocommit=True
        ) as connection:
            connection.execute('CREATE DATABASE "default"')
        yield RunningServer(process, "127.0.0.1", target.port, "", data, log)


def ask_for_passwords(oracle: RunningServer, certificate: Path, key: Path, password: str) -> None:
    """Makes a PostgreSQL that trusts everybody ask for a password over TLS."""
    owner = oracle.data_dir.stat()
    for name, source in (("server.crt", certificate), ("server.key", key)):
        shutil.copy(source, oracle.data_dir / name)
        os.chown(oracle.data_dir / name, owner.st_uid, owner.st_gid)
    with psycopg.connect(oracle.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE admin PASSWORD {}").format(password))
        connection.execute("ALTER SYSTEM SET ssl = on")
        (oracle.data_dir / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(1)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """A function that starts servers, which are stopped when the test ends."""
    running: list[RunningServer] = []

    def start_here(*arguments: str, environment: Mapping[str, str] | None = None) -> RunningServer:
        made = start(tmp_path, arguments, environment)
        running.append(made)
        return made

    yield start_here
    for made in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            made.stop()
        made.process.kill()
        made.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on loopback with trust, shared by the tests of a module."""
    if ORACLE:
        with postgresql() as oracle:
            yield oracle
        return
    made = start(tmp_path_factory.mktemp("server"))
    yield made
    assert made.stop() == 0, made.log
    assert "Traceback" not in made.log, made.log


@pytest.fixture(scope="module")
def secure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    """A server that asks by SCRAM, bob in clear text, and refuses eve; TLS is there, and required for bob."""
    folder = tmp_path_factory.mktemp("secure")
    certificate, key = make_self_signed(folder)
    if ORACLE:
        with postgresql() as oracle:
            ask_for_passwords(oracle, certificate, key, "s\u00e9same")
            yield SecureServer(oracle, certificate, "s\u00e9same")
        return
    verifier = make_verifier("s\u00e9same", SystemRandomness())
    config = folder / "datacave.toml"
    config.write_text(
        f'[security.tls]\ncert_file = "{certificate}"\nkey_file = "{key}"\n'
        f'[[security.auth.users]]\nname = "admin"\nsuperuser = true\nverifier = "{verifier}"\n'
        f'[[security.auth.users]]\nname = "bob"\nverifier = "{verifier}"\n'
        f'[[security.auth.rules]]\naddress = "all"\nmethod = "password"\nuser = "bob"\n'
        f'[[security.auth.rules]]\naddress = "all"\nmethod = "reject"\nuser = "eve"\n'
        f'[[security.auth.rules]]\naddress = "all"\nmethod = "scram-sha-256"\n'
        "[security.audit]\nenabled = true\n"
    )
    made = start(folder, ("--config", str(config)))
    yield SecureServer(made, certificate, "s\u00e9same")
    assert made.stop() == 0, made.log
    assert "Traceback" not in made.log, made.log


@pytest.fixture(scope="session")
def psql() -> str:
    """The path of psql. A machine without PostgreSQL's client programs cannot run these tests."""
    found = shutil.which("psql")
    if found is None:
        pytest.skip("psql is not installed on this machine (package postgresql-client)")
    return found


def make_self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and 127.0.0.1, signed by itself, and its private key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return write_pair(folder, "server", certificate, key)


def sign_for(user: str, authority: Path, authority_key: Path, folder: Path) -> tuple[Path, Path]:
    """A client certificate for a user, signed by a certificate of `make_self_signed`, and its key, as PEM files."""
    issuer = x509.load_pem_x509_certificate(authority.read_bytes())
    signer = serialization.load_pem_private_key(authority_key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .sign(signer, hashes.SHA256())
    )
    return write_pair(folder, "client", certificate, key)


def write_pair(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> tuple[Path, Path]:
    """Writes a certificate and its private key, the latter closed to others."""
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].touch(0o600)
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
