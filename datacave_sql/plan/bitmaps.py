"""Bitmaps: a disjunction of which an index answers every arm is answered by the union of what the indexes find.

a = 1 OR (b = 2 AND c > 3)   ->   the rows that the index of a names, and those that the index of b does
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_sql.exec.bitmap_scan import BitmapAnd, BitmapHeapScan, BitmapIndexScan, BitmapOr
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.expr import nodes as n
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import AccessPath, access_paths, best_path
from datacave_sql.plan.ordered_paths import PathPrice
from datacave_sql.plan.planning import Planner, split_conjuncts
from datacave_sql.table.access import TableAccess


@dataclass(frozen=True, slots=True)
class UnitedPaths:
    """A condition with several paths: of a disjunction one for each arm, to the rows for which it may be true; of a
    conjunction (`crossed`) some that lead to the rows together."""

    source: n.Or | n.And
    paths: tuple[AccessPath, ...]
    crossed: bool = False


CROSSED_PATHS_MAX = 4


def crossed_paths(
    p: Planner, node: l.Scan, conjuncts: Sequence[n.Expression], paths: Sequence[AccessPath], best: AccessPath | None
) -> UnitedPaths | None:
    """Paths of several indexes whose rows in common cost less to read than those of the best one alone."""
    single = [
        path
        for path in paths
        if path.index.index_number != 0 and not path.inverted and path.nested is None and not path.tests_nulls
    ]
    if len(single) < 2 or (best is not None and best.is_point):
        return None
    price = PathPrice(p, node, conjuncts)
    if not price.analyzed:
        return None
    single.sort(key=price.entries)
    chosen: list[AccessPath] = []
    sources: list[n.Expression] = []
    cost = price.of(best)
    for path in single:
        fresh = [part for part in path.sources if part not in sources]
        if not fresh or len(chosen) == CROSSED_PATHS_MAX:
            continue
        together = price.crossed([*chosen, path])
        if not chosen or together < cost:
            chosen.append(path)
            sources += fresh
            cost = min(cost, together) if len(chosen) > 1 else cost
    if len(chosen) < 2:
        return None
    return UnitedPaths(n.And(tuple(sources)), tuple(chosen), crossed=True)


def united_paths(
    p: Planner, node: l.Scan, access: TableAccess, conjuncts: Sequence[n.Expression]
) -> UnitedPaths | None:
    """The cheapest union of paths that costs less than reading the table; None where there is none."""
    found = [
        UnitedPaths(part, paths)
        for part in conjuncts
        if isinstance(part, n.Or) and (paths := _arm_paths(access, node, part, conjuncts)) is not None
    ]
    if not found:
        return None
    price = PathPrice(p, node, conjuncts)
    if not price.analyzed:
        # Nothing is known of the values: only equality is taken for selective.
        return next((one for one in found if all(path.equal for path in one.paths)), None)
    costs = [sum(price.looked_up(path) for path in one.paths) for one in found]
    cheapest = min(costs)
    return found[costs.index(cheapest)] if cheapest <= price.of(None) else None


def _arm_paths(
    access: TableAccess, node: l.Scan, disjunction: n.Or, conjuncts: Sequence[n.Expression]
) -> tuple[AccessPath, ...] | None:
    others = [part for part in conjuncts if part is not disjunction]
    chosen: list[AccessPath] = []
    for arm in disjunction.arguments:
        parts = split_conjuncts(arm)
        paths = [
            path
            for path in access_paths(access, node.columns, [*parts, *others], nulls=True)
            if not path.inverted and any(source in parts for source in path.sources)
        ]
        best = best_path(paths)
        if best is None:
            return None
        chosen.append(best)
    return tuple(chosen)


def bitmap_scan(
    p: Planner,
    node: l.Scan,
    united: UnitedPaths,
    ranges: Sequence[Factory],
    make: Factory,
    columns: tuple[int, ...],
    not_null: frozenset[int],
    filters: tuple[str, ...],
    as_of: Factory | None,
) -> BitmapHeapScan:
    """The scan of a union of paths; `ranges` are the key ranges of each, `make` tests and projects the rows."""
    members = []
    for path, make_ranges in zip(united.paths, ranges, strict=True):
        conditions = tuple(p.deparse(part) for part in path.sources)
        clustered = path.index.index_number == 0
        member = BitmapIndexScan(path.index.name, clustered, make_ranges, conditions, as_of, path.index.oid)
        if p.noted is not None:
            p.noted(member, node, path.sources)
        members.append(member)
    bitmap = BitmapAnd(tuple(members)) if united.crossed else BitmapOr(tuple(members))
    return BitmapHeapScan(
        node.table.name, node.alias, bitmap, make, columns, not_null, p.deparse(united.source), filters, as_of,
        node.table.oid,
    )  # fmt: skip
