"""The console: a page on the admin address for people: SQL, tables, plans, sessions, storage, health."""

from datacave_server.admin.console.access import ConsoleHost
from datacave_server.admin.console.routes import Console

__all__ = ["Console", "ConsoleHost"]
