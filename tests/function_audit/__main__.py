"""Which functions of PostgreSQL 15 that users call Datacave has no body for: `python -m tests.function_audit`.

Every function of pg_catalog counts by name, as the catalog facts have them. Left out is what only the server calls:
support functions of types, operators, casts, indexes, planning and languages, and whatever takes or gives a value of
an internal type. `--all` also prints the names that are there.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict

from datacave_core.types import oids
from datacave_core.types.registry import BUILTIN_TYPES
from datacave_sql.functions import registry
from datacave_sql.functions.factfiles import fact_rows

NAME, RESULT, ARGUMENTS = 1, 7, 8
INTERNAL = {
    oids.INTERNAL,
    oids.CSTRING,
    oids.TRIGGER,
    oids.EVENT_TRIGGER,
    oids.LANGUAGE_HANDLER,
    *(one.oid for one in BUILTIN_TYPES.values() if one.name.endswith(("_handler", "_ddl_command"))),
}
"""Types of values that only the server has."""
SERVER_ONLY = re.compile(
    r"binary_upgrade_\w+|\w*_validator|\w*hash\w*|(float[48]|interval|int4_avg|int8)_?\w*|in_range|\w+_transfn|\w+validate"
    r"|bt\w+image|gin_c\w+|spg_\w+|currtid2|enum_send|pg_isolation_\w+|pg_nextoid|pg_stop_making_pinned_objects"
)
"""Names of support functions that take and give plain values."""


def called_by_users() -> dict[str, list[list[str]]]:
    """The rows of pg_proc by name, without what only the server calls."""
    operators = {row[6] for row in fact_rows("operators.tsv")}
    support = set()
    for one in BUILTIN_TYPES.values():
        support |= {one.input, one.output, one.receive, one.send, one.typmod_in, one.typmod_out, one.analyze}
    found: dict[str, list[list[str]]] = defaultdict(list)
    for row in fact_rows("procs.tsv"):
        types = {int(row[RESULT]), *map(int, row[ARGUMENTS].split())}
        name = row[NAME]
        if types & INTERNAL or row[0] in operators or name in support or SERVER_ONLY.fullmatch(name):
            continue
        found[name].append(row)
    return found


def main() -> int:
    """Prints what is missing; 1 if a name that users call is."""
    parser = argparse.ArgumentParser(prog="python -m tests.function_audit", description=__doc__)
    parser.add_argument("--all", action="store_true", help="print the names that are there as well")
    options = parser.parse_args()
    whole, partly, missing = [], [], []
    for name in sorted(names := called_by_users()):
        supported = [one.supported for one in registry.functions_named(name)]
        (whole if all(supported) else partly if any(supported) else missing).append(name)
    if options.all:
        print("there:", ", ".join(whole), sep="\n")
    print("only some signatures:", ", ".join(partly), sep="\n")
    print("missing:", ", ".join(missing), sep="\n")
    print(f"{len(names)} names: {len(whole)} there, {len(partly)} with some signatures, {len(missing)} missing")
    return 1 if missing or partly else 0


if __name__ == "__main__":
    raise SystemExit(main())
