"""Entry point of the program `datacave`; the one place that chooses the event loop."""

from __future__ import annotations

import sys

import uvloop

from datacave_server.cli import main as run_command


def main() -> None:
    """Runs the command line and exits with its code."""
    sys.exit(run_command(sys.argv[1:], uvloop.run))


if __name__ == "__main__":
    main()
