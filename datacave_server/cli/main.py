"""main: reads the arguments, runs a command, and turns failures into one line on standard error.

Exit codes: 0 done; 1 failed; 2 wrong arguments or configuration; 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from datacave_core.errors import DatacaveError
from datacave_server.cli import audit, configfile, password, serve, storage
from datacave_server.cli.serve import RunLoop
from datacave_server.config import ConfigError
from datacave_server.log import one_line

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

_DESCRIPTION = "Datacave: a SQL database that speaks PostgreSQL's protocol, on its own storage engine."
_EPILOG = """\
A first try:
  datacave serve
  psql "host=127.0.0.1 port=5433 user=admin dbname=default"

`datacave COMMAND --help` explains a command."""


def main(arguments: Sequence[str], run_loop: RunLoop) -> int:
    """Runs one command and returns the exit code. `run_loop` runs a coroutine in a fresh event loop."""
    parser = make_parser(run_loop)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except ConfigError as error:
        return _fail(str(error), EXIT_USAGE)
    except DatacaveError as error:
        return _fail(error.message, EXIT_FAILED, error.hint)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", EXIT_FAILED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def make_parser(run_loop: RunLoop) -> argparse.ArgumentParser:
    """The parser of all commands; each sets `run`, which takes the options and returns an exit code."""
    parser = argparse.ArgumentParser(
        prog="datacave",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve.add_command(commands, run_loop)
    configfile.add_commands(commands)
    password.add_command(commands)
    audit.add_command(commands)
    storage.add_commands(commands)
    serve.add_version(commands)
    return parser


def _fail(message: str, code: int, hint: str | None = None) -> int:
    print(f"datacave: error: {one_line(message)}", file=sys.stderr)
    if hint:
        print(f"datacave: hint: {one_line(hint)}", file=sys.stderr)
    return code
