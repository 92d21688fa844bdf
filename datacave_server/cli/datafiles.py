"""What `datacave inspect` and `datacave check` do: look into the files of a database."""

from __future__ import annotations

import argparse
import errno
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from datacave_core.errors import DatacaveError
from datacave_lsm import Seals, check_directory, inspect_directory, inspect_file
from datacave_server.cli.settings import load_settings
from datacave_server.clock import SystemRandomness
from datacave_server.config import Config
from datacave_server.files import OsFileSystem
from datacave_server.lifecycle import STORE_FOLDER
from datacave_server.storage import engine_options, key_ring, master_keys

LOCK = "LOCK"
VALUE_CHARACTERS_MAX = 60


def inspect(options: argparse.Namespace) -> int:
    """Prints what is in a file or directory."""
    config = load_settings(options).config
    path: Path = options.path
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, "there is no such file or directory", str(path))
    if path.is_dir():
        files, name = OsFileSystem(_store_folder(path), shared=True), ""
        facts = inspect_directory(files, reading_seals(config), engine_options(config).level_count)
    else:
        # The name as errors and manifests have it: with the folder of its kind.
        folder = path.absolute().parent
        name = f"{folder.name}/{path.name}" if folder.name in ("tables", "wal") else path.name
        files = OsFileSystem(folder.parent if "/" in name else folder, shared=True)
        facts = inspect_file(files, name, reading_seals(config), records=options.records)
    print(json.dumps(facts, indent=2) if options.json else "\n".join(_lines(facts)))
    return 0


def check(options: argparse.Namespace) -> int:
    """Checks a directory; 1 if something is wrong."""
    config = load_settings(options).config
    if not options.path.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such directory", str(options.path))
    folder = _store_folder(options.path)
    files = OsFileSystem(folder, shared=True)
    release: Callable[[], None] | None = None
    try:
        if files.exists(LOCK):
            release = files.lock(LOCK)
        report = check_directory(files, reading_seals(config), engine_options(config).level_count)
    except BlockingIOError:
        raise DatacaveError(
            f"{folder} is in use by a server",
            hint="Stop the server, or check a checkpoint of it (datacave checkpoint).",
        ) from None
    finally:
        if release is not None:
            release()
    if options.json:
        print(json.dumps({**asdict(report), "sound": report.sound}, indent=2))
    else:
        for finding in report.findings:
            print(f"{'error' if finding.error else 'note'}: {finding.file}: {finding.message}")
        for hint in dict.fromkeys(finding.hint for finding in report.findings if finding.hint):
            print(f"hint: {hint}")
        tables = f"{report.tables} tables with {report.entries} versions ({report.table_bytes} bytes)"
        log = f"{report.log_segments} log segments with {report.log_commits} commits"
        print(f"{folder}: {'sound' if report.sound else 'NOT SOUND'}; {tables}, {log}")
    return 0 if report.sound else 1


def _store_folder(path: Path) -> Path:
    inner = path / STORE_FOLDER
    return inner if inner.is_dir() else path


def reading_seals(config: Config) -> Seals:
    """Opens files with the configured keys; plain ones, too."""
    ring = key_ring(config, master_keys(config))
    if ring is None:
        return Seals()
    ring.allow_plain = True  # looking at a plain file harms nobody
    return Seals(ring, SystemRandomness())


def _lines(facts: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Names and values; lists of alike objects as tables."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{indent}{name}:"
            yield from _table(value, f"{indent}  ")
        else:
            yield f"{indent}{name}: {_shown(value)}"


def _table(rows: list[dict[str, Any]], indent: str) -> Iterator[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_shown(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(names))]
    for row in cells:
        yield indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _shown(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    text = json.dumps(value)
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[:VALUE_CHARACTERS_MAX]}..."
