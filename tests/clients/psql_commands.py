"""psql's commands: what psql 15 shows of the shop on Datacave and on PostgreSQL, letter by letter.

Run: python -m tests.clients.psql_commands [--record]
Each line of psql_commands.txt is run in one psql session on either server. With --record what PostgreSQL's session
shows is written to shop/psql.txt, which the tests read. Left out on both sides is what PostgreSQL says about its
built-in objects (Datacave has the objects, not the texts), and how big things are. The exit code is the number of
lines that differ.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from pathlib import Path

from bench.servers import Target, find_program
from tests.clients.twins import SHOP, open_shop, twins

COMMANDS = (Path(__file__).parent / "psql_commands.txt").read_text(encoding="utf-8").splitlines()
RECORDED = SHOP / "psql.txt"
MARK = "----8<----"
_OF_THE_DAY = (
    (re.compile(r"\b\d+ (bytes|kB|MB)"), "N bytes"),
    (re.compile(r" +\| *(N bytes) *"), r" | \1 "),
    (re.compile(r" *\| *Size *\|"), " | Size |"),
    (re.compile(r"^LOCATION: .*\n", re.MULTILINE), ""),
    (re.compile(r"^(SERVER_VERSION_NAME|VERSION|PORT|ROW_COUNT|SERVER_VERSION_NUM) = .*\n", re.MULTILINE), ""),
    (re.compile(r"psql:<stdin>:\d+: "), ""),
    (re.compile(r"-{3,}"), "---"),
    (re.compile(r" {2,}"), "  "),
    (re.compile(r" +$", re.MULTILINE), ""),
)


def shown(target: Target) -> list[str]:
    """What psql shows for each command."""
    script = "".join(f"{command}\n\\echo {MARK}\n\\warn {MARK}\n" for command in COMMANDS)
    done = subprocess.run(
        [find_program("psql"), "-X", "-v", "VERBOSITY=default"],
        input=script,
        env=target.environment | {"LC_ALL": "C.UTF-8", "PSQL_EDITOR": "cat", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    outputs, errors = done.stdout.split(f"{MARK}\n"), done.stderr.split(f"{MARK}\n")
    return [plain(out + error) for out, error in zip(outputs, errors, strict=True)][: len(COMMANDS)]


def plain(text: str) -> str:
    """Output without sizes, places in PostgreSQL's source, and the width that these gave to columns."""
    for pattern, instead in _OF_THE_DAY:
        text = pattern.sub(instead, text)
    return text


def main() -> int:
    """Prints what differs."""
    failed = 0
    with twins() as targets:
        for target in targets:
            open_shop(target)
        ours, theirs = map(shown, targets)
    if "--record" in sys.argv:
        RECORDED.write_text(f"{MARK}\n".join(theirs), encoding="utf-8")
    for command, mine, other in zip(COMMANDS, ours, theirs, strict=True):
        if mine != other:
            failed += 1
            lines = difflib.unified_diff(other.splitlines(), mine.splitlines(), "PostgreSQL", "Datacave", "", "", 0, "")
            print(f"{command}\n" + "\n".join(list(lines)[2:]), flush=True)
    print(f"{len(COMMANDS) - failed} of {len(COMMANDS)} commands show the same")
    return failed


if __name__ == "__main__":
    sys.exit(main())
