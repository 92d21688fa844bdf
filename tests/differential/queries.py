"""Random queries over the tables of data.py: typed expressions, joins, groups, windows, subqueries, set operations.

Every query has a determined answer as a bag of rows: LIMIT only comes with a total order, and so do window functions
that depend on the order of peers.
"""

from __future__ import annotations

from random import Random

from tests.differential.data import COLUMNS, TABLES

KINDS = {name: declared.partition("(")[0] for name, (declared, _) in COLUMNS.items()}
NUMBERS = ("int4", "int2", "int8", "numeric", "float8")
TEXTS = ("text", "varchar", "char")
ORDERED = (*NUMBERS, *TEXTS, "bool", "date", "timestamp", "timestamptz", "interval", "time", "uuid", "bytea", "int4[]")


class Queries:
    """A stream of queries from one seed."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.aliases = 0

    def query(self) -> str:
        """A whole statement."""
        kinds = (
            "plain",
            "join",
            "join",
            "group",
            "group",
            "window",
            "range",
            "set",
            "cte",
            "sub",
            "sets",
            "first",
            "tail",
        )
        kind = self.random.choice((*kinds, "recursive", "functions", "ordered", "rows"))
        return getattr(self, f"_{kind}")()  # type: ignore[no-any-return]

    def _pick(self, *options: str) -> str:
        return self.random.choice(options)

    def _alias(self) -> str:
        self.aliases += 1
        return f"q{self.aliases}"

    def _column(self, scope: list[str], kinds: tuple[str, ...]) -> str:
        names = [name for name, kind in KINDS.items() if kind in kinds]
        return f"{self.random.choice(scope)}.{self.random.choice(names)}" if names else "NULL"

    def _literal(self, kind: str) -> str:
        names = [name for name, declared in KINDS.items() if declared == kind]
        return f"{kind if kind != 'char' else 'bpchar'} '{self.random.choice(COLUMNS[names[0]][1])}'"

    def number(self, scope: list[str], depth: int = 2) -> str:
        """An expression of a numeric type; small enough values that overflow is rare and the same on both sides."""
        if depth == 0 or self.random.random() < 0.3:
            return self._column(scope, NUMBERS) if self.random.random() < 0.8 else self._pick("1", "2.5", "-3", "0")
        one = self.number(scope, depth - 1)
        form = self.random.randrange(12)
        if form < 4:
            return f"({one} {self._pick('+', '-', '*')} {self.number(scope, depth - 1)})"
        if form == 4:
            return f"({one} / nullif({self.number(scope, depth - 1)}, 0))"
        if form == 5:
            return f"{self._pick('abs', 'sign', 'floor', 'ceil', 'round', 'trunc')}({one})"
        if form == 6:
            return f"coalesce({one}, {self.number(scope, depth - 1)})"
        if form == 7:
            return f"case when {self.condition(scope, 1)} then {one} else {self.number(scope, depth - 1)} end"
        if form == 8:
            return f"length({self.text(scope, 1)})"
        if form == 9:
            part = self._pick("year", "month", "day", "dow", "epoch")
            return f"extract({part} from {self._column(scope, ('date', 'timestamp'))})"
        if form == 10:
            return f"{self._pick('greatest', 'least')}({one}, {self.number(scope, depth - 1)})"
        return f"({self._column(scope, ('int4', 'int2'))} {self._pick('%', '&', '|', '#')} 5)"

    def text(self, scope: list[str], depth: int = 2) -> str:
        """An expression of a string type."""
        if depth == 0 or self.random.random() < 0.3:
            return self._column(scope, TEXTS)
        one = self.text(scope, depth - 1)
        return self._pick(
            f"({one} || {self.text(scope, depth - 1)})",
            f"upper({one})",
            f"substr({one}, 2, 1)",
            f"replace({one}, 'a', 'xy')",
            f"coalesce({one}, 'none')",
            f"({self._column(scope, tuple(ORDERED))})::text",
            f"lpad({one}, 4, '*')",
            f"nullif({one}, 'a')",
            f"concat({one}, {self._column(scope, NUMBERS)}, '-')",
        )

    def condition(self, scope: list[str], depth: int = 2) -> str:
        """A boolean expression."""
        form = self.random.randrange(14 if depth else 9)
        kind = self.random.choice(ORDERED)
        column = self._column(scope, (kind,))
        if form == 0:
            return f"{column} is {self._pick('', 'not ')}null"
        if form == 1:
            return f"{column} {self._pick('=', '<', '<=', '>', '>=', '<>')} {self._literal(kind)}"
        if form == 2:
            return f"{column} {self._pick('=', '<', '>=', '<>')} {self._column(scope, (kind,))}"
        if form == 3:
            return f"{column} {self._pick('', 'not ')}in ({self._literal(kind)}, {self._literal(kind)}, NULL)"
        if form == 4:
            return f"{column} between {self._literal(kind)} and {self._literal(kind)}"
        if form == 5:
            return f"{column} is {self._pick('', 'not ')}distinct from {self._column(scope, (kind,))}"
        if form == 6:
            pattern = self._pick("'a%'", "'%b'", "'_'")
            return f"{self.text(scope, 1)} {self._pick('like', 'not like', 'ilike', '~')} {pattern}"
        if form == 7:
            return f"{self.number(scope, 1)} {self._pick('=', '<', '>')} {self.number(scope, 1)}"
        if form == 8:
            return (
                f"{column} = any (array[{self._literal(kind)}, {self._literal(kind)}])"
                if kind != "int4[]"
                else f"{column} @> array[1]"
            )
        if form == 9:
            return f"not ({self.condition(scope, depth - 1)})"
        if form in (10, 11):
            return f"({self.condition(scope, depth - 1)} {self._pick('and', 'or')} {self.condition(scope, depth - 1)})"
        inner = self._alias()
        table = self._pick(*TABLES)
        negation = self._pick("", "not ")
        if form == 12:
            where = f"{self._link(scope, inner)} and {self.condition([inner], 0)}"
            return f"{negation}exists (select 1 from {table} {inner} where {where})"
        name = column.partition(".")[2]
        where = self.condition([*scope, inner], 0)
        return f"{column} {negation}in (select {inner}.{name} from {table} {inner} where {where})"

    def _link(self, scope: list[str], inner: str) -> str:
        name = self._pick("i", "t", "d", "o", "n", "id", "b")
        return f"{inner}.{name} = {self.random.choice(scope)}.{name}"

    def value(self, scope: list[str]) -> str:
        """An expression of any type."""
        return self.random.choice(
            (
                self.number,
                self.text,
                lambda s: self._column(s, tuple(KINDS.values())),
                lambda s: f"({self.condition(s)})",
            )
        )(scope)

    def _values(self, scope: list[str]) -> str:
        return ", ".join(f"{self.value(scope)} as c{n}" for n in range(self.random.randint(1, 4)))

    def _where(self, scope: list[str]) -> str:
        return f" where {self.condition(scope)}" if self.random.random() < 0.7 else ""

    def _plain(self) -> str:
        alias = self._alias()
        values = self._pick("", "distinct ") + self._values([alias])
        text = f"select {values} from {self._pick(*TABLES)} {alias}{self._where([alias])}"
        return text

    def _from(self) -> tuple[str, list[str]]:
        aliases = [self._alias()]
        text = f"{self._pick(*TABLES)} {aliases[0]}"
        for _ in range(self.random.randint(1, 2)):
            alias = self._alias()
            kind = self._pick("join", "left join", "right join", "full join", "cross join")
            table = self._pick(*TABLES, f"(select * from {self._pick(*TABLES)} where id < 12)")
            on = "" if kind == "cross join" else f" on {self._link(aliases, alias)}"
            if kind not in ("cross join", "full join") and self.random.random() < 0.4:
                on += f" and {self.condition([*aliases, alias], 1)}"
            text += f" {kind} {table} {alias}{on}"
            aliases.append(alias)
        return text, aliases

    def _join(self) -> str:
        source, aliases = self._from()
        return f"select {self._values(aliases)} from {source}{self._where(aliases)}"

    def _aggregate(self, scope: list[str]) -> str:
        plain = self._column(scope, tuple(ORDERED))
        exact = self._column(scope, ("int4", "int2", "int8", "numeric"))
        minimal = self._column(scope, (*NUMBERS, "text", "varchar", "date", "timestamp", "interval"))
        text = self._pick(
            "count(*)",
            f"count({plain})",
            f"count(distinct {plain})",
            f"sum({exact})",
            f"avg({exact})",
            f"{self._pick('min', 'max')}({minimal})",
            f"bool_and({self._column(scope, ('bool',))})",
            f"array_agg({exact} order by {exact})",
            f"string_agg({scope[-1]}.t, ',' order by {scope[-1]}.t)",
            f"sum(distinct {exact})",
            f"sum({self._column(scope, ('interval',))})",
            f"var_pop({self._column(scope, ('int4', 'int2'))})",
        )
        if self.random.random() < 0.2:
            text += f" filter (where {self.condition(scope, 1)})"
        return text

    def _group(self) -> str:
        if self.random.random() < 0.5:
            alias = self._alias()
            source, scope = f"{self._pick(*TABLES)} {alias}", [alias]
        else:
            source, scope = self._from()
        keys = [self._column(scope, tuple(ORDERED)) for _ in range(self.random.randint(0, 2))]
        shown = [*keys, *(self._aggregate(scope) for _ in range(self.random.randint(1, 3)))]
        text = f"select {', '.join(f'{e} as c{n}' for n, e in enumerate(shown))} from {source}{self._where(scope)}"
        if keys:
            grouped = ", ".join(keys)
            text += f" group by {self._pick(grouped, grouped, f'rollup ({grouped})', f'cube ({grouped})')}"
            if self.random.random() < 0.3:
                text += " having count(*) > 1"
        return text

    def _window(self) -> str:
        alias = self._alias()
        scope = [alias]
        partition = f"partition by {self._column(scope, tuple(ORDERED))} " if self.random.random() < 0.6 else ""
        order = f"order by {self._column(scope, tuple(ORDERED))}{self._pick('', ' desc', ' nulls first')}, {alias}.id"
        frame = self._pick(
            "", "rows between 1 preceding and 1 following", "rows unbounded preceding",
            "rows between current row and unbounded following exclude current row", "groups 1 preceding",
        )  # fmt: skip
        exact = self._column(scope, ("int4", "int2", "int8", "numeric"))
        call = self._pick(
            "row_number()", "rank()", "dense_rank()", "ntile(3)", "percent_rank()", f"lag({exact})",
            f"lead({exact}, 2)",
            f"first_value({exact})", f"last_value({exact})", f"sum({exact})", f"count({exact})", f"avg({exact})",
            f"max({exact})", f"nth_value({exact}, 2)",
        )  # fmt: skip
        window = f"{partition}{order} {frame}"
        source = f"{self._pick(*TABLES)} {alias}{self._where(scope)}"
        return f"select {alias}.id, {call} over ({window}) as c from {source}"

    def _set(self) -> str:
        kind = self.random.choice([name for name in KINDS if KINDS[name] in ORDERED])
        parts = []
        for _ in range(self.random.randint(2, 3)):
            alias = self._alias()
            parts.append(f"select {alias}.{kind}, {alias}.o from {self._pick(*TABLES)} {alias}{self._where([alias])}")
        operator = self._pick("union", "union all", "intersect", "intersect all", "except", "except all")
        return f" {operator} ".join(parts)

    def _cte(self) -> str:
        name = self._alias()
        how = self._pick("", "materialized ", "not materialized ")
        body = f"select {self._values([name])} from {name}{self._where([name])}"
        return f"with {name} as {how}({self._plain_all()}) {body}"

    def _plain_all(self) -> str:
        alias = self._alias()
        source = f"{self._pick('t1', 't2')} {alias}{self._where([alias])}"
        limit = f" order by id limit {self.random.randint(1, 20)}" if self.random.random() < 0.3 else ""
        return f"select * from {source}{limit}"

    def _sub(self) -> str:
        alias, inner, lateral, counted = self._alias(), self._alias(), self._alias(), self._alias()
        table = self._pick(*TABLES)
        scalar = f"(select {self._aggregate([inner])} from {table} {inner} where {self._link([alias], inner)})"
        counts = f"select count(*) as k, max({counted}.i) as x from t1 {counted} where {self._link([alias], counted)}"
        join = self._pick(
            f"cross join lateral ({counts}) {lateral}", f"left join lateral ({counts}) {lateral} on k > 1"
        )
        return f"select {alias}.id, {scalar} as c, {lateral}.* from {self._pick(*TABLES)} {alias} {join}"

    def _sets(self) -> str:
        """Set operations inside of each other, of several columns and types that have to meet."""
        alias, other, third = self._alias(), self._alias(), self._alias()
        one, two, three = (self._pick("i", "s", "b") for _ in range(3))
        operators = ("union", "union all", "intersect", "except")
        first = f"select {alias}.{one} as a, {alias}.t as b from {self._pick(*TABLES)} {alias}{self._where([alias])}"
        second = f"select {other}.{two}, {other}.v from {self._pick(*TABLES)} {other}{self._where([other])}"
        last = f"select {third}.{three}, null from {self._pick(*TABLES)} {third}{self._where([third])}"
        inner = f"({first} {self._pick(*operators)} {second})"
        return f"select a, b, count(*) from ({inner} {self._pick(*operators)} {last}) q group by a, b"

    def _first(self) -> str:
        """DISTINCT ON and LIMIT over a total order."""
        alias = self._alias()
        key = self._column([alias], tuple(ORDERED))
        order = f"{key}{self._pick('', ' desc', ' nulls first', ' desc nulls last')}, {alias}.id"
        source = f"{self._pick('t1', 't2')} {alias}{self._where([alias])}"
        if self.random.random() < 0.5:
            return f"select distinct on ({key}) {alias}.id, {self.value([alias])} as c from {source} order by {order}"
        offset = f" offset {self.random.randint(0, 5)}" if self.random.random() < 0.4 else ""
        limit = self._pick(f"limit {self.random.randint(0, 9)}", "fetch first 3 rows only")
        return f"select {alias}.id, {self.value([alias])} as c from {source} order by {order}{offset} {limit}"

    def _tail(self) -> str:
        """WITH TIES gives a determined bag even if its key is not unique."""
        alias = self._alias()
        key = self._column([alias], tuple(ORDERED))
        order = f"order by {key}{self._pick('', ' desc', ' nulls first')}"
        source = f"{self._pick(*TABLES)} {alias}{self._where([alias])}"
        count = self.random.randint(1, 6)
        return f"select {key} as k, {alias}.id from {source} {order} fetch first {count} rows with ties"

    def _range(self) -> str:
        """RANGE frames: peers share their frame, so no total order is needed."""
        alias = self._alias()
        name, step = self.random.choice(
            (
                ("i", "2"),
                ("s", "3::int2"),
                ("b", "7::int8"),
                ("n", "1.5"),
                ("f", "1.5::float8"),
                ("d", "interval '1 month'"),
                ("p", "interval '1 day'"),
                ("h", "interval '2 hours'"),
            )
        )
        bound = self._pick(
            f"between {step} preceding and {step} following", f"between unbounded preceding and {step} preceding",
            f"between current row and {step} following", f"between {step} following and unbounded following",
        )  # fmt: skip
        exclude = self._pick("", "", " exclude current row", " exclude group", " exclude ties")
        exact = self._column([alias], ("int4", "int2", "int8", "numeric"))
        call = self._pick("count(*)", f"sum({exact})", f"min({exact})", f"max({exact})", f"avg({exact})")
        condition = f" filter (where {self.condition([alias], 1)})" if self.random.random() < 0.3 else ""
        partition = f"partition by {self._column([alias], tuple(ORDERED))} " if self.random.random() < 0.4 else ""
        window = f"{partition}order by {alias}.{name}{self._pick('', ' desc', ' nulls first')} range {bound}{exclude}"
        return f"select {alias}.id, {call}{condition} over ({window}) as c from {self._pick(*TABLES)} {alias}"

    def _recursive(self) -> str:
        name, alias = self._alias(), self._alias()
        every = self._pick("", "all ")
        step = f"select {name}.n + {self._pick('1', '2')}, {alias}.t from {name} join {self._pick(*TABLES)} {alias} "
        step += f"on {alias}.id = {name}.n where {name}.n < 12"
        extra = self._pick("", " search depth first by n set seq", " cycle n set hit using path") if every else ""
        body = f"select n, x, count(*) from {name} group by n, x"
        return f"with recursive {name}(n, x) as (select 0, 'a' union {every}{step}){extra} {body}"

    def _functions(self) -> str:
        """Functions that return rows: in FROM, with ordinality, side by side, and in the select list."""
        alias, rows = self._alias(), self._alias()
        table = self._pick(*TABLES)
        return self._pick(
            f"select {alias}.id, {rows}.* from {table} {alias}, unnest({alias}.a) with ordinality {rows}(e, n)",
            f"select {alias}.id, {rows}.g, {self.number([alias], 1)} as c from {table} {alias} "
            f"left join lateral generate_series({alias}.s, 3) {rows}(g) on {self.condition([alias], 1)}",
            f"select {alias}.id, unnest({alias}.a) as e, generate_series(1, 2) as g from {table} {alias}",
            f"select * from rows from (generate_series(1, 3), unnest(array[5, null])) with ordinality {rows}(x, y, n)",
            f"select {alias}.id, {rows}.key from {table} {alias}, "
            f"jsonb_each(case jsonb_typeof({alias}.j) when 'object' then {alias}.j end) {rows}",
            f"select unnest({alias}.a) as e, count(*) from {table} {alias}{self._where([alias])} group by e",
        )

    def _ordered(self) -> str:
        """Ordered-set and hypothetical aggregates, grouping sets with GROUPING()."""
        alias = self._alias()
        one, two = (self._column([alias], ("int4", "int2", "bool", "text", "date")) for _ in range(2))
        exact = self._column([alias], ("int4", "int2", "int8", "numeric"))
        order = f"{exact}{self._pick('', ' desc', ' nulls first')}"
        call = self._pick(
            f"percentile_disc(0.5) within group (order by {order})", f"mode() within group (order by {exact})",
            f"rank(2) within group (order by {order})", f"dense_rank(2) within group (order by {order})",
            f"percentile_disc(array[0.1, 0.9]) within group (order by {order})",
        )  # fmt: skip
        groups = self._pick(
            f"grouping sets (({one}), ({two}), ())", f"rollup ({one}, {two})", f"cube ({one}, {two})",
            f"grouping sets (rollup ({one}), {two})", f"{one}, rollup ({two})",
        )  # fmt: skip
        shown = f"{one} as a, {two} as b, grouping({one}, {two}) as g, {call} as c, {self._aggregate([alias])} as d"
        source = f"{self._pick(*TABLES)} {alias}{self._where([alias])}"
        return f"select {shown} from {source} group by {groups}"

    def _rows(self) -> str:
        """Rows as values: comparisons, IN over several columns, whole rows, quantified comparisons."""
        alias, inner = self._alias(), self._alias()
        one, two = self._pick("i", "t", "n", "d"), self._pick("s", "v", "b", "o")
        table = self._pick(*TABLES)
        test = self._pick(
            f"({alias}.{one}, {alias}.{two}) {self._pick('=', '<', '>=', '<>')} (select {inner}.{one}, {inner}.{two} "
            f"from {table} {inner} order by {inner}.id limit 1)",
            f"({alias}.{one}, {alias}.{two}) {self._pick('', 'not ')}in (select {inner}.{one}, {inner}.{two} "
            f"from {table} {inner} where {self.condition([inner], 0)})",
            f"{alias}.{one} {self._pick('<', '>=', '<>', '=')} {self._pick('all', 'any')} (select {inner}.{one} from "
            f"{table} {inner} where {self.condition([inner, alias], 0)})",
            f"row({alias}.{one}, {alias}.{two}) is {self._pick('', 'not ')}distinct from row({alias}.{one}, null)",
            f"row({alias}.{one}, {alias}.{two}) is {self._pick('', 'not ')}null",
        )
        shown = self._pick(f"{alias}.id", f"row({alias}.i, {alias}.t, {alias}.o)", f"count({alias}.*)")
        return f"select {shown} as c from {self._pick('t1', 't2')} {alias} where {test}"
