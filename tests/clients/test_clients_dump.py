"""pg_dump and pg_restore 15: a dump of PostgreSQL is loaded, and every dump of it is PostgreSQL's to the letter.

`python -m tests.clients.dumps` compares with a running PostgreSQL and recorded the dump that is read here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.servers import Target
from tests.clients.dumps import RECORDED, WORKS, difference, dump, entries, move
from tests.clients.twins import ROLES, psql, run


@pytest.fixture(scope="module")
def loaded(server: Any, psql: str) -> Target:
    """A server that holds what PostgreSQL's dump brought."""
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    run(target, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", ROLES, "-f", RECORDED)
    return target


def test_a_loaded_dump_is_dumped_again_to_the_letter(loaded: Target) -> None:
    assert difference(RECORDED.read_text(encoding="utf-8"), dump(loaded)) == ""


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_a_dump_is_restored_to_the_letter(loaded: Target, form: str) -> None:
    psql(loaded, f"CREATE DATABASE {form}")
    copy = replace(loaded, database=form)
    move(loaded, copy, form, roles=False)
    assert difference(RECORDED.read_text(encoding="utf-8"), dump(copy)) == ""


def test_what_works_by_itself_is_loaded_and_dumped_again_entry_by_entry(loaded: Target) -> None:
    psql(loaded, "CREATE DATABASE works")
    copy = replace(loaded, database="works")
    wanted = WORKS.read_text(encoding="utf-8")
    psql(copy, wanted)
    assert entries(dump(copy)) == entries(wanted)


def test_one_table_is_dumped_by_its_name(loaded: Target) -> None:
    text = run(loaded, "pg_dump", "--table=shop.staff", "--inserts", "--column-inserts")
    assert "INSERT INTO shop.staff (id, boss, gone) VALUES (2, 1, NULL);" in text
    assert "shop.buyers" not in text


def test_roles_are_dumped(loaded: Target) -> None:
    text = run(loaded, "pg_dumpall", "--globals-only")
    assert "CREATE ROLE reader;\nALTER ROLE reader WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN" in text
