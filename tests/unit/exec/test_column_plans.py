"""Do plans that work column by column give what plans that work row by row give?"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from datacave_core.errors import DatacaveError
from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql import Database
from datacave_sql.exec import pace
from datacave_sql.exec.column_operator import Frames
from datacave_sql.exec.column_scan import ColumnScan
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.plan import column_plans
from datacave_sql.vectors.vector import Frame
from tests.unit.statements import run

SETUP = """
create table f (k int primary key, g int, b bigint, n numeric(12,2), m numeric, x float8, t text, c char(4), d date,
                ts timestamp, o boolean);
create table r (k int primary key, name text, n numeric(8,3), big bigint);
"""

QUERIES = """
select count(*), count(g), sum(g), avg(b), min(d), max(n), sum(n), avg(n), min(t), max(c), bool_or(o), sum(m) from
  f

select g, count(*), sum(n * (1 - n)), sum(n + 0.001), min(m), max(ts), avg(g) from f group by g

select t, c, o, count(distinct g), sum(b) filter (where n > 5), array_agg(k order by k) from f group by t, c, o

select extract(year from d), sum(case when t like 'a%' then n * 2 else 0 end), sum(case o when true then 1 end)
  from f group by 1

select g, sum(case when b > 900 then n else 0 end), min(case when o then d end) from f where g > 2 or n is null
  group by g

select sum(g + k), sum(b * 2), count(*) from f where d < timestamp '2001-05-05 12:00' and n between 1.5 and 70 and
  c in ('ab', 'cd')

select sum(f.n * r.n), count(*), min(name) from f join r on f.g = r.k where name <> 'r3'

select r.k, count(f.k), sum(f.n) from r left join f on f.g = r.k and f.n > r.n group by r.k

select count(*), sum(b) from f where exists (select 1 from r where r.k = f.g and r.n < f.n)

select count(*), sum(b) from f where not exists (select 1 from r where r.big = f.b)

select count(*) from f a join f b on a.g = b.g and a.t = b.t where a.k < b.k

select count(*) from f a join f b on a.n = b.n and a.o = b.o

select a.g, sum(a.n) from f a join (select g, max(n) as top from f group by g) s on s.g = a.g and a.n = s.top group
  by a.g

select count(*) from f where b > (select avg(b) from f) and n > (select avg(i.n) from f i where i.g = f.g)

select g, variance(n), stddev(x), sum(x), string_agg(t, ',' order by k) from f group by g having count(*) > 3

select o, g % 3, count(*) from f where t is not null and not o group by o, g % 3

select sum(k) from f where coalesce(g, 7) = 7 and t ilike '%B%'

select max(k), 1 + count(*) from f where k > 20 and k <= 90

select count(*) from f where g in (1, 3, 5) and o

select d + 1, count(*) from f group by d + 1
"""


def numbers(random: Random, count: int) -> Iterator[str]:
    def some(text: str) -> str:
        return "null" if random.random() < 0.1 else text

    for k in range(count):
        yield ", ".join(
            (
                str(k), some(str(random.randrange(8))), some(str(random.randrange(2000))),
                some(f"{random.randrange(9000) / 100}"), some(random.choice(("1", "1.50", "-2.125", "1e20", "'NaN'"))),
                some(str(random.randrange(100) / 4)), some(f"'{random.choice(('ab', 'abc', 'b', ''))}'"),
                some(f"'{random.choice(('ab', 'cd', 'e'))}'"), some(f"date '2000-01-01' + {random.randrange(900)}"),
                some(f"timestamp '2000-01-01' + interval '{random.randrange(9000)} h'"),
                some(random.choice(("true", "false"))),
            )
        )  # fmt: skip


def filled() -> Database:
    clock = SimulatedClock(1_700_000_000_000_000)
    database = Database.open(MemoryStore(clock), clock, SeededRandomness(1))
    session = database.connect("admin")
    run(session, SETUP)
    run(session, "insert into f values " + ", ".join(f"({row})" for row in numbers(Random(4), 400)))
    run(session, "insert into r select i, 'r' || i, i * 1.25, i * 100 from generate_series(0, 11) i")
    return database


@pytest.fixture(scope="module")
def databases() -> tuple[Database, Database]:
    """The same data twice, so that plans are not shared."""
    return filled(), filled()


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every table goes by columns; the names of the tables that did."""
    seen: list[str] = []
    plain = ColumnScan.open_frames

    def watched(scan: ColumnScan, context: ExecutionContext) -> Frames:
        seen.append(scan.name)
        return plain(scan, context)

    monkeypatch.setattr(column_plans, "COLUMN_ROWS_MIN", 0.0)
    monkeypatch.setattr(ColumnScan, "open_frames", watched)
    return seen


def shown(rows: list[tuple[object, ...]]) -> list[str]:
    return sorted(map(repr, rows))


@pytest.mark.parametrize("query", QUERIES.strip().split("\n\n"))
def test_columns_give_the_rows_of_rows(databases: tuple[Database, Database], scans: list[str], query: str) -> None:
    by_columns = run(databases[1].connect("admin"), query)
    assert "f" in scans
    column_plans.COLUMN_ROWS_MIN = 4096.0
    by_rows = run(databases[0].connect("admin"), query)
    assert shown(by_columns) == shown(by_rows)
    assert by_rows


def test_filters_run_in_parts_however_small(
    databases: tuple[Database, Database], scans: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "select count(*), sum(k) from f where t ~ '[a-m]' and g > 1"
    parts: list[int] = []
    whole = Frame.part

    def counted(frame: Frame, start: int, stop: int) -> Frame:
        part = whole(frame, start, stop)
        parts.append(part.count)
        return part

    monkeypatch.setattr(pace, "SLICE_SECONDS", 0.0)  # whatever was done took too long
    monkeypatch.setattr(Frame, "part", counted)
    by_columns = run(databases[1].connect("admin"), query)
    assert "f" in scans
    assert len(parts) > 100
    assert set(parts[1:]) == {1}
    column_plans.COLUMN_ROWS_MIN = 4096.0
    assert run(databases[0].connect("admin"), query) == by_columns


def test_errors_are_raised_for_rows_that_qualify_only(databases: tuple[Database, Database], scans: list[str]) -> None:
    session = databases[1].connect("admin")
    assert run(session, "select count(*) from f where b is not null and case when g < 0 then g / 0 > 1 else true end")
    with pytest.raises(DatacaveError, match="out of range"):
        run(session, "select sum(g + 2147483647) from f where g > 0")
    session = databases[1].connect("admin")
    with pytest.raises(DatacaveError, match="division by zero"):
        run(session, "select sum(b / (g - g)) from f")
