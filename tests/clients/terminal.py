"""A person at psql's prompt: psql on a pseudo terminal, keys typed in, and what the terminal shows.

Run: python -m tests.clients.terminal [--record]
Each line of terminal_lines.txt is typed with the tab key behind it, in one session on Datacave and one on PostgreSQL,
over the objects of shop/works.sql; what readline offers must be the same. With --record what PostgreSQL's session
offers is written to shop/completions.txt, which the tests read. The exit code is the number of lines that differ.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.servers import Target, find_program
from tests.clients.psql_commands import open_works
from tests.clients.twins import SHOP, twins

LINES = (Path(__file__).parent / "terminal_lines.txt").read_text(encoding="utf-8").splitlines()
RECORDED = SHOP / "completions.txt"
MARK = "----8<----"
ANSWER_SECONDS_MAX = 60
_READLINE = """set bell-style none
set completion-query-items -1
set page-completions off
set enable-bracketed-paste off
set show-all-if-ambiguous on
set print-completions-horizontally off
set completion-display-width 1
"""
_KILL_LINE = "\x15"
_NOT_SHOWN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x07\x08]")


class Terminal:
    """psql on a pseudo terminal of its own. Keys are typed by `type`; `until` reads what is shown."""

    def __init__(self, target: Target, environment: Mapping[str, str], *options: str) -> None:
        ours, theirs = pty.openpty()
        self._folder = tempfile.TemporaryDirectory()
        inputrc = Path(self._folder.name, "inputrc")
        inputrc.write_text(_READLINE, encoding="ascii")
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", str(find_program("psql")), "-X", *options],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=target.environment
            | {
                "LC_ALL": "C.UTF-8", "TERM": "dumb", "COLUMNS": "500", "LINES": "500", "PSQL_PAGER": "cat",
                "PSQL_HISTORY": "/dev/null", "INPUTRC": str(inputrc),
            }
            | environment,
        )  # fmt: skip
        os.close(theirs)
        self._ours = ours
        self._text = ""

    def type(self, keys: str) -> None:
        """Presses keys."""
        os.write(self._ours, keys.encode())

    def until(self, wanted: str) -> str:
        """What was shown up to and with `wanted`. Raises TimeoutError, EOFError with what was shown instead."""
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while wanted not in self._text:
            if not select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"{wanted!r} is not in {self._text!r}")
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # the other end is closed
                data = b""
            if not data:
                raise EOFError(f"{wanted!r} is not in {self._text!r}")
            self._text += _NOT_SHOWN.sub("", data.decode())
        shown, _, self._text = self._text.partition(wanted)
        return shown + wanted

    def close(self) -> None:
        """Ends psql."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)
        self._folder.cleanup()


def offered(target: Target, lines: Sequence[str]) -> list[str]:
    """What readline shows for each line with the tab key behind it."""
    terminal = Terminal(target, {}, "-v", "PROMPT1=> ", "-v", "PROMPT2=> ", "-v", "PROMPT3=> ")
    try:
        terminal.until("> ")
        found = []
        for line in lines:
            terminal.type(f"{line}\t{_KILL_LINE}\\echo {MARK}\n")
            shown = terminal.until(f"\n{MARK}\n")
            terminal.until("> ")
            found.append(shown.replace(f"\\echo {MARK}\n", "").replace(MARK, "").strip())
        return found
    finally:
        terminal.close()


def main() -> int:
    """Prints the lines that differ."""
    failed = 0
    with twins() as targets:
        for target in targets:
            open_works(target)
        ours, theirs = (offered(target, LINES) for target in targets)
    if "--record" in sys.argv:
        RECORDED.write_text(f"\n{MARK}\n".join(theirs) + "\n", encoding="utf-8")
    for line, mine, other in zip(LINES, ours, theirs, strict=True):
        if mine != other:
            failed += 1
            print(f"{line}\n  Datacave:   {mine!r}\n  PostgreSQL: {other!r}")
    print(f"{len(LINES) - failed} of {len(LINES)} lines are completed alike")
    return failed


if __name__ == "__main__":
    sys.exit(main())
