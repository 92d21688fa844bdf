"""Plans of joins: where conditions go, in which order inner joins happen, and by which algorithm.

Inner joins of one query block are flattened and put together again from the smallest relation on, along their
conditions. Equalities between both sides give a hash join, a lookup join where few rows meet a unique key of a big
table, and anything else a nested loop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datacave_core.types import oids
from datacave_sql.exec.hash_join import Found, HashJoin
from datacave_sql.exec.merge_join import MergeJoin
from datacave_sql.exec.nested_loop import NestedLoop
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import compile_factory, tuple_text
from datacave_sql.exec.virtual_scan import VirtualScan
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code
from datacave_sql.plan import logical as l
from datacave_sql.plan.cardinality import Origin, estimate_rows, origins, rows_of_one_value, selectivity
from datacave_sql.plan.column_plans import column_join
from datacave_sql.plan.join_order import Edge, join_order, joined_rows
from datacave_sql.plan.late_columns import Late, without_late_columns
from datacave_sql.plan.lookups import LOOKUP_KINDS, is_table, lookup_cost, plan_lookup_join
from datacave_sql.plan.planning import Planner, comparable, is_volatile, ordering_of, scope_of, split_conjuncts
from datacave_sql.plan.sorted_sides import is_sorted, lies_in_order
from datacave_sql.vectors.vector import INTEGERS

MERGE_ROWS_MIN = 1000.0
"""With so many rows on both sides it pays to keep neither of them, where both are in order."""

MERGE_BYTES_MIN = 64.0 * 1024 * 1024
"""A table of so many bytes is better not made: the sides are read row by row where that gives them in order."""

MERGE_ROW_BYTES = 150.0
TESTED_PAIRS_MAX = 32.0
"""With so many rows for one integer the other equalities of a join are tested on each pair."""


def _ids(node: l.LogicalPlan) -> frozenset[int]:
    return frozenset(column.id for column in node.columns)


def _used(expressions: Sequence[n.Expression]) -> frozenset[int]:
    return frozenset(column for expression in expressions for column in n.columns_used(expression))


def plan_join(p: Planner, node: l.Join, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """Sends each condition to the lowest place where it means the same."""
    if node.kind == "inner" and not node.lateral:
        return _plan_inner(p, node, needed, conjuncts)
    if node.kind == "right":
        mirrored = l.Join("left", node.right, node.left, node.condition, node.lateral)
        return plan_join(p, mirrored, needed, conjuncts)
    left_ids, right_ids = _ids(node.left), _ids(node.right)
    on = split_conjuncts(node.condition)
    to_left: list[n.Expression] = []
    to_right: list[n.Expression] = []
    above: list[n.Expression] = []
    kept_on: list[n.Expression] = []
    for part in conjuncts:
        used = n.columns_used(part)
        if node.kind != "full" and not used & right_ids and not is_volatile(part):
            to_left.append(part)
        elif node.kind == "inner" and not node.lateral and not used & left_ids and not is_volatile(part):
            to_right.append(part)
        elif node.kind == "inner":
            kept_on.append(part)
        else:
            above.append(part)
    for part in on:
        used = n.columns_used(part)
        if node.kind in ("left", "semi", "anti") and not used & left_ids and not is_volatile(part):
            to_right.append(part)
        elif node.kind == "inner" and not used & right_ids and not is_volatile(part):
            to_left.append(part)
        else:
            kept_on.append(part)
    wanted = needed | _used(above)
    inside = wanted | _used(kept_on)
    left_needed = inside & left_ids
    if node.lateral:
        left_needed |= outer_columns(node.right) & left_ids
    left = p.plan(node.left, left_needed, to_left)
    if not node.lateral and node.kind in LOOKUP_KINDS and is_table(node.right):
        rows = estimate_rows(p.environment, node.left, to_left)
        read = estimate_rows(p.environment, node.right, to_right)
        lookup = plan_lookup_join(p, node.kind, left, rows, node.right, to_right, kept_on, wanted, read)
        if lookup is not None:
            return p.filtered(lookup, above)
    before, p.repeated = p.repeated, p.repeated or node.lateral
    right = p.plan(node.right, inside & right_ids, to_right)
    p.repeated = before
    lateral = outer_columns(node.right) & left_ids if node.lateral else None
    joined = join_operators(p, node.kind, left, right, kept_on, wanted, lateral)
    return p.filtered(joined, above)


def outer_columns(node: l.LogicalPlan) -> frozenset[int]:
    """Every column id a subtree mentions; those it does not produce are what it takes from outside."""
    used: set[int] = set()

    def visit(value: object) -> None:
        if isinstance(value, l.PLAN_NODES):
            for name in value.__slots__:
                visit(getattr(value, name))
        elif isinstance(value, n.EXPRESSION_NODES):
            used.update(n.columns_used(value))
            for inner in n.walk(value):
                if isinstance(inner, n.SubqueryExpression):
                    visit(inner.plan)
        elif isinstance(value, tuple):
            for item in value:
                visit(item)

    visit(node)
    return frozenset(used)


@dataclass(slots=True, eq=False)
class _Relation:
    node: l.LogicalPlan
    ids: frozenset[int]
    conjuncts: list[n.Expression]
    rows: float


def _is_inner(node: l.LogicalPlan) -> bool:
    return isinstance(node, l.Join) and node.kind == "inner"


def _flatten(node: l.LogicalPlan, relations: list[l.LogicalPlan], conditions: list[n.Expression]) -> None:
    if isinstance(node, l.Join) and node.kind == "inner" and not node.lateral:
        conditions += split_conjuncts(node.condition)
        _flatten(node.left, relations, conditions)
        _flatten(node.right, relations, conditions)
    elif isinstance(node, l.Filter) and not node.barrier and _is_inner(node.child):
        conditions += split_conjuncts(node.predicate)
        _flatten(node.child, relations, conditions)
    else:
        relations.append(node)


def _plan_inner(p: Planner, node: l.Join, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    nodes: list[l.LogicalPlan] = []
    conditions = list(conjuncts)
    _flatten(node, nodes, conditions)
    late: list[Late] = []
    shown = needed
    if conditions:
        for place, one in enumerate(nodes):
            nodes[place], apart = without_late_columns(one, needed, conditions)
            late += apart
        needed = needed - {column.id for column, _ in late} | _used([e for _, e in late])
    relations = [_Relation(one, _ids(one), [], 0.0) for one in nodes]
    everything = frozenset().union(*(relation.ids for relation in relations))
    pending: list[n.Expression] = []
    for part in conditions:
        used = n.columns_used(part) & everything
        home = [relation for relation in relations if used <= relation.ids]
        if used and home and not is_volatile(part):
            home[0].conjuncts.append(part)
        else:
            pending.append(part)
            if isinstance(part, n.Or):
                _restrict(relations, part, everything)
    for relation in relations:
        relation.rows = estimate_rows(p.environment, relation.node, relation.conjuncts)
    search = _search(p, relations, pending)
    order = search.ordered()
    first = order[0]
    wanted = needed | _used(pending)
    in_order = len(order) > 1 and _merges(p, order[0], order[1], pending)
    p.columns_welcome = p.columns_welcome and not in_order
    operator = p.plan(first.node, wanted & first.ids, first.conjuncts)
    ids, rows = set(first.ids), first.rows
    for position, relation in enumerate(order[1:], 1):
        ids |= relation.ids
        ready = [part for part in pending if n.columns_used(part) & everything <= ids]
        pending = [part for part in pending if part not in ready]
        wanted = needed | _used(pending)
        last = position == len(order) - 1
        lookup = plan_lookup_join(
            p, "inner", operator, rows, relation.node, relation.conjuncts, ready, wanted, relation.rows
        )
        if lookup is not None:
            operator = lookup
        else:
            right = p.plan(relation.node, (wanted | _used(ready)) & relation.ids, relation.conjuncts)
            p.columns_welcome = True
            tested = _tested_later(p, relation, frozenset(operator.columns), ready)
            merge = min(rows, relation.rows) >= MERGE_ROWS_MIN
            if rows < relation.rows and _has_equality(ready, frozenset(operator.columns), relation.ids):
                # The hash table is built over the smaller side.
                operator = join_operators(p, "inner", right, operator, ready, wanted, None, tested, merge)
            else:
                operator = join_operators(p, "inner", operator, right, ready, wanted, None, tested, merge)
        rows = search.rows(order[: position + 1])
        if p.noted_rows is not None:
            p.noted_rows(operator, rows)
        if last and pending:
            operator = p.filtered(operator, pending)
    if late:
        computed = {column.id: expression for column, expression in late}
        columns = {column.id: column for column in node.columns if column.id in shown}
        operator = p.projected(
            operator,
            [computed.get(c.id) or n.ColumnReference(c.id, c.type, c.typmod, c.name) for c in columns.values()],
            list(columns),
        )
    return operator


def _merges(p: Planner, one: _Relation, other: _Relation, conditions: Sequence[n.Expression]) -> bool:
    """Whether two big tables are joined by the first columns of the keys in whose order they lie."""
    if min(one.rows, other.rows) * MERGE_ROW_BYTES < MERGE_BYTES_MIN:
        return False
    pairs = [sides for part in conditions if (sides := equality_sides(part, one.ids, other.ids)) is not None]
    return bool(pairs) and all(
        lies_in_order(relation.node, [pair[side] for pair in pairs]) for side, relation in enumerate((one, other))
    )


def _restrict(relations: Sequence[_Relation], disjunction: n.Or, everything: frozenset[int]) -> None:
    """What every arm of a disjunction says about one relation alone leaves fewer of its rows before the join."""
    arms = [split_conjuncts(arm) for arm in disjunction.arguments]
    for relation in relations:
        found = []
        for arm in arms:
            own = [
                part
                for part in arm
                if (used := n.columns_used(part) & everything) and used <= relation.ids and not is_volatile(part)
            ]
            if not own:
                break
            found.append(own[0] if len(own) == 1 else n.And(tuple(own)))
        else:
            relation.conjuncts.append(n.Or(tuple(found)))


def _tested_later(
    p: Planner, relation: _Relation, others: frozenset[int], conditions: Sequence[n.Expression]
) -> list[n.Expression]:
    """Equalities of other types than integers, where integers that are equal leave few pairs to test them on.

    By columns a key of integers alone is far cheaper than one of several types.
    """
    tested: list[n.Expression] = []
    few = False
    known = origins(p.environment, relation.node) if isinstance(relation.node, l.Scan) else {}
    for part in conditions:
        sides = equality_sides(part, relation.ids, others)
        if sides is None:
            continue
        if not all(side.type in INTEGERS for side in sides):
            tested.append(part)
        elif isinstance(sides[0], n.ColumnReference) and (origin := known.get(sides[0].column)) is not None:
            repeated = rows_of_one_value(origin)
            few = few or (repeated is not None and repeated <= TESTED_PAIRS_MAX)
    return tested if few else []


def _has_equality(conditions: Sequence[n.Expression], left: frozenset[int], right: frozenset[int]) -> bool:
    return any(equality_sides(part, left, right) is not None for part in conditions)


@dataclass(slots=True)
class _Search:
    """Relations with the sizes of their joins."""

    relations: list[_Relation]
    edges: list[Edge]
    looked_up: list[float]

    def ordered(self) -> list[_Relation]:
        """The relations in the order in which to join them."""
        sizes = [relation.rows for relation in self.relations]
        return [self.relations[place] for place in join_order(sizes, self.edges, self.looked_up)]

    def rows(self, chosen: Sequence[_Relation]) -> float:
        """The rows of the join of some of the relations."""
        members = sum(1 << place for place, relation in enumerate(self.relations) if relation in chosen)
        return joined_rows([relation.rows for relation in self.relations], self.edges, members)


def _search(p: Planner, relations: list[_Relation], conditions: Sequence[n.Expression]) -> _Search:
    known: dict[int, Origin] = {}
    for relation in relations:
        known.update(origins(p.environment, relation.node))
    edges = []
    connecting: list[n.Expression] = []
    for part in conditions:
        used = n.columns_used(part)
        members = sum(1 << place for place, relation in enumerate(relations) if used & relation.ids)
        if members & (members - 1):
            size = 1.0
            for place, relation in enumerate(relations):
                if members >> place & 1:
                    size *= relation.rows
            edges.append(Edge(members, selectivity(p.environment, known, part, size)))
            connecting.append(part)
    edges = _together(edges, connecting, relations, known)
    return _Search(relations, edges, [lookup_cost(p, one.node, one.conjuncts, connecting) for one in relations])


def _together(
    edges: Sequence[Edge],
    conditions: Sequence[n.Expression],
    relations: Sequence[_Relation],
    known: Mapping[int, Origin],
) -> list[Edge]:
    """Several equalities of two tables as one edge: they have no more combinations of values than rows."""
    merged: dict[int, list[float]] = {}
    rest: list[Edge] = []
    for edge, condition in zip(edges, conditions, strict=True):
        equality = isinstance(condition, n.FunctionCall) and condition.operator == "="
        if equality and edge.relations.bit_count() == 2:
            merged.setdefault(edge.relations, []).append(edge.share)
        else:
            rest.append(edge)
    for members, shares in merged.items():
        share = math.prod(shares)
        if len(shares) > 1:
            totals = [
                max((known[one].rows for one in relation.ids if one in known), default=0.0)
                for place, relation in enumerate(relations)
                if members >> place & 1
            ]
            if all(totals):
                share = max(share, 1.0 / min(totals))
        rest.append(Edge(members, min(share, *shares)))
    return rest


def equality_sides(
    part: n.Expression, left: frozenset[int], right: frozenset[int]
) -> tuple[n.Expression, n.Expression] | None:
    """(left side, right side) of an equality between both inputs, or None."""
    if not isinstance(part, n.FunctionCall) or part.operator != "=" or len(part.arguments) != 2:
        return None
    a, b = part.arguments
    if a.type != b.type and not {a.type, b.type} <= {20, 21, 23, 26} and not {a.type, b.type} <= {25, 1043}:
        return None
    if is_volatile(part):
        return None
    used_a, used_b = n.columns_used(a), n.columns_used(b)
    if used_a & left and not used_a & right and used_b & right and not used_b & left:
        return a, b
    if used_b & left and not used_b & right and used_a & right and not used_a & left:
        return b, a
    return None


def join_operators(
    p: Planner,
    kind: str,
    left: Operator,
    right: Operator,
    conditions: Sequence[n.Expression],
    needed: frozenset[int],
    lateral: frozenset[int] | None,
    tested: Sequence[n.Expression] = (),
    merge: bool = False,
) -> Operator:
    """A hash join if an equality connects the sides, else a nested loop; with `merge` a merge join where both sides
    come in the order of the keys.

    A join by columns leaves the equalities among `tested` out of its key and tests them on each pair.
    """
    left_ids, right_ids = frozenset(left.columns), frozenset(right.columns)
    keys: list[tuple[n.Expression, n.Expression]] = []
    equalities: list[n.Expression] = []
    rest: list[n.Expression] = []
    for part in conditions:
        sides = equality_sides(part, left_ids, right_ids) if lateral is None else None
        if sides is not None:
            keys.append(sides)
            equalities.append(part)
        else:
            rest.append(part)
    hashed = [pair for pair, part in zip(keys, equalities, strict=True) if part not in tested]
    on_pairs = [*rest, *(part for part in equalities if part in tested)]
    if hashed and (by_columns := column_join(p, kind, left, right, hashed, on_pairs, needed, conditions)) is not None:
        return by_columns
    padded_left = kind == "full"
    padded_right = kind in ("left", "full")
    scope: dict[int, Code] = {}
    scope.update(scope_of(left.columns, left.not_null, "l"))
    scope.update(scope_of(right.columns, right.not_null, "r"))
    columns = tuple(column for column in left.columns if column in needed)
    if kind not in ("semi", "anti"):
        columns += tuple(column for column in right.columns if column in needed)
    not_null = set(columns)
    not_null &= (frozenset() if padded_left else left.not_null) | (frozenset() if padded_right else right.not_null)
    item = tuple_text([scope[column].text for column in columns])
    if kind in ("semi", "anti") and columns == left.columns:
        item = "l"
    described = " AND ".join(p.deparse(part) for part in conditions)
    if keys:
        return _hash_join(p, kind, left, right, keys, rest, scope, columns, frozenset(not_null), item, described, merge)
    generator = p.generator(scope, "l", "r")
    tests = [generator.truth(part) for part in rest]
    test = " and ".join(tests) or "True"
    make_rest = None
    if kind == "inner":
        body = [f"return [{item} for l in lefts for r in rights if {test}]"]
    elif kind == "semi":
        body = [f"return [{item} for l in lefts if any({test} for r in rights)]"]
    elif kind == "anti":
        body = [f"return [{item} for l in lefts if not any({test} for r in rights)]"]
    else:
        pad_right = _padded(columns, frozenset(right.columns), scope)
        mark = ["matched.add(j)"] if kind == "full" else []
        body = [
            "out = []",
            "add = out.append",
            "for l in lefts:",
            "    found = False",
            "    for j, r in enumerate(rights):",
            f"        if {test}:",
            "            found = True",
            *(f"            {line}" for line in mark),
            f"            add({item})",
            "    if not found:",
            f"        add({pad_right})",
            "return out",
        ]
        if kind == "full":
            rest_generator = p.generator(scope, "r")
            pad_left = _padded(columns, frozenset(left.columns), scope)
            make_rest = compile_factory(rest_generator, "rows", [f"return [{pad_left} for r in rows]"])
    if kind in ("semi", "anti") and tests:
        # Temporaries cannot be bound inside any(): plain loops instead.
        wanted = "found" if kind == "semi" else "not found"
        body = [
            "out = []",
            "for l in lefts:",
            "    found = False",
            "    for r in rights:",
            f"        if {test}:",
            "            found = True",
            "            break",
            f"    if {wanted}:",
            f"        out.append({item})",
            "return out",
        ]
    make_probe = compile_factory(generator, "lefts, rights, matched", body)
    outer = None
    if lateral is not None:
        outer = tuple((column, slot) for slot, column in enumerate(left.columns) if column in lateral)
    return NestedLoop(kind, left, right, make_probe, make_rest, outer, columns, frozenset(not_null), described)


def _padded(columns: Sequence[int], missing: frozenset[int], scope: dict[int, Code]) -> str:
    return tuple_text(["None" if column in missing else scope[column].text for column in columns])


def _key_text(generator_texts: Sequence[str]) -> str:
    return generator_texts[0] if len(generator_texts) == 1 else tuple_text(generator_texts)


def _hash_join(
    p: Planner,
    kind: str,
    left: Operator,
    right: Operator,
    keys: Sequence[tuple[n.Expression, n.Expression]],
    rest: Sequence[n.Expression],
    scope: dict[int, Code],
    columns: tuple[int, ...],
    not_null: frozenset[int],
    item: str,
    described: str,
    merge: bool,
) -> Operator:
    build = p.generator(scope, "r")
    right_texts = [comparable(build, b) for _, b in keys]
    right_key = _key_text(right_texts)
    has_null = "k is None" if len(keys) == 1 else "None in k"
    entry = "[r, False]" if kind == "full" else "r"
    body = [
        "get = table.get",
        "for r in rows:",
        f"    k = {right_key}",
        f"    if {has_null}:",
        f"        loose.append({entry})" if kind == "full" else "        continue",
        *(["        continue"] if kind == "full" else []),
        "    bucket = get(k)",
        "    if bucket is None:",
        f"        table[k] = [{entry}]",
        "    else:",
        f"        bucket.append({entry})",
    ]
    make_build = compile_factory(build, "rows, table, loose", body)
    probe = p.generator(scope, "l", "r")
    left_key = _key_text([comparable(probe, a) for a, _ in keys])
    tests = " and ".join(probe.truth(part) for part in rest)
    test = f" if {tests}" if tests else ""
    none_row = probe.name("k", [(None,) * len(right.columns)])
    make_rest = None
    # Temporaries of a nullable key cannot be bound in the iterable of a comprehension: the loop below serves then.
    bindable = ":=" not in left_key
    if kind == "inner" and bindable:
        lines = ["get = table.get", f"return [{item} for l in rows for r in get({left_key}, ()){test}]"]
    elif kind == "left" and not tests and bindable:
        lines = ["get = table.get", f"return [{item} for l in rows for r in get({left_key}, {none_row})]"]
    elif kind in ("semi", "anti") and not tests:
        operator = "in" if kind == "semi" else "not in"
        lines = [f"return [{item} for l in rows if {left_key} {operator} table]"]
    else:
        lines = ["out = []", "add = out.append", "get = table.get", "for l in rows:", "    found = False"]
        if kind == "full":
            lines += [f"    for entry in get({left_key}, ()):", "        r = entry[0]"]
        else:
            lines += [f"    for r in get({left_key}, ()):"]
        lines += [f"        if {tests or 'True'}:", "            found = True"]
        if kind == "full":
            lines += ["            entry[1] = True"]
        if kind in ("semi", "anti"):
            lines += [
                "            break",
                f"    if {'found' if kind == 'semi' else 'not found'}:",
                f"        add({item})",
            ]
        else:
            lines += [f"            add({item})"]
            if kind != "inner":
                pad = _padded(columns, frozenset(right.columns), scope)
                lines += ["    if not found:", f"        add({pad})"]
        lines += ["return out"]
        if kind == "full":
            rest_generator = p.generator(scope, "r")
            pad_left = _padded(columns, frozenset(left.columns), scope)
            make_rest = compile_factory(
                rest_generator, "entries", [f"return [{pad_left} for r, found in entries if not found]"]
            )
    make_probe = compile_factory(probe, "rows, table", lines)
    keyed = p.generator(scope, "l")
    left_key = _key_text([comparable(keyed, a) for a, _ in keys])
    make_keys = compile_factory(keyed, "rows", [f"return [{left_key} for l in rows]"])
    lefts, rights = [a for a, _ in keys], [b for _, b in keys]
    if merge and kind != "full" and is_sorted(left, lefts) and is_sorted(right, rights):
        return MergeJoin(
            kind, left, right, p.matching_keys(left, lefts), p.matching_keys(right, rights), make_build, make_probe,
            columns, not_null, described, ordering_of(left, columns),
        )  # fmt: skip
    by_left = _found(left, [a for a, _ in keys]) if kind in ("inner", "semi") else None
    by_right = _found(right, [b for _, b in keys]) if kind != "full" and by_left is None else None
    return HashJoin(
        kind, left, right, make_build, make_keys, make_probe, make_rest, columns, not_null, described, by_left, by_right
    )


def _found(scan: Operator, keys: Sequence[n.Expression]) -> Found | None:
    """How the rows of a virtual scan are found by a column that is one of the join keys."""
    if not isinstance(scan, VirtualScan):
        return None
    attributes = dict(scan.found_by)
    for place, key in enumerate(keys):
        padded = key.type == oids.BPCHAR  # blanks at the end do not count
        while isinstance(key, n.Relabel):
            key = key.argument
        if isinstance(key, n.ColumnReference) and key.column in attributes and not padded:
            return Found(place if len(keys) > 1 else None, attributes[key.column])
    return None
