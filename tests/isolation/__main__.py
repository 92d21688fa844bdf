"""python -m tests.isolation --specs FOLDER [NAME...]: PostgreSQL's isolation specifications, compared step by step.

Every permutation runs on Datacave and on the PostgreSQL that PGHOST, PGPORT, PGUSER and PGDATABASE name; rows, tags,
error codes and who waits for whom must be the same. Prints a line per file and, with --differences, writes what
differs. Permutations whose set-up fails on Datacave (plpgsql, extensions) count as not comparable.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.isolation.player import play
from tests.isolation.spec import read_spec
from tests.regress.server import Server


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.isolation", description=__doc__)
    parser.add_argument("--specs", type=Path, required=True)
    parser.add_argument("--differences", type=Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    server = Server()
    totals = [0, 0, 0]
    try:
        names = arguments.names or sorted(path.stem for path in arguments.specs.glob("*.spec"))
        for name in names:
            counts, differences = asyncio.run(_compare(arguments.specs / f"{name}.spec", server))
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


async def _compare(path: Path, server: Server) -> tuple[list[int], list[str]]:
    spec = read_spec(path)
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
