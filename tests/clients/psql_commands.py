"""psql's commands: what psql 15 shows of the shop on Datacave and on PostgreSQL, letter by letter.

Run: python -m tests.clients.psql_commands [--record]
Two chapters: the shop (shop/schema.sql, psql_commands.txt), and what works by itself (shop/works.sql with triggers,
rules, policies, partitions, operators; works_commands.txt). Each line of a list is run in one psql session on either
server. With --record what PostgreSQL's session shows is written to shop/psql.txt and shop/works.txt, which the tests
read. Left out on both sides is what PostgreSQL says about its built-in objects (Datacave has the objects, not the
texts), and how big things are. The exit code is the number of lines that differ.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.servers import Target, find_program
from tests.clients.twins import ROLES, SHOP, open_shop, psql, twins

MARK = "----8<----"
_OF_THE_DAY = (
    (re.compile(r"\b\d+ (bytes|kB|MB)"), "N bytes"),
    (re.compile(r" +\| *(N bytes) *"), r" | \1 "),
    (re.compile(r"N bytes *(?=\|)"), "N bytes "),
    (re.compile(r" *\| *Size *\|"), " | Size |"),
    (re.compile(r"^LOCATION: .*\n", re.MULTILINE), ""),
    (re.compile(r"^(SERVER_VERSION_NAME|VERSION|PORT|ROW_COUNT|SERVER_VERSION_NUM) = .*\n", re.MULTILINE), ""),
    (re.compile(r"psql:<stdin>:\d+: "), ""),
    (re.compile(r"-{3,}"), "---"),
    (re.compile(r" {2,}"), "  "),
    (re.compile(r" +$", re.MULTILINE), ""),
)


class Chapter(NamedTuple):
    """Commands about one schema: what makes its objects, the list, and where PostgreSQL's answers are recorded."""

    open: Callable[[Target], None]
    list_file: str
    recorded: Path

    @property
    def commands(self) -> list[str]:
        return (Path(__file__).parent / self.list_file).read_text(encoding="utf-8").splitlines()

    def records(self) -> dict[str, list[str]]:
        """What PostgreSQL's session shows for each command."""
        return by_command(self.commands, self.recorded.read_text(encoding="utf-8").split(f"{MARK}\n"))


def open_works(target: Target) -> None:
    """Makes the objects of shop/works.sql."""
    psql(target, ROLES + (SHOP / "works.sql").read_text(encoding="utf-8"))


SHOP_CHAPTER = Chapter(open_shop, "psql_commands.txt", SHOP / "psql.txt")
WORKS_CHAPTER = Chapter(open_works, "works_commands.txt", SHOP / "works.txt")


def by_command(commands: Sequence[str], texts: Sequence[str]) -> dict[str, list[str]]:
    """The texts by their commands, of which some stand in the list twice."""
    found: dict[str, list[str]] = {}
    for command, text in zip(commands, texts, strict=True):
        found.setdefault(command, []).append(text)
    return found


def shown(target: Target, commands: Sequence[str]) -> list[str]:
    """What psql shows for each command."""
    script = "".join(f"{command}\n\\echo {MARK}\n\\warn {MARK}\n" for command in commands)
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
    return [plain(out + error) for out, error in zip(outputs, errors, strict=True)][: len(commands)]


def plain(text: str) -> str:
    """Output without sizes, places in PostgreSQL's source, and the width that these gave to columns."""
    for pattern, instead in _OF_THE_DAY:
        text = pattern.sub(instead, text)
    return text


def compare(chapter: Chapter) -> int:
    """Prints what differs; the number of lines that do."""
    failed = 0
    commands = chapter.commands
    with twins() as targets:
        for target in targets:
            chapter.open(target)
        ours, theirs = (shown(target, commands) for target in targets)
    if "--record" in sys.argv:
        chapter.recorded.write_text(f"{MARK}\n".join(theirs), encoding="utf-8")
    for command, mine, other in zip(commands, ours, theirs, strict=True):
        if mine != other:
            failed += 1
            lines = difflib.unified_diff(other.splitlines(), mine.splitlines(), "PostgreSQL", "Datacave", "", "", 0, "")
            print(f"{command}\n" + "\n".join(list(lines)[2:]), flush=True)
    print(f"{len(commands) - failed} of {len(commands)} commands show the same")
    return failed


def main() -> int:
    """Both chapters."""
    return compare(SHOP_CHAPTER) + compare(WORKS_CHAPTER)


if __name__ == "__main__":
    sys.exit(main())
