"""Ordered paths: an index whose keys stand in the order that a Sort above asks for, read forward or backward.

With a LIMIT only as many entries are read as give that many rows, so that an ordered index beats reading and sorting
everything; without one it must not cost more lookups than the sort is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datacave_core.catalog import IndexKey
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import NULL, AccessPath, best_path
from datacave_sql.plan.cardinality import distinct_values, origins, together
from datacave_sql.plan.column_plans import COLUMN_ROWS_MIN
from datacave_sql.plan.planning import Planner, WantedOrder
from datacave_sql.plan.prices import COLUMN_SPEED, ENTRY_COST, LOOKUP_COST, lookup_price
from datacave_sql.table.access import TableAccess

ROWS_OF_PARAMETER = 100.0
"""What a LIMIT that is not known yet is taken for."""

SORT_COST = 2.0
"""What sorting one row costs, in rows of a scan."""


@dataclass(frozen=True, slots=True)
class ChosenPath:
    """A path (None: the whole table in key order); `ordering` is the order asked for, if the path gives it."""

    path: AccessPath | None
    reverse: bool = False
    ordering: tuple[tuple[int, bool, bool], ...] | None = None


def wanted_rows(count: n.Expression | None, offset: n.Expression | None) -> float | None:
    """How many rows LIMIT and OFFSET ask for; None for all."""
    if count is None:
        return None
    total = 0.0
    for part in (count, offset):
        if isinstance(part, n.Constant):
            total += float(part.value) if isinstance(part.value, int) else 0.0
        elif part is not None:
            total += ROWS_OF_PARAMETER
    return total


def choose_path(
    p: Planner,
    node: l.Scan,
    access: TableAccess,
    conjuncts: Sequence[n.Expression],
    paths: Sequence[AccessPath],
    covers: Callable[[AccessPath], object | None],
) -> ChosenPath:
    """The cheapest way to the rows that satisfy the conditions, in the order that is asked for if that pays.

    `covers` tells of paths whose index has all that is read of the rows.
    """
    price = PathPrice(p, node, conjuncts, covers) if p.wanted_order is not None or len(paths) > 0 else None
    if price is not None and price.analyzed:
        whole = price.of(None)
        paths = [path for path in paths if path.is_point or price.of(path) <= whole]
    else:
        # Nothing is known of how many rows have a value: most, as a rule.
        paths = [path for path in paths if path.equal or not path.tests_nulls]
    best = best_path(paths, covers)
    if best is not None and price is not None and price.analyzed and not best.is_point:
        costs = [price.of(path) for path in paths]
        least = min(costs)
        best = best_path([path for path, cost in zip(paths, costs, strict=True) if cost == least], covers)
    wanted = p.wanted_order
    if wanted is None or price is None or (best is not None and best.is_point):
        return ChosenPath(best)
    given = {path.index.oid for path in paths}
    candidates = [*paths]
    candidates += [
        AccessPath(one.index, (), None, None)
        for one in access.indexes
        if one.index.oid not in given and one.index.method == "btree" and one.index.valid and not one.index.exclusion
        and (one.rule is None or one.rule.predicate is None)
    ]  # fmt: skip
    cheapest = price.of(best) + (0.0 if wanted.groups else price.rows(best) * SORT_COST)
    chosen = ChosenPath(best)
    for path in candidates:
        reverse, given_keys = direction(node, access, path, wanted)
        if given_keys == len(wanted.keys):
            cost = price.of(path, wanted.rows)
        elif given_keys and wanted.rows is not None and not wanted.groups:
            # The rest is sorted group by group of these keys, up to the one in which the last row lies.
            needed = wanted.rows + price.group_rows(wanted.keys[:given_keys])
            cost = price.of(path, needed) + needed * SORT_COST
        else:
            continue
        if cost <= cheapest:
            cheapest = cost
            ordering = tuple(
                (key.expression.column, key.descending, key.nulls_first)
                for key in wanted.keys[:given_keys]
                if isinstance(key.expression, n.ColumnReference)
            )
            chosen = ChosenPath(path, reverse, ordering)
    return chosen


class PathPrice:
    """Costs of the paths to a table, in rows of a scan."""

    def __init__(
        self,
        p: Planner,
        node: l.Scan,
        conjuncts: Sequence[n.Expression],
        covers: Callable[[AccessPath], object | None] = lambda path: None,
    ) -> None:
        self._covers = covers
        self._environment = p.environment
        self._known = origins(p.environment, node)
        self._conjuncts = conjuncts
        self._total = max(1.0, p.environment.statistics.row_count(node.table))
        self._by_columns = p.columns_welcome and self._total >= COLUMN_ROWS_MIN
        self.analyzed = any(origin.statistics is not None for origin in self._known.values())

    def rows(self, path: AccessPath | None) -> float:
        """The rows that are left after all conditions."""
        return max(1.0, self._total * together(self._environment, self._known, self._conjuncts, self._total))

    def of(self, path: AccessPath | None, wanted: float | None = None) -> float:
        """What reading the rows of a path costs, until `wanted` rows have been found."""
        if path is None:
            return self._total / (COLUMN_SPEED if self._by_columns else 1.0)
        sources = path.sources
        read = max(1.0, self._total * together(self._environment, self._known, sources, self._total))
        if wanted is not None:
            rest = [part for part in self._conjuncts if part not in sources]
            share = max(together(self._environment, self._known, rest, read), 1.0 / read)
            read = min(read, wanted / share)
        if path.tests_nulls:
            return self.looked_up(path, read)
        if path.index.index_number == 0:
            return read / (COLUMN_SPEED if self._by_columns and wanted is None else 1.0)
        if self._covers(path) is not None:
            return read * ENTRY_COST * (2.0 if self._by_columns else 1.0)
        return read * (lookup_price(self._total) if self._by_columns else LOOKUP_COST)

    def group_rows(self, keys: Sequence[n.SortKey]) -> float:
        """How many rows have the same values of these keys, as a rule."""
        values = 1.0
        for key in keys:
            values *= distinct_values(self._known, key.expression, self._total)
        return self._total / max(1.0, min(values, self._total))

    def entries(self, path: AccessPath) -> float:
        """How many entries of an index a path reads."""
        return max(1.0, self._total * together(self._environment, self._known, path.sources, self._total))

    def crossed(self, paths: Sequence[AccessPath]) -> float:
        """What reading the rows costs that all of the paths lead to."""
        sources = list(dict.fromkeys(part for path in paths for part in path.sources))
        rows = max(1.0, self._total * together(self._environment, self._known, sources, self._total))
        each = lookup_price(self._total) if self._by_columns else LOOKUP_COST
        entry = ENTRY_COST * (2.0 if self._by_columns else 1.0)
        return sum(map(self.entries, paths)) * entry + rows * each

    def looked_up(self, path: AccessPath, read: float | None = None) -> float:
        """What reading a path costs where each of its entries (`read`, None for all) leads to one lookup of a row."""
        if read is None:
            read = max(1.0, self._total * together(self._environment, self._known, path.sources, self._total))
        return read * LOOKUP_COST


def entry_order(access: TableAccess, path: AccessPath) -> Sequence[IndexKey]:
    """The keys in whose order an index has its entries: equal ones of one that may repeat stand by their rows' keys."""
    index = path.index
    if (
        index.index_number == 0
        or index.exclusion
        or access.clustered is None
        or access.access_of(index).has_own_entries
    ):
        return index.keys
    return (*index.keys, *access.clustered.index.keys)


def direction(node: l.Scan, access: TableAccess, path: AccessPath, wanted: WantedOrder) -> tuple[bool, int]:
    """Whether the path is read backward for the order, and how many of its first keys it gives then."""
    index = path.index
    if index.method != "btree" or any(condition.operator not in ("=", NULL) for condition in path.equal):
        return False, 0
    attributes = {column.id: column.attribute for column in node.columns}
    fixed = {condition.attribute for condition in path.equal}
    keys = list(entry_order(access, path)[len(path.equal) :])
    reverse: bool | None = None
    for place, wanted_key in enumerate(wanted.keys):
        e = wanted_key.expression
        if not isinstance(e, n.ColumnReference) or e.column not in attributes:
            return bool(reverse), place
        attribute = attributes[e.column]
        if attribute in fixed:
            continue
        if not keys:
            return bool(reverse), place
        key = keys.pop(0)
        if key.column != attribute or attribute <= 0:
            return bool(reverse), place
        column = node.table.column(attribute)
        if not access.keeps_order(column.type_oid):
            return bool(reverse), place
        backward = key.descending != wanted_key.descending
        if not column.not_null and (key.nulls_first != wanted_key.nulls_first) != backward:
            return bool(reverse), place
        if reverse is not None and reverse != backward:
            return reverse, place
        reverse = backward
    return bool(reverse), len(wanted.keys)
