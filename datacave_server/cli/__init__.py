"""The command line: `datacave serve` and its neighbours."""

from datacave_server.cli.main import main

__all__ = ["main"]
