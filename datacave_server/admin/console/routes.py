"""Console: the routes below /console: the page with its files, logging in and out, and what the page asks for.

Everything that does something is a POST with the token of the login; answers to statements are lines of JSON that go
out while the statement runs. Nothing is loaded from elsewhere, and the policy in the headers forbids it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from datacave_core.errors import DatacaveError
from datacave_server.admin.console.access import Access, ConsoleHost, ConsoleLogin, is_plain_host
from datacave_server.admin.console.questions import CANCEL, COLUMNS, EXPLAIN, SESSIONS, TABLES, TERMINATE
from datacave_server.admin.console.statements import Columns, ConsoleSession, Done, Event, Rows, Told, collect

COOKIE = "datacave_console"
CSRF_HEADER = "X-Datacave-Token"
ROWS_SHOWN_MAX = 10_000
BODY_BYTES_MAX = 4 * 1024 * 1024
CSV_PIECE_CHARACTERS = 64 * 1024

PAGES = {
    "": ("index.html", "text/html"),
    "console.css": ("console.css", "text/css"),
    "console.js": ("console.js", "text/javascript"),
    "editor.js": ("editor.js", "text/javascript"),
    "panels.js": ("panels.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_READS = re.compile(r"\s*(?:select|table|values)\b[^;]*;?\s*\Z", re.IGNORECASE)

Body = Mapping[str, Any]


class Console:
    """The console of one server; `open` makes it work once the database is there."""

    def __init__(
        self,
        storage: Callable[[], Mapping[str, Any]],
        health: Callable[[], tuple[str | None, str | None]],
    ) -> None:
        """`storage` gives the storage's statistics, `health` why the server is broken and why it is not ready."""
        self._storage = storage
        self._health = health
        self._access: Access | None = None
        self._pages = {path: ((files(__package__) / name).read_bytes(), kind) for path, (name, kind) in PAGES.items()}

    def open(self, host: ConsoleHost) -> None:
        """Lets people log in."""
        self._access = Access(host)

    def close(self) -> None:
        """Ends all logins."""
        access, self._access = self._access, None
        if access is not None:
            access.close()

    def add_routes(self, app: web.Application) -> None:
        """Adds the routes."""
        router = app.router
        router.add_get("/", self._to_console)
        router.add_get("/console", self._to_console)
        router.add_get("/console/api/me", self._me)
        router.add_get("/console/{path:[a-z.]*}", self._page)
        posts: dict[str, Callable[[ConsoleLogin, Body, web.Request], Any]] = {
            "query": self._query,
            "explain": self._explain,
            "schema": self._schema,
            "sessions": self._sessions,
            "cancel": self._cancel,
            "stop": self._stop,
            "server": self._server,
        }
        router.add_post("/console/api/login", self._log_in)
        router.add_post("/console/api/logout", self._log_out)
        router.add_post("/console/api/csv", self._csv)
        for name, answer in posts.items():
            router.add_post(f"/console/api/{name}", self._protected(answer))

    # Pages

    async def _to_console(self, request: web.Request) -> web.Response:
        return web.Response(status=308, headers={**HEADERS, "Location": "/console/"})

    async def _page(self, request: web.Request) -> web.Response:
        found = self._pages.get(request.match_info["path"])
        if found is None:
            return web.Response(status=404, text="There is no such page.", headers=HEADERS)
        body, kind = found
        return web.Response(body=body, headers={**HEADERS, "Content-Type": f"{kind}; charset=utf-8"})

    # Who is there

    def _refused(self, request: web.Request) -> web.Response | None:
        """The answer to requests that no page of ours can have made."""
        if not request.secure and not is_plain_host(request.host):
            reason = "Over HTTP the console answers only to an IP address or localhost in the address bar."
            return _json({"error": reason}, 421)
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return _json({"error": "The request comes from another site."}, 403)
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return _json({"error": "The request comes from another site."}, 403)
        if self._access is None:
            return _json({"error": "The server is starting or stopping."}, 503)
        return None

    def _login(self, request: web.Request) -> ConsoleLogin | None:
        return self._access.find(request.cookies.get(COOKIE)) if self._access is not None else None

    async def _me(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        login = self._login(request)
        return _json(_described(login) if login is not None else {"user": None})

    async def _log_in(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        access = self._access
        assert access is not None
        try:
            body = await _body(request)
            user, password, database = (_text(body, name) for name in ("user", "password", "database"))
            peer = request.transport.get_extra_info("peername") if request.transport is not None else None
            address = (peer[0], peer[1]) if peer else ("127.0.0.1", 0)
            cookie, login = await access.log_in(user, password, database, address, is_tls=request.secure)
        except DatacaveError as error:
            return _failed(error, 401)
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        access.log_out(request.cookies.get(COOKIE))
        answer = _json(_described(login))
        answer.set_cookie(COOKIE, cookie, path="/console", httponly=True, samesite="Strict", secure=request.secure)
        return answer

    async def _log_out(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        login = self._login(request)
        assert self._access is not None
        if login is not None and self._access.may_act(login, request.headers.get(CSRF_HEADER)):
            self._access.log_out(request.cookies.get(COOKIE))
        answer = _json({"user": None})
        answer.del_cookie(COOKIE, path="/console")
        return answer

    def _protected(self, answer: Callable[[ConsoleLogin, Body, web.Request], Any]) -> Any:
        """A route for those who have logged in, from the console's own page."""

        async def route(request: web.Request) -> web.StreamResponse:
            if (refused := self._refused(request)) is not None:
                return refused
            login = self._login(request)
            if login is None:
                return _json({"error": "Please log in.", "login": True}, 401)
            assert self._access is not None
            if not self._access.may_act(login, request.headers.get(CSRF_HEADER)):
                return _json({"error": "The token of the page is missing or wrong."}, 403)
            try:
                found: web.StreamResponse = await answer(login, await _body(request), request)
            except DatacaveError as error:
                return _failed(error, 409)
            except ValueError as error:
                return _json({"error": str(error)}, 400)
            return found

        return route

    async def _aside(self, login: ConsoleLogin, text: str) -> list[dict[str, str | None]]:
        """The rows of a query under the login's role, in a session of its own: the editor's may be busy."""
        assert self._access is not None
        session = ConsoleSession(self._access.host, login.user, login.database, login.address)
        try:
            return await collect(session, text)
        finally:
            session.close()

    # What the page asks for

    async def _query(self, login: ConsoleLogin, body: Body, request: web.Request) -> web.StreamResponse:
        text = _text(body, "sql")
        rows_max = min(int(body.get("rows_max", 1000)), ROWS_SHOWN_MAX)
        if login.lock.locked():
            return _json({"error": "A statement is running. Cancel it, or wait for its end."}, 409)
        async with login.lock:
            response = web.StreamResponse(headers={**HEADERS, "Content-Type": "application/x-ndjson"})
            await response.prepare(request)
            events = _limited(login.session.run(text), rows_max, stops=_may_stop(login, text))
            try:
                async with aclosing(events):
                    async for line in events:
                        await response.write(line)
            except DatacaveError as error:
                await response.write(_line(error=_error(error)))
            except ConnectionError:
                return response
            await response.write(_line(end=login.session.status))
            await response.write_eof()
            return response

    async def _csv(self, request: web.Request) -> web.StreamResponse:
        """A form of the page: the browser saves the answer as a file while it comes."""
        if (refused := self._refused(request)) is not None:
            return refused
        form = await request.post()
        login = self._login(request)
        assert self._access is not None
        if login is None or not self._access.may_act(login, str(form.get("token", ""))):
            return _json({"error": "Please log in."}, 403)
        session = ConsoleSession(self._access.host, login.user, login.database, login.address)
        try:
            pieces = _csv_pieces(session.run(str(form.get("sql", ""))))
            async with aclosing(pieces):
                try:
                    first = await anext(pieces, "")
                except DatacaveError as error:
                    return _failed(error, 409)
                headers = {
                    **HEADERS,
                    "Content-Type": "text/csv; charset=utf-8",
                    "Content-Disposition": 'attachment; filename="result.csv"',
                }
                response = web.StreamResponse(headers=headers)
                await response.prepare(request)
                await response.write(first.encode())
                try:
                    async for piece in pieces:
                        await response.write(piece.encode())
                except (DatacaveError, ConnectionError):
                    # Half a file must not pass for a whole one: the connection breaks off.
                    if request.transport is not None:
                        request.transport.abort()
                    return response
                await response.write_eof()
                return response
        finally:
            session.close()

    async def _explain(self, login: ConsoleLogin, body: Body, request: web.Request) -> web.Response:
        text = _text(body, "sql")
        analyze = body.get("analyze") is True
        if login.lock.locked():
            return _json({"error": "A statement is running. Cancel it, or wait for its end."}, 409)
        async with login.lock:
            rows = await collect(login.session, EXPLAIN.format(analyze="on" if analyze else "off") + text)
        plan = json.loads(rows[0]["QUERY PLAN"] or "[]") if rows else []
        return _json({"plan": plan, "status": login.session.status})

    async def _schema(self, login: ConsoleLogin, body: Body, request: web.Request) -> web.Response:
        relation = body.get("relation")
        if relation is None:
            return _json({"tables": await self._aside(login, TABLES)})
        return _json({"columns": await self._aside(login, COLUMNS.format(oid=int(relation)))})

    async def _sessions(self, login: ConsoleLogin, body: Body, request: web.Request) -> web.Response:
        return _json({"sessions": await self._aside(login, SESSIONS), "own": login.session.process_id})

    async def _cancel(self, login: ConsoleLogin, body: Body, request: web.Request) -> web.Response:
        question = TERMINATE if body.get("terminate") is True else CANCEL
        rows = await self._aside(login, question.format(pid=int(body.get("pid", 0))))
        return _json({"done": bool(rows) and rows[0]["done"] == "t"})

    async def _stop(self, login: ConsoleLogin, body: Body, request: web.Request) -> web.Response:
        """Cancels what the editor's own session does."""
        rows = await self._aside(login, CANCEL.format(pid=login.session.process_id))
        return _json({"done": bool(rows) and rows[0]["done"] == "t"})

    async def _server(self, login: ConsoleLogin, body: Body, request: web.Request) -> web.Response:
        broken, unready = self._health()
        facts = await self._aside(login, "SELECT version() AS version, pg_postmaster_start_time() AS started")
        return _json({"storage": dict(self._storage()), "broken": broken, "unready": unready, **facts[0]})


def _may_stop(login: ConsoleLogin, text: str) -> bool:
    """Whether nothing is lost when a statement is given up after the rows that are shown: one query, on its own."""
    return login.session.status == "I" and _READS.match(text) is not None


async def _limited(events: AsyncGenerator[Event], rows_max: int, *, stops: bool) -> AsyncGenerator[bytes]:
    """The lines of an answer, with at most so many rows of each result; the rest is read and left out, or not read."""
    shown = 0
    async for event in events:
        if isinstance(event, Columns):
            shown = 0
            yield _line(columns=event.columns)
        elif isinstance(event, Rows):
            rows = event.rows[: max(rows_max - shown, 0)]
            if rows:
                yield _line(rows=rows)
            if shown <= rows_max < shown + len(event.rows):
                yield _line(truncated=rows_max)
                if stops:
                    await events.aclose()
                    return
            shown += len(event.rows)
        elif isinstance(event, Done):
            yield _line(tag=event.tag)
        elif isinstance(event, Told):
            yield _line(notice=event.message, severity=event.severity)


async def _csv_pieces(events: AsyncGenerator[Event]) -> AsyncGenerator[str]:
    """CSV of the first result, as COPY ... WITH (FORMAT csv, HEADER) writes it: NULL is nothing, empty text is ""."""
    results = 0
    buffer: list[str] = []
    size = 0
    async for event in events:
        if isinstance(event, Columns):
            results += 1
            if results == 1:
                buffer.append(_csv_line([name for name, _ in event.columns]))
        elif isinstance(event, Rows) and results == 1:
            for row in event.rows:
                line = _csv_line(row)
                buffer.append(line)
                size += len(line)
            if size >= CSV_PIECE_CHARACTERS:
                yield "".join(buffer)
                buffer, size = [], 0
    yield "".join(buffer)


def _csv_line(row: list[str | None]) -> str:
    if None not in row and "" not in row:
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerow(row)
        return written.getvalue()
    return ",".join("" if value is None else _csv_value(value) for value in row) + "\n"


def _csv_value(value: str) -> str:
    if not value or any(letter in value for letter in ',"\n\r'):
        return '"' + value.replace('"', '""') + '"'
    return value


def _described(login: ConsoleLogin) -> dict[str, Any]:
    return {
        "user": login.user,
        "database": login.database,
        "token": login.csrf,
        "pid": login.session.process_id,
        "status": login.session.status,
        "busy": login.session.busy,
    }


async def _body(request: web.Request) -> Body:
    """The JSON object of a request. Raises ValueError; a form of another site cannot send this type."""
    if request.content_type != "application/json":
        raise ValueError("a JSON object is expected")
    if request.content_length is None or request.content_length > BODY_BYTES_MAX:
        raise ValueError("the request is too long")
    found = await request.json()
    if not isinstance(found, dict):
        raise ValueError("a JSON object is expected")
    return found


def _text(body: Body, name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is a text")
    return value


def _line(**fields: Any) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def _error(error: DatacaveError) -> dict[str, Any]:
    return {
        "message": error.message,
        "sqlstate": error.sqlstate,
        "detail": error.detail,
        "hint": error.hint,
        "position": error.position,
    }


def _failed(error: DatacaveError, status: int) -> web.Response:
    return _json({"error": error.message, **{k: v for k, v in _error(error).items() if k != "message"}}, status)


def _json(fields: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.json_response(dict(fields), status=status, headers=HEADERS)
