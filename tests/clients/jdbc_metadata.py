"""JDBC's DatabaseMetaData: what it says about the shop on Datacave and on PostgreSQL.

Run: python -m tests.clients.jdbc_metadata [--record]
With --record PostgreSQL's answers are written to shop/jdbc.txt, which the tests read. The exit code is the number of
questions whose answers differ.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.servers import Target
from tests.clients.twins import SHOP, open_shop, twins

SOURCE = Path(__file__).parent / "jdbc" / "Metadata.java"
DRIVER = Path(os.environ.get("POSTGRESQL_JDBC_JAR", "/usr/share/java/postgresql.jar"))
RECORDED = SHOP / "jdbc.txt"
_SPECIFIC = re.compile(r"\b(add|hire)_\d+\b")
UNORDERED = ("getTypeInfo", "getUDTs")


def compiled(folder: Path) -> Path:
    """The compiled program's folder."""
    subprocess.run(["javac", "-cp", DRIVER, "-d", folder, SOURCE], check=True, timeout=120)
    return folder


def said(target: Target, folder: Path) -> str:
    """What the program prints about the shop, without the oids of its routines."""
    url = f"jdbc:postgresql://127.0.0.1:{target.port}/{target.database}"
    done = subprocess.run(
        ["java", "-cp", f"{folder}:{DRIVER}", "Metadata", url, target.user, "shop"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
    if done.returncode != 0:
        raise RuntimeError(f"{target.name}: {done.stderr}")
    return _SPECIFIC.sub(r"\1_N", done.stdout)


def answers(text: str) -> dict[str, list[str]]:
    """The lines of each answer, in order where the question promises one."""
    found = {}
    for block in text.removeprefix("# ").split("\n# "):
        title, *lines = block.strip("\n").split("\n")
        if title.startswith("getIndexInfo"):
            lines = [_without_counts(line) for line in lines]
        found[title] = sorted(lines) if title in UNORDERED else lines
    return found


def _without_counts(line: str) -> str:
    """A row of getIndexInfo without CARDINALITY and PAGES, which PostgreSQL estimates."""
    cells = line.split(" | ")
    return " | ".join(cells[:10] + cells[12:])


def differing(ours: str, theirs: str) -> dict[str, list[str]]:
    """The lines that differ, by question."""
    mine, other = answers(ours), answers(theirs)
    found = {title: list(difflib.ndiff(lines, mine.get(title, []))) for title, lines in other.items()}
    return {
        title: [line for line in lines if line[0] in "+-"]
        for title, lines in found.items()
        if mine.get(title) != other[title]
    }


def main() -> int:
    """Prints what differs."""
    with tempfile.TemporaryDirectory() as name, twins() as targets:
        folder = compiled(Path(name))
        for target in targets:
            open_shop(target)
        ours, theirs = (said(target, folder) for target in targets)
    if "--record" in sys.argv:
        RECORDED.write_text(theirs, encoding="utf-8")
    found = differing(ours, theirs)
    for title, lines in found.items():
        print(f"{title}: " + "\n".join(lines))
    print(f"{len(answers(theirs)) - len(found)} of {len(answers(theirs))} questions have the same answer")
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
