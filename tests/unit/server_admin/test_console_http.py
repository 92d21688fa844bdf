"""The console over HTTP: who gets in, what is refused, and what statements answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from datacave_protocol import make_verifier
from datacave_server.assembly import DatabaseParts
from datacave_server.clock import SystemRandomness
from datacave_server.config import load
from datacave_server.lifecycle import Server

PASSWORD = "a good pass phrase"


@dataclass
class Browser:
    """What a page does: keeps cookies and sends the token."""

    http: aiohttp.ClientSession
    url: str
    token: str = ""

    async def post(self, name: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {"X-Datacave-Token": self.token, **headers}
        async with self.http.post(f"{self.url}/console/api/{name}", json=body or {}, headers=sent) as answer:
            text = await answer.text()
            if answer.content_type == "application/x-ndjson":
                return answer.status, [json.loads(line) for line in text.splitlines()]
            return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def log_in(self, user: str = "ann", password: str = PASSWORD) -> tuple[int, Any]:
        status, found = await self.post("login", {"user": user, "password": password, "database": "default"})
        self.token = found.get("token", "")
        return status, found

    async def run(self, sql: str, rows_max: int = 1000) -> list[Any]:
        status, lines = await self.post("query", {"sql": sql, "rows_max": rows_max})
        assert status == 200, lines
        return list(lines)


@contextlib.asynccontextmanager
async def console(folder: Path) -> AsyncIterator[tuple[Server, Browser]]:
    verifier = make_verifier(PASSWORD, SystemRandomness())
    text = f"""
server.listen = "127.0.0.1:0"
metrics.listen = "127.0.0.1:0"
storage.data_dir = {json.dumps(str(folder / "data"))}
log.level = "error"
[security.audit]
enabled = true
[security.auth]
rules = [
  {{ address = "loopback", method = "trust", user = "admin" }},
  {{ address = "loopback", method = "scram-sha-256" }},
]
users = [{{ name = "admin", superuser = true }}, {{ name = "ann", verifier = "{verifier}" }}]
"""
    (folder / "datacave.toml").write_text(text)
    (folder / "datacave.toml").chmod(0o600)
    server = Server(load(folder / "datacave.toml").config, DatabaseParts(), lambda text: None)
    running = asyncio.ensure_future(server.run())
    while not server.addresses:
        await asyncio.sleep(0.01)
    jar = aiohttp.CookieJar(unsafe=True)
    try:
        async with aiohttp.ClientSession(cookie_jar=jar) as http:
            yield server, Browser(http, f"http://{server.admin_address}")
    finally:
        server.request_stop()
        await running


async def test_who_gets_in_and_what_is_refused(tmp_path: Path) -> None:
    async with console(tmp_path) as (server, page):
        async with page.http.get(f"{page.url}/console/") as answer:
            assert answer.status == 200
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Frame-Options"] == "DENY"
        for file in ("console.js", "editor.js", "panels.js", "console.css", "icon.svg"):
            async with page.http.get(f"{page.url}/console/{file}") as answer:
                text = await answer.text()
                assert answer.status == 200
                assert "https://" not in text
                assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        async with page.http.get(f"{page.url}/console/../app.py") as answer:
            assert answer.status == 404
        assert (await page.post("query", {"sql": "SELECT 1"}))[0] == 401
        wrong, unknown = await page.log_in(password="wrong"), await page.log_in(user="nobody")
        assert wrong[0] == unknown[0] == 401
        assert wrong[1] | {"error": ""} == unknown[1] | {"error": ""}, "a wrong password and an unknown user look alike"
        status, me = await page.log_in()
        assert (status, me["user"]) == (200, "ann")
        cookie = next(iter(page.http.cookie_jar))
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert cookie.value not in json.dumps(me)
        # The cookie alone does nothing: not without the token, not from another site, not under another name.
        assert (await page.post("query", {"sql": "SELECT 1"}, **{"X-Datacave-Token": ""}))[0] == 403
        assert (await page.post("query", {"sql": "SELECT 1"}, Origin="http://evil.example"))[0] == 403
        assert (await page.post("query", {"sql": "SELECT 1"}, **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
        assert (await page.post("query", {"sql": "SELECT 1"}, Host="evil.example"))[0] == 421
        sent = {"Content-Type": "text/plain", "X-Datacave-Token": page.token}
        async with page.http.post(f"{page.url}/console/api/query", data="{}", headers=sent) as answer:
            assert answer.status == 400
        assert (await page.run("SELECT current_user"))[1] == {"rows": [["ann"]]}
        assert (await page.post("logout"))[0] == 200
        assert (await page.post("query", {"sql": "SELECT 1"}))[0] == 401
        assert server.addresses
    events = [json.loads(line) for line in (tmp_path / "data/audit/audit.jsonl").read_text().splitlines()]
    logins = [(one["user"], one["outcome"]) for one in events if one.get("interface") == "console"]
    assert logins == [("ann", "refused"), ("nobody", "refused"), ("ann", "ok")]
    assert PASSWORD not in (tmp_path / "data/audit/audit.jsonl").read_text()


async def test_statements_run_under_the_role(tmp_path: Path) -> None:
    async with console(tmp_path) as (_, page):
        admin = Browser(page.http, page.url)
        assert (await admin.log_in("admin", ""))[0] == 200, "trust on loopback holds for the console too"
        lines = await admin.run("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, NULL), (2, 'x'); TABLE t")
        assert [line.get("tag") for line in lines if "tag" in line] == ["CREATE TABLE", "INSERT 0 2", "SELECT 2"]
        assert {"columns": [["a", "integer"], ["b", "text"]]} in lines
        assert {"rows": [["1", None], ["2", "x"]]} in lines
        assert lines[-1] == {"end": "I"}
        (failed,) = [line["error"] for line in await admin.run("SELECT a,\n  c FROM t") if "error" in line]
        assert (failed["sqlstate"], failed["position"]) == ("42703", 13)
        assert (await admin.run("BEGIN"))[-1] == {"end": "T"}
        assert (await admin.run("SELECT 1 / 0"))[-1] == {"end": "E"}
        assert (await admin.run("ROLLBACK"))[-1] == {"end": "I"}
        assert any(line.get("notice") for line in await admin.run("DROP TABLE IF EXISTS missing"))
        (copied,) = [line["error"] for line in await admin.run("COPY t FROM STDIN") if "error" in line]
        assert copied["sqlstate"] in ("0A000", "57014")
        # Bounded: a result of any size shows so many rows, and a transaction around it goes on.
        lines = await admin.run("SELECT g FROM generate_series(1, 2000000) g", rows_max=100)
        assert sum(len(line.get("rows", ())) for line in lines) == 100
        assert {"truncated": 100} in lines
        await admin.run("BEGIN")
        lines = await admin.run("INSERT INTO t VALUES (3, 'y'); SELECT g FROM generate_series(1, 5000) g", rows_max=10)
        assert sum(len(line.get("rows", ())) for line in lines) == 10
        assert (await admin.run("COMMIT"))[-1] == {"end": "I"}
        assert {"rows": [["3"]]} in await admin.run("SELECT count(*) FROM t")
        status, plan = await admin.post("explain", {"sql": "SELECT * FROM t", "analyze": True})
        assert (status, plan["plan"][0]["Plan"]["Actual Rows"]) == (200, 3)
        form = {"sql": "SELECT a, b, 'q\"' AS c FROM t ORDER BY a", "token": admin.token}
        async with page.http.post(f"{page.url}/console/api/csv", data=form) as answer:
            assert await answer.text() == 'a,b,c\n1,,"q"""\n2,x,"q"""\n3,y,"q"""\n'
        async with page.http.post(f"{page.url}/console/api/csv", data=form | {"token": ""}) as answer:
            assert answer.status == 403
        status, schema = await admin.post("schema")
        assert [(one["schema"], one["name"]) for one in schema["tables"]] == [("public", "t")]
        status, columns = await admin.post("schema", {"relation": int(schema["tables"][0]["oid"])})
        assert [(one["name"], one["type"]) for one in columns["columns"]] == [("a", "integer"), ("b", "text")]
        status, facts = await admin.post("server")
        assert facts["broken"] is None
        assert "memtable_bytes" in facts["storage"]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            ann = Browser(http, page.url)
            await ann.log_in()
            (denied,) = [line["error"] for line in await ann.run("TABLE t") if "error" in line]
            assert denied["sqlstate"] == "42501"
            _, me = await admin.post("sessions")
            refused = await ann.post("cancel", {"pid": me["own"], "terminate": True})
            assert (refused[0], refused[1]["sqlstate"]) == (409, "42501")


async def test_statements_are_cancelled_from_both_sides(tmp_path: Path) -> None:
    async with console(tmp_path) as (server, page):
        await page.log_in("admin", "")
        running = asyncio.ensure_future(page.run("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.2)
        assert (await page.post("query", {"sql": "SELECT 1"}))[0] == 409
        assert (await page.post("stop"))[1] == {"done": True}
        lines = await asyncio.wait_for(running, 10)
        assert [line["error"]["sqlstate"] for line in lines if "error" in line] == ["57014"]
        address = server.addresses[0]
        dsn = f"host={address.host} port={address.port} user=admin dbname=default"
        async with await psycopg.AsyncConnection.connect(dsn) as other:
            pid = other.info.backend_pid
            sleeping = asyncio.ensure_future(other.execute("SELECT pg_sleep(60)"))
            await asyncio.sleep(0.2)
            _, found = await page.post("sessions")
            assert str(pid) in [one["pid"] for one in found["sessions"]]
            assert (await page.post("cancel", {"pid": pid}))[1] == {"done": True}
            with pytest.raises(psycopg.errors.QueryCanceled):
                await sleeping
            _, me = await page.post("sessions")
            await other.rollback()
            await other.execute("SELECT pg_terminate_backend(%s)", (me["own"],))
            await other.commit()
        await asyncio.sleep(0.1)
        assert (await page.post("query", {"sql": "SELECT 1"}))[0] == 401, "an ended session is logged out"
