"""When a join is a lookup: few left rows, each naming rows of a table by the first columns of one of its indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datacave_sql.exec.lookup_join import LookupJoin
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.range_lookup_join import RangeLookupJoin
from datacave_sql.exec.rowfunction import Factory, compile_factory, tuple_text
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Generator
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import AccessPath, ColumnCondition, access_paths
from datacave_sql.plan.cardinality import origins, together
from datacave_sql.plan.covering import Covering, covered_scope, covering, entry_lines
from datacave_sql.plan.planning import Planner, scope_of, split_conjuncts
from datacave_sql.plan.prices import ENTRY_COST, READ_SHARE, range_lookup_price
from datacave_sql.plan.prices import lookup_price as price_of_lookup
from datacave_sql.plan.scans import table_scope
from datacave_sql.table.access import TableAccess

LOOKUP_KINDS = frozenset({"inner", "left", "semi", "anti"})


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A path whose leading key columns equal values of other relations, and what finding its rows once costs."""

    access: TableAccess
    path: AccessPath
    equal: tuple[ColumnCondition, ...]
    cost: float

    @property
    def is_row(self) -> bool:
        """Whether it names one row of the table by its own key."""
        return self.path.single_row and self.path.index.index_number == 0


def _table_of(
    node: l.LogicalPlan, conjuncts: Sequence[n.Expression]
) -> tuple[l.Scan, list[n.Expression]] | tuple[None, list[n.Expression]]:
    """The table below a relation's filters, and all of its conditions."""
    filters = list(conjuncts)
    while isinstance(node, l.Filter) and not node.barrier:
        filters += split_conjuncts(node.predicate)
        node = node.child
    if not isinstance(node, l.Scan) or node.as_of is not None or node.versions is not None:
        return None, filters
    return node, filters


def is_table(node: l.LogicalPlan) -> bool:
    """Whether a relation is a table below filters, so that a lookup may serve."""
    return _table_of(node, ())[0] is not None


def _cheapest(
    p: Planner, node: l.Scan, conditions: Sequence[n.Expression], others: frozenset[int] | None
) -> _Lookup | None:
    """The cheapest lookup; with `others`, of values over these columns alone."""
    access = p.environment.access(node.table)
    own = frozenset(column.id for column in node.columns)
    total = p.environment.statistics.row_count(node.table)
    found: list[_Lookup] = []
    for path in access_paths(access, node.columns, conditions):
        if path.inverted or path.nested is not None or path.index.method not in ("btree", "hash"):
            continue
        equal: list[ColumnCondition] = []
        for condition in path.equal:
            used = n.columns_used(condition.source)
            if condition.operator != "=" or (others is not None and not used <= others | own):
                break
            equal.append(condition)
        if path.index.method == "hash" and len(equal) < len(path.index.keys):
            continue
        if not any(n.columns_used(condition.source) - own for condition in equal):
            continue
        if len(equal) == len(path.equal) and path.single_row and path.index.index_number == 0:
            found.append(_Lookup(access, path, tuple(equal), price_of_lookup(total)))
            continue
        known = origins(p.environment, node)
        rows = total * together(p.environment, known, [condition.source for condition in equal], total)
        each = ENTRY_COST if path.index.index_number == 0 else price_of_lookup(total)
        found.append(_Lookup(access, path, tuple(equal), range_lookup_price(total) + rows * each))
    return min(found, key=lambda one: one.cost, default=None)


def lookup_cost(
    p: Planner, node: l.LogicalPlan, conjuncts: Sequence[n.Expression], conditions: Sequence[n.Expression]
) -> float:
    """What finding rows of a relation by an index costs, if the conditions can name their keys; else 0."""
    table, filters = _table_of(node, conjuncts)
    if table is None:
        return 0.0
    found = _cheapest(p, table, [*conditions, *filters], None)
    return found.cost if found is not None else 0.0


def plan_lookup_join(
    p: Planner,
    kind: str,
    left: Operator,
    left_rows: float,
    node: l.LogicalPlan,
    conjuncts: Sequence[n.Expression],
    conditions: Sequence[n.Expression],
    needed: frozenset[int],
    node_rows: float,
) -> Operator | None:
    """A lookup join of `left` with the table of `node`, or None where it is impossible or does not pay."""
    table, filters = _table_of(node, conjuncts)
    if table is None or kind not in LOOKUP_KINDS or p.environment.past:
        return None
    total = p.environment.statistics.row_count(table.table)
    read = max(node_rows, READ_SHARE * total)
    if left_rows * price_of_lookup(total) > read:
        return None
    everything = [*conditions, *filters]
    found = _cheapest(p, table, everything, frozenset(left.columns))
    if found is None or left_rows * found.cost > read:
        return None
    consumed = {id(condition.source) for condition in found.equal}
    rest = [part for part in everything if id(part) not in consumed]
    access = p.environment.access(table.table)
    outputs = [column for column in left.columns if column in needed]
    own = [column for column in table.columns if column.id in needed] if kind in ("inner", "left") else []
    covered = None
    if not found.is_row:
        covered = _covering(p, table, found, own, rest, frozenset(left.columns))
    names: dict[str, object] = {}
    scope = scope_of(left.columns, left.not_null, "l")
    scope.update(covered_scope(covered) if covered is not None else table_scope(names, access, table.columns))
    generator = p.generator(scope, "l", "k", "v")
    generator.namespace.update(names)
    tests = [generator.truth(part) for part in rest]
    columns = (*outputs, *(column.id for column in own))
    item = tuple_text([scope[column].text for column in columns])
    if kind in ("semi", "anti") and columns == left.columns:
        item = "l"
    padded = tuple_text(["None" if column not in left.columns else scope[column].text for column in columns])
    not_null = frozenset(column for column in columns if not scope[column].nullable)
    if kind == "left":
        not_null &= frozenset(left.columns)
    make_keys = _key_factory(p, left, found)
    sources = tuple(p.deparse(condition.source) for condition in found.equal)
    texts = tuple(p.deparse(part) for part in rest)
    index = found.path.index
    if found.is_row:
        make_join = _row_join(generator, kind, tests, item, padded)
        return LookupJoin(
            kind, left, table.table.name, table.alias, index.name, make_keys, make_join, columns, not_null, sources,
            texts, index.oid,
        )  # fmt: skip
    make_values = None
    if covered is not None:
        values = p.generator({})
        make_values = compile_factory(values, "entries", entry_lines(values, covered))
    make_join = _range_join(generator, kind, tests, item, padded)
    make_matches = make_join if kind == "inner" else _range_join(generator, "inner", tests, item, padded)
    return RangeLookupJoin(
        kind, left, table.table.name, table.alias, index.name, index.index_number == 0, make_keys, make_values,
        make_join, make_matches, columns, not_null, sources, texts, index.oid,
    )  # fmt: skip


def _covering(
    p: Planner,
    table: l.Scan,
    found: _Lookup,
    own: Sequence[l.OutputColumn],
    rest: Sequence[n.Expression],
    left: frozenset[int],
) -> Covering | None:
    """How the index gives what is read of the table, where it does."""
    if any(not n.columns_used(part) <= left | {column.id for column in table.columns} for part in rest):
        return None
    return covering(p.environment.access(table.table), table, found.path, own, rest)


def _key_factory(p: Planner, left: Operator, found: _Lookup) -> Factory:
    """`run(rows)`: per left row the beginning of the keys it names; None where it names none."""
    generator = p.generator(scope_of(left.columns, left.not_null, "l"), "l")
    codec = found.access.codec(found.path.index)
    generator.namespace["encode"] = codec.encode if found.is_row else codec.encode_prefix
    texts, tests = [], []
    for condition in found.equal:
        assert not isinstance(condition.value, tuple)
        code = generator.value(condition.value)
        if code.nullable:
            first, after = generator.atom(code)
            tests.append(f"{first} is None")
            texts.append(after)
        else:
            texts.append(code.text)
    key = f"encode({tuple_text(texts)})"
    if tests:
        key = f"(None if {' or '.join(tests)} else {key})"
    return compile_factory(generator, "rows", [f"return [{key} for l in rows]"])


def _row_join(generator: Generator, kind: str, tests: Sequence[str], item: str, padded: str) -> Factory:
    """`run(rows, keys, found)`: the joined rows of left rows and the one row each has found, or None."""
    arguments = "rows, keys, found"
    test = " and ".join(["v is not None", *tests])
    if kind in ("inner", "semi"):
        line = f"return [{item} for l, k, v in zip(rows, keys, found) if {test}]"
        return compile_factory(generator, arguments, [line])
    if kind == "anti":
        return compile_factory(
            generator, arguments, [f"return [{item} for l, k, v in zip(rows, keys, found) if not ({test})]"]
        )
    line = f"return [{item} if {test} else {padded} for l, k, v in zip(rows, keys, found)]"
    return compile_factory(generator, arguments, [line])


def _range_join(generator: Generator, kind: str, tests: Sequence[str], item: str, padded: str) -> Factory:
    """`run(rows, found)`: the joined rows of left rows and the pairs each has found."""
    arguments = "rows, found"
    if kind == "inner":
        test = f" if {' and '.join(tests)}" if tests else ""
        line = f"return [{item} for l, pairs in zip(rows, found) for k, v in pairs{test}]"
        return compile_factory(generator, arguments, [line])
    if kind in ("semi", "anti") and not tests:
        wanted = "pairs" if kind == "semi" else "not pairs"
        return compile_factory(generator, arguments, [f"return [{item} for l, pairs in zip(rows, found) if {wanted}]"])
    lines = ["out = []", "add = out.append", "for l, pairs in zip(rows, found):", "    hit = False"]
    lines += ["    for k, v in pairs:", f"        if {' and '.join(tests) or 'True'}:", "            hit = True"]
    if kind == "left":
        lines += [f"            add({item})", "    if not hit:", f"        add({padded})"]
    else:
        lines += ["            break", f"    if {'hit' if kind == 'semi' else 'not hit'}:", f"        add({item})"]
    return compile_factory(generator, arguments, [*lines, "return out"])
