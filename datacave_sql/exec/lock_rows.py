"""LockRows: SELECT FOR UPDATE and its kin. Rows are locked as they pass, and re-read if they have changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from datacave_core.layout import PREFIX_LENGTH
from datacave_core.rowbatch import RowBatch
from datacave_core.transaction import KEY_SHARE, NO_KEY_UPDATE, SHARE, SKIPPED, UPDATE, WaitPolicy
from datacave_core.values import Row
from datacave_core.wait import Steps, Wait, wait_for
from datacave_sql.exec.context import ExecutionContext
from datacave_sql.exec.operator import Batches, Operator
from datacave_sql.exec.rowfunction import Factory

LOCK_MODES = {"update": UPDATE, "no key update": NO_KEY_UPDATE, "share": SHARE, "key share": KEY_SHARE}
POLICIES = {"wait": WaitPolicy.BLOCK, "nowait": WaitPolicy.NOWAIT, "skip": WaitPolicy.SKIP_LOCKED}


@dataclass(slots=True)
class LockedTable:
    """One locked table: slots of its key and whole row in the child's rows.

    `make_fresh(c)(child_row, newest)` puts the newest values into the child row. For a parent table `members` are
    (make_fresh, from_physical) of the tables with its rows, by key prefix.
    """

    name: str
    key_slot: int
    row_slot: int
    make_fresh: Factory
    from_physical: object
    key_slots: tuple[int, ...] = ()
    """The columns of unique keys, in a whole row."""
    members: Mapping[bytes, tuple[Factory, object]] | None = None


@dataclass(slots=True)
class LockRows:
    """`make_recheck(c)(child_row)` says whether a row that has changed still qualifies."""

    child: Operator
    tables: tuple[LockedTable, ...]
    mode: str
    policy: str
    make_recheck: Factory | None
    columns: tuple[int, ...]
    not_null: frozenset[int]
    one_by_one: bool = False
    """Whether each locked row is handed on before the next one is locked, for a LIMIT above."""

    def open(self, context: ExecutionContext) -> Batches:
        recheck = self.make_recheck(context) if self.make_recheck is not None else None
        fresh = [_renewal(context, table) for table in self.tables]
        for batch in self.child.open(context):
            if isinstance(batch, Wait):
                yield batch
                continue
            rows: RowBatch = []
            for row in batch:
                changed = False
                kept: Row | None = row
                for table, renew in zip(self.tables, fresh, strict=True):
                    if kept is None or kept[table.key_slot] is None:
                        continue
                    newest, followed = yield from self._lock(context, table, kept[table.key_slot])
                    if newest is None:
                        kept = None
                    elif followed or (newest != kept[table.row_slot] and self._counts(context, table, kept, newest)):
                        kept = renew(kept, newest)
                        changed = True
                if kept is not None and (not changed or recheck is None or recheck(kept)):
                    rows.append(kept)
                    if self.one_by_one:
                        yield rows
                        rows = []
            if rows:
                yield rows

    def _lock(self, context: ExecutionContext, table: LockedTable, key: bytes) -> Steps[tuple[Row | None, bool]]:
        """Locks one row and gives its newest SQL row, None if it is gone or skipped; and whether it has got another
        key while it was waited for."""
        transaction = context.transaction
        place: bytes | None = key
        while place is not None:
            wait = transaction.lock(place, LOCK_MODES[self.mode], POLICIES[self.policy], table.name)
            if wait is SKIPPED:
                return None, False
            if wait is not None:
                yield from wait_for(wait)
            newest = transaction.get_latest(place)
            now = transaction.place_of(key)
            if newest is None or now != place or self.mode != "key share":
                transaction.check_write(place)
            if now == place:
                convert = table.from_physical if table.members is None else table.members[place[:PREFIX_LENGTH]][1]
                return newest if newest is None or not callable(convert) else convert(newest), place != key
            place = now
        return None, False

    def _counts(self, context: ExecutionContext, table: LockedTable, found: Row, newest: Row) -> bool:
        """Whether the newest values of a row are to be shown. A lock of the key lets the rest of the row change: the
        snapshot's values are good then. Raises SerializationFailure where the snapshot is to stay."""
        if self.mode != "key share":
            return True
        old = found[table.row_slot]
        if all(old[slot] == newest[slot] for slot in table.key_slots):
            return False
        context.transaction.check_write(found[table.key_slot])
        return True

    def children(self) -> Sequence[Operator]:
        return (self.child,)

    def label(self) -> str:
        return "LockRows"

    def details(self) -> Sequence[str]:
        return ()


def _renewal(context: ExecutionContext, table: LockedTable) -> Callable[[Row, Row], Row]:
    if table.members is None:
        one: Callable[[Row, Row], Row] = table.make_fresh(context)
        return one
    slot = table.key_slot
    by_prefix = {prefix: make(context) for prefix, (make, _) in table.members.items()}

    def renew(row: Row, newest: Row) -> Row:
        renewed: Row = by_prefix[row[slot][:PREFIX_LENGTH]](row, newest)
        return renewed

    return renew
