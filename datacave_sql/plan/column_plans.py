"""Column plans: where a plan works column by column (datacave_sql/vectors) instead of row by row.

A big table scan whose reader does not care about the order of rows gives columns; filters, projections, hash joins and
aggregates above it go on with columns, until something wants rows. Small inputs stay rows: their plans start faster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datacave_core.catalog import FIRST_USER_OID
from datacave_sql.exec.column_aggregate import ColumnAggregate, ColumnStep
from datacave_sql.exec.column_join import ColumnHashJoin, JoinKey
from datacave_sql.exec.column_operator import ColumnOperator, RowsAsColumns
from datacave_sql.exec.column_scan import ColumnPipeline, ColumnScan, ScannedColumn
from datacave_sql.exec.operator import Operator
from datacave_sql.exec.rowfunction import Factory
from datacave_sql.expr import nodes as n
from datacave_sql.functions.aggregate import AggregateBody
from datacave_sql.plan import logical as l
from datacave_sql.plan.keys import null_aware_key
from datacave_sql.table.access import TableAccess
from datacave_sql.vectors.accumulators import Accumulator, accumulator
from datacave_sql.vectors.compile import Compiler
from datacave_sql.vectors.grouping import GroupTable
from datacave_sql.vectors.vector import INTEGERS

COLUMN_ROWS_MIN = 4096.0
"""Tables with fewer rows are read row by row."""

JOIN_KINDS = frozenset({"inner", "left", "semi", "anti"})


def column_operator(operator: Any) -> ColumnOperator | None:
    """The operator, if it gives columns."""
    return operator if hasattr(operator, "open_frames") else None


def fits(expression: n.Expression) -> bool:
    """Whether evaluating an expression once per value or out of order cannot show."""
    return not any(
        isinstance(node, n.FunctionCall)
        and (node.function.volatility == "v" or node.function.is_row_source or node.function.waits)
        for node in n.walk(expression)
    )


def _compiler(p: Any, types: Mapping[int, int]) -> Compiler:
    return Compiler(types, lambda scope, variables: p.generator(scope, *variables))


def column_scan(
    p: Any,
    node: l.Scan,
    access: TableAccess,
    outputs: Sequence[l.OutputColumn],
    filters: Sequence[n.Expression],
    make_ranges: Factory,
    as_of: Factory | None,
    index_name: str | None = None,
    conditions: tuple[str, ...] = (),
    counted_oid: int = 0,
) -> ColumnScan | None:
    """A scan by columns; None for small tables and for what needs keys or whole rows."""
    if p.environment.statistics.row_count(node.table) < COLUMN_ROWS_MIN or not all(map(fits, filters)):
        return None
    used: set[int] = set()
    for part in filters:
        used |= n.columns_used(part)
    wanted = {column.id for column in outputs} | used
    read = [column for column in node.columns if column.id in wanted]
    if not read:
        # Something has to be read to count rows.
        read = [column for column in node.columns if column.attribute > 0][:1]
    if not read or any(column.attribute <= 0 for column in read):
        return None
    types = {column.id: column.type for column in read}
    scanned = tuple(
        ScannedColumn(column.attribute - 1, column.id, column.type, access.column_reader(column.attribute))
        for column in read
    )
    make_filter = _compiler(p, types).conjunction(filters) if filters else None
    columns = tuple(column.id for column in outputs)
    not_null = frozenset(column.id for column in outputs if access.table.column(column.attribute).not_null)
    texts = tuple(p.deparse(part) for part in filters if p.deparse(part) not in conditions)
    return ColumnScan(
        node.table.name, node.alias, make_ranges, scanned, make_filter, columns, not_null, types, index_name,
        conditions, texts, as_of, counted_oid or node.table.oid,
    )  # fmt: skip


def narrowed(operator: ColumnOperator, columns: tuple[int, ...]) -> ColumnPipeline:
    """The same rows with these columns in this order."""
    outputs = tuple((column, None) for column in columns)
    return ColumnPipeline(operator, None, outputs, columns, operator.not_null & frozenset(columns), operator.types)


def column_filter(p: Any, operator: ColumnOperator, conjuncts: Sequence[n.Expression]) -> ColumnPipeline | None:
    """The rows that satisfy the conditions."""
    if not all(map(fits, conjuncts)):
        return None
    make_filter = _compiler(p, operator.types).conjunction(conjuncts)
    outputs = tuple((column, None) for column in operator.columns)
    texts = tuple(p.deparse(part) for part in conjuncts)
    return ColumnPipeline(operator, make_filter, outputs, operator.columns, operator.not_null, operator.types, texts)


def column_projection(
    p: Any,
    operator: ColumnOperator,
    expressions: Sequence[n.Expression],
    columns: Sequence[int],
    conjuncts: Sequence[n.Expression],
) -> ColumnPipeline | None:
    """Filters by the conditions, then computes the expressions."""
    if not all(map(fits, (*expressions, *conjuncts))):
        return None
    compiler = _compiler(p, operator.types)
    make_filter = compiler.conjunction(conjuncts) if conjuncts else None
    outputs = tuple(
        (column, compiler.value(expression)) for column, expression in zip(columns, expressions, strict=True)
    )
    types = {column: expression.type for column, expression in zip(columns, expressions, strict=True)}
    not_null = frozenset(
        column
        for column, expression in zip(columns, expressions, strict=True)
        if isinstance(expression, n.ColumnReference) and expression.column in operator.not_null
    )
    texts = tuple(p.deparse(part) for part in conjuncts)
    return ColumnPipeline(operator, make_filter, outputs, tuple(columns), not_null, types, texts)


def column_join(
    p: Any,
    kind: str,
    left: Operator,
    right: Operator,
    keys: Sequence[tuple[n.Expression, n.Expression]],
    rest: Sequence[n.Expression],
    needed: frozenset[int],
    conditions: Sequence[n.Expression],
) -> ColumnHashJoin | None:
    """A hash join by columns, where one side gives columns already; None where rows serve better."""
    by_columns = (column_operator(left), column_operator(right))
    if kind not in JOIN_KINDS or by_columns == (None, None):
        return None
    if not all(fits(part) for part in (*rest, *(side for pair in keys for side in pair))):
        return None
    mentioned: dict[int, int] = {}
    for part in conditions:
        for node in n.walk(part):
            if isinstance(node, n.ColumnReference):
                mentioned[node.column] = node.type
    left_types = _types_of(p, left, mentioned)
    right_types = _types_of(p, right, mentioned)
    if left_types is None or right_types is None:
        return None
    sides = (_as_columns(left, left_types), _as_columns(right, right_types))
    compilers = (_compiler(p, left_types), _compiler(p, right_types))
    join_keys = tuple(
        JoinKey(
            compilers[0].value(a),
            compilers[1].value(b),
            a.type,
            a.type in INTEGERS and b.type in INTEGERS,
            p.types.comparison_key(a.type),
        )
        for a, b in keys
    )
    types = {**left_types, **right_types}
    used: set[int] = set()
    for part in rest:
        used |= n.columns_used(part)
    columns = tuple(column for column in left.columns if column in needed)
    if kind in ("inner", "left"):
        columns += tuple(column for column in right.columns if column in needed)
    padded = right.not_null if kind != "left" else frozenset()
    return ColumnHashJoin(
        kind,
        *sides,
        join_keys,
        _compiler(p, types).conjunction(rest) if rest else None,
        tuple(column for column in left.columns if column in needed or column in used),
        tuple(
            column
            for column in right.columns
            if column in used or (column in needed and kind in ("inner", "left"))
        ),
        columns,
        frozenset(columns) & (left.not_null | padded),
        types,
        " AND ".join(p.deparse(part) for part in conditions),
    )  # fmt: skip


def _types_of(p: Any, operator: Operator, mentioned: Mapping[int, int]) -> Mapping[int, int] | None:
    """The types of an operator's columns; None if they are not all known."""
    found = column_operator(operator)
    if found is not None:
        return found.types
    types = {column: p.column_types.get(column, mentioned.get(column)) for column in operator.columns}
    return types if all(types.values()) else None


def _as_columns(operator: Operator, types: Mapping[int, int]) -> ColumnOperator:
    found = column_operator(operator)
    return found if found is not None else RowsAsColumns(operator, types, operator.columns, operator.not_null)


def column_aggregate(
    p: Any, node: l.Aggregate, child: Operator, bodies: Sequence[AggregateBody]
) -> ColumnAggregate | None:
    """An aggregate over columns; None where the child gives rows or the order of rows matters."""
    source = column_operator(child)
    if source is None:
        return None
    for call, body in zip(node.aggregates, bodies, strict=True):
        if (
            call.function.oid >= FIRST_USER_OID
            or call.order_by
            or call.direct
            or body.hypothetical
            or body.order_matters
            or body.takes_context
        ):
            return None
    parts = [*node.groups]
    for call in node.aggregates:
        parts += [*call.arguments, *([call.filter] if call.filter is not None else [])]
    if not all(map(fits, parts)):
        return None
    compiler = _compiler(p, source.types)
    types = tuple(group.type for group in node.groups)
    keys = tuple(p.types.comparison_key(one) for one in types)
    steps = tuple(
        ColumnStep(
            tuple(compiler.value(argument) for argument in call.arguments),
            compiler.truth(call.filter) if call.filter is not None else None,
            _accumulators(p, call, body),
        )
        for call, body in zip(node.aggregates, bodies, strict=True)
    )
    columns = tuple(column.id for column in node.columns)
    not_null = frozenset(
        column
        for column, group in zip(columns, node.groups, strict=False)
        if isinstance(group, n.ColumnReference) and group.column in source.not_null
    ) | frozenset(
        column
        for column, call in zip(columns[len(node.groups) :], node.aggregates, strict=False)
        if call.function.name == "count"
    )
    return ColumnAggregate(
        source,
        tuple(compiler.value(group) for group in node.groups),
        lambda: GroupTable(types, keys),
        steps,
        columns,
        not_null,
        ", ".join(p.deparse(group) for group in node.groups),
    )


def _accumulators(p: Any, call: n.AggregateCall, body: AggregateBody) -> Callable[[], Accumulator]:
    types = tuple(argument.type for argument in call.arguments)
    distinct = null_aware_key([p.types.comparison_key(one) for one in types]) if call.distinct else None
    return lambda: accumulator(call.function.name, types, body, distinct)
