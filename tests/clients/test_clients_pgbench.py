"""pgbench against the server: its tables, its scripts, and the truth its bank has to keep."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any

import psycopg
import pytest

SECONDS = 2


@pytest.fixture(scope="module")
def pgbench() -> str:
    found = shutil.which("pgbench")
    if found is None:
        pytest.skip("pgbench is not installed on this machine (package postgresql-client or postgresql-contrib)")
    return found


def run_pgbench(pgbench: str, server: Any, *arguments: str, isolation: str = "read committed") -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["PGOPTIONS"] = f"-c default_transaction_isolation={isolation.replace(' ', chr(92) + ' ')}"
    done = subprocess.run(
        [pgbench, *arguments, server.dsn], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def bank(server: Any, pgbench: str) -> Any:
    """The server, with pgbench's tables at scale 1, made by its default steps."""
    run_pgbench(pgbench, server, "-i", "-s", "1", "-q")
    return server


def test_the_tables_are_made(bank: Any) -> None:
    with psycopg.connect(bank.dsn) as connection:
        assert connection.execute(
            "SELECT (SELECT count(*) FROM pgbench_accounts), (SELECT count(*) FROM pgbench_tellers), "
            "(SELECT count(*) FROM pgbench_branches), (SELECT count(*) FROM pgbench_history)"
        ).fetchone() == (100_000, 10, 1, 0)
        keys = connection.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'p' AND conname LIKE 'pgbench%' ORDER BY conname"
        ).fetchall()
        assert keys == [("pgbench_accounts_pkey",), ("pgbench_branches_pkey",), ("pgbench_tellers_pkey",)]


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_select_only(bank: Any, pgbench: str, mode: str) -> None:
    output = run_pgbench(pgbench, bank, "-n", "-S", "-M", mode, "-c", "4", "-T", "1")
    assert int(transactions_of(output)) > 0


def transactions_of(output: str) -> str:
    """How many transactions pgbench counted; all of them must have succeeded."""
    assert "number of failed transactions: 0 (0.000%)" in output
    match = re.search(r"number of transactions actually processed: (\d+)", output)
    assert match is not None
    return match[1]


def sums(connection: psycopg.Connection[Any]) -> tuple[int, ...]:
    """The totals of accounts, tellers, branches and history, and the number of transactions."""
    row = connection.execute(
        "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers), "
        "(SELECT sum(bbalance) FROM pgbench_branches), (SELECT coalesce(sum(delta), 0) FROM pgbench_history), "
        "(SELECT count(*) FROM pgbench_history)"
    ).fetchone()
    assert row is not None
    return tuple(map(int, row))


@pytest.mark.parametrize(
    ("mode", "isolation"),
    [("simple", "read committed"), ("prepared", "repeatable read"), ("extended", "serializable")],
)
def test_the_bank_balances_after_tpcb(bank: Any, pgbench: str, mode: str, isolation: str) -> None:
    """Eight clients move money; accounts, tellers, branches and the history tell of the same sum."""
    with psycopg.connect(bank.dsn, autocommit=True) as connection:
        before = sums(connection)
        options = ("-n", "-M", mode, "-c", "8", "-j", "2", "-T", str(SECONDS), "--max-tries", "0")
        count = int(transactions_of(run_pgbench(pgbench, bank, *options, isolation=isolation)))
        assert count > 0
        accounts, tellers, branches, history, transactions = (
            after - earlier for after, earlier in zip(sums(connection), before, strict=True)
        )
    assert transactions == count
    assert accounts == tellers == branches == history


def test_no_statement_of_simple_update_is_lost(bank: Any, pgbench: str) -> None:
    with psycopg.connect(bank.dsn) as connection:
        statement = "SELECT count(*) FROM pgbench_history"
        before = connection.execute(statement).fetchone()
        connection.commit()
        output = run_pgbench(pgbench, bank, "-n", "-N", "-M", "prepared", "-c", "8", "-t", "50")
        assert transactions_of(output) == "400"
        assert before is not None
        assert connection.execute(statement).fetchone() == (before[0] + 400,)


@pytest.mark.parametrize("steps", ["dtGvp", "dtgvpf"])
def test_other_ways_to_make_the_tables(bank: Any, pgbench: str, steps: str) -> None:
    """Data made by the server (G), foreign keys (f)."""
    run_pgbench(pgbench, bank, "-i", "-s", "1", "-q", "-I", steps)
    with psycopg.connect(bank.dsn) as connection:
        assert connection.execute("SELECT count(*), sum(abalance), max(aid) FROM pgbench_accounts").fetchone() == (
            100_000,
            0,
            100_000,
        )
