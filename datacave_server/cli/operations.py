"""What `datacave checkpoint`, `datacave restore` and `datacave key rotate` do."""

from __future__ import annotations

import argparse
import errno
from pathlib import Path

from datacave_lsm import check_directory
from datacave_server.cli.datafiles import reading_seals
from datacave_server.cli.settings import load_settings
from datacave_server.commands import ask_server
from datacave_server.files import OsFileSystem
from datacave_server.lifecycle import LOCK_NAME, STORE_FOLDER
from datacave_server.storage import engine_options

COPY_BYTES = 1 << 20


def checkpoint(options: argparse.Namespace) -> int:
    """Asks the server for a checkpoint."""
    data_dir = Path(load_settings(options).config.storage.data_dir)
    facts = ask_server(data_dir, "checkpoint", {"name": options.name})
    size = facts["table_bytes"] + facts["log_bytes"]
    print(f"wrote {facts['folder']}: {facts['table_count']} tables, {facts['log_segments']} log segments, {size} bytes")
    return 0


def rotate(options: argparse.Namespace) -> int:
    """Asks the server for a rotation of its key, and prints the proof."""
    proof = ask_server(Path(load_settings(options).config.storage.data_dir), "key-rotate", {})
    print(f'all {sum(proof["live"].values())} live files are under master key "{proof["current"]}"')
    for name, key_id in proof["waiting"].items():
        print(f'{name} is under "{key_id}" and will be removed when its readers end')
    return 0


def restore(options: argparse.Namespace) -> int:
    """Copies a checkpoint into a new data directory."""
    config = load_settings(options).config
    source: Path = options.checkpoint
    if not source.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(source))
    report = check_directory(
        OsFileSystem(source, shared=True), reading_seals(config), engine_options(config).level_count
    )
    for finding in report.findings:
        if finding.error:
            print(f"{finding.file}: {finding.message}")
    if not report.sound:
        return 1
    root = OsFileSystem(options.target)
    if root.list():
        raise FileExistsError(errno.ENOTEMPTY, "the folder is not empty", str(options.target))
    file_count = bytes_copied = 0
    root.make_folder(STORE_FOLDER)
    for path in sorted(source.rglob("*")):
        name = f"{STORE_FOLDER}/{path.relative_to(source).as_posix()}"
        if path.is_dir():
            root.make_folder(name)
        elif path.name != "LOCK":
            bytes_copied += _copy(path, root, name)
            file_count += 1
    for folder in sorted({path.parent for path in source.rglob("*")}, reverse=True):
        root.sync_folder(f"{STORE_FOLDER}/{folder.relative_to(source).as_posix()}".removesuffix("/."))
    # Last: without it the folder is not taken for a data directory.
    root.create(LOCK_NAME).close()
    root.sync_folder()
    print(f"restored {file_count} files, {bytes_copied} bytes; `datacave serve --data-dir {options.target}` uses them")
    return 0


def _copy(path: Path, root: OsFileSystem, name: str) -> int:
    target = root.create(name)
    copied = 0
    try:
        with path.open("rb") as source:
            while data := source.read(COPY_BYTES):
                copied += len(data)
                while data:
                    data = data[target.write(data) :]
        target.sync()
    finally:
        target.close()
    return copied
