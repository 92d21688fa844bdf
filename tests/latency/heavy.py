"""Heavy statements of many kinds, and the tables that they work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

SCHEMA = """
drop materialized view if exists copied;
drop table if exists big, doc, texts, parts, detail, small, spans, scratch cascade;
drop schema if exists many cascade;
create table big (id int primary key, g int, v double precision, s text);
insert into big select i, i % 1000, (i * 7919 % 100003)::float8, md5(i::text) from generate_series(1, 200000) i;
create table doc (id int primary key, j jsonb);
insert into doc select i, jsonb_build_object('a', i, 'b', jsonb_build_array(i, i + 1)) from generate_series(1, 20000) i;
create table texts (id int primary key, t text, j jsonb);
insert into texts select 1, string_agg(s, ' ' order by id), jsonb_agg(jsonb_build_object('id', id, 's', s)) from big;
create table small (id int primary key, v int);
insert into small select i, i from generate_series(1, 1000) i;
create table detail (id int primary key, small_id int references small on delete cascade, n int);
create index on detail (small_id);
insert into detail select i, i % 1000 + 1, i from generate_series(1, 50000) i;
create table spans (id int primary key, r int4range);
insert into spans select i, int4range(i * 10, i * 10 + 5) from generate_series(1, 20000) i;
create table parts (id int, k int, s text) partition by range (k);
create table scratch (id int, s text);
create materialized view copied as select i, md5(i::text) as s from generate_series(1, 200000) i;
create schema many;
"""

PARTITIONS = """
do $$ begin for i in 0..999 loop
    execute format('create table many.part%s partition of parts for values from (%s) to (%s)', i, i, i + 1);
end loop; end $$;
"""
TABLES = """
do $$ begin for i in 1..2000 loop
    execute format('create table many.table%s (id int primary key, a int, b text)', i);
end loop; end $$;
"""
TRIGGER = """
create or replace function counted() returns trigger language plpgsql as
$$ begin new.v = new.v + 1; return new; end $$;
create or replace trigger counted before update on small for each row execute function counted();
"""


@dataclass(frozen=True, slots=True)
class Heavy:
    """`prepare` is committed before, `before` runs in the same transaction; `alone`: not in a block."""

    statement: str
    prepare: str = ""
    before: str = ""
    parameters: tuple[Any, ...] | None = None
    alone: bool = False
    commit: bool = False

    def run(self, client: psycopg.Connection[Any]) -> None:
        """Runs it; `client.rollback()` is due then. Raises psycopg.Error."""
        if self.before:
            client.execute(self.before)
        if self.statement.lower().startswith("copy ") and "stdout" in self.statement:
            with client.cursor().copy(self.statement) as copy:
                for _ in copy:
                    pass
        else:
            client.execute(self.statement, self.parameters)
        if self.commit:
            client.commit()


def _numbers(count: int) -> str:
    return ", ".join(map(str, range(count)))


STATEMENTS = {
    "sort": "select * from big order by s, v desc offset 199999",
    "sort by two directions": "select * from big order by g desc, s offset 199999",
    "group": "select g, count(*), sum(v), min(s) from big group by g",
    "group by many": "select s, count(*) from big group by s having count(*) > 1",
    "group by many, all kept": "select count(*) from (select s, id, count(*), array_agg(v) from big group by s, id) x",
    "grouping sets": "select count(*) from (select g, s, v, count(*) from big group by cube (g, s, v)) x",
    "distinct": "select count(*) from (select distinct s, v from big) x",
    "distinct on": "select count(*) from (select distinct on (g, s) * from big order by g, s, v) x",
    "count distinct": "select count(distinct s), count(distinct v) from big",
    "ordered aggregate": "select length(string_agg(s, ',' order by v)) from big",
    "ordered-set aggregate": "select percentile_cont(0.5) within group (order by v), mode() within group (order by s)"
    " from big",
    "string_agg": "select length(string_agg(s, ',')) from big, generate_series(1, 5)",
    "union": "select count(*) from (select s, v from big union select s, v + 1 from big) x",
    "except": "select count(*) from (select s, v from big except select s, v + 1 from big) x",
    "hash join": "select count(*) from big a join big b on a.g = b.g and a.id < b.id",
    "join of many": "select sum(a.v + b.v) from big a join big b using (g)",
    "nested loop": "select count(*) from big a, big b where a.v < b.v",
    "subquery": "select count(*) from big a where g = 3 or exists (select 1 from big b where b.v = a.v + 0.5)",
    "not in": "select count(*) from big where v::text not in (select v::text || 'x' from big)",
    "array of a subquery": "select array_length(array(select s from big order by v), 1)",
    "lateral": "select count(*) from big a, lateral (select max(v) from big b where b.id < a.id % 5000) x",
    "regular expression": r"select count(*) from big where s ~ '(a|b)*c(\d+)[a-f]*e.*f$' and s !~ '^(0|1)+$'",
    "hostile regular expression": "select repeat('a', 5000) || 'b' ~ '^(a|a)*(a|aa)+$'",
    "hostile regular expression, rows": "select count(*) from big where repeat(s, 50) ~"
    " '^([a-f]|[0-9a-f])*([a-f]|[0-9a-f][0-9])+$'",
    "back reference": r"select count(*) from big where repeat(s, 20) ~ '(.+)(.+).*\1x\2$'",
    "regexp_replace of a big text": r"select length(regexp_replace(t, '([a-f]+)(\d)', '\2\1', 'g')) from texts",
    "regexp_matches of a big text": r"select count(*) from texts, regexp_matches(t, '[a-f]+\d', 'g')",
    "regexp_split of a big text": r"select array_length(regexp_split_to_array(t, '\s+'), 1) from texts",
    "string_to_table": "select count(*) from texts, string_to_table(t, ' ')",
    "like over a big text": "select t like '%0%1%2%3x%4%' from texts, generate_series(1, 200)",
    "replace in a big text": "select sum(length(replace(t, 'a', 'bcd'))) from texts, generate_series(1, 50)",
    "text search vector": "select length(to_tsvector('english', t)::text) from texts",
    "series": "select * from generate_series(1, 2000000) i offset 1999999",
    "series in an aggregate": "select sum(i * 2) from generate_series(1, 100000000) i",
    "set in the select list": "select count(*) from (select generate_series(1, 1000), id from big) x",
    "unnest": "select count(*) from (select array_agg(id) a from big) x, unnest(a)",
    "array operators": "select count(*) from (select array_agg(id) a from big where id < 20000) x where a <@ a",
    "json": "select sum((j->'b'->>1)::int), count(j #> '{b,0}'), jsonb_agg(j) is null from doc, generate_series(1, 50)",
    "jsonb_agg": "select length(jsonb_agg(to_jsonb(big))::text) from big",
    "json_agg": "select length(json_agg(big)::text) from big",
    "jsonb_object_agg": "select length(jsonb_object_agg(s, v)::text) from big",
    "jsonb of a big value": "select jsonb_array_length(j || j), j @> j, jsonb_set(j, '{5,id}', '1') is null from texts",
    "jsonb_pretty": "select length(jsonb_pretty(j)) from texts",
    "jsonb from text": "select jsonb_array_length(j::text::jsonb) from texts",
    "jsonpath": "select count(*) from texts, jsonb_path_query(j, '$[*] ? (@.id > 10 && @.s like_regex"
    ' "^a.*f$").id\') x',
    "jsonpath, recursive": "select count(*) from texts, jsonb_path_query(j, 'strict $.**') x",
    "jsonb_to_recordset": "select count(*) from texts, jsonb_to_recordset(j) as x(id int, s text)",
    "numeric of many digits": "select length((3::numeric ^ 200000)::text), length(sqrt(2::numeric ^ 100000)::text)",
    "factorial": "select length(factorial(25000)::text)",
    "costly rows": "select sum(length(repeat(md5(i::text), 20000))) from generate_series(1, 100000) i",
    "window": "select max(r) from (select row_number() over (partition by g order by s) r from big) x",
    "window frame": "select max(r) from (select sum(v) over (order by s rows between 500 preceding and 500"
    " following) r from big) x",
    "window of one partition": "select max(r) from (select ntile(7) over (order by s), rank() over (order by v) r from"
    " big) x",
    "recursion": "with recursive r(i) as (values (1) union select i + 1 from r where i < 999999) select max(i) from r",
    "arrays": "select array_length(array_agg(s), 1) from big, generate_series(1, 20)",
    "common table": "with x as materialized (select * from big) select count(*) from x a join x b using (id)",
    "update": "update big set v = v + 1",
    "update of an indexed column": "update detail set small_id = small_id % 1000 + 1",
    "insert from select": "insert into big select id + 1000000, g, v, s from big",
    "on conflict": "insert into big select * from big on conflict (id) do update set v = excluded.v + 1",
    "delete": "delete from big",
    "delete, cascading": "delete from small",
    "merge": "merge into big a using big b on a.id = b.id + 1000 when matched then update set v = b.v"
    " when not matched then do nothing",
    "select for update": "select count(*) from (select * from big for update) x",
    "plpgsql loop": "do $$ declare n bigint = 0; begin for i in 1..3000000 loop n = n + i; end loop; end $$",
    "plpgsql exceptions": "do $$ begin for i in 1..20000 loop begin perform 1 / 0; exception when others then null;"
    " end; end loop; end $$",
    "plpgsql over rows": "do $$ declare r record; begin for r in select * from big order by s loop null; end loop;"
    " end $$",
    "plpgsql text": "do $$ declare t text = ''; begin for i in 1..20000 loop t = t || md5(i::text); end loop; end $$",
    "notifications": "select count(pg_notify('x', id::text)) from big",
    "explain analyze": "explain analyze select * from big a join big b using (g) where a.v < b.v",
    "every version": "select count(*) from big for system_time all",
    "all rows to the client": "select * from big",
    "copy out": "copy big to stdout",
    "DDL: alter type": "alter table big alter v type numeric using v::numeric",
    "DDL: add column, volatile": "alter table big add column r float8 default random()",
    "DDL: add column, constant": "alter table big add column r float8 default 5",
    "DDL: add column, generated": "alter table big add column r text generated always as (upper(s)) stored",
    "DDL: drop column": "alter table big drop column s",
    "DDL: create index": "create index on big (s)",
    "DDL: create unique index": "create unique index on big (s, id)",
    "DDL: create index, expression": "create index on big (lower(s), (v * 2)) where g > 10",
    "DDL: create gin index": "create index on doc using gin (j)",
    "DDL: create text search index": "create index on big using gin (to_tsvector('simple', s))",
    "DDL: add primary key": "alter table scratch add primary key (id)",
    "DDL: add check": "alter table big add constraint long check (length(s) > 3)",
    "DDL: add foreign key": "alter table big add constraint has foreign key (g) references small",
    "DDL: add exclusion": "alter table spans add exclude using gist (r with &&)",
    "DDL: not null": "alter table big alter s set not null",
    "DDL: create table as": "create table made as select * from big",
    "DDL: refresh": "refresh materialized view copied",
    "DDL: reindex": "reindex table big",
    "DDL: cluster": "cluster big using big_pkey",
    "DDL: truncate": "truncate big",
    "DDL: drop": "drop table big cascade",
    "DDL: analyze": "analyze big",
}

HEAVY = {name: Heavy(statement) for name, statement in STATEMENTS.items()} | {
    "commit of many writes": Heavy("insert into scratch select id, s from big", commit=True),
    "update with trigger": Heavy("update small set v = v + 1 from generate_series(1, 1000)", prepare=TRIGGER),
    "rollback to a savepoint": Heavy("rollback to a", before="savepoint a; update big set v = v + 1"),
    "vacuum": Heavy("vacuum analyze big", alone=True),
    "vacuum full": Heavy("vacuum full big", alone=True),
    "long IN list": Heavy(f"select count(*) from big where id in ({_numbers(200_000)})"),
    "long IN list, texts": Heavy(
        "select count(*) from big where s in ('" + "', '".join(map(str, range(50_000))) + "')"
    ),
    "long array": Heavy("select count(*) from big where id = any (%s)", parameters=(list(range(500_000)),)),
    "long array of texts": Heavy(
        "select count(*) from big where s = any (%s)", parameters=([f"x{number}" for number in range(300_000)],)
    ),
    "many parameters": Heavy(
        "select count(*) from big where id in (" + ", ".join(["%s"] * 65_000) + ")", parameters=tuple(range(65_000))
    ),
    "many rows of VALUES": Heavy(
        "insert into scratch values " + ", ".join(f"({number}, 'text {number}')" for number in range(100_000))
    ),
    "many expressions in VALUES": Heavy(
        "insert into scratch values " + ", ".join(f"({number} + 1, 'text ' || {number})" for number in range(20_000))
    ),
    "long sum": Heavy("select " + " + ".join(map(str, range(3_000)))),
    "long array literal": Heavy(f"select array_length(array[{_numbers(200_000)}], 1)"),
    "long CASE": Heavy("select case v " + " ".join(f"when {n} then 'x{n}'" for n in range(5_000)) + " end from small"),
    "long OR": Heavy("select count(*) from small where " + " or ".join(f"v = {n} and id <> {n}" for n in range(2_000))),
    "many statements": Heavy("; ".join(f"select {number}" for number in range(20_000))),
    "text of 20 MB": Heavy("select length(%s::text), md5(%s)", parameters=("x y" * 7_000_000, "a")),
    "jsonb of 20 MB": Heavy("select jsonb_array_length(%s::jsonb)", parameters=(f"[{_numbers(2_500_000)}]",)),
    "plan over partitions": Heavy("select count(*) from parts where s = 'x' or k = 3", prepare=PARTITIONS),
    "join of partitions": Heavy("select count(*) from parts a join parts b using (k)", prepare=PARTITIONS),
    "update of partitions": Heavy("update parts set s = 'x' where id = 3", prepare=PARTITIONS),
    "DDL: many partitions": Heavy(PARTITIONS),
    "DDL: alter partitions": Heavy("alter table parts add column n int default 5", prepare=PARTITIONS),
    "DDL: drop partitions": Heavy("drop table parts", prepare=PARTITIONS),
    "DDL: many tables": Heavy(TABLES),
    "DDL: drop schema": Heavy("drop schema many cascade", prepare=TABLES),
    "catalogs of many tables": Heavy(
        "select count(*) from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on"
        " d.adrelid = c.oid and d.adnum = a.attnum where pg_table_is_visible(c.oid) or c.relkind = 'r'",
        prepare=TABLES,
    ),
    "information schema of many tables": Heavy("select count(*) from information_schema.columns", prepare=TABLES),
    "constraints of many tables": Heavy(
        "select count(pg_get_constraintdef(oid)), count(pg_get_indexdef(conindid)) from pg_constraint", prepare=TABLES
    ),
}
