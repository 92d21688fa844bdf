"""AdminServer: the HTTP answers, and the socket they come from.

What only looks is open to everybody who reaches the address. Commands change things: they need the token that the
server writes into its data directory, so that who may use them is who may read the data.
"""

from __future__ import annotations

import hmac
import json
import ssl
from collections.abc import Callable

from aiohttp import web

from datacave_core.errors import DatacaveError
from datacave_server.admin.console import Console
from datacave_server.commands import CommandError, Commands
from datacave_server.config import Address, ConfigError
from datacave_server.metrics import MetricsRegistry

END_SECONDS = 1.0
"""How long a shutdown waits for open streams, which have no end of their own."""

PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class AdminServer:
    """Serves /metrics, /health and /ready; to those who know the token of `commands` also POST /commands/NAME and
    GET /streams/NAME, and with a `console` its page below /console/. With `tls` everything over HTTPS.

    `unhealthy` and `unready` return why the process is broken, or cannot serve right now, and None when all is well.
    """

    def __init__(
        self,
        listen: Address,
        metrics: MetricsRegistry,
        unhealthy: Callable[[], str | None],
        unready: Callable[[], str | None],
        commands: Commands | None = None,
        console: Console | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._listen = listen
        self._metrics = metrics
        self._unhealthy = unhealthy
        self._unready = unready
        self._commands = commands
        self._console = console
        self._tls = tls
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        """The routes, without a socket."""
        app = web.Application()
        app.router.add_get("/metrics", self._answer_metrics)
        app.router.add_get("/health", self._answer_health)
        app.router.add_get("/ready", self._answer_ready)
        if self._commands is not None:
            app.router.add_post("/commands/{name}", self._answer_command)
            app.router.add_get("/streams/{name}", self._answer_stream)
        if self._console is not None:
            self._console.add_routes(app)
        return app

    async def start(self) -> Address:
        """Listens, and returns the address with the port that was taken. Raises OSError."""
        # Signals belong to the lifecycle; scrapes every few seconds do not belong in the log.
        runner = web.AppRunner(self.application(), handle_signals=False, access_log=None, shutdown_timeout=END_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._listen.host, self._listen.port, ssl_context=self._tls).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        return Address(self._listen.host, runner.addresses[0][1])

    async def stop(self) -> None:
        """Closes the socket and all connections; without a start it does nothing."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _answer_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render().encode(), headers={"Content-Type": PROMETHEUS_TYPE})

    async def _answer_health(self, request: web.Request) -> web.Response:
        return _status(self._unhealthy())

    async def _answer_ready(self, request: web.Request) -> web.Response:
        return _status(self._unhealthy() or self._unready())

    def _refused(self, request: web.Request) -> web.Response | None:
        """The answer to whoever does not know the token."""
        assert self._commands is not None
        given = request.headers.get("Authorization", "").encode()
        if hmac.compare_digest(given, f"Bearer {self._commands.token}".encode()):
            return None
        return web.json_response({"error": "the token is missing or wrong"}, status=401)

    async def _answer_command(self, request: web.Request) -> web.Response:
        commands = self._commands
        assert commands is not None
        if (refused := self._refused(request)) is not None:
            return refused
        try:
            parameters = await request.json()
            if not isinstance(parameters, dict):
                raise CommandError("parameters are a JSON object")
            return web.json_response(await commands.run(request.match_info["name"], parameters))
        except (ValueError, CommandError, ConfigError, DatacaveError, OSError) as error:
            return _failed(error)

    async def _answer_stream(self, request: web.Request) -> web.StreamResponse:
        commands = self._commands
        assert commands is not None
        if (refused := self._refused(request)) is not None:
            return refused
        try:
            pieces = await commands.open(request.match_info["name"], dict(request.query))
        except (CommandError, DatacaveError) as error:
            return _failed(error)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        try:
            async for piece in pieces:
                await response.write(piece)
        except DatacaveError as error:
            await response.write(json.dumps({"error": error.message, "sqlstate": error.sqlstate}).encode() + b"\n")
        except ConnectionError:
            # The client has gone; it asks again from where it is.
            return response
        await response.write_eof()
        return response


def _failed(error: Exception) -> web.Response:
    """The answer to a command that failed."""
    if isinstance(error, DatacaveError):
        answer = {"error": error.message, "hint": error.hint, "sqlstate": error.sqlstate}
        return web.json_response(answer, status=409)
    return web.json_response({"error": str(error)}, status=500 if isinstance(error, OSError) else 400)


def _status(reason: str | None) -> web.Response:
    """200 with {"status": "ok"}, or 503 with the reason."""
    if reason is None:
        return web.json_response({"status": "ok"})
    return web.json_response({"status": "unavailable", "reason": reason}, status=503)
