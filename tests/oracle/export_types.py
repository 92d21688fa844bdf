"""Exports the built-in types of a PostgreSQL 15 as tab-separated facts for datacave_core/types.

Reads the server that libpq's environment names (PGHOST, PGPORT, PGUSER, PGDATABASE) and writes two files into the
folder given as the only argument:

    builtin_types.tsv    every row of pg_type in pg_catalog, without the row types of catalog relations and their arrays
    builtin_ranges.tsv   pg_range: which subtype and which multirange belong to a range type

The first line holds the column names; NULL is an empty field; regproc columns are function names, `-` for none.
Run it again when the supported PostgreSQL release changes, and read the difference.

    PGHOST=127.0.0.1 PGUSER=postgres python tests/oracle/export_types.py datacave_core/types
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

TYPES = """
    SELECT t.oid, t.typname, t.typlen, t.typbyval, t.typtype, t.typcategory, t.typispreferred, t.typisdefined,
           t.typdelim, t.typrelid::int8, t.typsubscript, t.typelem, t.typarray, t.typinput, t.typoutput, t.typreceive,
           t.typsend, t.typmodin, t.typmodout, t.typanalyze, t.typalign, t.typstorage, t.typnotnull, t.typbasetype,
           t.typtypmod, t.typndims, t.typcollation, t.typdefault
    FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typsubscript = 'array_subscript_handler'::regproc
    WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typrelid = 0 AND coalesce(e.typrelid, 0) = 0
    ORDER BY t.oid
"""
RANGES = """
    SELECT rngtypid::oid AS range_oid, rngsubtype::oid AS subtype_oid, rngmultitypid::oid AS multirange_oid,
           rngcollation AS collation_oid, rngcanonical AS canonical, rngsubdiff AS subtype_difference
    FROM pg_range ORDER BY 1
"""


def export(connection: psycopg.Connection[tuple[object, ...]], query: str, target: Path) -> None:
    """Writes one query's result with a head line."""
    cursor = connection.execute(query)
    lines = ["\t".join(column.name for column in cursor.description or ())]
    lines += ["\t".join("" if value is None else render(value) for value in row) for row in cursor]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def render(value: object) -> str:
    """One field; booleans as PostgreSQL prints them."""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return value.decode("ascii")
    return str(value)


def main(folder: Path) -> None:
    """Exports both files."""
    with psycopg.connect() as connection:
        export(connection, TYPES, folder / "builtin_types.tsv")
        export(connection, RANGES, folder / "builtin_ranges.tsv")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
