"""Specifications of constraints between sessions, made at each isolation level: unique, deferrable and exclusion
constraints, ON CONFLICT, and foreign keys with every action.

Session a and session b do one thing each; they meet in every order, end in both ways, and b has taken its snapshot
before or not. A third one shows what is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.isolation.spec import Session, Spec

LEVELS = ("read committed", "repeatable read", "serializable")
ACTIONS = ("no action", "restrict", "cascade", "set null", "set default")

PERMUTATIONS = (
    ["do_a", "do_b", "commit_a", "commit_b", "left"],
    ["do_a", "do_b", "rollback_a", "commit_b", "left"],
    ["do_b", "do_a", "commit_b", "commit_a", "left"],
    ["see_b", "do_a", "commit_a", "do_b", "commit_b", "left"],
    ["see_b", "see_a", "do_b", "do_a", "rollback_b", "commit_a", "left"],
)

_UNIQUE = ("create table t (k int primary key, u int unique, v int)", "insert into t values (1, 1, 0), (2, 2, 0)")
_LATE = (
    "create table t (k int primary key, u int unique deferrable initially deferred, v int)",
    "insert into t values (1, 1, 0), (2, 2, 0)",
)
_EXCLUDED = (
    "create table t (k int primary key, r int4range, v int, exclude using gist (r with &&))",
    "insert into t values (1, '[0,10)', 0)",
)
_EXCLUDED_LATE = (
    "create table t (k int primary key, r int4range, v int,"
    " exclude using gist (r with &&) deferrable initially deferred)",
    "insert into t values (1, '[0,10)', 0)",
)
_PAIRS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "insert-insert": (_UNIQUE, "insert into t values (3, 3, 1)", "insert into t values (3, 4, 2)"),
    "insert-move": (_UNIQUE, "insert into t values (3, 3, 1)", "update t set k = 3 where k = 1"),
    "move-move": (_UNIQUE, "update t set u = 3 where k = 1", "update t set u = 3 where k = 2"),
    "delete-insert": (_UNIQUE, "delete from t where k = 1", "insert into t values (1, 5, 2)"),
    "delete-other": (_UNIQUE, "delete from t where k = 1", "insert into t values (3, 1, 2)"),
    "leave-other": (_UNIQUE, "update t set u = 7 where k = 1", "insert into t values (3, 1, 2)"),
    "leave-many": (_UNIQUE, "update t set u = 7 where k = 1", "insert into t values (3, 1, 2), (4, 4, 4)"),
    "leave-move": (_UNIQUE, "update t set u = 7 where k = 1", "update t set u = 1 where k = 2"),
    "delete-nothing": (_UNIQUE, "delete from t where k = 1", "insert into t values (1, 5, 2) on conflict do nothing"),
    "insert-nothing": (
        _UNIQUE,
        "insert into t values (3, 3, 1)",
        "insert into t values (3, 9, 2) on conflict do nothing",
    ),
    "insert-upsert": (
        _UNIQUE,
        "insert into t values (3, 3, 1)",
        "insert into t values (3, 9, 2) on conflict (k) do update set v = t.v + 10",
    ),
    "update-upsert": (
        _UNIQUE,
        "update t set v = v + 1 where k = 1",
        "insert into t values (1, 9, 2) on conflict (k) do update set v = t.v + 10",
    ),
    "late-insert-insert": (_LATE, "insert into t values (3, 3, 1)", "insert into t values (4, 3, 2)"),
    "late-swap": (_LATE, "update t set u = 3 - u", "insert into t values (3, 3, 1)"),
    "late-delete-insert": (_LATE, "delete from t where k = 1", "insert into t values (3, 1, 1)"),
    "exclude-insert": (_EXCLUDED, "insert into t values (2, '[20,30)', 1)", "insert into t values (3, '[25,40)', 2)"),
    "exclude-move": (_EXCLUDED, "update t set r = '[20,30)' where k = 1", "insert into t values (3, '[25,40)', 2)"),
    "exclude-leave": (_EXCLUDED, "update t set r = '[50,60)' where k = 1", "insert into t values (3, '[5,12)', 2)"),
    "exclude-delete": (_EXCLUDED, "delete from t where k = 1", "insert into t values (3, '[5,12)', 2)"),
    "exclude-nothing": (
        _EXCLUDED,
        "insert into t values (2, '[20,30)', 1)",
        "insert into t values (3, '[25,40)', 2) on conflict do nothing",
    ),
    "late-exclude": (
        _EXCLUDED_LATE,
        "insert into t values (2, '[20,30)', 1)",
        "insert into t values (3, '[25,40)', 2)",
    ),
}
_LATE_OR_NOT = ("", " deferrable initially deferred")
_PARENTS = {
    "delete": "delete from p where k = 1",
    "move": "update p set k = 8 where k = 1",
    "touch": "update p set v = 1",
}
_CHILDREN = {
    "insert": "insert into t values (2, 1, 2)",
    "refer": "update t set u = 1 where k = 3",
    "leave": "update t set u = 2 where k = 1",
    "gone": "delete from t where k = 1",
}


def constraint_specs() -> Iterator[Spec]:
    """All specifications."""
    for level in LEVELS:
        for name, (tables, first, second) in _PAIRS.items():
            yield _spec(f"{name} {level}", tables, level, first, second)
        for action, late, parent, child in product(ACTIONS, _LATE_OR_NOT, _PARENTS, _CHILDREN):
            if (late and (action != "no action" or parent == "touch")) or (parent == "touch" and action != "cascade"):
                continue
            tables = (
                "create table p (k int primary key, v int)",
                "insert into p values (0, 0), (1, 0), (2, 0)",
                "create table t (k int primary key, u int default 0 references p"
                f" on delete {action} on update {action}{late}, v int)",
                "insert into t values (1, 1, 0), (3, 2, 0)",
            )
            name = f"{action}{late} {parent}-{child} {level}"
            yield _spec(name, tables, level, _PARENTS[parent], _CHILDREN[child])


def _spec(name: str, tables: tuple[str, ...], level: str, first: str, second: str) -> Spec:
    sessions = []
    for letter, text in (("a", first), ("b", second)):
        steps = {
            f"see_{letter}": "select count(*) from t",
            f"do_{letter}": text,
            f"commit_{letter}": "commit",
            f"rollback_{letter}": "rollback",
        }
        sessions.append(Session(letter, f"begin isolation level {level}", "rollback", steps))
    left = "select * from t order by k" + (
        "; select * from p order by k" if tables[0].startswith("create table p") else ""
    )
    sessions.append(Session("c", steps={"left": left}))
    return Spec(name, list(tables), "drop table if exists t, p", sessions, [list(one) for one in PERMUTATIONS])
