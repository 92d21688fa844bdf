"""Do statements that put rows aside give what they give in memory, and do they leave nothing behind?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_core.wait import Wait
from datacave_sql import Database, DatabaseOptions, Session
from datacave_sql.exec.column_operator import Frames
from datacave_sql.exec.column_scan import ColumnScan
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.suspendable import Suspendable
from datacave_sql.exec.work_memory import MIB, MemoryPool
from datacave_sql.plan import column_plans
from tests.unit.statements import run

SETUP = """
create type mood as enum ('sad', 'ok', 'happy');
create table t (k int primary key, g int, s text, n numeric, f float8, iv interval, r int4range, j jsonb, a int[],
                m mood, d date, u uuid, b bytea, i inet);
insert into t select i, i % 97, md5((i % 1500)::text), (i % 700) / 8.0, nullif(i % 11, 3) / 2.0,
    make_interval(days => i % 5, secs => i), int4range(i % 9, 20), jsonb_build_object('a', i % 3, 'b', array[i, null]),
    array[i % 4, i], (array['sad', 'ok', 'happy'])[1 + i % 3]::mood, date '2020-01-01' + i % 400,
    md5((i % 50)::text)::uuid, decode(md5(i::text), 'hex'), ('10.0.0.' || i % 200)::inet
    from generate_series(1, 3000) i;
"""

ORDERED = """
select * from t order by s, k

select g, s, k from t order by g desc, s, k desc

select f, n, k from t order by f nulls first, n desc, k

select k, s from t order by s, k limit 2000 offset 100

select distinct on (s) s, k from t order by s, k desc

select distinct s, n from t order by s desc, n
"""

UNORDERED = """
select k, s, row_number() over (partition by s order by k), sum(n) over (partition by g order by k desc),
  lag(iv) over (order by f, k) from t

select s, i, m, d, u from t where k % 2 = 0 intersect select s, i, m, d, u from t where k % 3 <> 1

select s, k % 1000 from t except select s, k from t where k < 1200

select s from t except all select s from t where k % 3 = 0

select s, j from t intersect all select s, j from t where k % 3 <> 0

select a.k, b.k, b.s from t a, t b where a.k + b.k < 120

with c as materialized (select * from t) select x.k, y.s from c x join c y on x.k = y.k + 1000

with recursive c as (select k, s, n, 1 as round from t union all select k, s, n, round + 1 from c where round < 3)
  select count(*), count(distinct k), max(s), sum(round) from c

with recursive c(k, s, j) as (select k, s, j from t union select k / 2, s, j from c) select k, count(*) from c
  where k < 50 group by k

with a as (delete from t where false returning k), b as materialized (select k, s, j from t) select * from b

select a.k, b.s from t a join t b on a.s = b.s and a.k <> b.k

select a.k, b.k, b.j from t a left join (select * from t where k % 3 = 0) b on a.n = b.f and b.k < 2500 and a.i = b.i

select a.k, b.k, a.s, b.n from (select * from t where k % 2 = 0) a full join (select * from t where k % 3 = 0) b
  on a.g = b.n and a.k = b.k

select a.k, b.k from (select k, nullif(k, 7) x from t) a full join (select k, nullif(k, 8) x from t) b on a.x = b.x

select k from t a where exists (select 1 from t b where b.s = a.s and b.k > a.k)

select k from t a where not exists (select 1 from t b where b.s = a.s and b.k > a.k)

select s, count(*), sum(n), max(iv), array_agg(k order by k), min(m::text) from t group by s

select n, count(*), count(distinct k), string_agg(s, ',' order by k desc) from t group by n

select count(distinct s), count(distinct (s, k)), array_agg(distinct s), string_agg(s, ',' order by s, k) from t

select g, s, count(*), grouping(g, s), count(distinct k) from t group by grouping sets ((g), (s), (g, s), ())

select percentile_cont(0.5) within group (order by f), mode() within group (order by s),
  rank('5') within group (order by s) from t

select s, percentile_disc(0.5) within group (order by k), rank(9) within group (order by g) from t group by s

select k, count(*) filter (where g > 5), every(g > 3), array_agg(j), jsonb_agg(r) from t group by k

select distinct s, iv, r, j, a, m, d, u, b, i from t

select distinct on (s) s from t

select s from t union select md5(n::text) from t
"""


def make_database(pool: MemoryPool | None = None) -> Database:
    clock = SimulatedClock(1_700_000_000_000_000)
    options = DatabaseOptions(memory=pool or MemoryPool())
    database = Database.open(MemoryStore(clock), clock, SeededRandomness(1), options)
    run(database.connect("admin"), SETUP)
    return database


@pytest.fixture(scope="module")
def database() -> Database:
    return make_database()


def written(database: Database) -> int:
    return sum(files for files, _ in database.memory.temporary_files.values())


def queries(text: str) -> list[str]:
    return text.strip().split("\n\n")


@pytest.mark.parametrize("query", queries(ORDERED + "\n" + UNORDERED))
def test_rows_put_aside_come_back(database: Database, query: str) -> None:
    session = database.connect("admin")
    expected = run(session, query)
    files = written(database)
    run(session, "set work_mem = '64kB'; set hash_mem_multiplier = 1")
    found = run(session, query)
    if query in UNORDERED:
        found, expected = sorted(found, key=repr), sorted(expected, key=repr)
    assert found == expected
    assert written(database) > files, "nothing was put aside"
    assert database.memory.used == 0 and session.memory.temporary_bytes == 0


def test_a_statement_that_ends_early_leaves_nothing(database: Database) -> None:
    session = database.connect("admin")
    run(session, "set work_mem = '64kB'")
    steps = session.simple_query("select s, iv, k from t order by s, k")
    for step in steps:
        if isinstance(step, list):
            break
    assert session.memory.temporary_bytes > 0
    steps.close()
    assert database.memory.used == 0 and session.memory.temporary_bytes == 0


def test_temp_file_limit_ends_the_statement(database: Database) -> None:
    session = database.connect("admin")
    run(session, "set work_mem = '64kB'; set temp_file_limit = '100kB'")
    with pytest.raises(DatacaveError, match=r"temporary file size exceeds temp_file_limit \(100kB\)") as error:
        run(session, "select * from t order by s")
    assert error.value.sqlstate == "53400"
    assert database.memory.used == 0 and session.memory.temporary_bytes == 0


def test_big_files_are_logged_where_that_is_asked_for(database: Database) -> None:
    lines: list[str] = []
    session = database.connect("admin")
    database.log = lines.append
    run(session, "set work_mem = '64kB'; set log_temp_files = '1GB'; select s from t order by s")
    assert not lines
    run(session, "set log_temp_files = '0'; select s from t order by s")
    assert len(lines) == 1 and "temporary file of " in lines[0]
    counted = run(session, "select temp_files, temp_bytes from pg_stat_database where datname = current_database()")
    assert counted[0][0] == written(database) and int(str(counted[0][1])) > 100_000


def test_explain_analyze_tells_how_it_was_sorted(database: Database) -> None:
    session = database.connect("admin")
    explain = "explain (analyze, costs off, timing off, summary off) select k, s from t order by s"
    in_memory = "\n".join(str(row[0]) for row in run(session, explain))
    assert "Sort Method: quicksort  Memory: " in in_memory
    assert "Sort Method: top-N heapsort  Memory: " in "\n".join(
        str(row[0]) for row in run(session, explain + " limit 3")
    )
    run(session, "set work_mem = '64kB'")
    assert "Sort Method: external merge  Disk: " in "\n".join(str(row[0]) for row in run(session, explain))


def test_what_cannot_be_put_aside_ends_at_the_limit() -> None:
    database = make_database(MemoryPool(limit=64 * MIB, statement_limit=2 * MIB))
    session = database.connect("admin")
    with pytest.raises(DatacaveError, match="out of memory") as error:
        run(session, "select array_agg(s || repeat('x', 2000)) from t")
    assert error.value.sqlstate == "53200" and "limits.statement_memory_bytes" in (error.value.hint or "")
    assert run(session, "select count(*) from t") == [(3000,)]
    assert database.memory.used == 0


COLUMNS = """
select s, count(*), sum(n), max(d), min(f) from t group by s

select k, g, count(*), avg(f), count(distinct s) from t where f > 2 group by k, g

select count(distinct s), count(distinct (k + 1)), sum(distinct n), count(distinct n) filter (where g > 50) from t

select n, count(distinct s), min(s) from t group by n

select sum(a.f), count(b.n), max(b.s) from t a join t b on a.k = b.k and a.g = b.g

select count(*), sum(b.k), max(a.s) from t a join t b on a.s = b.s and a.k < b.k

select count(*), count(b.k), max(b.s) from t a left join (select k, s from t where k % 2 = 0) b on a.k = b.k

select count(*), sum(k) from t a where exists (select 1 from t b where b.k = a.k + 1 and b.f < a.f)

select count(*), sum(k) from t a where not exists (select 1 from t b where b.s = a.s and b.f < a.f)
"""


def in_small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Big tables come in many frames; so does this one."""
    whole = ColumnScan.open_frames

    def parts(scan: ColumnScan, context: ExecutionContext) -> Frames:
        for frame in whole(scan, context):
            if isinstance(frame, Wait):
                yield frame
            else:
                yield from (frame.part(start, start + 200) for start in range(0, frame.count, 200))

    monkeypatch.setattr(column_plans, "COLUMN_ROWS_MIN", 0.0)
    monkeypatch.setattr(ColumnScan, "open_frames", parts)


@pytest.mark.parametrize("query", queries(COLUMNS))
def test_columns_put_aside_come_back(database: Database, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    session = database.connect("admin")
    expected = run(session, query)
    in_small_frames(monkeypatch)
    other = database.connect("admin")
    run(other, "analyze t")
    files = written(database)
    run(other, "set work_mem = '64kB'; set hash_mem_multiplier = 1")
    found = run(other, query)
    assert "ColumnAggregate" in seen_operators(other, query)
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert written(database) > files, "nothing was put aside"
    assert database.memory.used == 0 and other.memory.temporary_bytes == 0


def seen_operators(session: Session, query: str) -> set[str]:
    """The classes of the operators of a query's plan."""
    compiled = session.compiler.cached(query)
    found: set[str] = set()
    pending = [compiled[0].operator]
    while pending:
        operator = pending.pop()
        found.add(type(operator).__name__)
        pending += (operator.child,) if isinstance(operator, Suspendable) else operator.children()
    return found


def test_cursors_keep_their_rows_on_disk(database: Database) -> None:
    session = database.connect("admin")
    rows = run(session, "select k, s from t order by k")
    files = written(database)
    run(session, "set work_mem = '64kB'")
    run(session, "begin; declare c scroll cursor with hold for select k, s from t order by k; commit")
    assert database.memory.used < 200_000 and session.memory.temporary_bytes > 100_000
    assert run(session, "fetch 3 from c") == rows[:3]
    assert run(session, "fetch absolute 2500 from c") == [rows[2499]]
    assert run(session, "fetch backward 1200 from c") == rows[1299:2499][::-1]
    assert run(session, "fetch relative 5 from c") == [rows[1304]]
    assert run(session, "fetch all from c") == rows[1305:]
    assert run(session, "fetch prior from c") == [rows[-1]]
    assert run(session, "fetch absolute -3000 from c") == [rows[0]]
    run(session, "close c")
    assert written(database) > files
    assert database.memory.used == 0 and session.memory.temporary_bytes == 0
