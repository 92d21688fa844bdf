"""Random statements that write: INSERT, ON CONFLICT, UPDATE, DELETE and MERGE, in a block that is rolled back.

After each the rows of the table are read, so that what was written is compared and not just what was returned.
"""

from __future__ import annotations

from random import Random

from tests.differential.data import COLUMNS, TABLES
from tests.differential.queries import Queries

PLAIN = ("i", "s", "b", "n", "t", "v", "o", "d", "p")
KEYED = ("t1", "t2")


class Writes:
    """A stream of writes from one seed."""

    def __init__(self, random: Random, queries: Queries) -> None:
        self.random = random
        self.queries = queries

    def block(self) -> str:
        """`begin; write; select`: the caller rolls back."""
        table, text = self.random.choice(
            (self._insert, self._upsert, self._update, self._delete, self._merge, self._cte)
        )()
        return f"begin; {text}; select * from {table}"

    def _pick(self, *options: str) -> str:
        return self.random.choice(options)

    def _names(self) -> list[str]:
        return self.random.sample(PLAIN, self.random.randint(1, 3))

    def _value(self, name: str) -> str:
        declared, values = COLUMNS[name]
        return self._pick("null", "default", *(f"'{value}'::{declared}" for value in values[:3]))

    def _returning(self, scope: str) -> str:
        if self.random.random() < 0.4:
            return ""
        return f" returning {scope}.id, {self.queries.value([scope])} as c"

    def _insert(self) -> tuple[str, str]:
        table, names = self._pick(*TABLES), self._names()
        if self.random.random() < 0.5:
            rows = ", ".join(
                f"({1000 + number}, {', '.join(self._value(name) for name in names)})" for number in range(3)
            )
            source = f"values {rows}"
        else:
            shown = ", ".join(f"x.{name}" for name in names)
            source = (
                f"select x.id + 1000, {shown} from {self._pick(*TABLES)} x where {self.queries.condition(['x'], 1)}"
            )
        return table, f"insert into {table} (id, {', '.join(names)}) {source}{self._returning(table)}"

    def _changes(self, scope: list[str], target: str) -> str:
        names = self._names()
        changes = []
        for name in names:
            form = self.random.randrange(4)
            if form == 0:
                changes.append(f"{name} = {self._value(name)}")
            elif form == 1:
                changes.append(f"{name} = {self.random.choice(scope)}.{name}")
            elif form == 2:
                changes.append(
                    f"{name} = (select max(y.{name}::text)::{COLUMNS[name][0]} from {self._pick(*TABLES)} y "
                    f"where y.id = {target}.id)"
                )
            else:
                changes.append(f"({name}, w) = (select y.{name}, y.w from t1 y where y.id = {target}.id)")
        return ", ".join(
            {change.rpartition(" = (select y.")[0] or change: change for change in changes}.values()
            if sum(change.startswith("(") for change in changes) < 2
            else changes[:1]
        )

    def _upsert(self) -> tuple[str, str]:
        table, names = self._pick(*KEYED), self._names()
        shown = ", ".join(f"x.{name}" for name in names)
        source = f"select x.id, {shown} from {self._pick(*KEYED)} x where {self.queries.condition(['x'], 1)}"
        action = "do nothing"
        if self.random.random() < 0.7:
            condition = self.queries.condition([table, "excluded"], 1)
            action = f"do update set {self._changes(['excluded', table], table)} where {condition}"
        text = f"insert into {table} (id, {', '.join(names)}) {source} on conflict (id) {action}"
        return table, text + self._returning(table)

    def _update(self) -> tuple[str, str]:
        table = self._pick(*TABLES)
        if self.random.random() < 0.5:
            changes = self._changes(["x"], "x")
            return table, f"update {table} x set {changes} where {self.queries.condition(['x'])}{self._returning('x')}"
        other = f"{self._pick(*KEYED)} z"
        where = f"z.id = x.id and {self.queries.condition(['x', 'z'], 1)}"
        return (
            table,
            f"update {table} x set {self._changes(['z'], 'x')} from {other} where {where}{self._returning('x')}",
        )

    def _delete(self) -> tuple[str, str]:
        table = self._pick(*TABLES)
        if self.random.random() < 0.5:
            return table, f"delete from {table} x where {self.queries.condition(['x'])}{self._returning('x')}"
        using = f"{self._pick(*TABLES)} z where z.id = x.id and {self.queries.condition(['x', 'z'], 1)}"
        return table, f"delete from {table} x using {using}{self._returning('x')}"

    def _merge(self) -> tuple[str, str]:
        table = self._pick(*KEYED)
        whens = []
        if self.random.random() < 0.5:
            whens.append(f"when matched and {self.queries.condition(['x', 'z'], 1)} then delete")
        whens.append(f"when matched then {self._pick('do nothing', 'update set ' + self._changes(['z', 'x'], 'x'))}")
        if self.random.random() < 0.7:
            name = self._names()[0]
            condition = f" and {self.queries.condition(['z'], 1)}" if self.random.random() < 0.5 else ""
            whens.append(f"when not matched{condition} then insert (id, {name}) values (z.id + 2000, z.{name})")
        return table, f"merge into {table} x using {self._pick(*KEYED)} z on z.id = x.id + 3 {' '.join(whens)}"

    def _cte(self) -> tuple[str, str]:
        table, text = self.random.choice((self._update, self._delete))()
        if " returning " not in text:
            text += " returning *"
        other = self._pick(*TABLES)
        return table, f"with w as ({text}) select (select count(*) from w) as n, count(*) as m from {other} o"
