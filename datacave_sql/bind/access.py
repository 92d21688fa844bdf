"""RelationUse: what a statement wants with a relation, column by column, and in whose name.

The binder notes every mention of a relation and of its columns; whether they are allowed is asked when the statement
is compiled. What stands inside a view is asked of the view's owner, or of the current user for a security invoker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class RelationUse:
    """One mention of a relation. `role_oid` 0 is the current user; column sets hold attribute numbers.

    `selects`: SELECT is needed even where no column is read. `letters` are needed on the relation as a whole.
    `named` tells a mention in the statement itself from one inside a view. `unreadable` are columns of the past whose
    types are others by now.
    """

    relation: Any
    role_oid: int = 0
    selects: bool = True
    named: bool = True
    locks: bool = False
    letters: str = ""
    read: set[int] = field(default_factory=set)
    inserted: set[int] | None = None
    updated: set[int] | None = None
    unreadable: frozenset[int] = frozenset()
