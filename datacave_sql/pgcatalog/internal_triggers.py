"""Parts of relations that PostgreSQL keeps as rows of their own and Datacave derives: the triggers that enforce keys,
the copies of row triggers on partitions, and the parts of foreign keys that refer to partitioned tables.

Their oids are computed from what they come from, so that they are the same in every snapshot; oids below
0x4000_0000 are handed out to objects that are stored, those from 0x8000_0000 to defaults and rules.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from datacave_core.catalog import UNIQUE_RECHECK, Catalog, Constraint, Table, Trigger, enforcing_trigger_oid, letter_of

_OF_CONSTRAINTS: Final = 0x4000_0000
_OF_PAIRS: Final = 0x6000_0000
_SPACE: Final = 0x1FFF_FFFF
_ACTIONS: Final = {"a": (1654, 1655), "r": (1648, 1649), "c": (1646, 1647), "n": (1650, 1651), "d": (1652, 1653)}
"""Functions that enforce ON DELETE and ON UPDATE."""
_CHECK_INSERT: Final = 1644
_CHECK_UPDATE: Final = 1645
_UNIQUE_RECHECK: Final = 1250


def _pair_oid(kind: str, one: int, other: int) -> int:
    return _OF_PAIRS | zlib.crc32(f"{kind} {one} {other}".encode()) & _SPACE


@dataclass(frozen=True, slots=True)
class DerivedTrigger:
    """A trigger of a table that is not stored with it. `parent_oid` is the trigger that it is a copy of."""

    table: Table
    trigger: Trigger
    constraint: Constraint | None = None  # what it enforces
    parent_oid: int = 0

    @property
    def internal(self) -> bool:
        """Whether it was not made by CREATE TRIGGER."""
        return self.constraint is not None


def _parts_in_order(catalog: Catalog, table: Table) -> list[Table]:
    """The partitions of a table, the default one last."""
    return sorted(
        catalog.children_of(table.oid),
        key=lambda part: (part.partition_bound is not None and part.partition_bound.kind == "d", part.oid),
    )


def reference_parts(catalog: Catalog, table: Table) -> Iterator[Constraint]:
    """What the foreign keys of a table that refer to partitioned tables are to each partition; not those keys that are
    themselves parts of another's."""
    taken = {one.name for one in table.constraints}
    for constraint in table.constraints:
        target = catalog.tables.get(constraint.referenced_table_oid)
        if constraint.kind == "f" and not constraint.parent_oid and target is not None and target.kind == "p":
            yield from _parts_of_key(catalog, constraint, constraint, target, taken)


def _parts_of_key(
    catalog: Catalog, first: Constraint, above: Constraint, target: Table, taken: set[str]
) -> Iterator[Constraint]:
    for part in _parts_in_order(catalog, target):
        number = 1
        while f"{first.name}{number}" in taken:
            number += 1
        name = f"{first.name}{number}"
        taken.add(name)
        numbers = tuple(part.columns_by_name[target.column(one).name].number for one in above.referenced_columns)
        index = next((one.oid for one in part.indexes if one.parent_oid == above.index_oid), 0)
        made = replace(
            above, oid=_pair_oid("key", first.oid, part.oid), name=name, referenced_table_oid=part.oid,
            referenced_columns=numbers, index_oid=index, parent_oid=above.oid, inherit_count=1, is_local=False,
        )  # fmt: skip
        yield made
        yield from _parts_of_key(catalog, first, made, part, taken)


def constraint_of_trigger(trigger: Trigger) -> int:
    """The oid of the constraint that a constraint trigger is."""
    return _pair_oid("constraint", trigger.oid, 0)


def is_derived(oid: int) -> bool:
    """Whether an oid is that of something derived."""
    return oid >= _OF_CONSTRAINTS


def is_reference_part(constraint: Constraint) -> bool:
    """Whether a constraint is what a foreign key is to a partition that it refers to."""
    return constraint.kind == "f" and constraint.oid >= _OF_CONSTRAINTS


def all_constraints(catalog: Catalog, table: Table) -> list[Constraint]:
    """The constraints of a table as pg_constraint has them: stored ones, parts of keys, constraint triggers.

    Those of kind t have the oid of their trigger in `index_oid`.
    """
    found = [*table.constraints, *reference_parts(catalog, table)]
    found += (
        Constraint(
            constraint_of_trigger(one), one.name, "t", index_oid=one.oid, deferrable=one.deferrable,
            initially_deferred=one.deferred, no_inherit=True,
        )
        for one in table.triggers
        if one.constraint
    )  # fmt: skip
    return found


def depends_on_others(catalog: Catalog, table: Table) -> bool:
    """Whether the derived parts of a table change without the table."""
    if table.kind == "p" or table.partition_bound is not None:
        return True
    for one in table.constraints:
        target = catalog.tables.get(one.referenced_table_oid) if one.kind == "f" else None
        if target is not None and target.kind == "p":
            return True
    return False


def _enforcing(
    constraint: Constraint,
    place: int,
    function: int,
    events: str,
    letter: str,
    referenced: int,
    deferrable: bool,
    enabled: str,
) -> Trigger:
    oid = enforcing_trigger_oid(constraint.oid, place)
    if constraint.oid >= _OF_CONSTRAINTS:
        oid = _pair_oid("trigger", constraint.oid, place)
    name = f"Unique_ConstraintTrigger_{oid}" if letter == "u" else f"RI_ConstraintTrigger_{letter}_{oid}"
    return Trigger(
        oid, name, function, "a", events, for_each_row=True, enabled=enabled, constraint=True, deferrable=deferrable,
        deferred=deferrable and constraint.initially_deferred, referenced_oid=referenced,
    )  # fmt: skip


def _of_constraint(
    catalog: Catalog, table: Table, constraint: Constraint, whole: int
) -> Iterator[tuple[Table, Trigger]]:
    """(table, trigger) of each trigger that enforces a constraint of `table`, in the places of datacave_core's
    enforcement. `whole` is the oid of the stored key that a part belongs to."""
    if constraint.kind in "pu" and constraint.deferrable:
        enabled = letter_of(table, constraint.oid, UNIQUE_RECHECK)
        yield table, _enforcing(constraint, 0, _UNIQUE_RECHECK, "iu", "u", 0, True, enabled)
    target = catalog.tables.get(constraint.referenced_table_oid)
    if constraint.kind != "f" or target is None:
        return
    if not constraint.parent_oid or constraint.oid >= _OF_CONSTRAINTS:
        for place, event, rule in ((0, "d", constraint.on_delete), (1, "u", constraint.on_update)):
            waits = rule == "a" and constraint.deferrable
            enabled = letter_of(target, whole, place)
            yield target, _enforcing(constraint, place, _ACTIONS[rule][place], event, "a", table.oid, waits, enabled)
    if constraint.oid < _OF_CONSTRAINTS:
        for place, event, function in ((2, "i", _CHECK_INSERT), (3, "u", _CHECK_UPDATE)):
            enabled = letter_of(table, constraint.oid, place)
            yield table, _enforcing(constraint, place, function, event, "c", target.oid, constraint.deferrable, enabled)


def triggers_of_constraints(catalog: Catalog, table: Table) -> list[DerivedTrigger]:
    """The triggers that enforce the constraints of a table, on this table and on those it refers to."""
    found = []
    wholes: dict[int, int] = {}
    for constraint in all_constraints(catalog, table):
        whole = wholes.get(constraint.parent_oid, constraint.oid) if is_reference_part(constraint) else constraint.oid
        wholes[constraint.oid] = whole
        for owner, trigger in _of_constraint(catalog, table, constraint, whole):
            found.append(DerivedTrigger(owner, trigger, constraint, _parent_trigger(constraint, trigger)))
    return found


def first_system_trigger(catalog: Catalog, table: Table) -> str:
    """The name of the first trigger on a table that enforces a constraint. The table has one."""
    about = {one.oid: one for one in (table, *(referring for referring, _, _ in catalog.references_to(table)))}
    found = (one for other in about.values() for one in triggers_of_constraints(catalog, other))
    return min(one.trigger.name for one in found if one.table.oid == table.oid)


def _parent_trigger(constraint: Constraint, trigger: Trigger) -> int:
    """The oid of the same trigger of the constraint above; 0 for one that stands alone."""
    if not constraint.parent_oid or constraint.kind != "f":
        return 0
    place = {_CHECK_INSERT: 2, _CHECK_UPDATE: 3}.get(trigger.function_oid, int(trigger.events == "u"))
    if constraint.parent_oid >= _OF_CONSTRAINTS:
        return _pair_oid("trigger", constraint.parent_oid, place)
    return enforcing_trigger_oid(constraint.parent_oid, place)


def copied_triggers(catalog: Catalog, table: Table) -> Iterator[DerivedTrigger]:
    """The copies on all partitions of the row triggers of a partitioned table."""
    if table.kind == "p" and any(one.for_each_row for one in table.triggers):
        yield from _copies(catalog, table, [one for one in table.triggers if one.for_each_row])


def _copies(catalog: Catalog, table: Table, triggers: list[Trigger]) -> Iterator[DerivedTrigger]:
    for part in catalog.children_of(table.oid):
        made = []
        for one in triggers:
            numbers = tuple(part.columns_by_name[table.column(number).name].number for number in one.update_columns)
            made.append(replace(one, oid=_pair_oid("copy", one.oid, part.oid), update_columns=numbers))
            yield DerivedTrigger(part, made[-1], None, one.oid)
        yield from _copies(catalog, part, made)


def derived_triggers(catalog: Catalog) -> Iterator[DerivedTrigger]:
    """All triggers that are not stored."""
    for table in catalog.tables.values():
        if table.constraints:
            yield from triggers_of_constraints(catalog, table)
        yield from copied_triggers(catalog, table)
