"""`datacave init` writes a commented configuration file; `datacave config show` tells what is in effect, and why."""

from __future__ import annotations

import argparse
import errno
import os
from pathlib import Path
from typing import Any

import tomli_w

from datacave_server.cli.settings import CONFIG_NAME, add_settings, load_settings
from datacave_server.config import KEYS, inline, render_example, shown_value, to_document
from datacave_server.files import FILE_MODE


def add_commands(commands: Any) -> None:
    """Adds both commands to the subparsers."""
    init: argparse.ArgumentParser = commands.add_parser(
        "init",
        help="write a commented configuration file",
        description="Writes a configuration file in which every key stands commented out with its default.",
    )
    init.add_argument("file", nargs="?", type=Path, default=Path(CONFIG_NAME), metavar="FILE", help=f"[{CONFIG_NAME}]")
    init.add_argument("--force", action="store_true", help="overwrite the file if it is there")
    init.set_defaults(run=_init)

    config: argparse.ArgumentParser = commands.add_parser("config", help="look at the configuration")
    actions = config.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show: argparse.ArgumentParser = actions.add_parser(
        "show",
        help="print every key with its value and where the value comes from",
        description="Prints every key with its value in effect and where the value comes from.",
    )
    add_settings(show)
    show.add_argument("--toml", action="store_true", help="print a configuration file with all values instead")
    show.add_argument("--with-secrets", action="store_true", help="print keys and password verifiers too")
    show.set_defaults(run=_show)


def _init(options: argparse.Namespace) -> int:
    # The file may come to hold verifiers and keys: nobody else may read it.
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if options.force else os.O_EXCL)
    try:
        descriptor = os.open(options.file, flags, FILE_MODE)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "the file exists; --force overwrites it", str(options.file)) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(render_example())
    print(f"wrote {options.file}; `datacave serve --config {options.file}` uses it")
    return 0


def _show(options: argparse.Namespace) -> int:
    loaded = load_settings(options)
    if options.toml:
        document = to_document(loaded.values, with_secrets=options.with_secrets)
        print(tomli_w.dumps(document), end="")
        return 0
    for path, key in KEYS.items():
        value = inline(shown_value(key, loaded.values[path], with_secrets=options.with_secrets))
        print(f"{path} = {value}  # {loaded.origins[path]}")
    return 0
