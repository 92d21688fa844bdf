"""`datacave serve` and `datacave version`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from datacave_core.version import VERSION
from datacave_server import collector
from datacave_server.cli.settings import add_settings, load_settings
from datacave_server.config import Config
from datacave_server.log import set_up_logging

SWITCH_INTERVAL_SECONDS = 0.0005
"""How long a thread that has synced the log waits for a busy loop before it may interrupt: the usual 5 ms would be most
of the time of a commit."""

RunLoop: TypeAlias = Callable[[Coroutine[Any, Any, int]], int]

_SERVE = """\
Runs the database server until it gets SIGTERM or SIGINT (Ctrl-C).

Without options it listens on 127.0.0.1:5433, keeps its data in the folder .data of the working directory, and lets the
user admin into the database default without a password, from this machine only. An address that other machines can
reach needs users with passwords and TLS: see `datacave init` and `datacave gen-password-hash`.

Once clients can connect, it prints the addresses and a psql line. Messages go to standard error."""


def add_command(commands: Any, run_loop: RunLoop) -> None:
    """Adds the command to the subparsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "serve",
        help="run the database server",
        description=_SERVE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_settings(parser)
    parser.set_defaults(run=lambda options: _serve(options, run_loop))


def add_version(commands: Any) -> None:
    """Adds `datacave version`."""
    parser: argparse.ArgumentParser = commands.add_parser("version", help="print the version")
    parser.set_defaults(run=_version)


def _serve(options: argparse.Namespace, run_loop: RunLoop) -> int:
    config = load_settings(options).config
    set_up_logging(config.log.level, config.log.format)
    return run_loop(_run(config, lambda: load_settings(options).config))


async def _run(config: Config, reload: Callable[[], Config]) -> int:
    gc.disable()  # until clients can connect: loading makes no garbage worth looking for
    # imported here: the other commands need neither SQL nor storage, which take a second to load
    from datacave_server.assembly import DatabaseParts

    # imported here: it comes with the admin address and its HTTP library
    from datacave_server.lifecycle import Server

    return await Server(config, DatabaseParts(), announce, reload).run()


def announce(text: str) -> None:
    """Prints at once, also into a pipe, because others wait for it."""
    collector.set_up()
    collector.Collector().start(asyncio.get_running_loop())
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    print(text, flush=True)


def _version(options: argparse.Namespace) -> int:
    print(f"datacave {VERSION}")
    return 0
