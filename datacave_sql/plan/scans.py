"""Plans of scans: access path, generated column reading, filters and projection in one function."""

from __future__ import annotations

from collections.abc import Sequence

from datacave_core.rowbatch import BATCH_ROWS
from datacave_sql.exec.index_only_scan import IndexOnlyScan
from datacave_sql.exec.inverted_scan import InvertedScan
from datacave_sql.exec.keyranges import ONLY_NULL, combinations, ranges_of
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import Factory, compile_factory, tuple_text
from datacave_sql.exec.table_scan import IndexScan, KeyLookup, TableScan
from datacave_sql.expr import nodes as n
from datacave_sql.expr.generate import Code, Generator
from datacave_sql.plan import logical as l
from datacave_sql.plan.access_path import (
    NOT_NULL,
    NULL,
    AccessPath,
    ColumnCondition,
    access_paths,
)
from datacave_sql.plan.bitmaps import bitmap_scan, crossed_paths, united_paths
from datacave_sql.plan.column_plans import column_scan
from datacave_sql.plan.covering import Covering, covered_scope, covering, entry_lines
from datacave_sql.plan.ordered_paths import ChosenPath, choose_path, entry_order
from datacave_sql.plan.past import moment_factory, plan_version_scan
from datacave_sql.plan.planning import Planner, row_builder
from datacave_sql.table.access import TableAccess
from datacave_sql.table.inverted_access import InvertedAccess
from datacave_sql.table.nested_ranges import nested_searches

ENTRIES_PER_BATCH = 256
"""Entries of a secondary index are read in smaller batches, since each costs a lookup."""

FEW_ROWS = 16


def table_scope(
    generator_names: dict[str, object],
    access: TableAccess,
    columns: Sequence[l.OutputColumn],
    slots: Sequence[int] | None = None,
) -> dict[int, Code]:
    """How generated code over `(k, v)` pairs reads the columns of a table; with `slots`, `v` holds these only."""
    scope: dict[int, Code] = {}
    for column in columns:
        if column.attribute == l.KEY_ATTRIBUTE:
            scope[column.id] = Code("k", False, True)
        elif column.attribute == l.ROW_ATTRIBUTE:
            if access.from_physical is None:
                scope[column.id] = Code("v", False, True)
            else:
                name = f"g_row{column.id}"
                generator_names[name] = access.from_physical
                scope[column.id] = Code(f"{name}(v)", False)
        elif column.attribute < 0:
            scope[column.id] = access.system_column(column.attribute, generator_names)
        else:
            definition = access.table.column(column.attribute)
            slot = column.attribute - 1
            text = f"v[{slot if slots is None else slots.index(slot)}]"
            convert = access.column_reader(column.attribute)
            if convert is None:
                scope[column.id] = Code(text, not definition.not_null, True)
            else:
                name = f"g_col{column.attribute}_{column.id}"
                generator_names[name] = convert
                if definition.not_null:
                    scope[column.id] = Code(f"{name}({text})", False)
                else:
                    scope[column.id] = Code(f"(None if {text} is None else {name}({text}))", True)
    return scope


def plan_scan(p: Planner, node: l.Scan, needed: frozenset[int], conjuncts: list[n.Expression]) -> Operator:
    """The best access path for the conditions; what it does not cover is filtered in the same function."""
    if node.versions is not None:
        return plan_version_scan(p, node, node.versions, needed, conjuncts, table_scope, range_factory)
    access = p.environment.access(node.table)
    outputs = [column for column in node.columns if column.id in needed]

    def covers(path: AccessPath) -> Covering | None:
        if p.environment.past:
            return None
        return covering(access, node, path, outputs, _tested(path, conjuncts))

    paths = access_paths(access, node.columns, conjuncts, nulls=True)
    chosen = choose_path(p, node, access, conjuncts, paths, covers)
    path, ordered = chosen.path, chosen.ordering is not None
    if path is not None and (covered := covers(path)) is not None:
        return _index_only_scan(p, node, access, chosen, path, covered, outputs)
    united = united_paths(p, node, access, conjuncts) if path is None else None
    if united is None and not ordered and len(paths) > 1:
        united = crossed_paths(p, node, conjuncts, paths, path)
        path = path if united is None else None
    filters = _tested(path, conjuncts)
    names: dict[str, object] = {}
    clustered = united is None and (path is None or path.index.index_number == 0)
    keyed = True
    slots: tuple[int, ...] | None = None
    read: Sequence[l.OutputColumn] = node.columns
    if clustered and not (path is not None and path.is_point):
        keyed, slots, read = _columns_read(node, outputs, filters)
    scope = table_scope(names, access, read, slots)
    variables = ("k", "v") if keyed else ("v",)
    generator = Generator(scope, variables, p.types, p.generator({}).subquery, dict(names))
    codes = [scope[column.id] for column in outputs]
    identity = "v" if _is_whole_row(p, node, outputs, access, slots) else None
    make = row_builder(generator, codes, filters, ", ".join(variables), identity)
    columns = tuple(column.id for column in outputs)
    not_null = frozenset(column.id for column in outputs if not scope[column.id].nullable)
    filter_texts = tuple(p.deparse(part) for part in filters if path is None or part not in path.sources)
    as_of = moment_factory(p, node.as_of)
    if united is not None:
        ranges = [range_factory(p, access, one) for one in united.paths]
        known = united.source.arguments if united.crossed else (united.source,)
        rest = tuple(p.deparse(part) for part in filters if part not in known)
        return bitmap_scan(p, node, united, ranges, make, columns, not_null, rest, as_of)
    if path is None:
        low, high = access.table_range
        make_ranges = compile_factory(p.generator({}), "", [f"return [({low!r}, {high!r})]"])
        if p.columns_welcome and (by_columns := column_scan(p, node, access, outputs, filters, make_ranges, as_of)):
            return by_columns
        ordering = _ordering(node, access, 0)
        return TableScan(
            node.table.name, node.alias, make_ranges, make, columns, not_null, None, (), filter_texts,
            False, BATCH_ROWS, ordering, as_of, slots=slots, keyed=keyed, counted_oid=node.table.oid,
        )  # fmt: skip
    conditions = tuple(p.deparse(part) for part in path.sources)
    if path.is_point and clustered:
        make_keys = key_factory(p, access, path)
        return KeyLookup(
            node.table.name, node.alias, make_keys, make, columns, not_null, path.index.name, conditions,
            filter_texts, as_of, path.index.oid,
        )  # fmt: skip
    if path.inverted:
        return InvertedScan(
            node.table.name, node.alias, wanted_factory(p, access, path), access.table_range, make, columns, not_null,
            path.index.name, conditions, filter_texts, as_of, path.index.oid,
        )  # fmt: skip
    make_ranges = range_factory(p, access, path)
    ordering = chosen.ordering if chosen.ordering is not None else _ordering(node, access, len(path.equal), path)
    batch_rows = _batch_rows(p, BATCH_ROWS if clustered else ENTRIES_PER_BATCH, ordered)
    if clustered and p.columns_welcome and not path.equal and not ordered:
        by_columns = column_scan(
            p, node, access, outputs, filters, make_ranges, as_of, path.index.name, conditions, path.index.oid
        )
        if by_columns is not None:
            return by_columns
    if clustered:
        return TableScan(
            node.table.name, node.alias, make_ranges, make, columns, not_null, path.index.name, conditions,
            filter_texts, chosen.reverse, batch_rows, ordering, as_of, slots=slots, keyed=keyed,
            counted_oid=path.index.oid,
        )  # fmt: skip
    return IndexScan(
        node.table.name, node.alias, make_ranges, make, columns, not_null, path.index.name, conditions,
        filter_texts, chosen.reverse, batch_rows, ordering, as_of, path.index.oid,
    )  # fmt: skip


def _tested(path: AccessPath | None, conjuncts: Sequence[n.Expression]) -> list[n.Expression]:
    """The conditions that a path leaves to be tested: equality is exact in the keys; bounds stay as filters too,
    which costs little."""
    if path is None:
        return list(conjuncts)
    consumed = {id(condition.source) for condition in path.equal if condition.operator != "any"}
    return [part for part in conjuncts if id(part) not in consumed]


def _batch_rows(p: Planner, rows: int, ordered: bool) -> int:
    """Few rows where a LIMIT stops a scan that gives the order it wants."""
    if p.wanted_order is not None and p.wanted_order.rows is not None and ordered:
        return min(rows, max(FEW_ROWS, int(p.wanted_order.rows)))
    return rows


def _index_only_scan(
    p: Planner,
    node: l.Scan,
    access: TableAccess,
    chosen: ChosenPath,
    path: AccessPath,
    covered: Covering,
    outputs: Sequence[l.OutputColumn],
) -> IndexOnlyScan:
    values = p.generator({})
    make_values = compile_factory(values, "entries", entry_lines(values, covered))
    scope = covered_scope(covered)
    generator = p.generator(scope, "v")
    columns = tuple(column.id for column in outputs)
    identity = "v" if columns == tuple(scope) else None
    make = row_builder(generator, [scope[column] for column in columns], covered.filters, "v", identity)
    ordered = chosen.ordering is not None
    return IndexOnlyScan(
        node.table.name, node.alias, range_factory(p, access, path), make_values, make, columns,
        frozenset(column for column in columns if not scope[column].nullable), path.index.name,
        tuple(p.deparse(part) for part in path.sources),
        tuple(p.deparse(part) for part in covered.filters if part not in path.sources), chosen.reverse,
        _batch_rows(p, BATCH_ROWS, ordered),
        chosen.ordering if chosen.ordering is not None else _ordering(node, access, len(path.equal), path),
        path.index.oid,
    )  # fmt: skip


def _columns_read(
    node: l.Scan, outputs: Sequence[l.OutputColumn], filters: Sequence[n.Expression]
) -> tuple[bool, tuple[int, ...] | None, Sequence[l.OutputColumn]]:
    """Whether keys are needed, the columns that rows have to have (None: all), and what can be read from them."""
    ids = set().union(*map(n.columns_used, filters)) if filters else set()
    given = {column.id for column in outputs}
    read = [*outputs, *(column for column in node.columns if column.id in ids and column.id not in given)]
    if any(column.attribute in l.KEYED_ATTRIBUTES for column in read):
        return True, None, node.columns
    subqueries = any(isinstance(part, n.SubqueryExpression) for one in filters for part in n.walk(one))
    if subqueries or any(column.attribute == l.ROW_ATTRIBUTE for column in read):
        # Every column but the key stays within reach of what stands in a subquery.
        return any(column.attribute == l.KEY_ATTRIBUTE for column in node.columns), None, node.columns
    slots = tuple(dict.fromkeys(column.attribute - 1 for column in read if column.attribute > 0))
    if len(slots) == len(node.table.columns):
        return False, None, read
    return False, slots, read


def _is_whole_row(
    p: Planner,
    node: l.Scan,
    outputs: Sequence[l.OutputColumn],
    access: TableAccess,
    slots: tuple[int, ...] | None,
) -> bool:
    """Whether the output is a row as the scan gives it."""
    wanted = tuple(column.attribute - 1 for column in outputs)
    if slots is None:
        if node.as_of is not None or p.environment.past:
            return False  # the store gives rows all columns of today
        return access.from_physical is None and wanted == tuple(range(len(node.table.columns)))
    return wanted == slots and not any(access.column_reader(slot + 1) for slot in slots)


def _ordering(
    node: l.Scan, access: TableAccess, fixed: int, path: AccessPath | None = None
) -> tuple[tuple[int, bool, bool], ...]:
    """The order that rows come in: the key columns after those fixed to one value."""
    index = path.index if path is not None else node.table.clustered_index
    if index is None or (path is not None and any(c.operator not in ("=", NULL) for c in path.equal)):
        return ()
    by_attribute = {column.attribute: column.id for column in node.columns}
    ordering = []
    for key in index.keys[fixed:] if path is None else entry_order(access, path)[fixed:]:
        column = by_attribute.get(key.column)
        if not key.column or column is None or not access.keeps_order(node.table.column(key.column).type_oid):
            break
        ordering.append((column, key.descending, key.nulls_first))
    return tuple(ordering)


def condition_values(generator: Generator, condition: ColumnCondition) -> str:
    """Code of the list of values a key column may have."""
    generator.namespace["array_values"] = array_values
    if condition.operator == NULL:
        generator.namespace["ONLY_NULL"] = ONLY_NULL
        return "ONLY_NULL"
    if condition.operator == "in":
        assert isinstance(condition.value, tuple)
        return "[" + ", ".join(generator.value(item).text for item in condition.value) + "]"
    assert not isinstance(condition.value, tuple)
    text = generator.value(condition.value).text
    return f"array_values({text})" if condition.operator == "any" else f"[{text}]"


def array_values(array: object) -> Sequence[object]:
    """The elements of an array; none of NULL."""
    return array.elements if array is not None else ()  # type: ignore[attr-defined]


def key_factory(p: Planner, access: TableAccess, path: AccessPath) -> Factory:
    """`run()`: the complete keys a point path names, in key order and each once."""
    generator = p.generator({})
    generator.namespace["encode"] = access.codec(path.index).encode
    generator.namespace["combinations"] = combinations
    if path.single_row:
        values = []
        lines = []
        for position, condition in enumerate(path.equal):
            assert not isinstance(condition.value, tuple)
            code = generator.value(condition.value)
            lines.append(f"v{position} = {code.text}")
            if code.nullable:
                lines.append(f"if v{position} is None: return ()")
            values.append(f"v{position}")
        return compile_factory(generator, "", [*lines, f"return (encode({tuple_text(values)}),)"])
    lists = ", ".join(condition_values(generator, condition) for condition in path.equal)
    return compile_factory(generator, "", [f"return sorted(map(encode, combinations({lists})))"])


def range_factory(p: Planner, access: TableAccess, path: AccessPath) -> Factory:
    """`run()`: the key ranges of a path, in key order."""
    generator = p.generator({})
    if path.nested is not None:
        return _nested_factory(generator, access, path, path.nested)
    generator.namespace["codec"] = access.codec(path.index)
    generator.namespace["ranges_of"] = ranges_of
    lists = ", ".join(condition_values(generator, condition) for condition in path.equal)
    bounds = []
    if path.lower is not None and path.lower.operator == NOT_NULL:
        return compile_factory(generator, "", [f"return ranges_of(codec, [{lists}], None, None, True)"])
    for bound in (path.lower, path.upper):
        if bound is None:
            bounds.append("None")
        else:
            assert not isinstance(bound.value, tuple)
            bounds.append(f"({generator.value(bound.value).text}, {'=' in bound.operator})")
    return compile_factory(generator, "", [f"return ranges_of(codec, [{lists}], {bounds[0]}, {bounds[1]})"])


def _nested_factory(generator: Generator, access: TableAccess, path: AccessPath, condition: ColumnCondition) -> Factory:
    assert not isinstance(condition.value, tuple)
    searches = nested_searches(access.types, access.key_type(path.index.keys[0]), access.codec(path.index))
    generator.namespace["search"] = searches[condition.operator]
    lines = [f"v = {generator.value(condition.value).text}", "return [] if v is None else search(v)"]
    return compile_factory(generator, "", lines)


def wanted_factory(p: Planner, access: TableAccess, path: AccessPath) -> Factory:
    """`run()`: what a gin index is asked for, see InvertedScan."""
    generator = p.generator({})
    index = access.access_of(path.index)
    assert isinstance(index, InvertedAccess)
    lines = ["found = []"]
    for number, (place, condition) in enumerate(path.inverted):
        assert not isinstance(condition.value, tuple)
        generator.namespace[f"search{number}"] = index.keys[place].searches[condition.operator]
        generator.namespace["prefixes"] = index.wanted_prefixes
        lines += [
            f"v{number} = {generator.value(condition.value).text}",
            f"if v{number} is None: return None",
            f"w{number} = search{number}(v{number})",
            f"if w{number} is not None: found.append(prefixes({place}, w{number}))",
        ]
    return compile_factory(generator, "", [*lines, "return found"])
