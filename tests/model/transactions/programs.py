"""Programs: what random clients do next, from a seed."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.model.transactions.statements import (
    ACTIONS,
    DEFERRABLE,
    EVERYTHING,
    EXCLUSION,
    REFERRING,
    SHIFT,
    UNIQUE,
    Assignment,
    Row,
    Statement,
    Where,
    plain,
)

KEYS = 6
VALUES = 5
GROUPS = 3
_ARBITERS = {UNIQUE: ("", "(k)", "(u)"), DEFERRABLE: ("(k)",), EXCLUSION: ("", "(k)")}
MODES = ("update", "no key update", "share", "key share")


class Programs:
    """Random statements over few keys, so that clients meet."""

    def __init__(self, chance: random.Random, constraint: str = UNIQUE) -> None:
        self.chance = chance
        self._arbiters = _ARBITERS.get(constraint, _ARBITERS[UNIQUE])
        self._referring = constraint in ACTIONS
        self._next = 100

    def rows(self) -> list[Row]:
        """What the table begins with."""
        chance = self.chance
        rows = [(k, k % VALUES if k < VALUES and k % 2 else None, k % GROUPS, chance.randrange(10)) for k in range(4)]
        referring = range(REFERRING, REFERRING + 3) if self._referring else ()
        return [*rows, *((k, chance.choice((None, 0, 1, 2, 3)), k % GROUPS, chance.randrange(10)) for k in referring)]

    def statement(self) -> Statement:
        """The next statement of a transaction."""
        chance = self.chance
        if self._referring and chance.random() < 0.5:
            return self._of_referring(self._statement())
        return self._statement()

    def _of_referring(self, statement: Statement) -> Statement:
        """The same of table r: keys are higher, and u refers to keys of t."""
        chance = self.chance
        where, assignment = statement.where, statement.assignment
        if where.kind in ("key", "keys", "range", "key and"):
            where = replace(where, a=where.a % SHIFT + REFERRING, b=where.b + REFERRING * (where.kind != "key and"))
        elif where.kind == "unique":
            where = replace(where, a=self._key())
        rows = tuple(
            (row[0] % SHIFT + REFERRING, chance.choice((None, self._key(), self._key())), *row[2:])
            for row in statement.rows
        )
        if assignment is not None and assignment.column in ("u", "k"):
            assignment = Assignment("u", chance.choice((None, self._key(), self._key(), self._key())))
        arbiter = "(k)" if statement.arbiter else ""
        return replace(statement, table="r", where=where, rows=rows, assignment=assignment, arbiter=arbiter)

    def _statement(self) -> Statement:
        chance = self.chance
        kind = chance.choices(
            ("select", "sum", "lock", "insert", "insert sum", "nothing", "upsert", "merge", "update", "delete"),
            (14, 8, 10, 10, 4, 5, 8, 5, 24, 9),
        )[0]
        statement = Statement(kind, self._where())
        if kind == "lock":
            policy = chance.choice(("", "", "", "NOWAIT", "SKIP LOCKED"))
            statement = replace(statement, mode=chance.choice(MODES), policy=policy)
        elif kind == "insert sum":
            statement = replace(statement, rows=(self._row(self._key()),))
        elif kind == "merge":
            statement = replace(statement, rows=(self._row(self._key()),), where=EVERYTHING, plain=True)
        elif kind in ("insert", "nothing", "upsert"):
            keys = chance.sample(range(KEYS), chance.choice((1, 1, 2)))
            rows = [self._row(key) for key in keys]
            if len(rows) == 2 and rows[0][1] == rows[1][1]:
                rows[1] = (rows[1][0], None, *rows[1][2:])
            statement = replace(statement, rows=tuple(rows), where=EVERYTHING)
            if kind == "nothing":
                statement = replace(statement, arbiter=chance.choice(self._arbiters))
            elif kind == "upsert":
                where = chance.choice((EVERYTHING, EVERYTHING, Where("rest", chance.randrange(2), 2)))
                statement = replace(statement, arbiter=chance.choice(self._arbiters) or "(k)", where=where)
        elif kind == "update":
            statement = replace(statement, assignment=self._assignment())
        return plain(statement) if chance.random() < 0.4 and kind in ("insert", "update", "delete") else statement

    def _row(self, key: int) -> Row:
        chance = self.chance
        value = chance.choice((None, None, chance.randrange(VALUES)))
        self._next += 1
        return key, value, chance.randrange(GROUPS), self._next

    def _key(self) -> int:
        chance = self.chance
        return chance.randrange(KEYS) + (SHIFT if chance.random() < 0.1 else 0)

    def _where(self) -> Where:
        chance = self.chance
        kind = chance.choices(
            ("key", "keys", "range", "unique", "group", "rest", "both", "key and", "all"), (12, 2, 4, 3, 4, 3, 2, 2, 1)
        )[0]
        if kind in ("key", "keys"):
            return Where(kind, self._key(), self._key())
        if kind == "range":
            low = chance.randrange(KEYS)
            return Where(kind, low, low + chance.randrange(1, 4))
        if kind == "unique":
            return Where(kind, chance.randrange(VALUES))
        if kind == "rest":
            return Where(kind, chance.randrange(3), 3)
        if kind == "key and":
            return Where(kind, self._key(), chance.randrange(2))
        return Where(kind, chance.randrange(GROUPS), chance.randrange(2))

    def _assignment(self) -> Assignment:
        chance = self.chance
        self._next += 1
        kind = chance.choices(("step", "value", "g", "u", "k", "sum"), (8, 6, 4, 4, 3, 4))[0]
        if kind == "step":
            return Assignment("v", step=chance.randrange(1, 4))
        if kind == "value":
            return Assignment("v", self._next)
        if kind == "g":
            return Assignment("g", chance.randrange(GROUPS))
        if kind == "u":
            return Assignment("u", chance.choice((None, chance.randrange(VALUES))))
        if kind == "k":
            return Assignment("k")
        return Assignment("v", source=Where("group", chance.randrange(GROUPS)))
