"""Enforcement: which triggers of foreign keys and of deferrable uniqueness fire, after ALTER TABLE DISABLE TRIGGER ALL.

PostgreSQL enforces these constraints by triggers that can be switched one by one. Datacave has no such triggers; each
stands in a place of its constraint, and a table keeps the letters of those on it that are not "O" (`key_switches`).

    place   on the table that     fires at
    0       is referred to        DELETE; of deferrable uniqueness: INSERT and UPDATE
    1       is referred to        UPDATE
    2       refers                INSERT
    3       refers                UPDATE
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from datacave_core.catalog.objects import Constraint, Table
from datacave_core.catalog.snapshot import Catalog

REFERENCED_DELETE: Final = 0
REFERENCED_UPDATE: Final = 1
REFERRING_INSERT: Final = 2
REFERRING_UPDATE: Final = 3
UNIQUE_RECHECK: Final = 0
_ALL_ON: Final = "OOOO"
_TRIGGER_OIDS: Final = 0x4000_0000
_TRIGGER_SPACE: Final = 0x1FFF_FFFF
_TRIGGER_NAME: Final = re.compile(r"(?:RI_ConstraintTrigger_[ac]|Unique_ConstraintTrigger)_(\d+)")


def enforcing_trigger_oid(constraint_oid: int, place: int) -> int:
    """The oid of the trigger in a place of a constraint."""
    return _TRIGGER_OIDS | (constraint_oid * 4 + place) & _TRIGGER_SPACE


def named_place(name: str) -> tuple[int, int] | None:
    """(constraint, place) of a trigger with the name that PostgreSQL gives it; None for other names."""
    found = _TRIGGER_NAME.fullmatch(name)
    if found is None:
        return None
    oid, place = divmod(int(found[1]) & _TRIGGER_SPACE, 4)
    return oid, place


def letter_of(table: Table, constraint_oid: int, place: int) -> str:
    """The letter of a trigger on a table, as pg_trigger.tgenabled has it."""
    return next((letters[place] for oid, letters in table.key_switches if oid == constraint_oid), "O")


def fires(letter: str, replica: bool) -> bool:
    """Whether a trigger with this letter fires; `replica` is what session_replication_role says."""
    return letter == "A" or letter == ("R" if replica else "O")


def key_firing(table: Table, replica: bool) -> Callable[[int, int], bool]:
    """Tells of (constraint, place) whether that trigger on the table fires."""
    letters = dict(table.key_switches)
    return lambda oid, place: fires(letters.get(oid, _ALL_ON)[place], replica)


def whole_key(catalog: Catalog, referring: Table, constraint: Constraint) -> tuple[Table, Constraint]:
    """The foreign key that a partition's is a part of, and its table: the table that is referred to has one trigger for
    all parts."""
    while constraint.parent_oid and referring.parents:
        referring = catalog.tables[referring.parents[0]]
        constraint = next(one for one in referring.constraints if one.oid == constraint.parent_oid)
    return referring, constraint


def key_places(catalog: Catalog, table: Table) -> list[tuple[int, int]]:
    """(constraint, place) of each trigger of constraints on a table."""
    found: dict[tuple[int, int], None] = {}
    for one in table.constraints:
        if one.kind == "f":
            found[one.oid, REFERRING_INSERT] = found[one.oid, REFERRING_UPDATE] = None
        elif one.kind in "pux" and one.deferrable:
            found[one.oid, UNIQUE_RECHECK] = None
    for referring, one, _ in catalog.references_to(table):
        oid = whole_key(catalog, referring, one)[1].oid
        found[oid, REFERENCED_DELETE] = found[oid, REFERENCED_UPDATE] = None
    return list(found)


def switched_keys(table: Table, places: Iterable[tuple[int, int]], letter: str) -> tuple[tuple[int, str], ...]:
    """A table's switches after some of its triggers got a letter."""
    letters = dict(table.key_switches)
    for oid, place in places:
        before = letters.get(oid, _ALL_ON)
        letters[oid] = before[:place] + letter + before[place + 1 :]
    return tuple((oid, found) for oid, found in letters.items() if found != _ALL_ON)
