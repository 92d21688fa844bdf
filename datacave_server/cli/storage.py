"""The commands on storage and their options; what they do is in operations.py and datafiles.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from datacave_server.cli.settings import add_settings

_CHECKPOINT = """\
Lets the running server write its whole database of this moment into store/checkpoints/NAME of the data directory, while
it goes on serving. Table files are hard links, so it takes little time and space. The checkpoint contains every
transaction that was committed before. Copy the folder elsewhere for a backup, and remove it with rm -r."""

_RESTORE = """\
Makes a new data directory from a checkpoint, after checking every byte of it. `datacave serve --data-dir DIR` uses it,
with the master keys that the checkpoint was sealed with."""

_ROTATE = """\
Lets the running server read the keys of its configuration anew and put every file under the active one. First add the
new key to the configuration and make it security.encryption.active_key; keep the old one until the command says that
no file uses it. Checkpoints made before keep their keys."""


_INSPECT = """\
Prints what is in a log segment, a table or a manifest: header, layout, properties, and with --records every record or
row. Of a directory it prints levels and tables. Encrypted files need the configuration with their keys."""

_CHECK = """\
Reads every byte of a database that no server uses: all checksums or seals, the order of keys and versions, the levels,
the log, and files that do not belong. Exits with 1 if something is wrong. DIR is a data directory, its folder store, or
a checkpoint. Encrypted files need the configuration with their keys."""


def add_commands(commands: Any) -> None:
    """Adds the commands to the subparsers."""
    checkpoint = _parser(commands, "checkpoint", "write a consistent copy of a running server's database", _CHECKPOINT)
    checkpoint.add_argument("name", metavar="NAME", help="name of the checkpoint")
    add_settings(checkpoint)
    checkpoint.set_defaults(run=_checkpoint)

    restore = _parser(commands, "restore", "make a data directory from a checkpoint", _RESTORE)
    restore.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder of the checkpoint")
    restore.add_argument("target", type=Path, metavar="DIR", help="the new data directory")
    add_settings(restore)
    restore.set_defaults(run=_restore)

    key: argparse.ArgumentParser = commands.add_parser("key", help="manage the master keys of a running server")
    actions = key.add_subparsers(title="commands", metavar="COMMAND", required=True)
    rotate = _parser(actions, "rotate", "put every file under the active master key", _ROTATE)
    add_settings(rotate)
    rotate.set_defaults(run=_rotate)

    for name, short, long, metavar, run in (
        ("inspect", "print what is in a file or directory of a database", _INSPECT, "FILE|DIR", _inspect),
        ("check", "check all files of a database", _CHECK, "DIR", _check),
    ):
        parser: argparse.ArgumentParser = commands.add_parser(
            name, help=short, description=long, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("path", type=Path, metavar=metavar)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        if name == "inspect":
            parser.add_argument("--records", action="store_true", help="print every record or row")
        add_settings(parser)
        parser.set_defaults(run=run)


def _parser(commands: Any, name: str, short: str, long: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=short, description=long, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser


def _checkpoint(options: argparse.Namespace) -> int:
    # imported here: the other commands need no storage, which takes a while to load
    from datacave_server.cli.operations import checkpoint

    return checkpoint(options)


def _restore(options: argparse.Namespace) -> int:
    # imported here: see above
    from datacave_server.cli.operations import restore

    return restore(options)


def _rotate(options: argparse.Namespace) -> int:
    # imported here: see above
    from datacave_server.cli.operations import rotate

    return rotate(options)


def _inspect(options: argparse.Namespace) -> int:
    # imported here: see above
    from datacave_server.cli.datafiles import inspect

    return inspect(options)


def _check(options: argparse.Namespace) -> int:
    # imported here: see above
    from datacave_server.cli.datafiles import check

    return check(options)
