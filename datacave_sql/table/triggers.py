"""TableTriggers: the triggers that writes to one table call, by what is written and when."""

from __future__ import annotations

from dataclasses import dataclass, replace

from datacave_core.catalog import Catalog, Table, Trigger


@dataclass(frozen=True, slots=True)
class TableTriggers:
    """`rows` are by timing and event ("bi", "au", ...), those of partitioned tables above among them; `statements`
    too. All are in the order of their names."""

    table: Table
    rows: dict[str, tuple[Trigger, ...]]
    statements: dict[str, tuple[Trigger, ...]]

    @property
    def has_transitions(self) -> bool:
        """Whether any trigger wants transition tables."""
        return any(one.old_table or one.new_table for one in self.table.triggers)


def triggers_of(catalog: Catalog, table: Table) -> TableTriggers | None:
    """The triggers of a table; None for one without any."""
    found = list(table.triggers)
    above = table
    while above.partition_bound is not None and above.parents:
        above = catalog.tables[above.parents[0]]
        found += [_inherited(above, table, one) for one in above.triggers if one.for_each_row]
    active = sorted((one for one in found if one.enabled != "D"), key=lambda one: one.name)
    if not active:
        return None
    rows: dict[str, tuple[Trigger, ...]] = {}
    statements: dict[str, tuple[Trigger, ...]] = {}
    for one in active:
        target = rows if one.for_each_row else statements
        for event in one.events:
            key = one.timing + event
            target[key] = (*target.get(key, ()), one)
    return TableTriggers(table, rows, statements)


def _inherited(above: Table, table: Table, trigger: Trigger) -> Trigger:
    """A trigger of a partitioned table as one of its partition, whose columns may have other numbers."""
    columns = table.columns_by_name
    numbers = tuple(columns[above.column(number).name].number for number in trigger.update_columns)
    return trigger if numbers == trigger.update_columns else replace(trigger, update_columns=numbers)


def reaches_triggers(catalog: Catalog, table: Table) -> bool:
    """Whether a write to a table can call a trigger: its own, or one of a table that follows its foreign keys."""
    seen = {table.oid}
    waiting = [table]
    while waiting:
        one = waiting.pop()
        if triggers_of(catalog, one) is not None:
            return True
        for referring, constraint in catalog.foreign_keys_to(one.oid):
            if referring.oid not in seen and (constraint.on_delete in "cnd" or constraint.on_update in "cnd"):
                seen.add(referring.oid)
                waiting.append(referring)
    return False
