"""The admin address: /metrics, /health and /ready over HTTP. The only place that imports aiohttp."""

from datacave_server.admin.app import AdminServer

__all__ = ["AdminServer"]
