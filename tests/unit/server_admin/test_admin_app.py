"""The admin address answers with the state of the server."""

from __future__ import annotations

import aiohttp

from datacave_server.admin import AdminServer
from datacave_server.config import Address
from datacave_server.metrics import MetricsRegistry


async def get(address: Address, path: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}{path}") as answer:
        return answer.status, answer.content_type, await answer.text()


async def test_answers_follow_the_state() -> None:
    reasons: dict[str, str | None] = {"health": None, "ready": "the server is starting"}
    metrics = MetricsRegistry()
    metrics.counter("datacave_x_total", "X.").value = 7
    admin = AdminServer(Address("127.0.0.1", 0), metrics, lambda: reasons["health"], lambda: reasons["ready"])
    address = await admin.start()
    try:
        status, content_type, text = await get(address, "/metrics")
        assert (status, content_type) == (200, "text/plain")
        assert "datacave_x_total 7\n" in text
        assert await get(address, "/health") == (200, "application/json", '{"status": "ok"}')
        starting = '{"status": "unavailable", "reason": "the server is starting"}'
        assert await get(address, "/ready") == (503, "application/json", starting)
        reasons["ready"] = None
        assert (await get(address, "/ready"))[0] == 200
        reasons["health"] = "fsync failed"
        assert [(await get(address, path))[0] for path in ("/health", "/ready")] == [503, 503]
        assert (await get(address, "/other"))[0] == 404
    finally:
        await admin.stop()
        await admin.stop()
