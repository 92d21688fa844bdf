"""Specifications of definitions that change while others use them: session a changes a table inside a transaction,
session b comes with a statement that names what there was before, or what there will be, and a ends in both ways; b has
taken its snapshot before or not."""

from __future__ import annotations

from collections.abc import Iterator

from tests.isolation.spec import Session, Spec

CHANGES = {
    "add column": "alter table t add column n int default 7",
    "drop column": "alter table t drop column v",
    "rename column": "alter table t rename column v to n",
    "change type": "alter table t alter column v type text",
    "rename table": "alter table t rename to n",
    "drop table": "drop table t",
    "replace table": "drop table t; create table t (k int primary key, n text); insert into t values (5, 'new')",
    "truncate": "truncate t",
    "add check": "alter table t add constraint c check (v < 100)",
    "add unique": "alter table t add constraint c unique (v)",
    "set default": "alter table t alter column v set default 5",
    "not null": "alter table t alter column v set not null",
    "create index": "create index i on t (v)",
    "drop primary key": "alter table t drop constraint t_pkey",
    "rename index": "alter index t_pkey rename to i",
    "add foreign key": "alter table t add constraint f foreign key (v) references p",
    "create trigger": "create trigger g before update on t"
    " for each row execute function suppress_redundant_updates_trigger()",
    "enable security": "alter table t enable row level security",
}
STATEMENTS = {
    "select all": "select * from t order by k",
    "select new": "select n from t",
    "select old": "select v from t order by k",
    "select renamed": "select * from n order by k",
    "insert": "insert into t (k, v) values (3, 1)",
    "insert new": "insert into t (k, n) values (3, 1)",
    "insert wrong": "insert into t (k, v) values (3, 100), (4, null)",
    "insert twice": "insert into t (k, v) values (2, 1)",
    "update": "update t set v = 9 where k = 1",
    "update new": "update t set n = null where k = 1",
    "delete": "delete from t where k = 1",
    "upsert": "insert into t (k) values (1) on conflict (k) do update set v = 50",
    "lock": "select k from t where k = 1 for update",
    "join": "select count(*) from t join p using (k)",
    "drop new column": "alter table t drop column n",
    "add column": "alter table t add column n int",
    "drop": "drop table t",
    "truncate": "truncate t",
    "create index": "create index i on t (v)",
    "lock table": "lock table t in share mode",
    "view": "create view w as select * from t",
    "analyze": "vacuum t",
    "explain": "explain (costs off) select n from t",
    "prepare": "prepare s as select * from t order by k; execute s; deallocate s",
    "cursor": "declare z cursor for select * from t order by k; fetch all z; close z",
    "copy": "create table if not exists copied as select * from t",
    "comment": "comment on column t.n is 'x'",
    "grant": "grant select on t to public",
}

PERMUTATIONS = (
    ["begin_b", "change", "do_b", "commit_a", "commit_b", "left"],
    ["begin_b", "change", "do_b", "rollback_a", "commit_b", "left"],
    ["begin_b", "see_b", "change", "commit_a", "do_b", "commit_b", "left"],
)
LEVELS = ("read committed", "repeatable read")


def definition_specs() -> Iterator[Spec]:
    """All specifications."""
    for level in LEVELS:
        for change, first in CHANGES.items():
            for statement, second in STATEMENTS.items():
                yield _spec(f"{change} - {statement} {level}", level, first, second)


def _spec(name: str, level: str, first: str, second: str) -> Spec:
    tables = [
        "create table t (k int primary key, v int)",
        "insert into t values (1, 1), (2, 2)",
        "create table p (k int primary key)",
        "insert into p values (1), (2), (9)",
    ]
    left = "select count(*) from t; select attname, atttypid::regtype from pg_attribute where attnum > 0 and not"
    left += " attisdropped and attrelid = 't'::regclass order by attnum; select * from t order by k"
    sessions = [
        Session("a", "begin", "rollback", {"change": first, "commit_a": "commit", "rollback_a": "rollback"}),
        Session(
            "b",
            "",
            "rollback",
            {
                "begin_b": "select 1" if second.startswith("vacuum") else f"begin isolation level {level}",
                "see_b": "select count(*) from p",
                "do_b": second,
                "commit_b": "commit",
            },
        ),
        Session("c", steps={"left": left}),
    ]
    return Spec(
        name,
        tables,
        "drop view if exists w; drop table if exists t, n, p, copied",
        sessions,
        [*map(list, PERMUTATIONS)],
    )
