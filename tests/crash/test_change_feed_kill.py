"""A reader of a change feed that goes on where it was, over kill -9 of the server: each change once, none missing."""

from __future__ import annotations

import threading
import time

import psycopg

from tests.regress.server import Server

KILLS = 2


def test_each_change_comes_once_over_kills() -> None:
    server = Server()
    try:
        with psycopg.connect(server.conninfo, autocommit=True) as setup:
            setup.execute("create table t (id int primary key, v int not null)")
            (start,) = setup.execute("select commit_timestamp()").fetchone() or (0,)
        acknowledged: dict[int, int] = {}
        seen: list[tuple[int, str, int, int]] = []
        ended = threading.Event()
        writer = threading.Thread(target=_write, args=(server, acknowledged, ended))
        reader = threading.Thread(target=_read, args=(server, start, seen, acknowledged, ended))
        writer.start()
        reader.start()
        try:
            for _ in range(KILLS):
                before = len(acknowledged)
                while len(acknowledged) < before + 50:
                    time.sleep(0.01)
                server.restart()
            before = len(acknowledged)
            while len(acknowledged) < before + 50:
                time.sleep(0.01)
        finally:
            ended.set()
            writer.join()
            reader.join()
        with psycopg.connect(server.conninfo, autocommit=True) as check:
            rows = dict(check.execute("select id, v from t").fetchall())
        assert [one[0] for one in seen] == sorted(one[0] for one in seen)
        replayed: dict[int, int] = {}
        for _, operation, key, value in seen:
            assert (operation == "insert") == (key not in replayed) and replayed.get(key, 0) + 1 == value
            replayed[key] = value
        assert replayed == rows
        assert all(rows[key] >= value for key, value in acknowledged.items())
    finally:
        server.remove()


def _write(server: Server, acknowledged: dict[int, int], ended: threading.Event) -> None:
    number = 0
    while not ended.is_set():
        try:
            with psycopg.connect(server.conninfo, autocommit=True) as client:
                while not ended.is_set():
                    number += 1
                    found = client.execute(
                        "insert into t values (%s, 1) on conflict (id) do update set v = t.v + 1 returning id, v",
                        (number % 40 if number % 2 else number,),
                    ).fetchone()
                    assert found is not None
                    acknowledged[found[0]] = found[1]
        except psycopg.OperationalError:
            time.sleep(0.05)


def _read(
    server: Server,
    after: int,
    seen: list[tuple[int, str, int, int]],
    acknowledged: dict[int, int],
    ended: threading.Event,
) -> None:
    last = False
    while True:
        try:
            with psycopg.connect(server.conninfo, autocommit=True) as client:
                while True:
                    # What is committed when the writer has ended is read once more.
                    last = ended.is_set()
                    rows = client.execute(
                        "select commit_timestamp, operation, (new_row::json ->> 'id')::int,"
                        " (new_row::json ->> 'v')::int from table_changes('t', %s)",
                        (after,),
                    ).fetchall()
                    seen += rows
                    after = max([after, *(row[0] for row in rows)])
                    if last:
                        return
                    time.sleep(0.02)
        except psycopg.OperationalError:
            time.sleep(0.05)
