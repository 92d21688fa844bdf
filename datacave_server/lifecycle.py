"""Lifecycle: builds a server from its configuration, runs it, and stops it without losing or cutting anything.

    STARTING --recovered, listening--> SERVING --SIGTERM, SIGINT--> DRAINING --statements done--> STOPPED
                                          \\--storage stopped itself----------------------------> FAILED

Order on the way up: data directory and its lock, TLS, admin address (so that /ready can say "starting"), audit log,
storage (with a door where early clients hear of it), SQL, listener. The way down is the reverse. Not here: sessions
(pump), sockets (door, listener).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from datacave_core.compiled import found as kernels
from datacave_core.errors import DatacaveError
from datacave_core.ports import Store
from datacave_core.wait import Wait
from datacave_server.admin import AdminServer, Console
from datacave_server.audit import AuditLog
from datacave_server.clock import SystemClock, SystemRandomness
from datacave_server.commands import Commands
from datacave_server.config import Address, Config
from datacave_server.files import OsFileSystem
from datacave_server.metrics import MetricsRegistry
from datacave_server.scheduler import LoopScheduler
from datacave_server.store_metrics import StoreMetrics
from datacave_server.tls import ServerTls, make_tls

LOCK_NAME = "server.lock"
STORE_FOLDER = "store"
AUDIT_FOLDER = "audit"
AUDIT_NAME = "audit.jsonl"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
HEALTH_SECONDS = 0.5

logger = logging.getLogger(__name__)


class State(Enum):
    """Where in its life the server is; the value is what /ready says."""

    STARTING = "the server is starting"
    SERVING = "the server is serving"
    DRAINING = "the server is shutting down"
    STOPPED = "the server has stopped"
    FAILED = "the storage has stopped"


@dataclass(frozen=True, slots=True)
class Environment:
    """What the parts of a server share: its configuration, the ports, and where to count and record."""

    config: Config
    files: OsFileSystem
    clock: SystemClock
    randomness: SystemRandomness
    scheduler: LoopScheduler
    metrics: MetricsRegistry
    audit: AuditLog | None
    tls: ServerTls | None
    commands: Commands
    console: Console
    reload: Callable[[], Config]
    """Reads the configuration anew. Raises ConfigError."""


class Listener(Protocol):
    """Accepts clients and runs their sessions."""

    async def start(self) -> Sequence[Address]:
        """Listens; returns the addresses with the ports that were taken. Raises OSError."""

    def stop_accepting(self) -> None:
        """Closes the listening sockets; sessions go on."""

    async def drain(self, seconds: float) -> None:
        """Ends idle sessions with 57P01, lets running statements finish for a while, then ends the rest."""


class Parts(Protocol):
    """How the big parts are made; tests bring their own."""

    async def open_store(self, environment: Environment) -> Store:
        """Recovers the storage. Raises DatacaveError and OSError; may be cancelled."""

    def progress(self) -> str:
        """How far `open_store` has come, for people; may be empty."""

    async def make_listener(self, environment: Environment, store: Store) -> Listener:
        """The SQL database over the store, behind a listener that has not started."""

    def store_failure(self, store: Store) -> str | None:
        """Why the storage has stopped itself, or None while it works."""

    def close(self) -> None:
        """Ends what runs beside the storage, once that is closed or could not be opened."""


class Server:
    """One server. `announce` gets the lines for standard output once clients can connect.

    `reload` reads the configuration anew, for the commands that take changes over while the server runs.
    """

    def __init__(
        self,
        config: Config,
        parts: Parts,
        announce: Callable[[str], None],
        reload: Callable[[], Config] | None = None,
    ) -> None:
        self.config = config
        self.commands = Commands(SystemRandomness())
        self.console = Console(self._statistics, lambda: (self._unhealthy(), self._unready()))
        self._reload = reload or (lambda: config)
        self.metrics = MetricsRegistry()
        self.state = State.STARTING
        self.addresses: Sequence[Address] = ()
        self.admin_address: Address | None = None
        self._parts = parts
        self._announce = announce
        self._stop_requests = asyncio.Event()
        self._hurry = asyncio.Event()
        self._store: Store | None = None

    def request_stop(self) -> None:
        """Begins the shutdown; a second request ends the wait for running statements."""
        if self._stop_requests.is_set():
            self._hurry.set()
        self._stop_requests.set()

    async def run(self) -> int:
        """Serves until it is told to stop; returns the exit code. Raises ConfigError, OSError, DatacaveError."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.request_stop)
        try:
            async with AsyncExitStack() as stack:
                listener = await self._unless_stopped(self._start(stack))
                if listener is not None:
                    await self._serve(listener)
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)
            if self.state is not State.FAILED:
                self.state = State.STOPPED
        logger.info(self.state.value)
        return 1 if self.state is State.FAILED else 0

    async def _unless_stopped(self, start: Coroutine[Any, Any, Listener]) -> Listener | None:
        """The listener of a start, which a request to stop ends; None then."""
        starting, stop = asyncio.ensure_future(start), asyncio.ensure_future(self._stop_requests.wait())
        await asyncio.wait((starting, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not starting.done():
            logger.info("stopped while it was starting")
            starting.cancel()
            await asyncio.wait((starting,))
            if starting.cancelled():
                return None
        return starting.result()

    async def _start(self, stack: AsyncExitStack) -> Listener:
        """Brings everything up; what is up is taken down by the stack, in reverse."""
        root = open_data_directory(Path(self.config.storage.data_dir))
        stack.callback(root.lock(LOCK_NAME))
        scheduler = LoopScheduler(asyncio.get_running_loop())
        stack.callback(scheduler.close)
        tls = make_tls(self.config.security.tls)
        await self._start_admin(stack, root, tls)
        clock = SystemClock()
        audit = self._open_audit(root, clock, scheduler)
        if audit is not None:
            audit.record("server_start")
            stack.callback(audit.close)
            stack.callback(audit.record, "server_stop")
        files = OsFileSystem(make_folder(root, STORE_FOLDER))
        environment = Environment(
            self.config,
            files,
            clock,
            SystemRandomness(),
            scheduler,
            self.metrics,
            audit,
            tls,
            self.commands,
            self.console,
            self._reload,
        )
        stack.callback(self._parts.close)
        if missing := [module for module, there in kernels.items() if not there]:
            logger.warning("running without compiled kernels, point reads are slower: %s", ", ".join(missing))
        store = self._store = await self._parts.open_store(environment)
        stack.push_async_callback(self._close_store, store)
        self.metrics.add_lines(StoreMetrics(store.statistics).lines)
        listener = await self._parts.make_listener(environment, store)
        with naming("server.listen", self.config.server.listen):
            self.addresses = await listener.start()
        stack.callback(listener.stop_accepting)
        return listener

    async def _serve(self, listener: Listener) -> None:
        self.state = State.SERVING
        self._announce(self._ready_text())
        logger.info("ready on %s", ", ".join(map(str, self.addresses)))
        while not self._stop_requests.is_set():
            if reason := self._unhealthy():
                self.state = State.FAILED
                logger.error("the storage has stopped: %s", reason)
                break
            await _wait_set(self._stop_requests, HEALTH_SECONDS)
        else:
            self.state = State.DRAINING
            logger.info("shutting down: running statements have %g seconds", self.config.server.drain_seconds)
        listener.stop_accepting()
        self.console.close()
        if self.state is State.DRAINING:
            await self._drain(listener, self.config.server.drain_seconds)
        await listener.drain(0)

    async def _drain(self, listener: Listener, seconds: float) -> None:
        """Drains, unless a second signal comes first."""
        drain = asyncio.ensure_future(listener.drain(seconds))
        hurry = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait((drain, hurry), return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not drain.done():
            drain.cancel()
        await asyncio.gather(drain, hurry, return_exceptions=True)

    async def _close_store(self, store: Store) -> None:
        """Closes the storage; after it has stopped itself there is nothing left to save."""
        try:
            await finished(store.close())
        except (DatacaveError, OSError):
            if self.state is not State.FAILED:
                raise  # else it has been told why

    async def _start_admin(self, stack: AsyncExitStack, root: OsFileSystem, tls: ServerTls | None) -> None:
        section = self.config.metrics
        if section.enabled:
            admin = AdminServer(
                section.listen,
                self.metrics,
                self._unhealthy,
                self._unready,
                self.commands,
                self.console if section.console else None,
                tls.context if section.tls and tls is not None else None,
            )
            with naming("metrics.listen", section.listen):
                self.admin_address = await admin.start()
            stack.push_async_callback(admin.stop)
            self.commands.publish(root, self.admin_address, self.config.security.tls.cert_file if section.tls else "")
            stack.callback(self.commands.withdraw, root)

    def _open_audit(self, root: OsFileSystem, clock: SystemClock, scheduler: LoopScheduler) -> AuditLog | None:
        section = self.config.security.audit
        if not section.enabled:
            return None
        path = Path(section.file) if section.file else make_folder(root, AUDIT_FOLDER) / AUDIT_NAME
        return AuditLog(OsFileSystem(path.parent), path.name, clock, scheduler)

    def _statistics(self) -> Mapping[str, Any]:
        """The storage's statistics; none before it is open."""
        return self._store.statistics() if self._store is not None else {}

    def _unhealthy(self) -> str | None:
        return self._parts.store_failure(self._store) if self._store is not None else None

    def _unready(self) -> str | None:
        if self.state is State.SERVING:
            return None
        progress = self._parts.progress() if self.state is State.STARTING else ""
        return f"{self.state.value}: {progress}" if progress else self.state.value

    def _ready_text(self) -> str:
        first = self.addresses[0]
        tls = " sslmode=require" if self.config.security.tls.cert_file else ""
        user = self.config.security.auth.users[0].name if self.config.security.auth.users else "admin"
        lines = [f"Datacave is ready on {', '.join(map(str, self.addresses))}; data in {self.config.storage.data_dir}"]
        if self.admin_address is not None:
            scheme = "https" if self.config.metrics.tls else "http"
            lines.append(f"  metrics: {scheme}://{self.admin_address}/metrics")
            if self.config.metrics.console:
                lines.append(f"  console: {scheme}://{self.admin_address}/console/")
        lines.append(f'  connect: psql "host={first.host} port={first.port} user={user} dbname=default{tls}"')
        return "\n".join(lines)


def open_data_directory(path: Path) -> OsFileSystem:
    """The data directory, made if it is missing. Raises OSError for a folder that is open to others or foreign."""
    root = OsFileSystem(path)
    names = root.list()
    if names and LOCK_NAME not in names:
        raise FileExistsError(errno.EEXIST, "the folder is not empty and holds no Datacave data", str(root.root))
    return root


def make_folder(root: OsFileSystem, name: str) -> Path:
    """A folder below the data directory that survives a power failure."""
    if not root.exists(name):
        root.make_folder(name)
        root.sync_folder()
    return root.root / name


@contextmanager
def naming(key: str, address: Address) -> Iterator[None]:
    """Lets the OSError of a failed bind name the key and the address."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise OSError(error.errno, reason, f"{key} {address}") from None


async def finished(event: Wait) -> None:
    """Waits for a Wait; raises the error it failed with."""
    done = asyncio.Event()
    event.subscribe(done.set)
    await done.wait()
    event.raise_error()


async def _wait_set(event: asyncio.Event, seconds: float) -> None:
    """Waits until the event is set, or for a while."""
    waiter = asyncio.ensure_future(event.wait())
    await asyncio.wait((waiter,), timeout=seconds)
    waiter.cancel()
