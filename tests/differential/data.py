"""The tables of a differential run: every base type, many NULLs, few distinct values so that joins and groups meet."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

COLUMNS = {
    "i": ("int4", ("0", "1", "2", "-1", "7", "2147483647")),
    "s": ("int2", ("0", "1", "2", "-5", "32767")),
    "b": ("int8", ("0", "1", "2", "7", "9007199254740993", "-9223372036854775808")),
    "n": ("numeric", ("0", "1", "1.50", "2.0", "-3.25", "1e20", "NaN")),
    "m": ("numeric(8,2)", ("0", "1", "1.5", "2", "-3.25", "12345.67")),
    "f": ("float8", ("0", "1", "1.5", "-2.25", "1e100", "NaN", "Infinity")),
    "r": ("float4", ("0", "1", "0.1", "-2.25")),
    "t": ("text", ("", "a", "b", "Ab", "a b", "zz", "é", "1")),
    "v": ("varchar(5)", ("", "a", "b", "zz", "1")),
    "c": ("char(3)", ("", "a", "b", "zz")),
    "o": ("bool", ("t", "f")),
    "d": ("date", ("2000-01-01", "2020-02-29", "1999-12-31", "infinity")),
    "p": ("timestamp", ("2000-01-01 00:00:00", "2020-02-29 12:34:56.789", "1999-12-31 23:59:59")),
    "z": ("timestamptz", ("2000-01-01 00:00:00+00", "2020-03-08 10:30:00+00", "1999-12-31 23:59:59-05")),
    "w": ("interval", ("1 day", "25:00:00", "1 mon", "-00:00:01", "0")),
    "h": ("time", ("00:00:00", "12:34:56.5", "23:59:59")),
    "u": ("uuid", ("00000000-0000-0000-0000-000000000001", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    "y": ("bytea", ("\\x", "\\x00", "\\x6162", "\\xff")),
    "a": ("int4[]", ("{}", "{1}", "{1,2}", "{1,NULL}", "{2,1}")),
    "j": ("jsonb", ('{"a": 1}', "[1, 2]", '"x"', "null", "3")),
}
"""Column name: its type and the values it takes. Names and types are the same in every table."""

TABLES = ("t1", "t2", "t3")


def statements(random: Random) -> Iterator[str]:
    """Creates and fills the tables; one has a primary key, one has indexes."""
    names = list(COLUMNS)
    for table in TABLES:
        columns = ", ".join(f"{name} {COLUMNS[name][0]}" for name in names)
        key = "id int primary key" if table != "t3" else "id int"
        yield f"create table {table} ({key}, {columns})"
        rows = []
        for number in range(random.randint(5, 40)):
            values = ["NULL" if random.random() < 0.2 else f"'{random.choice(COLUMNS[n][1])}'" for n in names]
            rows.append(f"({number}, {', '.join(values)})")
        yield f"insert into {table} values {', '.join(rows)}"
    yield "create index on t2 (i, t)"
    yield "create index on t2 (d desc)"
