"""python -m tests.isolation --specs FOLDER [NAME...]: PostgreSQL's isolation specifications, compared step by step;
with --constraints in place of --specs, those of constraints.py, with --definitions those of definitions.py.

Every permutation runs on Datacave and on the PostgreSQL that PGHOST, PGPORT, PGUSER and PGDATABASE name; rows, tags,
error codes and who waits for whom must be the same. Prints a line per file and, with --differences, writes what
differs. Permutations whose set-up fails on Datacave (plpgsql, extensions) count as not comparable.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.isolation.constraints import constraint_specs
from tests.isolation.definitions import definition_specs
from tests.isolation.player import play
from tests.isolation.spec import Spec, read_spec
from tests.regress.server import Server


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.isolation", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--specs", type=Path)
    source.add_argument("--constraints", action="store_const", dest="own", const=constraint_specs)
    source.add_argument("--definitions", action="store_const", dest="own", const=definition_specs)
    parser.add_argument("--differences", type=Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    server = Server()
    totals = [0, 0, 0]
    try:
        for spec in _chosen(arguments.specs, arguments.own, arguments.names):
            counts, differences = asyncio.run(_compare(spec, server))
            name = spec.name
            totals = [a + b for a, b in zip(totals, counts, strict=True)]
            same, different, incomparable = counts
            print(f"{name:32} {same} the same, {different} different, {incomparable} not comparable", flush=True)
            if arguments.differences is not None and differences:
                arguments.differences.mkdir(parents=True, exist_ok=True)
                (arguments.differences / f"{name}.txt").write_text("\n".join(differences) + "\n", encoding="utf-8")
    finally:
        server.remove()
    print(f"{totals[0]} permutations the same, {totals[1]} different, {totals[2]} not comparable")
    return 1 if totals[1] else 0


def _chosen(folder: Path | None, own: Callable[[], Iterator[Spec]] | None, names: list[str]) -> Iterator[Spec]:
    """The specifications of a folder, or the project's own ones, by their names or parts of them."""
    if folder is None or own is not None:
        yield from (spec for spec in (own or constraint_specs)() if all(name in spec.name for name in names))
        return
    for name in names or sorted(path.stem for path in folder.glob("*.spec")):
        yield read_spec(folder / f"{name}.spec")


async def _compare(spec: Spec, server: Server) -> tuple[list[int], list[str]]:
    counts = [0, 0, 0]
    differences: list[str] = []
    for permutation in spec.chosen():
        theirs, ours = await asyncio.gather(play(spec, permutation, ""), play(spec, permutation, server.conninfo))
        failed = next((one for one in ours if one.startswith("setup") and one not in theirs), None)
        if ours == theirs:
            counts[0] += 1
        elif failed is not None:
            counts[2] += 1
            differences.append(f"-- {' '.join(permutation)}\n   {failed}")
            if counts[2] > 1 and not counts[0]:
                counts[2] = len(spec.chosen())
                break
        else:
            counts[1] += 1
            differences.append(f"-- {' '.join(permutation)}")
            for place in range(max(len(theirs), len(ours))):
                one = theirs[place] if place < len(theirs) else "-"
                other = ours[place] if place < len(ours) else "-"
                differences.append(f"   {one}" if one == other else f" < {one}\n > {other}")
    return counts, differences


if __name__ == "__main__":
    sys.exit(main())
