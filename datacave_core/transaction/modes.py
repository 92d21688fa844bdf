"""Lock modes: PostgreSQL's four row locks and eight table locks as bits, and which conflict.

Row modes contain the weaker ones (PostgreSQL 15, table 13.3), so that holding UPDATE is holding all of them:

                     KEY SHARE   SHARE   NO KEY UPDATE   UPDATE
    KEY SHARE                                               x
    SHARE                                      x            x
    NO KEY UPDATE                  x           x            x
    UPDATE               x         x           x            x

Table modes (table 13.2) do not contain each other; an owner may hold several. Advisory locks use SHARE and UPDATE.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class LockMode(IntEnum):
    """Row lock modes, weakest first. The locking functions take plain ints, since IntEnum arithmetic is slow."""

    KEY_SHARE = 0b0001
    SHARE = 0b0011
    NO_KEY_UPDATE = 0b0111
    UPDATE = 0b1111


class TableLockMode(IntEnum):
    """Table lock modes, as LOCK TABLE names them."""

    ACCESS_SHARE = 1 << 4
    ROW_SHARE = 1 << 5
    ROW_EXCLUSIVE = 1 << 6
    SHARE_UPDATE_EXCLUSIVE = 1 << 7
    SHARE = 1 << 8
    SHARE_ROW_EXCLUSIVE = 1 << 9
    EXCLUSIVE = 1 << 10
    ACCESS_EXCLUSIVE = 1 << 11


KEY_SHARE: Final = 0b0001
SHARE: Final = 0b0011
NO_KEY_UPDATE: Final = 0b0111
UPDATE: Final = 0b1111

WEAK_TABLE_MODES: Final = (1 << 4) | (1 << 5) | (1 << 6)
"""ACCESS SHARE, ROW SHARE and ROW EXCLUSIVE: what queries and row changes take; they never conflict."""

_TABLE_CONFLICTS = {
    TableLockMode.ACCESS_SHARE: (7,),
    TableLockMode.ROW_SHARE: (6, 7),
    TableLockMode.ROW_EXCLUSIVE: (4, 5, 6, 7),
    TableLockMode.SHARE_UPDATE_EXCLUSIVE: (3, 4, 5, 6, 7),
    TableLockMode.SHARE: (2, 3, 5, 6, 7),
    TableLockMode.SHARE_ROW_EXCLUSIVE: (2, 3, 4, 5, 6, 7),
    TableLockMode.EXCLUSIVE: (1, 2, 3, 4, 5, 6, 7),
    TableLockMode.ACCESS_EXCLUSIVE: (0, 1, 2, 3, 4, 5, 6, 7),
}

CONFLICTS: Final[dict[int, int]] = {
    # A weaker mode's lowest bit stands for "this or stronger".
    KEY_SHARE: 0b1000,
    SHARE: 0b0100,
    NO_KEY_UPDATE: 0b0010,
    UPDATE: 0b0001,
    **{int(mode): sum(1 << (4 + i) for i in others) for mode, others in _TABLE_CONFLICTS.items()},
}
"""For each mode that can be asked for, the bits it does not get along with."""

ADVISORY_PREFIX: Final = b"\xff\xff\xff\xff\xff\xff"
TABLE_PREFIX: Final = b"\xff\xff\xff\xff\xff\xfe"
"""Keys of advisory and of table locks begin with these; no row has such a table id."""

_TABLE_MODE_NAMES = {
    int(mode): "".join(part.capitalize() for part in mode.name.split("_")) + "Lock" for mode in TableLockMode
}


def mode_name(mode: int) -> str:
    """The name in pg_locks: of a set of table modes, the strongest; of a row or advisory lock, its kind."""
    strongest = 1 << (mode.bit_length() - 1)
    if strongest in _TABLE_MODE_NAMES:
        return _TABLE_MODE_NAMES[strongest]
    return "ExclusiveLock" if mode > SHARE else "ShareLock"


def describe_lock(key: bytes, mode: int, blocking_transaction: int) -> str:
    """A lock as PostgreSQL's deadlock reports name it; a row is named by the transaction that holds it."""
    if key.startswith(ADVISORY_PREFIX):
        numbers = ",".join(str(int.from_bytes(key[i : i + 4], "big")) for i in range(6, len(key) - 1, 4))
        return f"{mode_name(mode)} on advisory lock [{numbers},{key[-1]}]"
    if key.startswith(TABLE_PREFIX):
        return f"{mode_name(mode)} on relation {int.from_bytes(key[6:], 'big')}"
    return f"ShareLock on transaction {blocking_transaction}"
