"""Triggers: functions that writes to a table call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger of a table or view. `timing` is b (BEFORE), a (AFTER) or i (INSTEAD OF).

    `events` has the letters i, d, u, t (INSERT, DELETE, UPDATE, TRUNCATE); `update_columns` those of UPDATE OF.
    `enabled` is pg_trigger's letter: O origin, D disabled, A always, R replica. `constraint` marks a CONSTRAINT
    TRIGGER, whose oid stands for its constraint too.
    """

    oid: int
    name: str
    function_oid: int
    timing: str
    events: str
    for_each_row: bool = False
    update_columns: tuple[int, ...] = ()
    condition: str | None = None  # SQL text over OLD and NEW
    arguments: tuple[str, ...] = ()
    enabled: str = "O"
    constraint: bool = False
    deferrable: bool = False
    deferred: bool = False
    referenced_oid: int = 0  # FROM of a constraint trigger
    old_table: str = ""  # names of transition tables
    new_table: str = ""
    depends_on: tuple[int, ...] = ()  # oids of other relations and routines that the condition names
