"""AdminServer: the HTTP answers, and the socket they come from."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from datacave_server.config import Address
from datacave_server.metrics import MetricsRegistry

PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class AdminServer:
    """Serves /metrics, /health and /ready.

    `unhealthy` and `unready` return why the process is broken, or cannot serve right now, and None when all is well.
    """

    def __init__(
        self,
        listen: Address,
        metrics: MetricsRegistry,
        unhealthy: Callable[[], str | None],
        unready: Callable[[], str | None],
    ) -> None:
        self._listen = listen
        self._metrics = metrics
        self._unhealthy = unhealthy
        self._unready = unready
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        """The routes, without a socket."""
        app = web.Application()
        app.router.add_get("/metrics", self._answer_metrics)
        app.router.add_get("/health", self._answer_health)
        app.router.add_get("/ready", self._answer_ready)
        return app

    async def start(self) -> Address:
        """Listens, and returns the address with the port that was taken. Raises OSError."""
        # Signals belong to the lifecycle; scrapes every few seconds do not belong in the log.
        runner = web.AppRunner(self.application(), handle_signals=False, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._listen.host, self._listen.port).start()
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


def _status(reason: str | None) -> web.Response:
    """200 with {"status": "ok"}, or 503 with the reason."""
    if reason is None:
        return web.json_response({"status": "ok"})
    return web.json_response({"status": "unavailable", "reason": reason}, status=503)
