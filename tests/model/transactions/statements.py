"""Statements of the model: their SQL, and what each has to give by the rules of isolation levels.

Table t (k, u, g, v), k and u unique, u by one of several kinds of constraints. With foreign keys there is a table r of
the same columns too, whose k begin at REFERRING and whose u refer to k of t; so a row tells its table by its k. A state
has its rows under identities of the model's own, since a row that gets another key stays the same row. `evaluate` is
the oracle: a statement reads a snapshot, and where it locks or writes it goes by the newest committed rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

Row: TypeAlias = tuple[int, int | None, int, int]
Identity: TypeAlias = tuple[int, ...]
State: TypeAlias = Mapping[Identity, tuple[Row, int]]
"""Rows with the number of the commit that wrote them."""
Own: TypeAlias = Mapping[Identity, Row | None]
"""What a transaction has written; None: deleted."""

UNIQUE, DEFERRABLE, EXCLUSION = "unique", "deferrable", "exclusion"
CONSTRAINTS = {
    UNIQUE: "UNIQUE (u)",
    DEFERRABLE: "UNIQUE (u) DEFERRABLE",
    EXCLUSION: "EXCLUDE USING btree (u WITH =)",
}
"""What keeps the values of u apart, by its kind."""
REFERRING = 1000
"""The least k of rows that refer to others."""
ACTIONS = ("no action", "restrict", "cascade", "set null", "set default")
"""What becomes of a row that refers to one that goes or gets another key; as a kind of constraint, beside UNIQUE."""
DEFAULT_REFERENCE = 2
REFERRING_TABLE = (
    "CREATE TABLE r (k int PRIMARY KEY, u int DEFAULT {default} REFERENCES t (k) ON DELETE {action} ON UPDATE {action},"
    " g int NOT NULL, v bigint NOT NULL)"
)
REFERRING_INDEX = "CREATE INDEX r_u ON r (u)"
TABLE = "CREATE TABLE t (k int PRIMARY KEY, u int, g int NOT NULL, v bigint NOT NULL, {constraint})"
INDEX = "CREATE INDEX t_g ON t (g)"
SHIFT = 50
"""Rows move between k and k + SHIFT."""
EXCLUSIVE = "update"


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on rows of t."""

    kind: str
    a: int = 0
    b: int = 0

    def sql(self) -> str:
        a, b = self.a, self.b
        return {
            "key": f"k = {a}",
            "keys": f"k IN ({a}, {b})",
            "range": f"k BETWEEN {a} AND {b}",
            "unique": f"u = {a}",
            "group": f"g = {a}",
            "rest": f"v % {b} = {a}",
            "both": f"g = {a} AND v % 2 = {b}",
            "key and": f"k = {a} AND v % 2 = {b}",
            "all": "true",
        }[self.kind]

    def holds(self, row: Row) -> bool:
        k, u, g, v = row
        a, b = self.a, self.b
        if self.kind == "key":
            return k == a
        if self.kind == "keys":
            return k in (a, b)
        if self.kind == "range":
            return a <= k <= b
        if self.kind == "unique":
            return u == a
        if self.kind == "group":
            return g == a
        if self.kind == "rest":
            return v % b == a
        if self.kind == "both":
            return g == a and v % 2 == b
        if self.kind == "key and":
            return k == a and v % 2 == b
        return True


EVERYTHING = Where("all")


@dataclass(frozen=True, slots=True)
class Assignment:
    """SET of an UPDATE: `column` to a value, by a step, or (`source`) to a sum over rows."""

    column: str
    value: int | None = None
    step: int = 0
    source: Where | None = None

    def sql(self) -> str:
        if self.source is not None:
            return f"v = (SELECT coalesce(sum(v), 0) % 1000 FROM t WHERE {self.source.sql()})"
        if self.column == "k":
            return f"k = (k + {SHIFT}) % {2 * SHIFT}"
        if self.step:
            return f"v = v + {self.step}"
        return f"{self.column} = {'NULL' if self.value is None else self.value}"

    def apply(self, row: Row, total: int) -> Row:
        k, u, g, v = row
        if self.source is not None:
            return k, u, g, total % 1000
        if self.column == "k":
            return (k + SHIFT) % (2 * SHIFT), u, g, v
        if self.column == "u":
            return k, self.value, g, v
        assert self.value is not None or self.step
        if self.column == "g":
            return k, u, self.value or 0, v
        return k, u, g, v + self.step if self.step else self.value or 0


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement. `kind`: select, sum, lock, insert, insert sum, nothing, upsert, merge, update, delete."""

    kind: str
    where: Where = EVERYTHING
    rows: tuple[Row, ...] = ()
    assignment: Assignment | None = None
    mode: str = EXCLUSIVE
    policy: str = ""
    arbiter: str = ""
    plain: bool = False
    """Without RETURNING, so that the short ways of point statements are taken."""
    table: str = "t"

    def sql(self) -> str:
        text = self._sql()
        if self.table == "t":
            return text
        return re.sub(r"\b(FROM|INTO|UPDATE|ON|=) t\b", r"\1 r", text).replace(" t.", " r.")

    def _sql(self) -> str:
        returning = "" if self.plain else " RETURNING k, u, g, v"
        if self.kind == "select":
            return f"SELECT k, u, g, v FROM t WHERE {self.where.sql()}"
        if self.kind == "sum":
            return f"SELECT count(*), coalesce(sum(v), 0)::bigint FROM t WHERE {self.where.sql()}"
        if self.kind == "lock":
            return f"SELECT k, u, g, v FROM t WHERE {self.where.sql()} FOR {self.mode.upper()} {self.policy}".rstrip()
        if self.kind == "delete":
            return f"DELETE FROM t WHERE {self.where.sql()}{returning}"
        if self.kind == "update":
            assert self.assignment is not None
            return f"UPDATE t SET {self.assignment.sql()} WHERE {self.where.sql()}{returning}"
        if self.kind == "insert sum":
            (row,) = self.rows
            source = f"SELECT {row[0]}, NULL::int, {row[2]}, coalesce(sum(v), 0) % 1000 FROM t"
            return f"INSERT INTO t {source} WHERE {self.where.sql()}{returning}"
        values = ", ".join(f"({k}, {'NULL' if u is None else u}, {g}, {v})" for k, u, g, v in self.rows)
        if self.kind == "merge":
            text = f"MERGE INTO t USING (VALUES {values}) s (k, u, g, v) ON t.k = s.k"
            text += " WHEN MATCHED THEN UPDATE SET v = t.v + s.v, g = s.g"
            return text + " WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.u::int, s.g, s.v)"
        text = f"INSERT INTO t VALUES {values}"
        if self.kind == "nothing":
            text += f" ON CONFLICT {self.arbiter} DO NOTHING".replace("  ", " ")
        elif self.kind == "upsert":
            text += f" ON CONFLICT {self.arbiter} DO UPDATE SET v = t.v + excluded.v, g = excluded.g"
            text += f" WHERE {self.where.sql().replace('g =', 't.g =').replace('v %', 't.v %')}"
        return text + returning

    @property
    def writes(self) -> bool:
        return self.kind not in ("select", "sum", "lock")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a statement runs on. `several`: READ COMMITTED, else a changed row is an error."""

    snapshot: State
    latest: State
    own: Own
    several: bool
    constraint: str = UNIQUE


@dataclass(frozen=True, slots=True)
class Expected:
    """What a statement gives: sorted rows, or one of some errors; and what it has written and locked then."""

    rows: tuple[tuple[Any, ...], ...] = ()
    errors: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()
    """Errors in place of the rows that there may be, but need not: a row that cannot be locked may be skipped too."""
    own: Own | None = None
    locked: Mapping[Identity, str] | None = None
    found: Mapping[Identity, Row] | None = None
    """The rows of a locking statement by their identities."""

    def without_skipped(self, seen: tuple[tuple[Any, ...], ...] | None) -> Expected:
        """What it gives if it has skipped what it was not seen to give."""
        if seen is None or self.found is None or self.errors:
            return self
        found = {identity: row for identity, row in self.found.items() if row in seen}
        locked = {identity: mode for identity, mode in (self.locked or {}).items() if identity in found}
        return replace(self, rows=_sorted(list(found.values())), locked=locked, found=found)


def evaluate(statement: Statement, reading: Reading, number: Identity) -> Expected:
    """What a statement gives; rows that it inserts are known by `number` from now on."""
    return _Run(statement, reading, number).result()


class _Run:
    def __init__(self, statement: Statement, reading: Reading, number: Identity) -> None:
        self.statement = statement
        self.reading = reading
        self.number = number
        self.own = dict(reading.own)
        self.locked: dict[Identity, str] = {}
        self.found: dict[Identity, Row] = {}
        self.errors: set[str] = set()
        self.possible: set[str] = set()
        self.seen = {
            identity: row
            for identity, row in view(reading.snapshot, reading.own).items()
            if table_of(row) == statement.table
        }
        self.gone: dict[int, int | None] = {}
        """Keys of t that rows have no longer, with those that they have now."""
        self.referring: dict[Identity, None] = {}
        """Rows of r whose references are new."""

    def result(self) -> Expected:
        statement, reading = self.statement, self.reading
        seen = [row for row in self.seen.values() if statement.where.holds(row)]
        if statement.kind == "select":
            return Expected(_sorted(seen), own=self.own)
        if statement.kind == "sum":
            return Expected(((len(seen), sum(row[3] for row in seen)),), own=self.own)
        if statement.kind in ("update", "delete", "lock"):
            rows = self._change()
        elif statement.kind == "insert sum":
            (row,) = statement.rows
            rows = self._insert([(row[0], None, row[2], sum(one[3] for one in seen) % 1000)])
        elif statement.kind == "merge":
            rows = self._merge(statement.rows[0])
        else:
            rows = self._insert(list(statement.rows))
        if reading.constraint in ACTIONS:
            self._follow(reading.constraint)
        if self.errors:
            return Expected(errors=frozenset(self.errors), own=self.reading.own, locked={})
        found = self.found if statement.kind == "lock" else None
        possible = frozenset(self.possible)
        return Expected(_sorted(rows), possible=possible, own=self.own, locked=self.locked, found=found)

    def _newest(self) -> dict[Identity, Row]:
        return view(self.reading.latest, self.own)

    def _change(self) -> list[Row]:
        """UPDATE, DELETE, SELECT FOR UPDATE."""
        statement, source = self.statement, None
        total = 0
        if statement.assignment is not None and (source := statement.assignment.source) is not None:
            total = sum(row[3] for row in self.seen.values() if source.holds(row))
        found: list[Row] = []
        for identity, row in self.seen.items():
            if not statement.where.holds(row):
                continue
            newest = self._lock(identity, row)
            if statement.policy == "SKIP LOCKED" and self.errors:
                self.possible |= self.errors
                self.errors.clear()
                continue
            if newest is None:
                continue
            mode = statement.mode if statement.kind == "lock" else EXCLUSIVE
            self.locked[identity] = mode
            if not statement.where.holds(newest) and newest is not row:
                continue
            if statement.kind == "update":
                assert statement.assignment is not None
                before, newest = newest, statement.assignment.apply(newest, total)
                self._check_unique(newest, identity)
                self._write(identity, before, newest)
            elif statement.kind == "delete":
                self._write(identity, newest, None)
            self.found[identity] = newest
            found.append(newest)
        return found

    def _lock(self, identity: Identity, row: Row) -> Row | None:
        """The newest version of a row that was found, None where it is gone."""
        reading = self.reading
        if identity in reading.own:
            return row
        now = reading.latest.get(identity)
        if now == reading.snapshot[identity]:
            return row
        if (
            self.statement.mode == "key share"
            and self.statement.kind == "lock"
            and now
            and same_key(now[0], row, reading.constraint)
        ):
            # Who locks the key lets the rest of the row change.
            return row
        if not reading.several:
            self.errors.add("40001")
        return now[0] if now is not None else None

    def _check_unique(self, row: Row, identity: Identity | None) -> None:
        reading = self.reading
        for other, there in self._newest().items():
            if other != identity and _meet(there, row):
                self.errors.add("23505")
        if reading.several:
            return
        # A value that the snapshot shows in a row cannot be given to another one, though it is free by now.
        for other, (old, _) in reading.snapshot.items():
            if other in self.own or other == identity:
                continue
            now = reading.latest.get(other, (None, 0))[0]
            if old[0] == row[0] and (now is None or now[0] != old[0]):
                self.errors.add("40001")
            if (
                reading.constraint not in (DEFERRABLE, EXCLUSION)
                and table_of(row) == table_of(old) == "t"
                and old[1] is not None
                and old[1] == row[1]
                and (now is None or now[1] != old[1])
            ):
                self.errors.add("40001")

    def _insert(self, rows: list[Row]) -> list[Row]:
        found: list[Row] = []
        for place, row in enumerate(rows):
            written = self._insert_or(row)
            if written is not None:
                found.append(written)
                continue
            if self.statement.kind in ("nothing", "upsert") and self._holder(row) is not None:
                continue
            self._check_unique(row, None)
            self._write((*self.number, place), None, row)
            found.append(row)
        return found

    def _merge(self, row: Row) -> list[Row]:
        """A row of the snapshot that is gone, or has another key by now, is no match any more."""
        matched = next((one for one, there in self.seen.items() if there[0] == row[0]), None)
        newest = self._lock(matched, self.seen[matched]) if matched is not None else None
        if matched is None or newest is None or newest[0] != row[0]:
            return self._insert([row])
        self.locked[matched] = EXCLUSIVE
        changed = (newest[0], newest[1], row[2], newest[3] + row[3])
        self._write(matched, newest, changed)
        return [changed]

    def _write(self, identity: Identity, before: Row | None, after: Row | None) -> None:
        self.own[identity] = after
        if before is not None and table_of(before) == "t" and (after is None or after[0] != before[0]):
            self.gone[before[0]] = None if after is None else after[0]
        if (
            after is not None
            and table_of(after) == "r"
            and after[1] is not None
            and (before is None or before[1] != after[1])
        ):
            self.referring[identity] = None

    # Foreign keys, when everything else has been written

    def _follow(self, action: str) -> None:
        if self.gone and not self.reading.several and self.reading.snapshot is not self.reading.latest:
            # A row that referred to the key, and that another has taken away while it was waited for.
            self.possible.add("40001")
        for key, now in self.gone.items():
            self._follow_key(action, key, now)
        for identity in self.referring:
            row = self.own[identity]
            if row is not None and row[1] is not None:
                self._check_reference(row[1])

    def _follow_key(self, action: str, key: int, now: int | None) -> None:
        """What becomes of the rows that refer to a key: those that there are now, seen or not."""
        if action == "no action" and self._holder_of(self._newest(), key) is not None:
            return
        for identity, row in self._newest().items():
            if table_of(row) != "r" or row[1] != key:
                continue
            if action in ("no action", "restrict"):
                self.errors.add("23503")
                return
            reading = self.reading
            unseen = identity not in reading.own and reading.latest.get(identity) != reading.snapshot.get(identity)
            if unseen and not reading.several:
                self.errors.add("40001")
                return
            self.locked[identity] = EXCLUSIVE
            if action == "cascade" and now is None:
                self.own[identity] = None
                continue
            after = now if action == "cascade" else DEFAULT_REFERENCE if action == "set default" else None
            self._write(identity, row, (row[0], after, *row[2:]))
            if after == key:
                self.errors.add("23503")

    def _check_reference(self, key: int) -> None:
        reading = self.reading
        newest = self._newest()
        holder = self._holder_of(newest, key)
        if holder is not None and holder in self.own:
            return
        if not reading.several:
            shown = self._holder_of(view(reading.snapshot, self.own), key)
            if shown is None:
                holder = None
            elif shown != holder:
                self.errors.add("40001")
                return
        if holder is None:
            self.errors.add("23503")
        else:
            self.locked.setdefault(holder, "key share")

    @staticmethod
    def _holder_of(rows: Mapping[Identity, Row], key: int) -> Identity | None:
        return next((identity for identity, row in rows.items() if row[0] == key), None)

    def _holder(self, row: Row) -> Identity | None:
        """The row that is in the way of an INSERT ... ON CONFLICT."""
        arbiter = self.statement.arbiter
        newest = self._newest()
        if arbiter in ("", "(k)"):
            for identity, there in newest.items():
                if there[0] == row[0]:
                    return identity
        if arbiter in ("", "(u)") and row[1] is not None and table_of(row) == "t":
            for identity, there in newest.items():
                if there[1] == row[1] and table_of(there) == "t":
                    return identity
        return None

    def _insert_or(self, row: Row) -> Row | None:
        """What DO UPDATE makes of the row in the way."""
        statement, reading = self.statement, self.reading
        if statement.kind not in ("nothing", "upsert"):
            return None
        holder = self._holder(row)
        if holder is None:
            return None
        if holder not in self.own and not reading.several and reading.snapshot.get(holder) != reading.latest[holder]:
            self.errors.add("40001")
        if statement.kind == "nothing":
            return None
        if holder in self.own and self.own[holder] != reading.own.get(holder):
            self.errors.add("21000")
        old = self._newest()[holder]
        self.locked[holder] = EXCLUSIVE
        if not statement.where.holds(old):
            return None
        changed = (old[0], old[1], row[2], old[3] + row[3])
        self._write(holder, old, changed)
        return changed


def table_of(row: Row) -> str:
    """The table that has a row."""
    return "r" if row[0] >= REFERRING else "t"


def _meet(a: Row, b: Row) -> bool:
    """Whether two rows cannot both be there."""
    return a[0] == b[0] or (a[1] is not None and a[1] == b[1] and table_of(a) == table_of(b) == "t")


def same_key(a: Row, b: Row, constraint: str) -> bool:
    """Whether nothing differs that locks of a row's key keep as it is: values of exclusion constraints may change, and
    references."""
    columns = 1 if constraint == EXCLUSION or table_of(a) == "r" else 2
    return a[:columns] == b[:columns]


def view(state: State, own: Own) -> dict[Identity, Row]:
    """The rows of a state as a transaction sees them that has written some."""
    seen = {identity: row for identity, (row, _) in state.items() if identity not in own}
    seen.update({identity: row for identity, row in own.items() if row is not None})
    return seen


def _sorted(rows: list[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: (row[0], row[1] or -1, *row[2:])))


def plain(statement: Statement) -> Statement:
    """The statement without RETURNING, if it names its row by key and does not read others."""
    if statement.assignment is not None and statement.assignment.source is not None:
        return statement
    names_row = statement.where.kind in ("key", "key and") or (statement.kind == "insert" and len(statement.rows) == 1)
    return replace(statement, plain=True) if names_row else statement
