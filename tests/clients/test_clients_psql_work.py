"""A person at psql: a small shop made by hand, joins and sums, errors shown at the right word, files in and out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.orders import TABLE, as_csv, make_orders

Psql = Callable[..., subprocess.CompletedProcess[str]]

SHOP = """
    DROP TABLE IF EXISTS lines, goods, buyers;
    CREATE TABLE buyers (id int PRIMARY KEY, name text NOT NULL, town text);
    CREATE TABLE goods (id int PRIMARY KEY, name text NOT NULL, price numeric(8, 2) CHECK (price >= 0));
    CREATE TABLE lines (
        buyer int REFERENCES buyers (id), good int REFERENCES goods (id), pieces int NOT NULL DEFAULT 1,
        day date NOT NULL
    );
    CREATE INDEX lines_day ON lines (day);
    INSERT INTO buyers VALUES (1, 'Ann', 'Oslo'), (2, 'Bob', 'Rome'), (3, 'Cy', NULL), (4, 'Dee', 'Oslo');
    INSERT INTO goods VALUES (1, 'tea', 3.50), (2, 'milk', 0.99), (3, 'salt', 1.20);
    INSERT INTO lines VALUES (1, 1, 2, '2024-01-01'), (1, 2, 6, '2024-01-02'), (2, 1, 1, '2024-01-02'),
        (2, 3, 4, '2024-02-01'), (3, 2, 1, '2024-02-29');
"""


def read_pairs(name: str) -> list[tuple[str, str]]:
    """What is asked and what is answered: ---- stands between the two, ==== after each pair."""
    text = (Path(__file__).parent / "psql" / name).read_text(encoding="utf-8")
    pairs = [pair.split("\n----\n") for pair in text.removesuffix("====\n").split("====\n")]
    return [(asked, answered) for asked, answered in pairs]


@pytest.fixture(scope="module")
def run(server: Any, psql: str) -> Psql:
    """Runs psql on a script; the shop is there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    def run_script(script: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [psql, "-X", *options, "-d", server.dsn],
            input=script,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    made = run_script(SHOP, "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse")
    assert made.returncode == 0, made.stderr
    return run_script


@pytest.mark.parametrize(("query", "rows"), read_pairs("queries.txt"))
def test_queries(run: Psql, query: str, rows: str) -> None:
    done = run(query, "-q", "-A", "-t")
    assert (done.stdout, done.stderr) == (rows, "")


def test_a_table_is_drawn(run: Psql) -> None:
    done = run("SELECT id, name, price FROM goods ORDER BY id;")
    assert done.stdout == (
        " id | name | price \n"
        "----+------+-------\n"
        "  1 | tea  |  3.50\n"
        "  2 | milk |  0.99\n"
        "  3 | salt |  1.20\n"
        "(3 rows)\n\n"
    )


def test_expanded_display_and_nulls(run: Psql) -> None:
    done = run("\\pset null (none)\n\\x on\nSELECT name, town FROM buyers WHERE id = 3;", "-q")
    assert done.stdout == "-[ RECORD 1 ]\nname | Cy\ntown | (none)\n\n"


@pytest.mark.parametrize(("statement", "shown"), read_pairs("errors.txt"))
def test_the_caret_stands_under_the_right_word(run: Psql, statement: str, shown: str) -> None:
    done = run("", "-c", statement)
    assert (done.stdout, done.stderr) == ("", shown)


def test_timing_and_conninfo(run: Psql, server: Any) -> None:
    done = run("\\timing on\nSELECT 1;\n\\conninfo\n\\encoding\n", "-q", "-A", "-t")
    first, timing, connected, encoding = done.stdout.splitlines()
    assert (first, encoding, done.stderr) == ("1", "UTF8", "")
    assert timing.startswith("Time: ")
    assert connected == (
        f'You are connected to database "default" as user "admin" on host "127.0.0.1" at port "{server.port}".'
    )


def test_a_file_goes_in_and_comes_out_the_same(run: Psql, tmp_path: Path) -> None:
    text = as_csv(make_orders(3000))
    (tmp_path / "in.csv").write_bytes(text.encode())
    script = (
        f"SET TIME ZONE 'UTC';\nDROP TABLE IF EXISTS filed;\n{TABLE.format(name='filed')};\n"
        f"\\copy filed FROM '{tmp_path}/in.csv' WITH (FORMAT csv, HEADER)\n"
        f"\\copy (SELECT * FROM filed ORDER BY id) TO '{tmp_path}/out.csv' WITH (FORMAT csv, HEADER)\n"
        f"CREATE TABLE again (LIKE filed INCLUDING ALL);\n"
        f"\\copy again FROM '{tmp_path}/out.csv' WITH (FORMAT csv, HEADER)\n"
        "(TABLE filed EXCEPT TABLE again) UNION ALL (TABLE again EXCEPT TABLE filed);\n"
        "SELECT count(*), count(*) FILTER (WHERE note = ''), count(note) FROM again;\nDROP TABLE filed, again;\n"
    )
    orders = make_orders(3000)
    empty, notes = sum(order.note == "" for order in orders), sum(order.note is not None for order in orders)
    done = run(script, "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse")
    assert (done.stderr.replace('NOTICE:  table "filed" does not exist, skipping\n', ""), done.stdout) == (
        "",
        f"3000|{empty}|{notes}\n",
    )


def test_variables_conditions_and_gexec(run: Psql) -> None:
    script = (
        "SELECT max(id) AS top, count(*) > 2 AS many FROM goods \\gset\n"
        "\\if :many\n\\echo :top\n\\else\n\\echo few\n\\endif\n"
        "SELECT format('SELECT %L', name) FROM goods ORDER BY id \\gexec\n"
        "SELECT :'top' || '!', :\"top\" FROM (SELECT 1 AS \"3\") AS t;\n"
    )
    done = run(script, "-q", "-A", "-t")
    assert (done.stdout, done.stderr) == ("3\ntea\nmilk\nsalt\n3!|1\n", "")


def test_a_script_in_one_transaction_is_all_or_nothing(run: Psql) -> None:
    failed = run("INSERT INTO buyers VALUES (9, 'Zed');\nSELECT 1/0;\n", "-q", "-1", "-v", "ON_ERROR_STOP=1")
    assert failed.returncode == 3
    assert run("SELECT count(*) FROM buyers WHERE id = 9;", "-q", "-A", "-t").stdout == "0\n"


def test_lists_of_what_is_there(run: Psql) -> None:
    tables = run("\\dt\n", "-q", "-A", "-t").stdout.splitlines()
    assert {"public|buyers|table|admin", "public|goods|table|admin", "public|lines|table|admin"} <= set(tables)
    assert run("\\di lines*\n", "-q", "-A", "-t").stdout == "public|lines_day|index|admin|lines\n"
    assert "admin|Superuser" in run("\\du\n", "-q", "-A", "-t").stdout
    assert "\ndefault|admin|UTF8|" in "\n" + run("\\l\n", "-q", "-A", "-t").stdout


def test_describe_shows_columns_keys_and_checks(run: Psql) -> None:
    assert run("\\d lines\n\\d goods\n", "-q", "-A").stdout == (
        'Table "public.lines"\n'
        "Column|Type|Collation|Nullable|Default\n"
        "buyer|integer|||\ngood|integer|||\npieces|integer||not null|1\nday|date||not null|\n"
        'Indexes:\n    "lines_day" btree (day)\n'
        'Foreign-key constraints:\n    "lines_buyer_fkey" FOREIGN KEY (buyer) REFERENCES buyers(id)\n'
        '    "lines_good_fkey" FOREIGN KEY (good) REFERENCES goods(id)\n'
        'Table "public.goods"\n'
        "Column|Type|Collation|Nullable|Default\n"
        "id|integer||not null|\nname|text||not null|\nprice|numeric(8,2)|||\n"
        'Indexes:\n    "goods_pkey" PRIMARY KEY, btree (id)\n'
        'Check constraints:\n    "goods_price_check" CHECK (price >= 0::numeric)\n'
        'Referenced by:\n    TABLE "lines" CONSTRAINT "lines_good_fkey" FOREIGN KEY (good) REFERENCES goods(id)\n'
    )
