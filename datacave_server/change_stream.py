"""Change stream: what commits do to a table, as lines of JSON over HTTP, from a commit timestamp on, without end.

    {"commit_timestamp": 17..., "operation": "update", "old": {...}, "new": {...}}
    {"resolved": 17...}

After `resolved` everything up to that timestamp has been sent: a client that keeps the number and asks for what comes
after it gets each change once, whoever was killed in between.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from datacave_core.catalog import DEFAULT_DATABASE_NAME
from datacave_server.commands import CommandError
from datacave_sql import Change, ChangeFeed, Database, NamedDatabase, changed_table

POLL_SECONDS = 0.05
SILENCE_SECONDS_MAX = 5.0
"""How long nothing is said where nothing changes."""

CHANGES_PER_PIECE = 256


class ChangeStreams:
    """The streams of one database."""

    def __init__(self, database: Database, user: str) -> None:
        self._database = database
        self._user = user

    async def open(self, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """{"table": name, "after": commit timestamp, default now; "database": name} -> pieces of whole lines.

        Raises CommandError and DatacaveError before the first piece.
        """
        name, given = parameters.get("table", ""), parameters.get("after", "")
        if not name:
            raise CommandError("table is missing")
        if given and not given.isdigit():
            raise CommandError("after is a commit timestamp, a whole number")
        database = self._database
        session = database.connect(self._user, parameters.get("database", DEFAULT_DATABASE_NAME))
        try:
            table = changed_table(session, name)
        finally:
            session.close()
        feed = ChangeFeed(database, session.home, table)
        after = int(given) if given else feed.newest
        feed.check_kept(after)
        return self._lines(session.home, feed, table.oid, after)

    async def _lines(self, home: NamedDatabase, feed: ChangeFeed, oid: int, after: int) -> AsyncIterator[bytes]:
        catalog = home.catalog
        silent = SILENCE_SECONDS_MAX
        while True:
            if home.catalog is not catalog:
                # Columns may have come or gone; the rows so far went out as they were.
                catalog = home.catalog
                table = catalog.tables.get(oid)
                if table is None:
                    yield _line({"error": "the table has been dropped"})
                    return
                feed = ChangeFeed(self._database, home, table)
            newest = feed.newest
            changed = newest > after and feed.has_changed(after)
            if changed:
                for end, changes in feed.slices(after, newest):
                    for piece in _pieces(changes):
                        yield piece
                    yield _line({"resolved": end})
                    after = end
                    # Others are served between slices.
                    await asyncio.sleep(0)
                silent = 0.0
            elif silent >= SILENCE_SECONDS_MAX:
                silent = 0.0
                after = max(after, newest)
                yield _line({"resolved": after})
            await asyncio.sleep(POLL_SECONDS)
            silent += POLL_SECONDS


def _pieces(changes: Iterator[Change]) -> Iterator[bytes]:
    """Changes as lines, some of them at a time."""
    lines: list[bytes] = []
    for change in changes:
        old, new = change.old or "null", change.new or "null"
        lines.append(
            f'{{"commit_timestamp":{change.commit_timestamp},"operation":"{change.operation}",'
            f'"old":{old},"new":{new}}}\n'.encode()
        )
        if len(lines) >= CHANGES_PER_PIECE:
            yield b"".join(lines)
            lines = []
    yield b"".join(lines)


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"
