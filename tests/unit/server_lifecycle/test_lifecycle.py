"""A server comes up in order, says when it is ready, drains on a signal, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from datacave_core.errors import DataCorrupted, StorageStopped
from datacave_core.ports import Store
from datacave_core.wait import Wait
from datacave_server.audit import verify_audit
from datacave_server.config import Address, Config, ConfigError, load
from datacave_server.files import OsFileSystem
from datacave_server.lifecycle import Environment, Listener, Server, State


class FakeStore:
    """As much of a Store as a lifecycle touches."""

    def __init__(self, events: list[str], close_error: BaseException | None = None) -> None:
        self.events = events
        self.failure: str | None = None
        self.close_error = close_error

    def statistics(self) -> Mapping[str, Any]:
        return {"commits": 42}

    def close(self) -> Wait:
        self.events.append("store closed")
        closing = Wait("IO:Close")
        asyncio.get_running_loop().call_soon(closing.finish, self.close_error)
        return closing


class FakeListener:
    """Takes an address, and drains when `drained` is set or the time is up."""

    def __init__(self, events: list[str]) -> None:
        self.events = events
        self.drained = asyncio.Event()

    async def start(self) -> Sequence[Address]:
        self.events.append("listening")
        return [Address("127.0.0.1", 5555)]

    def stop_accepting(self) -> None:
        if "stopped accepting" not in self.events:
            self.events.append("stopped accepting")

    async def drain(self, seconds: float) -> None:
        self.events.append(f"draining {seconds:g}")
        if seconds:
            await asyncio.wait_for(self.drained.wait(), seconds)
            self.events.append("drained")


class FakeParts:
    """Parts that write down what happens to them."""

    def __init__(
        self,
        *,
        open_error: BaseException | None = None,
        close_error: BaseException | None = None,
        recovered: asyncio.Event | None = None,
    ) -> None:
        self.events: list[str] = []
        self.recovered = recovered
        self.store = FakeStore(self.events, close_error)
        self.listener = FakeListener(self.events)
        self.environment: Environment | None = None
        self._open_error = open_error

    def progress(self) -> str:
        return "3 of 7"

    async def open_store(self, environment: Environment) -> Store:
        self.environment = environment
        if self._open_error is not None:
            raise self._open_error
        if self.recovered is not None:
            self.events.append("recovering")
            await self.recovered.wait()
        self.events.append("store open")
        return self.store  # type: ignore[return-value]

    async def make_listener(self, environment: Environment, store: Store) -> Listener:
        return self.listener

    def store_failure(self, store: Store) -> str | None:
        return self.store.failure

    def close(self) -> None:
        self.events.append("parts closed")


def config(folder: Path, **environment: str) -> Config:
    variables = {
        "DATACAVE_STORAGE__DATA_DIR": str(folder / "data"),
        "DATACAVE_METRICS__LISTEN": "127.0.0.1:0",
        "DATACAVE_SERVER__DRAIN_SECONDS": "20s",
    }
    return load(environment=variables | environment, folder=folder).config


class Running:
    """A server in a task, with what it has announced."""

    def __init__(self, settings: Config, parts: FakeParts) -> None:
        self.announced: list[str] = []
        self.ready = asyncio.Event()
        self.parts = parts
        self.server = Server(settings, parts, self._announce)
        self.task = asyncio.ensure_future(self.server.run())

    def _announce(self, text: str) -> None:
        self.announced.append(text)
        self.ready.set()

    async def get(self, path: str) -> tuple[int, str]:
        url = f"http://{self.server.admin_address}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()


async def running(settings: Config, parts: FakeParts | None = None) -> Running:
    made = Running(settings, parts or FakeParts())
    waiting = asyncio.ensure_future(made.ready.wait())
    await asyncio.wait((waiting, made.task), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return made


async def test_it_comes_up_serves_and_goes_down_in_order(tmp_path: Path) -> None:
    run = await running(config(tmp_path))
    assert run.announced == [
        f"Datacave is ready on 127.0.0.1:5555; data in {tmp_path}/data\n"
        f"  metrics: http://{run.server.admin_address}/metrics\n"
        f"  console: http://{run.server.admin_address}/console/\n"
        '  connect: psql "host=127.0.0.1 port=5555 user=admin dbname=default"'
    ]
    assert [(await run.get(path))[0] for path in ("/health", "/ready", "/metrics")] == [200, 200, 200]
    assert "datacave_storage_commits 42\n" in (await run.get("/metrics"))[1]
    run.parts.listener.drained.set()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await run.task == 0
    assert run.parts.events == [
        "store open",
        "listening",
        "stopped accepting",
        "draining 20",
        "drained",
        "draining 0",
        "store closed",
        "parts closed",
    ]
    assert run.server.state is State.STOPPED


async def test_while_it_recovers_it_is_not_ready_and_tells_how_far_it_is(tmp_path: Path) -> None:
    recovered = asyncio.Event()
    run = Running(config(tmp_path), FakeParts(recovered=recovered))
    while "recovering" not in run.parts.events:
        await asyncio.sleep(0.001)
    assert await run.get("/ready") == (
        503,
        '{"status": "unavailable", "reason": "the server is starting: 3 of 7"}',
    )
    assert (await run.get("/health"))[0] == 200
    recovered.set()
    await run.ready.wait()
    assert (await run.get("/ready"))[0] == 200
    run.server.request_stop()
    run.parts.listener.drained.set()
    assert await run.task == 0


async def test_a_signal_ends_a_recovery(tmp_path: Path) -> None:
    run = Running(config(tmp_path), FakeParts(recovered=asyncio.Event()))
    while "recovering" not in run.parts.events:
        await asyncio.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await run.task == 0
    assert run.parts.events == ["recovering", "parts closed"]
    assert run.announced == []
    assert run.server.state is State.STOPPED
    OsFileSystem(tmp_path / "data").lock("server.lock")()


async def test_while_draining_it_is_not_ready_and_a_second_signal_hurries(tmp_path: Path) -> None:
    run = await running(config(tmp_path))
    run.server.request_stop()
    while "draining 20" not in run.parts.events:
        await asyncio.sleep(0.001)
    assert await run.get("/ready") == (503, '{"status": "unavailable", "reason": "the server is shutting down"}')
    assert (await run.get("/health"))[0] == 200
    os.kill(os.getpid(), signal.SIGINT)
    assert await run.task == 0
    assert run.parts.events[-3:] == ["draining 0", "store closed", "parts closed"]
    assert "drained" not in run.parts.events


async def test_a_storage_that_stops_itself_ends_the_server_with_an_error(tmp_path: Path) -> None:
    run = await running(config(tmp_path), FakeParts(close_error=StorageStopped("fsync failed")))
    run.parts.store.failure = "fsync of wal/1 failed"
    assert await run.get("/health") == (503, '{"status": "unavailable", "reason": "fsync of wal/1 failed"}')
    assert await run.task == 1
    assert run.parts.events[-3:] == ["draining 0", "store closed", "parts closed"]


async def test_a_close_that_fails_is_told(tmp_path: Path) -> None:
    run = await running(config(tmp_path), FakeParts(close_error=StorageStopped("fsync failed")))
    run.server.request_stop()
    run.parts.listener.drained.set()
    with pytest.raises(StorageStopped, match="fsync failed"):
        await run.task


async def test_a_second_server_on_the_directory_is_refused_by_name(tmp_path: Path) -> None:
    first = await running(config(tmp_path))
    second = await running(config(tmp_path))
    with pytest.raises(BlockingIOError, match="in use by process") as caught:
        await second.task
    assert caught.value.filename == str(tmp_path / "data" / "server.lock")
    assert second.parts.events == []
    first.server.request_stop()
    first.parts.listener.drained.set()
    assert await first.task == 0
    third = await running(config(tmp_path))
    assert third.announced
    third.server.request_stop()
    third.parts.listener.drained.set()
    assert await third.task == 0


async def test_a_failed_start_leaves_nothing_behind(tmp_path: Path) -> None:
    parts = FakeParts(open_error=DataCorrupted("wal/1 is damaged"))
    run = await running(config(tmp_path), parts)
    with pytest.raises(DataCorrupted):
        await run.task
    assert run.announced == []
    OsFileSystem(tmp_path / "data").lock("server.lock")()
    with pytest.raises(aiohttp.ClientConnectorError):
        await run.get("/health")


async def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "thesis.txt").touch()
    run = await running(config(tmp_path))
    with pytest.raises(FileExistsError, match="holds no Datacave data"):
        await run.task


async def test_a_taken_port_is_named_with_its_key(tmp_path: Path) -> None:
    first = await running(config(tmp_path))
    taken = str(first.server.admin_address)
    second = await running(config(tmp_path / "other", DATACAVE_METRICS__LISTEN=taken))
    with pytest.raises(OSError, match="Address already in use") as caught:
        await second.task
    assert caught.value.filename == f"metrics.listen {taken}"
    first.server.request_stop()
    first.parts.listener.drained.set()
    await first.task


async def test_the_admin_address_can_be_switched_off(tmp_path: Path) -> None:
    run = await running(config(tmp_path, DATACAVE_METRICS__ENABLED="off"))
    assert run.server.admin_address is None
    assert "metrics" not in run.announced[0]
    run.server.request_stop()
    run.parts.listener.drained.set()
    assert await run.task == 0


async def test_bad_certificates_stop_the_start(tmp_path: Path) -> None:
    files = {"DATACAVE_SECURITY__TLS__CERT_FILE": "/none/c.pem", "DATACAVE_SECURITY__TLS__KEY_FILE": "/none/k.pem"}
    run = await running(config(tmp_path, **files))
    with pytest.raises(ConfigError, match=r"/none/c\.pem"):
        await run.task


async def test_starts_and_stops_are_audited(tmp_path: Path) -> None:
    run = await running(config(tmp_path, DATACAVE_SECURITY__AUDIT__ENABLED="true"))
    assert run.parts.environment is not None
    assert run.parts.environment.audit is not None
    run.parts.environment.audit.record("login", user="ann")
    run.server.request_stop()
    run.parts.listener.drained.set()
    assert await run.task == 0
    folder = OsFileSystem(tmp_path / "data" / "audit")
    text = (folder.root / "audit.jsonl").read_text()
    assert [
        event in line for event, line in zip(("server_start", "login", "server_stop"), text.splitlines(), strict=True)
    ]
    assert verify_audit(folder, "audit.jsonl") == []
