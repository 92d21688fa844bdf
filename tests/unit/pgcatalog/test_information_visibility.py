"""Do the views of information_schema show a plain role what PostgreSQL's show it, and no more?

What is expected was given by PostgreSQL 15 for the same objects.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.pgcatalog.test_pgcatalog_relations import open_session, run

OBJECTS = """
    CREATE ROLE visitor; CREATE ROLE stranger;
    CREATE SCHEMA hidden; CREATE SCHEMA open; GRANT USAGE ON SCHEMA open TO visitor;
    CREATE TABLE open.readable (id int PRIMARY KEY, a text CHECK (a <> ''), tags text[]);
    CREATE TABLE open.partial (id int PRIMARY KEY, secret text, shown text NOT NULL);
    CREATE TABLE open.changed (id int PRIMARY KEY, r int REFERENCES open.readable (id), CONSTRAINT fine CHECK (r > 0));
    CREATE TABLE open.private (id int PRIMARY KEY, r int REFERENCES open.readable (id), CONSTRAINT fine CHECK (r > 1));
    CREATE TABLE hidden.own (id int, r int CONSTRAINT own_key REFERENCES open.readable (id));
    ALTER TABLE hidden.own OWNER TO visitor;
    CREATE TABLE open.mine (id int, CONSTRAINT fine CHECK (id > 3)); ALTER TABLE open.mine OWNER TO visitor;
    GRANT SELECT ON open.readable TO visitor; GRANT SELECT (shown), UPDATE (shown) ON open.partial TO visitor;
    GRANT INSERT ON open.changed TO visitor;
    CREATE VIEW open.v AS SELECT id FROM open.readable; GRANT SELECT ON open.v TO visitor;
    CREATE VIEW open.w AS SELECT id FROM open.private;
    CREATE VIEW open.mine_v AS SELECT id FROM open.mine; ALTER VIEW open.mine_v OWNER TO visitor;
    CREATE SEQUENCE open.s; CREATE SEQUENCE open.s2; GRANT USAGE ON SEQUENCE open.s TO visitor;
    CREATE FUNCTION open.f(x int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT x';
    CREATE FUNCTION open.g(x int DEFAULT 2) RETURNS int LANGUAGE sql AS 'SELECT x';
    REVOKE ALL ON FUNCTION open.g FROM PUBLIC;
    CREATE DOMAIN open.d AS int CHECK (value > 0); CREATE DOMAIN open.e AS int[] CHECK (value <> '{}');
    REVOKE ALL ON DOMAIN open.e FROM PUBLIC;
    CREATE TYPE open.pair AS (one int); CREATE TYPE open.pair2 AS (one int); REVOKE ALL ON TYPE open.pair2 FROM PUBLIC;
"""
OURS = "('open', 'hidden')"
QUESTIONS = {
    "tables": f"table_name FROM information_schema.tables WHERE table_schema IN {OURS}",
    "views": "table_name || ' ' || (view_definition IS NULL) FROM information_schema.views "
    f"WHERE table_schema IN {OURS}",
    "columns": f"table_name || '.' || column_name FROM information_schema.columns WHERE table_schema IN {OURS}",
    "columns of one": "column_name FROM information_schema.columns WHERE table_name = 'partial'",
    "columns of a hidden one": "column_name FROM information_schema.columns WHERE table_name = 'private'",
    "constraints": "table_name || '.' || constraint_name FROM information_schema.table_constraints "
    f"WHERE table_schema IN {OURS} AND constraint_name NOT LIKE '%_not_null'",
    "keys": f"table_name || '.' || column_name FROM information_schema.key_column_usage WHERE table_schema IN {OURS}",
    "references": f"constraint_name FROM information_schema.referential_constraints WHERE constraint_schema IN {OURS}",
    "checks": "constraint_name || check_clause FROM information_schema.check_constraints "
    f"WHERE constraint_schema IN {OURS}",
    "used columns": "table_name || '.' || column_name FROM information_schema.constraint_column_usage "
    f"WHERE table_schema IN {OURS}",
    "used tables": "view_name || '.' || table_name FROM information_schema.view_table_usage "
    f"WHERE view_schema IN {OURS}",
    "sequences": f"sequence_name FROM information_schema.sequences WHERE sequence_schema IN {OURS}",
    "routines": "routine_name || ' ' || (routine_definition IS NULL) FROM information_schema.routines "
    f"WHERE routine_schema IN {OURS}",
    "parameters": "parameter_name || ' ' || (parameter_default IS NULL) FROM information_schema.parameters "
    f"WHERE specific_schema IN {OURS}",
    "domains": f"domain_name FROM information_schema.domains WHERE domain_schema IN {OURS}",
    "types": "user_defined_type_name FROM information_schema.user_defined_types "
    f"WHERE user_defined_type_schema IN {OURS}",
    "schemata": f"schema_name FROM information_schema.schemata WHERE schema_name IN {OURS}",
    "elements": f"object_name FROM information_schema.element_types WHERE object_schema IN {OURS}",
    "privileges": "grantee || ' ' || table_name || ' ' || privilege_type FROM information_schema.table_privileges "
    f"WHERE table_schema IN {OURS} AND grantor <> grantee",
    "roles": "role_name FROM information_schema.enabled_roles",
}
EXPECTED: dict[str, dict[str, list[str]]] = {
    "visitor": {
        "tables": ["changed", "mine", "mine_v", "own", "partial", "readable", "v"],
        "views": ["mine_v false", "v true"],
        "columns": [
            "changed.id",
            "changed.r",
            "mine.id",
            "mine_v.id",
            "own.id",
            "own.r",
            "partial.shown",
            "readable.a",
            "readable.id",
            "readable.tags",
            "v.id",
        ],
        "columns of one": ["shown"],
        "constraints": [
            "changed.changed_pkey",
            "changed.changed_r_fkey",
            "changed.fine",
            "mine.fine",
            "own.own_key",
            "partial.partial_pkey",
        ],
        "keys": ["changed.id", "changed.r", "own.r", "readable.id"],
        "references": ["changed_r_fkey", "own_key"],
        "checks": ["fine((id > 3))"],
        "used columns": ["mine.id"],
        "used tables": ["mine_v.mine"],
        "sequences": ["s"],
        "routines": ["f true"],
        "parameters": ["x true"],
        "domains": ["d"],
        "types": ["pair"],
        "schemata": ["open"],
        "elements": ["readable"],
        "privileges": ["visitor changed INSERT", "visitor readable SELECT", "visitor v SELECT"],
        "roles": ["visitor"],
    },
    "stranger": {
        "routines": ["f true"],
        "parameters": ["x true"],
        "domains": ["d"],
        "types": ["pair"],
        "roles": ["stranger"],
    },
}


@pytest.fixture(scope="module")
def session() -> Any:
    session = open_session()
    run(session, OBJECTS)
    return session


@pytest.mark.parametrize("role", EXPECTED)
@pytest.mark.parametrize("name", QUESTIONS)
def test_view(session: Any, role: str, name: str) -> None:
    run(session, f"SET ROLE {role}")
    found = sorted(str(value) for (value,) in run(session, f"SELECT {QUESTIONS[name]}"))
    run(session, "RESET ROLE")
    assert found == EXPECTED[role].get(name, [])


def test_superusers_see_everything(session: Any) -> None:
    for name in ("tables", "columns", "checks", "routines", "domains", "schemata"):
        everything = {row[0] for row in run(session, f"SELECT {QUESTIONS[name]}")}
        assert {one.partition(" ")[0] for one in EXPECTED["visitor"][name]} <= {
            one.partition(" ")[0] for one in everything
        }
        assert len(everything) > len(EXPECTED["visitor"][name])
