"""python -m tests.latency: do heavy statements leave room for others, and do they end when they are told to?

Starts a server of its own (or takes `--dsn`). First two heavy statements run over and over while another session does
point reads: their p99 and the longest one. Then each heavy statement is cancelled by the wire's CancelRequest and by
statement_timeout, and the time until its error arrives counts. The figures of the goals: p99 50 ms, longest 500 ms,
cancellation 100 ms.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time

import psycopg

from tests.regress.server import Server

SCHEMA = """
create table big (id int primary key, g int, v double precision, s text);
insert into big select i, i % 1000, (i * 7919 % 100003)::float8, md5(i::text) from generate_series(1, 200000) i;
create table doc (id int primary key, j jsonb);
insert into doc select i, jsonb_build_object('a', i, 'b', jsonb_build_array(i, i + 1)) from generate_series(1, 20000) i;
create table small (id int primary key, v int);
insert into small select i, i from generate_series(1, 1000) i;
create materialized view copied as select i, md5(i::text) as s from generate_series(1, 200000) i;
"""

HEAVY = {
    "sort": "select * from big order by s, v desc offset 199999",
    "sort by two directions": "select * from big order by g desc, s offset 199999",
    "group": "select g, count(*), sum(v), min(s) from big group by g",
    "group by many": "select s, count(*) from big group by s having count(*) > 1",
    "distinct": "select count(*) from (select distinct s, v from big) x",
    "count distinct": "select count(distinct s), count(distinct v) from big",
    "ordered aggregate": "select length(string_agg(s, ',' order by v)) from big",
    "hash join": "select count(*) from big a join big b on a.g = b.g and a.id < b.id",
    "join of many": "select sum(a.v + b.v) from big a join big b using (g)",
    "nested loop": "select count(*) from big a, big b where a.v < b.v",
    "subquery": "select count(*) from big a where g = 3 or exists (select 1 from big b where b.v = a.v + 0.5)",
    "regular expression": r"select count(*) from big where s ~ '(a|b)*c(\d+)[a-f]*e.*f$' and s !~ '^(0|1)+$'",
    "hostile regular expression": "select repeat('a', 5000) || 'b' ~ '^(a|a)*(a|aa)+$'",
    "series in an aggregate": "select sum(i * 2) from generate_series(1, 100000000) i",
    "set in the select list": "select count(*) from (select generate_series(1, 1000), id from big) x",
    "json": "select sum((j->'b'->>1)::int), count(j #> '{b,0}'), jsonb_agg(j) is null from doc, generate_series(1, 50)",
    "jsonb_agg": "select length(jsonb_agg(to_jsonb(big))::text) from big",
    "costly rows": "select sum(length(repeat(md5(i::text), 20000))) from generate_series(1, 100000) i",
    "window": "select max(r) from (select row_number() over (partition by g order by s) r from big) x",
    "recursion": "with recursive r(i) as (values (1) union select i + 1 from r where i < 999999) select max(i) from r",
    "arrays": "select array_length(array_agg(s), 1) from big, generate_series(1, 20)",
    "update": "update big set v = v + 1",
    "insert from select": "insert into big select id + 1000000, g, v, s from big",
    "DDL: alter type": "alter table big alter v type numeric using v::numeric",
    "DDL: add column, volatile": "alter table big add column r float8 default random()",
    "DDL: add column, constant": "alter table big add column r float8 default 5",
    "DDL: create index": "create index on big (s)",
    "DDL: create unique index": "create unique index on big (s, id)",
    "DDL: add check": "alter table big add constraint long check (length(s) > 3)",
    "DDL: not null": "alter table big alter s set not null",
    "DDL: create table as": "create table made as select * from big",
    "DDL: refresh": "refresh materialized view copied",
    "DDL: reindex": "reindex table big",
    "DDL: truncate": "truncate big",
    "DDL: drop": "drop table big cascade",
    "DDL: analyze": "analyze big",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.latency", description=__doc__)
    parser.add_argument("--dsn", help="a server that runs already")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each pair of heavy statements runs")
    parser.add_argument("--only", help="heavy statements whose name contains this")
    arguments = parser.parse_args()
    server = Server() if arguments.dsn is None else None
    dsn = arguments.dsn or server.conninfo if server is not None else arguments.dsn
    try:
        with psycopg.connect(dsn, autocommit=True) as client:
            client.execute("drop materialized view if exists copied; drop table if exists big, doc, small")
            client.execute(SCHEMA)
        wrong = 0
        for name, statement in HEAVY.items():
            if arguments.only is None or arguments.only in name:
                wrong += measure(dsn, name, statement, arguments.seconds)
        print(f"{wrong} figures beyond the goals")
        return 1 if wrong else 0
    finally:
        if server is not None:
            server.remove()


def measure(dsn: str, name: str, statement: str, seconds: float) -> int:
    """One line of figures; how many of them are beyond the goals."""
    others = _others_while(dsn, statement, seconds)
    p99 = statistics.quantiles(others, n=100)[98] * 1000 if len(others) > 1 else seconds * 1000
    longest = max(others) * 1000
    canceled = _until_error(dsn, statement, by_timeout=False) * 1000
    timed_out = _until_error(dsn, statement, by_timeout=True) * 1000
    flags = [p99 > 50, longest > 500, canceled > 100, timed_out > 100]
    marks = "".join(" !" if flag else "" for flag in flags)
    print(
        f"{name:30} others: {len(others):6} reads, p99 {p99:7.1f} ms, longest {longest:7.1f} ms;"
        f" cancel {canceled:6.1f} ms, timeout {timed_out:6.1f} ms{marks}",
        flush=True,
    )
    return sum(flags)


def _others_while(dsn: str, statement: str, seconds: float) -> list[float]:
    """Times of point reads while two sessions run a heavy statement over and over."""
    heavy = [psycopg.connect(dsn) for _ in range(2)]
    stop = threading.Event()

    def run(client: psycopg.Connection) -> None:
        while not stop.is_set():
            try:
                client.execute(statement)
                client.rollback()
            except psycopg.Error:
                client.rollback()

    threads = [threading.Thread(target=run, args=(client,)) for client in heavy]
    times: list[float] = []
    with psycopg.connect(dsn, autocommit=True) as client:
        client.execute("select v from small where id = %s", (1,))
        for thread in threads:
            thread.start()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            start = time.perf_counter()
            client.execute("select v from small where id = %s", (7,))
            times.append(time.perf_counter() - start)
            time.sleep(0.001)
    stop.set()
    for thread, client in zip(threads, heavy, strict=True):
        while thread.is_alive():
            client.cancel()
            thread.join(0.2)
        client.close()
    return times


def _until_error(dsn: str, statement: str, *, by_timeout: bool) -> float:
    """Seconds from the cancellation (or the end of 200 ms) to the error; 0 if the statement was over before."""
    with psycopg.connect(dsn) as client:
        if by_timeout:
            client.execute("set statement_timeout = 200")
            start = time.perf_counter() + 0.2
        else:
            start = time.perf_counter() + 0.2
            timer = threading.Timer(0.2, client.cancel)
            timer.start()
        try:
            client.execute(statement)
        except psycopg.errors.QueryCanceled:
            return max(time.perf_counter() - start, 0.0)
        except psycopg.Error:
            return 0.0
        finally:
            if not by_timeout:
                timer.join()
            client.rollback()
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
