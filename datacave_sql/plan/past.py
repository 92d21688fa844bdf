"""Plans that read the past: moments, and scans of all versions of a table's rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datacave_sql.exec.moment import MOMENT_READERS, read_at
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import Factory, compile_factory
from datacave_sql.exec.version_scan import VersionScan
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import AccessPath, access_paths, best_path
from datacave_sql.plan.planning import Planner, row_builder
from datacave_sql.table.access import TableAccess

_VERSION_CODES = {
    l.VERSION_BEGIN_ATTRIBUTE: Code("b", False, True),
    l.VERSION_END_ATTRIBUTE: Code("e", True, True),
    l.VERSION_TRANSACTION_ATTRIBUTE: Code("t", False, True),
}

TableScope = Callable[[dict[str, object], TableAccess, Sequence[l.OutputColumn]], dict[int, Code]]
RangeFactory = Callable[[Planner, TableAccess, AccessPath], Factory]


def moment_factory(p: Planner, moment: l.Moment | None, *, bound: bool = False) -> Factory | None:
    """`run()`: the moment as a commit timestamp; one that is read at is checked and kept, unlike a mere `bound`."""
    if moment is None:
        return None
    generator = p.generator({})
    generator.namespace["moment"] = MOMENT_READERS[moment.value.type]
    text = f"moment(c, {generator.value(moment.value).text})"
    if not bound:
        generator.namespace["read_at"] = read_at
        text = f"read_at(c, {text}, {moment.since}, {moment.until})"
    return compile_factory(generator, "", [f"return {text}"])


def plan_version_scan(
    p: Planner,
    node: l.Scan,
    versions: l.VersionSpan,
    needed: frozenset[int],
    conjuncts: list[n.Expression],
    table_scope: TableScope,
    range_factory: RangeFactory,
) -> Operator:
    """All versions of rows; the primary key finds them, other conditions are filters."""
    access = p.environment.access(node.table)
    stored = [c for c in node.columns if c.attribute not in _VERSION_CODES]
    paths = [one for one in access_paths(access, stored, conjuncts) if one.index.index_number == 0]
    path = best_path(paths)
    names: dict[str, object] = {}
    scope = table_scope(names, access, stored)
    scope |= {c.id: _VERSION_CODES[c.attribute] for c in node.columns if c.attribute in _VERSION_CODES}
    variables = ("k", "v", "b", "e", "t")
    generator = Generator(scope, variables, p.types, p.generator({}).subquery, dict(names))
    outputs = [column for column in node.columns if column.id in needed]
    codes = [scope[column.id] for column in outputs]
    make = row_builder(generator, codes, conjuncts, ", ".join(variables), None)
    if path is not None:
        make_ranges = range_factory(p, access, path)
    else:
        low, high = access.table_range
        make_ranges = compile_factory(p.generator({}), "", [f"return [({low!r}, {high!r})]"])
    return VersionScan(
        node.table.name,
        node.alias,
        versions.kind,
        make_ranges,
        moment_factory(p, versions.start, bound=True),
        moment_factory(p, versions.end, bound=True),
        make,
        tuple(column.id for column in outputs),
        frozenset(column.id for column in outputs if not scope[column.id].nullable),
        tuple(p.deparse(one) for one in path.sources) if path is not None else (),
        tuple(p.deparse(one) for one in conjuncts),
    )
