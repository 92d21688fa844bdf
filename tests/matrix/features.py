"""Features: what the SQL tests prove, declared where it is proven.

A line in a script of tests/sql/scripts declares one feature that the script shows:

    # feature: KIND | WHAT | STATE | REMARKS

KIND is statement, clause, type, function or error; STATE is yes, partly or no (yes where it is left out); REMARKS say
what is missing or special. Types and functions are also declared by the golden files: each type with recorded values,
each function with recorded calls. Functions that have no body here are listed by PostgreSQL's catalog.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datacave_sql.functions import registry
from datacave_sql.functions.registry import Function

TESTS = Path(__file__).parents[1]
SCRIPTS = TESTS / "sql" / "scripts"
GOLDEN = TESTS / "golden"
KINDS = ("statement", "clause", "type", "function", "error")
STATES = ("yes", "partly", "no")
_DECLARATION = re.compile(r"#\s*feature:(.*)")


@dataclass(frozen=True, order=True)
class Feature:
    """One row of the matrix; `proof` is a path below the project's root."""

    kind: str
    what: str
    state: str
    remarks: str
    proof: str


def declared() -> list[Feature]:
    """The features that the scripts declare. Raises ValueError for a line that is no declaration, or is there twice."""
    found: dict[tuple[str, str], Feature] = {}
    for path in sorted(SCRIPTS.glob("*.slt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = _DECLARATION.match(line)
            if match is None:
                continue
            feature = _parsed(match[1], path.relative_to(TESTS.parent).as_posix(), f"{path.name}:{number}")
            key = (feature.kind, feature.what)
            if key in found:
                raise ValueError(f"{path.name}:{number}: {feature.what} is declared in {found[key].proof} too")
            found[key] = feature
    return list(found.values())


def _parsed(text: str, proof: str, place: str) -> Feature:
    parts = [part.strip() for part in text.split("|")]
    kind, what = parts[0], parts[1] if len(parts) > 1 else ""
    state = parts[2] if len(parts) > 2 and parts[2] else "yes"
    if kind not in KINDS or not what or state not in STATES or len(parts) > 4:
        raise ValueError(f"{place}: not a feature: {text.strip()}")
    return Feature(kind, what, state, parts[3] if len(parts) > 3 else "", proof)


def recorded_types() -> Iterator[Feature]:
    """The types whose input and output are recorded, a row for each golden file."""
    for path in sorted((GOLDEN / "types").glob("io_*.tsv")):
        lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:] if line]
        names = sorted({line[1] for line in lines})
        remarks = f"{len(lines)} recorded inputs and outputs, errors included"
        yield Feature("type", ", ".join(names), "yes", remarks, path.relative_to(TESTS.parent).as_posix())


def recorded_functions() -> Iterator[Feature]:
    """The functions whose calls are recorded, a row for each family."""
    folder = GOLDEN / "functions"
    for path in (*sorted(folder.glob("*.jsonl")), *sorted((folder / "aggregates").glob("*.jsonl"))):
        calls = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        names = sorted({call[1] for call in calls if isinstance(call[1], str)})
        what = f"{path.stem}: {', '.join(names)}"
        yield Feature(
            "function", what, "yes", f"{len(calls)} recorded calls", path.relative_to(TESTS.parent).as_posix()
        )


def missing_functions() -> Feature:
    """What a user could call in PostgreSQL and has no body here: calls answer 0A000."""
    names = sorted(
        {function.name for function in registry.all_functions() if not function.supported and _is_for_users(function)}
    )
    return Feature("function", "Without a body: " + ", ".join(names), "no", "calls answer 0A000", "")


def _is_for_users(function: Function) -> bool:
    """Leaves out input and output functions and what only the system itself calls (internal, trigger, any handler)."""
    inner = {2281, 2275, 2279, 3838, 325, 3310, 2280}  # internal, cstring, trigger, event_trigger, handlers
    return not inner & {*function.argument_types, function.return_type} and not function.name.startswith("binary_")
