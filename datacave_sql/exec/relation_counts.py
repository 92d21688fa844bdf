# cython: language_level=3, annotation_typing=False
"""RelationCounts: what one session has done with one table or index, for the pg_stat views.

Counted where work begins or ends, never for each row of a scan. The totals of a database are the sums over its
sessions (session/activity_counts.py).
"""

from __future__ import annotations

from typing import Final

COUNTED: Final = ("scans", "read", "fetched", "inserted", "updated", "updated_hot", "deleted")
"""What is counted: scans begun; rows or entries read by them; rows fetched through an index; rows written.

`updated_hot` are updates that changed no entry of an index.
"""


class RelationCounts:
    """The counts of one relation. `lone` are lookups that were a transaction of their own, not among `scans`."""

    __slots__ = (
        "deleted", "deleted_before", "fetched", "fetched_before", "inserted", "inserted_before", "lone", "number",
        "read", "read_before", "scans", "scans_before", "updated", "updated_before", "updated_hot",
        "updated_hot_before",
    )  # fmt: skip

    def __init__(self) -> None:
        self.number = 0
        """The transaction that it was touched in last; what was counted before that has names of its own, because
        every transaction notes it for every relation."""
        self.scans = self.lone = self.read = self.fetched = 0
        self.inserted = self.updated = self.updated_hot = self.deleted = 0
        self.begin(0)

    def begin(self, number: int) -> None:
        """Notes that another transaction touches the relation."""
        self.number = number
        self.scans_before = self.scans + self.lone
        self.read_before = self.read
        self.fetched_before = self.fetched
        self.inserted_before = self.inserted
        self.updated_before = self.updated
        self.updated_hot_before = self.updated_hot
        self.deleted_before = self.deleted

    def looked_up(self, fetched: int, *, lone: bool) -> None:
        """Counts a lookup by key and the rows that it has found."""
        if lone:
            self.lone += 1
        else:
            self.scans += 1
        self.fetched += fetched

    def values(self) -> tuple[int, ...]:
        """The counts in the order of COUNTED."""
        return (
            self.scans + self.lone, self.read, self.fetched, self.inserted, self.updated, self.updated_hot,
            self.deleted,
        )  # fmt: skip

    def of_transaction(self, number: int) -> tuple[int, ...]:
        """What a transaction has done so far."""
        if self.number != number:
            return (0,) * len(COUNTED)
        before = (
            self.scans_before, self.read_before, self.fetched_before, self.inserted_before, self.updated_before,
            self.updated_hot_before, self.deleted_before,
        )  # fmt: skip
        return tuple(now - then for now, then in zip(self.values(), before, strict=True))


class SessionCounts:
    """The counts of one session: by oid of table or index, and its transactions."""

    __slots__ = ("committed", "relations", "rolled_back")

    def __init__(self) -> None:
        self.relations: dict[int, RelationCounts] = {}
        self.committed = 0
        self.rolled_back = 0

    def ended(self, committed: bool) -> None:
        """Counts the end of a transaction."""
        if committed:
            self.committed += 1
        else:
            self.rolled_back += 1

    def of(self, oid: int) -> RelationCounts:
        """The counts of a relation."""
        found = self.relations.get(oid)
        if found is None:
            found = self.relations[oid] = RelationCounts()
        return found

    def within(self, oid: int, number: int) -> RelationCounts:
        """The counts of a relation that a transaction touches now."""
        found = self.of(oid)
        if found.number != number:
            found.begin(number)
        return found
