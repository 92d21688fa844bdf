"""The admin address: /metrics, /health, /ready and the console over HTTP. The only place that imports aiohttp."""

from datacave_server.admin.app import AdminServer
from datacave_server.admin.console import Console

__all__ = ["AdminServer", "Console"]
