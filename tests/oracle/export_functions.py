"""Exports the facts about built-in functions, operators, casts and aggregates from a running PostgreSQL 15.

Run: python tests/oracle/export_functions.py "host=127.0.0.1 port=5432 user=postgres dbname=postgres"
Writes datacave_sql/functions/facts/*.tsv: one header line, then one line per entry; lists are separated by blanks or
commas, booleans are t and f, nothing is an empty field. Catalog descriptions are not exported.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

FACTS = Path(__file__).parents[2] / "datacave_sql" / "functions" / "facts"

QUERIES = {
    "procs.tsv": """
        select p.oid,
               case when pronamespace = 'pg_catalog'::regnamespace then proname::text
                    else 'information_schema.' || proname end as name,
               prokind as kind, proisstrict as strict, provolatile as volatility,
               proretset as retset, provariadic as variadic, prorettype as result,
               proargtypes::text as arguments,
               coalesce(array_to_string(proallargtypes, ' '), '') as all_arguments,
               coalesce(array_to_string(proargmodes, ''), '') as modes,
               coalesce(array_to_string(proargnames, ','), '') as names,
               pronargdefaults as default_count,
               coalesce(pg_get_expr(proargdefaults, 0), '') as defaults,
               procost as cost, prorows as rows, proparallel as parallel, proleakproof as leakproof,
               l.lanname as language,
               case when l.lanname = 'internal' then prosrc else '' end as symbol
        from pg_proc p join pg_language l on l.oid = prolang
        where pronamespace = 'pg_catalog'::regnamespace and p.oid < 16384
           or pronamespace = 'information_schema'::regnamespace
        order by proname, p.oid""",
    "operators.tsv": """
        select o.oid, oprname as name, oprkind as kind, oprleft as left, oprright as right, oprresult as result,
               oprcode::oid as function, oprcom as commutator, oprnegate as negator, oprcanmerge as merges,
               oprcanhash as hashes, case when oprrest = 0 then '' else oprrest::text end as restrict,
               case when oprjoin = 0 then '' else oprjoin::text end as join
        from pg_operator o where oprnamespace = 'pg_catalog'::regnamespace and o.oid < 16384
        order by oprname, o.oid""",
    "casts.tsv": """
        select oid, castsource as source, casttarget as target, castfunc as function, castcontext as context,
               castmethod as method
        from pg_cast where oid < 16384 order by castsource, casttarget""",
    "aggregates.tsv": """
        select aggfnoid::oid as function, aggkind as kind, aggnumdirectargs as direct_count,
               aggtransfn::oid as transition, aggfinalfn::oid as final, aggcombinefn::oid as combine,
               aggtranstype as state, coalesce(agginitval, '') as initial, agginitval is null as initial_is_null,
               aggsortop as sort_operator
        from pg_aggregate where aggfnoid::oid < 16384 order by 1""",
}


def field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        value = value.decode()
    text = str(value)
    if "\t" in text or "\n" in text:
        raise SystemExit(f"a field needs escaping: {text!r}")
    return text


def main(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        for name, query in QUERIES.items():
            cursor = connection.execute(query)
            assert cursor.description is not None
            lines = ["\t".join(column.name for column in cursor.description)]
            lines += ["\t".join(field(value) for value in row) for row in cursor]
            (FACTS / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
            print(f"{name}: {len(lines) - 1} entries")


if __name__ == "__main__":
    main(sys.argv[1])
