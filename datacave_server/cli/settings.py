"""Options that set configuration keys, shared by the commands that need a configuration."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from datacave_server.config import Loaded, load

CONFIG_VARIABLE = "DATACAVE_CONFIG"
CONFIG_NAME = "datacave.toml"
FLAGS = {
    "listen": ("server.listen", "HOST:PORT", "where clients connect; port 0 takes a free one [127.0.0.1:5433]"),
    "data-dir": ("storage.data_dir", "DIR", "folder of all data, made if missing [.data in the working directory]"),
    "metrics-listen": ("metrics.listen", "HOST:PORT", "where /metrics, /health, /ready are [127.0.0.1:9433]"),
    "log-level": ("log.level", "LEVEL", "debug, info, warning or error [info]"),
}


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds --config and one flag for each key of FLAGS."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help=f"configuration file [${CONFIG_VARIABLE}, or {CONFIG_NAME} in the working directory if it is there]",
    )
    for name, (path, metavar, text) in FLAGS.items():
        parser.add_argument(f"--{name}", metavar=metavar, dest=path, help=text)


def load_settings(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Loaded:
    """The configuration that the options, the environment and the file make. Raises ConfigError."""
    flags = {
        path: (f"--{name}", getattr(options, path))
        for name, (path, _, _) in FLAGS.items()
        if getattr(options, path) is not None
    }
    return load(config_file(options.config, environment), environment, flags)


def config_file(given: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The configuration file in use, or None."""
    if given is not None:
        return given
    if environment.get(CONFIG_VARIABLE):
        return Path(environment[CONFIG_VARIABLE])
    usual = Path(CONFIG_NAME)
    return usual if usual.exists() else None
