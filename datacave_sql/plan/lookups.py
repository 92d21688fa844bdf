"""When a join is a lookup: few left rows, each naming one row of a table by its primary key."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_sql.exec.lookup_join import LookupJoin
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import compile_factory, tuple_text
from datacave_sql.expr import nodes as n
from datacave_sql.expr.deparse import deparse
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import access_paths
from datacave_sql.plan.planning import Planner, scope_of, split_conjuncts
from datacave_sql.plan.prices import lookup_price
from datacave_sql.plan.scans import table_scope


def lookup_cost(
    p: Planner, node: l.LogicalPlan, conjuncts: Sequence[n.Expression], conditions: Sequence[n.Expression]
) -> float:
    """What finding one row of a relation by its primary key costs, if the conditions can name it; else 0."""
    filters = list(conjuncts)
    while isinstance(node, l.Filter):
        filters += split_conjuncts(node.predicate)
        node = node.child
    if not isinstance(node, l.Scan) or node.as_of is not None:
        return 0.0
    access = p.environment.access(node.table)
    paths = access_paths(access, node.columns, [*conditions, *filters])
    if not any(path.single_row and path.index.index_number == 0 for path in paths):
        return 0.0
    return lookup_price(p.environment.statistics.row_count(node.table))


def plan_lookup_join(
    p: Planner,
    left: Operator,
    left_rows: float,
    node: l.LogicalPlan,
    conjuncts: Sequence[n.Expression],
    conditions: Sequence[n.Expression],
    needed: frozenset[int],
    node_rows: float,
) -> Operator | None:
    """A lookup join of `left` with the table of `node`, or None where it is impossible or does not pay."""
    filters = list(conjuncts)
    while isinstance(node, l.Filter) and not node.barrier:
        filters += split_conjuncts(node.predicate)
        node = node.child
    if not isinstance(node, l.Scan) or node.as_of or node.versions or left_rows * lookup_price(node_rows) > node_rows:
        return None
    left_ids = frozenset(left.columns)
    everything = [*conditions, *filters]
    access = p.environment.access(node.table)
    paths = [
        path
        for path in access_paths(access, node.columns, everything)
        if path.single_row and path.index.index_number == 0
    ]
    if not paths:
        return None
    path = paths[0]
    own = frozenset(column.id for column in node.columns)
    for source in path.sources:
        if not n.columns_used(source) <= left_ids | own:
            return None
    key_generator = p.generator(scope_of(left.columns, left.not_null, "l"), "l")
    key_generator.namespace["encode"] = access.codec(path.index).encode
    texts, tests = [], []
    for condition in path.equal:
        assert not isinstance(condition.value, tuple)
        code = key_generator.value(condition.value)
        if code.nullable:
            first, after = key_generator.atom(code)
            tests.append(f"{first} is None")
            texts.append(after)
        else:
            texts.append(code.text)
    key = f"encode({tuple_text(texts)})"
    if tests:
        key = f"(None if {' or '.join(tests)} else {key})"
    make_keys = compile_factory(key_generator, "rows", [f"return [{key} for l in rows]"])
    names: dict[str, object] = {}
    scope = {**scope_of(left.columns, left.not_null, "l"), **table_scope(names, access, node.columns)}
    generator = p.generator(scope, "l", "k", "v")
    generator.namespace.update(names)
    consumed = {id(source) for source in path.sources}
    rest = [part for part in everything if id(part) not in consumed]
    tests = ["v is not None", *(generator.truth(part) for part in rest)]
    outputs = [column for column in left.columns if column in needed]
    outputs += [column.id for column in node.columns if column.id in needed]
    item = tuple_text([scope[column].text for column in outputs])
    make_join = compile_factory(
        generator,
        "rows, keys, found",
        [f"return [{item} for l, k, v in zip(rows, keys, found) if {' and '.join(tests)}]"],
    )
    not_null = frozenset(column for column in outputs if not scope[column].nullable)
    return LookupJoin(
        left,
        node.table.name,
        node.alias,
        path.index.name,
        make_keys,
        make_join,
        tuple(outputs),
        not_null,
        tuple(deparse(part) for part in path.sources),
        path.index.oid,
    )
