"""`datacave gen-password-hash`: prints what the configuration keeps instead of a password."""

from __future__ import annotations

import argparse
import sys
from getpass import getpass
from typing import Any

from datacave_protocol import make_verifier
from datacave_server.clock import SystemRandomness
from datacave_server.config import ConfigError

_DESCRIPTION = """\
Prints a SCRAM-SHA-256 verifier, which proves a password and does not reveal it:

  [[security.auth.users]]
  name = "ann"
  verifier = "SCRAM-SHA-256$4096:..."

Asks for the password twice without showing it; reads one line if standard input is not a terminal."""


def add_command(commands: Any) -> None:
    """Adds the command to the subparsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "gen-password-hash",
        help="turn a password into a verifier for the configuration",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--password", help="the password; others on this machine can see it in the process list")
    parser.set_defaults(run=_print_verifier)


def _print_verifier(options: argparse.Namespace) -> int:
    password = options.password if options.password is not None else _ask()
    if not password:
        raise ConfigError("the password is empty")
    print(make_verifier(password, SystemRandomness()))
    return 0


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise ConfigError("the passwords differ")
    return password
