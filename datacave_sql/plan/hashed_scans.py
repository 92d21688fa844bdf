"""Plans of scans that know their rows in other ways than by an index: in correlated subqueries, where a dictionary
serves the outer values, and for WHERE CURRENT OF, where a cursor does."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_sql.exec.hashed_rows import HashedRows
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import Factory, compile_factory, tuple_text
from datacave_sql.exec.table_scan import KeyLookup
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Generator
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import access_paths, same_family
from datacave_sql.plan.planning import Planner, comparable, is_volatile, row_builder, scope_of
from datacave_sql.plan.scans import plan_scan, table_scope


def plan_table_scan(p: Planner, node: l.Scan, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """A scan by index, from end to end, or, if it is run over and over for outer values, once into a dictionary."""
    current = _current_row(p, node, needed, conjuncts)
    if current is not None:
        return current
    if not p.repeated or node.as_of is not None:
        return plan_scan(p, node, needed, conjuncts)
    own = frozenset(column.id for column in node.columns)
    keys: list[tuple[n.Expression, n.Expression]] = []
    inner: list[n.Expression] = []
    for part in conjuncts:
        sides = _correlated_sides(part, own)
        if sides is not None:
            keys.append(sides)
        elif n.columns_used(part) <= own and not is_volatile(part):
            inner.append(part)
        else:
            return plan_scan(p, node, needed, conjuncts)
    if not keys or access_paths(p.environment.access(node.table), node.columns, conjuncts):
        return plan_scan(p, node, needed, conjuncts)
    wanted = needed.union(*(n.columns_used(a) for a, _ in keys)) & own
    base = plan_scan(p, node, wanted, inner)
    plain = p.arranged(plan_scan(p, node, wanted, conjuncts), base.columns)
    number = p.subquery_count
    p.subquery_count += 1
    condition = " AND ".join(f"({p.deparse(a)} = {p.deparse(b)})" for a, b in keys)
    make_keys = _key_factory(p, [a for a, _ in keys], base)
    make_probe = _key_factory(p, [b for _, b in keys], None)
    return HashedRows(number, plain, base, make_keys, make_probe, base.columns, base.not_null, condition)


def _current_row(p: Planner, node: l.Scan, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator | None:
    """The lookup of the row that WHERE CURRENT OF means, if the table has it."""
    condition = next((part for part in conjuncts if _names_current_row(part)), None)
    if condition is None:
        return None
    assert isinstance(condition, n.FunctionCall)
    access = p.environment.access(node.table)
    names: dict[str, object] = {}
    scope = table_scope(names, access, node.columns)
    generator = Generator(scope, ("k", "v"), p.types, p.generator({}).subquery, dict(names))
    outputs = [column for column in node.columns if column.id in needed]
    rest = [part for part in conjuncts if part is not condition]
    make = row_builder(generator, [scope[column.id] for column in outputs], rest, "k, v", None)
    keys = p.generator({})
    text = keys.value(condition.arguments[1]).text
    keys.namespace["own"] = lambda key: [key] if key is not None and key.startswith(access.prefix) else []
    make_keys = compile_factory(keys, "", [f"return own({text})"])
    columns = tuple(column.id for column in outputs)
    not_null = frozenset(column.id for column in outputs if not scope[column.id].nullable)
    return KeyLookup(
        node.table.name, node.alias, make_keys, make, columns, not_null, None, ("CURRENT OF",), (), None,
        node.table.oid,
    )  # fmt: skip


def _names_current_row(part: n.Expression) -> bool:
    if not isinstance(part, n.FunctionCall) or part.operator != "=" or len(part.arguments) != 2:
        return False
    return isinstance(part.arguments[1], n.FunctionCall) and part.arguments[1].function.symbol == "current_of"


def _correlated_sides(part: n.Expression, own: frozenset[int]) -> tuple[n.Expression, n.Expression] | None:
    """(over the scan's columns, over none of them) of an equality that compares by one kind of key, or None."""
    if not isinstance(part, n.FunctionCall) or part.operator != "=" or len(part.arguments) != 2 or is_volatile(part):
        return None
    a, b = part.arguments
    if not same_family(a.type, b.type):
        return None
    for one, other in ((a, b), (b, a)):
        used, outer = n.columns_used(one), n.columns_used(other)
        if used and used <= own and outer and not outer & own:
            return one, other
    return None


def _key_factory(p: Planner, expressions: Sequence[n.Expression], operator: Operator | None) -> Factory:
    scope = {} if operator is None else scope_of(operator.columns, operator.not_null, "r")
    generator = p.generator(scope, "r")
    texts = [comparable(generator, e) for e in expressions]
    text = texts[0] if len(texts) == 1 else f"whole({tuple_text(texts)})"
    generator.namespace["whole"] = _whole
    if operator is None:
        return compile_factory(generator, "", [f"return {text}"])
    return compile_factory(generator, "rows", [f"return [{text} for r in rows]"])


def _whole(key: tuple[object, ...]) -> tuple[object, ...] | None:
    """The key, or None where a NULL in it matches nothing."""
    return None if None in key else key
