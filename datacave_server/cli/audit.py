"""`datacave audit verify`: proves that an audit log is whole, or says which lines are not."""

from __future__ import annotations

import argparse
import errno
from pathlib import Path
from typing import Any

from datacave_server.audit import verify_audit
from datacave_server.files import OsFileSystem


def add_command(commands: Any) -> None:
    """Adds the command to the subparsers."""
    audit: argparse.ArgumentParser = commands.add_parser("audit", help="check an audit log")
    actions = audit.add_subparsers(title="commands", metavar="COMMAND", required=True)
    verify: argparse.ArgumentParser = actions.add_parser(
        "verify",
        help="check that no line was edited, removed, added or moved",
        description="Checks the chain of hashes of an audit log. Exits with 1 and names the lines if it is broken.",
    )
    verify.add_argument("file", type=Path, metavar="FILE", help="the audit log, audit.jsonl")
    verify.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    file: Path = options.file
    if not file.exists():
        raise FileNotFoundError(errno.ENOENT, "there is no such file", str(file))
    findings = verify_audit(OsFileSystem(file.parent, shared=True), file.name)
    for finding in findings:
        print(f"{file}: {finding}")
    if not findings:
        print(f"{file}: whole")
    return 1 if findings else 0
