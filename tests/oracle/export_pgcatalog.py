"""Exports the shape of PostgreSQL 15's system relations, and the rows of those whose contents are fixed.

Run: python tests/oracle/export_pgcatalog.py "host=127.0.0.1 port=5432 user=postgres dbname=template1"
Writes datacave_sql/pgcatalog/facts/*.tsv: one header line, then one line per entry; booleans are t and f, NULL is \\N,
functions are oids. Functions, operators, casts and aggregates have an export of their own (export_functions.py).
Descriptions and locales of the machine are not exported.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

FACTS = Path(__file__).parents[2] / "datacave_sql" / "pgcatalog" / "facts"

SYSTEM = "(n.nspname IN ('pg_catalog', 'information_schema') AND c.oid < 16384)"
SHAPES = {
    "relations": f"""
        SELECT c.oid, n.nspname AS schema, relname AS name, relkind AS kind, reltype AS row_type,
               coalesce(t.typarray, 0) AS array_type, relam AS access_method, relisshared AS shared,
               relhasindex AS has_index, relreplident AS replica_identity,
               CASE WHEN relacl IS NULL THEN '-' ELSE coalesce((
                   SELECT string_agg(substring(acl::text FROM '^=([a-zA-Z]*)/'), '') FROM unnest(relacl) AS acl), '')
               END AS public_privileges
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_type t ON t.oid = reltype
        WHERE {SYSTEM} AND relkind IN ('r', 'v', 'i') ORDER BY c.oid""",
    "columns": f"""
        SELECT attrelid AS relation, attnum AS number, attname AS name, atttypid AS type, atttypmod AS typmod,
               attndims AS dimensions, attnotnull AS not_null, attcollation AS collation
        FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
        WHERE {SYSTEM} AND relkind IN ('r', 'v') AND attnum > 0 ORDER BY attrelid, attnum""",
    "indexes": f"""
        SELECT indexrelid AS oid, indrelid AS relation, indisunique AS unique, indisprimary AS primary,
               indimmediate AS immediate, indkey AS keys, indcollation AS collations, indclass AS classes,
               indoption AS options, coalesce(k.oid, 0) AS constraint, pg_get_indexdef(indexrelid) AS definition
        FROM pg_index i JOIN pg_class c ON c.oid = indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_constraint k ON k.conindid = indexrelid AND k.contype IN ('p', 'u')
        WHERE {SYSTEM} ORDER BY 1""",
    "domains": """
        SELECT t.oid, t.typname AS name, t.typarray AS array, t.typbasetype AS base, t.typtypmod AS typmod,
               t.typcollation AS collation, k.oid AS constraint, k.conname AS constraint_name,
               CASE WHEN k.oid IS NOT NULL THEN pg_get_constraintdef(k.oid) END AS definition
        FROM pg_type t LEFT JOIN pg_constraint k ON k.contypid = t.oid
        WHERE t.typnamespace = 'information_schema'::regnamespace AND t.typtype = 'd' ORDER BY 1""",
}
FIXED = {
    "pg_am": "",
    "pg_amop": "",
    "pg_amproc": "",
    "pg_opclass": "",
    "pg_opfamily": "",
    "pg_language": "",
    "pg_collation": "WHERE collname IN ('default', 'C', 'POSIX', 'ucs_basic', 'unicode')",
    "pg_conversion": "",
    "pg_ts_config": "",
    "pg_ts_config_map": "",
    "pg_ts_dict": "",
    "pg_ts_parser": "",
    "pg_ts_template": "",
    "pg_tablespace": "",
}


def field(value: object) -> str:
    """One field in the text form of the wire."""
    if value is None:
        return "\\N"
    assert isinstance(value, bytes)
    text = value.decode()
    if "\t" in text or "\n" in text or text == "\\N":
        raise SystemExit(f"a field needs escaping: {text!r}")
    return text


def export(connection: psycopg.Connection[tuple[object, ...]], name: str, query: str) -> None:
    """Writes one query's result with a head line."""
    result = connection.execute(query).pgresult
    assert result is not None
    columns = range(result.nfields)
    lines = ["\t".join((result.fname(column) or b"").decode() for column in columns)]
    for row in range(result.ntuples):
        lines.append("\t".join(field(result.get_value(row, column)) for column in columns))
    (FACTS / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{name}: {len(lines) - 1} entries")


def fixed_query(connection: psycopg.Connection[tuple[object, ...]], name: str, condition: str) -> str:
    """All columns of a catalog in order, functions as oids."""
    columns = connection.execute(
        "SELECT attname, atttypid = 'regproc'::regtype, atttypid = 'aclitem[]'::regtype FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
        (f"pg_catalog.{name}",),
    ).fetchall()
    parts = []
    for column, is_function, is_acl in columns:
        if is_acl:
            parts.append(f"NULL AS {column}")
        else:
            parts.append(f"{column}::oid AS {column}" if is_function else str(column))
    return f"SELECT {', '.join(parts)} FROM pg_catalog.{name} {condition} ORDER BY 1, 2, 3"


def main(conninfo: str) -> None:
    """Exports all files."""
    FACTS.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(conninfo) as connection:
        for name, query in SHAPES.items():
            export(connection, name, query)
        for name, condition in FIXED.items():
            export(connection, name, fixed_query(connection, name, condition))


if __name__ == "__main__":
    main(sys.argv[1])
