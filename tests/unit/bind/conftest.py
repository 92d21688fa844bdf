"""A database in memory with a few tables, and functions that bind statements against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from datacave_core.memory import MemoryStore, SeededRandomness, SimulatedClock
from datacave_sql import Database, Session
from datacave_sql.bind.binder import bind_statement
from datacave_sql.parse import parse_statements

SCHEMA = """
create table t(id serial primary key, a int not null default 5, b text unique, c numeric(10,2) check (c > 0));
create table u(id int references t, x varchar(10) unique, y int generated always as (id * 2) stored);
create view v as select t.*, u.x from t left join u using (id) where t.a in (1, 2);
create sequence free;
create type mood as enum ('sad', 'happy');
create domain positive as int check (value > 0);
"""


@pytest.fixture(scope="session")
def session() -> Session:
    database = Database.open(MemoryStore(), SimulatedClock(), SeededRandomness(1))
    opened = database.connect("admin")
    for _ in opened.simple_query(SCHEMA):
        pass
    return opened


@pytest.fixture(scope="session")
def bind(session: Session) -> Callable[..., Any]:
    """`bind(text, parameter_types=None)`: the bound statement."""

    def bound(text: str, parameter_types: tuple[int, ...] | None = None) -> Any:
        environment = session.binding_environment(session.catalog_state)
        return bind_statement(parse_statements(text)[0], text, environment, parameter_types)

    return bound
