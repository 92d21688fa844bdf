"""Tools and frameworks: the catalog queries of DBeaver, pgAdmin 4, DataGrip, Prisma, PostgREST and others, beside
PostgreSQL 15.

Run: python -m tests.clients.tools [--record]
Asks both servers the questions of tool_queries.sql about the shop and compares columns and rows, with the oids of
users' objects replaced by what they stand for. With --record PostgreSQL's answers are written to shop/tools.json, which
the tests read. The exit code is the number of answers that differ.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.clients.answers import Answer, Asked, differences
from tests.clients.twins import SHOP, open_shop, twins

RECORDED = SHOP / "tools.json"
QUERIES = Path(__file__).parent / "tool_queries.sql"
_PARAMETER = re.compile(r"%\((\w+)\)s")
OBJECTS = {"schema": "SELECT 'shop'::regnamespace::oid", "table": "SELECT 'shop.buyers'::regclass::oid"}


def questions() -> Iterator[tuple[str, str]]:
    """(tool and question, query)."""
    for block in QUERIES.read_text(encoding="utf-8").split("\n--: ")[1:]:
        title, _, query = block.partition("\n")
        yield title, query.strip()


def filled(asked: Asked, query: str) -> str:
    """A query with the oids of this server in it."""
    oids = {}
    for name, of in OBJECTS.items():
        row = asked.connection.execute(of.encode()).fetchone()
        assert row is not None
        oids[name] = str(row[0])
    return _PARAMETER.sub(lambda found: oids[found[1]], query).replace("%%", "%")


def recorded() -> dict[str, Answer]:
    """PostgreSQL's answers by question, as they were recorded."""
    found = json.loads(RECORDED.read_text(encoding="utf-8"))
    return {
        title: Answer(tuple(map(tuple, columns)), tuple(map(tuple, rows))) for title, (columns, rows) in found.items()
    }


def main() -> int:
    """Prints what differs."""
    failed, count = 0, 0
    kept: dict[str, tuple[object, object]] = {}
    with twins() as targets:
        asked = []
        for target in targets:
            open_shop(target)
            asked.append(Asked(target))
            asked[-1].learn()
        for title, query in questions():
            ours, theirs = (one.answer(filled(one, query)) for one in asked)
            found = differences(ours, theirs)
            kept[title] = (theirs.columns, sorted(theirs.rows, key=str))
            count += 1
            if not theirs.columns:
                found = [f"PostgreSQL refuses it: {theirs.rows}"]
            if found:
                failed += 1
                print(f"{title}: " + "\n".join(found), flush=True)
    if "--record" in sys.argv:
        RECORDED.write_text(json.dumps(kept, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{count - failed} of {count} questions have the same answer")
    return failed


if __name__ == "__main__":
    sys.exit(main())
