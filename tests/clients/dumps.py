"""Dumps: pg_dump and pg_restore of PostgreSQL 15 between PostgreSQL and Datacave, both ways, in every format.

Run: python -m tests.clients.dumps [--record]
The shop of shop/schema.sql goes from PostgreSQL to Datacave, back, and from Datacave to Datacave; each time the plain
dump of where it arrived must be, to the letter, the plain dump of where it came from. With --record PostgreSQL's dump
is written to shop/postgresql.dump, which the tests read. The objects of shop/works.sql (triggers, PL/pgSQL, rules,
policies, partitions, casts, ranges) go from PostgreSQL to Datacave, whose dump must have the same entries in any order;
PostgreSQL's is shop/works.dump. From there on pg_dump's options are compared on both, line by line.
"""

from __future__ import annotations

import difflib
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.servers import Target
from tests.clients.psql_commands import open_works
from tests.clients.twins import ROLES, SHOP, datacave, open_shop, postgresql, psql, run

RECORDED = SHOP / "postgresql.dump"
WORKS = SHOP / "works.dump"
FORMATS = ("plain", "custom", "directory", "tar")
OPTIONS = (
    "--clean --if-exists",
    "--data-only --disable-triggers",
    "--schema-only",
    "--inserts --on-conflict-do-nothing",
    "--column-inserts",
    "--no-owner --no-privileges",
    "--section=pre-data",
    "--section=data",
    "--section=post-data",
    "--schema=works",
    "--exclude-schema=works",
    "--table=works.jobs",
    "--exclude-table-data=works.*",
    "--serializable-deferrable --load-via-partition-root",
    "--use-set-session-authorization --disable-dollar-quoting",
    "--encoding=LATIN1 --no-comments --schema=works",
)
_OF_THE_DAY = re.compile(r"^(\\(un)?restrict .*|-- Dumped (from|by) .*)\n", re.MULTILINE)

_ROWS = re.compile(r"^(COPY [^\n]* FROM stdin;\n)(.*?)(^\\\.\n)", re.MULTILINE | re.DOTALL)


def dump(target: Target) -> str:
    """The plain dump of a server, without what differs from one run to the next; rows have no order and get one."""
    return plain(run(target, "pg_dump"))


def plain(text: str) -> str:
    """A dump as `dump` gives it."""
    return _ROWS.sub(_sorted, _OF_THE_DAY.sub("", text))


def _sorted(rows: re.Match[str]) -> str:
    return rows[1] + "".join(sorted(rows[2].splitlines(keepends=True))) + rows[3]


def move(source: Target, to: Target, form: str, roles: bool = True) -> None:
    """Carries the database over in one of the formats; directories with two processes at each end."""
    if roles:
        psql(to, ROLES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dump")
        jobs = ("--jobs=2",) if form == "directory" else ()
        run(source, "pg_dump", f"--format={form}", *jobs, f"--file={path}")
        if form == "plain":
            run(to, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", path)
        else:
            run(to, "pg_restore", "--exit-on-error", *jobs, f"--dbname={to.database}", path)


def difference(before: str, after: str) -> str:
    """The lines in which two dumps differ."""
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=0))


def entries(text: str) -> list[str]:
    """The entries of a plain dump, sorted."""
    return sorted(re.sub(r"^--.*\n", "", entry, flags=re.MULTILINE).strip() for entry in text.split("\n\n\n--\n"))


def works_lost() -> str:
    """How Datacave's dump of what works by itself differs from PostgreSQL's, from which it was loaded."""
    with postgresql() as first, datacave() as other:
        open_works(first)
        wanted = dump(first)
        if "--record" in sys.argv:
            WORKS.write_text(wanted, encoding="utf-8")
        psql(other, ROLES + wanted)
        return difference("\n".join(entries(wanted)), "\n".join(entries(dump(other))))


def options_lost() -> Iterator[tuple[str, str]]:
    """(options, how the lines of Datacave's dump with them differ from those of PostgreSQL's, from which it came)."""
    with postgresql() as first, datacave() as other:
        open_works(first)
        psql(other, ROLES + "CREATE ROLE works_boss;" + dump(first))
        for words in OPTIONS:
            texts = [plain(run(target, "pg_dump", *words.split())) for target in (first, other)]
            before, after = ("\n".join(sorted(text.splitlines())) for text in texts)
            yield f"pg_dump {words}", difference(before, after)


def journeys() -> Iterator[tuple[str, str]]:
    """(what was done, how the dumps differ)."""
    yield "what works by itself, PostgreSQL to Datacave", works_lost()
    yield from options_lost()
    with postgresql() as first:
        open_shop(first)
        wanted = dump(first)
        if "--record" in sys.argv:
            RECORDED.write_text(wanted, encoding="utf-8")
        for form in FORMATS:
            with datacave() as middle:
                move(first, middle, form)
                yield f"PostgreSQL to Datacave, {form}", difference(wanted, dump(middle))
                with postgresql() as last:
                    move(middle, last, form)
                    yield f"Datacave to PostgreSQL, {form}", difference(wanted, dump(last))
                with datacave() as other:
                    move(middle, other, form)
                    yield f"Datacave to Datacave, {form}", difference(wanted, dump(other))


def main() -> int:
    """Prints each journey; the exit code is how many lost something on the way."""
    failed = 0
    for name, lost in journeys():
        print(f"{name}: {lost or 'the same'}", flush=True)
        failed += bool(lost)
    return failed


if __name__ == "__main__":
    sys.exit(main())
