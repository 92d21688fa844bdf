"""Plans of virtual scans: rows that are computed, found by a column's value where the relation can do that.

A pattern that only one text fits (psql writes `relname ~ '^(name)$'` for a name, JDBC `LIKE 'name'`) finds rows as an
equality does, as PostgreSQL's index would; whether it is one is looked at when the statement runs, since literals may
have become parameters. The condition stays a filter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from datacave_core.types import oids
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import Factory, compile_factory
from datacave_sql.exec.virtual_scan import VirtualScan
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import column_condition
from datacave_sql.plan.planning import Planner, is_volatile, row_builder
from datacave_sql.plan.scans import condition_values

_TEXT_TYPES: Final = frozenset({oids.TEXT, oids.NAME})
_PLAIN: Final = _TEXT_TYPES | {oids.OID, oids.INT2, oids.INT4, oids.INT8, oids.CHAR}
"""Types whose values are equal where Python's are."""

_EXACT_REGEX: Final = re.compile(r"\^\(?((?:[^\W]|[ -]|\\[^\w])+)\)?\$")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


class _Lookup(NamedTuple):
    """`values` is `run()` giving the values to look up, or None for all rows; `replaced` needs no filter any more."""

    attribute: int
    values: Factory
    condition: n.Expression
    replaced: bool


def plan_virtual_scan(
    p: Planner, node: l.VirtualScan, needed: frozenset[int], conjuncts: list[n.Expression]
) -> Operator:
    scope = {
        column.id: Code(f"r[{column.attribute - 1}]", True, True) for column in node.columns if column.attribute > 0
    }
    outputs = [column for column in node.columns if column.id in needed]
    lookup = _lookup(p, node, conjuncts)
    filters = [part for part in conjuncts if lookup is None or not lookup.replaced or part is not lookup.condition]
    generator = p.generator(scope, "r")
    make = row_builder(generator, [scope[column.id] for column in outputs], filters, "r", None)
    columns = tuple(column.id for column in outputs)
    return VirtualScan(
        node.relation,
        getattr(node.relation, "name", node.alias),
        node.alias,
        make,
        columns,
        frozenset(),
        tuple(p.deparse(part) for part in filters),
        (lookup.attribute, lookup.values) if lookup is not None else None,
        p.deparse(lookup.condition) if lookup is not None else "",
        () if lookup is not None else _found_by(node),
    )


def _lookup(p: Planner, node: l.VirtualScan, conjuncts: Sequence[n.Expression]) -> _Lookup | None:
    """By which column the relation finds the rows; equalities before patterns."""
    wanted: frozenset[int] = getattr(node.relation, "lookup_columns", frozenset())
    attributes = {column.id: column.attribute for column in node.columns if column.attribute in wanted}
    if not attributes:
        return None
    for part in conjuncts:
        for condition in column_condition(part, attributes):
            if condition.operator in ("=", "in", "any"):
                generator = p.generator({})
                values = condition_values(generator, condition)
                factory = compile_factory(generator, "", [f"return {values}"])
                return _Lookup(condition.attribute, factory, part, True)
    for part in conjuncts:
        if isinstance(part, n.FunctionCall) and part.operator in _PATTERNS:
            attribute = _text_column(part.arguments[0], attributes)
            pattern = part.arguments[1]
            if attribute and pattern.type == oids.TEXT and not n.columns_used(pattern) and not is_volatile(pattern):
                generator = p.generator({})
                generator.namespace["fitting"] = _PATTERNS[part.operator]
                text = generator.value(pattern).text
                return _Lookup(attribute, compile_factory(generator, "", [f"return fitting({text})"]), part, False)
    return None


def _found_by(node: l.VirtualScan) -> tuple[tuple[int, int], ...]:
    """(column id, attribute) of the columns that rows can be found by, for joins that know their values."""
    wanted: frozenset[int] = getattr(node.relation, "lookup_columns", frozenset())
    return tuple(
        (column.id, column.attribute) for column in node.columns if column.attribute in wanted and column.type in _PLAIN
    )


def _text_column(e: Any, attributes: dict[int, int]) -> int:
    while isinstance(e, n.Relabel):
        e = e.argument
    return attributes.get(e.column, 0) if isinstance(e, n.ColumnReference) and e.type in _TEXT_TYPES else 0


def only_regex_match(pattern: str | None) -> list[str] | None:
    """The one text that a regular expression matches, in a list; None where there may be others."""
    if pattern is None:
        return []
    found = _EXACT_REGEX.fullmatch(pattern)
    if found is None or pattern.startswith("^(") != pattern.endswith(")$"):
        return None
    return [_ESCAPED.sub(r"\1", found[1])]


def only_like_match(pattern: str | None) -> list[str] | None:
    """The one text that is LIKE a pattern, in a list; None where there may be others."""
    if pattern is None:
        return []
    bare = _ESCAPED.sub("", pattern)
    return None if "%" in bare or "_" in bare or "\\" in bare else [_ESCAPED.sub(r"\1", pattern)]


_PATTERNS: Final = {"~": only_regex_match, "~~": only_like_match}
"""By operator, what tells whether only one text fits."""
