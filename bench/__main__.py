"""Command line of the measurements.

    python -m bench [--scale N] [--seconds N] [--rows N] [--rounds N] [--only NAMES] [--json FILE] [--alone]
    python -m bench lsm|engine|table|size|compaction|restart|stalls|protocol|history [ARGUMENTS]

The first starts Datacave and PostgreSQL 15, runs each load on both in turn and prints how they compare; the second
measures one layer without a server.
"""

from __future__ import annotations

import argparse
import contextlib
import runpy
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.driver import compare
from bench.loads import Load, all_loads
from bench.report import HEAD, as_json, line, summary
from bench.servers import NotInstalled, StartFailed, Target, find_program, running_datacave, running_postgresql

LAYERS = ("lsm", "engine", "table", "size", "compaction", "restart", "stalls", "protocol", "history")


def make_parser() -> argparse.ArgumentParser:
    """The options of the comparison."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Compares Datacave with PostgreSQL 15.")
    parser.add_argument("--scale", type=positive, default=10, help="pgbench's scale: 100,000 accounts each")
    parser.add_argument("--seconds", type=positive, default=10, help="length of one run of pgbench")
    parser.add_argument("--rows", type=positive, default=1_000_000, help="rows of the loads that copy and group")
    parser.add_argument("--rounds", type=positive, default=2, help="runs of each load on each server")
    parser.add_argument("--only", default="", help="loads whose names contain one of these words, divided by commas")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all runs there as JSON")
    parser.add_argument("--alone", action="store_true", help="measure Datacave only")
    parser.add_argument("--list", action="store_true", help="print the names of the loads")
    return parser


def positive(text: str) -> int:
    """A number of at least one."""
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def chosen(loads: Sequence[Load], words: str) -> list[Load]:
    """The loads that `--only` names, with the one that makes pgbench's tables if one of them needs these."""
    wanted = [word for word in words.split(",") if word]
    names = {load.name for load in loads if not wanted or any(word in load.name for word in wanted)}
    if any(name.startswith(("select", "simple-update", "tpcb")) for name in names):
        names.add("init")
    return [load for load in loads if load.name in names]


def run_comparison(arguments: argparse.Namespace, folder: Path) -> None:
    """Prints a line per load as soon as it is known. Raises NotInstalled or StartFailed."""
    loads = chosen(all_loads(folder, arguments.scale, arguments.seconds, arguments.rows), arguments.only)
    if arguments.list:
        print("\n".join(load.name for load in loads))
        return
    for program in ("pgbench", "psql"):
        find_program(program)
    with contextlib.ExitStack() as stack:
        targets: list[Target] = []
        if not arguments.alone:
            targets.append(stack.enter_context(running_postgresql(folder)))
        targets.insert(0, stack.enter_context(running_datacave(folder)))
        print(HEAD, flush=True)
        comparisons = []
        for load in loads:
            comparisons.append(compare(load, targets, 1 if load.name == "init" else arguments.rounds))
            print(line(comparisons[-1]), flush=True)
        if not arguments.alone:
            print(summary(comparisons))
    if arguments.json is not None:
        options = {"scale": arguments.scale, "seconds": arguments.seconds, "rows": arguments.rows}
        arguments.json.write_text(as_json(comparisons, options) + "\n", encoding="utf-8")


def main() -> int:
    """Runs what the command line says; returns the exit code."""
    if len(sys.argv) > 1 and sys.argv[1] in LAYERS:
        layer = sys.argv.pop(1)
        runpy.run_module(f"bench.{layer}", run_name="__main__", alter_sys=True)
        return 0
    arguments = make_parser().parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="datacave-bench-", ignore_cleanup_errors=True) as folder:
            run_comparison(arguments, Path(folder))
    except NotInstalled as error:
        print(f"nothing was measured: {error}")
    except StartFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
