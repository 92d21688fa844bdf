"""python -m bench history: what reading the past costs, over a table whose rows have many versions.

Fills a table, changes every row several times, and compares reads of the present with the same reads as of the moment
before the last change but one: a point read by key (prepared), and a scan that sums a column.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from pathlib import Path

from bench.servers import NotInstalled, Target, find_program, running_datacave

TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
ROWS_PER_UPDATE = 50_000
RATIO_MAX = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench history", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--versions", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=5, help="length of one run of point reads")
    parser.add_argument("--clients", type=int, default=8)
    arguments = parser.parse_args()
    try:
        for program in ("pgbench", "psql"):
            find_program(program)
    except NotInstalled as error:
        print(f"nothing was measured: {error}")
        return 0
    with tempfile.TemporaryDirectory(prefix="datacave-bench-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        with running_datacave(place) as target:
            return _measure(target, place, arguments)


def _measure(target: Target, folder: Path, arguments: argparse.Namespace) -> int:
    rows = arguments.rows
    _psql(target, "create table t (id int primary key, v int not null, s text not null)")
    _psql(target, f"insert into t select i, 0, md5(i::text) from generate_series(1, {rows}) i")
    moment = ""
    for version in range(1, arguments.versions):
        if version == arguments.versions - 1:
            moment = _psql(target, "select commit_timestamp()").strip()
        for low in range(1, rows + 1, ROWS_PER_UPDATE):
            _psql(target, f"update t set v = {version} where id >= {low} and id < {low + ROWS_PER_UPDATE}")
        print(f"version {version + 1} of {arguments.versions} is written", flush=True)
    past = f"as of system time {moment}"
    point = folder / "point.sql"
    rates = []
    for source in ("t", f"t {past}"):
        point.write_text(f"\\set id random(1, {rows})\nselect v from {source} where id = :id;\n", encoding="ascii")
        command = ["pgbench", "-n", "-M", "prepared", "-c", str(arguments.clients), "-T", str(arguments.seconds)]
        output = _run(target, [*command, "-f", str(point)])
        found = TPS.search(output)
        assert found is not None, output
        rates.append(float(found[1]))
    ratio = rates[0] / rates[1]
    print(f"point read: {rates[0]:.0f}/s now, {rates[1]:.0f}/s in the past, {ratio:.2f} times the cost")
    times = []
    for source in ("t", f"t {past}"):
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            _psql(target, f"select sum(v) from {source}")
            best = min(best, time.perf_counter() - start)
        times.append(best)
    scan = times[1] / times[0]
    print(f"scan: {times[0] * 1000:.0f} ms now, {times[1] * 1000:.0f} ms in the past, {scan:.2f} times the cost")
    return 1 if max(ratio, scan) > RATIO_MAX else 0


def _psql(target: Target, text: str) -> str:
    return _run(target, ["psql", "-XqtA", "-v", "ON_ERROR_STOP=1", "-c", text])


def _run(target: Target, command: list[str]) -> str:
    program = find_program(command[0])
    done = subprocess.run([program, *command[1:]], env=target.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
