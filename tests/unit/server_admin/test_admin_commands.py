"""Commands on the admin address: who may give them, and what checkpoint and key rotation do to a running server."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from datacave_core.errors import DatacaveError
from datacave_server.admin import AdminServer
from datacave_server.assembly import DatabaseParts
from datacave_server.clock import SystemRandomness
from datacave_server.commands import FILE_NAME, Commands, ask_server
from datacave_server.config import Address, Config, load
from datacave_server.files import OsFileSystem
from datacave_server.lifecycle import Server
from datacave_server.metrics import MetricsRegistry


async def test_a_command_needs_the_token(tmp_path: Path) -> None:
    commands = Commands(SystemRandomness())
    seen: list[Mapping[str, Any]] = []

    async def note(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        seen.append(parameters)
        if parameters.get("fail"):
            raise DatacaveError("it failed", hint="Do not.")
        return {"seen": len(seen)}

    commands.add("note", note)
    admin = AdminServer(Address("127.0.0.1", 0), MetricsRegistry(), lambda: None, lambda: None, commands)
    address = await admin.start()
    root = OsFileSystem(tmp_path / "data")
    commands.publish(root, address)
    try:
        assert stat.S_IMODE((tmp_path / "data" / FILE_NAME).stat().st_mode) == 0o600
        url = f"http://{address}/commands/note"
        async with aiohttp.ClientSession() as session:
            for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer " + "0" * 64}):
                async with session.post(url, json={}, headers=headers) as answer:
                    assert answer.status == 401
            async with session.get(url) as answer:
                assert answer.status == 405
        assert seen == []
        assert await asyncio.to_thread(ask_server, tmp_path / "data", "note", {"a": 1}) == {"seen": 1}
        with pytest.raises(DatacaveError, match="it failed"):
            await asyncio.to_thread(ask_server, tmp_path / "data", "note", {"fail": True})
        with pytest.raises(DatacaveError, match='no command "other"'):
            await asyncio.to_thread(ask_server, tmp_path / "data", "other", {})
        commands.withdraw(root)
        with pytest.raises(FileNotFoundError, match="no server"):
            ask_server(tmp_path / "data", "note", {})
    finally:
        await admin.stop()


def configured(folder: Path, active: str) -> Config:
    (folder / "second.key").write_text("22" * 32)
    text = f"""
server.listen = "127.0.0.1:0"
metrics.listen = "127.0.0.1:0"
storage.data_dir = {json.dumps(str(folder / "data"))}
[security.encryption]
active_key = "{active}"
keys = [{{ id = "first", hex = "{"11" * 32}" }}, {{ id = "second", file = {json.dumps(str(folder / "second.key"))} }}]
"""
    (folder / "datacave.toml").write_text(text)
    return load(folder / "datacave.toml").config


async def test_checkpoint_and_key_rotation_of_a_running_server(tmp_path: Path) -> None:
    config = configured(tmp_path, "first")
    ready = asyncio.Event()

    def reload() -> Config:
        return load(tmp_path / "datacave.toml").config

    server = Server(config, DatabaseParts(), lambda text: ready.set(), reload)
    running = asyncio.ensure_future(server.run())
    try:
        await asyncio.wait_for(ready.wait(), 20)
        data = tmp_path / "data"

        async def ask(name: str, parameters: Mapping[str, str] | None = None) -> Mapping[str, Any]:
            return await asyncio.to_thread(ask_server, data, name, parameters or {})

        facts = await ask("checkpoint", {"name": "one"})
        assert (Path(facts["folder"]) / "CURRENT").exists()
        with pytest.raises(DatacaveError, match="already a checkpoint"):
            await ask("checkpoint", {"name": "one"})
        with pytest.raises(DatacaveError, match="letters"):
            await ask("checkpoint", {"name": "../../elsewhere"})
        proof = await ask("key-rotate")
        assert set(proof["live"]) == {"first"}
        configured(tmp_path, "second")
        proof = await ask("key-rotate")
        assert (proof["current"], set(proof["live"]), proof["waiting"]) == ("second", {"second"}, {})
        (tmp_path / "second.key").write_text("short")
        with pytest.raises(DatacaveError, match="64 hexadecimal digits"):
            await ask("key-rotate")
    finally:
        server.request_stop()
        assert await asyncio.wait_for(running, 20) == 0
    assert not (data / FILE_NAME).exists()
    # The first key is not needed any more.
    config = configured(tmp_path, "second")
    second = tuple(key for key in config.security.encryption.keys if key.id == "second")
    encryption = dataclasses.replace(config.security.encryption, keys=second)
    config = dataclasses.replace(config, security=dataclasses.replace(config.security, encryption=encryption))
    ready.clear()
    server = Server(config, DatabaseParts(), lambda text: ready.set())
    running = asyncio.ensure_future(server.run())
    await asyncio.wait_for(ready.wait(), 20)
    server.request_stop()
    assert await asyncio.wait_for(running, 20) == 0


async def test_changes_of_a_table_are_streamed_once_from_where_the_reader_is(tmp_path: Path) -> None:
    config = configured(tmp_path, "first")
    ready = asyncio.Event()
    server = Server(config, DatabaseParts(), lambda text: ready.set())
    running = asyncio.ensure_future(server.run())
    try:
        await asyncio.wait_for(ready.wait(), 20)
        port = server.addresses[0].port
        conninfo = f"host=127.0.0.1 port={port} user=admin dbname=default"
        access = json.loads((tmp_path / "data" / FILE_NAME).read_text())
        url = f"http://{access['address']}/streams/changes"
        headers = {"Authorization": f"Bearer {access['token']}"}
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as client:
            await client.execute("create table t (id int primary key, v text)")
            async with aiohttp.ClientSession(headers=headers) as http:
                async with http.get(url, params={"table": "nothing"}) as answer:
                    assert (answer.status, (await answer.json())["sqlstate"]) == (409, "42P01")
                async with http.get(url, params={"table": "t", "after": "1"}) as answer:
                    await client.execute("insert into t values (1, 'a'), (2, 'b')")
                    await client.execute("update t set v = 'c' where id = 2")
                    first = await _changes(answer, 3)
                await client.execute("delete from t where id = 1")
                after = str(first[-1]["resolved"])
                async with http.get(url, params={"table": "t", "after": after}) as answer:
                    second = await _changes(answer, 1)
        changes = [(one["operation"], one["old"], one["new"]) for one in first + second if "operation" in one]
        assert changes == [
            ("insert", None, {"id": 1, "v": "a"}),
            ("insert", None, {"id": 2, "v": "b"}),
            ("update", {"id": 2, "v": "b"}, {"id": 2, "v": "c"}),
            ("delete", {"id": 1, "v": "a"}, None),
        ]
        assert first[0].get("commit_timestamp", 0) <= first[-1]["resolved"]
    finally:
        server.request_stop()
        assert await asyncio.wait_for(running, 20) == 0


async def _changes(answer: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    """The lines up to the `resolved` after so many changes."""
    lines: list[dict[str, Any]] = []
    while sum("operation" in one for one in lines) < count or "resolved" not in lines[-1]:
        lines.append(json.loads(await asyncio.wait_for(answer.content.readline(), 20)))
    return lines
